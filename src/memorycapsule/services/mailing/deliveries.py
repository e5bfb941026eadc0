"""Deliveries: letters go from the outbox to the mail server, each at most once unless the admin asks for more."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from memorycapsule.domain.deliveries import Delivery, DeliveryState, is_given_up, wait_after
from memorycapsule.domain.events import Event
from memorycapsule.domain.reasons import kept_reason
from memorycapsule.errors import CapsuleError, DiskFull, NotFound, UsageProblem
from memorycapsule.mail.answers import refusal_of
from memorycapsule.mail.outcomes import Outcome, Transport
from memorycapsule.services.mailing.composing import MailComposer, compose, is_wanted
from memorycapsule.services.mailing.trials import trial_letter
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import events as event_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store.transactions import Store, Transaction

_T = TypeVar("_T")
#: What the instance keeps while letters leave.
NO_PAUSE: Mapping[str, Any] = {"mail_paused_until": None, "mail_pause_reason": None, "mail_pauses": 0}


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What became of the letters of one pass; the ids of deliveries."""

    sent: tuple[str, ...] = ()
    retrying: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def __add__(self, later: Sent) -> Sent:
        """Return both; what became of a letter later stands."""
        names = [field.name for field in dataclasses.fields(Sent)]
        again = {one for name in names for one in getattr(later, name)}
        return Sent(
            **{
                name: (*(one for one in getattr(self, name) if one not in again), *getattr(later, name))
                for name in names
            }
        )


@dataclass(frozen=True, kw_only=True)
class LettersWaiting:
    """All letters wait, as the mail server cannot be used."""

    count: int
    until: datetime
    why: CapsuleError


def due(store: Store, now: datetime, *, most: int | None = None) -> list[Delivery]:
    """Return the letters that would be sent now, were the instance not held: at most `most`, in their order."""
    with store.reading() as tx:
        if instance_store.get(tx).why_letters_wait(now):
            return []
        return [delivery_store.deliveries.get(tx, one) for one in delivery_store.due_ids(tx, now, most=most)]


def letters_waiting(store: Store, now: datetime) -> LettersWaiting | None:
    """Return why no letter leaves now; None when letters leave, or there is none."""
    with store.reading() as tx:
        instance = instance_store.get(tx)
        why, until = instance.why_letters_wait(now), instance.mail_paused_until
        count = delivery_store.count_queued(tx)
    if why is None or until is None or not count:
        return None
    return LettersWaiting(count=count, until=until, why=why)


def send_due(
    store: Store,
    composer: MailComposer,
    connect: Callable[[], AbstractContextManager[Transport]],
    *,
    lease: str,
    is_alone: bool = True,
    give_up_days: int | None,
    is_stopping: Callable[[], bool] = lambda: False,
    make_room: Callable[[], None] = lambda: None,
    clock: Callable[[], datetime],
) -> Sent:
    """
    Send every letter that is due, one recipient per transaction of the mail server, committing after each.

    A letter is claimed (`sending`), composed, and marked (`data_started_at`) before its first byte leaves. So it is
    known after a crash whether it may have arrived (RFC 1047). Before each letter the outbox is asked which one is
    next, so a code does not wait behind a thousand opened letters. When the server as a whole cannot be used, all
    letters wait, longer each time until one goes through. With None for `give_up_days` no letter is given up. Nothing
    is sent while the instance waits to be released. `is_alone` says that no other run can be sending. `make_room` gives
    room back on a disk that is nearly full.
    """
    # This run sends nothing now: a letter that it has still claimed was abandoned.
    settle_abandoned(store, None if is_alone else lease, clock())
    total = Sent()
    with store.reading() as tx:
        is_held = instance_store.get(tx).held is not None
    if is_held or not due(store, clock(), most=1):
        return total
    with connect() as transport:
        if not _is_answering(store, composer, transport, clock):
            return total
        while not is_stopping() and (waiting := due(store, clock(), most=1)):
            make_room()
            total += _send_one(
                store, composer, transport, waiting[0].id, lease, give_up_days, make_room, clock
            )
    return total


