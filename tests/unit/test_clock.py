"""The clock: every way of being wrong opens nothing early, and an honest clock is never suspected."""

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorycapsule import clock
from memorycapsule.clock import TOLERANCE, UNPROVEN_DAY, Clock, KnownTime, Reading
from memorycapsule.errors import NotDue
from support.sentences import sentence

START = datetime(2030, 6, 1, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def reading(after=timedelta(0), *, moved=timedelta(0), synchronised=None, boot="first"):
    """What the system says `after` the start, when somebody has moved the wall clock."""
    return Reading(
        wall=START + after + moved,
        uptime_seconds=1000 + after.total_seconds(),
        boot_id=boot,
        synchronised=synchronised,
    )


def another_boot(wall, *, synchronised=None):
    """What the system says twenty seconds after it was started anew."""
    return Reading(wall=wall, uptime_seconds=20, boot_id="second", synchronised=synchronised)


#: What the store knows of a machine of which the network said at the start what time it is.
KNOWN = clock.judge(clock.first_seen(reading()), reading(synchronised=True)).known
#: The same of a machine that nobody has ever told the time.
UNTOLD = clock.first_seen(reading())
#: The same of a machine whose clock a person has vouched for.
VOUCHED = clock.vouched_for(reading())


@dataclass
class Looks:
    """A store that remembers what each look came to, as ticks do."""

    known: KnownTime

    def at(self, current, second_source=None):
        verdict = clock.judge(self.known, current, second_source)
        self.known = verdict.known
        return verdict


def reason(current, known=KNOWN, second_source=None):
    """What a person reads of the doubt, None when there is none."""
    doubt = clock.judge(known, current, second_source).doubt
    return doubt and sentence(doubt)


@pytest.mark.parametrize(
    ("moved", "words"),
    [
        (6 * MINUTE, "jumped 6 minutes forward"),
        (53 * DAY, "jumped 53 days forward"),
        (3650 * DAY, "jumped 3,650 days forward"),
        (-HOUR, "jumped 1 hour back"),
        (-3 * DAY, "jumped 3 days back"),
    ],
)
@pytest.mark.parametrize("synchronised", [True, False, None])
def test_a_wall_clock_moved_within_one_boot_is_doubted(moved, words, synchronised):
    verdict = clock.judge(KNOWN, reading(HOUR, moved=moved, synchronised=synchronised))

    assert words in sentence(verdict.doubt)
    assert "capsule doctor --trust-clock" in sentence(verdict.doubt)
    assert verdict.opens_until is None
    assert verdict.known == KNOWN, "a wrong time must not become the measure"


@pytest.mark.parametrize("moved", [6 * MINUTE, 20 * HOUR, 10 * DAY])
def test_a_jump_forward_is_doubted_although_nobody_has_ever_vouched_for_the_clock(moved):
    looks = Looks(UNTOLD)
    assert looks.at(reading(MINUTE)).doubt is None

    assert "forward" in sentence(looks.at(reading(HOUR, moved=moved)).doubt)
    assert looks.at(reading(2 * HOUR)).doubt is None, "it was put back"


@pytest.mark.parametrize("known", [KNOWN, UNTOLD, VOUCHED])
@pytest.mark.parametrize("moved", [TOLERANCE, -TOLERANCE, 4 * MINUTE, timedelta(0)])
def test_a_small_correction_is_no_reason(known, moved):
    assert reason(reading(HOUR, moved=moved), known) is None


@pytest.mark.parametrize("known", [KNOWN, VOUCHED])
def test_a_suspended_laptop_is_not_doubted(known):
    assert reason(reading(40 * DAY, synchronised=False), known) is None


def test_a_clock_that_creeps_is_doubted_as_one_that_jumps():
    looks = Looks(KNOWN)

    assert looks.at(reading(HOUR, moved=4 * MINUTE)).doubt is None
    assert "8 minutes forward" in sentence(looks.at(reading(2 * HOUR, moved=8 * MINUTE)).doubt)


@pytest.mark.parametrize("known", [UNTOLD, VOUCHED])
def test_the_jump_of_a_machine_that_learns_the_time_from_the_network_is_no_reason(known):
    looks = Looks(known)

    told = looks.at(reading(MINUTE, moved=53 * DAY, synchronised=True))

    assert (told.doubt, told.opens_until) == (None, START + MINUTE + 53 * DAY)
    assert looks.at(reading(HOUR, moved=53 * DAY, synchronised=True)).doubt is None
    later = looks.at(reading(2 * HOUR, moved=400 * DAY, synchronised=True))
    assert "jumped 347 days forward" in sentence(later.doubt)
    assert "jumped" in reason(reading(MINUTE, moved=53 * DAY, synchronised=False), known)


@pytest.mark.parametrize("synchronised", [True, False, None])
def test_a_clock_before_the_last_seen_instant_is_doubted_after_a_restart(synchronised):
    assert "1 hour behind" in reason(another_boot(START - HOUR, synchronised=synchronised))
    assert reason(another_boot(START - TOLERANCE, synchronised=synchronised)) is None


def test_the_network_sets_back_what_it_did_not_tell():
    """A clock that was ahead, and that nobody but a person vouched for, must not outlive itself."""
    looks = Looks(clock.vouched_for(reading(moved=730 * DAY)))

    restarted = looks.at(another_boot(START + HOUR, synchronised=True))

    assert restarted.doubt is None
    assert looks.known.seen_at == START + HOUR


@pytest.mark.parametrize(
    ("synchronised", "second_source", "is_doubted"),
    [
        (False, None, True),
        (None, None, True),
        (True, None, False),
        (False, 4 * MINUTE, False),
        (None, -4 * MINUTE, False),
        (False, -6 * MINUTE, True),
        (False, -31 * DAY, True),
        (True, -31 * DAY, True),
    ],
)
def test_after_a_restart_the_network_says_how_long_the_machine_was_off(
    synchronised, second_source, is_doubted
):
    wall = START + 31 * DAY
    other = None if second_source is None else wall + second_source

    said = reason(another_boot(wall, synchronised=synchronised), second_source=other)

    assert (said is not None) == is_doubted
    if is_doubted:
        assert "31 days ahead" in said


def test_where_nobody_can_be_asked_a_day_is_believed_at_most():
    day_later = clock.judge(KNOWN, another_boot(START + DAY))
    more = clock.judge(KNOWN, another_boot(START + 3 * DAY))

    assert (day_later.doubt, day_later.opens_until) == (None, START + DAY)
    assert "3 days ahead" in sentence(more.doubt)
    assert more.opens_until == START + UNPROVEN_DAY


def test_many_short_absences_are_together_believed_for_a_day():
    """Otherwise a clock that gains a day at each start would open a capsule weeks early."""
    looks = Looks(KNOWN)

    verdicts = [
        looks.at(replace(another_boot(START + count * 20 * HOUR), boot_id=f"boot {count}"))
        for count in range(1, 20)
    ]

    assert all(one.opens_until <= START + UNPROVEN_DAY for one in verdicts)
    assert [one.doubt is None for one in verdicts] == [True, *[False] * 18]


def test_a_later_look_that_finds_the_clock_synchronised_frees_it():
    looks = Looks(KNOWN)
    assert looks.at(another_boot(START + 3 * DAY)).doubt

    told = looks.at(replace(another_boot(START + 3 * DAY + MINUTE, synchronised=True), uptime_seconds=80))

    assert (told.doubt, told.opens_until) == (None, START + 3 * DAY + MINUTE)
    assert looks.known.seen_by_network


def after_restart(after, *, moved=timedelta(0)):
    return replace(another_boot(START + 3 * DAY + after + moved), uptime_seconds=20 + after.total_seconds())


def test_a_day_of_running_without_a_contradiction_frees_a_clock_that_nobody_vouches_for():
    looks = Looks(KNOWN)

    for hours in range(24):
        verdict = looks.at(after_restart(hours * HOUR))
        assert verdict.doubt
        assert verdict.opens_until == START + hours * HOUR + UNPROVEN_DAY

    assert looks.at(after_restart(24 * HOUR)).doubt is None
    assert looks.known.seen_at == START + 4 * DAY
    assert not looks.known.seen_by_network


def test_a_contradiction_begins_the_day_anew():
    looks = Looks(KNOWN)
    looks.at(after_restart(timedelta(0)))
    looks.at(after_restart(20 * HOUR, moved=HOUR))

    assert looks.at(after_restart(30 * HOUR, moved=HOUR)).doubt
    assert looks.at(after_restart(44 * HOUR, moved=HOUR)).doubt is None


def test_a_machine_that_started_with_a_wrong_time_goes_on_once_somebody_sets_it_right():
    looks = Looks(KNOWN)
    assert looks.at(another_boot(START + 25 * DAY)).doubt

    right = replace(another_boot(START + HOUR), uptime_seconds=600)

    assert (looks.at(right).doubt, looks.at(right).opens_until) == (None, START + HOUR)


def test_a_clock_older_than_the_program_is_doubted_whoever_vouches_for_it():
    dead_battery = another_boot(datetime(1970, 1, 1, tzinfo=UTC), synchronised=True)

    assert "1970-01-01" in reason(dead_battery)
    for say in (clock.vouched_for, clock.first_seen):
        with pytest.raises(NotDue) as raised:
            say(dead_battery)
        assert "1970-01-01" in sentence(raised.value)


@pytest.mark.parametrize(
    "current",
    [reading(HOUR, moved=53 * DAY), another_boot(START - HOUR), another_boot(START + 365 * DAY)],
)
def test_a_person_who_vouches_for_the_clock_clears_every_other_doubt(current):
    assert reason(current)

    looks = Looks(clock.vouched_for(current))

    assert looks.at(current).doubt is None
    assert looks.at(current).opens_until == current.wall
    jumped = replace(current, wall=current.wall + HOUR)
    assert "jumped 1 hour forward" in sentence(looks.at(jumped).doubt)


def test_what_an_older_version_knew_is_compared_with_as_if_the_machine_had_been_off():
    legacy = KnownTime(seen_at=START, seen_by_network=True)

    assert "behind" in reason(another_boot(START - HOUR), legacy)
    assert "ahead" in reason(another_boot(START + 3 * DAY), legacy)
    assert reason(another_boot(START + HOUR), legacy) is None


spans = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=4000))
shifts = st.timedeltas(min_value=timedelta(days=-1000), max_value=timedelta(days=4000))
flags = st.sampled_from([True, False, None])


