"""The references of `docs/`, as `tools/references.py` writes them, and the answers of the command line that stand there."""

import json
import sys
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

PROJECT = Path(__file__).parents[2]


@cache
def tool(name: str) -> ModuleType:
    """A module of `tools/`, which is none of the program: `references` or `answers`."""
    folder = str(PROJECT / "tools")
    if folder not in sys.path:
        sys.path.append(folder)
    return import_module(name)


def hold_to_the_reference(words: Sequence[object], out: str) -> None:
    """Fail when the JSON that a command has said holds a key that the reference does not tell of, or lacks one."""
    answers = tool("answers")
    command = answers.command_of([str(word) for word in words])
    lines = out.splitlines()
    if command and len(lines) == 1 and lines[0].startswith("{"):
        problems = answers.problems(command, json.loads(lines[0]))
        assert not problems, f"docs/en/commands.md does not say of `{command}`: {problems}"
