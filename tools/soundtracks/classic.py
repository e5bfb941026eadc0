"""
"The Wrapping Cloth": D major, 52 bars.

Form: introduction, A A' B A B' A, ending.
"""

from soundtracks.desk import Desk
from soundtracks.instruments import felt_piano, music_box, plucked
from soundtracks.mastering import Piece
from soundtracks.score import lines, midi

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

FLOWING = (0, 1, 3, 2, 4, 2, 3, 1)
CALM = (0, None, 2, 3, 4, None, 3, None)
OPEN = (0, 1, 2, 4, 3, 4, 2, 3)


def perform(desk: Desk) -> None:
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


PIECE = Piece(
    title="The Wrapping Cloth", seed=20361125, beats_per_minute=75, beats_per_bar=4, bars=52, perform=perform
)
