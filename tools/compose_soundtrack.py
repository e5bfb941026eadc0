"""
Compose and synthesise the built-in soundtrack, "The Wrapping Cloth", with nothing but NumPy.

    python tools/compose_soundtrack.py [OUT.m4a]

75 beats a minute, four beats a bar, first beat at 0.0 s: a beat is 24 frames and a bar 96 frames (3.2 s) of a film
with 30 frames a second. 52 bars, 166.4 s, D major, form: introduction, A A' B A B' A, ending. Every random choice
comes from SEED, so the same NumPy gives the same samples. The music and this program are CC0.
"""

import re
import subprocess
import sys
import tempfile
import wave
from pathlib import Path

import numpy as np
from instruments import RATE, bass, felt_piano, music_box, pad, plucked

from memorycapsule.processes import ffmpeg_path

SEED = 20361125
BEATS_PER_MINUTE = 75
BEAT = 60 / BEATS_PER_MINUTE
BAR = 4 * BEAT
TARGET_LUFS = -16.0
CEILING = 10 ** (-2.0 / 20)
HERE = Path(__file__).resolve().parent
DEFAULT_OUT = HERE.parent / "src/memorycapsule/themes/classic/soundtrack.m4a"

# ------------------------------------------------------------------------------------------------ the score
# A line per bar. Melody: note:beats, "-" rests. Chords: bass note, then the tones of the broken chord;
# two chords in a bar are divided by "/".

CHORDS_A = """
D2 A3 D4 E4 F#4
C#3 F#3 A3 C#4 E4
B2 F#3 A3 D4 F#4
A2 F#3 B3 D4 F#4
G2 D3 B3 D4 F#4
F#2 D3 A3 D4 F#4
E2 B2 G3 D4 F#4
A2 E3 G3 D4 E4 / A2 E3 G3 C#4 E4
"""
CLOSE = """
E2 B2 G3 D4 E4 / A2 E3 G3 C#4 E4
D2 A2 F#3 A3 E4
"""
CHORDS_B = """
B2 F#3 A3 D4 F#4
G2 D3 B3 D4 F#4
F#2 D3 A3 D4 F#4
C#3 E3 A3 C#4 E4
G2 D3 B3 D4 G4
G2 D3 A#3 D4 E4
A2 F#3 A3 D4 F#4
A2 E3 G3 D4 E4 / A2 E3 G3 C#4 E4
"""
CHORDS_EDGE = """
D2 A3 D4 E4 F#4
G2 D3 B3 D4 F#4
D2 A3 D4 E4 F#4
G2 D3 B3 D4 A4
"""
CHORDS_ENDING = """
G2 D3 B3 D4 F#4
G2 D3 A#3 D4 E4
D2 A2 F#3 A3 E4
D2 - - - -
"""

MELODY_A = """
F#5:1.5 A5:.5 E5:2
E5:1.5 F#5:.5 C#5:2
D5:1.5 E5:.5 F#5:1 D5:1
C#5:.5 D5:.5 B4:3
D5:1.5 G5:.5 F#5:2
F#5:1 E5:.5 D5:.5 A5:2
G5:1.5 F#5:.5 E5:1 D5:1
E5:3 D5:.5 E5:.5
"""
MELODY_A_ANSWERED = """
F#5:1 G5:.5 A5:.5 E5:2
E5:1 F#5:.5 E5:.5 C#5:1 A4:1
D5:1 E5:.5 F#5:.5 B5:2
A5:1.5 F#5:.5 D5:2
B5:1.5 A5:.5 G5:1 F#5:1
A5:1.5 F#5:.5 D5:2
G5:1 F#5:.5 E5:.5 E5:1 C#5:1
D5:3.5 -:.5
"""
MELODY_B = """
-:.5 F#5:.5 B5:1.5 A5:.5 F#5:1
-:.5 D5:.5 G5:1.5 F#5:.5 D5:1
-:.5 D5:.5 F#5:1.5 E5:.5 D5:1
E5:2 C#5:1 D5:.5 E5:.5
F#5:.5 G5:1.5 B5:1 D6:1
D6:1 A#5:1 G5:1 E5:1
F#5:2.5 A5:.5 F#5:1
E5:1 D5:1 C#5:1 D5:.5 E5:.5
"""
MELODY_INTRODUCTION = """
-:4
-:2 A5:.5 F#5:1.5
-:4
-:2 D5:1 E5:1
"""
MELODY_ENDING = """
D5:1.5 G5:.5 F#5:2
D5:1.5 E5:.5 A#4:2
A4:1 D5:1 F#5:2
-:4
"""

SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def midi(name: str) -> int:
    letter, sharp, octave = re.fullmatch(r"([A-G])(#?)(\d)", name).groups()
    return SEMITONES[letter] + (sharp == "#") + 12 * (int(octave) + 1)


def lines(score: str) -> list[str]:
    return score.strip().splitlines()


def chords_of_bar(line: str) -> list[list[int]]:
    return [[midi(word) for word in part.split() if word != "-"] for part in line.split("/")]


def melody_of_bar(line: str) -> list[tuple[float, int, float]]:
    """Return (beat, note, beats) of one bar."""
    beat, notes = 0.0, []
    for word in line.split():
        name, beats = word.split(":")
        if name != "-":
            notes.append((beat, midi(name), float(beats)))
        beat += float(beats)
    assert beat == 4, line
    return notes


# ------------------------------------------------------------------------------------------------ the playing


class Desk:
    """The mixing desk: places notes in time, a little late or early and a little softer or louder, like people do."""

    def __init__(self, bars: int) -> None:
        self.rng = np.random.default_rng(SEED)
        self.seconds = bars * BAR
        self.mix = np.zeros((int((self.seconds + 6) * RATE), 2), np.float32)

    def play(self, voice, note, *, bar, beat, beats, force, pan=0.0, gain=1.0, loose=0.008) -> None:
        start = (bar * 4 + beat) * BEAT + self.rng.normal(0, loose)
        force = float(np.clip(force * (1 + self.rng.normal(0, 0.06)), 0.05, 1))
        tone = voice(note, beats * BEAT, force, self.rng) * gain
        # Balance, not hard panning: both ears keep the whole chord.
        tone *= np.array([1 - max(0, pan) * 0.6, 1 + min(0, pan) * 0.6], np.float32)
        first = max(0, int(start * RATE))
        room = self.mix[first : first + len(tone)]
        room += tone[: len(room)]

    def broken_chord(self, bar, line, *, voice, force, order, gain=1.0) -> None:
        """Play the chords of one bar as eighths (indices into the chord, None rests), pedal held to the change."""
        chords = chords_of_bar(line)
        eighths = 8 // len(chords)
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

    def melody(self, bar, score, *, voice, force, octave=0, gain=1.0, pan=0.12) -> None:
        """Play a melody whose phrases of four bars swell towards their third bar."""
        for offset, line in enumerate(lines(score)):
            swell = (0.92, 1.0, 1.1, 0.94)[offset % 4]
            for beat, note, beats in melody_of_bar(line):
                stress = swell * (1.04 if beat in {0, 2} else 0.93)
                # A singing finger leaves a key late: notes overlap a little.
                self.play(
                    voice,
                    note + 12 * octave,
                    bar=bar + offset,
                    beat=beat,
                    beats=beats * 1.12,
                    force=force * stress,
                    gain=gain,
                    pan=pan,
                )

    def strings(self, bar, line, force) -> None:
        chords = chords_of_bar(line)
        for half, chord in enumerate(chords):
            for note in chord[1:]:
                beats = 4 / len(chords)
                self.play(pad, note, bar=bar, beat=half * beats, beats=beats, force=force, loose=0.02)

    def low(self, bar, line, force) -> None:
        chords = chords_of_bar(line)
        beats = 4 / len(chords)
        for half, chord in enumerate(chords):
            note = chord[0] if chord[0] >= 36 else chord[0] + 12
            self.play(bass, note, bar=bar, beat=half * beats, beats=beats * 0.94, force=force)


