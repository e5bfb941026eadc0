"""Errors of ours that tests expect: by their kind, their reason and their values, never by a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from memorycapsule.errors import CapsuleError


@contextmanager
def refused(kind: type[CapsuleError], reason: str, **values: object) -> Iterator[None]:
    """Expect an error of `kind` for this reason and no other, and of its values those that are named."""
    with pytest.raises(kind) as raised:
        yield
    assert raised.value.reason == reason
    assert {name: raised.value.values.get(name) for name in values} == values
