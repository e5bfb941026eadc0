"""
Plants eight faults, each of a kind that has lost somebody's photos or mail elsewhere, and prints who notices: make planted.

Each is planted in the running program, and is sought by `make faults` (some points of one operation) or by
`make simulate` (short lives of a kind in which it can show). Without a fault the same searches find nothing.
"""

from __future__ import annotations

import logging
import os
import random
import sys
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace

import pytest
import structlog
from sqlmodel import col

from faults.operations import OPERATIONS
from faults.runs import Scene, scene
from memorycapsule.domain import instances as domain_instances
from memorycapsule.domain.capsules import CapsuleState
from memorycapsule.mail.smtp import SmtpSession
from memorycapsule.media.storage import folder
from memorycapsule.services import keys
from memorycapsule.services.mailing import deliveries
from memorycapsule.services.preservation import inventory, restore, trash
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import waits as store_waits
from memorycapsule.store.rows import CapsuleRow
from simulation.life import Step, live

Patch = pytest.MonkeyPatch
#: Returns what was noticed first, None for nothing.
Search = Callable[[Scene], str | None]

_DAY = 24 * 60
#: So many lives of a kind are lived until a fault shows.
_MOST_LIVES = 30


def commit_before_fsync(patch: Patch) -> None:
    patch.setattr(folder, "os", SimpleNamespace(**(vars(os) | {"fsync": lambda _descriptor: None})))


def send_before_data_started_at(patch: Patch) -> None:
    deliver = SmtpSession.deliver

    def sent_first(self, letter, *, on_data, **to):
        outcome = deliver(self, letter, on_data=lambda: None, **to)
        on_data()
        return outcome

    patch.setattr(SmtpSession, "deliver", sent_first)


def opening_without_state(patch: Patch) -> None:
    def open_if_due(tx, capsule_id, now):
        return bool(
            capsule_store.capsules.change(
                tx,
                col(CapsuleRow.id) == capsule_id,
                col(CapsuleRow.opens_at) <= now,
                state=CapsuleState.OPEN,
                opened_at=now,
                generation=col(CapsuleRow.generation) + 1,
            )
        )

    patch.setattr(capsule_store, "open_if_due", open_if_due)


def key_renamed_without_lock(patch: Patch) -> None:
    def put_in_place(fresh, path) -> None:
        if path.exists():
            path.rename(path.with_name(f"{path.name}.before-{random.getrandbits(32)}"))
        fresh.rename(path)

    patch.setattr(keys, "put_in_place", put_in_place)


def sweep_without_age(patch: Patch) -> None:
    patch.setattr(inventory, "ORPHAN_AGE", timedelta(days=-1))
    patch.setattr(trash, "KEPT_FOR", timedelta(days=-1))


def give_up_from_queued_at(patch: Patch) -> None:
    def wait_alone(tx, delivery, outcome, give_up_days, now):
        if give_up_days is not None and now - delivery.queued_at >= timedelta(days=give_up_days):
            return deliveries._end(tx, delivery, deliveries.DeliveryState.REJECTED, outcome, now)
        return usual(tx, delivery, outcome, give_up_days, now)

    usual = deliveries._wait_alone
    patch.setattr(deliveries, "_wait_alone", wait_alone)


def pause_without_cap(patch: Patch) -> None:
    patch.setattr(domain_instances, "is_over", lambda until, now, *, longest: until <= now)
    patch.setattr(store_waits, "is_over", lambda until, now, *, longest: until <= now)


def restore_that_sends(patch: Patch) -> None:
    patch.setattr(restore, "_prepare", lambda _database, _backup, _now: None)


def killed_at(name: str, *points: str) -> Search:
    """Kill an operation at its points of these names."""

    def search(stage: Scene) -> str | None:
        operation = OPERATIONS[name]
        for number, point in enumerate(stage.points(operation), 1):
            if point in points and (broken := stage.try_point(operation, number).broken):
                return f"make faults: {name} killed at {number} ({point}): {_short(broken[0])}"
        return None

    return search


def beside(name: str, *points: str) -> Search:
    """Have another program run while an operation stands still at its points of these names."""

    def search(stage: Scene) -> str | None:
        operation = OPERATIONS[name]
        for number, point in enumerate(stage.points(operation), 1):
            if point in points and (broken := stage.try_beside(operation, number).broken):
                return f"make faults: {name}, another at {number} ({point}): {_short(broken[0])}"
        return None

    return search


def undisturbed(name: str) -> Search:
    """Do an operation, and look."""

    def search(stage: Scene) -> str | None:
        try:
            stage.points(OPERATIONS[name])
        except AssertionError as error:
            return f"make faults: {name}: {_short(str(error))}"
        return None

    return search


def lives(*course: tuple[str, int]) -> Search:
    """Live short lives of this course: what happens, and how many minutes pass before; chance does the rest."""

    def search(_stage: Scene) -> str | None:
        for life in range(1, _MOST_LIVES + 1):
            steps = [
                Step(what=what, seed=1000 * life + number, minutes=minutes)
                for number, (what, minutes) in enumerate(course)
            ]
            if (ending := live(steps, checks_all=False)).broken:
                return f"make simulate: life {life}: {_short(ending.broken)}"
        return None

    return search


def _short(said: str) -> str:
    return " ".join(said.split())[-110:]


_GUESTS = [("make_capsule", 0), ("invite", 5), ("answer_invitation", 5), ("answer_invitation", 5)]
PLANTS: tuple[tuple[str, Callable[[Patch], None], Search], ...] = (
    ("commit before fsync", commit_before_fsync, killed_at("story add", "commit>")),
    ("send before data_started_at", send_before_data_started_at, killed_at("tick", "mail>")),
    ("opening without state in its WHERE", opening_without_state, lives(("make_capsule", 0), ("tick", 1600 * _DAY))),
    ("key renamed without lock", key_renamed_without_lock, beside("finish rotate", "rename<", "rename>")),
    ("sweep without age", sweep_without_age, beside("story add", "rename>", "commit<")),
    (
        "give-up from queued_at",
        give_up_from_queued_at,
        lives(*_GUESTS, ("cable_out", 5), ("greylisting", 0), ("remind", 0), ("tick", 6 * _DAY), ("tick", 4 * _DAY)),
    ),
    (
        "pause without cap",
        pause_without_cap,
        lives(*_GUESTS, ("cable_out", 5), ("remind", 0), ("wrong_clock", 30), ("tick", 60), ("tick", 20 * _DAY)),
    ),
    ("restore that sends", restore_that_sends, undisturbed("restore")),
)  # fmt: skip


def main() -> int:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    unnoticed = 0
    with scene() as stage:
        for name, plant, search in PLANTS:
            if sys.argv[1:] and name not in sys.argv[1:]:
                continue
            with Patch.context() as patch:
                plant(patch)
                found = search(stage)
            unnoticed += found is None
            print(f"{name:<36}{found or 'NOT NOTICED'}", flush=True)
    return bool(unnoticed)


if __name__ == "__main__":
    sys.exit(main())
