"""What comes of another date."""

from __future__ import annotations

from memorycapsule.schemas.capsules import Capsule
from memorycapsule.schemas.date_requests import AskedWish
from memorycapsule.schemas.model import Model


class Rescheduled(Model):
    """A capsule with the date that holds, and the wish that waits for answers, if the date was to be earlier."""

    capsule: Capsule
    wish: AskedWish | None
    #: How many have yet to say yes.
    waits_for: int
