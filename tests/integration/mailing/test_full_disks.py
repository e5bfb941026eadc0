"""The disk fills up while letters leave: none leaves twice, and all that were not handed over leave later."""

import contextlib

import pytest

from memorycapsule.errors import DiskFull
from memorycapsule.work.reserve import Reserve
from support.mailservers import RuledServer
from support.outboxes import open_outbox
from support.small_disks import small_disk

pytestmark = pytest.mark.slow
KB, MB = 1024, 1024 * 1024
STAGES = ("MAIL", "RCPT", "DATA", "PAYLOAD")
#: The bytes that are left; a fixed part of the rows is in CI, the rest runs at night.
LEFT = (0, pytest.param(64 * KB, marks=pytest.mark.nightly), pytest.param(MB, marks=pytest.mark.nightly))


@pytest.fixture
def small(tmp_path):
    with small_disk(tmp_path / "small", megabytes=40) as small:
        yield small


@pytest.fixture
def outbox(six, small):
    with open_outbox(six, small.folder) as outbox:
        yield outbox


def filling(small, at, left):
    """Return a mail server, at which the disk fills up once, while it takes Cleo's letter."""
    to_come = [left]

    def rule(asked, name):
        if (asked, name) == (at, "cleo") and to_come:
            small.fill(but_bytes=to_come.pop())

    return RuledServer(rule)


@pytest.mark.parametrize("left", LEFT)
@pytest.mark.parametrize("at", STAGES)
def test_with_the_reserve_all_of_them_leave_at_once(outbox, small, at, left):
    Reserve(outbox.instance.folder).make_room()
    with filling(small, at, left) as server:
        outbox.send(server)

        assert outbox.states() == {"sent": 6}
        assert len({address for address, _ in server.kept}) == len(server.kept) == 6


@pytest.mark.parametrize("at", STAGES)
def test_without_a_reserve_none_is_lost_or_sent_twice_and_all_leave_once_there_is_room(outbox, small, at):
    with filling(small, at, 0) as server:
        with contextlib.suppress(DiskFull):
            outbox.send(server)
        small.empty()
        while outbox.go_to_the_next_try():
            outbox.send(server)

        arrived = [address for address, _ in server.kept]
        states = outbox.states()
        assert len(set(arrived)) == len(arrived) == 6
        assert states.get("unknown", 0) <= 1
        assert set(states) <= {"sent", "unknown"}
