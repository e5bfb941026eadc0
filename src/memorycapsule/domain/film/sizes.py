"""The size of a film, by itself: commands need it that look into no plan."""

from __future__ import annotations

from dataclasses import dataclass

from memorycapsule.errors import PlanRefused

#: What a film takes, with its sound; calm ones take half of it.
_BITS_PER_PIXEL = 0.1
#: Its segments, its file, and the blob of that.
_COPIES = 3


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

    def bytes_while_made(self, frames: float) -> int:
        """Return about how many bytes a film of this size takes at most while it is made and kept."""
        return int(frames * self.width * self.height * _BITS_PER_PIXEL / 8 * _COPIES)
