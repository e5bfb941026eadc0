"""
"A Table in the Sun": G major, 90 beats a minute, 56 bars.

Form: introduction, A A' B A B' A', ending. A strolls round the tonic; B leans on the subdominant with a
secondary dominant (B7) in its second bar; the ending borrows C minor.
"""

from soundtracks.band import brush, electric_bass, electric_piano, guitar, kick, shaker
from soundtracks.desk import Desk
from soundtracks.instruments import music_box, plucked
from soundtracks.mastering import DRY_ROOM, Piece
from soundtracks.score import lines, midi

# Guitar: shapes that a hand can hold.
GUITAR_A = """
G2 D3 A3 B3 F#4
E2 B2 D3 G3 B3 F#4
A2 E3 G3 C4 E4
D3 A3 C4 E4 G4 / D3 F#3 C4 E4
B2 F#3 A3 D4 F#4
E2 B2 D3 G#3 B3 E4
A2 E3 G3 C4 E4 / D3 F#3 C4 E4
G2 D3 A3 B3 D4
"""
GUITAR_TURN = """
G2 D3 A3 B3 E4 / G2 F3 B3 E4
"""
GUITAR_B = """
C3 E3 B3 D4 G4
B2 F#3 A3 D4 F#4 / B2 D#3 A3 B3 F#4
E2 B2 D3 G3 B3 F#4
D3 F3 C4 E4 A4 / G2 F3 B3 E4
C3 E3 B3 D4 G4
B2 F#3 A3 D4 F#4 / E2 B2 D3 G3 B3 E4
A2 E3 G3 C4 E4
D3 A3 C4 E4 G4 / D3 F#3 C4 E4
"""
GUITAR_INTRODUCTION = """
G2 D3 A3 B3 F#4
C3 E3 B3 D4 G4
G2 D3 A3 B3 F#4
D3 A3 C4 E4 G4 / D3 F#3 C4 E4
"""
GUITAR_ENDING = """
A2 E3 G3 C4 E4 / D3 F#3 C4 E4
C3 E3 B3 D4 G4 / C3 Eb3 A3 D4 G4
"""

# Electric piano: thirds, sevenths and ninths, moving by steps.
KEYS_A = """
F#3 B3 D4
G3 B3 D4
G3 C4 E4
G3 C4 E4 / F#3 C4 E4
F#3 A3 D4
G#3 B3 D4
G3 C4 E4 / F#3 C4 E4
G3 B3 D4
"""
KEYS_TURN = """
G3 B3 D4 / F3 B3 E4
"""
KEYS_B = """
G3 B3 E4
F#3 A3 D4 / F#3 A3 D#4
G3 B3 D4
F3 C4 E4 / F3 B3 E4
G3 B3 E4
F#3 A3 D4 / G3 B3 D4
G3 C4 E4
G3 C4 E4 / F#3 C4 E4
"""
KEYS_ENDING = """
G3 C4 E4 / F#3 C4 E4
G3 B3 E4 / G3 A3 C4
G3 B3 D4
"""

BASS_A = """
G1:1.5 D2:.5 G2:1 D2:.5 F#1:.5
E1:1.5 B1:.5 E2:1 B1:.5 G#1:.5
A1:1.5 E2:.5 A2:1 E2:.5 C#2:.5
D2:1.5 A1:.5 D2:1 A1:.5 A#1:.5
B1:1.5 F#2:.5 B1:1 D2:.5 D#2:.5
E2:1.5 B1:.5 E2:1 D2:.5 B1:.5
A1:1.5 E2:.5 D2:1 A1:.5 F#1:.5
G1:1.5 D2:.5 G1:2
"""
BASS_TURN = """
G1:2 G2:.5 F2:.5 D2:.5 B1:.5
"""
BASS_B = """
C2:1.5 G2:.5 C2:1 G1:.5 A#1:.5
B1:1.5 F#2:.5 B1:1 D#2:1
E2:1.5 B1:.5 E2:1 B1:.5 C#2:.5
D2:1.5 A1:.5 G1:1.5 B1:.5
C2:1.5 G1:.5 C2:1 G1:.5 A#1:.5
B1:1.5 F#2:.5 E2:1 B1:.5 G#1:.5
A1:1.5 E2:.5 A1:1 E2:.5 C#2:.5
D2:1.5 A1:.5 D2:1 A1:.5 F#1:.5
"""
BASS_ENDING = """
A1:1.5 E2:.5 D2:1 A1:.5 B1:.5
C2:2 C2:1.5 F#1:.5
G1:4
"""

