"""What people can read is true: the example configuration, the commands, the changelog."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import memorycapsule

PROJECT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path for folder in ("", "docs/**/", ".github/**/") for path in PROJECT.glob(f"{folder}*.md")
)

#: Where a sentence ends and the next begins on the same line. A small letter begins none, unless it is code or a link.
TWO_SENTENCES = re.compile(r"""(?<!\be\.g)(?<!\bi\.e)[.!?][)\]"'*]*\s+["'(*]*[A-Z0-9가-힣`[]""")
#: What looks like a file of the project, and is none.
IN_THE_DATA_FOLDER = {"cache/segments"}


def prose(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a document that are prose, with their numbers. Code within a line is one word without dots."""
    is_code = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            is_code = not is_code
        elif not is_code and not line.lstrip().startswith(("#", "|", "<", "![")):
            yield number, re.sub(r"`[^`]*`", "`code`", re.sub(r"^\s*([-*]|\d+\.) ", "", line))


def test_the_example_configuration_is_the_one_the_settings_describe():
    from memorycapsule.config import example_toml

    assert (PROJECT / "config.example.toml").read_text() == example_toml()


def commands() -> Iterator[tuple[str, object]]:
    """Every command that can be typed, as `capsule story add`, with its object."""
    import typer.main

    from memorycapsule.cli import app

    def walk(command: object, words: str) -> Iterator[tuple[str, object]]:
        children = getattr(command, "commands", None)
        if children is None:
            yield words, command
            return
        for word, child in children.items():
            if not child.hidden:
                yield from walk(child, f"{words} {word}")

    return walk(typer.main.get_command(app), "capsule")


def test_every_command_has_a_help_text_with_an_example():
    without = [
        words for words, command in commands() if words not in f"{command.help or ''} {command.epilog or ''}"
    ]

    assert without == []


def test_the_version_stands_in_one_place_and_the_package_is_built_with_it():
    from hatchling.metadata.core import ProjectMetadata
    from hatchling.plugin.manager import PluginManager

    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]

    assert "version" not in declared
    assert ProjectMetadata(str(PROJECT), PluginManager()).version == memorycapsule.__version__


def test_the_changelog_has_a_place_for_what_comes_next_or_the_version_of_now():
    text = (PROJECT / "CHANGELOG.md").read_text()

    assert re.search(rf"^## \[(Unreleased|{re.escape(memorycapsule.__version__)})\]", text, re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_links_between_documents_lead_somewhere(document: Path):
    targets = re.findall(r"\]\((?!\w+:)([^)#]+)", document.read_text())

    assert [target for target in targets if not (document.parent / target).exists()] == []


def fenced(document: str) -> list[str]:
    """The fenced blocks of a document in `docs/`."""
    return re.findall(
        r"^```\n(.*?)^```$", (PROJECT / "docs" / document).read_text(), re.MULTILINE | re.DOTALL
    )


def test_the_tree_in_the_architecture_is_the_one_that_is_there():
    drawn, branch = set(), []
    for line in fenced("architecture.md")[0].splitlines():
        name = line.split()[0].rstrip("/")
        branch[(len(line) - len(line.lstrip())) // 2 :] = [name]
        drawn.add("/".join(branch))
    there = {
        str(entry.relative_to(PROJECT))
        for folder in ("src/memorycapsule", "src/memorycapsule/daemon/http", "tests")
        for entry in (PROJECT / folder).iterdir()
        if entry.name[0] not in "_." and entry.name not in {"py.typed", "site.py", "conftest.py"}
    }

    assert [path for path in sorted(drawn) if not (PROJECT / path).exists()] == []
    assert sorted(there - drawn) == []


def test_the_layers_in_the_architecture_are_those_of_the_contract():
    drawn = re.split(r"\s+->\s+", fenced("architecture.md")[1].strip())
    contract = (PROJECT / ".importlinter").read_text().split("layers =\n")[1].split("\n\n")[0]

    assert drawn == [layer.strip() for layer in contract.splitlines()]


@pytest.mark.parametrize(
    "document", ["CONTRIBUTING.md", "docs/architecture.md", "docs/film.md", "docs/glossary.md"]
)
def test_every_file_that_a_document_names_is_there(document: str):
    words = set(re.findall(r"`([\w.*][\w.*/-]+)`", (PROJECT / document).read_text())) - IN_THE_DATA_FOLDER
    named = sorted(word for word in words if "/" in word or Path(word).suffix in {".md", ".py", ".toml"})
    package = PROJECT / "src" / "memorycapsule"
    roots = (PROJECT, package, package / "daemon" / "http", package / "render" / "stages")

    assert named
    assert [path for path in named if not any(any(root.glob(path)) for root in roots)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_documents_hold_one_sentence_a_line(document: Path):
    lines = prose(document.read_text())

    assert [f"{number}: {line[:120]}" for number, line in lines if TWO_SENTENCES.search(line)] == []


@pytest.mark.parametrize(
    ("line", "is_two"),
    [
        ("One sentence. Another one.", True),
        ("Is it one? No.", True),
        ("- It ends (with 7). `capsule list` begins the next.", True),
        ("It ends. [A link](README.md) begins the next.", True),
        ("**A bold one.** And a plain one.", True),
        ("1. The number of an item ends no sentence.", False),
        ("Something short, e.g. Python 3.11 or `a. B`.", False),
        ("| a table. It | may. Hold several |", False),
        ("```\nCode. It may, too.\n```", False),
    ],
)
def test_two_sentences_on_a_line_are_noticed(line: str, is_two: bool):
    assert any(TWO_SENTENCES.search(found) for _, found in prose(line)) is is_two
