"""
How well the tempo of songs is found, against songs whose tempo is known, since they were made for this.

    .venv/bin/python benchmarks/tempo.py [--seconds 90] [--every 1]

There are the themes' own soundtracks, slower and faster as a tape would be, and bands drawn by chance in six ways of
playing at nine tempi: as they are, played loosely, in noise, with somebody who talks over them, and over a telephone.
Further songs are slower or faster than what is looked for, 60 to 140 beats a minute: half or twice their tempo is all
that can be found. The last ones have no steady beat. A tempo within 4 % is right; one that is 2, 3, 1/2, 1/3, 2/3,
3/2, 3/4 or 4/3 times it is an octave error, counted apart. `--every 7` takes each seventh song, which is a fair sample.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from memorycapsule import themes
from memorycapsule.media.tempo import RATE, Tempo, find_tempo, tempo_of
from memorycapsule.processes import ffmpeg_path

RIGHT = 0.04
OCTAVES = (2, 3, 1 / 2, 1 / 3, 2 / 3, 3 / 2, 3 / 4, 4 / 3)
TEMPI = (60, 70, 80, 90, 100, 110, 120, 130, 140)
EXTREMES = (44, 52, 154, 168, 184)
EXTREME = "slower or faster"
VERDICTS = ("right", "octave", "none", "wrong")


@dataclass(frozen=True, kw_only=True)
class Song:
    """A song of the set, by how it is made."""

    kind: str
    style: str
    #: 0 for none.
    beats_per_minute: float
    beats_per_bar: int
    seed: int
    seconds: float

    def tempo(self) -> Tempo | None:
        """Return the tempo that is found in it."""
        if self.style in themes.names():
            return _tempo_of_tape(self)
        rng = np.random.default_rng(self.seed)
        if self.kind == "no steady beat":
            return find_tempo(UNSTEADY[self.style](rng, self.seconds))
        samples = played(self, rng, loose=0.02 if self.kind == "played loosely" else 0.006)
        return find_tempo(SPOILED.get(self.kind, lambda sound, _rng: sound)(samples, rng))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--every", type=int, default=1)
    chosen = parser.parse_args()
    songs = list(all_songs(chosen.seconds))[:: chosen.every]
    with ProcessPoolExecutor() as pool:
        found = list(pool.map(Song.tempo, songs))
    table: dict[str, Counter[str]] = {}
    for song, tempo in zip(songs, found, strict=True):
        table.setdefault(song.kind, Counter()).update(judged(song, tempo))
    print(
        "| songs | number | within 4 % | octave error | none found | wrong | bars right, of those within 4 % |"
    )
    print("|---|---|---|---|---|---|---|")
    unsteady = table.pop("no steady beat", Counter())
    for kind, counts in table.items():
        print(row(kind, counts))
    counted = Counter[str]()
    for kind, counts in table.items():
        if kind != EXTREME:
            counted += counts
    print(row(f"all but the {EXTREME}", counted))
    print(f"no steady beat: a tempo was found in {unsteady['wrong']} of {unsteady.total()}")


def all_songs(seconds: float) -> Iterator[Song]:
    """Yield the songs of the set."""
    seed = 0
    for theme in themes.names():
        music = themes.load(theme).music
        for speed in (0.75, 0.8, 0.87, 0.93, 1.0, 1.07, 1.15, 1.25, 1.33):
            beats_per_minute = music.beats_per_minute * speed
            yield Song(
                kind="soundtracks" if TEMPI[0] <= beats_per_minute <= TEMPI[-1] else EXTREME,
                style=theme,
                beats_per_minute=beats_per_minute,
                beats_per_bar=music.beats_per_bar,
                seed=0,
                seconds=seconds,
            )
    plain = ["bands", "played loosely", *SPOILED]
    for kind, tempi in [*((kind, TEMPI) for kind in plain), (EXTREME, EXTREMES)]:
        for style, (beats_per_bar, _) in STYLES.items():
            for beats_per_minute in tempi:
                seed += 1
                # No real song is played at a round figure.
                odd = beats_per_minute + seed * 0.37 % 4 - 2
                yield Song(
                    kind=kind,
                    style=style,
                    beats_per_minute=odd if kind == EXTREME else min(max(odd, TEMPI[0]), TEMPI[-1]),
                    beats_per_bar=beats_per_bar,
                    seed=seed,
                    seconds=seconds,
                )
    for style in UNSTEADY:
        for _ in range(6):
            seed += 1
            yield Song(
                kind="no steady beat",
                style=style,
                beats_per_minute=0,
                beats_per_bar=0,
                seed=seed,
                seconds=seconds,
            )


def judged(song: Song, tempo: Tempo | None) -> Counter[str]:
    """Return what was found in a song: one of VERDICTS, and 'bars' where the beats of a bar are right, too."""
    if tempo is None:
        return Counter({"none": 1})
    if not song.beats_per_minute:
        return Counter({"wrong": 1})
    ratio = 60 / tempo.beat_seconds / song.beats_per_minute
    if abs(ratio - 1) <= RIGHT:
        return Counter({"right": 1, "bars": int(tempo.beats_per_bar == song.beats_per_bar)})
    return Counter({"octave" if any(abs(ratio / octave - 1) <= RIGHT for octave in OCTAVES) else "wrong": 1})


def row(kind: str, counts: Counter[str]) -> str:
    songs = sum(counts[verdict] for verdict in VERDICTS)
    shares = [f"{counts[verdict]} ({counts[verdict] / songs:.0%})" for verdict in VERDICTS]
    bars = f"{counts['bars']} ({counts['bars'] / max(1, counts['right']):.0%})"
    return f"| {kind} | {songs} | {' | '.join(shares)} | {bars} |"


def _tempo_of_tape(song: Song) -> Tempo | None:
    theme = themes.load(song.style)
    speed = song.beats_per_minute / theme.music.beats_per_minute
    with tempfile.TemporaryDirectory() as folder:
        tape = Path(folder, "tape.wav")
        filters = f"aresample=48000,asetrate={round(48000 * speed)},aresample=48000"
        arguments = [
            "-v",
            "error",
            "-i",
            str(theme.soundtrack),
            "-af",
            filters,
            "-t",
            str(song.seconds),
            str(tape),
        ]
        subprocess.run([ffmpeg_path(), *arguments], check=True)
        return tempo_of(tape)


def tone(note: float, seconds: float, *, attack: float = 0.004, life: float = 0.35) -> np.ndarray:
    """Return a struck or bowed tone; `note` counts semitones as MIDI does."""
    time = np.arange(round(seconds * RATE)) / RATE
    hertz = 440 * 2 ** ((note - 69) / 12)
    wave = sum(np.sin(2 * np.pi * hertz * partial * time) / partial**1.6 for partial in range(1, 6))
    return wave * np.clip(time / attack, 0, 1) * np.exp(-time / life) * np.clip((seconds - time) / 0.02, 0, 1)


def drum(rng: np.random.Generator, seconds: float, low: float, high: float) -> np.ndarray:
    """Return a stroke of noise between two frequencies."""
    bands = np.fft.rfft(rng.normal(0, 1, round(seconds * RATE)))
    hertz = np.fft.rfftfreq(round(seconds * RATE), 1 / RATE)
    bands[(hertz < low) | (hertz > high)] = 0
    sound = np.fft.irfft(bands, round(seconds * RATE))
    return sound / np.abs(sound).max() * np.exp(-np.arange(len(sound)) / RATE / (seconds / 4))


def kick() -> np.ndarray:
    time = np.arange(round(0.25 * RATE)) / RATE
    return np.sin(2 * np.pi * (50 * time - 2.4 * np.exp(-time / 0.03))) * np.exp(-time / 0.07)


#: Strokes of a bar: what is struck, at which beats, how hard.
Strokes = list[tuple[str, list[float], float]]


def rock(rng: np.random.Generator) -> Strokes:
    extra = [2.5] if rng.random() < 0.5 else [0.75, 2.5]
    halves = [half / 2 for half in range(8)]
    return [
        ("kick", [0, 2, *extra], 0.8),
        ("snare", [1, 3], 0.6),
        ("hat", halves, 0.25),
        ("bass", halves, 0.35),
        ("chord", [0], 0.2),
    ]


def bossa_nova(rng: np.random.Generator) -> Strokes:
    clave = [0, 1.5, 3] if rng.random() < 0.5 else [1, 2.5]
    return [
        ("kick", [0, 1.5, 2, 3.5], 0.5), ("snare", clave, 0.3), ("hat", [step / 4 for step in range(16)], 0.1),
        ("bass", [0, 1.5, 2, 3.5], 0.35), ("chord", [0.5, 1.5, 3], 0.2),
    ]  # fmt: skip


def swing(_rng: np.random.Generator) -> Strokes:
    ride = [0, 1, 1.67, 2, 3, 3.67]
    return [
        ("hat", ride, 0.35), ("snare", [1, 3], 0.12), ("bass", [0, 1, 2, 3], 0.45), ("chord", [1.67, 3.67], 0.2),
        ("melody", [0, 0.67, 2, 2.67, 3], 0.2),
    ]  # fmt: skip


def ballad(rng: np.random.Generator) -> Strokes:
    sung = sorted(rng.choice(8, 3, replace=False) / 2)
    return [("broken", [half / 2 for half in range(8)], 0.3), ("bass", [0, 2], 0.3), ("melody", sung, 0.35)]


def waltz(rng: np.random.Generator) -> Strokes:
    sung = [0, 1, 2] if rng.random() < 0.6 else [0, 1.5, 2]
    return [("bass", [0], 0.5), ("chord", [1, 2], 0.2), ("melody", sung, 0.3)]


def hymn(rng: np.random.Generator) -> Strokes:
    sung = [0, 1, 2, 3] if rng.random() < 0.6 else [0, 1, 2, 2.5, 3]
    return [("organ", [0, 1, 2, 3], 0.2), ("bass", [0, 2], 0.2), ("melody", sung, 0.2)]


STYLES: dict[str, tuple[int, Callable[[np.random.Generator], Strokes]]] = {
    "rock": (4, rock),
    "bossa nova": (4, bossa_nova),
    "swing": (4, swing),
    "ballad": (4, ballad),
    "waltz": (3, waltz),
    "hymn": (4, hymn),
}


def played(song: Song, rng: np.random.Generator, *, loose: float) -> np.ndarray:
    """Return a song as a band plays it; each stroke is late or early by `loose` seconds (standard deviation)."""
    beat = 60 / song.beats_per_minute
    samples = np.zeros(round(song.seconds * RATE))
    strokes = STYLES[song.style][1]
    key = int(rng.integers(45, 57))
    drums = {"kick": kick(), "snare": drum(rng, 0.2, 180, 5000), "hat": drum(rng, 0.08, 5000, 8000)}
    start = rng.uniform(0, 1.5)
    for bar in range(int((song.seconds - start) / beat / song.beats_per_bar)):
        root = key + int(rng.choice([0, 5, 7, 9, 2]))
        chord = [root, root + 4, root + 7, root + 12]
        for voice, beats, loud in strokes(rng):
            for number, place in enumerate(beats):
                at = start + (bar * song.beats_per_bar + place) * beat + rng.normal(0, loose)
                force = loud * rng.uniform(0.8, 1.1) * (1.15 if place == 0 else 1)
                sounds = _sounds(voice, chord, number, beat, rng, drums)
                for sound in sounds:
                    first = max(0, round(at * RATE))
                    part = samples[first : first + len(sound)]
                    part += force * sound[: len(part)]
    return (samples / np.abs(samples).max() * 0.5).astype(np.float32)


def _sounds(
    voice: str,
    chord: list[int],
    number: int,
    beat: float,
    rng: np.random.Generator,
    drums: dict[str, np.ndarray],
) -> list[np.ndarray]:
    match voice:
        case "bass":
            return [tone(chord[number % 3] - 12, beat)]
        case "chord":
            return [tone(note, beat) for note in chord]
        case "organ":
            return [tone(note, beat, attack=0.05, life=3) for note in chord]
        case "broken":
            return [tone(chord[(0, 2, 3, 2)[number % 4]], beat)]
        case "melody":
            return [tone(chord[int(rng.integers(4))] + 12 + int(rng.choice([0, 2])), 1.5 * beat, life=0.6)]
        case _:
            return [drums[voice]]


def in_noise(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return samples with noise 6 dB below them."""
    return (samples + rng.normal(0, samples.std() * 0.5, len(samples))).astype(np.float32)


