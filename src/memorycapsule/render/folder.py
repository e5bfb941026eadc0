"""A folder of prepared pictures: what a film is made from when the plan is rendered."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from memorycapsule.domain.choosing import Picture
from memorycapsule.domain.plan import Soundtrack
from memorycapsule.errors import DiskFull, RenderFailed


class PictureFolder:
    """
    Puts prepared pictures into a folder under names of its own and keeps what directing needs to know of them.

    ```
    folder = PictureFolder(workspace / "pictures")
    for prepared in ...:
        folder.add_photo(prepared.display, width=..., height=..., taken_at=..., contributor="")
    plan = direct(title=title, pictures=folder.pictures, direction=Direction(...))
    render(plan, pictures=folder.path, out=out, workspace=workspace)
    ```
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pictures: list[Picture] = []
        _written(lambda: path.mkdir(mode=0o700, parents=True, exist_ok=True))

    @property
    def pictures(self) -> tuple[Picture, ...]:
        return tuple(self._pictures)

    def add_photo(
        self,
        jpeg: bytes,
        *,
        width: int,
        height: int,
        id: str = "",  # noqa: A002 - the word of the vocabulary
        taken_at: datetime | None = None,
        story_id: str = "",
        position: int | None = None,
        contributor: str = "",
        caption: str = "",
    ) -> Picture:
        """
        Add an upright sRGB JPEG of `width` x `height` pixels.

        `taken_at` may be a wall time without a zone; such are ordered as if they were UTC. Raises DiskFull.
        """
        number = len(self._pictures)
        picture = Picture(
            id=id or f"picture-{number + 1}",
            kind="photo",
            file=f"{number:05}.jpg",
            width=width,
            height=height,
            taken_at=_aware(taken_at),
            story_id=story_id,
            position=number if position is None else position,
            contributor=contributor,
            caption=caption,
        )
        _written(lambda: (self.path / picture.file).write_bytes(jpeg))
        self._pictures.append(picture)
        return picture

    def add_clip(
        self,
        file: Path,
        *,
        width: int,
        height: int,
        duration_seconds: float,
        has_sound: bool,
        id: str = "",  # noqa: A002 - the word of the vocabulary
        taken_at: datetime | None = None,
        story_id: str = "",
        position: int | None = None,
        contributor: str = "",
        caption: str = "",
    ) -> Picture:
        """Add an upright H.264 clip of `width` x `height` pixels by copying `file`; otherwise as `add_photo`."""
        number = len(self._pictures)
        picture = Picture(
            id=id or f"picture-{number + 1}",
            kind="clip",
            file=f"{number:05}.mp4",
            width=width,
            height=height,
            duration_seconds=duration_seconds,
            has_sound=has_sound,
            taken_at=_aware(taken_at),
            story_id=story_id,
            position=number if position is None else position,
            contributor=contributor,
            caption=caption,
        )
        _written(lambda: shutil.copyfile(file, self.path / picture.file))
        self._pictures.append(picture)
        return picture

    def add_song(self, file: Path) -> Soundtrack:
        """Add the song that the film is to play, and return it as `Direction.soundtrack` wants it."""
        name = "soundtrack"
        _written(lambda: shutil.copyfile(file, self.path / name))
        return Soundtrack(file=name)


def _aware(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def _written(write: Callable[[], object]) -> None:
    try:
        write()
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskFull from error
        raise RenderFailed(f"The pictures for the film could not be prepared: {error.strerror}.") from error
