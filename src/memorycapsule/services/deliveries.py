"""Deliveries: letters go from the outbox to the mail server, each at most once unless the admin asks for more."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from memorycapsule.domain.deliveries import Delivery, DeliveryState, is_given_up, wait_after
from memorycapsule.domain.events import Event
from memorycapsule.domain.people import checked_address
from memorycapsule.domain.reasons import kept_reason
from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import CapsuleError, MailRefused, NotAllowed, NotFound, UsageProblem
from memorycapsule.mail.letters import Recipient, TrialLetter, write
from memorycapsule.mail.outcomes import Outcome
from memorycapsule.services.letters import MailComposer, compose, is_wanted
from memorycapsule.services.wakes import Wake
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import events as event_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store import invitations as invitation_store
from memorycapsule.store.transactions import Store, Transaction

#: How long all letters wait when the server cannot be reached: a router restarts within minutes.
UNREACHABLE_PAUSE = timedelta(seconds=20)
#: How long all letters wait when the server refuses us, as with a wrong password: a person has to act.
REFUSED_PAUSE = timedelta(minutes=5)


class Transport(Protocol):
    """What delivers letters: `mail.smtp.SmtpSession` or `mail.mailbox.Mailbox`."""

    def deliver(self, letter: bytes, *, sender: str, recipient: str, on_data: Callable[[], None]) -> Outcome:
        """Hand one letter over; `on_data` is called before the first byte of it leaves, if that can be lost."""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What became of the letters of one pass; the ids of deliveries."""

    sent: tuple[str, ...] = ()
    retrying: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def __add__(self, other: Sent) -> Sent:
        return Sent(
            sent=self.sent + other.sent,
            retrying=self.retrying + other.retrying,
            rejected=self.rejected + other.rejected,
            unknown=self.unknown + other.unknown,
        )


def due(store: Store, now: datetime) -> list[Delivery]:
    """Return the letters that would be sent now."""
    with store.reading() as tx:
        paused_until = instance_store.get(tx).mail_paused_until
        if paused_until and now < paused_until:
            return []
        return [delivery_store.deliveries.get(tx, one) for one in delivery_store.due_ids(tx, now)]


def send_due(
    store: Store,
    composer: MailComposer,
    connect: Callable[[], AbstractContextManager[Transport]],
    *,
    lease: str,
    give_up_days: int,
    is_stopping: Callable[[], bool] = lambda: False,
    clock: Callable[[], datetime],
) -> Sent:
    """
    Send every letter that is due, one recipient per transaction of the mail server, committing after each.

    A letter is claimed (`sending`), composed, and marked (`data_started_at`) before its first byte leaves. So it is
    known after a crash whether it may have arrived (RFC 1047). When the server as a whole cannot be used, the pass
    ends and all letters wait a little.
    """
    # This run sends nothing now: a letter that is still claimed was abandoned, by whatever run.
    settle_abandoned(store, None, clock())
    waiting = due(store, clock())
    if not waiting:
        return Sent()
    total = Sent()
    with connect() as transport:
        for delivery in waiting:
            if is_stopping():
                break
            outcome, ended = _send_one(store, composer, transport, delivery.id, lease, give_up_days, clock)
            total += ended
            if outcome and _is_outage(outcome):
                pause = REFUSED_PAUSE if outcome.state == "paused" else UNREACHABLE_PAUSE
                with store.transaction() as tx:
                    instance_store.change(
                        tx,
                        mail_paused_until=clock() + pause,
                        mail_pause_reason=kept_reason(outcome.detail),
                    )
                return total
    with store.transaction() as tx:
        instance_store.change(tx, mail_paused_until=None, mail_pause_reason=None)
    return total


