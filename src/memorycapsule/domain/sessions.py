"""Sessions: how a person is known to a door."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from memorycapsule.domain.people import LONGEST_NAME, printable
from memorycapsule.errors import UsageProblem


class SessionKind(StrEnum):
    """How a session came to be."""

    HOST = "host"  #: the command line on the machine itself, acting as the admin
    JOINED = "joined"  #: began by accepting an invitation
    OPENED = "opened"  #: began at the link of an opened letter; views and makes films
    VISITED = "visited"  #: began at a member's own link before the opening, or by digits mailed to a member
    SIGNED_IN = "signed_in"  #: began with a mailed link or code: proves the account's address
    TOKEN = "token"  # noqa: S105 - the word, not one  #: a personal token for programs


class Scope(StrEnum):
    """What a session may do at most."""

    READ = "read"  #: see what its account may see
    CONTRIBUTE = "contribute"  #: that, and add, change and remove stories of its own
    EVERYTHING = "everything"  #: whatever its account may

    def covers(self, needed: Scope) -> bool:
        order = list(Scope)
        return order.index(self) >= order.index(needed)


def check_token_scope(scope: Scope) -> None:
    """Raise UsageProblem for what no personal token may do: whoever may do everything is a person."""
    if scope is Scope.EVERYTHING:
        raise UsageProblem("token_scope_impossible")


def checked_token_name(text: str) -> str:
    """Return what a token is called, fit for showing. Raises UsageProblem when nothing of it can be shown."""
    name = printable(text, LONGEST_NAME)
    if not name:
        raise UsageProblem("token_name_empty")
    return name


@dataclass(frozen=True, kw_only=True)
class Session:
    """A session; the store keeps only a digest of its secret."""

    id: str
    account_id: str
    #: The capsule it is for; None for all of the account's.
    capsule_id: str | None
    kind: SessionKind
    #: SHA-256 of the secret, hexadecimal; None for the host's, which needs none.
    digest: str | None
    #: When it proved the account's address by a mailed code.
    proved_at: datetime | None
    created_at: datetime
    ended_at: datetime | None
    scope: Scope = Scope.EVERYTHING
    #: What its person calls it (a token), or the browser and device that it lives in.
    name: str = ""
    #: When it was last used, to the hour.
    seen_at: datetime | None = None


class LinkPurpose(StrEnum):
    """What a mailed link is for."""

    INVITATION = "invitation"
    OPENED = "opened"
    VISIT = "visit"  #: a member's own way back before the opening
    SIGN_IN = "sign_in"
    SET_UP = "set_up"  #: the first sign-in of whoever ran `init`
    CONSENT = "consent"  #: to an earlier date


#: How many small letters and digits 2-7 (RFC 4648, 6) the token of a link has.
TOKEN_LENGTH = 52


def clean_token(text: str) -> str:
    """
    Return the token in what somebody copied of a link: capitals, brackets, full stops and breaks do not matter.

    What is too short for a token is returned as far as its characters are a token's.
    """
    return re.sub("[^a-z2-7]", "", text.lower())[:TOKEN_LENGTH]


@dataclass(frozen=True, kw_only=True)
class Link:
    """A mailed link: its token is derived from the instance key, the store keeps a digest."""

    digest: str
    purpose: LinkPurpose
    #: The invitation, member, account or code that it is for.
    subject_id: str
    rotation: int
    created_at: datetime


class CodePurpose(StrEnum):
    """What a mailed code of six digits proves."""

    SIGN_IN = "sign_in"  #: that the person who types it reads the account's mail
    ADDRESS = "address"  #: that a new address reaches the account's person
    #: that a member reads the account's mail, to whom it is asked for in this browser, below /g/
    COME_BACK = "come_back"


@dataclass(frozen=True, kw_only=True)
class Code:
    """A mailed code; its digits are derived from the instance key and stand nowhere."""

    id: str
    account_id: str
    purpose: CodePurpose
    #: Where it was mailed to, as typed.
    address: str
    #: How often it was typed wrongly.
    tries: int
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
