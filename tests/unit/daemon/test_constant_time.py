"""An answer takes as long whatever was done for it."""

import anyio
import pytest

from memorycapsule.daemon.http.protocol.constant_time import _STEP_SECONDS, in_constant_time


def find() -> str:
    return "somebody"


def refuse() -> str:
    raise ValueError("nobody")


@pytest.mark.parametrize("work", [find, refuse])
def test_neither_what_is_found_nor_what_is_refused_is_told_before_the_step_is_over(work):
    order = []

    async def wait() -> None:
        await anyio.sleep(0.9 * _STEP_SECONDS)
        order.append("most of the step is over")

    async def ask() -> None:
        try:
            order.append(await in_constant_time(work))
        except ValueError as refusal:
            order.append(str(refusal))

    async def both() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            tasks.start_soon(ask)

    anyio.run(both)

    assert order == ["most of the step is over", "somebody" if work is find else "nobody"]
