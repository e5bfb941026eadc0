"""Clips whose sound tracks ffmpeg cannot decode, made of one whose tracks it can."""

import os
import subprocess
from pathlib import Path

from memorycapsule import processes

_MADE = ["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"]


def clip_with_tones(path: Path, *hertz: int, seconds: float = 1.0, encoding: tuple[str, ...] = ()) -> Path:
    """Make a clip with a sound track for each tone."""
    tones = [part for tone in hertz for part in ("-f", "lavfi", "-i", f"sine={tone}:d={seconds}:r=48000")]
    maps = [part for place in range(len(hertz) + 1) for part in ("-map", str(place))]
    subprocess.run(
        [
            processes.ffmpeg_path(), "-v", "error", "-y",
            "-f", "lavfi", "-i", f"testsrc2=s=128x72:r=30:d={seconds}", *tones, *maps, *_MADE, *encoding, str(path),
        ],
        check=True,
    )  # fmt: skip
    return path


def large_clip(path: Path, size: int) -> Path:
    """Make a clip of `size` bytes, most of which are a box that players pass over."""
    clip_with_tones(path, 440)
    with path.open("r+b") as file:
        rest = size - file.seek(0, os.SEEK_END)
        file.write(rest.to_bytes(4, "big") + b"free")
        file.truncate(size)
    return path


def with_unknown_codec(clip: bytes, track: int, fourcc: bytes) -> bytes:
    """Return a MOV whose nth sound track (from 0) is coded in a way that `fourcc` alone names."""
    start, end = _sample_description(clip, track)
    entry = clip[start:end].replace(b"mp4a", fourcc)
    for kind in (b"esds", b"wave", b"sinf"):
        entry = entry.replace(kind, b"dapa")
    return clip[:start] + entry + clip[end:]


def without_samples(clip: bytes, track: int) -> bytes:
    """Return a MOV whose nth sound track (from 0) states that it holds nothing."""
    _, end = _sample_description(clip, track)
    emptied = bytearray(clip)
    for kind, count_at in ((b"stts", 8), (b"stsc", 8), (b"stsz", 12), (b"stco", 8)):
        at = clip.index(kind, end) + count_at
        emptied[at : at + 4] = bytes(4)
    return bytes(emptied)


def _sample_description(clip: bytes, track: int) -> tuple[int, int]:
    """Return where the sample description of the nth sound track begins and ends."""
    at = clip.index(b"moov")
    for _ in range(track + 1):
        at = clip.index(b"stsd", clip.index(b"soun", at))
    return at, at - 4 + int.from_bytes(clip[at - 4 : at], "big")
