"""How a message ended that was handed over."""

from __future__ import annotations

from dataclasses import dataclass

from memorycapsule.errors import CapsuleError


@dataclass(frozen=True, kw_only=True)
class PostOutcome:
    """How a request ended."""

    #: Why the receiver has not taken it, as far as is known; None when it has. It names no address.
    problem: CapsuleError | None = None
    #: For how long it asks to be left alone.
    wait_seconds: float = 0.0

    @property
    def is_taken(self) -> bool:
        return self.problem is None
