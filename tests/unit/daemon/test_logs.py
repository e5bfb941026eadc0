"""The log is read by programs under names that they know, and holds no secret and nobody's words."""

import errno
import json
import logging
import subprocess
import sys

import pytest

from memorycapsule.daemon.logs import mask
from memorycapsule.daemon.tracebacks import stack_of
from memorycapsule.errors import NotFound
from memorycapsule.journal import current_request, journal, on_behalf_of
from support.told_lines import ToldLines

REQUEST = "0123456789abcdef0123456789abcdef"
SECRETS = ("SECRET", "ben@", "grandmother")
PROGRAM = """
import logging
from memorycapsule.daemon import logs
from memorycapsule.journal import journal
logs.configure("{form}", is_verbose=True)
journal.info("page.shown", path="/g/i/SECRET")
try:
    raise ValueError("/g/o/SECRET of ben@example.org and of grandmother")
except ValueError:
    journal.debug("job.failed", exc_info=True)
    logging.getLogger("uvicorn.error").exception("went wrong at /g/i/SECRET\\nfuture: <Task exception=ValueError('grandmother')>")
"""


def test_logs_hold_no_tokens_and_no_addresses():
    said = 'GET /g/i/SECRET-token_1?lang=ko and http://x.test/album/g/o/SECRET2 for "Ada <ada@example.org>"'

    assert mask(said) == 'GET /g/i/(token)?lang=ko and http://x.test/album/g/o/(token) for "Ada <(address)>"'
    assert mask("/g/v/SECRET /g/consent/SECRET /sign-in/SECRET /sign-in/code /album/set-up/SECRET") == (
        "/g/v/(token) /g/consent/(token) /sign-in/(token) /sign-in/code /album/set-up/(token)"
    )


@pytest.mark.slow
@pytest.mark.parametrize("form", ["json", "pretty"])
def test_what_libraries_say_holds_nothing_either_even_in_tracebacks(form):
    program = PROGRAM.format(form=form)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == ""
    assert not [secret for secret in SECRETS if secret in done.stderr]
    assert "ValueError" in done.stderr
    if form == "json":
        shown, failed, foreign = (json.loads(line) for line in done.stderr.splitlines())
        assert (shown["message"], shown["event.action"]) == ("page.shown", "page.shown")
        assert failed["error.type"] == foreign["error.type"] == "ValueError"
        assert foreign["message"] == "went wrong at /g/i/(token)"
        assert foreign["log.logger"] == "uvicorn.error"
        assert "event.action" not in foreign, "what is said in words is no event of ours"


def test_a_line_has_the_names_of_the_common_schema_and_ours_below_capsule():
    told = ToldLines()
    with on_behalf_of(REQUEST):
        journal.warning(
            "film.failed", capsule="c1", montage="m1", reason="film_stuck", took_seconds=1.5, attempt=2
        )
    (line,) = told.all()

    assert line["@timestamp"].endswith("Z")
    assert line["log.level"] == "warning"
    assert (line["message"], line["event.action"]) == ("film.failed", "film.failed")
    assert (line["service.name"], line["event.dataset"]) == ("memorycapsule", "memorycapsule.log")
    assert line["http.request.id"] == REQUEST
    assert (line["capsule.id"], line["capsule.montage"], line["capsule.attempt"]) == ("c1", "m1", 2)
    assert line["event.reason"] == "film_stuck"
    assert line["event.duration"] == 1_500_000_000, "nanoseconds"
    assert "event" not in line


def test_a_request_is_named_in_its_block_and_nowhere_else():
    told = ToldLines()
    with on_behalf_of(REQUEST):
        with on_behalf_of(None):
            journal.info("capsule.opened")
        assert current_request() == REQUEST
    journal.info("daemon.ended")

    assert ["http.request.id" in line for line in told.all()] == [False, False]
    assert current_request() is None


def nested() -> Exception:
    """An error of ours, caused by one of the system, caused by one of a library that quotes what it was given."""
    try:
        int("grandmother's story")
    except ValueError as quoting:
        system = OSError(errno.ENOSPC, "No space", "/home/grandmother/secret.jpg")
        system.__cause__ = quoting
        ours = NotFound("film_story_unknown", story="grandmother")
        ours.__cause__ = system
        return ours
    raise AssertionError


def test_a_traceback_tells_kinds_and_places_and_quotes_nobody():
    stack = stack_of(nested())
    kinds = [part.splitlines()[-1] for part in stack.split("\n\n")]

    assert kinds == ["ValueError", "OSError: ENOSPC", "NotFound: film_story_unknown"]
    assert "grandmother" not in stack.replace('int("grandmother\'s story")', ""), (
        "but in the line of the source"
    )
    assert "in nested" in stack


def test_a_traceback_of_a_group_tells_all_its_errors_and_one_that_causes_itself_ends():
    first, second = KeyError("grandmother"), RuntimeError("grandmother")
    second.__context__ = first
    first.__context__ = second
    stack = stack_of(ExceptionGroup("grandmother", [first, second]))

    assert "grandmother" not in stack
    assert [kind in stack for kind in ("KeyError", "RuntimeError", "ExceptionGroup")] == [True] * 3


def test_what_is_no_exception_is_left_alone():
    told = ToldLines()
    journal.warning("job.failed", exc_info=None)
    journal.log(logging.WARNING, "job.failed", exc_info=True)

    assert [set(line) & {"error.type", "error.stack_trace"} for line in told.all()] == [set(), set()]
