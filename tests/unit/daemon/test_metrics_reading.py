"""How often the instance is read for whoever asks for its metrics, and what is told while it cannot be."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Self

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from memorycapsule.daemon.metrics.instance import InstanceCollector
from memorycapsule.errors import Overloaded
from memorycapsule.services.notices.figures import Figures
from memorycapsule.services.notices.finding import Surroundings
from memorycapsule.work.measuring import Measured
from support.moments import NOW
from support.scrapes import Scrape

NOTHING = Measured(
    figures=Figures(
        capsules={},
        due=0,
        first_due_at=None,
        next_opening_at=None,
        letters={},
        oldest_letter_at=None,
        is_sender_paused=False,
        pauses=0,
        films={},
        oldest_film_at=None,
        blobs=0,
        blob_bytes=0,
        damaged={},
        oldest_look_at=None,
        backed_up_at=None,
        nodes=0,
    ),
    surroundings=Surroundings(
        clock_doubt=None,
        absence=None,
        free_bytes=0,
        backup_days=0,
        trash_files=0,
        trash_bytes=0,
        has_mail_server=False,
    ),
    notices=(),
)


class Instance:
    """An instance that takes `seconds` to be read, by a clock of its own; who asks waits `patience` for it."""

    def __init__(self, seconds: float = 0.0, *, patience: float = 30.0) -> None:
        self.seconds = seconds
        self.time = 1000.0
        self.readings = 0
        self.is_there = True
        self.on_reading: Callable[[], None] = lambda: None
        self.now = NOW
        self.measured = NOTHING
        self.registry = CollectorRegistry()
        self.registry.register(
            InstanceCollector(
                self.measure, lambda: self.now, clock=lambda: self.time, patience_seconds=patience
            )
        )

    def measure(self) -> Measured:
        self.readings += 1
        self.time += self.seconds
        self.on_reading()
        if not self.is_there:
            raise Overloaded("database_busy")
        return self.measured

    def scrape(self) -> Scrape:
        return Scrape(generate_latest(self.registry).decode())


@pytest.mark.parametrize(("takes", "rests"), [(0.05, 1.0), (2.0, 40.0), (60.0, 300.0)])
def test_a_reading_is_good_for_twenty_times_as_long_as_it_took_and_five_minutes_at_most(takes, rests):
    instance = Instance(takes)
    instance.scrape()
    instance.time += rests - 0.001
    scrape = instance.scrape()
    assert (instance.readings, scrape["capsule_reading_age_seconds"]) == (1, pytest.approx(rests - 0.001))

    instance.time += 0.001
    assert instance.scrape()["capsule_reading_age_seconds"] == 0
    assert instance.readings == 2


def test_ages_go_on_while_a_reading_is_good():
    instance = Instance(2.0)
    figures = replace(
        NOTHING.figures,
        first_due_at=NOW - timedelta(minutes=1),
        next_opening_at=NOW + timedelta(hours=1),
        backed_up_at=NOW - timedelta(days=2),
    )
    instance.measured = replace(NOTHING, figures=figures)
    instance.scrape()
    instance.now += timedelta(seconds=30)
    scrape = instance.scrape()

    assert instance.readings == 1
    assert scrape["capsule_due_seconds"] == 90
    assert scrape["capsule_next_opening_seconds"] == 3570
    assert scrape["capsule_backup_age_seconds"] == 2 * 86400 + 30


def test_while_it_cannot_be_read_that_alone_is_told():
    instance = Instance()
    assert "capsule_capsules" in instance.scrape()
    instance.is_there = False

    assert instance.scrape().samples == {("capsule_database_readable", frozenset()): 0}
    instance.is_there = True
    assert instance.scrape()["capsule_database_readable"] == 1


class Hanging:
    """A database that hangs from the block's begin to its end, for who reads an instance."""

    def __init__(self, instance: Instance) -> None:
        self.has_begun, self._goes_on = threading.Event(), threading.Event()
        instance.on_reading = self._hang

    def _hang(self) -> None:
        self.has_begun.set()
        assert self._goes_on.wait(30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._goes_on.set()


def test_a_database_that_hangs_holds_up_one_who_asks_and_nobody_else():
    instance = Instance()
    instance.scrape()
    with Hanging(instance) as database:
        held_up = threading.Thread(target=instance.scrape)
        held_up.start()
        assert database.has_begun.wait(30)
        instance.time += 7.0
        scrape = instance.scrape()
    held_up.join(30)

    assert (scrape["capsule_database_readable"], scrape["capsule_reading_age_seconds"]) == (1, 7.0)
    assert instance.readings == 2


def test_nobody_is_held_up_for_long_and_who_has_waited_is_told_of_the_last_reading():
    instance = Instance(patience=0.01)
    instance.scrape()
    instance.time += 7.0
    with Hanging(instance):
        scrape = instance.scrape()

    assert (scrape["capsule_database_readable"], scrape["capsule_reading_age_seconds"]) == (1, 7.0)


def test_a_database_that_hangs_from_the_first_is_told_as_unreadable():
    instance = Instance(patience=0.01)
    with Hanging(instance):
        told = instance.scrape(), instance.scrape()

    assert [one.samples for one in told] == [{("capsule_database_readable", frozenset()): 0}] * 2
    assert instance.readings == 1