FLOWING = (0, 1, 3, 2, 4, 2, 3, 1)
CALM = (0, None, 2, 3, 4, None, 3, None)
OPEN = (0, 1, 2, 4, 3, 4, 2, 3)


def perform() -> np.ndarray:
    """Play the whole piece; float array of shape (n, 2), dry."""
    desk = Desk(52)
    intro, part_a, part_b = lines(CHORDS_EDGE), lines(CHORDS_A), lines(CHORDS_B)
    closed = part_a[:6] + lines(CLOSE)

    for offset, line in enumerate(intro):
        desk.broken_chord(offset, line, voice=felt_piano, force=0.3 + 0.03 * offset, order=CALM)
        if offset >= 2:
            desk.strings(offset, line, 0.35)
    desk.melody(0, MELODY_INTRODUCTION, voice=music_box, force=0.5, octave=1, gain=0.8)

    for offset, line in enumerate(part_a):  # A: the piano by itself
        desk.broken_chord(4 + offset, line, voice=felt_piano, force=0.36, order=CALM)
        desk.strings(4 + offset, line, 0.34)
    desk.melody(4, MELODY_A, voice=felt_piano, force=0.68)

    for offset, line in enumerate(closed):  # A': answered, with the bass
        desk.broken_chord(12 + offset, line, voice=felt_piano, force=0.4, order=FLOWING)
        desk.strings(12 + offset, line, 0.5)
        desk.low(12 + offset, line, 0.6)
    desk.melody(12, MELODY_A_ANSWERED, voice=felt_piano, force=0.72)

    for offset, line in enumerate(part_b):  # B: plucked strings under the tune
        desk.broken_chord(20 + offset, line, voice=plucked, force=0.46, order=OPEN, gain=0.9)
        desk.strings(20 + offset, line, 0.62)
        desk.low(20 + offset, line, 0.64)
    desk.melody(20, MELODY_B, voice=felt_piano, force=0.74)

    for offset, line in enumerate(part_a):  # A: the music box an octave above, thin and clear
        desk.broken_chord(28 + offset, line, voice=felt_piano, force=0.34, order=CALM)
        desk.strings(28 + offset, line, 0.42)
    desk.melody(28, MELODY_A, voice=music_box, force=0.72, octave=1)
    desk.melody(28, MELODY_A, voice=felt_piano, force=0.42, octave=-1, gain=0.8, pan=-0.15)

    for offset, line in enumerate(part_b):  # B': everybody
        desk.broken_chord(36 + offset, line, voice=plucked, force=0.5, order=OPEN)
        desk.broken_chord(36 + offset, line, voice=felt_piano, force=0.34, order=FLOWING, gain=0.7)
        desk.strings(36 + offset, line, 0.72)
        desk.low(36 + offset, line, 0.7)
    desk.melody(36, MELODY_B, voice=felt_piano, force=0.8)
    desk.melody(36, MELODY_B, voice=music_box, force=0.36, octave=1, gain=0.6, pan=-0.2)

    for offset, line in enumerate(part_a[:4]):  # A: home again
        desk.broken_chord(44 + offset, line, voice=felt_piano, force=0.36, order=FLOWING)
        desk.strings(44 + offset, line, 0.5)
        desk.low(44 + offset, line, 0.5)
    desk.melody(44, "\n".join(lines(MELODY_A)[:4]), voice=felt_piano, force=0.64)

    for offset, line in enumerate(lines(CHORDS_ENDING)[:3]):
        desk.broken_chord(48 + offset, line, voice=felt_piano, force=0.32 - 0.03 * offset, order=CALM)
        desk.strings(48 + offset, line, 0.42 - 0.06 * offset)
    desk.melody(48, MELODY_ENDING, voice=felt_piano, force=0.5)
    for step, name in enumerate(("D3", "A3", "F#4", "D5")):  # the last chord, rolled from below
        desk.play(felt_piano, midi(name), bar=51, beat=step * 0.11, beats=3.6, force=0.3)
    desk.play(music_box, midi("A6"), bar=51, beat=1, beats=2, force=0.24, gain=0.7)
    return desk.mix


# ------------------------------------------------------------------------------------------------ the room


