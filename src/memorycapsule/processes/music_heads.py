"""
Recognising music by its first bytes: mp3, ogg, flac and wav, also behind what does not belong there.

Programs and broken copies leave zeros, line ends, tags and answers of web servers in front of music. Players pass over
them, and so does ffmpeg when it is told how many bytes they are.
"""

import re
from dataclasses import dataclass
from typing import Literal

#: How many bytes are looked at. ffmpeg, too, looks for the first frame of an mp3 in so many.
HEAD_BYTES = 65536

MusicFormat = Literal["mp3", "ogg", "flac", "wav"]

#: First bytes: RFC 3533, RFC 9639, RIFF.
_HEADS: tuple[tuple[re.Pattern[bytes], MusicFormat], ...] = (
    (re.compile(rb"OggS"), "ogg"),
    (re.compile(rb"fLaC"), "flac"),
    (re.compile(rb"RIFF....WAVE", re.DOTALL), "wav"),
)
_BLANK = re.compile(rb"[\x00\r\n\t ]*")
#: ID3v2 (id3.org, "ID3 tag version 2.4.0", 3.1): version, flags, and the length in four bytes of seven bits.
_TAG = re.compile(rb"ID3[\x02-\x04]..([\x00-\x7f]{4})", re.DOTALL)
#: The first two bytes of a frame of MPEG audio, layer III (ISO/IEC 11172-3, 2.4.1.3): sync, version and layer.
_FRAME = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb]")
#: Kilobits in a second by number: of version 1, and of the later ones with lower sampling rates.
_KBITS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBITS_LOW = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_HERTZ = (44100, 48000, 32000)
#: So many frames in a row are no accident behind what is blank, and behind anything.
_FRAMES_BEHIND_BLANK, _FRAMES_ANYWHERE = 3, 8


@dataclass(frozen=True, kw_only=True)
class FoundMusic:
    """A format, which is also ffmpeg's name for it, and how many bytes come before the music."""

    format: MusicFormat
    begins_at: int


def music_options(head: bytes) -> list[str] | None:
    """Return ffmpeg's options for an input that begins with `head`; None when it is no music."""
    music = find_music(head) or find_stray_frames(head)
    if music is None:
        return None
    before = ["-skip_initial_bytes", str(music.begins_at)] if music.begins_at else []
    return [*before, "-f", music.format]


def find_music(head: bytes) -> FoundMusic | None:
    """
    Return the music of a file that begins with `head`, or None.

    Before it may come what is blank, and tags of mp3 whatever the format. Up to HEAD_BYTES are looked at.
    """
    begin = _after_blank(head, 0)
    at, has_tag = begin, False
    while (tag := _TAG.match(head, at)) is not None:
        has_tag = True
        at = _after_blank(head, tag.end() + _seven_bits(tag[1]))
    for pattern, format_ in _HEADS:
        # Words of a text may begin like music.
        if pattern.match(head, at) and (at == 0 or b"\x00" in head[at : at + 16]):
            return FoundMusic(format=format_, begins_at=at)
    if has_tag or head.startswith(b"ID3") or _is_chain(head, begin, _FRAMES_BEHIND_BLANK if begin else 1):
        return FoundMusic(format="mp3", begins_at=begin)
    return None


def find_stray_frames(head: bytes) -> FoundMusic | None:
    """Return an mp3 whose frames begin anywhere in `head`, behind whatever; None when no frames follow one another."""
    for found in _FRAME.finditer(head[:HEAD_BYTES]):
        if _is_chain(head, found.start(), _FRAMES_ANYWHERE):
            return FoundMusic(format="mp3", begins_at=found.start())
    return None


def _after_blank(head: bytes, at: int) -> int:
    """Return where bytes that mean nothing end; they begin at `at`."""
    blank = _BLANK.match(head, at)
    return blank.end() if blank else at


def _seven_bits(digits: bytes) -> int:
    number = 0
    for digit in digits:
        number = number << 7 | digit
    return number


def _is_chain(head: bytes, at: int, frames: int) -> bool:
    for _ in range(frames):
        length = _frame_bytes(head, at)
        if not length:
            return False
        at += length
    return True


def _frame_bytes(head: bytes, at: int) -> int:
    """Return the length of the frame of layer III that begins there; 0 without one (ISO/IEC 11172-3, 2.4.2.3)."""
    if at + 4 > len(head) or not _FRAME.match(head, at):
        return 0
    version, rate, hertz = head[at + 1] >> 3 & 3, head[at + 2] >> 4, head[at + 2] >> 2 & 3
    if rate in {0, 15} or hertz == 3:
        return 0
    padding = head[at + 2] >> 1 & 1
    if version == 3:
        return 144_000 * _KBITS[rate] // _HERTZ[hertz] + padding
    return 72_000 * _KBITS_LOW[rate] // (_HERTZ[hertz] // (2 if version == 2 else 4)) + padding
