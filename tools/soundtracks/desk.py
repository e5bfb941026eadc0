"""The mixing desk: places notes in time, a little late or early and a little softer or louder, like people do."""

from __future__ import annotations

import numpy as np

from soundtracks.instruments import RATE, bass, pad
from soundtracks.score import chords_of_bar, lines, melody_of_bar, phrases


class Desk:
    """
    A mix of `bars` bars, and the ways of playing that every piece uses.

    `swing` is how late, in beats, every second sixteenth comes.
    """

    def __init__(
        self, *, seed: int, beats_per_minute: float, beats_per_bar: int, bars: int, swing: float = 0.0
    ) -> None:
        self.rng = np.random.default_rng(seed)
        self.beat_seconds = 60 / beats_per_minute
        self.beats_per_bar = beats_per_bar
        self.swing = swing
        self.seconds = bars * beats_per_bar * self.beat_seconds
        self.mix = np.zeros((int((self.seconds + 6) * RATE), 2), np.float32)

    def play(self, voice, note, *, bar, beat, beats, force, pan=0.0, gain=1.0, loose=0.008) -> None:
        start = (bar * self.beats_per_bar + beat) * self.beat_seconds + self.rng.normal(0, loose)
        if self.swing and round(beat * 4) % 2:
            start += self.swing * self.beat_seconds
        force = float(np.clip(force * (1 + self.rng.normal(0, 0.06)), 0.05, 1))
        self._add(voice(note, beats * self.beat_seconds, force, self.rng) * gain, start, pan)

    def _add(self, tone: np.ndarray, start: float, pan: float) -> None:
        # Balance, not hard panning: both ears keep the whole chord.
        tone *= np.array([1 - max(0, pan) * 0.6, 1 + min(0, pan) * 0.6], np.float32)
        first = max(0, int(start * RATE))
        room = self.mix[first : first + len(tone)]
        room += tone[: len(room)]

    def broken_chord(self, bar, line, *, voice, force, order, gain=1.0) -> None:
        """Play the chords of one bar as eighths (indices into the chord, None rests), pedal held to the change."""
        chords = chords_of_bar(line)
        eighths = 2 * self.beats_per_bar // len(chords)
        for half, chord in enumerate(chords):
            for step, index in enumerate(order[:eighths]):
                if index is None or index >= len(chord):
                    continue
                beat = half * eighths / 2 + step / 2
                stress = 1.0 if step == 0 else 0.86 if step % 2 == 0 else 0.74
                left = (half + 1) * eighths / 2 - beat
                pan = (chord[index] - 58) / 40
                self.play(
                    voice,
                    chord[index],
                    bar=bar,
                    beat=beat,
                    beats=left,
                    force=force * stress,
                    pan=pan,
                    gain=gain,
                )

    def picked(self, bar, line, *, voice, force, pattern, gain=1.0, pan=0.0) -> None:
        """
        Pluck the chords of one bar: `pattern` is (beat, indices into the chord, how hard).

        Strings ring on until the chord changes; those plucked together come from the lowest, 9 ms apart. An index
        beyond the chord is its highest tone.
        """
        chords = chords_of_bar(line)
        beats = self.beats_per_bar / len(chords)
        for beat, indices, stress in pattern:
            chord = chords[int(beat / beats)]
            left = (int(beat / beats) + 1) * beats - beat
            for order, index in enumerate(sorted({min(index, len(chord) - 1) for index in indices})):
                self.play(
                    voice,
                    chord[index],
                    bar=bar,
                    beat=beat + order * 0.009 / self.beat_seconds,
                    beats=left,
                    force=force * stress,
                    gain=gain,
                    pan=pan + (index - 2) * 0.08,
                    loose=0.004,
                )

    def chords(self, bar, line, *, voice, force, rhythm=((0.0, 1.0, 1.0),), gain=1.0, pan=0.0) -> None:
        """Play whole chords; `rhythm` is (beat, share of what is left until the change, how hard)."""
        chords = chords_of_bar(line)
        beats = self.beats_per_bar / len(chords)
        for beat, share, stress in rhythm:
            left = (int(beat / beats) + 1) * beats - beat
            for order, note in enumerate(chords[int(beat / beats)]):
                self.play(
                    voice,
                    note,
                    bar=bar,
                    beat=beat + order * 0.006 / self.beat_seconds,
                    beats=left * share,
                    force=force * stress,
                    gain=gain,
                    pan=pan + (note - 62) / 50,
                    loose=0.005,
                )

    def melody(self, bar, score, *, voice, force, octave=0, gain=1.0, pan=0.12, legato=1.12) -> None:
        """Play a melody whose phrases of four bars swell towards their third bar."""
        for offset, line in enumerate(lines(score)):
            swell = (0.92, 1.0, 1.1, 0.94)[offset % 4]
            for beat, note, beats in melody_of_bar(line, self.beats_per_bar):
                stress = swell * (1.04 if beat in {0, 2} else 0.93)
                # A singing finger leaves a key late: notes overlap a little.
                self.play(
                    voice,
                    note + 12 * octave,
                    bar=bar + offset,
                    beat=beat,
                    beats=beats * legato,
                    force=force * stress,
                    gain=gain,
                    pan=pan,
                )

    def sung(self, bar, score, *, voice, force, gain=1.0, pan=0.0) -> None:
        """Play a melody phrase by phrase: `voice` gets all notes between two rests at once and slurs them."""
        for run in phrases(score, self.beats_per_bar):
            start = (bar * self.beats_per_bar + run[0][0]) * self.beat_seconds + self.rng.normal(0, 0.008)
            notes = [(beats * self.beat_seconds, note) for _, note, beats in run]
            self._add(voice(notes, force, self.rng) * gain, start, pan)

    def beaten(self, bar, steps: str, *, voice, force, pan=0.0, gain=1.0) -> None:
        """Play one bar of percussion, a character a step."""
        for step, mark in enumerate(steps):
            if mark != ".":
                self.play(
                    voice,
                    0,
                    bar=bar,
                    beat=step * self.beats_per_bar / len(steps),
                    beats=0.25,
                    force=force * int(mark) / 9,
                    gain=gain,
                    pan=pan,
                    loose=0.004,
                )

    def strings(self, bar, line, force) -> None:
        chords = chords_of_bar(line)
        for half, chord in enumerate(chords):
            for note in chord[1:]:
                beats = self.beats_per_bar / len(chords)
                self.play(pad, note, bar=bar, beat=half * beats, beats=beats, force=force, loose=0.02)

    def low(self, bar, line, force) -> None:
        chords = chords_of_bar(line)
        beats = self.beats_per_bar / len(chords)
        for half, chord in enumerate(chords):
            note = chord[0] if chord[0] >= 36 else chord[0] + 12
            self.play(bass, note, bar=bar, beat=half * beats, beats=beats * 0.94, force=force)
