"""From a dry mix to a finished file: room, equaliser, leveller, limiter, loudness, AAC."""

from __future__ import annotations

import re
import subprocess
import tempfile
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from memorycapsule.processes import ffmpeg_path
from soundtracks.desk import Desk
from soundtracks.instruments import RATE

TARGET_LUFS = -16.0
CEILING = 10 ** (-2.0 / 20)
#: (from hertz, to hertz, seconds until 60 dB less) of a small wooden room.
SMALL_ROOM = ((120, 500, 1.7), (500, 1800, 1.9), (1800, 5000, 1.1), (5000, 9000, 0.6))
LARGE_ROOM = ((120, 500, 2.3), (500, 1800, 2.5), (1800, 5000, 1.6), (5000, 9000, 0.8))
DRY_ROOM = ((120, 500, 0.7), (500, 1800, 0.8), (1800, 5000, 0.6), (5000, 9000, 0.4))


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A piece of music; the same NumPy makes the same samples of it."""

    title: str
    #: Where every random choice comes from.
    seed: int
    beats_per_minute: float
    beats_per_bar: int
    bars: int
    perform: Callable[[Desk], None]
    #: How late, in beats, every second sixteenth comes.
    swing: float = 0.0
    room: tuple[tuple[float, float, float], ...] = SMALL_ROOM
    #: How loud the room is beside the instruments.
    wet: float = 0.3
    #: Decibels added around 130 Hz and above 2.2 kHz.
    boom: float = -3.0
    air: float = 4.0

    def played(self) -> np.ndarray:
        """Return the whole piece dry, shape (n, 2); a little longer than its bars."""
        desk = Desk(
            seed=self.seed,
            beats_per_minute=self.beats_per_minute,
            beats_per_bar=self.beats_per_bar,
            bars=self.bars,
            swing=self.swing,
        )
        self.perform(desk)
        return desk.mix

    def recorded(self) -> np.ndarray:
        """Return the piece in its room, exactly its bars long, before it is brought to its loudness."""
        length = round(self.bars * self.beats_per_bar * 60 / self.beats_per_minute * RATE)
        sound = levelled(equalised(in_a_room(self.played(), self), self))[:length]
        # Silence at both edges, so that the loop has no seam.
        sound[: RATE // 100] *= np.linspace(0, 1, RATE // 100)[:, None]
        sound[-RATE * 2 :] *= (0.5 + 0.5 * np.cos(np.linspace(0, np.pi, RATE * 2)))[:, None]
        return sound

    def write(self, out: Path) -> None:
        """Compose, play, record and encode the piece."""
        sound = self.recorded()
        with tempfile.TemporaryDirectory() as folder:
            path = self._mastered(sound, Path(folder))
            encode = [ffmpeg_path(), "-hide_banner", "-loglevel", "error", "-y", "-i", str(path)]
            encode += ["-c:a", "aac", "-b:a", "128k", "-ac", "2", "-ar", str(RATE), "-map_metadata", "-1"]
            encode += ["-metadata", f"title={self.title}", "-metadata", "copyright=CC0 1.0"]
            encode += ["-fflags", "+bitexact", "-flags:a", "+bitexact", "-movflags", "+faststart", str(out)]
            subprocess.run(encode, check=True)
        loudness, peak = measured(out)
        seconds = len(sound) / RATE
        print(f"{out.name}: {seconds:.1f} s, {out.stat().st_size} bytes, {loudness} LUFS, peak {peak} dBTP")

    def _mastered(self, sound: np.ndarray, folder: Path) -> Path:
        path = folder / "soundtrack.wav"
        sound = sound / np.abs(sound).max()
        gain = 1.0
        for _ in range(3):
            self._written(path, limited(sound * gain))
            gain *= 10 ** ((TARGET_LUFS - measured(path)[0]) / 20)
        self._written(path, limited(sound * gain))
        return path

    def _written(self, path: Path, sound: np.ndarray) -> None:
        dither = np.random.default_rng(self.seed + 2).triangular(-1, 0, 1, sound.shape)
        samples = np.clip(np.round(sound * 32767 + dither), -32768, 32767).astype("<i2")
        with wave.open(str(path), "wb") as out:
            out.setnchannels(2)
            out.setsampwidth(2)
            out.setframerate(RATE)
            out.writeframes(samples.tobytes())


def convolved(sound: np.ndarray, impulse: np.ndarray) -> np.ndarray:
    size = 1 << (len(sound) + len(impulse) - 1).bit_length()
    return np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(impulse, size), size)[: len(sound)]


def in_a_room(dry: np.ndarray, piece: Piece) -> np.ndarray:
    """Add the piece's room: decaying noise, the treble faster, 22 ms after the direct sound."""
    rng = np.random.default_rng(piece.seed + 1)
    length = int(2.4 * RATE)
    time = np.arange(length) / RATE
    wet = dry.astype(np.float64)
    for side in (0, 1):
        noise = rng.normal(0, 1, length)
        bands = np.fft.rfft(noise)
        hertz = np.fft.rfftfreq(length, 1 / RATE)
        impulse = np.zeros(length)
        for low, high, seconds in piece.room:
            inside = 1 / (1 + (low / np.maximum(hertz, 1)) ** 4) / (1 + (hertz / high) ** 4)
            impulse += np.fft.irfft(bands * inside, length) * np.exp(-6.9 * time / seconds)
        impulse = np.roll(impulse * np.clip(time / 0.012, 0, 1), int(0.022 * RATE))
        impulse[: int(0.022 * RATE)] = 0
        impulse /= np.sqrt(np.sum(impulse**2))
        wet[:, side] = dry[:, side] + piece.wet * convolved(dry.mean(1) * 0.7 + dry[:, side] * 0.3, impulse)
    return wet