def _send_one(
    store: Store,
    composer: MailComposer,
    transport: Transport,
    delivery_id: str,
    lease: str,
    give_up_days: int,
    clock: Callable[[], datetime],
) -> tuple[Outcome | None, Sent]:
    with store.transaction() as tx:
        delivery = delivery_store.claim(tx, delivery_id, lease, clock())
        if delivery is None:
            return None, Sent()
        if not is_wanted(tx, delivery, clock()):
            _change(tx, delivery, state=DeliveryState.SUPPRESSED, lease=None, finished_at=clock())
            return None, Sent()
        try:
            letter = compose(tx, composer, delivery, clock())
        except (UsageProblem, ValueError, TypeError, KeyError) as error:
            # A letter that cannot be written must not stand in the way of all others.
            cause = error if isinstance(error, UsageProblem) else CapsuleError("other", sentence=str(error))
            detail = kept_reason(CapsuleError("letter_not_written", problem=cause))
            _change(
                tx, delivery, state=DeliveryState.REJECTED, lease=None, finished_at=clock(), detail=detail
            )
            return None, Sent(rejected=(delivery.id,))

    def on_data() -> None:
        with store.transaction() as tx:
            _change(tx, delivery, data_started_at=clock())

    outcome = transport.deliver(
        letter, sender=composer.sender.address, recipient=delivery.address, on_data=on_data
    )
    now = clock()
    with store.transaction() as tx:
        state, next_attempt_at = _next_state(delivery, outcome, give_up_days, now)
        is_over = state is not DeliveryState.QUEUED
        _change(
            tx,
            delivery,
            state=state,
            lease=None,
            # Without a server there was no try: an outage does not make the waits between tries longer.
            tries=delivery.tries + (not _is_outage(outcome)),
            # Certainly not accepted: the next attempt starts from nothing.
            **({} if is_over else {"data_started_at": None}),
            next_attempt_at=next_attempt_at,
            finished_at=now if is_over else None,
            detail=kept_reason(outcome.detail),
        )
        event_store.record(
            tx,
            Event(
                kind=f"letter.{state if is_over else 'waits'}",
                at=now,
                capsule_id=delivery.capsule_id,
                subject_id=delivery.id,
                facts={"attempt": delivery.attempt, "letter": delivery.kind},
            ),
        )
    names = {
        DeliveryState.SENT: "sent",
        DeliveryState.REJECTED: "rejected",
        DeliveryState.UNKNOWN: "unknown",
    }
    return outcome, Sent(**{names.get(state, "retrying"): (delivery.id,)})


def _next_state(
    delivery: Delivery, outcome: Outcome, give_up_days: int, now: datetime
) -> tuple[DeliveryState, datetime]:
    match outcome.state:
        case "sent":
            return DeliveryState.SENT, now
        case "rejected":
            return DeliveryState.REJECTED, now
        case "unknown":
            return DeliveryState.UNKNOWN, now
    if _is_outage(outcome):
        return DeliveryState.QUEUED, now  # the whole outbox pauses; this letter is as good as any other
    if is_given_up(delivery.queued_at, now, give_up_days):
        return DeliveryState.REJECTED, now
    return DeliveryState.QUEUED, now + wait_after(delivery.tries + 1)


def _is_outage(outcome: Outcome) -> bool:
    """Say whether every other letter would have ended in the same way."""
    return outcome.state == "paused"


def _change(tx: Transaction, delivery: Delivery, **fields: Any) -> None:
    if not delivery_store.change_attempt(tx, delivery.id, delivery.attempt, **fields):
        raise NotFound("delivery_taken_over")


def settle_abandoned(store: Store, lease: str | None, now: datetime) -> None:
    """
    Settle letters that nobody sends any more: those claimed by other runs than `lease`, or by any run for None.

    A letter goes back to the outbox if none of its bytes had left. Otherwise it is `unknown`, and never sent again
    by itself.
    """
    with store.transaction() as tx:
        for delivery in delivery_store.abandoned(tx, lease):
            if delivery.data_started_at is None:
                fields: dict[str, Any] = {
                    "state": DeliveryState.QUEUED,
                    "lease": None,
                    "next_attempt_at": now,
                }
            else:
                fields = {
                    "state": DeliveryState.UNKNOWN,
                    "lease": None,
                    "finished_at": now,
                    "detail": kept_reason(CapsuleError("letter_cut_off")),
                }
                event_store.record(
                    tx,
                    Event(
                        kind="letter.unknown",
                        at=now,
                        capsule_id=delivery.capsule_id,
                        subject_id=delivery.id,
                        facts={"attempt": delivery.attempt, "letter": delivery.kind},
                    ),
                )
            delivery_store.change_attempt(tx, delivery.id, delivery.attempt, **fields)


