"""
What commands ask of an instance: of the one on this machine (`local`), or of a distant daemon's (`distant`).

Both answer in the models of `schemas` and refuse with the errors of the services, so that a command is written once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from memorycapsule.cli.files import StoredMedium
    from memorycapsule.domain.capsules import Role
    from memorycapsule.domain.opening_dates import OpeningDate
    from memorycapsule.domain.sessions import Scope
    from memorycapsule.errors import CapsuleError
    from memorycapsule.schemas.capsule_lines import CapsuleLine
    from memorycapsule.schemas.capsules import Capsule
    from memorycapsule.schemas.date_requests import Wish
    from memorycapsule.schemas.invitations import Invitation, RemindedAnswer, SentInvitation
    from memorycapsule.schemas.members import Member, MemberLine
    from memorycapsule.schemas.montages import Montage
    from memorycapsule.schemas.rescheduling import Rescheduled
    from memorycapsule.schemas.sessions import MadeToken, Token
    from memorycapsule.schemas.stories import Story
    from memorycapsule.services.capsule_files import Song


@dataclass(frozen=True, kw_only=True)
class Attaching:
    """How files get into a story."""

    #: Takes a file and its place in the story, None for the place after the last; returns None when it was stopped
    #: in the middle of it. Raises MediaRefused, and Postponed.
    attach: Callable[[Path, int | None], StoredMedium | None]
    #: How many files are attached at the same time.
    at_once: int


class AnyInstance(Protocol):
    """
    An instance, as whoever acts there.

    `reference` is the short name of a capsule or its id. What goes wrong raises what the services raise; on the way
    to a distant daemon Unreachable as well, where nothing is lost.
    """

    def capsules(self) -> list[CapsuleLine]:
        """Return the capsules in a list, the next to open first."""
        ...

    def capsule(self, reference: str) -> Capsule:
        """Return a capsule with all that may be seen of it."""
        ...

    def parse_date(self, text: str, zone: str) -> OpeningDate:
        """Return the opening date that somebody typed. Raises UsageProblem."""
        ...

    def reschedule(self, reference: str, date: OpeningDate) -> Rescheduled:
        """Move the date later, or ask for an earlier one."""
        ...

    def waiting_request(self, reference: str) -> Wish | None:
        """Return the wish for an earlier date that waits for answers."""
        ...

    def consent(self, reference: str, *, is_given: bool) -> Wish:
        """Say yes or no to an earlier date."""
        ...

    def members(self, reference: str) -> list[MemberLine]:
        """Return the members, and the former ones whose story is in the capsule."""
        ...

    def change_role(self, reference: str, member_id: str, role: Role) -> Member:
        """Make a member a contributor or a recipient."""
        ...

    def hand_over(self, reference: str, member_id: str) -> Member:
        """Make another member the owner."""
        ...

    def remove_member(self, reference: str, member_id: str) -> Member:
        """Take a member out of a capsule."""
        ...

    def leave(self, reference: str, *, takes_stories: bool) -> Member:
        """Leave a capsule, with all stories of one's own or without them."""
        ...

    def invite(
        self,
        reference: str,
        *,
        addresses: Sequence[str],
        role: Role,
        name: str | None,
        locale: str | None,
        again: bool,
    ) -> list[SentInvitation]:
        """Invite all of these addresses or none; `again` makes new links for those that are invited already."""
        ...

    def revoke(self, reference: str, addresses: Sequence[str]) -> list[Invitation]:
        """Take the invitations of all of these addresses back, or of none."""
        ...

    def remind(self, reference: str) -> RemindedAnswer:
        """Remind those who are silent, and return who gets a letter."""
        ...

    def why_letters_wait(self) -> CapsuleError | None:
        """Return why no letter leaves at this moment; None when letters leave, and where that is not known."""
        ...

    def tokens(self) -> list[Token]:
        """Return one's personal tokens that have not ended, the newest first."""
        ...

    def create_token(self, *, name: str, scope: Scope) -> MadeToken:
        """Make a personal token."""
        ...

    def end_token(self, reference: str) -> Token:
        """End a personal token by its name or id."""
        ...

    def stories(self, reference: str) -> list[Story]:
        """Return the stories of a capsule that may be seen."""
        ...

    def story(self, story_id: str) -> Story:
        """Return a story that may be seen."""
        ...

    def add_story(self, reference: str, *, title: str | None, text: str | None) -> str:
        """Add a story and return its id."""
        ...

    def next_position(self, story_id: str) -> int | None:
        """Return the place after the last medium; None for a story that one may add to but not read."""
        ...

    def attaching(
        self, story_id: str, paths: Sequence[Path], stop: threading.Event
    ) -> AbstractContextManager[Attaching]:
        """Get ready to attach these files, and show how far that is; `stop` ends it early."""
        ...

    def edit_story(
        self, story_id: str, *, title: str | None, text: str | None, captions: Mapping[str, str]
    ) -> Story:
        """Change what is not None, and the captions of these media."""
        ...

    def remove_story(self, story_id: str) -> None:
        """Remove a story with all that is in it, for good."""
        ...

    def remove_medium(self, medium_id: str) -> None:
        """Remove a photo, clip or voice note, for good."""
        ...

    def save_original(self, medium_id: str, sink: BinaryIO) -> None:
        """Write a photo, clip or voice note to `sink` as it came."""
        ...

    def montages(self, reference: str) -> list[Montage]:
        """Return the films of an open capsule, with how far they are."""
        ...

    def make_montage(
        self,
        reference: str,
        *,
        stories: Sequence[str],
        title: str | None,
        length: str | None,
        music: str | None,
        song: Song | None,
    ) -> Montage:
        """Queue a further film, with a song of one's own or the music of a theme."""
        ...

    def finish_montage(self, montage_id: str) -> Montage:
        """Wait until a film is over, show how far it is, and return it as it ended."""
        ...

    def cancel_montage(self, montage_id: str) -> Montage:
        """Take a further film back before it is ready."""
        ...

    def retry_montage(self, montage_id: str) -> Montage:
        """Have a film that failed made again."""
        ...

    def save_film(self, montage_id: str, sink: BinaryIO) -> None:
        """Write a film to `sink`, all of it."""
        ...
