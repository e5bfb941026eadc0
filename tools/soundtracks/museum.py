"""
"Rooms of Evening": F major, 72 beats a minute, 3/4, 64 bars, for piano and cello.

Form: introduction, A (cello), B (piano in D minor, cello below), A' (cello, the piano flowing), ending. The bass
of A steps down a sixth; both halves touch B flat minor before they come home.
"""

from soundtracks.cello import cello
from soundtracks.desk import Desk
from soundtracks.instruments import felt_piano
from soundtracks.mastering import LARGE_ROOM, Piece
from soundtracks.score import lines, midi

PIANO_INTRODUCTION = """
F2 C3 G3 A3 C4
F2 D3 F3 Bb3 D4
F2 C3 G3 A3 C4
F2 D3 F3 Bb3 D4
D2 A2 F3 C4 E4
Bb1 F2 D3 A3 C4
G2 D3 F3 Bb3 D4
C2 G2 Bb3 D4 F4
"""
PIANO_A = """
F2 C3 G3 A3 C4
E2 C3 G3 C4 D4
D2 A2 F3 C4 E4
C2 G2 E3 A3 C4
Bb1 F2 D3 A3 D4
A1 F2 C3 A3 C4
G2 D3 F3 Bb3 D4
C2 G2 Bb3 D4 F4
F2 C3 G3 A3 C4
E2 A2 G3 A3 C#4
D2 A2 F3 C4 E4
B1 G2 F3 B3 D4
Bb1 F2 D3 A3 D4
Bb1 F2 Db3 G3 Db4
C2 F2 A3 C4 F4
F2 C3 G3 A3 C4
"""
PIANO_B = """
D2 A2 F3 A3 C4
G2 D3 F3 Bb3 D4
C2 G2 E3 Bb3 D4
F2 C3 E3 A3 C4
Bb1 F2 D3 A3 D4
E2 Bb2 D3 G3 D4
A1 E2 D3 G3 D4
A1 E2 C#3 G3 C#4
D2 A2 F3 A3 D4
C2 A2 F3 A3 D4
Bb1 F2 D3 A3 D4
A1 F2 C3 A3 C4
G2 D3 F3 Bb3 D4
Eb2 Bb2 G3 Bb3 D4
C2 G2 F3 Bb3 D4
C2 G2 E3 Bb3 C4
"""
PIANO_ENDING = """
F2 C3 G3 A3 C4
F2 D3 F3 Bb3 D4
F2 C3 G3 A3 C4
F2 Db3 G3 Bb3 Db4
"""

CELLO_A = """
A3:2 C4:1
D4:1.5 C4:.5 G3:1
A3:2 F3:1
E3:2 -:1
F3:1 A3:1 D4:1
C4:2 A3:1
Bb3:1.5 A3:.5 G3:1
G3:2 -:1
A3:2 C4:1
E4:1.5 D4:.5 C#4:1
F4:2 E4:1
D4:1.5 -:.5 B3:1
D4:1 C4:1 A3:1
Db4:2 Bb3:1
C4:1 A3:1 G3:1
F3:2 -:1
"""
CELLO_A_HIGHER = """
A3:2 C4:1
D4:1 E4:.5 C4:.5 G3:1
A3:1.5 C4:.5 D4:1
E4:2 -:1
D4:1 F4:1 A4:1
G4:1 F4:.5 C4:.5 A3:1
Bb3:1.5 C4:.5 D4:1
G3:2 -:1
A3:2 C4:1
E4:1.5 D4:.5 C#4:1
F4:1.5 G4:.5 A4:1
G4:1.5 F4:.5 D4:1
D4:1 C4:1 A3:1
Db4:2 Bb3:1
C4:1 A3:1 G3:1
F3:2 -:1
"""
CELLO_B = """
F3:3
D3:2 G3:1
E3:2 -:1
A3:3
F3:3
E3:2 G3:1
D3:3
C#3:2 -:1
D3:3
F3:3
F3:2 D3:1
C3:2 -:1
D3:1 F3:1 Bb3:1
G3:3
G3:2 F3:1
E3:2 -:1
"""
CELLO_ENDING = """
A3:2 C4:1
D4:3
C4:2 A3:1
Db4:2 Bb3:1
C4:3
~:3
~:2 -:1
"""

