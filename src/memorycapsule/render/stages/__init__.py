"""Stages: where a film is set. Each one draws shots, text and entrances in its own way, from the plan alone."""

from __future__ import annotations

from pathlib import Path
from typing import TypeGuard

from memorycapsule.domain.film.plan import Card, MontagePlan, Shot
from memorycapsule.render.painting import Painter


def open_painter(plan: MontagePlan, shot: Shot, pictures: Path) -> Painter:
    """Return the painter of a shot on the plan's stage: decodes its pictures, sets its text. Raises RenderFailed."""
    from memorycapsule.render.stages import screen
    from memorycapsule.render.stages.bundle import prologue
    from memorycapsule.render.stages.desktop import stage as desktop
    from memorycapsule.render.stages.gallery import stage as gallery
    from memorycapsule.render.stages.table import stage as table

    if _is_prologue(shot):
        return prologue.ProloguePainter(plan, shot)
    stages = {"table": table, "gallery": gallery, "desktop": desktop, "screen": screen}
    painter: Painter = stages[plan.style.stage.kind].open_painter(plan, shot, pictures)
    painter.entrance_frames = shot.entrance_frames
    return painter


def stage_name(plan: MontagePlan, shot: Shot) -> str:
    """Return what draws a shot: the name of a module or a folder of this package."""
    return "bundle" if _is_prologue(shot) else plan.style.stage.kind


def _is_prologue(shot: Shot) -> TypeGuard[Card]:
    return isinstance(shot, Card) and shot.role == "prologue"
