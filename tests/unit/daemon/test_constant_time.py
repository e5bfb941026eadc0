"""Answers come at a beat, whatever was done for them."""

import time

import anyio
import pytest

from memorycapsule.daemon.http.protocol.constant_time import _BEAT_SECONDS, in_constant_time


def refuse() -> str:
    raise ValueError("nobody")


def test_what_is_found_and_what_is_refused_come_at_the_same_beat():
    began = time.monotonic()
    assert anyio.run(in_constant_time, lambda: "somebody") == "somebody"
    found = time.monotonic()
    with pytest.raises(ValueError, match="nobody"):
        anyio.run(in_constant_time, refuse)

    assert found - began >= _BEAT_SECONDS
    assert time.monotonic() - found >= _BEAT_SECONDS
