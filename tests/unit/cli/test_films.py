"""What the command line says of how a film ended, here and of a distant daemon's."""

from datetime import UTC, datetime

from memorycapsule.cli.commands.running import film_failure, film_sentence
from memorycapsule.cli.output import Output
from memorycapsule.domain.film.montages import Montage, MontageState, Omission
from memorycapsule.errors import CapsuleError
from memorycapsule.schemas import montages
from memorycapsule.schemas.reasons import Reason

NOW = datetime(2026, 5, 8, tzinfo=UTC)
HUNG = Omission(of="", reason="renderer_hung")
KOREAN_HUNG = "필름을 만들다가 멈춰 있어서 끝냈어요."


def told(state, *report):
    """A film as a distant daemon tells of it."""
    film = Montage(
        id="7",
        capsule_id="3",
        is_opening=True,
        member_id=None,
        state=state,
        story_ids=(),
        soundtrack_blob=None,
        attempt=1,
        failures=0,
        lease=None,
        progress=1.0,
        seconds=12.0,
        film_blob=None,
        poster_blob=None,
        plan=None,
        report=report,
        queued_at=NOW,
        not_before=NOW,
        finished_at=NOW,
    )
    return montages.Montage.model_validate_json(montages.Montage.of(film).model_dump_json())


def test_what_a_film_does_without_is_said_in_the_language_of_the_terminal():
    film = told(MontageState.DEGRADED, HUNG)

    assert film.report == ["The renderer hung, and was ended."]
    assert film_sentence(film, Output(language="en")).endswith(f"film.mp4`\n  {film.report[0]}")
    assert film_sentence(film, Output(language="ko")).endswith(f"film.mp4`\n  {KOREAN_HUNG}")


def test_why_there_is_no_film_is_said_in_the_language_of_the_terminal_and_told_to_programs_by_its_reason():
    failure = film_failure(told(MontageState.FAILED, HUNG))

    assert Output(language="ko").spoken(failure) == f"필름이 없어요(만들지 못했어요): {KOREAN_HUNG}"
    assert isinstance(failure.values["problem"], CapsuleError)
    assert failure.values["problem"].reason == "renderer_hung"


def test_a_line_that_only_a_newer_daemon_knows_is_said_as_the_daemon_says_it():
    film = told(MontageState.FAILED, HUNG)
    newer = film.model_copy(update={"reasons": [Reason(reason="moon_too_bright", values={"lux": 9})]})

    assert Output(language="ko").spoken(film_failure(newer)).endswith(film.report[0])


def test_nothing_in_a_line_can_do_anything_to_a_terminal():
    film = told(
        MontageState.DEGRADED, Omission(of="", reason="other", values={"sentence": "\x1b[2JThe song is cut."})
    )

    assert film_sentence(film, Output(language="ko")).endswith("\n  \\x1b[2JThe song is cut.")
