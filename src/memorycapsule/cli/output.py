"""
What the command line says: one JSON object on stdout for programs, or calm sentences for people.

Answers go to stdout; notes, warnings and progress to stderr. Whatever people typed or files are called is made
harmless before it reaches a terminal; in JSON it stays as it is.
"""

from __future__ import annotations

import json
import os
import stat
import sys
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import UnsupportedOperation
from typing import TYPE_CHECKING, Any, TextIO

from memorycapsule.cli.bars import Bar, WrittenBar, drawn_bar
from memorycapsule.cli.layout import columns_of, fitted, table
from memorycapsule.cli.sentences import sentence_of, spoken, words_of
from memorycapsule.errors import CapsuleError, system_problem
from memorycapsule.words.catalogues import Wording
from memorycapsule.words.languages import DEFAULT

if TYPE_CHECKING:
    from memorycapsule.schemas.model import Model

SCHEMA = 1
#: Characters that reorder the text around them (Unicode Bidirectional Algorithm, UAX #9, 2).
_DIRECTION = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
#: More combining marks on one letter than any script needs would climb over the lines above.
_MOST_MARKS = 4


class Output:
    """What one run of the program says, and how."""

    def __init__(self, *, as_json: bool = False, language: str = DEFAULT) -> None:
        self.as_json = as_json
        #: What people read is in this language; JSON is in none but English.
        self.language = language
        self.is_quiet = False
        self.shows_progress = True
        self.is_verbose = False
        self._has_answered = False

    @property
    def words(self) -> Wording:
        """Return the sentences of the command line; their catalogue is read when something is said."""
        return words_of(self.language)

    def spoken(self, text: str | CapsuleError) -> str:
        """Return a sentence or an error as people read it here: harmless to a terminal where it is an error."""
        return spoken(text, self.words, shown=plain)

    def named(self, kind: str, word: str) -> str:
        """Return a word of ours, such as the state of a film, as people read it here."""
        return self.words(f"cli_{kind}_{word}")

    def headings(self, *columns: str) -> tuple[str, ...]:
        """Return the first line of a table."""
        return tuple(self.words(f"cli_column_{column}") for column in columns)

    def answer(self, words: Mapping[str, Any]) -> None:
        """Say the one JSON object, if JSON is wanted; flushed, for whoever reads along."""
        if self.as_json and not self._has_answered:
            self._has_answered = True
            _write(sys.stdout, as_json({"schema": SCHEMA, **words}), is_last=True)

    def deliver(self) -> None:
        """
        Have all that was said on stdout leave this program, down to the disk where it goes to a file.

        For what cannot be said again. Raises CapsuleError or BrokenPipeError when it did not arrive.
        """
        try:
            sys.stdout.flush()
            with suppress(UnsupportedOperation):  # no file is behind this stream
                descriptor = sys.stdout.fileno()
                if stat.S_ISREG(os.fstat(descriptor).st_mode):
                    os.fsync(descriptor)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise unwritten(error) from error

    def say(self, text: str) -> None:
        """Tell a person what was done; not when --quiet."""
        if not self.is_quiet:
            self.show(text)

    def show(self, text: str) -> None:
        """Show a person what they asked to see."""
        if not self.as_json:
            _write(sys.stdout, fitted(text, columns_of(sys.stdout)))

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Show a person a table that fits the terminal; cells are made harmless."""
        if self.as_json:
            return
        shown = [[plain(cell) for cell in row] for row in rows]
        for line in table(columns, shown, columns_of(sys.stdout)):
            _write(sys.stdout, line)

    def note(self, text: str) -> None:
        """Add something worth knowing, on stderr; not when --quiet."""
        if not self.is_quiet:
            self.warn(text)

    def warn(self, text: str) -> None:
        """Warn on stderr, always."""
        _write(sys.stderr, fitted(text, columns_of(sys.stderr)))

    def error(self, error: CapsuleError) -> None:
        """Say what went wrong: as JSON on stdout, otherwise as a sentence on stderr."""
        if self.as_json and not self._has_answered:
            self.answer({"error": error_answer(error)})
        else:
            self.warn(self.spoken(error))

    @contextmanager
    def progress(self, words: str, total: float, *, counts_bytes: bool = False) -> Iterator[Bar]:
        """Show how far something is: a bar on a terminal, otherwise a line now and then, on stderr."""
        if self.is_quiet or not self.shows_progress:
            yield Bar()
        elif sys.stderr.isatty():
            with drawn_bar(words, total, counts_bytes=counts_bytes) as bar:
                yield bar
        else:
            yield WrittenBar(self.warn, self.words, words, total, counts_bytes=counts_bytes)


def plain(text: str, *, keeps_lines: bool = False) -> str:
    """
    Return text that can do nothing to a terminal: control, direction and surrogate characters become escapes.

    `keeps_lines` leaves line ends and tabs as they are, for texts that people wrote.
    """
    if text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if keeps_lines and character in "\n\t":
            shown.append(character)
        elif category == "Cs" and "\udc80" <= character <= "\udcff":
            shown.append(f"\\x{ord(character) - 0xDC00:02x}")  # a byte that is not UTF-8 (PEP 383)
        elif category in {"Cc", "Cs", "Zl", "Zp"} or character in _DIRECTION:
            shown.append(character.encode("unicode_escape", "surrogatepass").decode("ascii"))
        elif marks <= _MOST_MARKS:
            shown.append(character)
    return "".join(shown)


def as_json(words: Mapping[str, Any]) -> str:
    """Return one line of JSON; a surrogate, which UTF-8 cannot carry, is written as its escape (RFC 8259, 7)."""
    text = json.dumps(words, ensure_ascii=not _is_utf8(sys.stdout), default=_fields)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def error_answer(error: CapsuleError) -> dict[str, Any]:
    """Return an error as programs read it."""
    from memorycapsule.schemas.errors import error_fields

    return {"message": sentence_of(error), **error_fields(error)}


def refusal_answer(error: CapsuleError) -> dict[str, Any]:
    """Return why one of several files was refused, as programs read it: `code` is the finer word."""
    from memorycapsule.schemas.errors import error_fields

    return {"reason": sentence_of(error), "code": error.reason, "values": error_fields(error)["values"]}


def _fields(model: Model) -> dict[str, Any]:
    return model.model_dump(mode="json")


def _is_utf8(stream: TextIO) -> bool:
    return (stream.encoding or "").lower().replace("-", "") == "utf8"


def unwritten(error: OSError) -> CapsuleError:
    """Return that an answer did not arrive."""
    return CapsuleError("answer_unwritten", problem=system_problem(error))


def _write(stream: TextIO, text: str, *, is_last: bool = False) -> None:
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        if is_last:
            stream.flush()
    except BrokenPipeError:
        # What is said beside the answer must not end the work. Of the answer it must be known whether it has arrived.
        if stream is not sys.stderr:
            raise
    except OSError as error:
        if stream is not sys.stderr:
            raise unwritten(error) from error
