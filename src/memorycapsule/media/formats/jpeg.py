"""JPEG (ITU-T T.81): its segments, where the picture ends, and how much of a damaged one is there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memorycapsule.errors import MediaRefused, Refusal
from memorycapsule.media.formats.damage import GREY, check_good_part, ends_in_hole
from memorycapsule.media.sniff import Window

#: More segments than any program writes before the picture's data.
_MOST_SEGMENTS = 20_000
#: Progressive files of cameras and web sites have about ten scans. Each costs a pass over the whole picture.
_MOST_SCANS = 64
_SURPLUS = re.compile(rb"(\d+) extraneous bytes before marker")
#: Part of the picture data that may be left over when the picture is complete.
_MOST_SURPLUS = 0.01
#: What stands between the picture's data: a marker that is neither a stuffed byte, a restart nor a filler (ITU-T
#: T.81, B.1.1.2 and B.1.1.5).
_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])", re.DOTALL)
_SCAN = b"\xda"
END = b"\xff\xd9"
#: The last of the 64 frequencies of a block.
_HIGHEST = 63


@dataclass(frozen=True, kw_only=True)
class Scans:
    """The scans of a file: its picture data."""

    #: Where the picture ends. What phones write behind it (a clip, a second picture) is ignored.
    end: int
    #: The closing marker is there.
    is_closed: bool
    #: Every frequency of the brightness was sent whole at least once, or the picture is sent in rows.
    has_all_frequencies: bool
    #: It is made of four inks, as print shops have it.
    is_four_inks: bool


def segments(window: Window) -> Iterator[tuple[int, int, int]]:
    """Yield marker, offset and length of the body of each segment before the picture's data (ITU-T T.81, B.1.1.4)."""
    offset = 2
    for _ in range(_MOST_SEGMENTS):
        head = window.read(offset, 4)
        if len(head) < 4 or head[0] != 0xFF or head[1] in {0xD9, 0xDA}:
            return
        if head[1] == 0xFF:
            offset += 1
        elif head[1] == 0x01 or 0xD0 <= head[1] <= 0xD8:
            offset += 2
        else:
            length = int.from_bytes(head[2:], "big")
            yield head[1], offset + 4, max(0, length - 2)
            offset += 2 + length


def walk_scans(data: Any, scans_at: int) -> Scans:
    """
    Walk the scans from `scans_at`, the offset behind the frame header.

    Raises MediaRefused for a picture that is made of far too many scans.
    """
    headers: list[bytes] = []
    at = scans_at
    while (found := _MARKER.search(data, at)) is not None:
        at = found.end()
        marker = found[1]
        if marker == END[1:]:
            return Scans(end=at, is_closed=True, has_all_frequencies=True, is_four_inks=_count(headers) == 4)
        if marker == _SCAN:
            headers.append(bytes(data[at : at + 16]))
        if len(headers) > _MOST_SCANS:
            raise MediaRefused(Refusal.TOO_MANY_SCANS)
        # Tables may hold what looks like a marker.
        at += int.from_bytes(data[at : at + 2], "big")
    end = len(data[:].rstrip(b"\0")) if ends_in_hole(data) else len(data)
    return Scans(
        end=end,
        is_closed=False,
        has_all_frequencies=_have_all_frequencies(headers),
        is_four_inks=_count(headers) == 4,
    )


def _count(headers: list[bytes]) -> int:
    """Return how many components the first scan has."""
    return headers[0][2] if headers and len(headers[0]) > 2 else 0


def _have_all_frequencies(headers: list[bytes]) -> bool:
    """Return whether all frequencies of the first component came before the last scan, which is cut."""
    spectra = [_spectrum(header, headers[0][3:4]) for header in headers]
    if not spectra or spectra[0].stop > _HIGHEST:
        # The picture is sent in rows, each of them whole.
        return True
    return len({place for spectrum in spectra[:-1] for place in spectrum}) > _HIGHEST


def _spectrum(header: bytes, component: bytes) -> range:
    """Return the frequencies that a scan has of a component; none when it is a scan of others."""
    count = header[2] if len(header) > 2 else 0
    if len(header) < 5 + 2 * count or component[0] not in header[3 : 3 + 2 * count : 2]:
        return range(0)
    return range(header[3 + 2 * count], header[4 + 2 * count] + 1)


def is_incomplete(pixels: NDArray[Any], warnings: bytes, scans: Scans, scans_at: int) -> bool:
    """
    Return whether a part of the decoded picture is missing.

    libjpeg continues after any damage, with grey or with garbage, and warns in one line. A few surplus bytes are
    harmless: whole series of phones write them. Raises MediaRefused when too much is grey, and when there is garbage.
    """
    if not scans.has_all_frequencies:
        raise MediaRefused(Refusal.PICTURE_INCOMPLETE)
    surplus = _SURPLUS.search(warnings)
    if surplus is not None and int(surplus[1]) > _MOST_SURPLUS * (scans.end - scans_at):
        raise MediaRefused(Refusal.PICTURE_SCRAMBLED)
    if b"bad Huffman code" in warnings:
        raise MediaRefused(Refusal.PICTURE_INCOMPLETE)
    is_damaged = b"Corrupt JPEG data" in warnings and surplus is None
    if not is_damaged:
        return False
    # Of four inks grey comes out darker.
    filler = pixels[-1, -1] if scans.is_four_inks else np.array([GREY] * 3, pixels.dtype)
    missing = float((pixels == filler).all(axis=2).mean())
    check_good_part(1 - missing)
    return True