MELODY_INTRODUCTION = """
-:3
-:1 F5:1 A5:1
-:3
-:1 D5:1 F5:1
E5:2 C5:1
A4:3
Bb4:1 D5:1 F5:1
G5:3
"""
MELODY_B = """
A4:1 D5:1 F5:1
G5:1.5 F5:.5 D5:1
E5:2 C5:1
A4:1 C5:1 E5:1
D5:1.5 F5:.5 A5:1
G5:1 E5:1 D5:1
E5:2 D5:1
C#5:2 A4:1
D5:1 F5:1 A5:1
C6:1.5 A5:.5 F5:1
A5:2 F5:1
C5:1 F5:1 A5:1
Bb5:1.5 A5:.5 F5:1
G5:1 Bb5:1 D6:1
C6:1.5 Bb5:.5 G5:1
E5:1 D5:1 C5:1
"""
#: What the piano answers where the cello breathes.
ECHO_A = """
-:3
-:3
-:3
-:1 A4:1 C5:1
-:3
-:3
-:3
-:1 D5:1 F5:1
-:3
-:3
-:3
-:3
-:3
-:3
-:3
-:1 C5:1 F5:1
"""

WIDE = (0, None, 2, None, 3, None)
WALKING = (0, None, 2, 3, 4, 3)
FLOWING = (0, 1, 2, 3, 4, 3)


def perform(desk: Desk) -> None:
    for offset, line in enumerate(lines(PIANO_INTRODUCTION)):
        _piano(desk, offset, line, 0.3 + 0.01 * offset, WIDE)
    desk.melody(0, MELODY_INTRODUCTION, voice=felt_piano, force=0.46)

    for offset, line in enumerate(lines(PIANO_A)):  # A: the cello enters over few notes
        _piano(desk, 8 + offset, line, 0.36, WIDE if offset < 8 else WALKING)
    desk.sung(8, CELLO_A, voice=cello, force=0.6)
    desk.melody(8, ECHO_A, voice=felt_piano, force=0.4, pan=0.2)

    for offset, line in enumerate(lines(PIANO_B)):  # B: the piano sings
        swell = 0.04 * min(offset, 13) / 13
        _piano(desk, 24 + offset, line, 0.34 + swell, WALKING if offset < 8 else FLOWING)
    desk.melody(24, MELODY_B, voice=felt_piano, force=0.68)
    desk.sung(24, CELLO_B, voice=cello, force=0.46, gain=0.85)

    for offset, line in enumerate(lines(PIANO_A)):  # A': everything flows
        _piano(desk, 40 + offset, line, 0.4 if offset < 12 else 0.36, FLOWING)
    desk.sung(40, CELLO_A_HIGHER, voice=cello, force=0.7)
    desk.melody(40, ECHO_A, voice=felt_piano, force=0.46, pan=0.2)

    for offset, line in enumerate(lines(PIANO_ENDING)):
        _piano(desk, 56 + offset, line, 0.34 - 0.02 * offset, WALKING if offset < 3 else WIDE)
    desk.sung(56, CELLO_ENDING, voice=cello, force=0.5)
    for step, name in enumerate(("F2", "C3", "A3", "C4", "F4", "A4")):  # the last chord, rolled from below
        desk.play(felt_piano, midi(name), bar=60, beat=step * 0.14, beats=8, force=0.34)
    desk.play(felt_piano, midi("F5"), bar=61, beat=1, beats=5, force=0.26)
    desk.play(felt_piano, midi("C6"), bar=61, beat=2, beats=5, force=0.22)


def _piano(desk: Desk, bar: int, line: str, force: float, order: tuple) -> None:
    desk.broken_chord(bar, line, voice=felt_piano, force=force, order=order, gain=0.95)


PIECE = Piece(
    title="Rooms of Evening",
    seed=18741121,
    beats_per_minute=72,
    beats_per_bar=3,
    bars=64,
    perform=perform,
    room=LARGE_ROOM,
    wet=0.36,
    boom=-2.0,
    air=5.0,
)
