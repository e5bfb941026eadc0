"""
Draw the pictures of the demo: no photo of anybody, no licence, every kind of file a family's phones make.

The scenes are painted by `scenes_day`, `scenes_evening`, `scenes_seasons` and `scenes_water` with `brushes`. Here they
become files, with capture date, orientation and colour profile as a camera would write them.
"""

import io
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pillow_heif

from memorycapsule.demo.brushes import Canvas, Picture, developed
from memorycapsule.demo.scenes import SCENES, DrawnScene
from memorycapsule.errors import CapsuleError, DiskFull, UsageProblem, is_disk_full, system_problem
from memorycapsule.processes import ffmpeg_path

#: The long side of a canvas. Painting small and enlarging costs a third; the grain hides it.
CANVAS_LONG_SIDE = 1560
CLIP_SECONDS = 4
CLIP_FRAMES_PER_SECOND = 30
ROTATED = 6


@dataclass(frozen=True, kw_only=True)
class DrawnFile:
    """A file that was drawn."""

    path: Path
    kind: Literal["photo", "clip"]
    #: A short name of the scene, fit for a story's title.
    title_en: str
    title_ko: str
    #: When it says it was taken, with its offset.
    taken_at: datetime


def draw(folder: Path, *, count: int = 18, seed: int = 1) -> Iterator[DrawnFile]:
    """
    Draw `count` pictures into `folder` (made when missing), in the order of their dates; yield each once it is drawn.

    The same count and seed give the same files. After the 18 scenes they are repeated, drawn differently and dated one
    year later. Among the first eight are a JPEG to be turned (orientation 6), a HEIC, a Display P3 JPEG and a clip.
    Raises DiskFull, UsageProblem when the folder cannot be written to, CapsuleError when ffmpeg cannot write the clip.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for index in range(count):
            yield _draw_one(folder, SCENES[index % len(SCENES)], index // len(SCENES), seed * 1000 + index)
    except OSError as error:
        if is_disk_full(error):
            raise DiskFull from error
        raise UsageProblem("demo_not_drawn", folder=folder, problem=system_problem(error)) from error


def _draw_one(folder: Path, scene: DrawnScene, again: int, seed: int) -> DrawnFile:
    width, height = scene.size
    share = min(
        1.0, CANVAS_LONG_SIDE / max(width, height) * max(1.0, max(width, height) / min(width, height) / 2.3)
    )
    rng = np.random.default_rng(seed)
    canvas = Canvas(round(width * share), round(height * share), rng)
    scene.paint(canvas)
    picture = developed(canvas, width, height)
    first_taken = datetime.fromisoformat(scene.taken)
    taken_at = first_taken.replace(year=first_taken.year + again)
    name = scene.name if not again else f"{scene.name}-{again + 1}"
    if scene.form == "clip":
        path = folder / f"{name}.mp4"
        _write_clip(path, picture, taken_at, rng)
    else:
        path = folder / f"{name}.{_SUFFIX.get(scene.form, 'jpg')}"
        path.write_bytes(_encoded(picture, scene.form, taken_at))
    return DrawnFile(
        path=path,
        kind="clip" if scene.form == "clip" else "photo",
        title_en=scene.title_en,
        title_ko=scene.title_ko,
        taken_at=taken_at,
    )


# ------------------------------------------------------------------------------------------------ photos

_SUFFIX = {"heic": "heic", "png": "png", "webp": "webp"}
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 90]


def _encoded(picture: Picture, form: str, taken_at: datetime) -> bytes:
    """Return the file's bytes; `picture` is upright BGR of shape (height, width, 3)."""
    exif = exif_block(taken_at, orientation=ROTATED if form == "rotated" else 1)
    if form == "heic":
        return _heic(picture, exif)
    metadata = {cv2.IMAGE_METADATA_EXIF: exif}
    if form == "p3":
        metadata[cv2.IMAGE_METADATA_ICCP] = display_p3_profile()
    if form == "rotated":
        # Orientation 6 asks the viewer to turn the stored picture clockwise.
        picture = np.asarray(cv2.rotate(picture, cv2.ROTATE_90_COUNTERCLOCKWISE), np.uint8)
    suffix = _SUFFIX.get(form, "jpg")
    options = {"png": [cv2.IMWRITE_PNG_COMPRESSION, 1], "webp": [cv2.IMWRITE_WEBP_QUALITY, 82]}.get(
        suffix, _JPEG
    )
    values = [np.frombuffer(value, np.uint8) for value in metadata.values()]
    done, data = cv2.imencodeWithMetadata(f".{suffix}", picture, list(metadata), values, options)
    if not done:
        raise CapsuleError("demo_no_encoder", suffix=suffix)
    return bytes(data)


