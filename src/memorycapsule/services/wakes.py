"""Wakes: a hint that a row can be worked on. Losing one costs a heartbeat, never more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from memorycapsule.store.transactions import Transaction

Work = Literal["letters", "films", "cleanup"]
Wake = Callable[[Transaction, Work, str], None]


def no_wake(_tx: Transaction, _work: Work, _row_id: str) -> None:
    """Leave what was queued to the next heartbeat."""
