"""
What a page for readers shows of the command line: statements, and what each of them prints.

A fence `console` holds statements that run one after the other: `$ capsule list`, and below it what it prints. In what
it prints `...` stands for any text, on a line of its own for any lines, and a break of a line is as good as a space. In
a statement a word with `...` stands for what was last printed there: `CAPSULE_TOKEN=...`, `http://127.0.0.1:8484/...`;
`...` alone is the id that was printed last. A statement that ends in `\\` goes on after `> `. A statement that fails is
followed by `$ echo $?`, and one that ends in ` &` runs to the end of its page, or until `$ kill %1`.

A comment above a fence says what its first statement is answered on a terminal: `<!-- answers: yuna@example.org | none -->`.
A comment `<!-- another machine -->` above a fence says that from there on it is another one: with a home of its own,
nothing that was exported, and the same disks below `/media` and `/srv`.
A comment at the beginning of a page says what is there before the first statement: `<!-- stage: instance capsule -->`
(see `stages.py`).

A fence `sh` is shown and not run: it needs root, or another machine.
"""

import re
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[3]
LANGUAGES = ("en", "ko")

_FENCE = re.compile(r"^ *```(\S*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_ANSWERS = re.compile(r"<!-- answers:(.*?)-->\s*\Z", re.DOTALL)
_ELSEWHERE = re.compile(r"<!-- another machine -->\s*\Z")
_STAGE = re.compile(r"<!-- stage:(.*?)-->")


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement of a page."""

    #: The line of the page that it begins on.
    line: int
    text: str
    #: What it prints, as the page has it.
    prints: str
    #: What a person types where it asks.
    answers: tuple[str, ...] = ()
    #: Whether it is the first one on another machine.
    is_elsewhere: bool = False


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page in one language."""

    path: Path
    language: str
    #: What is there before the first statement.
    stage: tuple[str, ...]
    statements: tuple[Statement, ...]
    #: The statements that are shown and not run.
    shown: tuple[str, ...]

    @property
    def name(self) -> str:
        """As tests name it: `en/first-hour`."""
        return f"{self.language}/{self.path.stem}"


def read_page(path: Path) -> Page:
    """Return what a page shows of the command line. Raises AssertionError where a fence cannot be read."""
    text = path.read_text()
    found: list[Statement] = []
    shown: list[str] = []
    for fence in _FENCE.finditer(text):
        kind, body = fence.groups()
        if kind == "sh":
            shown += re.sub(r"\\\n\s*", "", body).splitlines()
        elif kind == "console":
            answers = _ANSWERS.search(text[: fence.start()])
            first = text[: fence.start(2)].count("\n") + 1
            given = tuple(one.strip() for one in answers[1].split("|")) if answers else ()
            elsewhere = _ELSEWHERE.search(text[: fence.start()]) is not None
            found += _statements(body, first, given, elsewhere=elsewhere, where=path)
    stage = _STAGE.search(text)
    return Page(
        path=path,
        language=path.parent.name,
        stage=tuple(stage[1].split()) if stage else (),
        statements=tuple(found),
        shown=tuple(line.strip() for line in shown if line.strip()),
    )


def pages(folder: Path = PROJECT / "docs") -> list[Page]:
    """Return the pages in each language that have statements to run or to show."""
    paths = [path for language in LANGUAGES for path in sorted((folder / language).glob("*.md"))]
    read = [read_page(path) for path in paths]
    return [page for page in read if page.statements or page.shown]


def is_printed(expected: str, printed: str) -> bool:
    """Whether a page says what a statement printed."""
    pattern = "".join(
        "(?: .*?)?" if word == "..." else " " + re.escape(word).replace(r"\.\.\.", ".*?")
        for word in expected.split()
    )
    return re.fullmatch(pattern, "".join(f" {word}" for word in printed.split())) is not None


def _statements(
    body: str, first: int, answers: tuple[str, ...], *, elsewhere: bool, where: Path
) -> list[Statement]:
    found: list[tuple[int, str, list[str]]] = []
    goes_on = False
    for number, line in enumerate(body.splitlines(), first):
        if goes_on and line.startswith("> "):
            start, text, prints = found[-1]
            found[-1] = (start, text.removesuffix("\\") + line.removeprefix("> "), prints)
        elif line.startswith("$ "):
            found.append((number, line.removeprefix("$ "), []))
        else:
            assert found, f"{where}:{number}: a fence 'console' begins with a statement: $ capsule ..."
            found[-1][2].append(line)
        goes_on = line.endswith("\\") and not found[-1][2]
    return [
        Statement(
            line=start,
            text=text,
            prints="\n".join(prints).strip(),
            answers=answers if not at else (),
            is_elsewhere=elsewhere and not at,
        )
        for at, (start, text, prints) in enumerate(found)
    ]
