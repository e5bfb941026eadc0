"""
The tempo of people's own songs, so that scenes can last whole bars of them.

    python -m memorycapsule.media.tempo FILE

prints one JSON line: {"beat_seconds", "first_beat_seconds", "beats_per_bar"}, or null for music without a steady
tempo and for a file that is no music. `tempo_of` runs it as a limited child, because it opens strangers' files.

Method: onsets are sudden rises of loudness in 36 bands (spectral flux; Bello et al. 2005, "A tutorial on onset
detection in music signals"). A steady beat is a line in the Fourier transform of the onset curve over the whole
song, with lines at its multiples. The largest sum of the first four lines gives the tempo. It counts as steady when
the onsets of each window of eight beats lie where they lie in the rest of the song. A straight line fitted to the
delays of the windows makes period and phase exact.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memorycapsule import processes
from memorycapsule.domain.film.plan import Soundtrack

RATE = 16_000
#: At most so much of a song is analysed.
MOST_SECONDS = 300

_SLOWEST, _FASTEST = 60.0, 140.0
#: Samples between two values of the onset curve, and of a window.
_HOP, _WINDOW = 160, 512
_FRAMES_PER_SECOND = RATE / _HOP
_BANDS = 36
#: The curve peaks this much after an onset (before, since a window reaches ahead); measured with clicks.
_LATENCY_SECONDS = -0.022
_HARMONICS = (1.0, 0.8, 0.6, 0.5)
_CANDIDATES = 8
#: A window of so many beats is compared with the rest of the song.
_WINDOW_BEATS = 8
_FEWEST_WINDOWS = 5
#: Values of a folded beat.
_BINS = 96
_TOLERANCE_SECONDS = 0.03
#: Of the windows, so many lie right in a steady song, and so alike are they to the rest on average.
_STEADY_SHARE = 0.75
_STEADY_LIKENESS = 0.5
#: A beat weaker than this share of the one before it counts as empty.
_EMPTY = 0.25
#: An accent clearer than this is no accident.
_CLEAR = 10.0

_MEMORY_BYTES = 1 << 30
_CPU_SECONDS = 60

_Values = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Tempo:
    """A steady beat: beat n lies at first_beat_seconds + n * beat_seconds, and beat 0 begins a bar."""

    beat_seconds: float
    first_beat_seconds: float
    #: 4, or 3 where that is clear.
    beats_per_bar: int = 4

    def with_beat(self, track: Soundtrack) -> Soundtrack:
        """Return `track` with this beat."""
        return replace(track, **asdict(self))


def tempo_of(path: Path) -> Tempo | None:
    """Return the tempo of a music file, found by a limited child; None without a steady one, or unreadable."""
    try:
        done = processes.run(
            [sys.executable, "-P", "-m", "memorycapsule.media.tempo", str(path.resolve())],
            processes.ChildLimits(memory_bytes=_MEMORY_BYTES, cpu_seconds=_CPU_SECONDS),
            # Each thread would reserve address space, which is what is limited.
            env={**processes.environment(), "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"},
        )
    except processes.OutOfCpu:
        return None
    if done.returncode:
        return None
    found = json.loads(done.stdout)
    return Tempo(**found) if found else None


def find_tempo(samples: NDArray[np.float32]) -> Tempo | None:
    """Return the steady tempo of mono samples at RATE, or None when there is none."""
    if len(samples) < RATE:
        return None
    full, low = _onsets(samples)
    if not full.any():
        return None
    period = _steady_beat(full)
    if period is None:
        return None
    first = _on_the_beat(full, low, period)
    beats_per_bar, before = _bars(samples, low, period, first)
    return Tempo(
        beat_seconds=period,
        first_beat_seconds=max(0.0, first + before * period),
        beats_per_bar=beats_per_bar,
    )


def _onsets(samples: NDArray[np.float32]) -> tuple[_Values, _Values]:
    """Return the spectral flux at each frame: in all bands, and below 200 Hz; each about 1 on average."""
    bands, low = _loudness_in_bands(samples)
    # Over two frames, since a window is as long as three. Held tones ripple by less than half a decibel.
    rise = np.maximum(bands[2:] - bands[:-2] - 0.05, 0)
    return _levelled(rise.sum(axis=1)), _levelled(rise[:, :low].sum(axis=1))


def _loudness_in_bands(samples: NDArray[np.float32]) -> tuple[_Values, int]:
    """Return log loudness, shape (frames, _BANDS), and how many of the bands lie below 200 Hz."""
    edges = np.geomspace(40, 7800, _BANDS + 1)
    hertz = np.fft.rfftfreq(_WINDOW, 1 / RATE)
    band_of = np.searchsorted(edges, hertz) - 1
    sums = np.zeros((len(hertz), _BANDS))
    for band in range(_BANDS):
        inside = band_of == band
        # The lowest bands are narrower than the transform's own: each takes its nearest.
        sums[inside if inside.any() else int(np.abs(hertz - edges[band]).argmin()), band] = 1
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(samples, _WINDOW // 2), _WINDOW)[::_HOP]
    parts = [
        (np.abs(np.fft.rfft(windows[at : at + 2048] * np.hanning(_WINDOW))) ** 2) @ sums
        for at in range(0, len(windows), 2048)
    ]
    power = np.concatenate(parts)
    floor = max(float(power.mean()) * 1e-4, 1e-9)
    return np.log10(power + floor), int((edges[1:] <= 200).sum())


def _levelled(curve: _Values) -> _Values:
    """Return a curve less its mean over half a second, over its level within eight; never below 0."""
    near = _running_mean(curve, 0.5)
    above = np.maximum(curve - near, 0)
    level = _running_mean(above, 8.0)
    least = float(above.mean()) * 0.2
    return above / np.maximum(level, least) if least > 0 else above


def _running_mean(curve: _Values, seconds: float) -> _Values:
    half = round(seconds * _FRAMES_PER_SECOND / 2)
    sums = np.concatenate([[0.0], np.cumsum(curve)])
    place = np.arange(len(curve))
    first, stop = np.maximum(place - half, 0), np.minimum(place + half + 1, len(curve))
    mean: _Values = (sums[stop] - sums[first]) / (stop - first)
    return mean


def _steady_beat(curve: _Values) -> float | None:
    """Return the seconds of a beat, or None when no tempo is steady."""
    for period in _periods(curve):
        found = _aligned(curve, period)
        if found is not None:
            return _slower_if_empty(curve, found)
    return None


def _periods(curve: _Values) -> list[float]:
    """Return the likeliest seconds of a beat, likeliest first."""
    size = 1 << (len(curve) * 16 - 1).bit_length()
    lines = np.abs(np.fft.rfft(curve - curve.mean(), size))
    step = _FRAMES_PER_SECOND / size
    hertz = np.arange(_SLOWEST / 60, _FASTEST / 60 + step, step)
    strength = sum(
        weight * lines[np.minimum(np.rint(hertz * (order + 1) / step).astype(int), len(lines) - 1)]
        for order, weight in enumerate(_HARMONICS)
    ) * np.exp(-0.5 * (np.log2(hertz * 60 / 100) / 0.9) ** 2)
    found: list[float] = []
    for _ in range(_CANDIDATES):
        best = int(np.argmax(strength))
        found.append(float(1 / hertz[best]))
        strength[np.abs(hertz / hertz[best] - 1) < 0.02] = -1
    return found


def _aligned(curve: _Values, period: float) -> float | None:
    """Return the exact period if most windows of the song have their onsets at the same places of it, else None."""
    for _ in range(3):
        middles, late, correlation = _windows(curve, period)
        if len(middles) < _FEWEST_WINDOWS:
            return None
        good = (correlation > 0.1) & (np.abs(late) < 0.15 * period)
        if good.sum() < _FEWEST_WINDOWS:
            return None
        slope = float(np.polyfit(middles[good], late[good], 1, w=correlation[good])[0])
        period *= 1 + slope
    _, late, correlation = _windows(curve, period)
    share = float(np.mean((np.abs(late) <= _TOLERANCE_SECONDS) & (correlation > 0)))
    return period if share >= _STEADY_SHARE and float(correlation.mean()) >= _STEADY_LIKENESS else None


def _windows(curve: _Values, period: float) -> tuple[_Values, _Values, _Values]:
    """Return for each window its middle and how late its onsets are (seconds), and how like the rest it is (-1..1)."""
    length = _WINDOW_BEATS * period * _FRAMES_PER_SECOND
    starts = np.arange(0, len(curve) - length, length / 2)
    profiles = np.array([_folded(curve, period, round(at), round(at + length)) for at in starts])
    if not len(profiles):
        return starts, starts, starts
    profiles -= profiles.mean(axis=1, keepdims=True)
    profiles /= np.maximum(np.linalg.norm(profiles, axis=1, keepdims=True), 1e-9)
    # Windows overlap by half: neither is compared with its neighbours.
    rest = profiles.sum(axis=0) - profiles
    rest[1:] -= profiles[:-1]
    rest[:-1] -= profiles[1:]
    rest /= np.maximum(np.linalg.norm(rest, axis=1, keepdims=True), 1e-9)
    products = np.fft.rfft(profiles) * np.conj(np.fft.rfft(rest))
    alike = np.roll(np.fft.irfft(products, _BINS), _BINS // 4, axis=1)[:, : _BINS // 2]
    best = alike.argmax(axis=1)
    late = (best - _BINS // 4) / _BINS * period
    middles = (starts + length / 2) / _FRAMES_PER_SECOND
    return middles, late, alike.max(axis=1)


def _folded(curve: _Values, period: float, first: int, stop: int) -> _Values:
    """Return the mean of a part of the curve over one beat, _BINS values, slightly smoothed."""
    place = (np.arange(first, stop) / (_FRAMES_PER_SECOND * period)) % 1 * _BINS
    whole = place.astype(int)
    part = place - whole
    sums, counts = np.zeros(_BINS), np.zeros(_BINS)
    for bins, weight in ((whole % _BINS, 1 - part), ((whole + 1) % _BINS, part)):
        sums += np.bincount(bins, weight * curve[first:stop], _BINS)
        counts += np.bincount(bins, weight, _BINS)
    mean = sums / np.maximum(counts, 1e-9)
    width = max(1.0, 0.012 / period * _BINS)
    reach = np.arange(_BINS)
    kernel = np.exp(-0.5 * (np.minimum(reach, _BINS - reach) / width) ** 2)
    smooth: _Values = np.fft.irfft(np.fft.rfft(mean) * np.fft.rfft(kernel / kernel.sum()), _BINS)
    return smooth


def _slower_if_empty(curve: _Values, period: float) -> float:
    """Return twice the period where every second beat is empty, as long as that is no slower than may be."""
    if 2 * period > 60 / _SLOWEST + 1e-3:
        return period
    both = _folded(curve, 2 * period, 0, len(curve))
    first = int(both.argmax())
    other = both[(first + _BINS // 2 + np.arange(-3, 4)) % _BINS].max()
    return 2 * period if other < _EMPTY * both[first] else period


def _on_the_beat(full: _Values, low: _Values, period: float) -> float:
    """Return when the first beat is (seconds; a hair below 0 when the song begins with it)."""
    profiles = [_folded(curve, period, 0, len(curve)) for curve in (full, low)]
    scaled = [profile / max(float(profile.mean()), 1e-9) for profile in profiles]
    place = int(np.sum(scaled, axis=0).argmax())
    first = place / _BINS * period - _LATENCY_SECONDS
    return (first + _TOLERANCE_SECONDS) % period - _TOLERANCE_SECONDS


def _bars(samples: NDArray[np.float32], low: _Values, period: float, first: float) -> tuple[int, int]:
    """
    Return how many beats make a bar, 4 or 3, and which of the first beats begins one.

    A bar begins where harmonies change and basses are struck: for each way to count, the beats with the same
    number are compared with the others by an analysis of variance. Harmony is chroma, twelve pitch classes.
    """
    count = int((len(samples) / RATE - max(first, 0)) / period)
    length = round(period * RATE)
    hertz = np.fft.rfftfreq(length, 1 / RATE)
    in_range = (hertz > 60) & (hertz < 1500)
    pitch_class = np.rint(12 * np.log2(hertz[in_range] / 440)).astype(int) % 12
    chroma = np.zeros((count, 12))
    struck = np.zeros(count)
    for beat in range(count):
        at = first + beat * period
        start = max(0, round(at * RATE))
        part = samples[start : start + length]
        loud = np.abs(np.fft.rfft(part * np.hanning(len(part)), length))[in_range]
        chroma[beat] = np.bincount(pitch_class, loud, 12)
        frame = round((at + _LATENCY_SECONDS) * _FRAMES_PER_SECOND)
        struck[beat] = low[max(0, frame - 3) : frame + 4].max(initial=0)
    chroma /= np.maximum(np.linalg.norm(chroma, axis=1, keepdims=True), 1e-9)
    changes = np.concatenate([[0], 1 - (chroma[1:] * chroma[:-1]).sum(axis=1)])
    four, three = (_accent(changes, struck, beats) for beats in (4, 3))
    is_three = three[0] > _CLEAR and three[0] > 2 * four[0]
    return (3, three[1]) if is_three else (4, four[1])


def _accent(changes: _Values, struck: _Values, beats: int) -> tuple[float, int]:
    """Return how much the beats of a bar differ (the sum of two F statistics), and which stands out most."""
    clear, strength = 0.0, np.zeros(beats)
    for values in (changes, struck):
        bars = values[: len(values) // beats * beats].reshape(-1, beats)
        within = float(bars.var(axis=0).mean())
        if within > 0:
            clear += len(bars) * float(bars.mean(axis=0).var(ddof=1)) / within
            strength += bars.mean(axis=0) / values.mean()
    return clear, int(strength.argmax())


def _decoded(path: Path) -> NDArray[np.float32] | None:
    """Return at most MOST_SECONDS of a music file, mono at RATE; None when nothing can be decoded."""
    source = processes.sound_input(path)
    if source is None:
        return None
    try:
        done = processes.run(
            [
                processes.ffmpeg_path(), "-v", "error", "-nostdin", "-threads", "1", *source,
                "-vn", "-sn", "-dn", "-map", "0:a:0", "-t", str(MOST_SECONDS),
                "-ac", "1", "-ar", str(RATE), "-c:a", "pcm_s16le", "-f", "s16le", "pipe:1",
            ],
            processes.ChildLimits(cpu_seconds=_CPU_SECONDS),
        )  # fmt: skip
    except processes.OutOfCpu:
        return None
    whole = len(done.stdout) // 2 * 2
    if not whole:
        return None
    samples: NDArray[np.float32] = np.frombuffer(done.stdout[:whole], "<i2").astype(np.float32) / np.float32(
        32768
    )
    return samples


def main() -> None:
    """Print the tempo of the file that the command line names; see the module's docstring."""
    samples = _decoded(Path(sys.argv[1]))
    found = None if samples is None else find_tempo(samples)
    sys.stdout.write(json.dumps(found and asdict(found)) + "\n")


if __name__ == "__main__":
    main()
