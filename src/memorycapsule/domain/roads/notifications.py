"""Notifications: short messages to whoever keeps the machine, by roads besides mail."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from memorycapsule.domain.notices import LEAST_INTERVAL, Notice, NoticeKind, is_news
from memorycapsule.domain.reasons import KeptReason
from memorycapsule.domain.waits import is_recent

#: What is older says nothing any more: it does not leave, however long its road was closed.
OUTDATED_AFTER = timedelta(days=3)
#: Sealed capsules that open within this are told of.
SOON = timedelta(days=1)
#: So many pauses without a success between them are no router that starts anew.
LASTING_ROAD_PAUSES = 3


class Road(StrEnum):
    """What notifications leave by."""

    SLACK = "slack"  #: an incoming webhook of Slack, or of what understands the same
    NTFY = "ntfy"  #: a topic of ntfy
    WEBHOOK = "webhook"  #: any receiver, by Standard Webhooks


class NotificationKind(StrEnum):
    """What a notification says."""

    JOINED = "joined"  #: somebody has joined a capsule
    STORIES = "stories"  #: stories were added to one
    OPENING_SOON = "opening_soon"  #: one opens within a day
    OPENED = "opened"
    NOTICE = "notice"  #: something is wrong: a notice
    TEST = "test"  #: somebody tries a road

    @property
    def is_counted(self) -> bool:
        """Whether several of one capsule that wait together become one message."""
        return self in {NotificationKind.JOINED, NotificationKind.STORIES}

    @property
    def is_gathered(self) -> bool:
        """Whether those of several capsules that wait together become one message, as many may share a date."""
        return self in {NotificationKind.OPENING_SOON, NotificationKind.OPENED}


#: What happened, for programs; of notices, `notice.` and their kind.
_TYPES = {
    NotificationKind.JOINED: "member.joined",
    NotificationKind.STORIES: "stories.added",
    NotificationKind.OPENING_SOON: "capsule.opening_soon",
    NotificationKind.OPENED: "capsule.opened",
    NotificationKind.TEST: "test",
}


def type_of(kind: NotificationKind, notice: NoticeKind | None = None) -> str:
    """Return what a notification tells of, for programs: "capsule.opened", "notice.disk"."""
    return f"notice.{notice}" if notice else _TYPES[kind]


class NotificationState(StrEnum):
    """The state of a notification."""

    QUEUED = "queued"  #: waits for its time
    SENT = "sent"  #: the receiver has taken it
    DROPPED = "dropped"  #: it did not leave for so long that it says nothing any more


@dataclass(frozen=True, kw_only=True)
class Notification:
    """One thing to be told by one road."""

    id: str
    road: Road
    kind: NotificationKind
    #: Which notice, where it is one.
    notice: NoticeKind | None
    #: None for what is of the whole instance.
    capsule_id: str | None
    #: Unique: the same thing is not queued twice.
    dedupe_key: str
    #: How many letters, files or the like a notice counts.
    count: int
    state: NotificationState
    #: Counts the times that it was handed over.
    tries: int
    #: What its receiver knows it by; those that left together share it. None before the first try.
    message_id: str | None
    happened_at: datetime
    next_attempt_at: datetime
    queued_at: datetime
    finished_at: datetime | None
    #: Why the last try failed.
    detail: KeptReason | None
    #: Whether what a notice says was still so when that was last looked at.
    is_standing: bool = False

    @property
    def type(self) -> str:
        """What it tells of, for programs."""
        return type_of(self.kind, self.notice)

    @property
    def told_at(self) -> datetime:
        """When it was told, to be no news for a while."""
        return self.queued_at

    def is_of(self, notice: Notice) -> bool:
        """Say whether it tells of this notice, whatever the count."""
        return self.notice is notice.kind and self.capsule_id == notice.capsule_id


@dataclass(frozen=True, kw_only=True)
class RoadState:
    """How far one road has come, and whether it rests."""

    road: Road
    #: The number of the newest event when the road was first used; older ones are not told by it.
    began_after: int
    #: The number of the newest event that was looked at.
    read_until: int
    #: Nothing leaves by it before this.
    paused_until: datetime | None = None
    #: Counts the pauses since something went through.
    pauses: int = 0
    #: Why it rests.
    pause_reason: KeptReason | None = None


def news_for_road(
    notices: Iterable[Notice], told: Collection[Notification], *, is_sending: bool, now: datetime
) -> list[Notice]:
    """
    Return those of `notices` that a road is to tell; `told` are its notifications of what still stands.

    It is news by the rule of letters, and each thing is told by itself, at once.
    """
    return [
        notice
        for notice in notices
        if not notice.is_passing
        and not (is_sending and notice.kind.is_of_letters)
        and is_news(notice, told, now)
    ]


def over_on_road(
    told: Iterable[Notification], notices: Collection[Notice], now: datetime
) -> list[Notification]:
    """Return those of `told` whose notice has ended, so that it is news when it comes back; a day later at least."""
    return [
        one
        for one in told
        if not is_recent(one.queued_at, now, within=LEAST_INTERVAL)
        and not any(one.is_of(notice) for notice in notices)
    ]
