"""
The soundtrack: music as long as the film, under its voice notes and the sound of its clips, faded out with the
picture.

`WorkerPool` starts it as `python -m memorycapsule.render.sound`, with one JSON object on stdin. An ffmpeg under
limits decodes each file to bare samples, never more of it than the film is long. Voice notes and clips are decoded
one after another and mixed into one file. MoviePy makes the music and its fades. Exactly as many samples as the
film's frames last are encoded as AAC. So processes, memory and open files do not grow with the number of clips, and
a song of any length is looped by counting samples.

Loudness: the music is brought to the loudness of the plan, notes and clips to their own with a limited gain. The music
is ducked while a note or a clip is audible. A clip is ducked while somebody speaks.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from memorycapsule import themes
from memorycapsule.domain.film.plan import Clip, MontagePlan, Soundtrack
from memorycapsule.errors import CapsuleError, RenderFailed
from memorycapsule.render import ffmpeg, loudness
from memorycapsule.render.loudness import FULL_SCALE, RATE, Samples
from memorycapsule.render.messages import error_message, send
from memorycapsule.render.music import Music
from memorycapsule.render.worker_pool import SoundResult

#: Music shorter than this is no music.
_SHORTEST_SECONDS = 0.2
#: Samples made at a time.
_CHUNK = RATE
#: 16-bit stereo.
_BYTES = 4
_CLIP_FADE_SECONDS = 0.25
_DUCK_SECONDS = 0.5
#: What a note and a clip's own sound are brought to (LUFS), how far they are changed at most (decibels), and their
#: highest peak.
_NOTE_LUFS, _CLIP_LUFS = -16.0, -18.0
_CLIP_GAIN = 9.0
_CLIP_PEAK = 0.89
#: Quieter than this (LUFS) is the hiss of a microphone. It is played as it is, and the music is not ducked.
_AUDIBLE_LUFS = -45.0
#: The music stays ducked in shorter pauses than this.
_PAUSE_SECONDS = 1.5
#: A clip's sound is multiplied by this while a note is heard.
_CLIP_UNDER_NOTES = 0.18
#: Both ends of a note, and the end of one that had to give way.
_NOTE_FADE_SECONDS, _CUT_FADE_SECONDS = 0.05, 0.8

Sound = Any
#: (from, to) in seconds.
_Spans = list[tuple[float, float]]


def make(plan: MontagePlan, pictures: Path, workspace: Path, out: Path) -> SoundResult:
    """
    Write the film's sound as AAC, exactly as long as the picture.

    `workspace` holds temporary files. The theme's own song replaces one that cannot be read, and silence replaces the
    theme's.
    """
    wanted = pictures / Path(plan.soundtrack.file).name if plan.soundtrack.file else None
    song = _song(wanted, plan, workspace) if wanted else None
    song_usable = wanted is None or song is not None
    track = plan.soundtrack
    if song is None:
        theme = themes.load(plan.theme)
        song = _song(theme.soundtrack, plan, workspace)
        track = theme.music.with_beat(track)
    with (workspace / "voices.raw").open("w+b") as voices:
        spoken, unplayable = _add_notes(plan, pictures, workspace, voices)
        audible = _without_pauses(sorted([*spoken, *_add_clips(plan, pictures, workspace, voices, spoken)]))
        _encode(plan, _music(plan, track, song, audible) if song is not None else None, voices, out)
    return SoundResult(song_usable=song_usable, unplayable_notes=unplayable)


def _decoded(source: Path, seconds: float, start_seconds: float, out: Path) -> Samples | None:
    """Return a file's sound, mapped from `out`; None when it has none that can be decoded, or hardly any."""
    try:
        ffmpeg.run(
            ffmpeg.sound_arguments(source, seconds, start_seconds, out),
            failure=RenderFailed("film_sound_unreadable"),
        )
    except (RenderFailed, FileNotFoundError):
        return None
    count = out.stat().st_size // _BYTES
    if count < _SHORTEST_SECONDS * RATE:
        return None
    return np.memmap(out, "<i2", "r", shape=(count, 2))


def _song(source: Path, plan: MontagePlan, workspace: Path) -> Samples | None:
    return _decoded(source, plan.seconds, 0, workspace / "music.raw")