def _send_one(
    store: Store,
    composer: MailComposer,
    transport: Transport,
    delivery_id: str,
    lease: str,
    give_up_days: int | None,
    make_room: Callable[[], None],
    clock: Callable[[], datetime],
) -> Sent:
    with store.transaction() as tx:
        delivery = delivery_store.claim(tx, delivery_id, lease, clock())
        if delivery is None:
            return Sent()
        if not is_wanted(tx, delivery, clock()):
            _change(tx, delivery, state=DeliveryState.SUPPRESSED, lease=None, finished_at=clock())
            return Sent()
        try:
            letter = compose(tx, composer, delivery, clock())
        except (UsageProblem, ValueError, TypeError, KeyError) as error:
            # A letter that cannot be written must not stand in the way of all others.
            cause = error if isinstance(error, UsageProblem) else CapsuleError("other", sentence=str(error))
            detail = kept_reason(CapsuleError("letter_not_written", problem=cause))
            _change(
                tx, delivery, state=DeliveryState.REJECTED, lease=None, finished_at=clock(), detail=detail
            )
            return Sent(rejected=(delivery.id,))

    def on_data() -> None:
        _write(store, make_room, lambda tx: _change(tx, delivery, data_started_at=clock()))

    outcome = transport.deliver(
        letter, sender=composer.sender.address, recipient=delivery.address, on_data=on_data
    )
    return _write(store, make_room, lambda tx: _settle(tx, delivery, outcome, give_up_days, clock()))


def _write(store: Store, make_room: Callable[[], None], change: Callable[[Transaction], _T]) -> _T:
    """Commit a change; once more where the disk has filled up meanwhile, since what has left cannot be taken back."""
    try:
        with store.transaction() as tx:
            return change(tx)
    except DiskFull:
        make_room()
        with store.transaction() as tx:
            return change(tx)


def _settle(
    tx: Transaction, delivery: Delivery, outcome: Outcome, give_up_days: int | None, now: datetime
) -> Sent:
    """Write down what became of a letter, and what follows from it for all others."""
    match outcome.state:
        case "sent":
            if instance_store.get(tx).mail_pauses:
                instance_store.change(tx, **NO_PAUSE)
            return _end(tx, delivery, DeliveryState.SENT, outcome, now)
        case "unknown":
            # The next one may end alike, so it goes only after a pause.
            _pause(tx, outcome.detail, now)
            return _end(tx, delivery, DeliveryState.UNKNOWN, outcome, now)
        case "rejected" if not outcome.is_unclear:
            return _end(tx, delivery, DeliveryState.REJECTED, outcome, now)
        case "retry":
            return _wait_alone(tx, delivery, outcome, give_up_days, now)
    # Refused for good: we are, or this one letter is.
    if (
        outcome.recipient_named
        and delivery.answered_at is not None
        and delivery_store.is_one_sent_after(tx, delivery.answered_at)
    ):
        # Letters to others went through after it was refused for the first time: it is this one letter.
        return _wait_alone(tx, delivery, outcome, give_up_days, now)
    taken_back = Sent()
    if outcome.state == "rejected" and not _is_pausing_for(tx, outcome):
        twin = _refused_alike_before(tx, delivery, outcome)
        if twin is None:
            return _end(tx, delivery, DeliveryState.REJECTED, outcome, now)
        delivery_store.take_back_rejection(tx, twin.id, now)
        _record(tx, twin, "waits", now)
        taken_back = Sent(retrying=(twin.id,))
    _pause(tx, outcome.detail, now)
    return taken_back + _requeue(tx, delivery, outcome, give_up_days, now)


def _is_pausing_for(tx: Transaction, outcome: Outcome) -> bool:
    """Return whether the last letters, before any went through, met the same refusal as this one."""
    instance = instance_store.get(tx)
    if not instance.mail_pauses or instance.mail_pause_reason is None:
        return False
    return refusal_of(instance.mail_pause_reason.error) == refusal_of(outcome.detail)


def _refused_alike_before(tx: Transaction, delivery: Delivery, outcome: Outcome) -> Delivery | None:
    """Return the letter to somebody else that ended last, if it met the same refusal."""
    for last in delivery_store.newest_ended(tx, 1):
        if (
            last.state is DeliveryState.REJECTED
            and last.address != delivery.address
            and last.detail is not None
            and refusal_of(last.detail.error) == refusal_of(outcome.detail)
            and delivery_store.is_newest(tx, last)
        ):
            return last
    return None


def _end(tx: Transaction, delivery: Delivery, state: DeliveryState, outcome: Outcome, now: datetime) -> Sent:
    """Write down how a letter ended."""
    _change(
        tx,
        delivery,
        state=state,
        lease=None,
        tries=delivery.tries + 1,
        next_attempt_at=now,
        finished_at=now,
        detail=kept_reason(outcome.detail),
    )
    _record(tx, delivery, state, now)
    return Sent(**{state.value: (delivery.id,)})


def _wait_alone(
    tx: Transaction, delivery: Delivery, outcome: Outcome, give_up_days: int | None, now: datetime
) -> Sent:
    """Let one letter wait for its next try, or give it up."""
    tries = delivery.tries + 1
    answered_at = _answered_at(delivery, outcome, give_up_days, now)
    if (
        give_up_days is not None
        and answered_at is not None
        and is_given_up(answered_at, tries, now, give_up_days)
    ):
        return _end(tx, delivery, DeliveryState.REJECTED, outcome, now)
    return _requeue(
        tx, delivery, outcome, give_up_days, now, tries=tries, next_attempt_at=now + wait_after(tries)
    )


