"""
Sending: one pass over the outbox, over one connection to the mail server or several at the same time.

A letter costs two commits. One says that its first byte may leave (`data_started_at`). The other says what became of
it, and claims the next letter. So it is known after a crash whether a letter may have arrived (RFC 1047).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from memorycapsule.domain.deliveries import Delivery, DeliveryState
from memorycapsule.errors import CapsuleError, DamagedRow, DiskFull, UsageProblem
from memorycapsule.journal import journal
from memorycapsule.mail.outcomes import Outcome, Transport
from memorycapsule.services.mailing import deliveries
from memorycapsule.services.mailing.composing import MailComposer, compose, is_wanted
from memorycapsule.services.mailing.deliveries import Became, Sent
from memorycapsule.services.mailing.trials import trial_letter
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store.transactions import Store, Transaction

_T = TypeVar("_T")
#: What a letter raises whose row holds something that cannot be written.
_UNWRITABLE = (DamagedRow, UsageProblem, ValueError, TypeError, KeyError, AttributeError)


def send_due(
    store: Store,
    composer: MailComposer,
    connect: Callable[[], AbstractContextManager[Transport]],
    *,
    connections: int = 1,
    lease: str,
    is_alone: bool = True,
    give_up_days: int | None,
    is_stopping: Callable[[], bool] = lambda: False,
    make_room: Callable[[], None] = lambda: None,
    clock: Callable[[], datetime],
) -> Sent:
    """
    Send every letter that is due, one recipient per transaction of the mail server.

    Before each letter the outbox is asked which one is next, so a code does not wait behind a thousand opened letters.
    When the server as a whole cannot be used, all letters wait, longer each time until one goes through. With None for
    `give_up_days` no letter is given up. Nothing is sent while the instance waits to be released. `is_alone` says that
    no other run can be sending. `make_room` gives room back on a disk that is nearly full.

    A pass begins with one connection. The others, `connections` in all, join one by one while letters go through it:
    a server that refuses us is asked once, and one that breaks off leaves few letters in doubt.
    """
    # This run sends nothing now: a letter that it has still claimed was abandoned.
    deliveries.settle_abandoned(store, None if is_alone else lease, clock())
    if not _is_any_due(store, clock()):
        return Sent()
    one_pass = _Pass(
        store=store,
        composer=composer,
        connect=connect,
        most_others=connections - 1,
        lease=lease,
        give_up_days=give_up_days,
        is_stopping=is_stopping,
        make_room=make_room,
        clock=clock,
    )
    return one_pass.run()


def _is_any_due(store: Store, now: datetime) -> bool:
    with store.reading() as tx:
        instance = instance_store.get(tx)
        return not (instance.held or instance.why_letters_wait(now)) and delivery_store.is_any_due(tx, now)


@dataclass(frozen=True, kw_only=True)
class _Turn:
    """A letter that was claimed; None where it was not wanted any more."""

    delivery: Delivery | None = None
    #: Writes it.
    write: Callable[[], bytes] = bytes
    #: Whether letters had been made to wait, and none had gone through since.
    ends_pauses: bool = False


@dataclass(frozen=True, kw_only=True)
class _Tried:
    """A letter that was tried, and how that ended."""

    delivery: Delivery
    outcome: Outcome
    ends_pauses: bool


@dataclass(kw_only=True)
class _Pass:
    """A pass, and what its connections share."""

    store: Store
    composer: MailComposer
    connect: Callable[[], AbstractContextManager[Transport]]
    #: How many connections may join the first one.
    most_others: int
    lease: str
    give_up_days: int | None
    is_stopping: Callable[[], bool]
    make_room: Callable[[], None]
    clock: Callable[[], datetime]
    others: list[threading.Thread] = field(default_factory=list)
    #: One of them writes at a time. SQLite would have the others sleep and look again.
    writes: threading.Lock = field(default_factory=threading.Lock)
    is_cut_off: threading.Event = field(default_factory=threading.Event)
    failures: list[Exception] = field(default_factory=list)
    became: Became = field(default_factory=dict)

    def run(self) -> Sent:
        """Send all that is due. Raises what a connection raised, once all have ended."""
        with self.connect() as transport:
            if not self._is_answering(transport):
                return Sent()
            try:
                self._send(transport, is_first=True)
            except BaseException:
                self.is_cut_off.set()
                raise
            finally:
                for thread in self.others:
                    thread.join()
            if self.failures:
                raise self.failures[0]
            if self.others:
                # What they have given back since.
                self.most_others = 0
                self._send(transport, is_first=True)
        return Sent.of(self.became)

    def _send(self, transport: Transport, *, is_first: bool) -> None:
        """Send letters over one connection until none is due, all wait, or somebody ends the pass."""
        tried: _Tried | None = None
        while turn := self._next(tried):
            tried = None
            if turn.delivery is None:
                continue
            outcome = self._hand_over(transport, turn.delivery, turn.write)
            if not is_first and outcome.state == "paused" and not outcome.recipient_named:
                self._give_back(turn.delivery, outcome)
                return
            tried = _Tried(delivery=turn.delivery, outcome=outcome, ends_pauses=turn.ends_pauses)
            if is_first and outcome.state == "sent" and len(self.others) < self.most_others:
                self._begin_another()

    def _next(self, tried: _Tried | None) -> _Turn | None:
        """Write down what became of the last letter, and claim the next one; None if there is none to be sent."""
        self.make_room()
        try:
            became, turn = self._write(lambda tx: (self._settled(tx, tried), self._claimed(tx)))
        except Exception as error:
            if tried is not None:
                # Whatever is wrong with the next letter, what is known of this one must not be lost.
                self._note(self._write(lambda tx: self._settled(tx, tried)))
            if isinstance(error, DamagedRow) and (rejected := self._write(self._reject_unreadable)):
                self._note(rejected)
                return _Turn()
            raise
        self._note(became)
        return turn

    def _reject_unreadable(self, tx: Transaction) -> Became:
        """Give up the next letter if its row cannot even be read, so that it stands in the way of no other one."""
        return deliveries.reject_unreadable_next(tx, self.clock())

    def _write(self, change: Callable[[Transaction], _T]) -> _T:
        """Commit a change; once more where the disk has filled up meanwhile: what has left cannot be taken back."""
        with self.writes:
            try:
                with self.store.transaction() as tx:
                    return change(tx)
            except DiskFull:
                self.make_room()
                with self.store.transaction() as tx:
                    return change(tx)

    def _note(self, became: Became) -> None:
        for delivery_id, what in became.items():
            # What became of a letter later stands, and in its order.
            self.became.pop(delivery_id, None)
            self.became[delivery_id] = what

    def _settled(self, tx: Transaction, tried: _Tried | None) -> Became:
        if tried is None:
            return {}
        return deliveries.settle(
            tx,
            tried.delivery,
            tried.outcome,
            self.give_up_days,
            self.clock(),
            ends_pauses=tried.ends_pauses,
        )

    def _claimed(self, tx: Transaction) -> _Turn | None:
        if self.is_cut_off.is_set() or self.is_stopping():
            return None
        now = self.clock()
        instance = instance_store.get(tx)
        if instance.held or instance.why_letters_wait(now):
            return None
        delivery = delivery_store.claim_next(tx, self.lease, now)
        if delivery is None:
            return None
        try:
            if is_wanted(tx, delivery, now):
                write = compose(tx, self.composer, delivery, now)
                return _Turn(delivery=delivery, write=write, ends_pauses=bool(instance.mail_pauses))
        except _UNWRITABLE as error:
            return _Turn(delivery=delivery, write=_raising(error))
        deliveries.change(tx, delivery, state=DeliveryState.SUPPRESSED, lease=None, finished_at=now)
        return _Turn()

    def _hand_over(self, transport: Transport, delivery: Delivery, write: Callable[[], bytes]) -> Outcome:
        try:
            letter = write()
        except _UNWRITABLE as error:
            # A letter that cannot be written must not stand in the way of all others.
            cause = error if isinstance(error, CapsuleError) else CapsuleError("other", sentence=str(error))
            return Outcome(state="rejected", detail=CapsuleError("letter_not_written", problem=cause))

        def on_data() -> None:
            self._write(lambda tx: deliveries.change(tx, delivery, data_started_at=self.clock()))

        sender = self.composer.sender.address
        return transport.deliver(letter, sender=sender, recipient=delivery.address, on_data=on_data)

    def _begin_another(self) -> None:
        # Python would wait at its end for other threads, and so for a mail server that hangs.
        thread = threading.Thread(
            target=self._send_beside, name=f"letters {len(self.others) + 2}", daemon=True
        )
        self.others.append(thread)
        thread.start()

    def _send_beside(self) -> None:
        """Send letters over a further connection."""
        try:
            with self.connect() as transport:
                self._send(transport, is_first=False)
        except Exception as error:  # noqa: BLE001 - the pass raises it
            self.is_cut_off.set()
            self.failures.append(error)

    def _give_back(self, delivery: Delivery, outcome: Outcome) -> None:
        """
        Put a letter back that a further connection could not even begin with.

        Servers let in so many connections of one client. The first connection finds out whether it is more than that.
        """
        waits = {"state": DeliveryState.QUEUED, "lease": None, "data_started_at": None}
        self._write(lambda tx: deliveries.change(tx, delivery, **waits))
        journal.info("letters.connection_refused", reason=outcome.detail.reason)

    def _is_answering(self, transport: Transport) -> bool:
        """
        Return whether the server answers letters, as far as is known, and let all wait if it does not.

        A server that broke off after two letters in a row gets a test letter to our own address first, so that a fault
        of days leaves two letters in doubt, and not one for each pause.
        """
        with self.store.reading() as tx:
            last = delivery_store.newest_ended(tx, 2)
        if len(last) < 2 or not all(deliveries.was_broken_off(one) for one in last):
            return True
        address = self.composer.sender.address
        # The same letter as long as the fault lasts, so that whoever got two can tell that they are one.
        date = last[0].finished_at or last[0].queued_at
        letter = trial_letter(
            self.composer.sender,
            address,
            base_url=self.composer.base_url,
            locale="",
            mark=last[0].id,
            date=date,
        )
        outcome = transport.deliver(letter, sender=address, recipient=address, on_data=lambda: None)
        if outcome.state not in {"unknown", "paused"}:
            return True
        self._write(lambda tx: deliveries.pause(tx, outcome.detail, self.clock()))
        return False


def _raising(error: Exception) -> Callable[[], bytes]:
    def write() -> bytes:
        raise error

    return write
