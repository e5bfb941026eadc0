"""
The desktop: pictures in windows on the screen of a small friendly computer in 1998; the window theme.

Only the picture inside a window moves, so a frame is a copy of the ground with a small part painted anew.
"""

from __future__ import annotations

from pathlib import Path

from memorycapsule.domain.film.plan import Card, Clip, MontagePlan, Photo, Shot
from memorycapsule.render.painting import Painter


def open_painter(plan: MontagePlan, shot: Shot, pictures: Path) -> Painter:
    """Return the painter of a shot: decodes its pictures, sets its text. Raises RenderFailed."""
    from memorycapsule.render.stages.desktop import cards, picture_windows

    match shot:
        case Photo():
            return picture_windows.WindowPhotoPainter(plan, shot, pictures)
        case Clip():
            return picture_windows.WindowClipPainter(plan, shot, pictures)
        case Card(role="text"):
            return cards.PaperPainter(plan, shot)
        case Card(role="end"):
            return cards.DesktopEndPainter(plan, shot)
        case _:
            return cards.open_title(plan, shot)
