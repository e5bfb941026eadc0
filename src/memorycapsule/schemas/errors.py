"""What programs read of an error, from the command line and from the API alike."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic_core import to_jsonable_python

from memorycapsule.errors import CapsuleError, FileRefused, MediaRefused, Refusal

#: A wall time with the name of its zone (RFC 9557).
_IN_ZONE = re.compile(r"(\d{4}-\d\d-\d\dT[\d:.]+[+-][\d:]+)\[([\w/+-]+)\]")


def error_fields(error: CapsuleError) -> dict[str, Any]:
    """
    Return an error as JSON has it, but for its sentence.

    `code` is one of the documented words, `reason` the finer one, and `values` what fills the places of its sentence.
    """
    return {
        "code": error.code,
        "reason": error.reason,
        "values": {name: _told(value) for name, value in error.values.items()},
    }


def error_of(fields: Mapping[str, Any], kinds: Mapping[str, type[CapsuleError]]) -> CapsuleError:
    """
    Return the error that JSON of another program tells of.

    `kinds` holds our errors by their codes; one with another code is a CapsuleError. Raises KeyError, TypeError or
    ValueError for what is no error.
    """
    kind = kinds.get(fields["code"], CapsuleError)
    values = {name: _read(value, kinds) for name, value in dict(fields["values"]).items()}
    reason = str(fields["reason"])
    if kind is MediaRefused:
        # What is said of a file beside its name, or a whole sentence with it.
        refusal = next((one for one in Refusal if one == reason), None)
        return MediaRefused(refusal, **values) if refusal else FileRefused(reason, **values)
    return kind(reason, **values)


def _told(value: object) -> Any:
    match value:
        case CapsuleError():
            return error_fields(value)
        case datetime(tzinfo=ZoneInfo(key=zone)):
            return f"{value.isoformat()}[{zone}]"
        case list() | tuple():
            return [_told(one) for one in value]
        case _:
            return to_jsonable_python(value)


def _read(value: Any, kinds: Mapping[str, type[CapsuleError]]) -> object:
    match value:
        case {"code": _, "reason": _, "values": _}:
            return error_of(value, kinds)
        case list():
            return [_read(one, kinds) for one in value]
        case str() if found := _IN_ZONE.fullmatch(value):
            return datetime.fromisoformat(found[1]).replace(tzinfo=ZoneInfo(found[2]))
        case _:
            return value
