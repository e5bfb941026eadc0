"""Capsules, their members, and the one change of state in a capsule's life."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from memorycapsule.domain.opening_dates import OpeningDate
from memorycapsule.domain.people import printable, storable
from memorycapsule.errors import UsageProblem

#: "Grandma's" is one word.
_APOSTROPHE_IN_WORD = re.compile(r"(?<=\w)['’ʼ＇](?=\w)")

LONGEST_TITLE = 200
LONGEST_MESSAGE = 5000
MOST_FILM_PHOTOS = 2000


class CapsuleState(StrEnum):
    """The state of a capsule; it only ever moves from sealed to open."""

    SEALED = "sealed"  #: nobody sees more than their own stories
    OPEN = "open"  #: every member sees everything


class Role(StrEnum):
    """What a member is in one capsule."""

    OWNER = "owner"  #: made it (or was handed it): edits, invites, and adds stories
    CONTRIBUTOR = "contributor"  #: adds stories
    RECIPIENT = "recipient"  #: only receives it on the day


@dataclass(frozen=True, kw_only=True)
class Capsule:
    """A capsule. Title, message and cover are visible before the date; the forms say so."""

    id: str
    #: For the command line; unique among the capsules of the account that made it.
    slug: str
    title: str
    message: str | None
    theme: str
    state: CapsuleState
    #: What people meant: naive wall time, its zone, and 1 for the second of two equal wall times.
    opens_local: datetime
    zone: str
    fold: int
    #: Derived from them with the zone rules of version `zone_rules`; aware UTC.
    opens_at: datetime
    zone_rules: str
    #: How many pictures the film takes at most.
    film_photos: int
    soundtrack_blob: str | None
    cover_blob: str | None
    #: age recipient that everything in it is sealed to.
    recipient: str
    #: 1: the private key is wrapped to the instance key and to the recovery key.
    seal_level: int
    #: Counts openings (0 or 1); part of the compare-and-swap.
    generation: int
    #: The account that made it; slugs are unique per account.
    made_by: str
    created_at: datetime
    opened_at: datetime | None
    #: The theme whose soundtrack was chosen instead of its own; a song of people's own goes before it.
    music: str | None = None
    #: The language of what the film says itself, by its BCP 47 name; None for that of whoever made it.
    film_language: str | None = None

    @property
    def is_open(self) -> bool:
        return self.state is CapsuleState.OPEN

    def is_due(self, now: datetime) -> bool:
        """Say whether it is sealed and its date has come."""
        return self.state is CapsuleState.SEALED and self.opens_at <= now

    def accepts_stories(self, now: datetime) -> bool:
        """Say whether stories may be added, edited and removed: until the date, never after."""
        return self.state is CapsuleState.SEALED and now < self.opens_at

    def with_date(self, date: OpeningDate) -> Capsule:
        """Return it with another opening date."""
        return dataclasses.replace(
            self,
            opens_local=date.local,
            zone=date.zone,
            fold=date.fold,
            opens_at=date.at,
            zone_rules=date.rules,
        )


@dataclass(frozen=True, kw_only=True)
class Member:
    """An account's part in one capsule; at most one per account and capsule."""

    id: str
    capsule_id: str
    account_id: str
    role: Role
    #: A display name of its own: grandmother in one capsule, Younghee in another.
    name: str
    joined_at: datetime
    #: When they left or were removed; their stories stay unless they removed them first.
    left_at: datetime | None = None
    #: When they saw the unsealing, which nobody is shown twice.
    unsealed_at: datetime | None = None
    #: When they were last reminded that there is room for a story of theirs.
    reminded_at: datetime | None = None

    @property
    def may_add_stories(self) -> bool:
        return self.role is not Role.RECIPIENT

    @property
    def is_owner(self) -> bool:
        return self.role is Role.OWNER


@dataclass(frozen=True, kw_only=True)
class Contribution:
    """How much a member has put in; never what."""

    member: Member
    stories: int
    photos: int
    clips: int
    voices: int = 0


def checked_title(text: str) -> str:
    """Return a capsule's title fit for showing. Raises UsageProblem when it is empty or longer than 200."""
    title = printable(text, LONGEST_TITLE + 1)
    if not title:
        raise UsageProblem("title_empty")
    if len(title) > LONGEST_TITLE:
        raise UsageProblem("title_too_long", limit=LONGEST_TITLE)
    return title


def checked_message(text: str | None) -> str | None:
    """Return the words that invitations carry, or None. Raises UsageProblem above 5,000 characters."""
    kept = storable(text or "").strip()
    if len(kept) > LONGEST_MESSAGE:
        raise UsageProblem("message_too_long", limit=LONGEST_MESSAGE)
    return kept or None


def checked_film_photos(count: int) -> int:
    """Return the largest number of pictures in the film, 1..2000. Raises UsageProblem outside of that."""
    if not 1 <= count <= MOST_FILM_PHOTOS:
        raise UsageProblem("film_photos_impossible", most=MOST_FILM_PHOTOS, given=count)
    return count


def parse_film_photos(text: str) -> int:
    """Return the largest number of pictures in the film, as it was typed. Raises UsageProblem unless 1..2000."""
    try:
        count = int(text)
    except ValueError as error:
        raise UsageProblem("film_photos_impossible", most=MOST_FILM_PHOTOS, given=text) from error
    return checked_film_photos(count)


def slug_of(title: str) -> str:
    """Return a short name for the command line: lower-case words of the title (any script) with hyphens."""
    # Vowels and tones of Thai or Hindi are marks, which are no letters and yet belong to the word before them.
    text = "".join(
        character if character.isalnum() or unicodedata.category(character) in {"Mn", "Mc"} else " "
        for character in _APOSTROPHE_IN_WORD.sub("", unicodedata.normalize("NFC", title).lower())
    )
    words = [word for word in text.split() if any(character.isalnum() for character in word)]
    return "-".join(words)[:40].strip("-") or "capsule"
