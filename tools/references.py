"""
Writes what the references in `docs/` have from the program: its commands, settings, exit codes and the API.

    .venv/bin/python tools/references.py

It stands between `<!-- begin: NAME -->` and `<!-- end -->`; everything else on these pages is written by hand. Texts in
other languages are found in the catalogues of the program, or by the English ones in `docs/LANGUAGE/references.po`. A
table of an English page is written into the others with its last column translated.

`tests/integration/docs/test_references.py` fails when a page is not up to date.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import typer.main
from answers import ANSWERS, answers_of, models, written

import memorycapsule
from memorycapsule.cli import app, help_pages
from memorycapsule.config.settings import fields, sections
from memorycapsule.daemon.http.api.document import api_document
from memorycapsule.errors import CapsuleError
from memorycapsule.words.catalogues import wording
from memorycapsule.words.languages import DEFAULT, languages
from memorycapsule.words.po import read_po

DOCS = Path(__file__).parents[1] / "docs"
PACKAGE = Path(memorycapsule.__file__).parent
PAGES = ("commands", "exit-codes", "configuration", "api", "metrics", "events")
_BLOCK = re.compile(r"(<!-- begin: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)
#: Where one sentence ends and the next begins. Documents have one on a line.
_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9가-힣`])")
#: A kind of error that has a code of its own.
_CODE = re.compile(r'^    code(?:: .*)? = "', re.MULTILINE)
_REF = "#/components/schemas/"


@dataclass
class Speaker:
    """Says things in one language, and keeps what it could not say."""

    language: str
    missing: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        path = DOCS / self.language / "references.po"
        self.texts: Mapping[str, str] = read_po(path).sentences if path.exists() else {}

    def __call__(self, english: str) -> str:
        """Return a text that stands in English in the program or on the English page."""
        if (
            self.language == DEFAULT
            or not english.strip()
            or not re.search(r"[a-z]{2}", _without_code(english))
        ):
            return english
        self.used.add(english)
        if english not in self.texts:
            self.missing.append(english)
        return self.texts.get(english, english)


def _without_code(text: str) -> str:
    return re.sub(r"`[^`]*`", "", text)


def _lines(text: str) -> Iterator[str]:
    """Yield a text with one sentence on a line."""
    yield from _SENTENCES.sub("\n", " ".join(text.split())).splitlines()


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    heads = list(heads)
    yield _row(heads)
    yield "|" + "---|" * len(heads)
    yield from map(_row, rows)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


# The commands


@cache
def _help(language: str) -> dict[str, help_pages.HelpPage]:
    root = typer.main.get_command(app)
    return {page.called: page for page in help_pages.all_pages(root, language)}


def leaves() -> list[str]:
    """Return the commands that do something, without those that are families of them."""
    return [page.called.removeprefix("capsule ") for page in _help(DEFAULT).values() if not page.commands]


def _options(say: Speaker) -> Iterator[str]:
    page = _help(say.language)["capsule"]
    yield from _table([say("option"), say("meaning")], ((f"`{name}`", text) for name, text in page.options))


def _command(say: Speaker, name: str) -> Iterator[str]:
    page = _help(say.language)[f"capsule {name}"]
    for paragraph in page.paragraphs:
        yield from (*_lines(paragraph), "")
    yield from ("```text", " ".join((page.called, *page.usage)), "```", "")
    rows = [*page.arguments, *(row for row in page.options if row[0] != "-h, --help")]
    named = [row for row in rows if row[0] != "--help"]
    if named:
        yield from _table(
            [say("argument or option"), say("meaning")], ((f"`{one}`", text) for one, text in named)
        )
        yield ""
    yield from ("```sh", *page.examples, "```", "")
    yield from ("```text", *map(written, answers_of(name)), "```")


def _shapes_of_commands(say: Speaker) -> Iterator[str]:
    schemas: dict[str, Any] = {}
    for model in models(tuple(ANSWERS.values())):
        schema = model.model_json_schema(mode="serialization", ref_template=_REF + "{model}")
        schemas |= schema.pop("$defs", {}) | {model.__name__: schema}
    yield from _shapes(say, schemas)


# Shapes of JSON


def _shapes(say: Speaker, schemas: Mapping[str, Any]) -> Iterator[str]:
    objects = {name: one for name, one in sorted(schemas.items()) if one.get("properties")}
    for number, (name, schema) in enumerate(objects.items()):
        yield from (*([""] if number else []), f"### {name}", "")
        described = " ".join(schema.get("description", "").split())
        if described:
            yield from (*_lines(say(described)), "")
        yield from _table(
            [say("key"), say("value"), say("meaning")],
            (
                (f"`{key}`", _kind(one, schemas), say(one.get("description", "")))
                for key, one in schema["properties"].items()
            ),
        )


def _kind(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    """Return what a value may be: `string`, `[Story]`, `sealed` / `open`."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _kind(schemas[name], schemas) if "enum" in schemas[name] else f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " / ".join(_kind(one, schemas) for one in schema["anyOf"])
    if "enum" in schema:
        return " / ".join(f"`{one}`" for one in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    match schema.get("type"):
        case "array":
            return f"list: {_kind(schema['items'], schemas)}" if schema.get("items") else "list"
        case "string" if schema.get("format"):
            return str(schema["format"])
        case str(kind):
            return kind
        case _:
            return "any"


# Exit codes


def _kinds(kind: type[CapsuleError]) -> Iterator[type[CapsuleError]]:
    yield kind
    for one in kind.__subclasses__():
        yield from _kinds(one)


def _exit_codes(say: Speaker) -> Iterator[str]:
    for path in sorted(PACKAGE.rglob("*.py")):
        if _CODE.search(path.read_text(encoding="utf-8")):
            importlib.import_module(".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts))
    sentences = wording(say.language, "manual").sentences
    codes: dict[int, set[str]] = {0: set()}
    for kind in _kinds(CapsuleError):
        if kind.__module__.startswith(memorycapsule.__name__):
            codes.setdefault(kind.exit_code, set()).add(kind.code)
    rows = (
        (
            str(number),
            sentences[f"manual_exit_{number}"],
            ", ".join(f"`{one}`" for one in sorted(codes[number])),
        )
        for number in sorted(codes)
    )
    yield from _table([say("code"), say("meaning"), say("`code` of the error with `--json`")], rows)


# Settings


def _settings(say: Speaker) -> Iterator[str]:
    section = None
    for key, info in fields().items():
        here = key.rpartition(".")[0]
        if here != section:
            section = here
            if here:
                yield from ("", f"## [{here}]", "", *_lines(say(" ".join(sections()[here].split()))), "")
            yield from _table([say("setting"), say("default"), say("meaning")], [])
        default = (
            ""
            if info.default_factory or info.is_required() or info.default is None
            else f"`{_plain(info.default)}`"
        )
        yield _row((f"`{key}`", default, say(info.description or "")))


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# The API


@cache
def _api() -> dict[str, Any]:
    return api_document("")


def operations() -> Iterator[tuple[str, str, dict[str, Any], list[dict[str, Any]]]]:
    """Yield method, path, operation and parameters of all that can be asked for."""
    for path, operations in _api()["paths"].items():
        beside = operations.get("parameters", [])
        for method, operation in operations.items():
            if method != "parameters":
                yield method.upper(), path, operation, [*beside, *operation.get("parameters", [])]


def _api_of(say: Speaker, tag: str) -> Iterator[str]:
    for one in _api()["tags"]:
        if one["name"] == tag:
            yield from (*_lines(say(one["description"])), "")
    found = [one for one in operations() if one[2]["tags"] == [tag]]
    rows = []
    for method, path, operation, parameters in found:
        said = operation["summary"] + "."
        asked = [f"`?{one['name']}`" for one in parameters if one["in"] == "query"]
        asked += [f"`{one['name']}:`" for one in parameters if one["in"] == "header"]
        asked += [_content(one) for one in [operation.get("requestBody", {})] if one]
        gets = [
            f"{status} {_content(answer)}".strip()
            for status, answer in operation["responses"].items()
            if str(status)[0] in "23"
        ]
        rows.append((f"`{method} {path}`", " ".join(asked), ", ".join(gets), say(said)))
    yield from _table([say("request"), say("takes"), say("answers"), say("meaning")], rows)


def _content(body: Mapping[str, Any]) -> str:
    kinds = []
    for kind, content in body.get("content", {}).items():
        reference = content.get("schema", {}).get("$ref", "")
        name = reference.rpartition("/")[2]
        kinds.append(f"[{name}](#{name.lower()})" if name else f"`{kind}`")
    return " ".join(kinds)


def _shapes_of_api(say: Speaker) -> Iterator[str]:
    yield from _shapes(say, _api()["components"]["schemas"])


# Tables of the English page


def tables(page: str) -> dict[str, list[str]]:
    """Return the tables of an English page by the headings above them."""
    found: dict[str, list[str]] = {}
    heading = ""
    for line in (DOCS / DEFAULT / f"{page}.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line.startswith("|"):
            found.setdefault(heading, []).append(line)
    return found


def _translated(say: Speaker, page: str, heading: str) -> Iterator[str]:
    head, line, *rows = tables(page)[heading]
    yield _row(say(cell) for cell in _cells(head))
    yield line
    for row in rows:
        *first, last = _cells(row)
        yield _row((*first, say(last)))


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip().removeprefix("|").removesuffix("|").split(" |")]


# Pages

#: What is written into one place of a page, by its name.
BLOCKS: Mapping[str, Callable[[Speaker], Iterator[str]]] = {
    "options": _options,
    "shapes of commands": _shapes_of_commands,
    "exit codes": _exit_codes,
    "settings": _settings,
    "shapes of the API": _shapes_of_api,
}


def _block(say: Speaker, page: str, name: str) -> Iterator[str]:
    kind, _, rest = name.partition(" ")
    if name in BLOCKS:
        return BLOCKS[name](say)
    if kind == "command":
        return _command(say, rest)
    if kind == "API":
        return _api_of(say, rest)
    assert kind == "table", name
    return _translated(say, page, rest)


def names(page: Path) -> list[str]:
    """Return the names of the blocks of a page."""
    return [found[1] for found in _BLOCK.findall(page.read_text(encoding="utf-8"))]


def written_page(say: Speaker, page: Path) -> str:
    """Return what a page should be."""

    def block(found: re.Match[str]) -> str:
        text = "\n".join(_block(say, page.stem, found[2]))
        return f"{found[1]}\n{text}\n\n{found[3]}"

    return _BLOCK.sub(block, page.read_text(encoding="utf-8"))


def references() -> dict[Path, str]:
    """Return what all references should be, by their paths. Raises ValueError where translations do not fit."""
    found: dict[Path, str] = {}
    for language in languages():
        say = Speaker(language)
        for page in PAGES:
            path = DOCS / language / f"{page}.md"
            found[path] = written_page(say, path)
        if say.missing:
            raise ValueError("\n".join(["These have no translation:", *dict.fromkeys(say.missing)]))
        if left := say.texts.keys() - say.used:
            raise ValueError("\n".join(["These are said nowhere:", *sorted(left)]))
    return found


def main() -> None:
    try:
        for path, text in references().items():
            path.write_text(text, encoding="utf-8")
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
