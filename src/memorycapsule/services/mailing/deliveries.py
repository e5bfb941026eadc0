"""
Deliveries: what follows from a mail server's answer, for the letter and for all others.

Each letter leaves the outbox at most once unless the admin asks for more; `mailing.sending` does it.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from memorycapsule.domain.deliveries import LEAST_TRIES, Delivery, DeliveryState, is_given_up, wait_after
from memorycapsule.domain.events import Event
from memorycapsule.domain.reasons import kept_reason
from memorycapsule.errors import CapsuleError, DamagedRow, NotFound
from memorycapsule.mail.answers import refusal_of
from memorycapsule.mail.outcomes import Outcome
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import events as event_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store.transactions import Store, Transaction

#: What the instance keeps while letters leave.
NO_PAUSE: Mapping[str, Any] = {"mail_paused_until": None, "mail_pause_reason": None, "mail_pauses": 0}


#: What became of letters in one step: the names of the fields of `Sent`, by the ids of deliveries.
Became = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What became of the letters of one pass; the ids of deliveries."""

    sent: tuple[str, ...] = ()
    retrying: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @classmethod
    def of(cls, became: Became) -> Sent:
        """Return what became of letters, in this order."""
        names = [field.name for field in dataclasses.fields(cls)]
        return cls(**{name: tuple(one for one, what in became.items() if what == name) for name in names})

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


def due(store: Store, now: datetime) -> list[Delivery]:
    """Return the letters that would be sent now, were the instance not held, in their order."""
    with store.reading() as tx:
        if instance_store.get(tx).why_letters_wait(now):
            return []
        return [delivery_store.deliveries.get(tx, one) for one in delivery_store.due_ids(tx, now)]


def count_queued(store: Store) -> int:
    """Return how many letters wait to be sent, whatever for."""
    with store.reading() as tx:
        return delivery_store.count_queued(tx)


def letters_waiting(store: Store, now: datetime) -> LettersWaiting | None:
    """Return why no letter leaves now; None when letters leave, or there is none."""
    with store.reading() as tx:
        instance = instance_store.get(tx)
        why, until = instance.why_letters_wait(now), instance.mail_paused_until
        count = delivery_store.count_queued(tx)
    if why is None or until is None or not count:
        return None
    return LettersWaiting(count=count, until=until, why=why)


def settle(
    tx: Transaction,
    delivery: Delivery,
    outcome: Outcome,
    give_up_days: int | None,
    now: datetime,
    *,
    ends_pauses: bool,
) -> Became:
    """
    Write down what became of a letter that this attempt holds, and what follows from it for all others.

    `ends_pauses` says that letters had been made to wait when it was claimed: one that was begun before that says
    nothing about it. Raises NotFound where another run of the program has taken it over.
    """
    match outcome.state:
        case "sent":
            if ends_pauses and not instance_store.get(tx).why_letters_wait(now):
                instance_store.change(tx, **NO_PAUSE)
            return _end(tx, delivery, DeliveryState.SENT, outcome, now)
        case "unknown":
            # The next one may end alike, so it goes only after a pause.
            pause(tx, outcome.detail, now)
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
    taken_back: Became = {}
    if outcome.state == "rejected" and not _is_pausing_for(tx, outcome):
        twin = _refused_alike_before(tx, delivery, outcome)
        if twin is None:
            return _end(tx, delivery, DeliveryState.REJECTED, outcome, now)
        delivery_store.take_back_rejection(tx, twin.id, now)
        _record(tx, twin, "waits", now)
        taken_back = {twin.id: "retrying"}
    pause(tx, outcome.detail, now)
    return taken_back | _requeue(tx, delivery, outcome, give_up_days, now)


def _is_pausing_for(tx: Transaction, outcome: Outcome) -> bool:
    """Return whether the last letters, before any went through, met the same refusal as this one."""
    instance = instance_store.get(tx)
    if not instance.mail_pauses or instance.mail_pause_reason is None:
        return False
    return refusal_of(instance.mail_pause_reason.error) == refusal_of(outcome.detail)