def _heic(picture: Picture, exif: bytes) -> bytes:
    height, width = picture.shape[:2]
    heif = pillow_heif.from_bytes("RGB", (width, height), cv2.cvtColor(picture, cv2.COLOR_BGR2RGB).tobytes())
    out = io.BytesIO()
    heif.save(out, quality=70, exif=b"Exif\0\0" + exif, enc_params={"preset": "ultrafast"})
    return out.getvalue()


def exif_block(taken_at: datetime, *, orientation: int) -> bytes:
    """
    Return a TIFF block (big-endian) with orientation, capture time and its offset.

    `taken_at` is aware. Tags and types after Exif 2.32 (CIPA DC-008), section 4.6.
    """
    offset = taken_at.strftime("%z")
    ascii_type, short_type, long_type = 2, 3, 4
    when = taken_at.strftime("%Y:%m:%d %H:%M:%S").encode() + b"\0"
    zone = f"{offset[:3]}:{offset[3:]}".encode() + b"\0"

    def directory(start: int, entries: list[tuple[int, int, int, bytes]]) -> bytes:
        """Return an IFD at `start`; an entry is (tag, type, count, value); long values follow the table."""
        rest_at = start + 2 + 12 * len(entries) + 4
        table, rest = struct.pack(">H", len(entries)), b""
        for tag, kind, count, value in entries:
            cell = value.ljust(4, b"\0")
            if len(value) > 4:
                cell = struct.pack(">I", rest_at + len(rest))
                rest += value + b"\0" * (len(value) % 2)
            table += struct.pack(">HHI", tag, kind, count) + cell
        return table + struct.pack(">I", 0) + rest

    def main_directory(details_at: int) -> bytes:
        make = b"MemoryCapsule\0"
        return directory(
            8,
            [
                (0x010F, ascii_type, len(make), make),
                (0x0112, short_type, 1, struct.pack(">H", orientation)),
                (0x0132, ascii_type, len(when), when),
                (0x8769, long_type, 1, struct.pack(">I", details_at)),
            ],
        )

    details_at = 8 + len(main_directory(0))
    details = directory(
        details_at,
        [
            (0x9000, 7, 4, b"0232"),
            (0x9003, ascii_type, len(when), when),
            (0x9011, ascii_type, len(zone), zone),
        ],
    )
    return b"MM\0*" + struct.pack(">I", 8) + main_directory(details_at) + details


