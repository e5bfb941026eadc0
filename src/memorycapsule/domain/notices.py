"""
Notices: what is wrong at this moment and somebody should know, who that is, and when they are told once more.

Nothing here is kept but what people have been told. What is wrong is read anew from the rows and from looks at the
machine, so a notice ends by itself when its cause does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from memorycapsule.domain.reasons import KeptReason
from memorycapsule.domain.waits import is_due_again, is_recent

#: A letter tells all there is to tell. Nobody gets the next one sooner, unless a capsule does not open.
LEAST_INTERVAL = timedelta(days=1)
#: The login at the mail server is tried so often, and so long before each opening.
TRIAL_INTERVAL = timedelta(days=7)
TRIALS_BEFORE_OPENING = (timedelta(days=7), timedelta(days=1))
#: A login that failed is tried again after this.
FAILED_TRIAL_INTERVAL = timedelta(hours=1)
#: What lasts is told again after this.
TOLD_AGAIN_AFTER = timedelta(days=30)


class NoticeKind(StrEnum):
    """What is wrong."""

    CLOCK = "clock"  #: the clock cannot be trusted, and nothing opens
    HELD = "held"  #: restored, or of an older database: nothing opens or leaves until it is released
    OPENING = "opening"  #: the date of a capsule has come, and it is still sealed
    FILES = "files"  #: there are none, as where their disk is not mounted
    REHEARSAL = "rehearsal"  #: something of an opening would fail
    DAMAGE = "damage"  #: stored bytes are missing or not what they were
    REJECTED_LETTERS = "rejected_letters"  #: refused for good
    UNKNOWN_LETTERS = "unknown_letters"  #: perhaps they arrived, perhaps not
    MAIL = "mail"  #: the mail server takes no letters from us
    FILM = "film"  #: the film of an opening failed
    CUT_OFF_FILM = "cut_off_film"  #: it is tried again and again, and ended from outside each time
    DISK = "disk"  #: little space is left
    BACKUP = "backup"  #: there is none, or the newest is old
    UNKNOWN_FILES = "unknown_files"  #: no row knows them
    ROADS = "roads"  #: notifications do not leave by one of the roads besides mail

    @property
    def is_of_capsule(self) -> bool:
        """Whether it is about one capsule, whose owner is told."""
        return self in _OF_CAPSULES

    @property
    def keeps_sealed(self) -> bool:
        """Whether it keeps capsules from opening: this is told at once."""
        return self in {NoticeKind.CLOCK, NoticeKind.HELD, NoticeKind.OPENING}

    @property
    def is_grave(self) -> bool:
        """Whether something that was promised does not hold at this moment; the others may lead to that."""
        return self not in {
            NoticeKind.DISK,
            NoticeKind.BACKUP,
            NoticeKind.UNKNOWN_FILES,
            NoticeKind.ROADS,
        }

    @property
    def is_unready(self) -> bool:
        """Whether `/readyz` says no; files that no row knows are kept, and notifications wait, without any harm."""
        return self not in {NoticeKind.UNKNOWN_FILES, NoticeKind.ROADS}

    @property
    def is_of_letters(self) -> bool:
        """Whether it counts letters that failed: while others are being sent, those are not yet all there are."""
        return self in {NoticeKind.REJECTED_LETTERS, NoticeKind.UNKNOWN_LETTERS}


_OF_CAPSULES = frozenset(
    {
        NoticeKind.OPENING,
        NoticeKind.REHEARSAL,
        NoticeKind.DAMAGE,
        NoticeKind.REJECTED_LETTERS,
        NoticeKind.UNKNOWN_LETTERS,
        NoticeKind.FILM,
        NoticeKind.CUT_OFF_FILM,
    }
)


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something that is wrong now."""

    kind: NoticeKind
    #: The capsule that it is about, whose owner is told; None for the whole instance, of which the admin is told.
    capsule_id: str | None = None
    #: What to say of it: a sentence of `errors.po`.
    says: KeptReason
    #: How many letters, files or the like; more of them are news.
    count: int = 1
    #: Whether it may be over in a minute: it is shown, and no letter tells of it.
    is_passing: bool = False


class Told(Protocol):
    """That a notice was told, by whatever road."""

    @property
    def count(self) -> int:
        """How many there were then."""
        ...

    @property
    def told_at(self) -> datetime:
        """When that was."""
        ...

    def is_of(self, notice: Notice) -> bool:
        """Say whether it was this notice, whatever the count."""
        ...


@dataclass(frozen=True, kw_only=True)
class ToldNotice:
    """That somebody was told of a notice."""

    id: str
    account_id: str
    kind: NoticeKind
    #: The capsule of the notice, '' for the whole instance.
    capsule_id: str
    #: How many there were then.
    count: int
    told_at: datetime

    def is_of(self, notice: Notice) -> bool:
        """Say whether it was this notice, whatever the count."""
        return self.kind is notice.kind and self.capsule_id == (notice.capsule_id or "")


def is_letter_due(
    notices: Iterable[Notice], told: Collection[ToldNotice], *, is_sending: bool, now: datetime
) -> bool:
    """
    Say whether somebody is to get a letter with all of `notices`; `told` is what they were told before.

    There must be news: a notice that was not told yet, one that counts more than when it was told, or one that was
    told a month ago. The next letter comes a day after the last one, or at once where news is of what keeps a
    capsule sealed. While letters are being sent (`is_sending`), those that failed are not yet all there are, so they
    are no news.
    """
    news = [
        notice
        for notice in notices
        if is_news(notice, told, now) and not (is_sending and notice.kind.is_of_letters)
    ]
    is_quiet = not any(is_recent(one.told_at, now, within=LEAST_INTERVAL) for one in told)
    return bool(news) and (is_quiet or any(_is_urgent(notice, told) for notice in news))


def is_trial_due(
    tried_at: datetime | None, openings: Iterable[datetime], *, has_failed: bool, now: datetime
) -> bool:
    """
    Say whether the login at the mail server is to be tried, in time to mend it before an opening.

    `tried_at` is when it was last tried, `has_failed` whether it failed then, and `openings` are dates to come.
    """
    interval = FAILED_TRIAL_INTERVAL if has_failed else TRIAL_INTERVAL
    if tried_at is None or is_due_again(tried_at, now, every=interval):
        return True
    return any(tried_at < at - before <= now for at in openings for before in TRIALS_BEFORE_OPENING)


def is_news(notice: Notice, told: Iterable[Told], now: datetime) -> bool:
    """Say whether a notice was not told yet, counts more than when it was told, or was told a month ago."""
    before = next((one for one in told if one.is_of(notice)), None)
    if before is None or notice.count > before.count:
        return True
    return not is_recent(before.told_at, now, within=TOLD_AGAIN_AFTER)


def _is_urgent(notice: Notice, told: Iterable[ToldNotice]) -> bool:
    return notice.kind.keeps_sealed and not any(one.is_of(notice) for one in told)