def talked_over(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return samples under somebody who talks as loudly."""
    talk = speech(rng, len(samples) / RATE)
    return (samples + talk[: len(samples)] * samples.std() / talk.std()).astype(np.float32)


def over_a_telephone(samples: np.ndarray, _rng: np.random.Generator) -> np.ndarray:
    """Return the part of samples between 300 and 3,400 Hz."""
    bands, hertz = np.fft.rfft(samples), np.fft.rfftfreq(len(samples), 1 / RATE)
    bands[(hertz < 300) | (hertz > 3400)] = 0
    return np.fft.irfft(bands, len(samples)).astype(np.float32)


SPOILED: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "in noise": in_noise,
    "talked over": talked_over,
    "over a telephone": over_a_telephone,
}


def speech(rng: np.random.Generator, seconds: float) -> np.ndarray:
    """Return syllables of irregular length and loudness, with pauses between words."""
    samples, at = np.zeros(round(seconds * RATE) + RATE, np.float32), 0.0
    while at < seconds:
        lasting = rng.uniform(0.1, 0.3)
        voice = tone(rng.uniform(43, 57), lasting, attack=0.03, life=1)
        first = round(at * RATE)
        samples[first : first + len(voice)] += rng.uniform(0.1, 0.4) * voice * np.hanning(len(voice))
        at += lasting * rng.uniform(0.7, 1.2) + (rng.random() < 0.15) * rng.uniform(0.3, 1.2)
    return samples[: round(seconds * RATE)]


def lingering(rng: np.random.Generator, seconds: float) -> np.ndarray:
    """Return a pianist who lingers and hurries by 8 %."""
    samples, at = np.zeros(round(seconds * RATE) + RATE, np.float32), 0.2
    base = rng.uniform(65, 130)
    while at < seconds:
        first, sound = round(at * RATE), tone(int(rng.integers(55, 75)), 0.5)
        samples[first : first + len(sound)] += 0.3 * sound
        at += 60 / (base * (1 + 0.08 * np.sin(at / 7)) + rng.normal(0, 2)) / 2
    return samples[: round(seconds * RATE)]


def strewn(rng: np.random.Generator, seconds: float) -> np.ndarray:
    """Return bells in the wind: strokes at any time."""
    samples = np.zeros(round(seconds * RATE) + RATE, np.float32)
    for at in rng.uniform(0, seconds, round(seconds * 2.5)):
        first, sound = round(at * RATE), tone(int(rng.integers(60, 90)), 0.8)
        samples[first : first + len(sound)] += 0.3 * sound
    return samples[: round(seconds * RATE)]


def surf(rng: np.random.Generator, seconds: float) -> np.ndarray:
    """Return noise that comes and goes slowly."""
    time = np.arange(round(seconds * RATE)) / RATE
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * time / rng.uniform(5, 9) + np.sin(time / 11))
    return (0.1 * swell * rng.normal(0, 1, len(time))).astype(np.float32)


UNSTEADY: dict[str, Callable[[np.random.Generator, float], np.ndarray]] = {
    "speech": speech,
    "lingering piano": lingering,
    "bells in the wind": strewn,
    "surf": surf,
}


if __name__ == "__main__":
    main()
