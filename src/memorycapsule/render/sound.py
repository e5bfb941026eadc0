"""
The soundtrack: music as long as the film, under the sound of its clips, faded out with the picture.

Started by `film.render` as `python -m memorycapsule.render.sound`, with one JSON object on stdin. Every file
is first turned into plain WAV by an ffmpeg with limits, never more of it than the film is long; MoviePy
builds the music from that, and exactly as many samples as the film's frames last are encoded as AAC.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

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
#: Samples made at a time. MoviePy's reader fails when asked for more than half its buffer, which holds the whole file
#: or 200,000 samples; so shorter files get silence behind them.
_CHUNK = RATE
_SHORTEST_FILE = 4 * RATE
_CLIP_FADE_SECONDS = 0.25
_DUCK_SECONDS = 0.5
#: At the seam of a loop, so that it does not click.
_SEAM_SECONDS = 0.02

Sound = Any


def make(plan: MontagePlan, pictures: Path, workspace: Path, out: Path) -> bool:
    """
    Write the film's sound as AAC, exactly as long as the picture; return whether the wanted song could be
    used.

    `workspace` holds temporary files. A song that cannot be read gives way to the theme's own, and that to
    silence.
    """
    seconds = plan.frames / plan.fps
    with contextlib.ExitStack() as stack:
        wanted = pictures / Path(plan.soundtrack.file).name if plan.soundtrack.file else None
        music = _music(wanted, plan, workspace, stack) if wanted else None
        usable = wanted is None or music is not None
        if music is None:
            music = _music(themes.load(plan.theme).soundtrack, plan, workspace, stack)
        voices = _clip_sounds(plan, pictures, workspace, stack)
        _encode(plan, _mixed(plan, music, voices, seconds), out)
    return usable


def _wav(source: Path, seconds: float, start_seconds: float, out: Path) -> float:
    """Write a file's sound as WAV and return its length in seconds; 0 when it has none that can be decoded."""
    try:
        ffmpeg.run(
            ffmpeg.sound_arguments(source, seconds, start_seconds, out),
            what="The sound cannot be read.",
            timeout_seconds=120 + seconds,
        )
        with wave.open(str(out)) as sound:
            frames: int = sound.getnframes()
            samples = sound.readframes(frames) if frames < _SHORTEST_FILE else b""
        if samples:
            _write_padded(samples, out)
    except (RenderFailed, wave.Error, EOFError):
        return 0.0
    return frames / RATE


def _write_padded(samples: bytes, out: Path) -> None:
    with wave.open(str(out), "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes(samples.ljust(4 * _SHORTEST_FILE, b"\0"))


def _music(source: Path, plan: MontagePlan, workspace: Path, stack: contextlib.ExitStack) -> Sound | None:
    from moviepy import AudioFileClip, afx

    seconds = plan.frames / plan.fps
    file = workspace / "music.wav"
    length = _wav(source, seconds, 0, file)
    if length < _SHORTEST_SECONDS:
        return None
    song = stack.enter_context(contextlib.closing(AudioFileClip(str(file), fps=RATE)))
    song = song.with_duration(_safe(song, length))
    if song.duration < seconds:
        seam = min(_SEAM_SECONDS, song.duration / 4)
        song = song.with_effects([afx.AudioFadeIn(seam), afx.AudioFadeOut(seam)])
        song = song.with_effects([afx.AudioLoop(duration=seconds)])
    return song.with_duration(seconds)


def _safe(sound: Sound, length: float) -> float:
    """
    Return how long a file may be played: MoviePy's reader fails when asked for nothing but samples past its
    end.
    """
    return max(0.05, min(length, float(sound.reader.duration)) - 0.001)


def _clip_sounds(
    plan: MontagePlan, pictures: Path, workspace: Path, stack: contextlib.ExitStack
) -> list[tuple[float, float, Sound]]:
    """Return (from, to, sound) of every clip that is heard; seconds of the film."""
    from moviepy import AudioFileClip, afx

    found: list[tuple[float, float, Sound]] = []
    for number, placed in enumerate(plan.timeline):
        shot = placed.shot
        if not isinstance(shot, Clip) or not shot.has_sound:
            continue
        file = workspace / f"clip-{number}.wav"
        length = _wav(pictures / shot.source.file, shot.frames / plan.fps, shot.start_seconds, file)
        if length < _SHORTEST_SECONDS:
            continue
        voice = stack.enter_context(contextlib.closing(AudioFileClip(str(file), fps=RATE)))
        voice = voice.with_duration(_safe(voice, length))
        fade = min(_CLIP_FADE_SECONDS, length / 4)
        first = placed.first / plan.fps
        voice = voice.with_effects([afx.AudioFadeIn(fade), afx.AudioFadeOut(fade)]).with_start(first)
        found.append((first, first + voice.duration, voice))
    return found


def _mixed(
    plan: MontagePlan, music: Sound | None, voices: list[tuple[float, float, Sound]], seconds: float
) -> Sound | None:
    import moviepy
    from moviepy import afx

    parts = [voice for _, _, voice in voices]
    if music is not None:
        track = plan.soundtrack
        fade_in, fade_out = min(track.fade_in_seconds, seconds / 4), min(track.fade_out_seconds, seconds / 2)
        music = music.with_effects(
            [afx.MultiplyVolume(track.volume), afx.AudioFadeIn(fade_in), afx.AudioFadeOut(fade_out)]
        )
        heard = [(first, stop) for first, stop, _ in voices]
        if heard:
            music = music.transform(
                lambda get, t: get(t) * duck(np.asarray(t), heard, track.under_clips)[..., None],
                keep_duration=True,
            )
        parts.append(music)
    composite: Any = moviepy.CompositeAudioClip
    return composite(parts).with_duration(seconds) if parts else None


def duck(times: NDArray[np.float64], heard: list[tuple[float, float]], least: float) -> NDArray[np.float64]:
    """Return the loudness of the music at `times` (seconds): 1, and `least` while something in `heard` is heard."""
    level = np.ones_like(times, dtype=np.float64)
    for first, stop in heard:
        outside = np.maximum(first - times, times - stop)
        level = np.minimum(level, least + (1 - least) * np.clip(outside / _DUCK_SECONDS, 0, 1))
    return level


def _encode(plan: MontagePlan, sound: Sound | None, out: Path) -> None:
    total = round(plan.frames * RATE / plan.fps)
    arguments = ffmpeg.aac_arguments(plan.encoder.audio_kbit, out)
    with ffmpeg.start(
        arguments, stdin=subprocess.PIPE, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as child:
        assert child.stdin is not None
        assert child.stderr is not None
        with contextlib.suppress(BrokenPipeError):
            for first in range(0, total, _CHUNK):
                times = np.arange(first, min(first + _CHUNK, total)) / RATE
                child.stdin.write(_samples(sound, times))
            child.stdin.close()
        words = child.stderr.read()
        if child.wait() != 0:
            raise ffmpeg.problem(words, "The film's sound could not be encoded; photos and stories are safe.")


def _samples(sound: Sound | None, times: NDArray[np.float64]) -> bytes:
    if sound is None:
        return bytes(4 * len(times))
    values = np.asarray(sound.get_frame(times), np.float64)
    # A soft knee from 0.8 on: clip and music together may be louder than full scale.
    over = np.abs(values) > 0.8
    values[over] = np.sign(values[over]) * (0.8 + 0.2 * np.tanh((np.abs(values[over]) - 0.8) / 0.2))
    return np.rint(values * 32767).astype("<i2").tobytes()


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
