"""An answer takes as long whatever was done for it."""

import time

import anyio
import pytest

from memorycapsule.daemon.http.protocol.constant_time import _STEP_SECONDS, in_constant_time


def refuse() -> str:
    raise ValueError("nobody")


def test_what_is_found_and_what_is_refused_take_as_long():
    began = time.monotonic()
    assert anyio.run(in_constant_time, lambda: "somebody") == "somebody"
    found = time.monotonic()
    with pytest.raises(ValueError, match="nobody"):
        anyio.run(in_constant_time, refuse)

    assert found - began >= _STEP_SECONDS
    assert time.monotonic() - found >= _STEP_SECONDS
