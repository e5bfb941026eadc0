"""Every twentieth point in CI, one disk that fails and one program beside it; `make faults` does all of them."""

import errno
from itertools import islice

import pytest

from faults import stracing
from faults.__main__ import POSTGRES_EVERY
from faults.operations import OPERATIONS
from faults.runs import scene

pytestmark = [
    pytest.mark.slow,
    # Nothing else runs in the threads of this process when it forks, and the child is a program of its own.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]
#: Which points are tried: a fixed twentieth.
_FIRST, _EVERY = 5, 20


@pytest.fixture(scope="module")
def stage():
    with scene() as made:
        yield made


@pytest.fixture(scope="module")
def stage_on_postgres(postgres):
    with scene(postgres) as made:
        yield made


@pytest.mark.parametrize("name", OPERATIONS)
def test_killed_at_any_point_everything_is_whole_and_goes_on(stage, name):
    _kill(stage, OPERATIONS[name], _EVERY)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(one, marks=[] if one in {"tick", "story add", "restore"} else pytest.mark.nightly)
        for one in OPERATIONS
    ],
)
def test_with_rows_in_postgres_it_is_the_same(stage_on_postgres, name):
    _kill(stage_on_postgres, OPERATIONS[name], _EVERY * POSTGRES_EVERY)


def _kill(stage, operation, every):
    points = stage.points(operation)

    for number in range(min(_FIRST, len(points)), len(points) + 1, every):
        assert stage.try_point(operation, number).broken == (), points[number - 1]


@pytest.mark.parametrize(("name", "error"), [("story add", errno.ENOSPC), ("backup", errno.EIO)])
def test_a_disk_that_fails_is_said_in_words_and_loses_nothing(stage, name, error):
    operation = OPERATIONS[name]
    last_commit = len(stage.points(operation)) - stage.points(operation)[::-1].index("commit<")

    assert stage.try_point(operation, last_commit, error=error).broken == ()


def test_two_programs_that_finish_the_same_rotation_leave_one_key(stage):
    operation = OPERATIONS["finish rotate"]
    moves = [number for number, point in enumerate(stage.points(operation), 1) if "re" in point]

    for number in islice(moves, 2):
        assert stage.try_beside(operation, number).broken == ()


def test_a_failing_fsync_beneath_the_program_loses_nothing(stage):
    if sentence := stracing.why_not():
        pytest.skip(sentence)

    assert stracing.try_injection(stage, OPERATIONS["story add"], *stracing.INJECTIONS[0]).broken == ()
