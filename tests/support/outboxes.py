"""An open capsule whose opened letters wait, and what becomes of them."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import NoReturn
from uuid import uuid4

from memorycapsule.domain.deliveries import Delivery, DeliveryState, LetterKind
from memorycapsule.domain.notices import NoticeKind
from memorycapsule.mail.smtp import SmtpSession
from memorycapsule.services import opening
from memorycapsule.services.mailing.deliveries import LettersWaiting, Sent, letters_waiting
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.work import notices, ticks
from support.cast import OPENS, Instance, Time, join, make_capsule, make_context, make_instance, open_instance
from support.mailservers import ScriptedServer, plain_settings

_A_MOMENT = timedelta(milliseconds=1)


class Outbox:
    """The opened letters of one capsule, and a clock that only this moves."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.time = Time()
        self.time.go_to(OPENS)

    def send(self, server: ScriptedServer, *, connections: int = 1, **smtp: object) -> Sent:
        """Do one pass against a server, whose settings may differ from plain ones."""
        changed = plain_settings(server, **smtp)
        context = make_context(
            self.instance, self.time, connect=lambda: SmtpSession(changed), connections=connections
        )
        return ticks.send_letters(context)

    def add_letters(self, count: int) -> None:
        """Put copies of one letter into it, to Guest1, Guest2 and so on; they go after all others, in this order."""
        with self.instance.store.transaction() as tx:
            last = delivery_store.deliveries.by(tx, address="finn@example.org", kind=LetterKind.OPENED)[0]
            for number in range(1, count + 1):
                copy = replace(
                    last,
                    id=str(uuid4()),
                    dedupe_key=f"opened:guest{number}:1",
                    address=f"guest{number}@example.org",
                    next_attempt_at=last.next_attempt_at + number * timedelta(microseconds=1),
                )
                delivery_store.deliveries.add(tx, copy)

    def letters(self) -> list[Delivery]:
        with self.instance.store.reading() as tx:
            return delivery_store.deliveries.by(tx, kind=LetterKind.OPENED)

    def states(self) -> dict[str, int]:
        return dict(Counter(one.state.value for one in self.letters()))

    def names(self, state: DeliveryState) -> set[str]:
        return {one.address.partition("@")[0] for one in self.letters() if one.state is state}

    @property
    def waiting(self) -> LettersWaiting | None:
        """Why all letters wait at this moment."""
        return letters_waiting(self.instance.store, self.time.now)

    def go_to_the_next_try(self) -> bool:
        """Let time pass until something can be tried; False when nothing waits any more."""
        queued = [one.next_attempt_at for one in self.letters() if one.state is DeliveryState.QUEUED]
        if not queued:
            return False
        pause = self.waiting
        next_try: datetime = max(min(queued), pause.until if pause else OPENS)
        self.time.go_to(max(next_try, self.time.now))
        return True

    def findings(self) -> dict[NoticeKind, int]:
        """What the owner or the admin is told of at this moment: kinds, and of how many letters."""
        found = notices.standing(make_context(self.instance, self.time, connect=_nobody))
        return {one.kind: one.count for one in found}


def _nobody() -> NoReturn:
    raise AssertionError("whoever looks at the outbox sends nothing")


def make_outbox(folder: Path, names: list[str]) -> None:
    """Make, in a folder, an instance with an open capsule; Ada and `names` have an opened letter each, in this order."""
    with make_instance(f"sqlite:///{folder}/data/capsule.db", folder / "data") as instance:
        capsule = make_capsule(instance)
        for name in names:
            join(instance, capsule, name)
        opening.open_if_due(instance.store, instance.wake, capsule.id, OPENS)
        with instance.store.transaction() as tx:
            delivery_store.suppress(tx, OPENS, kind=LetterKind.INVITATION)
            opening.queue_letters(tx, instance.wake, capsule.id, "none", OPENS)
            order = {f"{name.lower()}@example.org": place for place, name in enumerate(["ada", *names])}
            for letter in delivery_store.deliveries.by(tx, kind=LetterKind.OPENED):
                # The longest waiting goes first, so the order is this one.
                since = OPENS.replace(microsecond=0) - (len(order) - order[letter.address]) * _A_MOMENT
                delivery_store.deliveries.save(tx, replace(letter, next_attempt_at=since))
        (folder / "recovery").write_text(str(instance.recovery_identity))


@contextmanager
def open_outbox(made: Path, folder: Path) -> Iterator[Outbox]:
    """Open a copy of what `make_outbox` made."""
    shutil.copytree(made, folder, dirs_exist_ok=True)
    recovery = (folder / "recovery").read_text()
    with open_instance(f"sqlite:///{folder}/data/capsule.db", folder / "data", recovery) as instance:
        yield Outbox(instance)
