"""docs/en/events.md names every event that is logged, with its fields, and none that is not."""

import ast
import re
from pathlib import Path

from memorycapsule.daemon import logs
from support.syntax_trees import tree_of

PROJECT = Path(__file__).parents[2]
REFERENCE = (PROJECT / "docs" / "en" / "events.md").read_text()
LEVELS = {"debug", "info", "warning", "error"}
#: What an exception becomes stands among the fields of all lines.
EVERYWHERE = {"exc_info"}
EVENT = re.compile(r"[a-z]+\.[a-z_]+")


def calls() -> list[ast.Call]:
    """All calls that log something by name."""
    trees = (tree_of(path) for path in (PROJECT / "src").rglob("*.py"))
    return [
        node
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in LEVELS
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"journal", "log"}
    ]


def logged() -> dict[str, set[str]]:
    """The fields of each event, as the program names them."""
    found: dict[str, set[str]] = {}
    for call in calls():
        for part in ast.walk(call.args[0]):
            if isinstance(part, ast.Constant):
                fields = {field.arg for field in call.keywords if field.arg} - EVERYWHERE
                found.setdefault(str(part.value), set()).update(fields)
    return found


def told() -> dict[str, tuple[set[str], set[str]]]:
    """Level and fields of each event in the reference."""
    rows = re.findall(r"^\| `([a-z]+\.[a-z_]+)` \| ([a-z, ]+) \| ([a-z_, ]*)\|", REFERENCE, re.MULTILINE)
    return {
        event: ({*levels.split(", ")}, {*filter(None, fields.strip().split(", "))})
        for event, levels, fields in rows
    }


def test_every_event_stands_in_the_reference_with_its_fields():
    reference = told()
    missing = {event: fields for event, fields in logged().items() if event not in reference}
    incomplete = {event: left for event, fields in logged().items() if (left := fields - reference[event][1])}

    assert missing == {}
    assert incomplete == {}


def test_no_event_stands_in_the_reference_that_the_program_does_not_know():
    words = {
        node.value
        for path in (PROJECT / "src").rglob("*.py")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and EVENT.fullmatch(node.value)
    }

    assert told().keys() - words == set()
    assert {level for levels, _fields in told().values() for level in levels} == LEVELS


def test_every_field_of_the_common_schema_stands_in_the_reference():
    event = {"event": "x.y", "timestamp": "t", "level": "info", "took_seconds": 1.0}
    line = logs.by_common_schema(
        None, "", event | dict.fromkeys(("logger", "request", "route", "error", "stack"), "")
    )
    names = {*line, *logs.ECS_NAMES.values(), "event.action"}

    assert [name for name in sorted(names) if f"`{name}`" not in REFERENCE] == []
