"""Montages: the rows of a capsule's films, and their states."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from memorycapsule.domain.capsules import Member
from memorycapsule.domain.people import printable
from memorycapsule.domain.reasons import KeptReason, reason_fields
from memorycapsule.errors import CapsuleError, NotAllowed, UsageProblem

LONGEST_TITLE = 200
#: After so many failures a montage has failed; the letters do not wait any longer.
MOST_FAILURES = 3
#: A montage is tried again after so long; each further time, after twice as long.
FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=1)
#: A film that was cut off so often is no matter of a restart: most likely the machine lacks memory.
LASTING_INTERRUPTIONS = 8


class MontageState(StrEnum):
    """The state of a montage."""

    QUEUED = "queued"  #: waits for a worker
    RENDERING = "rendering"  #: a worker holds it, under an attempt token
    READY = "ready"  #: the film is there
    DEGRADED = "degraded"  #: the film is there without a picture that could not be used; the report names it
    FAILED = "failed"  #: there is no film; the report says why
    CANCELLED = "cancelled"  #: taken back before it was ready

    @property
    def is_over(self) -> bool:
        return self not in {MontageState.QUEUED, MontageState.RENDERING}

    @property
    def has_film(self) -> bool:
        return self in {MontageState.READY, MontageState.DEGRADED}


@dataclass(frozen=True, kw_only=True)
class Omission(KeptReason):
    """Something that a film does without, or why there is none."""

    #: Id of the medium or, where its words are missing, of the story; SONG; '' when it is about the film itself.
    #: Pages say it in their reader's language by this.
    of: str


#: `Omission.of` where the song is missing.
SONG = "soundtrack"


def omission_of(one: str, error: CapsuleError) -> Omission:
    """Return the line of a report on a medium, a story, the song or ('') the film itself."""
    return Omission(of=one, **reason_fields(error))


def omissions_of(errors: Mapping[str, CapsuleError]) -> list[Omission]:
    """Return the omissions of a report; `errors` say by the ids of media why they cannot be used."""
    return [omission_of(one, error) for one, error in errors.items()]


def content_omissions(report: Iterable[Omission]) -> tuple[Omission, ...]:
    """Return the omissions that name what is missing, without those that only say what delayed the film."""
    return tuple(omission for omission in report if omission.of)


#: Why a film that is over cannot be cancelled.
_OVER = {
    MontageState.READY: "film_ready_already",
    MontageState.DEGRADED: "film_ready_already",
    MontageState.FAILED: "film_failed_already",
    MontageState.CANCELLED: "film_cancelled_already",
}


@dataclass(frozen=True, kw_only=True)
class Montage:
    """The row of one film: of the film made at opening, or of a further one of chosen stories."""

    id: str
    capsule_id: str
    #: Whether it is the film made at opening; one per capsule.
    is_opening: bool
    #: The member who asked for it; None for the opening film.
    member_id: str | None
    state: MontageState
    #: Chosen stories in the chosen order; empty for all in chronological order.
    story_ids: tuple[str, ...]
    soundtrack_blob: str | None
    #: Counts attempts; a result is accepted only from the current one.
    attempt: int
    #: Counts attempts that failed by themselves; one that was cut off is not one of them.
    failures: int
    #: The run of the program that renders it; void once that run has ended.
    lease: str | None
    #: 0..1.
    progress: float
    seconds: float | None
    film_blob: str | None
    poster_blob: str | None
    #: The montage plan as JSON, from the first attempt that came so far.
    plan: str | None
    #: What was left out or went wrong.
    report: tuple[Omission, ...]
    queued_at: datetime
    not_before: datetime
    finished_at: datetime | None
    #: How long it shall be: "short", "full" or seconds; None for the usual length.
    length: str | None = None
    #: The theme whose soundtrack was chosen; `soundtrack_blob` goes before it.
    music: str | None = None
    #: What it is called; '' for one that goes by its capsule's title.
    title: str = ""

    @property
    def interruptions(self) -> int:
        """How many attempts were cut off from outside, the present one apart."""
        return max(0, self.attempt - self.failures - 1)

    @property
    def wait_after_interruption(self) -> timedelta:
        """How long it waits after its present attempt was cut off from outside: the longer, the more often it was."""
        return min(FIRST_RETRY * (1 << min(self.interruptions, 16)), LONGEST_RETRY)

    @property
    def wait_after_kill(self) -> timedelta:
        """How long it waits after its machine was killed: at first not at all, since few are killed by their film."""
        if not self.interruptions:
            return timedelta(0)
        return min(FIRST_RETRY * (1 << min(self.interruptions - 1, 16)), LONGEST_RETRY)

    def check_cancelled_by(self, member: Member) -> None:
        """Raise NotAllowed unless a member may cancel it: the one who asked for it or the owner, until it is over."""
        if self.is_opening:
            raise NotAllowed("opening_film_stays")
        if self.state.is_over:
            raise NotAllowed(_OVER[self.state])
        if member.id != self.member_id and not member.is_owner:
            raise NotAllowed("film_of_other_member")

    def check_retried_by(self, member: Member | None) -> None:
        """
        Raise NotAllowed unless a member may have it tried again: the one who asked for it or the owner.

        Only one that failed, or waits for its next try, can be. None is the admin, who may have it wherever it can be.
        """
        if self.state not in {MontageState.QUEUED, MontageState.FAILED}:
            raise NotAllowed("film_not_failed")
        if member and member.id != self.member_id and not member.is_owner:
            raise NotAllowed("film_retry_of_other_member")

    def may_be_retried_by(self, member: Member) -> bool:
        """Say whether it failed and a member may have it tried again."""
        try:
            self.check_retried_by(member)
        except NotAllowed:
            return False
        return self.state is MontageState.FAILED

    def tried_again(self, now: datetime) -> Montage:
        """Return it as one that is tried at once, and whose failures are forgotten."""
        return dataclasses.replace(
            self,
            state=MontageState.QUEUED,
            failures=0,
            report=content_omissions(self.report) if self.plan else (),
            not_before=now,
            finished_at=None,
        )

    def may_be_cancelled_by(self, member: Member) -> bool:
        """Say whether a member may cancel it."""
        try:
            self.check_cancelled_by(member)
        except NotAllowed:
            return False
        return True


def queued_montage(
    *,
    montage_id: str,
    capsule_id: str,
    member_id: str | None = None,
    story_ids: tuple[str, ...] = (),
    soundtrack_blob: str | None,
    length: str | None = None,
    music: str | None = None,
    title: str = "",
    now: datetime,
) -> Montage:
    """Return a montage that waits for a worker; without a member, it is the film made at opening."""
    return Montage(
        id=montage_id,
        capsule_id=capsule_id,
        is_opening=member_id is None,
        member_id=member_id,
        state=MontageState.QUEUED,
        story_ids=story_ids,
        soundtrack_blob=soundtrack_blob,
        attempt=0,
        failures=0,
        lease=None,
        progress=0.0,
        seconds=None,
        film_blob=None,
        poster_blob=None,
        plan=None,
        report=(),
        queued_at=now,
        not_before=now,
        finished_at=None,
        length=length,
        music=music,
        title=title,
    )


def checked_title(text: str | None) -> str:
    """Return a film's title on one line, '' for none. Raises UsageProblem for one that is too long."""
    title = printable(text or "", LONGEST_TITLE + 1)
    if len(title) > LONGEST_TITLE:
        raise UsageProblem("film_title_too_long", limit=LONGEST_TITLE)
    return title
