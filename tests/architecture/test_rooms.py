"""The tree says what it holds: names that exist once, words of the glossary, folders that can be taken in at a glance."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from support.syntax_trees import tree_of

PROJECT = Path(__file__).parents[2]
PACKAGE = PROJECT / "src" / "memorycapsule"
PAGES = PACKAGE / "daemon" / "http"

#: These hold the JSON contract and its requests: they say in their own classes what the domain says in its.
CONTRACTS = (PACKAGE / "schemas", PAGES / "api")

#: Plain English within names of the domain, which a glossary need not explain.
PLAIN = {
    "details",
    "json",
    "kind",
    "limits",
    "metadata",
    "placed",
    "rect",
    "size",
    "state",
    "text",
    "words",
}


def classes(path: Path) -> Iterator[str]:
    """The names of all classes in a module, inner ones too."""
    return (node.name for node in ast.walk(tree_of(path)) if isinstance(node, ast.ClassDef))


def words(name: str) -> list[str]:
    """The words of a module's or class's name, in small letters: `near_duplicates`, `KeyEnvelope`."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)]


def singular(word: str) -> str:
    """What a word has in common with its plural: story and stories, date and dates."""
    return re.sub(r"(ies|y|s+)$", "", word)


def glossary() -> set[str]:
    """Every word of every term in the glossary, in the singular."""
    text = (PROJECT / "docs/glossary.md").read_text().lower()
    terms = re.findall(r"^\| (?!word \|)([^|]+) \|", text, re.MULTILINE)
    return {singular(word) for term in terms for word in re.findall(r"\w+", term)}


def names_of_the_domain() -> Iterator[tuple[str, str]]:
    """Every name of a folder, a module or a public class of the domain, with its place."""
    domain = PACKAGE / "domain"
    for path in sorted(domain.rglob("*.py")):
        place = path.relative_to(domain)
        names = [*place.with_suffix("").parts, *classes(path)]
        yield from ((str(place), name) for name in names if not name.startswith("_"))


def test_no_class_has_the_name_of_another():
    places = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        if not any(path.is_relative_to(contract) for contract in CONTRACTS):
            for name in classes(path):
                places[name].append(str(path.relative_to(PACKAGE)))

    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_the_words_of_the_domain_stand_in_the_glossary():
    known = glossary() | {singular(word) for word in PLAIN}

    assert [
        f"{place}: {name} ({word})"
        for place, name in names_of_the_domain()
        for word in words(name)
        if singular(word) not in known
    ] == []


def test_every_excused_word_is_used_and_not_explained():
    used = {word for _, name in names_of_the_domain() for word in words(name)}

    assert sorted(PLAIN - used) == []
    assert [word for word in sorted(PLAIN) if singular(word) in glossary()] == []


def test_no_package_holds_more_than_25_modules_on_one_level():
    counts = {
        str(folder.relative_to(PACKAGE)): len(
            [path for path in folder.glob("*.py") if path.stem != "__init__"]
        )
        for folder in {path.parent for path in PACKAGE.rglob("*.py")}
    }

    assert {folder: count for folder, count in counts.items() if count > 25} == {}


def test_the_pages_have_at_most_13_rooms():
    rooms = sorted(entry.name for entry in PAGES.iterdir() if entry.name != "__pycache__")

    assert len(rooms) <= 13, rooms