def convolved(sound: np.ndarray, impulse: np.ndarray) -> np.ndarray:
    size = 1 << (len(sound) + len(impulse) - 1).bit_length()
    return np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(impulse, size), size)[: len(sound)]


def in_a_room(dry: np.ndarray) -> np.ndarray:
    """Add a small wooden room: noise decaying in 1.9 s, the treble faster, 22 ms after the direct sound."""
    rng = np.random.default_rng(SEED + 1)
    length = int(2.4 * RATE)
    time = np.arange(length) / RATE
    wet = dry.astype(np.float64)
    for side in (0, 1):
        noise = rng.normal(0, 1, length)
        bands = np.fft.rfft(noise)
        hertz = np.fft.rfftfreq(length, 1 / RATE)
        impulse = np.zeros(length)
        for low, high, seconds in ((120, 500, 1.7), (500, 1800, 1.9), (1800, 5000, 1.1), (5000, 9000, 0.6)):
            inside = 1 / (1 + (low / np.maximum(hertz, 1)) ** 4) / (1 + (hertz / high) ** 4)
            impulse += np.fft.irfft(bands * inside, length) * np.exp(-6.9 * time / seconds)
        impulse = np.roll(impulse * np.clip(time / 0.012, 0, 1), int(0.022 * RATE))
        impulse[: int(0.022 * RATE)] = 0
        impulse /= np.sqrt(np.sum(impulse**2))
        wet[:, side] = dry[:, side] + 0.3 * convolved(dry.mean(1) * 0.7 + dry[:, side] * 0.3, impulse)
    return wet


def equalised(sound: np.ndarray) -> np.ndarray:
    """Remove what lies below 32 Hz (DC included), tame the boom around 130 Hz, lift the air a little."""
    hertz = np.fft.rfftfreq(len(sound), 1 / RATE)
    octaves = np.log2(np.maximum(hertz, 1) / 130)
    decibels = -3.0 * np.exp(-(octaves**2) / 0.9) + 4.0 / (1 + (2200 / np.maximum(hertz, 1)) ** 2)
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


# ------------------------------------------------------------------------------------------------ the file


def written(path: Path, sound: np.ndarray) -> None:
    dither = np.random.default_rng(SEED + 2).triangular(-1, 0, 1, sound.shape)
    samples = np.clip(np.round(sound * 32767 + dither), -32768, 32767).astype("<i2")
    with wave.open(str(path), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples.tobytes())


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


def mastered(sound: np.ndarray, folder: Path) -> Path:
    path = folder / "soundtrack.wav"
    sound = sound / np.abs(sound).max()
    gain = 1.0
    for _ in range(3):
        written(path, limited(sound * gain))
        gain *= 10 ** ((TARGET_LUFS - measured(path)[0]) / 20)
    written(path, limited(sound * gain))
    return path


def main() -> None:
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_OUT
    length = round(52 * BAR * RATE)
    sound = levelled(equalised(in_a_room(perform())))[:length]
    # Silence at both edges, so that the loop has no seam.
    sound[: RATE // 100] *= np.linspace(0, 1, RATE // 100)[:, None]
    sound[-RATE * 2 :] *= (0.5 + 0.5 * np.cos(np.linspace(0, np.pi, RATE * 2)))[:, None]
    with tempfile.TemporaryDirectory() as folder:
        path = mastered(sound, Path(folder))
        encode = [ffmpeg_path(), "-hide_banner", "-loglevel", "error", "-y", "-i", str(path)]
        encode += ["-c:a", "aac", "-b:a", "128k", "-ac", "2", "-ar", str(RATE), "-map_metadata", "-1"]
        encode += ["-metadata", "title=The Wrapping Cloth", "-metadata", "copyright=CC0 1.0"]
        encode += ["-fflags", "+bitexact", "-flags:a", "+bitexact", "-movflags", "+faststart", str(out)]
        subprocess.run(encode, check=True)
    loudness, peak = measured(out)
    print(f"{out.name}: {length / RATE:.1f} s, {out.stat().st_size} bytes, {loudness} LUFS, peak {peak} dBTP")


if __name__ == "__main__":
    main()
