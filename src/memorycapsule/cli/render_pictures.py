"""The pictures of `render`: files of a folder, decoded into the one that a film is made from."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memorycapsule.cli.files import FoundFile, open_regular
from memorycapsule.errors import CapsuleError, MediaRefused, Postponed, Refusal

if TYPE_CHECKING:
    from memorycapsule.domain.capture_times import CaptureTime
    from memorycapsule.domain.film.picture_choice import Picture
    from memorycapsule.domain.stories import Missing
    from memorycapsule.media.decoder_pool import Decoders

_DECODERS = 2


@dataclass(frozen=True, kw_only=True)
class _PreparedPicture:
    """A decoded file, when it was taken, and what is missing of it."""

    picture: Picture
    taken: CaptureTime | None
    missing: Sequence[Missing]


def prepare_pictures(
    found: Sequence[FoundFile], pictures: Path, workspace: Path, tell: Any
) -> tuple[list[Picture], list[tuple[str, CapsuleError, bool]], dict[str, Sequence[Missing]]]:
    """
    Decode the files into the folder of pictures.

    Returns those that can be used, why others cannot, and by name what is missing of those that can.
    """
    from memorycapsule.domain.capture_times import WallTimes
    from memorycapsule.media.decoder_pool import Decoders

    kept: list[_PreparedPicture] = []
    refused: list[tuple[str, CapsuleError, bool]] = []
    missing: dict[str, Sequence[Missing]] = {}
    names = _names(found)

    def prepared(place: int) -> _PreparedPicture | MediaRefused | Postponed:
        one = found[place]
        if one.refusal:
            return one.refusal
        try:
            return _picture(decoders, names[place], place, one, pictures)
        except (MediaRefused, Postponed) as error:
            return error

    with Decoders(workspace=workspace, children=_DECODERS) as decoders, ThreadPoolExecutor(_DECODERS) as pool:
        answers = []
        for answer in pool.map(prepared, range(len(found))):
            answers.append(answer)
            tell(len(answers) / len(found))
        # What the machine was too busy to read is tried once more, one file after the other.
        answers = [
            prepared(place) if isinstance(answer, Postponed) else answer
            for place, answer in enumerate(answers)
        ]
        for place, answer in enumerate(answers):
            if isinstance(answer, CapsuleError):
                refused.append((str(found[place].path), answer, found[place].is_quiet))
            else:
                kept.append(answer)
                if answer.missing:
                    missing[answer.picture.id] = answer.missing
    # Whose pictures these are is not known, so all of them tell where a clip was taken.
    times = WallTimes(None, [one.taken for one in kept])
    return [replace(one.picture, taken_local=times.of(one.taken)) for one in kept], refused, missing


def _names(found: Sequence[FoundFile]) -> list[str]:
    """Return what a plan calls each file: its path as given, told apart where one was named twice."""
    names: dict[str, None] = {}
    for place, one in enumerate(found):
        name = os.fsencode(one.path).decode(errors="replace")
        names[name if name not in names else f"{name} ({place})"] = None
    return list(names)


def _picture(decoders: Decoders, name: str, place: int, one: FoundFile, pictures: Path) -> _PreparedPicture:
    """Decode one file into the folder of pictures."""
    from memorycapsule.domain.dated_names import taken_by_name
    from memorycapsule.domain.film.camera_clocks import with_capture_time
    from memorycapsule.domain.film.framing import display_size, fitted_size
    from memorycapsule.domain.film.picture_choice import Picture
    from memorycapsule.media import clips

    with open_regular(one.path) as file:
        prepared = decoders.prepare(file)
    if prepared.display is None or prepared.kind == "voice":
        if prepared.clip:
            prepared.clip.close()
        raise MediaRefused(Refusal.RENDER_RECORDING)
    file_name = f"{place:06}.{'mp4' if prepared.clip else 'jpg'}"
    if prepared.clip:
        with prepared.clip, Path(pictures, file_name).open("wb") as copy:
            shutil.copyfileobj(prepared.clip, copy, 1 << 20)
    else:
        Path(pictures, file_name).write_bytes(prepared.display)
    width, height = (
        fitted_size(prepared.width, prepared.height, clips.LONG_SIDE, clips.SHORT_SIDE)
        if prepared.clip
        else display_size(prepared.width, prepared.height)
    )
    taken = prepared.taken or taken_by_name(one.path.name, datetime.now(UTC))
    picture = Picture(
        id=name,
        kind=prepared.kind,
        file=file_name,
        width=width,
        height=height,
        duration_seconds=prepared.duration_seconds or 0.0,
        has_sound=prepared.has_sound,
        camera=prepared.camera,
        story_id=one.inside,
        position=place,
        contributor="",
    )
    picture = with_capture_time(picture, taken, None, gps_at=prepared.gps_at)
    return _PreparedPicture(picture=picture, taken=taken, missing=prepared.missing)
