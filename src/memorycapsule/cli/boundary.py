"""The boundary: whatever happens behind it, a person reads one sentence and a script gets its exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from typer.exceptions import Abort, TyperException

from memorycapsule.cli.door import Door
from memorycapsule.cli.output import Output, unwritten
from memorycapsule.cli.standard import silence
from memorycapsule.errors import (
    CapsuleError,
    DiskFull,
    Unexpected,
    UsageProblem,
    is_disk_full,
    system_problem,
)
from memorycapsule.words.languages import known, language_of_environment

_INTERRUPTED = 130


class Interrupted(CapsuleError):
    """Somebody pressed Ctrl-C."""

    code = "interrupted"
    exit_code = _INTERRUPTED


class NotConfirmed(CapsuleError):
    """Somebody said no to a question."""

    code = "not_confirmed"


def run(command: Callable[..., Any], words: Sequence[str]) -> int:
    """Run a command line and return its exit code; nothing is raised."""
    # Known before anything is parsed, so that a mistake in the command line is told as JSON and in the language, too.
    options = _options(words)
    out = Output(as_json="--json" in options, language=_language(options))
    door = Door(out)
    try:
        code = _within(command, words, door)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read along has enough
        silence(sys.stdout.fileno())
        return 1
    except OSError as error:
        silence(sys.stdout.fileno())
        door.out.error(unwritten(error))
        return 1
    return code


def _within(command: Callable[..., Any], words: Sequence[str], door: Door) -> int:
    try:
        ended = command(args=list(words), prog_name="capsule", standalone_mode=False, obj=door)
    except BrokenPipeError:
        raise
    except SystemExit as ending:  # how Typer ends its completion
        return ending.code if isinstance(ending.code, int) else 0
    except BaseException as error:  # noqa: BLE001 - the one place where everything ends
        if isinstance(error, TyperException) and _is_help(error) and not door.out.as_json:
            door.out.warn(error.format_message().strip())
            return UsageProblem.exit_code
        failure = _as_ours(error)
        if door.out.is_verbose:
            import traceback

            traceback.print_exc(file=sys.stderr)
        door.out.error(failure)
        if failure.reason == "answer_unwritten":
            silence(sys.stdout.fileno())
        return failure.exit_code
    code = ended if isinstance(ended, int) else 0
    if code == _INTERRUPTED:  # Typer's answer to Ctrl-C
        door.out.error(Interrupted())
    return code


def _as_ours(error: BaseException) -> CapsuleError:
    match error:
        case CapsuleError():
            return error
        case TyperException():
            return _usage(error)
        case Abort():
            return NotConfirmed()
        case KeyboardInterrupt():
            return Interrupted()
        case OSError() if is_disk_full(error):
            return DiskFull()
        case OSError() if error.filename and error.strerror:
            return CapsuleError(
                "file_system", file=os.fsdecode(error.filename), problem=system_problem(error)
            )
        case _:
            return Unexpected()


def _usage(error: TyperException) -> CapsuleError:
    from memorycapsule.cli.usage import usage_problem

    problem = (
        UsageProblem("usage_no_command") if _is_help(error) else usage_problem(error.format_message().strip())
    )
    path = getattr(getattr(error, "ctx", None), "command_path", "capsule")
    return UsageProblem("command_misused", problem=problem, command=path)


def _is_help(error: TyperException) -> bool:
    """Tell whether a family was called without a command: its message is the help. Typer keeps the class to itself."""
    return error.__class__.__name__ == "NoArgsIsHelpError"


def _language(options: Sequence[str]) -> str:
    """Return the language of the last --lang, otherwise that of the environment."""
    for place, word in reversed([*enumerate(options, 1)]):
        name, _, value = word.partition("=")
        if name == "--lang" and (language := known(value or "".join(options[place : place + 1]))):
            return language
    return language_of_environment(os.environ)


def _options(words: Sequence[str]) -> Sequence[str]:
    return words[: words.index("--")] if "--" in words else words