MELODY_A = """
-:.5 D5:.5 E5:.5 D5:.5 B4:1.5 A4:.5
B4:.5 A4:.5 G4:.5 A4:.5 B4:2
-:.5 C5:.5 D5:.5 E5:.5 G5:1.5 E5:.5
D5:1 E5:.5 C5:.5 A4:2
-:.5 D5:.5 E5:.5 F#5:.5 A5:1.5 F#5:.5
E5:.5 F#5:.5 G#5:1 E5:1 D5:1
C5:.5 D5:.5 E5:.5 G5:.5 F#5:.5 E5:.5 D5:.5 A4:.5
B4:3 -:1
"""
MELODY_A_ANSWERED = """
-:.5 D5:.5 E5:.5 D5:.5 B4:1 D5:.5 A4:.5
B4:.5 A4:.5 G4:.5 A4:.5 B4:1.5 D5:.5
C5:.5 B4:.5 C5:.5 E5:.5 G5:1.5 E5:.5
D5:.5 E5:.5 G5:.5 E5:.5 F#5:1 E5:.5 D5:.5
-:.5 D5:.5 E5:.5 F#5:.5 A5:1 B5:.5 F#5:.5
E5:.5 G#5:1 B5:.5 G#5:.5 E5:.5 D5:1
C5:.5 E5:1 D5:.5 C5:.5 B4:.5 A4:1
"""
MELODY_TURN = """
G4:2 -:.5 D5:.5 E5:.5 F5:.5
"""
MELODY_HOME = """
G4:3 -:1
"""
MELODY_B = """
G5:1.5 E5:.5 D5:.5 E5:1.5
F#5:1.5 D5:.5 B4:.5 D#5:.5 F#5:1
G5:1.5 F#5:.5 E5:1 B4:1
A5:1 F5:.5 E5:.5 D5:.5 E5:.5 B4:1
E5:.5 D5:.5 E5:.5 G5:1 B5:1.5
A5:1.5 F#5:.5 G5:1.5 E5:.5
-:.5 C5:.5 E5:.5 G5:.5 B5:1 A5:.5 G5:.5
A5:1.5 G5:.5 F#5:2
"""
MELODY_INTRODUCTION = """
-:4
-:2.5 D5:.5 E5:.5 G5:.5
F#5:3 -:1
-:2 A5:.5 F#5:.5 E5:.5 D5:.5
"""
MELODY_ENDING = """
C5:.5 E5:1 D5:.5 C5:.5 B4:.5 A4:1
B4:1 G4:1 A4:1 G4:1
G4:2 -:2
"""

# (beat, strings, how hard): a thumb that walks and fingers that answer before the beat.
PICKED = (
    (0.0, (0, 4), 1.0), (0.5, (2,), 0.66), (1.0, (3,), 0.8), (1.5, (1,), 0.74), (1.75, (4,), 0.7),
    (2.0, (0,), 0.86), (2.5, (2, 3), 0.74), (2.75, (4,), 0.62), (3.0, (1,), 0.8), (3.5, (3,), 0.72),
)  # fmt: skip
PLAIN = (
    (0.0, (0,), 1.0), (0.5, (1,), 0.66), (1.0, (2,), 0.74), (1.5, (3,), 0.8), (2.0, (4,), 0.84),
    (2.5, (3,), 0.7), (3.0, (2,), 0.72), (3.5, (3,), 0.64),
)  # fmt: skip
STRUMMED = (
    (0.0, (0, 1, 2, 3, 4), 0.9), (0.75, (2, 3, 4), 0.46), (1.5, (1, 2, 3, 4), 0.7), (1.75, (3, 4), 0.42),
    (2.0, (0, 1), 0.7), (2.5, (2, 3, 4), 0.74), (3.25, (2, 3, 4), 0.46), (3.5, (1, 2, 3, 4), 0.62),
)  # fmt: skip
LAID = ((0.0, 0.96, 1.0), (2.0, 0.9, 0.86))
PUSHED = ((0.0, 0.7, 1.0), (1.5, 1.0, 0.8), (2.0, 0.7, 0.9), (3.5, 0.9, 0.66))

SHAKEN = "5.3.6.3.5.3.6.34"
KICKED = "8.....4.7......."
BRUSHED = "....7.......7..."
BRUSHED_FILL = "....7.......7.34"


