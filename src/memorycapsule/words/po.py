"""
Catalogues as they lie on disk: gettext's .po files, read strictly.

The format is that of GNU gettext's manual, 'The Format of PO Files', as far as our catalogues need it: comments,
`msgid`, `msgid_plural`, `msgstr`, `msgstr[n]` and lines that go on. Contexts, obsolete and fuzzy messages are
refused, and so is a message without words: what is in a catalogue is said.
"""

from __future__ import annotations

import functools
import gettext
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_LINE = re.compile(r'(?:(msgid|msgid_plural|msgstr|msgstr\[\d\])\s+)?"((?:[^"\\]|\\[\\"ntr])*)"\s*')
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}
_PLURAL_FORMS = re.compile(r"nplurals\s*=\s*(\d);\s*plural\s*=\s*([^;]+);?")


class PoUnreadable(ValueError):
    """A catalogue is not written as it has to be; the message names its file and the line."""


@dataclass(frozen=True, kw_only=True)
class PoFile:
    """One catalogue."""

    #: Sentences by their identifiers.
    sentences: Mapping[str, str]
    #: The forms of those that count something, by their identifiers; which form, `plural` says.
    counted: Mapping[str, tuple[str, ...]]
    #: The header's Plural-Forms as they are written, for instance "nplurals=2; plural=(n != 1);".
    plural_forms: str
    #: Which form goes with a number.
    plural: Callable[[int], int]


@dataclass(kw_only=True)
class _Message:
    line: int
    #: The last keyword, to which lines that go on belong.
    keyword: str = "msgid"
    parts: dict[str, str] = field(default_factory=dict)


def read_po(path: Path) -> PoFile:
    """Read a catalogue. Raises PoUnreadable."""
    messages = _messages(path)
    header = next(messages, None)
    if header is None or header.parts.keys() != {"msgid", "msgstr"} or header.parts["msgid"]:
        raise _unreadable(path, 1, 'it does not begin with a header, a msgstr of msgid ""')
    fields = dict(
        line.partition(":")[::2] for line in header.parts["msgstr"].splitlines() if line.partition(":")[1]
    )
    plural_forms = fields.get("Plural-Forms", "").strip()
    try:
        count, plural = _plural_of(plural_forms)
    except ValueError as error:
        raise _unreadable(path, 1, f"its Plural-Forms cannot be read, {error}") from error
    sentences: dict[str, str] = {}
    counted: dict[str, tuple[str, ...]] = {}
    for message in messages:
        parts = message.parts
        key = parts.pop("msgid")
        if not key or key in sentences or key in counted:
            raise _unreadable(path, message.line, f"it has {key!r} twice")
        if not all(parts.values()):
            raise _unreadable(path, message.line, f"{key!r} has no words")
        if parts.keys() == {"msgstr"}:
            sentences[key] = parts["msgstr"]
        elif parts.keys() == {"msgid_plural", *(forms := [f"msgstr[{number}]" for number in range(count)])}:
            counted[key] = tuple(parts[form] for form in forms)
        else:
            raise _unreadable(path, message.line, f"{key!r} has neither a msgstr nor {count} forms")
    return PoFile(sentences=sentences, counted=counted, plural_forms=plural_forms, plural=plural)


def _messages(path: Path) -> Iterator[_Message]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PoUnreadable(f"{path} is not UTF-8: {error.reason} at byte {error.start}.") from error
    message: _Message | None = None
    for number, line in enumerate(text.split("\n"), 1):
        if not line or (line[0] == "#" and line[1:2] not in {"~", ","}):
            continue
        found = _LINE.fullmatch(line)
        if not found:
            raise _unreadable(path, number, f"{line!r} is nothing that a catalogue of ours holds")
        keyword, words = found.groups()
        if "\\" in words:
            words = _ESCAPE.sub(_unescaped, words)
        if keyword == "msgid":
            if message:
                yield message
            message = _Message(line=number)
        elif message is None or keyword in message.parts:
            raise _unreadable(path, number, f"{line!r} belongs to no message")
        if keyword:
            message.keyword = keyword
        message.parts[message.keyword] = message.parts.get(message.keyword, "") + words
    if message:
        yield message


def _unescaped(found: re.Match[str]) -> str:
    return _ESCAPED.get(found[1], found[1])


@functools.cache
def _plural_of(text: str) -> tuple[int, Callable[[int], int]]:
    """Return how many forms there are, and which goes with a number. Raises ValueError."""
    found = _PLURAL_FORMS.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} says neither how many there are nor which is which")
    return int(found[1]), gettext.c2py(found[2].strip())


def _unreadable(path: Path, line: int, why: str) -> PoUnreadable:
    return PoUnreadable(f"{path}, line {line}: {why}.")
