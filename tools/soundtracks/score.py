"""
Reading a score: a line of text per bar.

Melody: `note:beats`, "-" for a rest and "~" for holding on to the note before. Chords: the bass note, then the
other tones from below; the chords of one bar are divided by "/" and last equally long. Percussion: a character
for each step of the bar, "." for nothing, "1" to "9" for how hard.
"""

from __future__ import annotations

import re

SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
ALTERED = {"": 0, "#": 1, "b": -1}


def midi(name: str) -> int:
    letter, alteration, octave = re.fullmatch(r"([A-G])([#b]?)(\d)", name).groups()
    return SEMITONES[letter] + ALTERED[alteration] + 12 * (int(octave) + 1)


def lines(score: str) -> list[str]:
    return score.strip().splitlines()


def chords_of_bar(line: str) -> list[list[int]]:
    return [[midi(word) for word in part.split() if word != "-"] for part in line.split("/")]


def melody_of_bar(line: str, beats_per_bar: int) -> list[tuple[float, int, float]]:
    """Return (beat, note, beats) of one bar."""
    beat, notes = 0.0, []
    for word in line.split():
        name, beats = word.split(":")
        if name != "-":
            notes.append((beat, midi(name), float(beats)))
        beat += float(beats)
    assert beat == beats_per_bar, line
    return notes


def phrases(score: str, beats_per_bar: int) -> list[list[tuple[float, int, float]]]:
    """Return the runs of notes between rests, each note (beat of the whole score, note, beats)."""
    runs: list[list[tuple[float, int, float]]] = [[]]
    beat = 0.0
    for number, line in enumerate(lines(score)):
        for word in line.split():
            name, beats = word.split(":")
            if name == "-":
                runs.append([])
            elif name == "~":
                first, note, length = runs[-1].pop()
                runs[-1].append((first, note, length + float(beats)))
            else:
                runs[-1].append((beat, midi(name), float(beats)))
            beat += float(beats)
        assert beat == (number + 1) * beats_per_bar, line
    return [run for run in runs if run]
