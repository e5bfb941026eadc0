"""
Dispatchers: what was queued in a transaction wakes whoever can do it.

A wake is a hint. Rows say what is due, and whoever works looks at them at each heartbeat, too, so a wake that is lost
costs a heartbeat, and one that comes twice finds nothing left to do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from memorycapsule.services.wakes import Work
from memorycapsule.store.transactions import Transaction

OnWake = Callable[[Work], None]


class Dispatcher(Protocol):
    """Tells workers that there is something to do."""

    def wake(self, tx: Transaction, work: Work, row_id: str, /) -> None:
        """Wake a worker once the transaction is committed; nobody, if it fails."""

    def listening(self, works: Collection[Work], on_wake: OnWake) -> AbstractContextManager[None]:
        """Have `on_wake` called, in any thread, for each wake of one of `works` until the block ends."""


class LocalDispatcher:
    """Wakes this process only: all that is needed where one process does all the work."""

    def __init__(self) -> None:
        self._works: frozenset[Work] = frozenset()
        self._on_wake: OnWake = lambda _work: None

    def wake(self, tx: Transaction, work: Work, _row_id: str, /) -> None:
        tx.after_commit(lambda: self._tell(work))

    @contextmanager
    def listening(self, works: Collection[Work], on_wake: OnWake) -> Iterator[None]:
        self._works, self._on_wake = frozenset(works), on_wake
        try:
            yield
        finally:
            self._works = frozenset()

    def _tell(self, work: Work) -> None:
        if work in self._works:
            self._on_wake(work)
