"""
"Saturday in 1998": C major, 112.5 beats a minute, 64 bars.

Form: introduction, A A' B A' C A' B' and an ending. A walks its bass down from C; B brightens and clouds its
subdominant (F, F minor); C is a slow daydream in A minor on the toy piano.
"""

from soundtracks.chips import clap, pulse_lead, pulse_pluck, thud, tick, toy_piano, triangle
from soundtracks.desk import Desk
from soundtracks.mastering import DRY_ROOM, Piece
from soundtracks.score import lines, midi

CHORDS_A = """
C3 G3 B3 E4 G4
B2 G3 B3 D4 G4
A2 G3 C4 E4 G4
G2 G3 B3 D4 E4
F2 F3 A3 C4 E4
E2 G3 B3 D4 E4 / A2 G3 A3 C#4 E4
D3 F3 A3 C4 F4
G2 F3 A3 C4 D4 / G2 F3 G3 B3 D4
"""
CHORDS_CLOSE = """
D3 F3 A3 C4 F4 / G2 F3 G3 B3 D4
C3 E3 G3 A3 D4
"""
CHORDS_B = """
F2 F3 A3 C4 D4
F2 F3 Ab3 C4 D4
E2 G3 B3 D4 E4
A2 G3 A3 C#4 E4
D3 F3 A3 C4 F4
G2 F3 A3 B3 D4
C3 E3 G3 C4 E4 / A2 G3 A3 C4 E4
D3 F#3 A3 C4 D4 / G2 F3 G3 B3 D4
"""
CHORDS_C = """
A2 G3 A3 C4 E4
E2 G3 B3 D4 E4
F2 F3 A3 C4 E4
C3 E3 G3 B3 D4
D3 F3 A3 C4 F4
E2 G3 B3 D4 E4
F2 F3 A3 C4 G4
G2 F3 G3 C4 D4 / G2 F3 G3 B3 D4
"""
CHORDS_INTRODUCTION = """
C3 E3 G3 B3 D4
F2 F3 A3 C4 E4
C3 E3 G3 B3 D4
G2 F3 A3 C4 D4
"""
CHORDS_ENDING = """
F2 F3 A3 C4 D4
F2 F3 Ab3 C4 D4 / G2 F3 G3 B3 D4
"""

BASS_A = """
C3:1 G2:.5 C3:.5 E3:1 C3:.5 G2:.5
B2:1 G2:.5 B2:.5 D3:1 B2:.5 G2:.5
A2:1 E2:.5 A2:.5 C3:1 A2:.5 E2:.5
G2:1 E2:.5 G2:.5 B2:1 G2:.5 E2:.5
F2:1 C2:.5 F2:.5 A2:1 F2:.5 C2:.5
E2:1 B2:.5 E2:.5 A2:1 E2:.5 C#2:.5
D2:1 A2:.5 D2:.5 F2:1 D2:.5 A2:.5
G2:1 D2:.5 G2:.5 G2:.5 A2:.5 B2:1
"""
BASS_CLOSE = """
D2:1 A2:.5 D2:.5 G2:1 A2:.5 B2:.5
C3:1 G2:1 C2:1.5 E2:.5
"""
BASS_B = """
F2:1 C3:.5 F2:.5 A2:1 F2:.5 C2:.5
F2:1 C3:.5 F2:.5 Ab2:1 F2:1
E2:1 B2:.5 E2:.5 G2:1 E2:.5 G#2:.5
A2:1 E2:.5 A2:.5 C#3:1 A2:.5 E2:.5
D2:1 A2:.5 D2:.5 F2:1 D2:.5 F#2:.5
G2:1 D2:.5 G2:.5 B2:1 G2:.5 B2:.5
C3:1 G2:.5 C3:.5 A2:1 E2:1
D2:1 A2:.5 F#2:.5 G2:1 B2:1
"""
BASS_C = """
A2:4
E2:4
F2:4
C2:4
D2:4
E2:4
F2:4
G2:2 G2:1 B2:1
"""
BASS_ENDING = """
F2:1 C3:.5 F2:.5 A2:1 F2:1
F2:2 G2:1 B2:1
C3:.5 -:.5 G2:.5 -:.5 C2:2
"""

