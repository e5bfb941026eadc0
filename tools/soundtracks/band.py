"""The instruments of a small band: steel guitar, electric piano, electric bass, brushes. As in `instruments`."""

from __future__ import annotations

import numpy as np

from soundtracks.instruments import RATE, frequency, released


def guitar(note: int, seconds: float, force: float, rng: np.random.Generator) -> np.ndarray:
    """A steel string, plucked by a fingertip a fifth from its end, and the knock of the body (98 and 205 Hz)."""
    pitch = frequency(note)
    time = np.arange(int((seconds + 0.5) * RATE)) / RATE
    life = 2.1 * 2 ** ((52 - note) / 26)
    tone = np.zeros((len(time), 2))
    for partial in range(1, 26):
        hertz = pitch * partial * np.sqrt(1 + 0.00006 * partial**2)
        if hertz > 7500:
            break
        loud = np.sin(partial * np.pi * 0.21) / partial * np.exp(-(0.15 - 0.085 * force) * (partial - 1))
        speed = (0.75 + 0.3 * (partial - 1) + 0.012 * (partial - 1) ** 2) / life
        # A string swings in two planes, which die at different speeds.
        envelope = 0.7 * np.exp(-1.5 * speed * time) + 0.3 * np.exp(-0.6 * speed * time)
        for side in (0, 1):
            cents = rng.normal(0, 0.5) + (0.4 if side else -0.4)
            angle = 2 * np.pi * hertz * 2 ** (cents / 1200) * time + rng.uniform(0, 0.5)
            tone[:, side] += loud * envelope * np.sin(angle)
    knock = 0.12 * np.exp(-time / 0.05) * np.sin(2 * np.pi * 98 * time)
    knock += 0.08 * np.exp(-time / 0.03) * np.sin(2 * np.pi * 205 * time)
    tone += force * knock[:, None]
    finger = rng.normal(0, 1, int(0.012 * RATE)) * np.hanning(int(0.012 * RATE))
    tone[: len(finger)] += 0.02 * force * np.convolve(finger, np.hanning(12) / 6, "same")[:, None]
    attack = int((0.005 - 0.003 * force) * RATE)
    tone[:attack] *= (0.5 - 0.5 * np.cos(np.linspace(0, np.pi, attack)))[:, None]
    return released(tone * (0.25 + 0.75 * force), seconds, 0.11) * 0.42


def electric_piano(note: int, seconds: float, force: float, rng: np.random.Generator) -> np.ndarray:
    """A tine beside a pickup: a sine bent by itself, the more the harder, and a short bell two octaves above."""
    pitch = frequency(note)
    time = np.arange(int((seconds + 0.6) * RATE)) / RATE
    life = 2.6 * 2 ** ((60 - note) / 30)
    bend = (0.25 + 0.75 * force) * np.exp(-time / 0.7)
    bell = 0.09 * force * np.exp(-time / 0.12)
    tone = np.zeros((len(time), 2))
    for side in (0, 1):
        drift = 2 ** ((rng.normal(0, 0.4) + (1.2 if side else -1.2)) / 1200)
        angle = 2 * np.pi * pitch * drift * time
        body = np.sin(angle + bend * np.sin(angle)) + 0.14 * np.exp(-time / 1.1) * np.sin(2 * angle)
        tone[:, side] = np.exp(-time / life) * body
        if pitch * 4 < 6000:
            tone[:, side] += bell * np.sin(4.01 * angle)
    attack = int((0.009 - 0.004 * force) * RATE)
    tone[:attack] *= (0.5 - 0.5 * np.cos(np.linspace(0, np.pi, attack)))[:, None]
    return released(tone * (0.25 + 0.75 * force), seconds, 0.12) * 0.3


def electric_bass(note: int, seconds: float, force: float, rng: np.random.Generator) -> np.ndarray:
    """A round electric bass played with the thumb."""
    pitch = frequency(note)
    time = np.arange(int((seconds + 0.3) * RATE)) / RATE
    tone = np.zeros(len(time))
    for partial in range(1, 10):
        loud = (0.7 if partial == 1 else partial**-1.1) * np.exp(-(0.36 - 0.12 * force) * (partial - 1))
        speed = 0.5 + 0.75 * (partial - 1)
        tone += (
            loud * np.exp(-speed * time) * np.sin(2 * np.pi * pitch * partial * time + rng.uniform(0, 0.3))
        )
    attack = int(0.008 * RATE)
    tone[:attack] *= 0.5 - 0.5 * np.cos(np.linspace(0, np.pi, attack))
    return released(np.stack([tone, tone], 1) * (0.25 + 0.75 * force), seconds, 0.07) * 0.42


def noise(seconds: float, low: float, high: float, rng: np.random.Generator) -> np.ndarray:
    """Return noise between two frequencies, with soft edges and a root mean square of 1; mono."""
    length = int(seconds * RATE)
    bands = np.fft.rfft(rng.normal(0, 1, length))
    hertz = np.fft.rfftfreq(length, 1 / RATE)
    bands *= 1 / (1 + (low / np.maximum(hertz, 1)) ** 6) / (1 + (hertz / high) ** 6)
    sound = np.fft.irfft(bands, length)
    return sound / np.sqrt(np.mean(sound**2))


def shaker(_note: int, _seconds: float, force: float, rng: np.random.Generator) -> np.ndarray:
    """Seeds in a gourd: they gather, then hit."""
    sound = noise(0.16, 4200, 8500, rng)
    time = np.arange(len(sound)) / RATE
    sound *= np.clip(time / 0.022, 0, 1) ** 2 * np.exp(-np.maximum(time - 0.022, 0) / 0.02)
    return _percussion(sound, force * 0.05)


def brush(_note: int, _seconds: float, force: float, rng: np.random.Generator) -> np.ndarray:
    """A wire brush falling on a snare drum: a slap, its wires, and a little of the skin (185 Hz)."""
    sound = noise(0.4, 900, 5200, rng)
    time = np.arange(len(sound)) / RATE
    sound *= np.clip(time / 0.004, 0, 1) * (0.75 * np.exp(-time / 0.035) + 0.25 * np.exp(-time / 0.11))
    sound += 0.5 * np.exp(-time / 0.05) * np.sin(2 * np.pi * 185 * time)
    return _percussion(sound, force * 0.13)


def kick(_note: int, _seconds: float, force: float, _rng: np.random.Generator) -> np.ndarray:
    """A small bass drum with a blanket in it: a tone that falls from 105 to 54 Hz."""
    time = np.arange(int(0.5 * RATE)) / RATE
    angle = 2 * np.pi * (54 * time - 51 * 0.035 * np.exp(-time / 0.035))
    sound = np.exp(-time / 0.13) * np.sin(angle - angle[0]) * np.clip(time / 0.003, 0, 1)
    return _percussion(sound, force * 0.5)


def _percussion(sound: np.ndarray, loud: float) -> np.ndarray:
    fade = RATE // 100
    sound[-fade:] *= np.linspace(1, 0, fade)
    return (np.stack([sound, sound], 1) * loud).astype(np.float32)
