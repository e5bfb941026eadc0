"""
What is raised says why by a reason, and every reason has a sentence in each language whose places its values fill.

The code is read, not run: a reason is a literal where an error is made, and its values are keywords beside it.
"""

from __future__ import annotations

import ast
import functools
import re
import string
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import memorycapsule
import memorycapsule.cli.distant.client
import memorycapsule.daemon.http.uploads.tus
import memorycapsule.demo.life
from memorycapsule.errors import CapsuleError, DiskFull, MediaRefused, Refusal
from memorycapsule.words.catalogues import Wording, wording
from memorycapsule.words.languages import languages
from support.syntax_trees import tree_of

PACKAGE = Path(memorycapsule.__file__).parent
#: The rooms of those who know the language of a person.
DOORS = ("cli", "daemon", "demo")
#: What stands before the reason of an error in the names of its sentences: of all doors, and of one that says more.
VOICES = ("error", "cli_error", "page_error", "letter_error")
#: The functions that make a sentence of an error.
SAYERS = {"sentence_of", "english_sentence_of", "spoken", "sentence"}


@dataclass(frozen=True)
class Made:
    """A place in the code that makes an error."""

    where: str
    kind: str
    #: None where it is none that stands in the code.
    reason: str | None
    #: None where they are passed on (`**values`).
    values: frozenset[str] | None


def kinds_of_errors(kind: type[CapsuleError] = CapsuleError) -> set[type[CapsuleError]]:
    return {kind}.union(*map(kinds_of_errors, kind.__subclasses__()))


KINDS = {kind.__name__: kind for kind in kinds_of_errors()}


@functools.cache
def trees() -> dict[str, ast.Module]:
    return {str(path.relative_to(PACKAGE)): tree_of(path) for path in sorted(PACKAGE.rglob("*.py"))}


