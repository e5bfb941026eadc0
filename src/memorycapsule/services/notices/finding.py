"""
What is wrong at this moment: a pure reading of the rows and of what looks at the machine have shown.

A new kind of notice gets a name in `domain/notices.py`, a function here that finds it, a sentence in `errors.po`, and
what to do about it in `notices.po`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from memorycapsule import disk
from memorycapsule.domain.deliveries import Delivery, DeliveryState
from memorycapsule.domain.instances import Instance
from memorycapsule.domain.notices import Notice, NoticeKind
from memorycapsule.domain.reasons import kept_reason
from memorycapsule.domain.roads.notifications import LASTING_ROAD_PAUSES, Road
from memorycapsule.errors import CapsuleError, DamagedRow
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import events as event_store
from memorycapsule.store import fixity as fixity_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store import notices as notice_store
from memorycapsule.store.roads import notifications as notification_store
from memorycapsule.store.transactions import Store, Transaction

#: A beat takes no longer, even on a busy machine.
LATE = timedelta(minutes=15)
#: Letters that have waited so often for a mail server do not wait for a router that starts.
LASTING_PAUSES = 3
#: Greylisting lets a letter through sooner.
LONG_PUT_OFF = timedelta(days=1)
#: So many names stand in a sentence.
_MOST_NAMES = 5


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What looks at the machine have shown, which no row knows."""

    #: Why the clock cannot be trusted.
    clock_doubt: CapsuleError | None
    #: Why there are no stored files, although the database knows some.
    absence: CapsuleError | None
    #: Space on the disk of the data folder.
    free_bytes: int
    #: So many days may pass without a backup; 0 for any number.
    backup_days: int
    #: How many files lie in the trash, and how large they are together.
    trash_files: int
    trash_bytes: int
    #: Whether letters go to a mail server, and do not become files.
    has_mail_server: bool
    #: The roads besides mail that are set.
    roads: tuple[Road, ...] = ()


def notices(
    store: Store, surroundings: Surroundings, *, late: timedelta = LATE, now: datetime
) -> list[Notice]:
    """
    Return all that is wrong now, the gravest kinds first, as `NoticeKind` has them.

    A capsule that is still sealed `late` after its date has not opened; until then, the next beat may open it.
    """
    with store.reading() as tx:
        instance = instance_store.get(tx)
        found = [
            *_clock(surroundings),
            *_hold(instance),
            *_openings(tx, instance, surroundings, late, now),
            *_files(surroundings),
            *_rehearsals(tx),
            *_damage(tx),
            *_letters(tx),
            *_mail(tx, instance, surroundings, now),
            *_films(tx),
            *_disk(surroundings),
            *_backup(tx, instance, surroundings, now),
            *_unknown_files(tx, instance, surroundings),
            *_roads(tx, surroundings),
        ]
    order = list(NoticeKind)
    return sorted(found, key=lambda notice: order.index(notice.kind))


def _clock(surroundings: Surroundings) -> Iterator[Notice]:
    if surroundings.clock_doubt:
        yield Notice(kind=NoticeKind.CLOCK, says=kept_reason(surroundings.clock_doubt))


def _hold(instance: Instance) -> Iterator[Notice]:
    if instance.hold:
        yield Notice(kind=NoticeKind.HELD, says=instance.hold)


def _openings(
    tx: Transaction, instance: Instance, surroundings: Surroundings, late: timedelta, now: datetime
) -> Iterator[Notice]:
    if instance.hold:
        says, late = CapsuleError("notice_opening_held"), timedelta(0)
    elif surroundings.clock_doubt:
        says, late = CapsuleError("notice_opening_clock"), timedelta(0)
    else:
        says = CapsuleError("notice_opening_late")
    for capsule_id in capsule_store.due_ids(tx, now - late):
        yield Notice(kind=NoticeKind.OPENING, capsule_id=capsule_id, says=kept_reason(says))


def _files(surroundings: Surroundings) -> Iterator[Notice]:
    if surroundings.absence:
        yield Notice(kind=NoticeKind.FILES, says=kept_reason(surroundings.absence))


def _rehearsals(tx: Transaction) -> Iterator[Notice]:
    for capsule_id, problem in capsule_store.rehearsal_problems(tx).items():
        says = kept_reason(CapsuleError("notice_rehearsal", problem=problem.error))
        yield Notice(kind=NoticeKind.REHEARSAL, capsule_id=capsule_id, says=says)


def _damage(tx: Transaction) -> Iterator[Notice]:
    for capsule_id, count in fixity_store.count_damaged(tx).items():
        says = kept_reason(CapsuleError("notice_damage", count=count))
        yield Notice(kind=NoticeKind.DAMAGE, capsule_id=capsule_id, says=says, count=count)


