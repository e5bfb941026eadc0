"""
The survey of a film: which segments it is joined of, and which pictures each of them needs.

The renderer and the program that starts it both use these values, so they are defined without OpenCV.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class SurveyedSegment:
    """A segment by the name that the renderer gives it, and what is needed to make it."""

    name: str
    #: Ids of the pictures that it shows.
    pictures: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What a film is joined of."""

    segments: tuple[SurveyedSegment, ...]
    #: Ids of the pictures and voice notes that are needed even if every segment is there: for poster and sound.
    always_needed: tuple[str, ...]

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Survey:
        """Return the survey of which `dataclasses.asdict` went through JSON."""
        return cls(
            segments=tuple(
                SurveyedSegment(name=segment["name"], pictures=tuple(segment["pictures"]))
                for segment in fields["segments"]
            ),
            always_needed=tuple(fields["always_needed"]),
        )
