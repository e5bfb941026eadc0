"""
Clocks that are wrong for a while: at a start of the program, of the machine, or beneath a daemon that runs.

Nobody tells these machines the time. A wrong clock opens nothing before its instant (after a boot: never more than a
day before), gives up nothing and removes nothing. Once it is right, all goes on as if it had never been wrong.
"""

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import pytest

from memorycapsule.clock import UNPROVEN_DAY
from memorycapsule.domain.deliveries import DeliveryState
from memorycapsule.domain.uploads import UploadLimits, UploadMetadata
from memorycapsule.errors import CapsuleError, NotDue
from memorycapsule.mail.outcomes import Outcome
from memorycapsule.services import instances, uploads
from memorycapsule.services.uploads import UploadStage
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.work import ticks
from support.cast import Time, add_story, invite, make_capsule, make_context, make_photo, prepare
from support.moments import NOW

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LIMITS = UploadLimits(largest_file=1_000_000, most_per_member=3_000_000)


class MailServer:
    """A mail server that can be reached or cannot."""

    def __init__(self) -> None:
        self.is_up = True
        self.arrived: list[str] = []

    def deliver(self, letter: bytes, *, sender: str, recipient: str, on_data) -> Outcome:
        del letter, sender
        if not self.is_up:
            return Outcome(state="paused", detail=CapsuleError("mail_connection_lost"))
        on_data()
        self.arrived.append(recipient)
        return Outcome(state="sent", detail=CapsuleError("mail_server_replied", reply="250 OK"))


class Household:
    """
    An instance, its machine and its mail server.

    One capsule opens within the day and one in twenty days. Of yesterday there are half a file and a whole one that is
    not in its story yet.
    """

    def __init__(self, stage) -> None:
        self.instance, self.capsule, self.ben = stage.instance, stage.capsule, stage.ben.viewer
        self.time = Time()
        self.time.synchronised = False
        self.mail = MailServer()
        self.soon = make_capsule(self.instance, title="Soon", opens=NOW + 20 * HOUR)
        self.late = make_capsule(self.instance, title="Late", opens=NOW + 20 * DAY)
        self.photo = make_photo()
        story = add_story(self.instance, stage.capsule, self.ben, photos=0)
        self.half, self.whole = (self._announce(story.id) for _ in range(2))
        self.send(self.half, 0, 100)
        self.send(self.whole, 0, None)
        self.start()
        self.tick()

    def _announce(self, story_id: str) -> str:
        return uploads.begin(
            self.instance.store, self.instance.vault, self.ben, story_id, about=UploadMetadata(file="pier.jpg"),
            length=len(self.photo), limits=LIMITS, now=NOW - DAY,
        ).id  # fmt: skip

    def send(self, upload: str, start: int, end: int | None, *, now: datetime = NOW - DAY) -> None:
        uploads.receive(
            self.instance.store, self.instance.vault, self.ben, upload, start=start,
            piece=self.photo[start:end], now=now,
        )  # fmt: skip

    def start(self) -> None:
        """Start the program."""
        self.context = make_context(self.instance, self.time, connect=lambda: nullcontext(self.mail))

    def tick(self) -> None:
        """All of a tick but the films, which no clock decides."""
        ticks.open_due(self.context)
        ticks.send_letters(self.context)
        ticks.sweep(self.context)

    def opened(self) -> set[str]:
        with self.instance.store.reading() as tx:
            capsules = [capsule_store.capsules.get(tx, one.id) for one in (self.soon, self.late)]
        return {one.title for one in capsules if one.is_open}

    def stage_of(self, upload: str) -> UploadStage:
        return uploads.progress(self.instance.store, self.instance.vault, self.ben, upload).stage

    def unsent(self) -> list[DeliveryState]:
        with self.instance.store.reading() as tx:
            return [
                one.state
                for one in delivery_store.all_deliveries(tx)
                if one.state not in {DeliveryState.SENT, DeliveryState.SUPPRESSED}
            ]


@pytest.fixture
def household(stage):
    return Household(stage)


def is_wrong_for_a_while(household: Household, set_wrong) -> None:
    """The clock is set wrong an hour later, while the mail server cannot be reached, and right again after an hour."""
    time = household.time
    right = time.go_on(hours=1)
    invite(household.instance, household.capsule, "dora@example.org")
    set_wrong()
    household.mail.is_up = False
    for _ in range(3):
        household.tick()
        time.go_on(minutes=20)
    right += HOUR
    is_within_a_day = household.soon.opens_at <= right + UNPROVEN_DAY
    assert household.opened() <= ({"Soon"} if is_within_a_day else set())
    assert household.stage_of(household.half) is UploadStage.ARRIVING
    assert household.stage_of(household.whole) is UploadStage.WAITING
    assert household.mail.arrived.count("dora@example.org") == 0
    time.jump(seconds=(right - time.now).total_seconds())
    household.mail.is_up = True


