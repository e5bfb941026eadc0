"""A tenth of `make cluster`, and that it notices what is planted."""

import pytest

from cluster.play import Play, perform

TENTH = {
    "capsules": 6,
    "workers": 2,
    "kills": 1,
    "kill_every_seconds": 6,
    "stopped_seconds": 12,
    "minutes": 10,
    "fault": "short",
}


@pytest.mark.slow
def test_a_day_on_which_machines_are_killed_stopped_and_cut_off_ends_as_if_nothing_had_been():
    play = Play(**TENTH)
    outcome = perform(play)

    assert list(outcome.broken(kills=play.kills)) == []


@pytest.mark.nightly
@pytest.mark.parametrize("fault", ["never", "any"])
def test_a_lease_that_means_nothing_is_noticed(fault):
    play = Play(**TENTH | {"fault": fault, "minutes": 3})
    outcome = perform(play)

    assert list(outcome.broken(kills=play.kills)) != []