def display_p3_profile() -> bytes:
    """
    Return a small ICC profile (version 4) of Display P3: its primaries adapted to D50, the curve of sRGB.

    Layout after ICC.1:2010; primaries and white point after SMPTE EG 432-1 with D65.
    """

    def fixed(*values: float) -> bytes:
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    def text(words: str) -> bytes:
        data = words.encode("utf-16-be")
        return b"mluc" + struct.pack(">III2s2sII", 0, 1, 12, b"en", b"US", len(data), 28) + data

    def point(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + fixed(*values)

    curve = b"para" + struct.pack(">IHH", 0, 3, 0) + fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    bradford = (1.04788, 0.02292, -0.05022, 0.02959, 0.99048, -0.01707, -0.00925, 0.01508, 0.75168)
    tags = {
        b"desc": text("Display P3"),
        b"cprt": text("CC0"),
        b"wtpt": point(0.9642, 1.0, 0.82491),
        b"rXYZ": point(0.51512, 0.2412, -0.00105),
        b"gXYZ": point(0.29198, 0.69225, 0.04189),
        b"bXYZ": point(0.1571, 0.06657, 0.78407),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
        b"chad": b"sf32\0\0\0\0" + fixed(*bradford),
    }
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        table += name + struct.pack(">II", start + len(body), len(value))
        body += value + b"\0" * (-len(value) % 4)
    header = struct.pack(">I4sI4s4s4s", start + len(body), b"\0\0\0\0", 0x04000000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28 + fixed(0.9642, 1.0, 0.82491)
    return header.ljust(128, b"\0") + table + body


# ------------------------------------------------------------------------------------------------ the clip


def _write_clip(path: Path, still: Picture, taken_at: datetime, rng: np.random.Generator) -> None:
    """Let snow fall over `still` for CLIP_SECONDS, with a soft wind, as H.264 and AAC in an MP4 file."""
    height, width = still.shape[:2]
    command = [
        ffmpeg_path(),
        "-hide_banner",
        "-loglevel",
        "error",
        "-y",
        "-f",
        "rawvideo",
        "-pix_fmt",
        "yuv420p",
    ]
    command += ["-s", f"{width}x{height}", "-r", str(CLIP_FRAMES_PER_SECOND), "-i", "pipe:0"]
    wind = (
        f"anoisesrc=color=brown:seed={int(rng.integers(1, 9999))}:sample_rate=48000:duration={CLIP_SECONDS}"
    )
    sound = "lowpass=f=520,highpass=f=90,tremolo=f=0.4:d=0.5,volume=0.5,aformat=channel_layouts=stereo"
    fades = f"afade=t=in:d=0.5,afade=t=out:st={CLIP_SECONDS - 0.7}:d=0.7"
    command += [
        "-f",
        "lavfi",
        "-i",
        f"{wind},{sound},{fades}",
        "-c:v",
        "libx264",
        "-preset",
        "superfast",
        "-crf",
        "22",
    ]
    command += [
        "-threads",
        "1",
        "-pix_fmt",
        "yuv420p",
        "-c:a",
        "aac",
        "-b:a",
        "96k",
        "-shortest",
        "-map_metadata",
        "-1",
    ]
    command += [
        "-metadata",
        f"creation_time={taken_at.isoformat()}",
        "-fflags",
        "+bitexact",
        "-flags:v",
        "+bitexact",
    ]
    command += ["-flags:a", "+bitexact", "-movflags", "+faststart", str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as encoder:
        assert encoder.stdin is not None
        assert encoder.stderr is not None
        try:
            for frame in _snowfall(still, rng):
                encoder.stdin.write(frame)
            encoder.stdin.close()
        except BrokenPipeError:
            # ffmpeg ended early; its stderr says why.
            pass
        complaint = encoder.stderr.read().decode(errors="replace").strip()
    if encoder.returncode:
        answer = (
            CapsuleError("other", sentence=complaint.splitlines()[-1])
            if complaint
            else CapsuleError("no_answer")
        )
        raise CapsuleError("demo_clip_not_written", answer=answer)


def _snowfall(still: Picture, rng: np.random.Generator) -> Iterator[bytes]:
    """Yield the frames as planar YUV 4:2:0 bytes: near flakes are large, fast and out of focus."""
    height, width = still.shape[:2]
    flakes = 520
    nearness = rng.random(flakes) ** 3
    x, y = rng.random(flakes) * width, rng.random(flakes) * (height + 80)
    fall = 55 + 330 * nearness
    sway, phase = 6 + 26 * nearness, rng.random(flakes) * 6.28
    radius = 1.3 + 6.5 * nearness
    base = cv2.cvtColor(still, cv2.COLOR_BGR2YUV_I420)
    luma = base[:height]

    def frame(number: int) -> bytes:
        time = number / CLIP_FRAMES_PER_SECOND
        flakes_alone = np.zeros((height, width), np.uint8)
        down = (y + fall * time) % (height + 80) - 40
        across = (x + sway * np.sin(phase + time * 1.3) + 14 * time) % width
        for left, top, size, near in zip(across, down, radius, nearness, strict=True):
            centre = (round(left * 16), round(top * 16))
            cv2.circle(flakes_alone, centre, round(size * 16), int(190 - 95 * near), -1, cv2.LINE_AA, 4)
        light = cv2.blur(flakes_alone, (5, 5))
        snowy = base.copy()
        snowy[:height] = cv2.add(luma, cv2.multiply(light, 255 - luma, scale=1 / 255))
        return snowy.tobytes()

    return map(frame, range(CLIP_SECONDS * CLIP_FRAMES_PER_SECOND))