def _wanted(tx: Transaction, delivery_id: str, now: datetime) -> Delivery:
    """Return a letter that somebody still waits for. Raises NotFound, NotAllowed."""
    found = delivery_store.deliveries.find(tx, delivery_id)
    if found is None:
        raise NotFound("letter_unknown", letter=delivery_id)
    if not is_wanted(tx, found, now):
        raise NotAllowed("letter_not_wanted")
    return found


def send_again(
    store: Store, wake: Wake, viewer: Viewer, delivery_id: str | None, *, now: datetime
) -> list[Delivery]:
    """
    Have letters tried again because the admin asks for it, and return them.

    A waiting letter is tried at once; a rejected or unknown one is queued anew under the next number. None as the
    id means all that wait or were rejected, but none that may have arrived. Raises NotFound, and NotAllowed for
    anybody but the admin.
    """
    if not viewer.is_admin:
        raise NotAllowed("only_admin_sends_again")
    with store.transaction() as tx:
        instance_store.change(tx, mail_paused_until=None, mail_pause_reason=None)
        if delivery_id is None:
            wanted = [
                delivery
                for delivery in delivery_store.all_deliveries(tx)
                if delivery.state is DeliveryState.QUEUED
                or (delivery.state is DeliveryState.REJECTED and delivery_store.is_newest(tx, delivery))
            ]
            wanted = [delivery for delivery in wanted if is_wanted(tx, delivery, now)]
        else:
            wanted = [_wanted(tx, delivery_id, now)]
        again = []
        for delivery in wanted:
            if delivery.state is DeliveryState.QUEUED:
                renewed = dataclasses.replace(delivery, next_attempt_at=now)
                if not delivery_store.make_due(tx, delivery.id, now):
                    continue  # taken to be sent at this moment
            elif delivery.state in {DeliveryState.REJECTED, DeliveryState.UNKNOWN}:
                stem, _colon, number = delivery.dedupe_key.rpartition(":")
                renewed = dataclasses.replace(
                    delivery,
                    id=str(uuid.uuid4()),
                    dedupe_key=f"{stem}:{int(number) + 1}",
                    state=DeliveryState.QUEUED,
                    attempt=0,
                    tries=0,
                    lease=None,
                    data_started_at=None,
                    next_attempt_at=now,
                    queued_at=now.replace(microsecond=0),
                    finished_at=None,
                    detail=None,
                )
                if not delivery_store.deliveries.add_once(tx, renewed):
                    raise NotAllowed("letter_queued_already")
                if delivery.invitation_id:
                    # The invitation counts its letters too; the next one of the owner's must be another.
                    invitation = invitation_store.invitations.get(tx, delivery.invitation_id)
                    counted = dataclasses.replace(invitation, letters=int(number) + 1)
                    invitation_store.invitations.save(tx, counted)
            elif delivery.state is DeliveryState.SENDING:
                raise NotAllowed("letter_being_sent")
            elif delivery.state is DeliveryState.SENT:
                raise NotAllowed("letter_sent_already")
            else:
                raise NotAllowed("letter_suppressed")
            wake(tx, "letters", renewed.id)
            again.append(renewed)
    return again


def send_trial(
    composer: MailComposer,
    connect: Callable[[], AbstractContextManager[Transport]],
    address: str,
    *,
    locale: str,
    now: datetime,
) -> CapsuleError:
    """
    Send a test letter now, past the outbox, and return what was answered, as the log of deliveries would keep it.

    Raises UsageProblem, MailRefused when the server takes no letter of ours, or CapsuleError for this one.
    """
    recipient, sender = checked_address(address), composer.sender
    letter = write(
        TrialLetter(
            recipient=Recipient(address=recipient, name=None, locale=locale), public_url=composer.base_url
        ),
        sender=sender,
        message_id=f"<test.{uuid.uuid4()}@{sender.address.rpartition('@')[2]}>",
        date=now.replace(microsecond=0),
    )
    with connect() as transport:
        outcome = transport.deliver(letter, sender=sender.address, recipient=recipient, on_data=lambda: None)
    match outcome.state:
        case "sent":
            return outcome.detail
        case "paused":
            raise outcome.detail.as_kind(MailRefused)
        case "unknown":
            raise CapsuleError("trial_letter_unknown", problem=outcome.detail)
        case _:
            raise CapsuleError("trial_letter_refused", problem=outcome.detail)
