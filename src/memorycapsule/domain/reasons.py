"""Errors as data: how they travel between processes, and how rows keep them; a door makes a sentence of them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from memorycapsule.errors import CapsuleError

_REASON = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
#: The longest text in a value, in characters.
_LONGEST_TEXT = 2000

_Error = TypeVar("_Error", bound=CapsuleError)


@dataclass(frozen=True, kw_only=True)
class KeptReason:
    """What happened, as a row keeps it: in no language."""

    #: What happened, a word of `errors.po`.
    reason: str
    #: What fills the places of its sentence: numbers, texts, and causes as `reason_fields` has them.
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def error(self) -> CapsuleError:
        """What happened, to be said in a language."""
        return error_of_reason({"reason": self.reason, "values": dict(self.values)}, CapsuleError)


def kept_reason(error: CapsuleError) -> KeptReason:
    """Return what a row keeps of an error."""
    return KeptReason(**reason_fields(error))


def reason_fields(error: CapsuleError) -> dict[str, Any]:
    """Return an error as JSON has it: {"reason": word, "values": {name: number, text or another such object}}."""
    return {"reason": error.reason, "values": {name: _plain(value) for name, value in error.values.items()}}


def error_of_reason(fields: Any, kind: type[_Error]) -> _Error:
    """Return the error that JSON from elsewhere tells of, with every value checked. Raises ValueError."""
    match fields:
        case {"reason": str(reason), "values": dict(values)} if _REASON.fullmatch(reason):
            return kind(reason, **{str(name): _checked(value) for name, value in values.items()})
    raise ValueError


def is_number(value: object) -> bool:
    """Say whether a value is a number that JSON can hold."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _plain(value: object) -> Any:
    if isinstance(value, CapsuleError):
        return reason_fields(value)
    return value if is_number(value) else str(value)[:_LONGEST_TEXT]


def _checked(value: object) -> object:
    if isinstance(value, dict):
        return error_of_reason(value, CapsuleError)
    if is_number(value) or (isinstance(value, str) and len(value) <= _LONGEST_TEXT):
        return value
    raise ValueError
