"""Picture analysis: what a prepared picture shows, as far as it decides how a film shows it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PictureAnalysis:
    """What the analysis found in a picture; for a clip, in the frame that stands for it."""

    #: Where what matters most lies, 0..1 of width and height from the upper left.
    focus_x: float = 0.5
    focus_y: float = 0.4
    #: A 64-bit hash that is nearly the same for pictures that look nearly the same.
    perceptual_hash: int = 0
    #: Mean of log2 of the linear luminance; 0 is all white, -2.5 a usual photo.
    exposure: float = -2.5
    #: Mean of log2 of red and of blue over green, in linear light.
    red: float = 0.0
    blue: float = 0.0
    #: Where the best part of a clip begins, for the time that the film can show; seconds.
    best_seconds: float = 0.0
