"""Stages: where a film is set. Each draws shots, words and entrances in its own way, from the plan alone."""

from __future__ import annotations

from pathlib import Path

from memorycapsule.domain.plan import MontagePlan, Shot
from memorycapsule.render.painting import Painter


def open_painter(plan: MontagePlan, shot: Shot, pictures: Path) -> Painter:
    """Prepare a shot on the stage of the plan: decode its pictures, set its words. Raises RenderFailed."""
    from memorycapsule.render.stages import gallery, screen

    match plan.style.stage.kind:
        case "gallery":
            painter = gallery.open_painter(plan, shot, pictures)
        case _:
            painter = screen.open_painter(plan, shot, pictures)
    painter.entrance_frames = shot.entrance_frames
    return painter