def _music(plan: MontagePlan, track: Soundtrack, song: Samples, audible: _Spans) -> Sound:
    """Return the song looped to the film's length, faded, and ducked where notes or clips are audible."""
    import moviepy
    from moviepy import afx

    clip: Any = moviepy.AudioClip
    seconds = plan.seconds
    music = Music(song, track, round(seconds * RATE))
    fade_in = min(track.fade_in_seconds, seconds / 4)
    # The music is gone when the picture is.
    fade_out = min(max(track.fade_out_seconds, plan.fade_out_frames / plan.fps), seconds / 2)
    fades = [
        fade(length) for fade, length in ((afx.AudioFadeIn, fade_in), (afx.AudioFadeOut, fade_out)) if length
    ]
    sound: Sound = clip(
        lambda times: music.at(np.rint(np.asarray(times) * RATE).astype(np.int64)),
        duration=seconds,
        fps=RATE,
    ).with_effects(fades)
    return sound.transform(
        lambda get, t: get(t) * duck(np.asarray(t), audible, track.under_clips)[..., None], keep_duration=True
    )


def _add_notes(
    plan: MontagePlan, pictures: Path, workspace: Path, voices: BinaryIO
) -> tuple[_Spans, tuple[str, ...]]:
    """Add every voice note into `voices` at its place; return where they are heard, and which cannot be played."""
    audible: _Spans = []
    unplayable: list[str] = []
    for spoken in plan.placed_voices:
        note, seconds = spoken.voice, (spoken.stop - spoken.first) / plan.fps
        path = pictures / Path(note.file).name
        voice = _decoded(path, seconds, 0, workspace / "note.raw")
        if voice is None:
            unplayable.append(note.id)
            continue
        power = loudness.powers(voice)
        gain = _gain(voice, loudness.integrated(power), _NOTE_LUFS)
        first = spoken.first / plan.fps
        is_cut = spoken.stop - spoken.first < note.frames
        fade_out = max(note.fade_frames / plan.fps, _CUT_FADE_SECONDS if is_cut else _NOTE_FADE_SECONDS)
        _add(voice, round(first * RATE), gain, voices, (_NOTE_FADE_SECONDS, fade_out))
        if spans := _audible_spans(power * gain**2):
            # A pause for breath belongs to what is spoken.
            audible.append((first + spans[0][0], first + spans[-1][1]))
    return audible, tuple(unplayable)


def _add_clips(
    plan: MontagePlan, pictures: Path, workspace: Path, voices: BinaryIO, spoken: _Spans
) -> _Spans:
    """Add the sound of every clip into `voices` at its place, under what is spoken; return where any is heard."""
    audible: _Spans = []
    for placed in plan.timeline:
        shot = placed.shot
        if not isinstance(shot, Clip) or not shot.has_sound:
            continue
        voice = _decoded(
            pictures / shot.source.file, shot.frames / plan.fps, shot.start_seconds, workspace / "clip.raw"
        )
        if voice is None:
            continue
        power = loudness.powers(voice)
        gain = _gain(voice, loudness.integrated(power), _CLIP_LUFS)
        first = placed.first / plan.fps
        _add(voice, round(first * RATE), gain, voices, (_CLIP_FADE_SECONDS, _CLIP_FADE_SECONDS), spoken)
        audible += [(first + start, first + stop) for start, stop in _audible_spans(power * gain**2)]
    return audible


def _gain(voice: Samples, loud: float, wanted: float) -> float:
    """Return what a sound is multiplied by: to about the loudness of all others, and never clipped."""
    if loud < _AUDIBLE_LUFS:
        return 1.0
    gain = 10 ** (float(np.clip(wanted - loud, -_CLIP_GAIN, _CLIP_GAIN)) / 20)
    peak = max(int(voice.max()), -int(voice.min())) / FULL_SCALE
    return gain if peak * gain <= _CLIP_PEAK else max(_CLIP_PEAK / peak, min(gain, 1.0))


def _audible_spans(power: NDArray[np.float64]) -> _Spans:
    """Return the spans of a sound in which there is more than hiss."""
    loud = np.concatenate([[False], loudness.momentary(power) > _AUDIBLE_LUFS, [False]])
    edges = np.flatnonzero(loud[1:] != loud[:-1]) * loudness.SUBBLOCK_SECONDS
    return [(float(start), float(stop)) for start, stop in edges.reshape(-1, 2)]