@given(st.lists(spans, min_size=1, max_size=6), flags, st.sampled_from([KNOWN, UNTOLD, VOUCHED]))
def test_an_honest_clock_is_never_doubted_while_it_runs(steps, synchronised, known):
    instants = [sum(steps[:count], timedelta(0)) for count in range(1, len(steps) + 1)]
    looks = Looks(known)

    for instant in instants:
        assert looks.at(reading(instant, synchronised=synchronised)).doubt is None


@given(spans, shifts, flags)
def test_no_jump_is_believed_within_a_boot_whose_time_the_network_told(after, moved, synchronised):
    if abs(moved) > TOLERANCE:
        assert reason(reading(after, moved=moved, synchronised=synchronised)) is not None


@given(shifts, flags)
def test_a_jump_while_the_machine_was_off_is_believed_only_when_short_or_told_by_the_network(
    moved, synchronised
):
    said = reason(another_boot(START + moved, synchronised=synchronised))

    if moved < -TOLERANCE or (moved > UNPROVEN_DAY and not synchronised):
        assert said is not None
    else:
        assert said is None


@dataclass
class Machine:
    """A machine that nobody tells the time: true time passes, and the wall clock is whatever it was set to."""

    true: datetime = START
    off_by: timedelta = timedelta(0)
    boot: int = 1
    up_since: datetime = START - 1000 * timedelta(seconds=1)

    def reading(self):
        return Reading(
            wall=self.true + self.off_by,
            uptime_seconds=(self.true - self.up_since).total_seconds(),
            boot_id=f"boot {self.boot}",
            synchronised=False,
        )