def kind_of(call: ast.Call) -> str | None:
    """The kind of error that a call makes; `type(error)(...)` makes any."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name) if name in KINDS or name == "WrongSetting":
            return name
        case ast.Call(func=ast.Name(id="type")):
            return "CapsuleError"
    return None


def table_of(name: str, tree: ast.Module) -> ast.Dict | None:
    """The table of words of that name in a module."""
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=ast.Dict() as table) if target == name:
                return table
    return None


def reasons_in(argument: ast.expr, tree: ast.Module) -> Iterator[str | None]:
    """The words that an argument may be; None for what stands elsewhere."""
    match argument:
        case ast.Constant(value=str(word)):
            yield word
        case ast.IfExp(body=one, orelse=other):
            yield from reasons_in(one, tree)
            yield from reasons_in(other, tree)
        case ast.Subscript(value=ast.Name(id=name)) if table := table_of(name, tree):
            for word in table.values:
                yield from reasons_in(word, tree)
        case ast.Attribute(value=ast.Name(id="Refusal"), attr=name):
            yield str(Refusal[name])
        case _:
            yield None


@functools.cache
def made() -> tuple[Made, ...]:
    found = []
    for path, tree in trees().items():
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            kind = kind_of(call)
            if kind is None or not call.args:
                continue
            names = [keyword.arg for keyword in call.keywords]
            values = None if None in names else frozenset(name for name in names if name)
            found += [
                Made(where=f"{path}:{call.lineno}", kind=kind, reason=reason, values=values)
                for reason in reasons_in(call.args[0], tree)
            ]
    return tuple(found)


def places(words: Wording, key: str) -> set[str]:
    forms = words.forms[key] if key in words.forms else (words.sentences[key],)
    return {name for form in forms for _, name, _, _ in string.Formatter().parse(form) if name}


def voices_of(reason: str, words: Wording) -> list[str]:
    return [key for voice in VOICES if (key := f"{voice}_{reason}") in words.keys]


#: Where an error of ours is made of what is no literal, and why.
MADE_OF_OTHERS = {
    "config/sections.py": "the error of a check inside the one that pydantic reports",
    "cli/usage.py": "a word for each sentence of Typer",
    "domain/refusals.py": "refusals that other programs and older versions have told of",
    "schemas/errors.py": "errors that other programs have told of",
    "services/uploads.py": "a file that is too large, told to who sends it",
}


def test_every_reason_stands_where_its_error_is_made():
    others = {one.where.partition(":")[0] for one in made() if one.reason is None}

    assert others == MADE_OF_OTHERS.keys()
    assert [one for one in made() if one.reason and not re.fullmatch(r"[a-z0-9_]+", one.reason)] == []


@pytest.mark.parametrize("language", languages())
def test_every_reason_has_a_sentence_whose_places_are_its_values(language):
    words = wording(language)
    unsaid, unfilled = [], []
    for one in made():
        if one.reason is None:
            continue
        keys = voices_of(one.reason, words)
        if f"error_{one.reason}" not in keys:
            unsaid.append((one.where, one.reason))
        if one.values is not None:
            unfilled += [
                (one.where, key, sorted(places(words, key) ^ one.values))
                for key in keys
                # What one door says more need not repeat everything.
                if places(words, key) - one.values
                or (key.startswith("error_") and one.values - places(words, key))
            ]

    assert unsaid == []
    assert unfilled == []


def test_what_has_no_reason_of_its_own_says_what_its_code_says():
    """`raise DiskFull` needs no word: the code is one, if the catalogue has it."""
    words = wording("en")
    raised = set()
    for path, tree in trees().items():
        for node in ast.walk(tree):
            match node:
                case ast.Raise(exc=ast.Name(id=name)) if name in KINDS:
                    raised.add((path, name))
                case ast.Call(func=ast.Name(id=name), args=[]) if name in KINDS:
                    raised.add((path, name))

    assert {one for one in raised if f"error_{KINDS[one[1]].code}" not in words.keys} == set()


def test_every_sentence_of_an_error_belongs_to_a_reason():
    reasons = {one.reason for one in made()} | {kind.code for kind in KINDS.values()} | {*Refusal}
    for path in MADE_OF_OTHERS:
        reasons |= {
            node.value
            for node in ast.walk(trees()[path])
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
    sentences = wording("en", "errors").keys

    assert {key for key in sentences if key.removeprefix("error_") not in reasons} == set()
    own = {
        key for key in wording("en").keys if key.startswith(("cli_error_", "page_error_", "letter_error_"))
    }
    assert {key for key in own if key.partition("_")[2] not in sentences} == set()


@pytest.mark.parametrize("language", languages())
def test_every_refusal_has_a_predicate_and_what_a_page_says(language):
    words = wording(language, "errors", "contributing")

    assert {one for one in Refusal if f"error_{one}" not in words.keys} == set()
    assert {one for one in Refusal if f"refused_{one}" not in words.keys} == set()
    assert {one for one in Refusal if places(words, f"error_{one}") != set(one.places)} == set()
    assert {one for one in Refusal if not places(words, f"refused_{one}") <= {"file", *one.places}} == set()


@pytest.mark.parametrize("language", languages())
def test_what_pages_and_programs_may_be_told_gives_no_advice_for_the_command_line(language):
    words = wording(language, "errors")
    told = {one.reason for one in made() if one.where.startswith(("domain/", "media/", "services/"))}
    told |= {kind.code for kind in KINDS.values() if kind.http_status < 500 or kind is DiskFull}
    forms = {
        reason: words.forms.get(key) or (words.sentences[key],)
        for reason in told
        if (key := f"error_{reason}") in words.keys
    }

    assert len(forms) > 150
    assert {
        reason
        for reason, said in forms.items()
        if re.search(r"`capsule |--[a-z]|same command|같은 명령", "".join(said))
    } == set()


def test_a_reason_is_said_of_one_kind_of_thing():
    """Of two that share a reason, nobody could say which of them happened."""
    kinds = defaultdict(set)
    for one in made():
        kinds[one.reason].add(one.values)

    assert {reason: values for reason, values in kinds.items() if reason and len(values - {None}) > 1} == {}


def test_no_door_looks_for_words_in_the_sentence_of_an_error():
    looking = []
    for path, tree in trees().items():
        if not path.startswith(DOORS):
            continue
        for node in ast.walk(tree):
            match node:
                case ast.Compare(ops=[ast.In() | ast.NotIn(), *_], comparators=[*texts]) if any(
                    map(is_said, texts)
                ):
                    looking.append(f"{path}:{node.lineno}")
                case ast.Call(func=ast.Attribute(value=text, attr=name), args=arguments) if (
                    name in {"startswith", "endswith", "find", "index", "partition", "rpartition", "split"}
                    and is_said(text)
                ) or (
                    name in {"search", "match", "fullmatch", "findall", "sub"}
                    and any(map(is_said, arguments))
                ):
                    looking.append(f"{path}:{node.lineno}")

    assert looking == []


def is_said(node: ast.expr) -> bool:
    """Whether it is the sentence of an error, or the error as a text."""
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in SAYERS:
            return True
        case ast.Call(func=ast.Name(id="str" | "repr"), args=[ast.Name(id="error" | "problem" | "refusal")]):
            return True
        case ast.Attribute(attr="message" | "args", value=ast.Name(id="error" | "problem" | "refusal")):
            return True
    return False


def test_a_refusal_of_a_file_says_which():
    assert {
        one.where
        for one in made()
        if one.kind == MediaRefused.__name__ and one.reason not in {*Refusal, None}
    } == set()