MELODY_A = """
G5:1 E5:.5 G5:.5 C6:1.5 B5:.5
B5:.5 A5:.5 G5:1 D5:2
C5:.5 E5:.5 A5:1 G5:1 E5:1
G5:3 -:.5 E5:.5
F5:1 A5:.5 C6:.5 A5:1.5 F5:.5
E5:1 G5:1 C#5:1 E5:1
D5:.5 F5:.5 A5:1 C6:1 A5:1
C6:1 A5:1 B5:1 G5:1
"""
MELODY_A_ANSWERED = """
G5:1 E5:.5 G5:.5 C6:1.5 D6:.5
B5:.5 A5:.5 G5:1 D5:1.5 E5:.5
C5:.5 E5:.5 A5:1 B5:.5 C6:.5 A5:1
G5:2.5 -:.5 E5:.5 G5:.5
A5:1 F5:.5 A5:.5 C6:1 E6:1
D6:1 B5:1 C#6:.5 B5:.5 A5:1
F5:1 A5:.5 F5:.5 B5:1 G5:.5 D5:.5
E5:2 C5:1 -:1
"""
MELODY_B = """
A5:1.5 G5:.5 F5:1 C5:1
Ab5:1.5 G5:.5 F5:1 D5:1
G5:1 B5:1 G5:.5 E5:.5 D5:1
C#5:1 E5:1 A5:2
F5:.5 A5:.5 D6:1 C6:1 A5:1
B5:1 G5:.5 A5:.5 B5:1 D6:1
C6:1.5 G5:.5 A5:1 E5:1
F#5:1 A5:1 G5:2
"""
MELODY_C = """
E5:2 C5:1 E5:1
D5:3 B4:1
C5:2 A4:1 C5:1
G4:3 -:1
A4:1 D5:1 F5:1 A5:1
G5:2 E5:1 B4:1
A4:1 C5:1 F5:1 A5:1
C6:2 B5:2
"""
MELODY_INTRODUCTION = """
-:4
-:2 A5:.5 C6:.5 E6:1
-:4
-:1 G5:.5 A5:.5 B5:.5 D6:1.5
"""
MELODY_ENDING = """
A5:1.5 G5:.5 F5:1 C5:1
Ab5:1 F5:1 G5:.5 F5:.5 D5:1
E5:.5 G5:.5 C6:.5 E6:.5 G6:1 -:1
"""

# Sixteenths and eighths of the broken chords: (beat, tones, how hard).
ARPEGGIO = tuple(
    (step / 2, (index,), stress)
    for step, (index, stress) in enumerate(
        zip((1, 2, 3, 4, 3, 2, 3, 4), (1.0, 0.7, 0.8, 0.7, 0.9, 0.7, 0.8, 0.72), strict=True)
    )
)
RIPPLE = tuple(
    (step / 4, (index,), 1.0 if step % 4 == 0 else 0.72)
    for step, index in enumerate((1, 2, 3, 4, 3, 2, 1, 2, 3, 4, 3, 2, 3, 4, 3, 2))
)
TICKS = "6.3.7.3.6.3.7.35"
THUDS = "9.....5.8......."
CLAPS = "....8.......8..."
CLAPS_FILL = "....8.......8.46"


