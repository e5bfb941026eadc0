"""What became of one letter, whichever way it was sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from memorycapsule.errors import CapsuleError


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
    #: What the log of deliveries keeps: the server's reply in its own words, or what went wrong. Never a secret,
    #: never the address of anybody but the recipient.
    detail: CapsuleError
    #: There was no usable connection: every further letter of this pass would end in the same way.
    unreachable: bool = False