def _refused_alike_before(tx: Transaction, delivery: Delivery, outcome: Outcome) -> Delivery | None:
    """
    Return the letter to somebody else that ended last, if it met the same refusal.

    One that was given up after days of tries is none: it was not ended by this one refusal.
    """
    for last in delivery_store.newest_ended(tx, 1):
        if (
            last.state is DeliveryState.REJECTED
            and last.address != delivery.address
            and last.tries < LEAST_TRIES
            and last.detail is not None
            and refusal_of(last.detail.error) == refusal_of(outcome.detail)
            and delivery_store.is_newest(tx, last)
        ):
            return last
    return None


def reject_unreadable_next(tx: Transaction, now: datetime) -> Became:
    """Give up the letter that would be sent next if its row cannot be read; say which, or nothing if it can."""
    why = kept_reason(CapsuleError("letter_not_written", problem=DamagedRow("letter_row_damaged")))
    rejected = delivery_store.reject_unreadable_next(tx, why, now)
    if rejected is None:
        return {}
    # Some of it may be damaged that is not written anew.
    with contextlib.suppress(DamagedRow):
        _record(tx, delivery_store.deliveries.get(tx, rejected), DeliveryState.REJECTED, now)
    return {rejected: DeliveryState.REJECTED.value}


def _end(
    tx: Transaction, delivery: Delivery, state: DeliveryState, outcome: Outcome, now: datetime
) -> Became:
    """Write down how a letter ended."""
    change(
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
    return {delivery.id: state.value}


def _wait_alone(
    tx: Transaction, delivery: Delivery, outcome: Outcome, give_up_days: int | None, now: datetime
) -> Became:
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
) -> Became:
    """Put a letter back into the outbox; it was certainly not accepted, so the next try starts from nothing."""
    waits = {
        "state": DeliveryState.QUEUED,
        "lease": None,
        "data_started_at": None,
        "next_attempt_at": now,
        "answered_at": _answered_at(delivery, outcome, give_up_days, now),
        "detail": kept_reason(outcome.detail),
    }
    change(tx, delivery, **(waits | fields))
    _record(tx, delivery, "waits", now)
    return {delivery.id: "retrying"}


def _answered_at(
    delivery: Delivery, outcome: Outcome, give_up_days: int | None, now: datetime
) -> datetime | None:
    """Return when a server first refused a letter, by a clock that was not in doubt; None when none has."""
    if delivery.answered_at is not None and delivery.answered_at <= now:
        return delivery.answered_at
    return now if outcome.recipient_named and give_up_days is not None else None


def pause(tx: Transaction, why: CapsuleError, now: datetime) -> None:
    """Let all letters wait, longer than the last time if none has gone through since; unless they do already."""
    instance = instance_store.get(tx)
    if instance.why_letters_wait(now):
        # What several connections meet at the same time is one fault.
        return
    pauses = instance.mail_pauses + 1
    instance_store.change(
        tx,
        mail_pauses=pauses,
        mail_paused_until=now + wait_after(pauses),
        mail_pause_reason=kept_reason(why),
    )


def was_broken_off(delivery: Delivery) -> bool:
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


def change(tx: Transaction, delivery: Delivery, **fields: Any) -> None:
    """Change a letter that this attempt holds. Raises NotFound where another run has taken it over."""
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
        found = delivery_store.abandoned_ids(tx, lease)
    for one in found:
        with store.transaction() as tx:
            for delivery in _abandoned(tx, lease, one):
                _settle_abandoned(tx, delivery, now)


def _abandoned(tx: Transaction, lease: str | None, delivery_id: str) -> list[Delivery]:
    """Return a letter if nobody sends it any more. Raises DamagedRow where more than its last answer is damaged."""
    try:
        return delivery_store.abandoned(tx, lease, only=delivery_id)
    except DamagedRow:
        # Nobody can read the answer to an earlier try, and this one needs no more than that it was begun.
        delivery_store.forget_answer(tx, delivery_id)
        return delivery_store.abandoned(tx, lease, only=delivery_id)


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
