"""Constant time: an answer takes as long whether somebody was found or not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import anyio
from starlette.concurrency import run_in_threadpool

#: Longer than the work takes on a small machine with a slow disk, and short for people who wait.
_STEP_SECONDS = 0.2

Result = TypeVar("Result")


async def in_constant_time(work: Callable[[], Result]) -> Result:
    """
    Do `work` in a thread, and return or raise what it does, after a whole number of steps of 0.2 seconds.

    To mail a code to a known address takes a few milliseconds longer than to find out that an address is not known.
    Without the wait, an attacker who asks often enough could tell the two apart.
    """
    began = time.monotonic()
    try:
        return await run_in_threadpool(work)
    finally:
        taken = time.monotonic() - began
        await anyio.sleep(_STEP_SECONDS - taken % _STEP_SECONDS)
