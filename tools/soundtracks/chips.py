"""The instruments of a friendly computer of 1998: soft pulses and triangles, and a toy piano beside it."""

from __future__ import annotations

import numpy as np

from soundtracks.band import noise
from soundtracks.instruments import RATE, frequency, released


def _pulse(note: int, seconds: float, force: float, rng: np.random.Generator, duty: float) -> np.ndarray:
    """A pulse wave of partials sin(n pi duty)/n behind a soft low-pass filter that a harder note opens."""
    pitch = frequency(note)
    time = np.arange(int((seconds + 0.25) * RATE)) / RATE
    opening = 1300 + 1500 * force
    # A vibrato that comes late, as the sound programs of the time had it.
    sway = 0.0035 * np.clip((time - 0.22) / 0.3, 0, 1) * np.sin(2 * np.pi * 5.4 * time)
    angle = 2 * np.pi * np.cumsum(pitch * (1 + sway)) / RATE
    tone = np.zeros((len(time), 2))
    for partial in range(1, 24):
        hertz = pitch * partial
        if hertz > 7000:
            break
        loud = np.sin(np.pi * partial * duty) / partial / (1 + (hertz / opening) ** 2)
        phase = rng.uniform(0, 0.2)
        tone[:, 0] += loud * np.sin(partial * angle + phase)
        tone[:, 1] += loud * np.sin(partial * angle * 1.0006 + phase)
    return tone


def pulse_lead(note: int, seconds: float, force: float, rng: np.random.Generator) -> np.ndarray:
    """A square that sings: a soft start, a short decay, then held."""
    tone = _pulse(note, seconds, force, rng, 0.5)
    time = np.arange(len(tone)) / RATE
    shape = np.clip(time / 0.012, 0, 1) * (0.62 + 0.38 * np.exp(-time / 0.14)) * np.exp(-time / 2.2)
    return released(tone * (shape * (0.25 + 0.75 * force))[:, None], seconds, 0.045) * 0.3


def pulse_pluck(note: int, seconds: float, force: float, rng: np.random.Generator) -> np.ndarray:
    """A narrower pulse that is soon gone, for broken chords."""
    tone = _pulse(note, seconds, force * 0.8, rng, 0.25)
    time = np.arange(len(tone)) / RATE
    shape = np.clip(time / 0.006, 0, 1) * np.exp(-time / 0.16)
    return released(tone * (shape * (0.25 + 0.75 * force))[:, None], seconds, 0.05) * 0.3


def triangle(note: int, seconds: float, force: float, _rng: np.random.Generator) -> np.ndarray:
    """A triangle wave: odd partials falling with the square."""
    pitch = frequency(note)
    time = np.arange(int((seconds + 0.2) * RATE)) / RATE
    tone = np.zeros(len(time))
    for order, partial in enumerate(range(1, 16, 2)):
        if pitch * partial > 5000:
            break
        tone += (-1) ** order / partial**2 * np.sin(2 * np.pi * pitch * partial * time)
    tone *= np.clip(time / 0.008, 0, 1) * (0.7 + 0.3 * np.exp(-time / 0.2))
    return released(np.stack([tone, tone], 1) * (0.3 + 0.7 * force), seconds, 0.04) * 0.28


def toy_piano(note: int, seconds: float, force: float, rng: np.random.Generator) -> np.ndarray:
    """A steel rod struck by a plastic hammer: few partials, none of them quite in tune, and a click of wood."""
    pitch = frequency(note)
    time = np.arange(int((seconds + 1.2) * RATE)) / RATE
    life = 0.9 * 2 ** ((72 - note) / 26)
    tone = np.zeros((len(time), 2))
    for ratio, loud, share in ((1, 1.0, 1.0), (2.002, 0.34, 0.6), (3.01, 0.1, 0.35), (5.42, 0.1, 0.14)):
        if pitch * ratio > 7500:
            continue
        for side in (0, 1):
            drift = 2 ** (rng.normal(0, 0.8) / 1200)
            envelope = np.exp(-time / (life * share))
            tone[:, side] += loud * envelope * np.sin(2 * np.pi * pitch * ratio * drift * time)
    click = noise(0.02, 700, 2600, rng) * np.hanning(int(0.02 * RATE)) ** 2
    tone[: len(click)] += 0.06 * (0.3 + force) * click[:, None]
    attack = int(0.002 * RATE)
    tone[:attack] *= np.linspace(0, 1, attack)[:, None]
    return released(tone * (0.3 + 0.7 * force), seconds + 0.5, 0.3) * 0.32


def tick(_note: int, _seconds: float, force: float, rng: np.random.Generator) -> np.ndarray:
    """A hi-hat made of noise, short and dull."""
    sound = noise(0.09, 3800, 7600, rng)
    time = np.arange(len(sound)) / RATE
    sound *= np.clip(time / 0.002, 0, 1) * np.exp(-time / 0.018)
    return _both(sound, force * 0.045)


def clap(_note: int, _seconds: float, force: float, rng: np.random.Generator) -> np.ndarray:
    """A snare drum made of noise."""
    sound = noise(0.25, 800, 4200, rng)
    time = np.arange(len(sound)) / RATE
    sound *= np.clip(time / 0.003, 0, 1) * np.exp(-time / 0.05)
    return _both(sound, force * 0.1)


def thud(_note: int, _seconds: float, force: float, _rng: np.random.Generator) -> np.ndarray:
    """A bass drum made of a falling triangle."""
    time = np.arange(int(0.3 * RATE)) / RATE
    angle = 2 * np.pi * (58 * time - 90 * 0.03 * np.exp(-time / 0.03))
    sound = np.sin(angle - angle[0]) * np.exp(-time / 0.075) * np.clip(time / 0.002, 0, 1)
    return _both(sound, force * 0.36)


def _both(sound: np.ndarray, loud: float) -> np.ndarray:
    fade = RATE // 200
    sound[-fade:] *= np.linspace(1, 0, fade)
    return (np.stack([sound, sound], 1) * loud).astype(np.float32)
