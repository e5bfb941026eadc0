"""What all models have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

AN_ID = "3f0c6a52-6c0e-4b0e-9a86-8d1f3c1f7f10"

Id = Annotated[str, Field(description="A random id.", examples=[AN_ID])]
#: In JSON it is ISO 8601 in UTC and ends in Z.
Instant = Annotated[AwareDatetime, Field(examples=["2036-05-08T00:00:00Z"])]


class Model(BaseModel):
    # Descriptions stand in Field(): to read them from docstrings, pydantic looks through every module that is loaded,
    # and a short command would notice.
    model_config = ConfigDict(extra="forbid")
