"""Reasons that stand beside an English sentence, so that others can say it in their reader's language."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field

from memorycapsule.domain.reasons import error_of_reason, reason_fields
from memorycapsule.errors import CapsuleError
from memorycapsule.schemas.model import Model


class Reason(Model):
    """What happened, as a program reads it."""

    reason: str = Field(
        description="The word for it; new ones come with new versions.", examples=["renderer_hung"]
    )
    values: dict[str, Any] = Field(
        description="What fills the places of its sentence: numbers, texts, and causes with a `reason` of their own."
    )

    @classmethod
    def of(cls, error: CapsuleError) -> Self:
        return cls(**reason_fields(error))

    @property
    def error(self) -> CapsuleError:
        """What happened, to be said in a language. Raises ValueError for what is none."""
        return error_of_reason({"reason": self.reason, "values": self.values}, CapsuleError)