def _without_pauses(spans: _Spans) -> _Spans:
    """Join spans with a pause between them that is too short for the music to return."""
    joined: _Spans = []
    for start, stop in spans:
        if joined and start - joined[-1][1] < _PAUSE_SECONDS:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((start, stop))
    return joined


def _add(
    voice: Samples,
    first: int,
    gain: float,
    voices: BinaryIO,
    fades: tuple[float, float],
    spoken: _Spans | None = None,
) -> None:
    """Add a sound from sample `first` on, faded in and out over so many seconds, and quiet under what is spoken."""
    fade_in, fade_out = (min(seconds * RATE, len(voice) / 4) for seconds in fades)
    for at in range(0, len(voice), _CHUNK):
        part = np.asarray(voice[at : at + _CHUNK], np.float64) * gain
        place = np.arange(at, at + len(part))
        part *= np.clip(np.minimum(place / fade_in, (len(voice) - 1 - place) / fade_out), 0, 1)[:, None]
        if spoken:
            part *= duck((first + place) / RATE, spoken, _CLIP_UNDER_NOTES)[:, None]
        part += _read(voices, first + at, len(part))
        voices.seek((first + at) * _BYTES)
        voices.write(np.clip(np.rint(part), -FULL_SCALE, FULL_SCALE).astype("<i2").tobytes())


def _read(voices: BinaryIO, first: int, count: int) -> NDArray[np.float64]:
    """Return `count` samples; silence where nothing was written."""
    voices.seek(first * _BYTES)
    data = voices.read(count * _BYTES).ljust(count * _BYTES, b"\0")
    return np.frombuffer(data, "<i2").reshape(count, 2).astype(np.float64)


def duck(times: NDArray[np.float64], audible: _Spans, least: float) -> NDArray[np.float64]:
    """Return the loudness of the music at `times` (seconds): 1, and `least` while anything in `audible` plays."""
    nearest = np.full(times.shape, np.inf)
    for start, stop in audible:
        if start - _DUCK_SECONDS < times.max() and stop + _DUCK_SECONDS > times.min():
            nearest = np.minimum(nearest, np.maximum(start - times, times - stop))
    away = np.clip(nearest / _DUCK_SECONDS, 0, 1)
    level: NDArray[np.float64] = least + (1 - least) * (0.5 - 0.5 * np.cos(np.pi * away))
    return level


def _encode(plan: MontagePlan, music: Sound | None, voices: BinaryIO, out: Path) -> None:
    total = round(plan.frames * RATE / plan.fps)
    fade = max(1, round(plan.fade_out_frames * RATE / plan.fps))
    arguments = ffmpeg.aac_arguments(plan.encoder.audio_kbit, out)
    with ffmpeg.start(
        arguments, stdin=subprocess.PIPE, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as child:
        assert child.stdin is not None
        assert child.stderr is not None
        with contextlib.suppress(BrokenPipeError):
            for first in range(0, total, _CHUNK):
                place = np.arange(first, min(first + _CHUNK, total))
                values = _read(voices, first, len(place)) / FULL_SCALE
                values *= np.clip((total - place) / fade, 0, 1)[:, None]
                if music is not None:
                    values += music.get_frame(place / RATE)
                child.stdin.write(_as_bytes(values))
            child.stdin.close()
        complaint = child.stderr.read()
        if code := child.wait():
            raise ffmpeg.translate_error(code, complaint, RenderFailed("film_sound_unencoded"))


def _as_bytes(values: NDArray[np.float64]) -> bytes:
    # A soft knee from 0.9 on: clip and music together may be louder than full scale.
    over = np.abs(values) > 0.9
    values[over] = np.sign(values[over]) * (0.9 + 0.1 * np.tanh((np.abs(values[over]) - 0.9) / 0.1))
    return np.rint(values * FULL_SCALE).astype("<i2").tobytes()


def work() -> None:
    """Make the sound that stdin asks for, and write the result to stdout."""
    job: dict[str, Any] = json.loads(sys.stdin.readline())
    plan = MontagePlan.from_json(job["plan"])
    try:
        result = make(plan, Path(job["pictures"]), Path(job["workspace"]), Path(job["out"]))
    except (CapsuleError, OSError, MemoryError) as error:
        send(error_message(error))
    else:
        send({"done": True, **asdict(result)})


if __name__ == "__main__":
    work()
