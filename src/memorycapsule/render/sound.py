"""
The soundtrack: music as long as the film, under the sound of its clips, faded out with the picture.

Started by `film.render` as `python -m memorycapsule.render.sound`, with one JSON object on stdin. Every file
is first turned into bare samples by an ffmpeg with limits, never more of it than the film is long. Clips are
decoded one after another and added into one file; the music and its fades are MoviePy's; and exactly as many
samples as the film's frames last are encoded as AAC. So processes, memory and open files do not grow with
the number of clips, and a song is looped by counting samples, however short it is.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from memorycapsule import themes
from memorycapsule.domain.plan import Clip, MontagePlan
from memorycapsule.errors import CapsuleError, RenderFailed
from memorycapsule.render import ffmpeg
from memorycapsule.render.crew import said_of

RATE = 48_000
#: Music shorter than this is no music.
_SHORTEST_SECONDS = 0.2
#: Samples made at a time.
_CHUNK = RATE
#: 16-bit stereo.
_BYTES = 4
_FULL_SCALE = 32767
_CLIP_FADE_SECONDS = 0.25
_DUCK_SECONDS = 0.5
#: At the seam of a loop, so that it does not click.
_SEAM_SECONDS = 0.02

#: 16-bit samples, (count, 2).
_Samples = NDArray[np.int16]
Sound = Any


def make(plan: MontagePlan, pictures: Path, workspace: Path, out: Path) -> bool:
    """
    Write the film's sound as AAC, exactly as long as the picture; return whether the wanted song could be
    used.

    `workspace` holds temporary files. A song that cannot be read gives way to the theme's own, and that to
    silence.
    """
    wanted = pictures / Path(plan.soundtrack.file).name if plan.soundtrack.file else None
    song = _song(wanted, plan, workspace) if wanted else None
    usable = wanted is None or song is not None
    if song is None:
        song = _song(themes.load(plan.theme).soundtrack, plan, workspace)
    with (workspace / "voices.raw").open("w+b") as voices:
        heard = _add_clips(plan, pictures, workspace, voices)
        _encode(plan, _music(plan, song, heard) if song is not None else None, voices, out)
    return usable


def _decoded(source: Path, seconds: float, start_seconds: float, out: Path) -> _Samples | None:
    """Return a file's sound, mapped from `out`; None when it has none that can be decoded, or hardly any."""
    try:
        ffmpeg.run(
            ffmpeg.sound_arguments(source, seconds, start_seconds, out),
            what="The sound cannot be read.",
            timeout_seconds=120 + seconds,
        )
    except (RenderFailed, FileNotFoundError):
        return None
    count = out.stat().st_size // _BYTES
    if count < _SHORTEST_SECONDS * RATE:
        return None
    return np.memmap(out, "<i2", "r", shape=(count, 2))


def _song(source: Path, plan: MontagePlan, workspace: Path) -> _Samples | None:
    return _decoded(source, plan.frames / plan.fps, 0, workspace / "music.raw")


def _music(plan: MontagePlan, song: _Samples, heard: list[tuple[float, float]]) -> Sound:
    """Return the song as long as the film, again and again if need be, faded, and quiet where clips are heard."""
    import moviepy
    from moviepy import afx

    clip: Any = moviepy.AudioClip
    seconds, track = plan.frames / plan.fps, plan.soundtrack
    count = len(song)
    seam = min(_SEAM_SECONDS * RATE, count / 4) if count < round(seconds * RATE) else 0.0

    def played(times: NDArray[np.float64]) -> NDArray[np.float64]:
        place = np.rint(np.asarray(times) * RATE).astype(np.int64) % count
        values = np.asarray(song[place], np.float64) / _FULL_SCALE
        if seam:
            values *= np.clip(np.minimum(place, count - 1 - place) / seam, 0, 1)[..., None]
        return values

    fade_in, fade_out = min(track.fade_in_seconds, seconds / 4), min(track.fade_out_seconds, seconds / 2)
    music: Sound = clip(played, duration=seconds, fps=RATE).with_effects(
        [afx.MultiplyVolume(track.volume), afx.AudioFadeIn(fade_in), afx.AudioFadeOut(fade_out)]
    )
    return music.transform(
        lambda get, t: get(t) * duck(np.asarray(t), heard, track.under_clips)[..., None], keep_duration=True
    )


