"""
Highlights of a clip: which part of it is the best to show, and which frame represents it.

Clips are display clips of our own (`media.clips`). A limited ffmpeg process reads them, as MP4 and from files only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from memorycapsule import processes
from memorycapsule.errors import MediaRefused, Refusal

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]

#: Clips are scored on small frames, so many a second.
_RATE = 5.0
#: A clip longer than so many seconds is first scored on its key frames (display clips have one every two seconds),
#: and then only its most promising part: so many seconds besides those that are shown.
_LONG_SECONDS, _KEY_RATE, _PROMISING_SECONDS = 45.0, 0.5, 16.0
#: Sides of a small frame, and the long side of the frame that represents the clip.
_WIDTH, _HEIGHT = 96, 54
_FRAME_SIDE = 512
_SOUND_RATE = 8000
#: The first and the last half second are left out: there a thumb reaches for the button.
_EDGE_SECONDS = 0.5
#: Voices are heard here, in Hz (the band of a telephone, ITU-T G.712); below it wind, above it hiss.
_VOICE = (300.0, 3400.0)
#: Sound below this, in decibels of full scale, is silence.
_SILENCE = -55.0
#: At this speed, in frame widths a second, a pan scores half as much as a still camera.
_SWIFT = 0.35
#: At this change from one small frame to the next, of 255, what moves scores half.
_ALIVE = 2.5
#: Levels of a picture in which nothing can be seen, and of one that is light enough.
_DARK, _LIGHT = 14.0, 42.0
#: Weights of sharp, steady, alive and loud. Key frames are too far apart to judge movement.
_WEIGHTS, _KEY_WEIGHTS = np.array([0.3, 0.25, 0.25, 0.2]), np.array([0.6, 0.0, 0.0, 0.4])
#: By how much the latest part must be better than the earliest to be chosen.
_EARLIER = 0.03
_MEMORY_BYTES = 2 << 30


@dataclass(frozen=True)
class ClipScores:
    """How good each moment of a clip is to show."""

    #: 0..1, one for each small frame.
    scores: Floats
    #: Small frames a second.
    rate: float

    def best_start(self, seconds: float) -> float:
        """Return where the best part of `seconds` begins, in seconds; the earliest of equally good ones."""
        length = len(self.scores) / self.rate
        room = length - seconds
        if room <= 0:
            return 0.0
        if room <= 2 * _EDGE_SECONDS:
            return room / 2
        count = max(1, round(seconds * self.rate))
        whole = np.concatenate([[0.0], np.cumsum(self.scores)])
        first = math.ceil(_EDGE_SECONDS * self.rate)
        last = max(first, len(self.scores) - count - first)
        starts = np.arange(first, last + 1)
        means = (whole[starts + count] - whole[starts]) / count
        return float(starts[int((means - _EARLIER * starts / len(self.scores)).argmax())]) / self.rate

    def best_moment(self, start: float, seconds: float) -> float:
        """Return the best moment of the `seconds` from `start` on, in seconds of what was scored."""
        first = min(round(start * self.rate), len(self.scores) - 1)
        part = self.scores[first : first + max(1, round(seconds * self.rate))]
        calm = np.convolve(part, np.ones(3) / 3, "same") if len(part) > 3 else part
        return (first + int(calm.argmax())) / self.rate


def best_part(clip: Path, duration_seconds: float, seconds: float) -> tuple[float, float]:
    """
    Return where the best part of `seconds` begins, and its best moment; both in seconds of the clip.

    Raises MediaRefused when no picture can be read from it.
    """
    begin, length = 0.0, duration_seconds
    if length > max(_LONG_SECONDS, seconds + _PROMISING_SECONDS):
        length = seconds + _PROMISING_SECONDS
        begin = _scored(clip, 0.0, duration_seconds, _KEY_RATE).best_start(length)
    scored = _scored(clip, begin, length, _RATE)
    start = scored.best_start(seconds)
    # The last small frame may lie a little behind the last whole one.
    moment = min(begin + scored.best_moment(start, seconds), max(0.0, duration_seconds - 0.2))
    return begin + start, moment


def _scored(clip: Path, begin: float, length: float, rate: float) -> ClipScores:
    """Score the moments of a part of a clip, by its picture and its sound."""
    is_rough = rate == _KEY_RATE
    part = ["-ss", f"{begin:.3f}", "-t", f"{length:.3f}"]
    most = round(120 + 4 * length)
    # Frames that no other frame refers to are skipped, and so is the loop filter: scores need no exact picture.
    skipped = ["-skip_frame", "nokey" if is_rough else "noref", "-skip_loop_filter", "all"]
    small = f"fps={rate},scale={_WIDTH}:{_HEIGHT}:flags=area,format=gray"
    pictures = _ffmpeg([*skipped, *part, *_input(clip), "-an", "-vf", small, "-f", "rawvideo", "-"], most)
    count = len(pictures) // (_WIDTH * _HEIGHT)
    if not count:
        raise MediaRefused(Refusal.NO_READABLE_PICTURE)
    shape = (count, _HEIGHT, _WIDTH)
    frames = np.frombuffer(pictures, np.uint8, count * _WIDTH * _HEIGHT).reshape(shape)
    voice = [*part, *_input(clip), "-vn", "-ac", "1", "-ar", str(_SOUND_RATE), "-f", "s16le", "-"]
    sound = _ffmpeg(voice, most)
    samples = np.frombuffer(sound[: len(sound) // 2 * 2], np.int16)
    return ClipScores(_scores(frames, samples, rate, _KEY_WEIGHTS if is_rough else _WEIGHTS), rate)


def frame_at(clip: Path, seconds: float) -> Bytes:
    """Return the frame at `seconds`, BGR, made small. Raises MediaRefused when there is none."""
    scale = f"scale='min({_FRAME_SIDE},iw)':'min({_FRAME_SIDE},ih)':force_original_aspect_ratio=decrease"
    encoded = _ffmpeg(
        ["-ss", f"{seconds:.3f}", *_input(clip), "-an", "-frames:v", "1", "-vf", scale,
         "-c:v", "bmp", "-f", "image2pipe", "-"],
        120,
    )  # fmt: skip
    picture = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR) if encoded else None
    if picture is None:
        raise MediaRefused(Refusal.NO_READABLE_PICTURE)
    return np.asarray(picture, np.uint8)


def _scores(frames: Bytes, samples: NDArray[np.int16], rate: float, weights: Floats) -> Floats:
    """Return how good each moment is, 0..1."""
    sharp, steady, alive, light = (np.zeros(len(frames)) for _ in range(4))
    window = np.asarray(cv2.createHanningWindow((_WIDTH, _HEIGHT), cv2.CV_32F), np.float32)
    before: NDArray[np.float32] | None = None
    for index, frame in enumerate(frames):
        now = frame.astype(np.float32)
        sharp[index] = np.abs(cv2.Laplacian(now, cv2.CV_32F)).mean()
        light[index] = now.mean()
        if before is not None:
            steady[index], alive[index] = _movement(before, now, window, rate)
        before = now
    if len(frames) > 1:
        steady[0], alive[0] = steady[1], alive[1]
    sharp = np.minimum(1, sharp / (np.percentile(sharp, 90) + 1e-6))
    parts = np.stack([sharp, steady, alive, _loudness(samples, len(frames), rate)])
    return np.asarray(weights @ parts * np.clip((light - _DARK) / (_LIGHT - _DARK), 0, 1), np.float64)


def _movement(
    before: NDArray[np.float32], now: NDArray[np.float32], window: NDArray[np.float32], rate: float
) -> tuple[float, float]:
    """
    Return how steady the camera is, and how much moves in front of it; each 0..1.

    The camera's own movement is the shift by which the two frames fit best (phase correlation). The difference that
    remains after that shift is what moved by itself.
    """
    (across, down), _ = cv2.phaseCorrelate(before, now, window)
    speed = float(np.hypot(across, down)) / _WIDTH * rate
    fitted = cv2.warpAffine(
        before, np.array([[1, 0, across], [0, 1, down]]), (_WIDTH, _HEIGHT), borderMode=cv2.BORDER_REPLICATE
    )
    # A change of exposure is no movement.
    changed = now - fitted
    own = float(np.abs(changed - np.median(changed)).mean())
    return 1 / (1 + (speed / _SWIFT) ** 2), own / (own + _ALIVE)


def _loudness(samples: NDArray[np.int16], count: int, rate: float) -> Floats:
    """Return the loudness in the band of voices at each small frame, 0..1 from the clip's quiet to its loud moments."""
    size = round(_SOUND_RATE / rate)
    whole = min(count, len(samples) // size)
    loud = np.zeros(count)
    if not whole:
        return loud
    blocks = samples[: whole * size].reshape(whole, size) / 32768.0
    waves = np.abs(np.fft.rfft(blocks * np.hanning(size), axis=1)) ** 2
    pitch = np.fft.rfftfreq(size, 1 / _SOUND_RATE)
    energy = waves[:, (pitch >= _VOICE[0]) & (pitch <= _VOICE[1])].sum(1)
    # The divisor is the energy of a full-scale sine behind this window, so that it has 0 dB.
    level = 10 * np.log10(energy / (size * np.hanning(size).sum() / 6) + 1e-12)
    quiet = max(_SILENCE, float(np.percentile(level, 10)))
    top = max(quiet + 12, float(np.percentile(level, 95)))
    loud[:whole] = np.clip((level - quiet) / (top - quiet), 0, 1)
    return loud


def _input(clip: Path) -> list[str]:
    return ["-protocol_whitelist", "file", "-threads", "1", "-f", "mov", "-i", f"file:{clip}"]


def _ffmpeg(arguments: list[str], cpu_seconds: int) -> bytes:
    """Return ffmpeg's output, whether or not it succeeded: what can be read of a damaged clip is enough."""
    try:
        done = processes.run(
            [processes.ffmpeg_path(), "-v", "error", "-nostdin", *arguments],
            processes.ChildLimits(memory_bytes=_MEMORY_BYTES, cpu_seconds=cpu_seconds),
        )
    except processes.OutOfCpu as error:
        raise MediaRefused(Refusal.DECODING_TOO_LONG) from error
    return done.stdout
