"""Films of clips show the colours that were filmed, and those of photos of the same moment."""

import shutil
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest

from memorycapsule.domain.film.direction import Direction, direct
from memorycapsule.domain.film.framing import display_size
from memorycapsule.domain.film.picture_choice import Picture
from memorycapsule.domain.film.plan import Clip, Encoder, FilmStyle, Move, Photo, Rect
from memorycapsule.domain.film.sizes import Size
from memorycapsule.media.decoder_pool import Decoders
from support.clip_patches import PATCHES, Coding, clip_of_patches, coded, hevc, laid_out, patches_of

pytestmark = pytest.mark.slow
SIZE = Size(width=320, height=160)
FINE = Encoder(crf=4.0)
PLAIN = FilmStyle(
    title_seconds=1.0, end_seconds=1.0, photo_seconds=1.2, entrance_seconds=0.3, story_entrance_seconds=0.3
)
WHOLE = Move(start=Rect(x=0, y=0, width=1, height=1), end=Rect(x=0, y=0, width=1, height=1))
_BT2020 = {"matrix": "bt2020nc", "tag": "bt2020nc", "primaries": "bt2020"}


def filmed(studio, path):
    """Return the middle frame of a film whose frame is just this picture."""
    with Decoders(workspace=studio.folder) as decoders, path.open("rb") as upload:
        made = decoders.prepare(upload)
    file = studio.pictures / ("clip.mp4" if made.clip else "photo.jpg")
    if made.clip:
        with made.clip, file.open("wb") as out:
            shutil.copyfileobj(made.clip, out)
    else:
        file.write_bytes(made.display)
    width, height = display_size(made.width, made.height)
    picture = Picture(
        id=file.stem, kind=made.kind, file=file.name, width=width, height=height, story_id="", position=0,
        contributor="Ada", duration_seconds=made.duration_seconds or 0.0, has_sound=made.has_sound,
    )  # fmt: skip
    plan = direct(title="", pictures=[picture], direction=Direction(size=SIZE, style=PLAIN, encoder=FINE))
    scenes = tuple(
        replace(
            scene,
            shots=tuple(
                replace(shot, fit="cover", move=WHOLE) if isinstance(shot, Photo) else shot
                for shot in scene.shots
            ),
        )
        for scene in plan.scenes
    )
    plan = replace(plan, scenes=scenes)
    _, decoded = studio.film(plan, name=f"{file.stem}-film.mp4")
    (placed,) = [placed for placed in plan.timeline if isinstance(placed.shot, Photo | Clip)]
    return patches_of(decoded.frames[(placed.first + placed.stop) // 2])


def photo_of_patches(folder, coding: Coding):
    """Make a PNG of the patches that says its primaries and curve as code points (PNG, third edition, 11.3.2.6)."""
    transfer = {"arib-std-b67": 18, "smpte2084": 16}[coding.transfer]
    picture = laid_out(coded(coding.primaries, coding.transfer), coding.size).astype(">u2")
    height, width = picture.shape[:2]

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    path = folder / "photo.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0))
        + chunk(b"cICP", bytes([9, transfer, 0, 1]))
        + chunk(b"IDAT", zlib.compress(b"".join(b"\x00" + row.tobytes() for row in picture)))
        + chunk(b"IEND", b"")
    )
    return path


def test_a_film_of_an_untagged_clip_shows_what_was_filmed(studio, tmp_path):
    coding = Coding(size=(1280, 640))

    assert np.abs(filmed(studio, clip_of_patches(tmp_path, coding, frames=90)) - PATCHES).max() <= 6


@pytest.mark.parametrize("transfer", ["arib-std-b67", "smpte2084"])
def test_a_clip_and_a_photo_of_one_moment_look_alike_in_a_film(studio, tmp_path, transfer):
    coding = hevc(size=(640, 320), transfer=transfer, **_BT2020)
    clip = filmed(studio, clip_of_patches(tmp_path, coding, frames=90))
    photo = filmed(studio, photo_of_patches(tmp_path, coding))

    assert np.abs(clip - photo).max() <= 6
