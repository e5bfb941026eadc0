"""A program whose clock is weeks ahead, by libfaketime: the whole process believes it, and still opens nothing."""

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from support.household import Household


@pytest.fixture
def ahead() -> dict[str, str]:
    """What sets the clock of a process 25 days ahead."""
    found = [*Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")]
    library = os.environ.get("LIBFAKETIME") or (str(found[0]) if found else None)
    if library is None:
        pytest.skip("libfaketime is not there: install Debian's package faketime, or name it by LIBFAKETIME.")
    return {"LD_PRELOAD": library, "FAKETIME": "+25d"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "more",
    # libfaketime sets CLOCK_BOOTTIME to the wall time, or leaves it as it is.
    [{}, {"FAKETIME_DONT_FAKE_MONOTONIC": "1"}],
    ids=["CLOCK_BOOTTIME too", "the wall clock alone"],
)
def test_a_tick_with_a_clock_25_days_ahead_opens_nothing_and_the_next_one_all_that_is_due(
    tmp_path, ahead, more
):
    household = Household(tmp_path / "household")
    capsule = household.capsule(opens_in=timedelta(days=20), photos=0)
    assert household.run("tick")["opened"] == []
    due = household.capsule(opens_in=timedelta(hours=-1), photos=0)

    right = household.environment
    household.environment = right | ahead | more
    ticked = household.ask("tick")
    counted = household.ask("create", "Later", "--opens", "in 1 year", "--yes")
    household.environment = right

    assert ticked.returncode == 5, ticked.stderr
    answer = json.loads(ticked.stdout)
    assert answer["opened"] == []
    assert "The clock of this machine" in answer["doubt"]
    assert json.loads(counted.stdout)["error"]["reason"] == "date_from_doubted_clock"
    assert [household.state(one) for one in (capsule, due)] == ["sealed", "sealed"]

    household.run("tick")
    assert [household.state(one) for one in (capsule, due)] == ["sealed", "open"]
    assert {to: len(links) for to, links in household.letters("/g/o/").items()} == {
        "ada@example.org": 1,
        "ben@example.org": 1,
    }
