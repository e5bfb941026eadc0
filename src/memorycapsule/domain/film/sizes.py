"""The size of a film, by itself: commands need it that look into no plan."""

from __future__ import annotations

from dataclasses import dataclass

from memorycapsule.errors import PlanRefused


@dataclass(frozen=True, kw_only=True)
class Size:
    """Width and height of the film in pixels, both even (4:2:0 has one colour sample per 2x2 pixels)."""

    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width < 16 or self.height < 16 or self.width % 2 or self.height % 2:
            raise PlanRefused("film_size_impossible")

    @property
    def aspect(self) -> float:
        return self.width / self.height
