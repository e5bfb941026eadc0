"""What became of one letter, whichever way it was sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

from memorycapsule.errors import CapsuleError
from memorycapsule.words.error_sentences import english_sentence_of


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """
    The end of one attempt to deliver one letter to one recipient.

    `sent`: the server took responsibility. `retry`: certainly not accepted, try again later. `rejected`:
    certainly not accepted, and trying again would not help this recipient. `unknown`: the whole letter was
    handed over but no answer came, so it must not be sent again by itself (RFC 1047). `paused`: the server
    refuses us, not the recipient; nothing can be sent until the settings are right.
    """

    state: Literal["sent", "retry", "rejected", "unknown", "paused"]
    #: One line for the log of deliveries: the server's reply or a plain sentence. Never a secret, never the
    #: address of anybody but the recipient.
    detail: str
    #: What `detail` says, where it says what went wrong.
    problem: CapsuleError | None = None
    #: There was no usable connection: every further letter of this pass would end in the same way.
    unreachable: bool = False

    @classmethod
    def failed(
        cls,
        state: Literal["retry", "rejected", "unknown", "paused"],
        problem: CapsuleError,
        *,
        unreachable: bool = False,
    ) -> Self:
        """Return the end of an attempt that went wrong; the log of deliveries says it in English."""
        detail = english_sentence_of(problem)
        return cls(state=state, detail=detail, problem=problem, unreachable=unreachable)
