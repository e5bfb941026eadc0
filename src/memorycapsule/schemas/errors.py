"""What programs read of an error, from the command line and from the API alike."""

from __future__ import annotations

from typing import Any

from pydantic_core import to_jsonable_python

from memorycapsule.errors import CapsuleError


def error_fields(error: CapsuleError) -> dict[str, Any]:
    """
    Return an error as JSON has it, but for its sentence.

    `code` is one of the documented words, `reason` the finer one, and `values` what fills the places of its sentence.
    """
    return {
        "code": error.code,
        "reason": error.reason,
        "values": {name: _value(value) for name, value in error.values.items()},
    }


def _value(value: object) -> Any:
    match value:
        case CapsuleError():
            return error_fields(value)
        case list() | tuple():
            return [_value(one) for one in value]
        case _:
            return to_jsonable_python(value)