def perform(desk: Desk) -> None:
    a = lines(CHORDS_A)
    closed = a[:6] + lines(CHORDS_CLOSE)
    bass_closed = lines(BASS_A)[:6] + lines(BASS_CLOSE)

    for offset, line in enumerate(lines(CHORDS_INTRODUCTION)):
        desk.picked(offset, line, voice=toy_piano, force=0.4 + 0.03 * offset, pattern=ARPEGGIO, gain=0.8)
        if offset >= 2:
            desk.beaten(offset, TICKS, voice=tick, force=0.5, pan=0.3)
    _echoed(desk, 0, MELODY_INTRODUCTION, 0.4)

    _chords(desk, 4, a, ARPEGGIO, 0.46)  # A
    _low(desk, 4, lines(BASS_A), 0.6)
    _drums(desk, 4, 8, 0.7)
    _echoed(desk, 4, MELODY_A, 0.6)

    _chords(desk, 12, closed, ARPEGGIO, 0.46)  # A': the toy piano joins in
    _low(desk, 12, bass_closed, 0.64)
    _drums(desk, 12, 8, 0.85)
    _echoed(desk, 12, MELODY_A_ANSWERED, 0.62)
    desk.melody(12, MELODY_A_ANSWERED, voice=toy_piano, force=0.5, gain=0.6, pan=-0.2)

    _chords(desk, 20, lines(CHORDS_B), RIPPLE, 0.44)  # B: sixteenths
    _low(desk, 20, lines(BASS_B), 0.66)
    _drums(desk, 20, 8, 0.95)
    _echoed(desk, 20, MELODY_B, 0.64)

    _chords(desk, 28, closed, ARPEGGIO, 0.4)  # A': toy piano alone with the tune
    _low(desk, 28, bass_closed, 0.56)
    for offset in range(8):
        desk.beaten(28 + offset, TICKS, voice=tick, force=0.55, pan=0.3)
    desk.melody(28, MELODY_A_ANSWERED, voice=toy_piano, force=0.74, gain=1.1)

    for offset, line in enumerate(lines(CHORDS_C)):  # C: the daydream
        desk.chords(36 + offset, line, voice=pulse_lead, force=0.2, gain=0.26)
        desk.picked(36 + offset, line, voice=pulse_pluck, force=0.34, pattern=ARPEGGIO, gain=0.6)
    _low(desk, 36, lines(BASS_C), 0.5)
    desk.melody(36, MELODY_C, voice=toy_piano, force=0.66, gain=1.1)
    desk.melody(36, MELODY_C, voice=toy_piano, force=0.3, octave=1, gain=0.4, pan=-0.3)
    for offset in range(4):
        desk.beaten(40 + offset, TICKS, voice=tick, force=0.4 + 0.05 * offset, pan=0.3)

    _chords(desk, 44, closed, ARPEGGIO, 0.48)  # A'
    _low(desk, 44, bass_closed, 0.64)
    _drums(desk, 44, 8, 0.9)
    _echoed(desk, 44, MELODY_A_ANSWERED, 0.64)

    _chords(desk, 52, lines(CHORDS_B), RIPPLE, 0.46)  # B': both voices
    _low(desk, 52, lines(BASS_B), 0.68)
    _drums(desk, 52, 8, 1.0)
    _echoed(desk, 52, MELODY_B, 0.68)
    desk.melody(52, MELODY_B, voice=toy_piano, force=0.52, gain=0.65, pan=-0.2)

    _chords(desk, 60, lines(CHORDS_ENDING), ARPEGGIO, 0.42)
    _low(desk, 60, lines(BASS_ENDING), 0.56)
    desk.beaten(60, TICKS, voice=tick, force=0.5, pan=0.3)
    desk.melody(60, MELODY_ENDING, voice=toy_piano, force=0.66, gain=1.0)
    for step, name in enumerate(("C4", "E4", "G4", "A4", "D5")):  # the last chord, and a wink
        desk.play(toy_piano, midi(name), bar=62, beat=2 + step * 0.12, beats=4, force=0.42)
    desk.play(pulse_pluck, midi("G5"), bar=63, beat=0.5, beats=1, force=0.3, gain=0.7)
    desk.play(pulse_pluck, midi("C6"), bar=63, beat=1, beats=1, force=0.26, gain=0.7)


def _echoed(desk: Desk, bar: int, score: str, force: float) -> None:
    """Play a tune on the pulse, and three sixteenths later its echo from the other side."""
    desk.melody(bar, score, voice=pulse_lead, force=force, legato=0.94, pan=0.1)
    late = bar + 0.75 / desk.beats_per_bar
    desk.melody(late, score, voice=pulse_lead, force=force * 0.5, gain=0.3, legato=0.7, pan=-0.7)


def _chords(desk: Desk, bar: int, score: list[str], pattern: tuple, force: float) -> None:
    for offset, line in enumerate(score):
        desk.picked(bar + offset, line, voice=pulse_pluck, force=force, pattern=pattern, gain=0.75)


def _low(desk: Desk, bar: int, score: list[str], force: float) -> None:
    desk.melody(bar, "\n".join(score), voice=triangle, force=force, pan=0.0, legato=0.88)


def _drums(desk: Desk, bar: int, bars: int, force: float) -> None:
    for offset in range(bars):
        desk.beaten(bar + offset, TICKS, voice=tick, force=0.7 * force, pan=0.3)
        desk.beaten(bar + offset, THUDS, voice=thud, force=0.8 * force)
        fill = CLAPS_FILL if offset % 4 == 3 else CLAPS
        desk.beaten(bar + offset, fill, voice=clap, force=0.75 * force, pan=-0.1)


PIECE = Piece(
    title="Saturday in 1998",
    seed=19980625,
    beats_per_minute=112.5,
    beats_per_bar=4,
    bars=64,
    perform=perform,
    room=DRY_ROOM,
    wet=0.16,
    boom=-1.0,
    air=2.0,
)
