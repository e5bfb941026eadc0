"""
Boxes of the ISO base media file format (ISO/IEC 14496-12), which HEIC, AVIF, MP4 and MOV share.

Reads are bounded: the length that a box states is believed only within its parent.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from memorycapsule.errors import MediaRefused, Refusal
from memorycapsule.media.sniff import Window

#: No honest file has more boxes than this in one place.
MOST_BOXES = 20_000
#: The largest `meta` or `moov` box that is read into memory. An hour of video needs about 2 MB.
MOST_HEADER_BYTES = 32 << 20


@dataclass(frozen=True)
class Box:
    """A box: its four-letter kind, and its body without the header."""

    kind: bytes
    body: bytes


def find_top_level(window: Window, kind: bytes, *, beginning: bytes = b"") -> bytes | None:
    """
    Return the body of the first top-level box of that kind whose body begins so, or None.

    Raises MediaRefused for damage.
    """
    offset = 0
    for _ in range(MOST_BOXES):
        head = window.read(offset, 16)
        if len(head) < 8:
            return None
        length, header = int.from_bytes(head[:4], "big"), 8
        if length == 1:
            length, header = int.from_bytes(head[8:16], "big"), 16
        elif length == 0:
            length = window.size - offset
        if length < header:
            raise MediaRefused(Refusal.INDEX_UNREADABLE)
        if head[4:8] == kind and window.read(offset + header, len(beginning)) == beginning:
            if length > MOST_HEADER_BYTES or offset + length > window.size:
                raise MediaRefused(Refusal.INDEX_UNREADABLE)
            return window.read(offset + header, length - header)
        offset += length
    raise MediaRefused(Refusal.INDEX_UNREADABLE)


def is_cut_off(window: Window) -> bool:
    """Return whether the file ends within a top-level box, as one does that was not copied wholly."""
    offset = 0
    for _ in range(MOST_BOXES):
        head = window.read(offset, 16)
        if len(head) < 8:
            return False
        length = int.from_bytes(head[8:16] if head[:4] == b"\0\0\0\1" else head[:4], "big")
        if length < 8:
            return False  # the last box, which goes on to the end
        offset += length
        if offset > window.size:
            return True
    return False


def children(body: bytes, *, skip: int = 0) -> Iterator[Box]:
    """Yield the boxes inside `body`, after `skip` bytes. Ends at the first one that does not fit."""
    offset = skip
    for _ in range(MOST_BOXES):
        if offset + 8 > len(body):
            return
        length, header = int.from_bytes(body[offset : offset + 4], "big"), 8
        if length == 1:
            length, header = int.from_bytes(body[offset + 8 : offset + 16], "big"), 16
        elif length == 0:
            length = len(body) - offset
        if length < header or offset + length > len(body):
            return
        yield Box(body[offset + 4 : offset + 8], body[offset + header : offset + length])
        offset += length


def first(body: bytes, *path: bytes) -> bytes | None:
    """Return the body of the box at `path` below `body`, the first of each kind, or None."""
    for kind in path:
        found = next((box.body for box in children(body) if box.kind == kind), None)
        if found is None:
            return None
        body = found
    return body
