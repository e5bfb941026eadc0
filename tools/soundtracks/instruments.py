"""The instruments of the built-in soundtrack: each returns one tone, mono, at RATE samples a second."""

from __future__ import annotations

import numpy as np

RATE = 48_000


def frequency(note: float) -> float:
    return 440.0 * 2 ** ((note - 69) / 12)


# Each returns float32 samples, shape (n, 2), of one note held for `seconds`; `force` is 0..1.


def released(tone: np.ndarray, seconds: float, release: float) -> np.ndarray:
    """Damp `tone` from `seconds` on, as a damper falling on a string would."""
    time = np.arange(len(tone)) / RATE
    tone *= np.exp(-np.maximum(time - seconds, 0) / release)[:, None]
    fade = min(len(tone), RATE // 50)
    tone[-fade:] *= np.linspace(1, 0, fade)[:, None]
    return tone.astype(np.float32)


def felt_piano(note: int, seconds: float, force: float, rng: np.random.Generator) -> np.ndarray:
    """Two slightly detuned strings under a felt hammer: few partials, stiff strings, a fast and a slow decay."""
    pitch = frequency(note)
    time = np.arange(int((seconds + 0.9) * RATE)) / RATE
    life = 2.4 * 2 ** ((60 - note) / 22)
    dullness = 0.42 - 0.24 * force + max(0, note - 66) * 0.011
    stiffness = 0.00018 * 2 ** ((note - 60) / 14)
    tone = np.zeros((len(time), 2))
    for partial in range(1, 15):
        hertz = pitch * partial * np.sqrt(1 + stiffness * partial**2)
        if hertz > 7000:
            break
        loud = partial**-0.85 * np.exp(-dullness * (partial - 1))
        speed = (1 + 0.3 * (partial - 1)) / life
        envelope = 0.72 * np.exp(-2.6 * speed * time) + 0.28 * np.exp(-0.75 * speed * time)
        for side in (0, 1):
            for cents in (-0.5, 0.6):
                drift = 2 ** ((cents + rng.normal(0, 0.12)) / 1200)
                phase = rng.uniform(0, 0.6)
                tone[:, side] += 0.5 * loud * envelope * np.sin(2 * np.pi * hertz * drift * time + phase)
    thump = rng.normal(0, 1, int(0.045 * RATE))
    thump = np.convolve(thump, np.hanning(90) / 45, "same") * np.hanning(len(thump)) ** 2
    tone[: len(thump)] += 0.035 * (0.4 + force) * thump[:, None]
    attack = int((0.011 - 0.006 * force) * RATE)
    tone[:attack] *= (0.5 - 0.5 * np.cos(np.linspace(0, np.pi, attack)))[:, None]
    return released(tone * (0.25 + 0.75 * force), seconds, 0.16) * 0.62


def music_box(note: int, seconds: float, force: float, rng: np.random.Generator) -> np.ndarray:
    """A steel tine: a pure tone, an octave shimmer and the first overtone of a clamped bar (6.27), soon gone."""
    pitch = frequency(note)
    time = np.arange(int((seconds + 1.8) * RATE)) / RATE
    tone = np.zeros((len(time), 2))
    for ratio, loud, life in ((1, 1.0, 1.15), (2.003, 0.2, 0.6), (6.27, 0.09, 0.09)):
        if pitch * ratio > 9000:
            continue
        for side in (0, 1):
            drift = 2 ** (rng.normal(0, 0.5) / 1200)
            tone[:, side] += loud * np.exp(-time / life) * np.sin(2 * np.pi * pitch * ratio * drift * time)
    attack = int(0.003 * RATE)
    tone[:attack] *= np.linspace(0, 1, attack)[:, None] ** 2
    return released(tone * (0.3 + 0.7 * force), seconds + 1.2, 0.5) * 0.3


def plucked(note: int, seconds: float, force: float, rng: np.random.Generator) -> np.ndarray:
    """A nylon string plucked a quarter from its end: partials sin(n pi/4)/n, the high ones dying first."""
    pitch = frequency(note)
    time = np.arange(int((seconds + 0.7) * RATE)) / RATE
    life = 1.5 * 2 ** ((55 - note) / 24)
    tone = np.zeros((len(time), 2))
    for partial in range(1, 13):
        hertz = pitch * partial * (1 + 0.00004 * partial**2)
        if hertz > 6500:
            break
        loud = np.sin(partial * np.pi * 0.27) / partial * np.exp(-(0.13 - 0.07 * force) * (partial - 1))
        envelope = np.exp(-time * (0.8 + 0.45 * (partial - 1)) / life)
        for side in (0, 1):
            tone[:, side] += loud * envelope * np.sin(2 * np.pi * hertz * time + rng.uniform(0, 0.4))
    attack = int(0.004 * RATE)
    tone[:attack] *= (0.5 - 0.5 * np.cos(np.linspace(0, np.pi, attack)))[:, None]
    return released(tone * (0.3 + 0.7 * force), seconds, 0.14) * 0.5


def pad(note: int, seconds: float, force: float, rng: np.random.Generator) -> np.ndarray:
    """A small, distant string section: five detuned players, three partials, slow in and slow out."""
    pitch = frequency(note)
    length = seconds + 1.6
    time = np.arange(int(length * RATE)) / RATE
    tone = np.zeros((len(time), 2))
    for _ in range(5):
        drift = 2 ** (rng.normal(0, 4.0) / 1200)
        sway = 0.0012 * np.sin(2 * np.pi * rng.uniform(3.8, 5.0) * time + rng.uniform(0, 6.3))
        angle = 2 * np.pi * pitch * drift * (time + sway / 14) + rng.uniform(0, 6.3)
        player = np.sin(angle) + 0.34 * np.sin(2 * angle) + 0.12 * np.sin(3 * angle)
        where = rng.uniform(0.15, 0.85)
        tone += player[:, None] * np.array([np.cos(where * np.pi / 2), np.sin(where * np.pi / 2)])
    rise = np.clip(time / 1.1, 0, 1)
    fall = np.clip((length - time) / 1.6, 0, 1)
    shape = np.sin(rise * np.pi / 2) ** 2 * np.sin(fall * np.pi / 2) ** 2
    return (tone * shape[:, None] * force * 0.1).astype(np.float32)


def bass(note: int, seconds: float, force: float, _rng: np.random.Generator) -> np.ndarray:
    """A soft upright bass."""
    pitch = frequency(note)
    time = np.arange(int((seconds + 0.5) * RATE)) / RATE
    tone = sum(
        loud * np.exp(-time * speed) * np.sin(2 * np.pi * pitch * partial * time)
        for partial, loud, speed in ((1, 1.0, 0.7), (2, 0.45, 1.3), (3, 0.16, 2.4), (4, 0.06, 4.0))
    )
    tone *= np.clip(time / 0.018, 0, 1) ** 2
    return released(np.stack([tone, tone], 1) * force, seconds, 0.18) * 0.42
