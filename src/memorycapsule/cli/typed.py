"""
What people type and pipe in, looked at before anything is made of it.

An empty value is the mistake of a script whose variable is not set: `Path("")` would be the current folder, and an
empty zone that of the settings. Text that is not UTF-8 arrives as surrogates (PEP 383), which no letter can hold.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from memorycapsule.errors import UsageProblem

#: Texts that may be empty: where one is cleared, or where a sentence of its own says what is missing.
_MAY_BE_EMPTY = frozenset(
    {"title", "text", "message", "caption", "opens", "when", "emails", "address", "lang"}
)
#: What is only looked up: with bytes of any kind it is simply not found.
_LOOKED_UP = frozenset({"token"})
#: Encodings of old computers, each with the letters that texts in it are mostly made of:
#: of two that fit alike, the first is meant.
_ENCODINGS = (
    ("Shift_JIS", "cp932", ("HIRAGANA", "KATAKANA", "CJK UNIFIED")),
    ("CP949", "cp949", ("HANGUL SYLLABLE",)),
    ("EUC-JP", "euc_jp", ("HIRAGANA", "KATAKANA", "CJK UNIFIED")),
    ("GB18030", "gb18030", ("CJK UNIFIED",)),
    ("Windows-1251", "cp1251", ("CYRILLIC",)),
    ("Windows-1252", "cp1252", ("LATIN",)),
)
#: Those in which every byte is a letter of something.
_ONE_BYTE = frozenset({"cp1251", "cp1252"})
#: The codec's error handler that gives back the bytes that came on the command line (PEP 383).
_AS_TYPED = "surrogateescape"
#: What share of the letters has to be of the expected script.
_MOST = 0.5


def refuse_unclear(params: Any, given: Mapping[str, Any]) -> None:
    """Look at the words of a command line, by the names of its parameters. Raises UsageProblem."""
    for param in params:
        values = given.get(param.name)
        for value in values if isinstance(values, list | tuple) else [values]:
            if isinstance(value, str):
                _refuse(param, value)


def read_text() -> str:
    """
    Return all of stdin, which has to be UTF-8 in every locale. Raises UsageProblem.

    Python would let other bytes pass where the locale is C, and read them by the locale elsewhere.
    """
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None:
        return sys.stdin.read()
    data: bytes = stream.read()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_utf_8(data) from error
    if "\0" in text:
        raise _not_utf_8(data)
    return text.replace("\r\n", "\n")


def encoding_of(data: bytes) -> str:
    """Return what bytes that are not UTF-8 look like, as people call that encoding; empty when nobody can tell."""
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\0" in data:
        return "UTF-16"
    shares = [(_share(data, codec, scripts), name) for name, codec, scripts in _ENCODINGS]
    share, name = max(shares, key=lambda one: one[0])
    return name if share >= _MOST else ""


def _share(data: bytes, codec: str, scripts: tuple[str, ...]) -> float:
    """Return what share of the letters are of these scripts; 0 when the bytes cannot be read so."""
    try:
        letters = [one for one in data.decode(codec) if one.isalpha()]
    except UnicodeDecodeError:
        return 0.0
    # A text in Korean or Japanese may be full of English words. Cyrillic is read into any accented word.
    if codec not in _ONE_BYTE:
        letters = [one for one in letters if not one.isascii()]
    return (
        sum(unicodedata.name(one, "").startswith(scripts) for one in letters) / len(letters)
        if letters
        else 0.0
    )


def _refuse(param: Any, value: str) -> None:
    is_path = Path in (annotation := param.type_descriptor.annotation, *get_args(annotation))
    if not value and param.name not in _MAY_BE_EMPTY:
        raise UsageProblem("usage_empty_path" if is_path else "usage_empty", name=_shown_name(param))
    if not is_path and param.name not in _LOOKED_UP and any("\udc80" <= one <= "\udcff" for one in value):
        name = _shown_name(param)
        if encoding := encoding_of(value.encode("utf-8", _AS_TYPED)):
            raise UsageProblem("usage_not_utf_8_but", name=name, encoding=encoding)
        raise UsageProblem("usage_not_utf_8", name=name)


def _shown_name(param: Any) -> str:
    if param.param_type_name == "argument":
        return str(param.metavar or param.name.upper()).strip("[].")
    return str(max(param.opts, key=len))


def _not_utf_8(data: bytes) -> UsageProblem:
    if encoding := encoding_of(data):
        return UsageProblem("story_text_not_utf_8_but", encoding=encoding)
    return UsageProblem("story_text_not_utf_8")
