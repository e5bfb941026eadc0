"""
Frozen dataclasses from plain JSON values, strictly: nothing missing, nothing unknown, nothing of another
type.
"""

from __future__ import annotations

import functools
import types
import typing
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal

from memorycapsule.errors import PlanRefused


def read_value(kind: Any, value: Any, where: str = "plan") -> Any:
    """
    Return `value` (what json.loads gave) as a `kind`: a dataclass, tuple, union, Literal or plain type.

    In a union of dataclasses the one whose `kind` field has the value's `kind` is meant. Raises PlanRefused, naming
    the place.
    """
    origin = typing.get_origin(kind)
    if is_dataclass(kind):
        return _read_dataclass(kind, value, where)
    if origin is tuple:
        return _read_tuple(typing.get_args(kind), value, where)
    if origin is Literal:
        if value not in typing.get_args(kind):
            raise PlanRefused("plan_value_unknown", place=where, value=value)
        return value
    if origin in {typing.Union, types.UnionType}:
        return _read_union(typing.get_args(kind), value, where)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise PlanRefused("plan_type_wrong", place=where, type=getattr(kind, "__name__", str(kind)))
    return value


#: Annotations are strings until they are looked up, which takes longer than reading a value by them.
_hints = functools.cache(typing.get_type_hints)


def _read_dataclass(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise PlanRefused("plan_not_object", place=where)
    hints = _hints(kind)
    known = {item.name: item for item in fields(kind)}
    if unknown := sorted(set(value) - set(known)):
        raise PlanRefused("plan_field_unknown", place=where, field=unknown[0])
    for name, item in known.items():
        if name not in value and item.default is MISSING and item.default_factory is MISSING:
            raise PlanRefused("plan_field_missing", place=where, field=name)
    return kind(**{name: read_value(hints[name], value[name], f"{where}.{name}") for name in value})


def _read_tuple(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    if not isinstance(value, list):
        raise PlanRefused("plan_not_list", place=where)
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        kinds = (kinds[0],) * len(value)
    if len(kinds) != len(value):
        raise PlanRefused("plan_list_length", place=where, length=len(value))
    return tuple(
        read_value(kind, item, f"{where}[{index}]")
        for index, (kind, item) in enumerate(zip(kinds, value, strict=True))
    )


def _read_union(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in kinds:
        return None
    kinds = tuple(kind for kind in kinds if kind is not type(None))
    if len(kinds) == 1:
        return read_value(kinds[0], value, where)
    word = value.get("kind") if isinstance(value, dict) else None
    for kind in kinds:
        if word is not None and getattr(kind, "kind", None) == word:
            return read_value(kind, value, where)
    raise PlanRefused("plan_kind_unknown", place=where)