def _requeue(
    tx: Transaction,
    delivery: Delivery,
    outcome: Outcome,
    give_up_days: int | None,
    now: datetime,
    **fields: Any,
) -> Sent:
    """Put a letter back into the outbox; it was certainly not accepted, so the next try starts from nothing."""
    waits = {
        "state": DeliveryState.QUEUED,
        "lease": None,
        "data_started_at": None,
        "next_attempt_at": now,
        "answered_at": _answered_at(delivery, outcome, give_up_days, now),
        "detail": kept_reason(outcome.detail),
    }
    _change(tx, delivery, **(waits | fields))
    _record(tx, delivery, "waits", now)
    return Sent(retrying=(delivery.id,))


def _answered_at(
    delivery: Delivery, outcome: Outcome, give_up_days: int | None, now: datetime
) -> datetime | None:
    """Return when a server first refused a letter, by a clock that was not in doubt; None when none has."""
    if delivery.answered_at is not None and delivery.answered_at <= now:
        return delivery.answered_at
    return now if outcome.recipient_named and give_up_days is not None else None


def _pause(tx: Transaction, why: CapsuleError, now: datetime) -> None:
    """Let all letters wait, longer than the last time if none has gone through since."""
    pauses = instance_store.get(tx).mail_pauses + 1
    instance_store.change(
        tx,
        mail_pauses=pauses,
        mail_paused_until=now + wait_after(pauses),
        mail_pause_reason=kept_reason(why),
    )


def _is_answering(
    store: Store, composer: MailComposer, transport: Transport, clock: Callable[[], datetime]
) -> bool:
    """
    Return whether the server answers letters, as far as is known, and let all wait if it does not.

    A server that broke off after two letters in a row gets a test letter to our own address first, so that a fault of
    days leaves two letters in doubt, and not one for each pause.
    """
    with store.reading() as tx:
        last = delivery_store.newest_ended(tx, 2)
    if len(last) < 2 or not all(_was_broken_off(one) for one in last):
        return True
    address = composer.sender.address
    # The same letter as long as the fault lasts, so that whoever got two can tell that they are one.
    letter = trial_letter(
        composer, address, locale="", mark=last[0].id, date=last[0].finished_at or last[0].queued_at
    )
    outcome = transport.deliver(letter, sender=address, recipient=address, on_data=lambda: None)
    if outcome.state not in {"unknown", "paused"}:
        return True
    with store.transaction() as tx:
        _pause(tx, outcome.detail, clock())
    return False


def _was_broken_off(delivery: Delivery) -> bool:
    """Return whether the server, and not the end of this program, broke off after a letter."""
    if delivery.state is not DeliveryState.UNKNOWN or delivery.detail is None:
        return False
    return delivery.detail.reason != "letter_cut_off"


def _record(tx: Transaction, delivery: Delivery, what: str, now: datetime) -> None:
    event_store.record(
        tx,
        Event(
            kind=f"letter.{what}",
            at=now,
            capsule_id=delivery.capsule_id,
            subject_id=delivery.id,
            facts={"attempt": delivery.attempt, "letter": delivery.kind},
        ),
    )


def _change(tx: Transaction, delivery: Delivery, **fields: Any) -> None:
    if not delivery_store.change_attempt(tx, delivery.id, delivery.attempt, **fields):
        raise NotFound("delivery_taken_over")


def settle_abandoned(store: Store, lease: str | None, now: datetime) -> None:
    """
    Settle letters that nobody sends any more: those of runs that are not alive.

    Those of `lease` are among them: it is for a run that sends none now. With None, all that are claimed: this run
    works alone. A letter goes back to the outbox if none of its bytes had left. Otherwise it is `unknown`, and never
    sent again by itself.
    """
    with store.reading() as tx:
        found = delivery_store.abandoned(tx, lease)
    for one in found:
        with store.transaction() as tx:
            for delivery in delivery_store.abandoned(tx, lease, only=one.id):
                _settle_abandoned(tx, delivery, now)


def _settle_abandoned(tx: Transaction, delivery: Delivery, now: datetime) -> None:
    if delivery.data_started_at is None:
        fields: dict[str, Any] = {"state": DeliveryState.QUEUED, "lease": None, "next_attempt_at": now}
    else:
        fields = {
            "state": DeliveryState.UNKNOWN,
            "lease": None,
            "finished_at": now,
            "detail": kept_reason(CapsuleError("letter_cut_off")),
        }
        _record(tx, delivery, DeliveryState.UNKNOWN, now)
    delivery_store.change_attempt(tx, delivery.id, delivery.attempt, **fields)