def equalised(sound: np.ndarray, piece: Piece) -> np.ndarray:
    """Remove what lies below 32 Hz (DC included), shape the boom around 130 Hz and the air."""
    hertz = np.fft.rfftfreq(len(sound), 1 / RATE)
    octaves = np.log2(np.maximum(hertz, 1) / 130)
    decibels = piece.boom * np.exp(-(octaves**2) / 0.9) + piece.air / (1 + (2200 / np.maximum(hertz, 1)) ** 2)
    gain = 10 ** (decibels / 20) / np.sqrt(1 + (32 / np.maximum(hertz, 0.01)) ** 8)
    gain[0] = 0
    return np.stack([np.fft.irfft(np.fft.rfft(side) * gain, len(sound)) for side in sound.T], 1)


def smoothed(values: np.ndarray, seconds: float) -> np.ndarray:
    window = np.hanning(int(seconds * RATE) | 1)
    size = len(window) // 2
    padded = np.pad(values, size, mode="edge")
    return convolved(np.pad(padded, (0, len(window))), window / window.sum())[
        2 * size : 2 * size + len(values)
    ]


def levelled(sound: np.ndarray) -> np.ndarray:
    """Even out the sections by a slow and gentle leveller over 3 s; nothing pumps at that speed."""
    loud = np.sqrt(np.maximum(smoothed((sound**2).mean(1), 3.0), 1e-9))
    reference = np.sqrt((sound**2).mean())
    gain = np.clip((reference / loud) ** 0.22, 0.7, 1.5)
    return sound * gain[:, None]


def limited(sound: np.ndarray) -> np.ndarray:
    """Hold every sample under CEILING with a gain that looks 4 ms ahead and never jumps."""
    reach = int(0.004 * RATE)
    peaks = np.abs(sound).max(1)
    padded = np.pad(peaks, reach)
    highest = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(1)
    gain = np.minimum(1, CEILING / np.maximum(highest, 1e-9))
    return sound * np.minimum(smoothed(gain, 2 * reach / RATE), gain.max())[:, None]


def measured(path: Path) -> tuple[float, float]:
    """Return integrated loudness (LUFS) and true peak (dBTP) by ffmpeg's ebur128, EBU R 128."""
    command = [
        ffmpeg_path(),
        "-hide_banner",
        "-nostats",
        "-i",
        str(path),
        "-af",
        "ebur128=peak=true",
        "-f",
        "null",
        "-",
    ]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stderr.rpartition(
        "Summary:"
    )[2]
    loudness = re.search(r"I:\s+(-?[\d.]+) LUFS", report)
    peak = re.search(r"Peak:\s+(-?[\d.]+) dBFS", report)
    return float(loudness.group(1)), float(peak.group(1))
