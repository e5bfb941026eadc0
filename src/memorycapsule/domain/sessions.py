"""Sessions: how a person is known to a door."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class SessionKind(StrEnum):
    """How a session came to be."""

    HOST = "host"  #: the command line on the machine itself, acting as the admin
    JOINED = "joined"  #: began by accepting an invitation
    OPENED = "opened"  #: began at the link of an opened letter; views and makes films


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


class LinkPurpose(StrEnum):
    """What a mailed link is for."""

    INVITATION = "invitation"
    OPENED = "opened"


@dataclass(frozen=True, kw_only=True)
class Link:
    """A mailed link: its token is derived from the instance key, the store keeps a digest."""

    digest: str
    purpose: LinkPurpose
    #: The invitation or the member it is for.
    subject_id: str
    rotation: int
    created_at: datetime
