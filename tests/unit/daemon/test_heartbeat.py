"""The heartbeat: nothing waits for anything else, nothing is lost, nothing kills it."""

import math
import threading
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from memorycapsule.daemon import heartbeat as heartbeat_module
from memorycapsule.daemon.heartbeat import Heartbeat
from memorycapsule.errors import Busy
from support.servers import wait_until

HOUR = 3600.0


@pytest.fixture
def heartbeat():
    heartbeat = Heartbeat()
    yield heartbeat
    heartbeat.stop(5)


class Job:
    """Counts its runs; each waits until it is let go."""

    def __init__(self, *, free: bool = True) -> None:
        self.runs = 0
        self.at_once = 0
        self.most_at_once = 0
        self.free = threading.Event()
        if free:
            self.free.set()

    def __call__(self) -> None:
        self.runs += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.free.wait(20)
        self.at_once -= 1


def test_a_job_runs_at_once_and_again(heartbeat):
    job = Job()
    heartbeat.add("job", job, every_seconds=0.05)
    heartbeat.start()

    wait_until(lambda: job.runs >= 3, 5, "it has run three times")
    assert heartbeat.age_seconds("job") < 5


def test_a_wake_need_not_wait_for_the_next_turn(heartbeat):
    job = Job()
    heartbeat.add("job", job, every_seconds=HOUR)
    heartbeat.start()
    wait_until(lambda: job.runs == 1, 5, "the first run")

    heartbeat.wake("job")

    wait_until(lambda: job.runs == 2, 5, "the woken run")


def test_wakes_during_a_run_lead_to_one_more_run_and_never_to_two_at_a_time(heartbeat):
    job = Job(free=False)
    heartbeat.add("job", job, every_seconds=HOUR)
    heartbeat.start()
    wait_until(lambda: job.runs == 1, 5, "the first run has begun")
    scheduled = heartbeat._scheduler.get_job("job")
    for _ in range(5):
        heartbeat.wake("job")
        wait_until(
            lambda: scheduled.next_run_time > datetime.now(UTC) + timedelta(minutes=1), 5, "the wake was seen"
        )

    job.free.set()

    wait_until(lambda: job.runs == 2, 5, "the run after it")
    heartbeat.stop(5)
    assert (job.runs, job.most_at_once) == (2, 1)


def test_a_job_that_takes_long_delays_no_other(heartbeat):
    film, opening = Job(free=False), Job()
    heartbeat.add("film", film, every_seconds=0.05)
    heartbeat.add("opening", opening, every_seconds=0.05)
    heartbeat.start()

    wait_until(lambda: film.runs == 1 and opening.runs > 5, 5, "openings go on during a film")
    film.free.set()


@pytest.mark.parametrize("error", [ValueError("x"), Busy()])
def test_a_job_that_fails_has_its_next_turn(heartbeat, error):
    runs = []

    def fail() -> None:
        runs.append(1)
        raise error

    heartbeat.add("job", fail, every_seconds=0.05)
    heartbeat.start()

    wait_until(lambda: len(runs) >= 3, 5, "it has failed three times")


def test_a_clock_that_was_set_back_stops_nothing(heartbeat, monkeypatch):
    monkeypatch.setattr(heartbeat_module, "_WATCH_SECONDS", 0.05)
    job = Job()
    heartbeat.add("job", job, every_seconds=0.5)
    heartbeat.start()
    wait_until(lambda: job.runs == 1, 5, "the first run")
    before = job.runs

    # To the scheduler it looks like this when the clock goes back by two hours.
    heartbeat._scheduler.get_job("job").modify(next_run_time=datetime.now(UTC) + timedelta(hours=2))

    wait_until(lambda: job.runs > before + 1, 5, "it runs again")


def test_a_clock_that_jumps_ahead_by_decades_leads_to_one_run():
    interval = heartbeat_module._Interval(0.1)
    long_ago, now = datetime(1970, 1, 1, tzinfo=UTC), datetime.now(UTC)

    assert interval.get_next_fire_time(long_ago, now) == now + timedelta(seconds=0.1)


def test_stopping_waits_for_the_run_and_names_what_is_still_at_it():
    heartbeat, quick, stuck = Heartbeat(), Job(), Job(free=False)
    heartbeat.add("quick", quick, every_seconds=HOUR)
    heartbeat.add("stuck", stuck, every_seconds=HOUR)
    heartbeat.start()
    wait_until(lambda: quick.runs and stuck.runs, 5, "both run")

    assert heartbeat.stop(0.2) == ["stuck"]

    heartbeat.wake("quick")
    stuck.free.set()
    assert quick.runs == 1


@pytest.mark.parametrize(("slow_seconds", "told"), [(0.0, ["job.slow"]), (math.inf, [])])
def test_a_run_that_takes_long_is_told_unless_the_work_takes_its_time(heartbeat, slow_seconds, told):
    job = Job()
    with structlog.testing.capture_logs() as lines:
        heartbeat.add("open", job, every_seconds=3600, slow_seconds=slow_seconds)
        heartbeat.start()
        wait_until(lambda: job.runs and heartbeat.stop(30) == [], 30, "the run is over")

    assert [line["event"] for line in lines if line["event"] == "job.slow"] == told
