"""
A song as a film needs it: as loud as every other song, and as long as the film.

One gain for the whole song sets its loudness. A look-ahead limiter lowers peaks that this gain would raise too high.

A song that is shorter than the film is looped. When its tempo is known, it is looped after whole bars, so that the
beat goes on: with a short crossfade before the bar's first beat, or over its last sound where it has ended before
that. Without a tempo it is looped at its end.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from memorycapsule.domain.film.plan import Soundtrack
from memorycapsule.render import loudness
from memorycapsule.render.loudness import FULL_SCALE, RATE, SUBBLOCK_SECONDS, Samples

#: How far a song is made quieter and louder at most, in decibels.
_LEAST_GAIN, _MOST_GAIN = -12.0, 9.0
_CEILING = 0.89
#: The limiter's step in samples, and how many steps it looks ahead and back.
_STEP, _REACH = 240, 3
#: At the seam of a loop, so that it does not click; and when the beat goes on, so that it does not show.
_SEAM_SECONDS = 0.02
_CROSSFADE_SECONDS = 0.08
#: A song whose last beat is so much quieter than the whole has ended before; it begins again at the next bar, while
#: the last of it dies away.
_ENDED_LU = 20.0

_Values = NDArray[np.float64]


class Music:
    """The samples of a song at any place of a film of `total` samples."""

    def __init__(self, song: Samples, track: Soundtrack, total: int) -> None:
        self._song = song
        power = loudness.powers(song)
        loud = loudness.integrated(power)
        self._gain = _gain(loud, track.loudness_lufs)
        self._limits = _limits(song, self._gain)
        #: First sample of what is repeated, its length, and how many samples cross over at the seam.
        self._first, self._length, self._seam = 0, len(song), 0
        self._keeps_beat = self._has_ended = False
        if len(song) < total:
            self._seam = round(min(_SEAM_SECONDS * RATE, len(song) / 4))
            self._loop_bars(track, power, loud)

    def _loop_bars(self, track: Soundtrack, power: _Values, loud: float) -> None:
        bar = track.beat_seconds * track.beats_per_bar * RATE
        if bar <= 0:
            return
        beat = track.first_beat_seconds * RATE
        sounding = np.flatnonzero(loudness.momentary(power) > loud - _ENDED_LU)
        end = (int(sounding[-1]) + 1) * SUBBLOCK_SECONDS * RATE if len(sounding) else 0.0
        has_ended = end < len(self._song) - track.beat_seconds * RATE
        bars = math.ceil((end - beat) / bar) if has_ended else math.floor((len(self._song) - beat) / bar)
        if bars < 1:
            return
        self._keeps_beat, self._has_ended = True, has_ended
        self._length = round(bars * bar)
        if has_ended:
            self._first = round(beat)
            self._seam = max(0, len(self._song) - self._first - self._length)
            return
        # The old sound fades over the new one until the beat, which is then heard whole.
        self._seam = max(1, round(min(_CROSSFADE_SECONDS * RATE, beat)))
        self._first = max(0, round(beat) - self._seam)

    def at(self, place: NDArray[np.int64]) -> _Values:
        """Return samples, shape (..., 2), full scale 1, of places of any shape."""
        return self._at(place.reshape(-1)).reshape(*place.shape, 2)

    def _at(self, place: NDArray[np.int64]) -> _Values:
        since = place - self._first
        again = (since >= self._length) & (since >= 0)
        where = np.where(again, self._first + since % self._length, place)
        values = self._played(where)
        if self._keeps_beat:
            near = again & (where - self._first < self._seam)
            over = self._played(where[near] + self._length)
            if self._has_ended:
                values[near] += over
            elif near.any():
                share = ((where[near] - self._first) / self._seam * (np.pi / 2))[:, None]
                values[near] = values[near] * np.sin(share) + over * np.cos(share)
        elif self._seam:
            values *= np.clip(np.minimum(where, self._length - 1 - where) / self._seam, 0, 1)[:, None]
        return values

    def _played(self, where: NDArray[np.int64]) -> _Values:
        inside = where < len(self._song)
        values = np.asarray(self._song[np.where(inside, where, 0)], np.float64) * (self._gain / FULL_SCALE)
        values *= (inside * np.interp(where / _STEP - 0.5, np.arange(len(self._limits)), self._limits))[
            :, None
        ]
        return values


def _gain(loud: float, wanted: float) -> float:
    if loud == loudness.SILENCE:
        return 1.0
    return float(10 ** (np.clip(wanted - loud, _LEAST_GAIN, _MOST_GAIN) / 20))


def _limits(song: Samples, gain: float) -> _Values:
    """Return a factor for each step of the song that keeps it under the ceiling and never jumps."""
    steps = math.ceil(len(song) / _STEP)
    peaks = np.zeros(steps)
    for first in range(0, steps, 200):
        part = np.abs(np.asarray(song[first * _STEP : (first + 200) * _STEP], np.float64)).max(axis=1)
        part = np.pad(part, (0, -len(part) % _STEP))
        peaks[first : first + 200] = part.reshape(-1, _STEP).max(axis=1)
    factors = np.minimum(1.0, _CEILING * FULL_SCALE / np.maximum(peaks * gain, 1.0))
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(factors, _REACH, mode="edge"), 2 * _REACH + 1)
    lowest = np.pad(windows.min(axis=1), _REACH - 1, mode="edge")
    smooth: _Values = np.convolve(lowest, np.full(2 * _REACH - 1, 1 / (2 * _REACH - 1)), "valid")
    return smooth
