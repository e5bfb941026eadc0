"""Rules about the files themselves: their length, their words, and what must not stand in them."""

import ast
import json
import re
import tomllib
from pathlib import Path

import pytest

from support.syntax_trees import tree_of

PROJECT = Path(__file__).parents[2]
LOCKS = sorted((PROJECT / "requirements").glob("*.lock"))
CODE = sorted(
    path for folder in ("src", "tests", "tools", "benchmarks") for path in (PROJECT / folder).rglob("*.py")
)
WORDS = sorted(
    path
    for path in [
        *PROJECT.glob("*"),
        *(PROJECT / ".ci").glob("*"),
        *(
            found
            for folder in (".github", "src", "docs", "tools", "requirements", "benchmarks", "deploy")
            for found in (PROJECT / folder).rglob("*")
        ),
    ]
    if path.suffix
    in {
        "",
        ".py",
        ".md",
        ".toml",
        ".sh",
        ".css",
        ".js",
        ".html",
        ".txt",
        ".in",
        ".lock",
        ".j2",
        ".yml",
        ".yaml",
    }
    and path.is_file()
    and "__pycache__" not in path.parts
)


def name(path: Path) -> str:
    return str(path.relative_to(PROJECT))


def found(pattern: str, paths: list[Path]) -> list[str]:
    return [
        f"{name(path)}:{number}: {line.strip()[:120]}"
        for path in paths
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(pattern, line)
    ]


def test_there_is_something_to_look_at():
    assert len(CODE) > 20
    assert len(LOCKS) == 7
    assert PROJECT / "README.md" in WORDS


def test_no_file_is_longer_than_500_lines():
    lengths = {name(path): len(path.read_text().splitlines()) for path in CODE}

    assert {path: length for path, length in lengths.items() if length > 500} == {}


def test_nothing_is_left_for_later_in_the_code():
    assert (
        found(
            r"\b(TODO|FIXME|XXX|HACK)\b|NotImplementedError", [path for path in CODE if "src" in path.parts]
        )
        == []
    )


def test_no_path_of_somebodys_machine_stands_in_a_file():
    assert found(r"(?<![\w.~:/-])/(home|Users|root|work)/\w", WORDS) == []


def test_the_code_has_no_drawer_for_odds_and_ends():
    drawers = {"utils", "util", "common", "helpers", "core", "base", "misc"}

    assert [
        name(path)
        for path in CODE
        if "src" in path.parts and (path.stem in drawers or path.parent.name in drawers)
    ] == []


def test_the_lock_file_of_the_other_language_holds_hashes_and_no_address():
    lock = (PROJECT / "requirements" / "s3rver" / "package-lock.json").read_text()
    packages = json.loads(lock)["packages"]

    assert "://" not in lock
    assert all(one["integrity"].startswith("sha512-") for name, one in packages.items() if name)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_file_holds_pins_and_hashes_and_nothing_else(lock: Path):
    pin = re.compile(r"[a-z0-9._-]+(\[[a-z,]+\])?==[\w.+!]+( ; [\w .'<>=!()*]+)?( \\)?")
    hashed = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
    lines = lock.read_text().splitlines()

    assert [line for line in lines if not pin.fullmatch(line) and not hashed.fullmatch(line)] == []
    assert found(r"://|index|\.(com|org|net|io)\b", [lock]) == []


def test_the_lock_files_agree_and_each_holds_the_smaller_one():
    def pins(layer: str) -> set[str]:
        return set(
            re.findall(
                r"^[a-z0-9].*?(?= \\$)", (PROJECT / f"requirements/{layer}.lock").read_text(), re.MULTILINE
            )
        )

    assert pins("runtime") < pins("test") < pins("all")


def test_pyproject_and_the_runtime_requirements_name_the_same_libraries():
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["dependencies"]
    lines = (PROJECT / "requirements/runtime.in").read_text().splitlines()
    required = [line for line in lines if line and not line.startswith("#")]
    for_installing = {"editables", "hatchling"}

    assert sorted(declared) == [
        line for line in sorted(required) if re.split(r"\W", line)[0] not in for_installing
    ]


def test_every_required_library_is_pinned():
    for layer in ("runtime", "test", "all"):
        lines = (PROJECT / f"requirements/{layer}.in").read_text().splitlines()
        wanted = {re.split(r"[<>=\[ ]", line)[0] for line in lines if line and line[0] not in "#-"}
        pinned = {
            line.split("==")[0].split("[")[0]
            for line in (PROJECT / f"requirements/{layer}.lock").read_text().splitlines()
        }

        assert wanted <= pinned


@pytest.mark.parametrize("document", ["security.md", "en/promises.md"])
def test_the_tests_that_a_page_names_are_there(document):
    page = (PROJECT / "docs" / document).read_text()
    path, missing = "", []
    for named, test in re.findall(r"`([\w/]+\.py)?::(test_\w+)`", page):
        path = named or path
        if not re.search(rf"^ *def {test}\(", (PROJECT / "tests" / path).read_text(), re.MULTILINE):
            missing.append(f"{path}::{test}")

    assert path
    assert missing == []


def test_the_page_on_security_has_every_group():
    page = (PROJECT / "docs" / "security.md").read_text()

    assert all(f"\n| {group} |" in page for group in range(1, 16))


def test_every_promise_can_be_shown():
    """Each row of the page on promises ends with a test or a command."""
    page = (PROJECT / "docs" / "en" / "promises.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| ") and line.count("|") == 4]
    shown = [line.split("|")[3] for line in rows if not line.startswith("| what could")]

    assert len(shown) > 30
    assert [one for one in shown if "`" not in one] == []


def test_the_workflow_runs_what_anybody_can_run_and_may_change_nothing():
    workflow = (PROJECT / ".github/workflows/ci.yml").read_text()

    assert re.findall(r"\brun: (.*)", workflow) == [".ci/run"]
    assert re.findall(r"^permissions:\n((?:  .*\n)+)", workflow, re.MULTILINE) == ["  contents: read\n"]


def test_no_function_takes_more_than_eight_positional_parameters():
    """But the commands: what Typer hands them are their options, each by its name."""
    found = {}
    for path in sorted((PROJECT / "src").rglob("*.py")):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names = [one.arg for one in (*node.args.posonlyargs, *node.args.args)]
                is_command = names[:1] == ["ctx"]
                if len([name for name in names if name not in {"self", "cls"}]) > 8 and not is_command:
                    found[f"{path.name}:{node.name}"] = len(names)
    assert found == {}
