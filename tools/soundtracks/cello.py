"""A cello: whole phrases, slurred, with a bow that breathes and a finger that glides and trembles."""

from __future__ import annotations

import numpy as np

from soundtracks.instruments import RATE, frequency

#: Resonances of the body: hertz, width in octaves, decibels. Air, top plate, bridge hill.
BODY = ((98, 0.3, 5), (185, 0.28, 6), (225, 0.25, 4), (420, 0.4, 3), (900, 0.5, 1), (2100, 0.6, 2))
#: How long a finger takes from one note to the next, and the bow from nothing to its sound.
GLIDE_SECONDS = 0.055
ATTACK_SECONDS = 0.16
RELEASE_SECONDS = 0.42


def _body(hertz: np.ndarray) -> np.ndarray:
    octaves = np.log2(np.maximum(hertz, 20))
    decibels = -3.5 * np.maximum(octaves - np.log2(700), 0)
    for centre, width, height in BODY:
        decibels = decibels + height * np.exp(-(((octaves - np.log2(centre)) / width) ** 2))
    return 10 ** (decibels / 20)


def _smooth(values: np.ndarray, seconds: float) -> np.ndarray:
    window = np.hanning(max(3, int(seconds * RATE) | 1))
    half = len(window) // 2
    padded = np.pad(values, half, mode="edge")
    size = 1 << (len(padded) + len(window)).bit_length()
    spectrum = np.fft.rfft(padded, size) * np.fft.rfft(window / window.sum(), size)
    return np.fft.irfft(spectrum, size)[2 * half : 2 * half + len(values)]


def cello(notes: list[tuple[float, int]], force: float, rng: np.random.Generator) -> np.ndarray:
    """Return a phrase of (seconds, note), float32 (n, 2)."""
    total = sum(seconds for seconds, _ in notes)
    length = int((total + RELEASE_SECONDS) * RATE)
    time = np.arange(length) / RATE
    pitch = np.empty(length)
    bow = np.zeros(length)
    trembling = np.zeros(length)
    start = 0.0
    for order, (seconds, note) in enumerate(notes):
        first, last = int(start * RATE), int((start + seconds) * RATE)
        if order == len(notes) - 1:
            last = length
        since = time[first:last] - start
        pitch[first:last] = note
        # Each note swells a little and sinks; the phrase is loudest at two thirds.
        arch = 0.84 + 0.16 * np.sin(np.pi * min(1.0, (start + seconds / 2) / total) ** 1.4)
        swell = 0.8 + 0.2 * np.sin(np.pi * np.clip(since / max(seconds, 0.4), 0, 1)) ** 2
        bow[first:last] = arch * swell
        if order:
            dip = int(0.05 * RATE)
            bow[first : first + dip] *= 0.72
        # Vibrato comes when a note has settled, and hardly on short ones.
        trembling[first:last] = np.clip((since - 0.18) / 0.5, 0, 1) * min(1.0, seconds / 0.9)
        start += seconds
    pitch = _smooth(pitch, GLIDE_SECONDS * 2)
    bow = _smooth(bow, 0.09) * np.clip(time / ATTACK_SECONDS, 0, 1) ** 1.3
    bow *= 0.5 + 0.5 * np.cos(np.pi * np.clip((time - total) / RELEASE_SECONDS, 0, 1))
    speed = 5.1 + 0.25 * _smooth(rng.normal(0, 1, length), 0.8) * np.sqrt(0.8 * RATE / 2)
    vibrato = _smooth(trembling, 0.25) * np.sin(2 * np.pi * np.cumsum(speed) / RATE + rng.uniform(0, 6))
    drift = 2.0 * _smooth(rng.normal(0, 1, length), 0.5) * np.sqrt(0.5 * RATE / 2)
    hertz = frequency(pitch + (13 * vibrato + drift) / 100)
    angle = 2 * np.pi * np.cumsum(hertz) / RATE
    pressure = force * bow
    mono = np.zeros(length)
    for partial in range(1, 40):
        if frequency(min(note for _, note in notes)) * partial > 5200:
            break
        # A bowed string is a sawtooth; less pressure rounds its corner.
        rounding = np.exp(-(partial - 1) * (0.2 - 0.12 * pressure))
        fading = 1 / (1 + (hertz * partial / 3800) ** 6)
        mono += rounding * fading * _body(hertz * partial) / partial * np.sin(partial * angle)
    rosin = rng.normal(0, 1, length)
    bands = np.fft.rfft(rosin)
    scale = np.fft.rfftfreq(length, 1 / RATE)
    bands *= 1 / (1 + (700 / np.maximum(scale, 1)) ** 4) / (1 + (scale / 3200) ** 4)
    rosin = np.fft.irfft(bands, length)
    mono = mono * bow * (0.3 + 0.7 * force) + 0.012 * rosin / np.std(rosin) * bow * force
    # The body is heard from two sides: a short delay makes it wide without a chorus.
    late = int(0.0006 * RATE)
    other = np.concatenate([np.zeros(late), mono[:-late]])
    return (np.stack([mono, other], 1) * 0.2).astype(np.float32)