def perform(desk: Desk) -> None:
    a = lines(GUITAR_A)
    turned = a[:7] + lines(GUITAR_TURN)
    keys = lines(KEYS_A)
    keys_turned = keys[:7] + lines(KEYS_TURN)
    bass_turned = lines(BASS_A)[:7] + lines(BASS_TURN)

    for offset, line in enumerate(lines(GUITAR_INTRODUCTION)):
        desk.picked(offset, line, voice=guitar, force=0.5 + 0.03 * offset, pattern=PLAIN)
        if offset >= 2:
            _shake(desk, offset, 0.55)
    desk.melody(0, MELODY_INTRODUCTION, voice=electric_piano, force=0.44)

    _pick(desk, 4, a, 0.55)  # A: the guitar by itself, then the bass
    _low(desk, 4, lines(BASS_A), 0.5)
    for offset in range(8):
        _shake(desk, 4 + offset, 0.6)
    desk.melody(4, MELODY_A, voice=plucked, force=0.78, gain=1.25)

    _pick(desk, 12, turned, 0.56)  # A': the electric piano joins, and the brushes
    _keys(desk, 12, keys_turned, LAID, 0.34)
    _low(desk, 12, bass_turned, 0.58)
    _drums(desk, 12, 8, 0.8)
    answered = MELODY_A_ANSWERED.strip() + MELODY_TURN
    desk.melody(12, answered, voice=plucked, force=0.8, gain=1.25)

    _refrain(desk, 20, 0.54)
    desk.melody(20, MELODY_B, voice=electric_piano, force=0.66, gain=1.25)

    _pick(desk, 28, turned, 0.5)  # A: thin again, a music box far above
    _keys(desk, 28, keys_turned, LAID, 0.28)
    _low(desk, 28, bass_turned, 0.5)
    for offset in range(8):
        _shake(desk, 28 + offset, 0.6)
        if offset >= 4:
            desk.beaten(28 + offset, KICKED, voice=kick, force=0.6)
    desk.melody(28, answered, voice=electric_piano, force=0.52, gain=1.15)
    desk.melody(28, answered, voice=music_box, force=0.4, octave=1, gain=0.5, pan=-0.25)

    _refrain(desk, 36, 0.6)
    desk.melody(36, MELODY_B, voice=plucked, force=0.86, gain=1.3)
    desk.melody(36, MELODY_B, voice=electric_piano, force=0.44, gain=0.8, pan=-0.2)

    _pick(desk, 44, a[:7] + lines(GUITAR_A)[7:], 0.55)  # A': home
    _keys(desk, 44, keys, LAID, 0.34)
    _low(desk, 44, lines(BASS_A), 0.56)
    _drums(desk, 44, 8, 0.72)
    desk.melody(44, MELODY_A_ANSWERED.strip() + MELODY_HOME, voice=plucked, force=0.8, gain=1.25)

    for offset, line in enumerate(lines(GUITAR_ENDING)):
        desk.picked(52 + offset, line, voice=guitar, force=0.5 - 0.06 * offset, pattern=PLAIN)
    _keys(desk, 52, lines(KEYS_ENDING), ((0.0, 1.0, 1.0), (2.0, 1.0, 0.86)), 0.3)
    _low(desk, 52, lines(BASS_ENDING), 0.48)
    _shake(desk, 52, 0.5)
    desk.melody(52, MELODY_ENDING, voice=plucked, force=0.7, gain=1.2)
    for step, name in enumerate(("G2", "D3", "A3", "B3", "E4", "B4")):  # the last chord, slowly rolled
        desk.play(guitar, midi(name), bar=54, beat=step * 0.16, beats=7, force=0.46 - 0.03 * step)
    desk.play(music_box, midi("D6"), bar=54, beat=2, beats=3, force=0.34, gain=0.6)
    desk.play(music_box, midi("G6"), bar=54, beat=3, beats=3, force=0.28, gain=0.5)


def _refrain(desk: Desk, bar: int, force: float) -> None:
    """B: strummed, everybody."""
    for offset, line in enumerate(lines(GUITAR_B)):
        desk.picked(bar + offset, line, voice=guitar, force=force, pattern=STRUMMED, gain=0.72, pan=-0.15)
    _keys(desk, bar, lines(KEYS_B), PUSHED, 0.34)
    _low(desk, bar, lines(BASS_B), 0.64)
    _drums(desk, bar, 8, 1.0)


def _pick(desk: Desk, bar: int, score: list[str], force: float) -> None:
    for offset, line in enumerate(score):
        desk.picked(bar + offset, line, voice=guitar, force=force, pattern=PICKED, gain=0.9, pan=-0.1)


def _keys(desk: Desk, bar: int, score: list[str], rhythm: tuple, force: float) -> None:
    for offset, line in enumerate(score):
        desk.chords(bar + offset, line, voice=electric_piano, force=force, rhythm=rhythm, gain=0.62, pan=0.2)


def _low(desk: Desk, bar: int, score: list[str], force: float) -> None:
    desk.melody(bar, "\n".join(score), voice=electric_bass, force=force, pan=0.0, legato=0.94)


def _shake(desk: Desk, bar: int, force: float) -> None:
    desk.beaten(bar, SHAKEN, voice=shaker, force=force, pan=0.35)


def _drums(desk: Desk, bar: int, bars: int, force: float) -> None:
    for offset in range(bars):
        _shake(desk, bar + offset, 0.7 * force)
        desk.beaten(bar + offset, KICKED, voice=kick, force=0.8 * force)
        fill = BRUSHED_FILL if offset % 4 == 3 else BRUSHED
        desk.beaten(bar + offset, fill, voice=brush, force=0.75 * force, pan=-0.1)


PIECE = Piece(
    title="A Table in the Sun",
    seed=19990704,
    beats_per_minute=90,
    beats_per_bar=4,
    bars=56,
    perform=perform,
    swing=0.03,
    room=DRY_ROOM,
    wet=0.2,
    boom=-2.0,
    air=3.0,
)
