"""How much is done, counted: the same on every machine, however busy it is."""

import sys
from collections.abc import Callable

from sqlalchemy import event

from memorycapsule.store.transactions import Store


def calls_in(work: Callable[[], object]) -> int:
    """Return how many functions this thread calls, Python's and others, while it does `work`."""
    calls = 0

    def count(_frame, event: str, _what) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


def database_steps_in(store: Store, work: Callable[[], object]) -> int:
    """Return how many instructions SQLite carries out while `work` is done, in whatever threads."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0  # go on

    def watch(connection, *_more) -> None:
        connection.set_progress_handler(count, 1)

    event.listen(store.engine, "checkout", watch)
    try:
        work()
    finally:
        event.remove(store.engine, "checkout", watch)
        store.engine.dispose()  # the connections that count
    return steps
