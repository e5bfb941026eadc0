"""Errors of ours that tests expect: by their kind, their reason and their values, never by a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from memorycapsule.errors import CapsuleError, MediaRefused, Refusal


@contextmanager
def refused(kind: type[CapsuleError], reason: str, **values: object) -> Iterator[None]:
    """Expect an error of `kind` for this reason and no other, and of its values those that are named."""
    with pytest.raises(kind) as raised:
        yield
    assert raised.value.reason == reason
    assert {name: raised.value.values.get(name) for name in values} == values


@contextmanager
def file_refused(*refusals: Refusal, **values: object) -> Iterator[None]:
    """Expect that a file is refused for one of these reasons, with these values where they are named."""
    with pytest.raises(MediaRefused) as raised:
        yield
    refusal = raised.value.refusal
    assert refusal in refusals
    assert set(raised.value.values) == set(refusal.places)
    assert {name: raised.value.values[name] for name in values} == values
