"""Refusals as data: how they travel between processes, and how rows of uploads keep them."""

from __future__ import annotations

import json
from typing import Any

from memorycapsule.domain.reasons import is_number
from memorycapsule.errors import MediaRefused, Refusal

#: The longest text in a value, in characters: the name of a format, or a sentence of another version.
_LONGEST_TEXT, _LONGEST_SENTENCE = 64, 1000


def refusal_fields(refused: MediaRefused) -> dict[str, Any]:
    """Return a refusal as JSON has it: {"code": a Refusal, "values": {name: number or text}}."""
    return {"code": str(refused.refusal), "values": dict(refused.values)}


def refusal_of(fields: Any) -> MediaRefused:
    """Return the refusal that JSON from elsewhere tells of, with every value checked. Raises ValueError."""
    match fields:
        case {"code": str(code), "values": dict(values)}:
            refusal = Refusal(code)
            if set(values) == set(refusal.places) and all(_is_value(*value) for value in values.items()):
                return MediaRefused(refusal, **values)
    raise ValueError


def refusal_or_other(fields: Any, sentence: str) -> MediaRefused:
    """Return the refusal that JSON from elsewhere tells of; one that is not known here is OTHER, with its sentence."""
    try:
        return refusal_of(fields)
    except ValueError:
        return MediaRefused(Refusal.OTHER, sentence=sentence[:_LONGEST_SENTENCE])


def refusal_to_json(refused: MediaRefused) -> bytes:
    """Return a refusal as rows keep it."""
    return json.dumps(refusal_fields(refused), ensure_ascii=False).encode()


def refusal_from_json(kept: bytes) -> MediaRefused:
    """Return the refusal that a row keeps. A bare sentence, as older versions kept it, becomes OTHER."""
    text = kept.decode(errors="replace")
    try:
        fields = json.loads(text)
    except ValueError:
        fields = None
    return refusal_or_other(fields, text)


def _is_value(name: str, value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= (_LONGEST_SENTENCE if name == "sentence" else _LONGEST_TEXT)
    return is_number(value)