def _add_clips(
    plan: MontagePlan, pictures: Path, workspace: Path, voices: BinaryIO
) -> list[tuple[float, float]]:
    """
    Add the sound of every clip into `voices` at its place; return (from, to) of those heard, seconds of the
    film.
    """
    heard: list[tuple[float, float]] = []
    for placed in plan.timeline:
        shot = placed.shot
        if not isinstance(shot, Clip) or not shot.has_sound:
            continue
        voice = _decoded(
            pictures / shot.source.file, shot.frames / plan.fps, shot.start_seconds, workspace / "clip.raw"
        )
        if voice is None:
            continue
        first = placed.first / plan.fps
        _add(voice, round(first * RATE), voices)
        heard.append((first, first + len(voice) / RATE))
    return heard


def _add(voice: _Samples, first: int, voices: BinaryIO) -> None:
    """Add a clip's sound, faded in and out, from sample `first` on."""
    fade = min(_CLIP_FADE_SECONDS * RATE, len(voice) / 4)
    for at in range(0, len(voice), _CHUNK):
        part = np.asarray(voice[at : at + _CHUNK], np.float64)
        place = np.arange(at, at + len(part))
        part *= np.clip(np.minimum(place, len(voice) - 1 - place) / fade, 0, 1)[:, None]
        part += _read(voices, first + at, len(part))
        voices.seek((first + at) * _BYTES)
        voices.write(np.clip(np.rint(part), -_FULL_SCALE, _FULL_SCALE).astype("<i2").tobytes())


def _read(voices: BinaryIO, first: int, count: int) -> NDArray[np.float64]:
    """Return `count` samples; silence where nothing was written."""
    voices.seek(first * _BYTES)
    data = voices.read(count * _BYTES).ljust(count * _BYTES, b"\0")
    return np.frombuffer(data, "<i2").reshape(count, 2).astype(np.float64)


def duck(times: NDArray[np.float64], heard: list[tuple[float, float]], least: float) -> NDArray[np.float64]:
    """Return the loudness of the music at `times` (seconds): 1, and `least` while something in `heard` is heard."""
    level = np.ones_like(times, dtype=np.float64)
    for first, stop in heard:
        outside = np.maximum(first - times, times - stop)
        level = np.minimum(level, least + (1 - least) * np.clip(outside / _DUCK_SECONDS, 0, 1))
    return level


def _encode(plan: MontagePlan, music: Sound | None, voices: BinaryIO, out: Path) -> None:
    total = round(plan.frames * RATE / plan.fps)
    arguments = ffmpeg.aac_arguments(plan.encoder.audio_kbit, out)
    with ffmpeg.start(
        arguments, stdin=subprocess.PIPE, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as child:
        assert child.stdin is not None
        assert child.stderr is not None
        with contextlib.suppress(BrokenPipeError):
            for first in range(0, total, _CHUNK):
                count = min(_CHUNK, total - first)
                values = _read(voices, first, count) / _FULL_SCALE
                if music is not None:
                    values += music.get_frame(np.arange(first, first + count) / RATE)
                child.stdin.write(_as_bytes(values))
            child.stdin.close()
        words = child.stderr.read()
        if child.wait() != 0:
            raise ffmpeg.problem(words, "The film's sound could not be encoded; photos and stories are safe.")


def _as_bytes(values: NDArray[np.float64]) -> bytes:
    # A soft knee from 0.8 on: clip and music together may be louder than full scale.
    over = np.abs(values) > 0.8
    values[over] = np.sign(values[over]) * (0.8 + 0.2 * np.tanh((np.abs(values[over]) - 0.8) / 0.2))
    return np.rint(values * _FULL_SCALE).astype("<i2").tobytes()


def work() -> None:
    """Make the sound that stdin asks for, and say how that went."""
    job: dict[str, Any] = json.loads(sys.stdin.readline())
    plan = MontagePlan.from_json(job["plan"])
    try:
        usable = make(plan, Path(job["pictures"]), Path(job["workspace"]), Path(job["out"]))
        answer: dict[str, Any] = {"done": True, "usable": usable}
    except (CapsuleError, OSError) as error:
        answer = dict(said_of(error))
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    work()
