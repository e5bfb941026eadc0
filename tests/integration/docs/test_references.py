"""The references say what the program has: commands, options, settings, metrics, exit codes and JSON, in each language."""

import re

import pytest

from integration.docs.pages import LANGUAGES, PROJECT
from memorycapsule.schemas.members import Member
from support.references import tool

TOOL, ANSWERS = tool("references"), tool("answers")
DOCS = PROJECT / "docs"


@pytest.fixture(scope="module")
def written():
    return TOOL.references()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", TOOL.PAGES)
def test_a_reference_is_the_one_that_the_tool_writes(written, language: str, page: str):
    path = DOCS / language / f"{page}.md"

    assert path.read_text() == written[path], "Run .venv/bin/python tools/references.py."


def test_whatever_the_program_says_is_written_into_a_page():
    blocks = {name for page in TOOL.PAGES for name in TOOL.names(DOCS / "en" / f"{page}.md")}

    assert [name for name in TOOL.BLOCKS if name not in blocks] == []


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
@pytest.mark.parametrize("page", TOOL.PAGES)
def test_what_is_written_into_a_page_is_written_into_it_in_each_language(language: str, page: str):
    """Of an English page that is written by hand, those are its tables."""
    tables = [f"table {heading}" for heading in TOOL.tables(page)]

    assert TOOL.names(DOCS / language / f"{page}.md") == (TOOL.names(DOCS / "en" / f"{page}.md") or tables)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_command_has_its_place_and_none_is_left_that_is_gone(language: str):
    named = [name for name in TOOL.names(DOCS / language / "commands.md") if name.startswith("command ")]

    assert sorted(named) == sorted(f"command {command}" for command in TOOL.leaves())
    assert sorted(ANSWERS.ANSWERS) == sorted(TOOL.leaves())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_request_of_the_api_has_its_place(language: str):
    text = (DOCS / language / "api.md").read_text()
    asked = {f"`{method} {path}`" for method, path, *_more in TOOL.operations()}

    assert {one for one in asked if f"| {one} |" not in text} == set()
    assert set(re.findall(r"^\| (`[A-Z]+ /api/[^`]+`) \|", text, re.MULTILINE)) == asked


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
@pytest.mark.parametrize("page", TOOL.PAGES)
def test_a_reference_has_the_same_headings_in_each_language(language: str, page: str):
    def levels(folder: str) -> list[int]:
        text = re.sub(
            r"^```.*?^```$", "", (DOCS / folder / f"{page}.md").read_text(), flags=re.MULTILINE | re.DOTALL
        )
        return [len(one) for one in re.findall(r"^(#+) ", text, re.MULTILINE)]

    assert levels(language) == levels("en")


@pytest.mark.parametrize(
    ("command", "answer", "problem"),
    [
        ("db check", {"database": {"revision": "9", "newest": "9"}}, None),
        ("db check", {"database": {"revision": "9", "newest": "9", "age": 3}}, "database.age is not told of"),
        ("db check", {"database": {"revision": "9"}}, "database.newest is not there"),
        ("healthcheck", {"health": {"url": "", "status": "fine", "heartbeat_age_seconds": 3}}, "is 'fine'"),
        ("member role", {"member": {"id": "1", "role": "owner"}}, "member.name: Field required"),
        ("story show", {"error": {"code": "not_found"}}, None),
        ("leave", {"member": None}, None),
    ],
)
def test_an_answer_that_the_reference_does_not_tell_of_is_noticed(command, answer, problem):
    found = ANSWERS.problems(command, {"schema": 1, **answer})

    assert any(problem in one for one in found) if problem else found == []


def test_what_has_no_translation_is_noticed():
    say = TOOL.Speaker("ko")

    assert say("Nobody has translated this.") == "Nobody has translated this."
    assert say.missing == ["Nobody has translated this."]


def test_shapes_are_written_as_people_read_them():
    shape = {"file": "", "state": "fits|missing", "left": [{"id": ""}], "member": Member}

    assert ANSWERS.written(shape) == '{"file", "state": "fits|missing", "left": [{"id"}], "member": Member}'