def _letters(tx: Transaction) -> Iterator[Notice]:
    missed: dict[tuple[DeliveryState, str | None], list[Delivery]] = defaultdict(list)
    for letter in notice_store.missed_letters(tx):
        missed[letter.state, letter.capsule_id].append(letter)
    for (state, capsule_id), letters in missed.items():
        names = [_name(letter) for letter in letters[:_MOST_NAMES]]
        named = ", ".join([*names, "…"] if len(letters) > _MOST_NAMES else names)
        if state is DeliveryState.REJECTED:
            kind = NoticeKind.REJECTED_LETTERS
            problem = letters[-1].detail.error if letters[-1].detail else CapsuleError("mail_refused")
            says = CapsuleError("notice_letters_rejected", count=len(letters), names=named, problem=problem)
        else:
            kind = NoticeKind.UNKNOWN_LETTERS
            says = CapsuleError("notice_letters_unknown", count=len(letters), names=named)
        yield Notice(kind=kind, capsule_id=capsule_id, says=kept_reason(says), count=len(letters))


def _name(letter: Delivery) -> str:
    """Return what the recipient of a letter is called, or their address; that also where the row is damaged."""
    try:
        return str(letter.fields["recipient"]["name"] or letter.address)
    except (DamagedRow, KeyError, TypeError):
        return letter.address


def _mail(tx: Transaction, instance: Instance, surroundings: Surroundings, now: datetime) -> Iterator[Notice]:
    if not surroundings.has_mail_server:
        return
    tried = instance.mail_problem
    if tried and instance.mail_tried_at and not delivery_store.is_one_sent_after(tx, instance.mail_tried_at):
        yield _no_mail(tried.error)
    elif instance.mail_pauses and instance.mail_pause_reason:
        yield _no_mail(instance.mail_pause_reason.error, is_passing=instance.mail_pauses < LASTING_PAUSES)
    elif problem := _put_off(tx, now):
        yield _no_mail(problem)


def _put_off(tx: Transaction, now: datetime) -> CapsuleError | None:
    """Return what a server says that puts letters to several people off for a day, and takes none."""
    waiting = delivery_store.newest_put_off(tx, now - LONG_PUT_OFF, 2)
    if (
        len({one.address for one in waiting}) < 2
        or waiting[0].answered_at is None
        or waiting[0].detail is None
    ):
        return None
    is_any_taken = delivery_store.is_one_sent_after(tx, waiting[0].answered_at)
    return None if is_any_taken else waiting[0].detail.error


def _no_mail(problem: CapsuleError, *, is_passing: bool = False) -> Notice:
    says = kept_reason(CapsuleError("notice_mail", problem=problem))
    return Notice(kind=NoticeKind.MAIL, says=says, is_passing=is_passing)


def _films(tx: Transaction) -> Iterator[Notice]:
    says = kept_reason(CapsuleError("notice_film_failed"))
    for montage in notice_store.failed_opening_films(tx):
        yield Notice(kind=NoticeKind.FILM, capsule_id=montage.capsule_id, says=says)
    for montage in notice_store.cut_off_opening_films(tx):
        says = kept_reason(CapsuleError("notice_film_cut_off", count=montage.interruptions))
        yield Notice(kind=NoticeKind.CUT_OFF_FILM, capsule_id=montage.capsule_id, says=says)


def _disk(surroundings: Surroundings) -> Iterator[Notice]:
    if surroundings.free_bytes < disk.LOW_BYTES:
        megabytes = surroundings.free_bytes // 1_000_000
        says = kept_reason(CapsuleError("notice_disk", free=megabytes))
        yield Notice(kind=NoticeKind.DISK, says=says)


def _backup(
    tx: Transaction, instance: Instance, surroundings: Surroundings, now: datetime
) -> Iterator[Notice]:
    """Yield that the newest backup is old. Without any, days count from when there was first something to lose."""
    since = instance.backed_up_at or notice_store.first_medium_at(tx)
    if since is None or not surroundings.backup_days:
        return
    # A backup that a wrong clock has dated is as good as an old one.
    days = abs(now - since).days
    if days >= surroundings.backup_days:
        reason = CapsuleError(
            "notice_backup_old" if instance.backed_up_at else "notice_backup_none", count=days
        )
        yield Notice(kind=NoticeKind.BACKUP, says=kept_reason(reason))


def _unknown_files(tx: Transaction, instance: Instance, surroundings: Surroundings) -> Iterator[Notice]:
    """Yield that the last sweep left files where they are, or else that some lie in the trash."""
    swept = event_store.last_facts(tx, "blobs.swept", instance.id)
    if left := int(swept.get("left") or 0):
        says = CapsuleError("notice_files_left", count=left)
        yield Notice(kind=NoticeKind.UNKNOWN_FILES, says=kept_reason(says), count=left)
    elif count := surroundings.trash_files:
        size = f"{surroundings.trash_bytes / 1e6:.1f}"
        says = CapsuleError("notice_files_in_trash", count=count, size=size)
        yield Notice(kind=NoticeKind.UNKNOWN_FILES, says=kept_reason(says), count=count)


def _roads(tx: Transaction, surroundings: Surroundings) -> Iterator[Notice]:
    failing = notification_store.resting(tx, surroundings.roads, least_pauses=LASTING_ROAD_PAUSES)
    problem = next((one.pause_reason for one in failing if one.pause_reason), None)
    if problem:
        names = [str(one.road) for one in failing]
        says = CapsuleError("notice_roads", roads=names, problem=problem.error)
        yield Notice(kind=NoticeKind.ROADS, says=kept_reason(says), count=len(failing))