def all_goes_on(household: Household) -> None:
    """The clock is right, and so is everything within two ticks."""
    time = household.time
    household.tick()
    household.tick()
    assert household.mail.arrived.count("dora@example.org") == 1
    assert household.unsent() == []
    household.send(household.half, 100, None, now=time.now)
    for upload in (household.half, household.whole):
        uploads.finish(
            household.instance.store, household.instance.vault, prepare, upload, clock=lambda: time.now
        )
        assert household.stage_of(upload) in {UploadStage.KEPT, UploadStage.DUPLICATE}

    for opens_at, opened in (
        (household.soon.opens_at, {"Soon"}),
        (household.late.opens_at, {"Soon", "Late"}),
    ):
        time.go_to(opens_at)
        household.tick()
        household.tick()
        assert household.opened() == opened
        time.go_on(hours=2)
        household.tick()
        assert household.unsent() == [], "the letters waited an hour for the film"
    assert household.mail.arrived.count("ada@example.org") == 4, "one letter for each of her capsules"


STARTS = {
    "1970": datetime(1970, 1, 2, tzinfo=UTC) - (NOW + HOUR),
    "-2 h": -2 * HOUR,
    "+1 d": DAY,
    "+25 d": 25 * DAY,
    "+31 d": 31 * DAY,
    "+2 y": 730 * DAY,
}


@pytest.mark.slow
@pytest.mark.parametrize("off_by", STARTS.values(), ids=STARTS.keys())
def test_a_new_process_with_a_wrong_clock_opens_nothing_early(household, off_by):
    def set_wrong() -> None:
        household.time.jump(seconds=off_by.total_seconds())
        household.start()

    is_wrong_for_a_while(household, set_wrong)
    assert household.opened() == set(), "within one boot the drift is exact"

    household.start()
    all_goes_on(household)


@pytest.mark.slow
@pytest.mark.parametrize("off_by", STARTS.values(), ids=STARTS.keys())
def test_a_machine_that_starts_with_a_wrong_clock_opens_nothing_more_than_a_day_early(household, off_by):
    def set_wrong() -> None:
        household.time.restart()
        household.time.jump(seconds=off_by.total_seconds())
        household.start()

    is_wrong_for_a_while(household, set_wrong)

    household.start()
    all_goes_on(household)


@pytest.mark.slow
@pytest.mark.parametrize("off_by", [10 * DAY, -2 * HOUR], ids=["+10 d", "-2 h"])
@pytest.mark.parametrize("synchronised", [False, True])
def test_a_clock_set_beneath_a_running_daemon_opens_nothing_early(household, off_by, synchronised):
    household.time.synchronised = synchronised
    household.tick()
    is_wrong_for_a_while(household, lambda: household.time.jump(seconds=off_by.total_seconds()))
    assert household.opened() == set(), "within one boot the drift is exact"

    all_goes_on(household)


@pytest.mark.parametrize("how", ["synchronised", "vouched for", "a day"])
def test_what_came_due_while_a_machine_was_off_for_a_month_opens_once_its_clock_is_believed(household, how):
    time = household.time
    time.go_to(household.late.opens_at + 10 * DAY)
    time.restart()
    household.start()
    household.tick()
    assert household.opened() == {"Soon"}, "due within a day after the time last seen"

    if how == "synchronised":
        time.synchronised = True
    elif how == "vouched for":
        instances.trust_clock(household.instance.store, household.context.clock)
    else:
        time.go_on(days=1)
    household.tick()

    assert household.opened() == {"Soon", "Late"}


def test_a_member_who_asks_opens_no_more_than_the_day_that_is_believed(household):
    household.time.go_to(household.late.opens_at + 10 * DAY)
    household.time.restart()

    def ask(capsule):
        return ticks.open_now(household.context, household.instance.ada, capsule.id)

    with pytest.raises(NotDue) as raised:
        ask(household.late)
    assert raised.value.reason == "clock_ahead"
    assert ask(household.soon).is_open
    household.time.jump(days=-60)
    assert ask(household.soon).is_open, "what is open stays so, whatever the clock says"