events = st.lists(
    st.tuples(
        st.sampled_from(["runs", "is set", "is off"]),
        st.timedeltas(min_value=timedelta(hours=-30), max_value=timedelta(hours=23)),
    ),
    max_size=30,
)


@given(events, st.sampled_from([KNOWN, UNTOLD, VOUCHED]))
def test_whatever_is_done_to_a_clock_nothing_opens_more_than_a_day_early_unless_it_runs_wrong_for_a_day(
    happened, known
):
    """Each time that the machine runs is shorter than the day after which a clock without a network is believed."""
    machine, looks, running = Machine(), Looks(known), timedelta(0)

    for what, span in happened:
        if what == "is set":
            machine.off_by += span
        else:
            machine.true += abs(span) if what == "is off" else min(abs(span), HOUR)
            running += abs(span)
            if what == "is off" or running > 20 * HOUR:
                machine.boot, machine.up_since, running = machine.boot + 1, machine.true, timedelta(0)
        verdict = looks.at(machine.reading())
        if verdict.opens_until is not None:
            assert verdict.opens_until <= machine.true + UNPROVEN_DAY + TOLERANCE
        assert looks.known.seen_at <= machine.true + TOLERANCE


def test_the_system_is_read_as_it_is():
    before = datetime.now(UTC)
    real = clock.read()

    assert before <= real.wall <= datetime.now(UTC)
    assert real.wall.tzinfo is UTC
    assert real.uptime_seconds >= time.monotonic() - 1
    assert real.boot_id
    assert real.boot_id == clock.read().boot_id
    assert real.synchronised in {True, False, None}


def test_this_very_clock_is_believed():
    running = Clock()

    assert clock.judge(clock.first_seen(running.read()), running.read()).doubt is None
    assert running.synchronised() in {True, False, None}
