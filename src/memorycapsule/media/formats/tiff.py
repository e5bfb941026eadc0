"""
TIFF (TIFF 6.0, and BigTIFF): which of its pages is the picture, and how a decoder is led to it.

A file may hold several pages, and pages below pages. The picture is the first one that is about as large as the
largest; small copies of it are marked as reduced, or are much smaller. OpenCV decodes the first page only, so a page is
made the first one. It is given another directory where the decoder would misread the page's own.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from memorycapsule.errors import MediaRefused, Refusal
from memorycapsule.media.sniff import Window

#: Tags.
_NEW_SUBFILE_TYPE, _SUBFILE_TYPE = 254, 255
_WIDTH, _LENGTH, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIP_OFFSETS, _ORIENTATION, _SAMPLES, _ROWS_PER_STRIP, _STRIP_COUNTS = 273, 274, 277, 278, 279
_PLANAR, _COLOUR_MAP = 284, 320
_TILE_WIDTH, _TILE_LENGTH, _TILE_OFFSETS, _TILE_COUNTS = 322, 323, 324, 325
_SUB_DIRECTORIES, _SAMPLE_FORMAT = 330, 339
_COLOUR_PROFILE, _DNG_VERSION = 34675, 50706

#: Photometric interpretations.
WHITE_IS_ZERO, _BLACK_IS_ZERO, _PALETTE = 0, 1, 3
_RAW_PHOTOMETRICS = {32803, 34892}
FLOATING = 3
_UNCOMPRESSED = 1

#: Bytes and struct codes of the types of values that are used.
_TYPES = {1: (1, "B"), 3: (2, "H"), 4: (4, "I"), 13: (4, "I"), 16: (8, "Q"), 18: (8, "Q")}
_MOST_PAGES, _MOST_ENTRIES, _MOST_VALUES = 512, 4096, 1 << 20
#: A page with so much of the largest page's area counts as large as it: scanned pages differ a little.
_ABOUT_AS_LARGE = 0.9


@dataclass(frozen=True, kw_only=True)
class Page:
    """One directory of a file."""

    window: Window
    #: "<" or ">".
    order: str
    is_big: bool
    #: Where it begins in the file.
    offset: int
    #: By tag: type, count and the field that holds the values or their offset.
    entries: Mapping[int, tuple[int, int, bytes]]

    def values(self, tag: int) -> tuple[int, ...]:
        """Return the values of a tag of whole numbers; none when it is absent or cut off."""
        kind, count, field = self.entries.get(tag, (0, 0, b""))
        if kind not in _TYPES or not 0 < count <= _MOST_VALUES:
            return ()
        size, code = _TYPES[kind]
        stored = field if size * count <= len(field) else self.window.read(self._pointer(field), size * count)
        return struct.unpack_from(f"{self.order}{count}{code}", stored) if len(stored) >= size * count else ()

    def value(self, tag: int, otherwise: int = 0) -> int:
        """Return the first value of a tag."""
        return next(iter(self.values(tag)), otherwise)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, as stored; 0 where they are absent."""
        return self.value(_WIDTH), self.value(_LENGTH)

    @property
    def photometric(self) -> int:
        return self.value(_PHOTOMETRIC, _BLACK_IS_ZERO)

    @property
    def bits(self) -> int:
        """Bits of one sample."""
        return self.value(_BITS, 1)

    @property
    def sample_format(self) -> int:
        return self.value(_SAMPLE_FORMAT, 1)

    @property
    def orientation(self) -> int:
        """1..8 (tag 274); 1 when absent or unknown."""
        value = self.value(_ORIENTATION, 1)
        return value if 1 <= value <= 8 else 1

    @property
    def profile(self) -> bytes | None:
        """The ICC profile."""
        return self.block(_COLOUR_PROFILE, least_bytes=129)

    def block(self, tag: int, *, least_bytes: int = 9) -> bytes | None:
        """Return the bytes of a tag that holds a block of metadata; None when it is absent, or its size cannot be."""
        kind, count, field = self.entries.get(tag, (0, 0, b""))
        length = count * _TYPES.get(kind, (1, ""))[0]
        return self.window.read(self._pointer(field), length) if least_bytes <= length < 8 << 20 else None

    @property
    def is_reduced(self) -> bool:
        """Whether it is marked as a small copy, or as a mask."""
        return bool(self.value(_NEW_SUBFILE_TYPE) & 5) or self.value(_SUBFILE_TYPE) == 2

    @property
    def is_raw(self) -> bool:
        """Whether it holds what a sensor saw."""
        return _DNG_VERSION in self.entries or self.photometric in _RAW_PHOTOMETRICS

    @property
    def is_first(self) -> bool:
        """Whether a decoder takes it by itself."""
        return self.offset == _first_offset(self.window)[0]

    def complete_rows(self) -> int:
        """Return how many rows from the top the file has all bytes of."""
        width, height = self.size
        is_tiled = _TILE_OFFSETS in self.entries
        offsets, counts = (
            (self.values(_TILE_OFFSETS), self.values(_TILE_COUNTS))
            if is_tiled
            else (self.values(_STRIP_OFFSETS), self.values(_STRIP_COUNTS))
        )
        rows = self.value(_TILE_LENGTH, 1) if is_tiled else min(self.value(_ROWS_PER_STRIP, height), height)
        if not (width and height and rows and offsets and len(offsets) == len(counts)):
            return 0
        across = -(-width // max(1, self.value(_TILE_WIDTH, width))) if is_tiled else 1
        planes = self.value(_SAMPLES, 1) if self.value(_PLANAR, 1) == 2 else 1
        in_plane = len(offsets) // planes
        complete = height
        for plane in range(planes):
            pieces = range(plane * in_plane, (plane + 1) * in_plane)
            cut = next((place for place in pieces if offsets[place] + counts[place] > self.window.size), None)
            if cut is None:
                continue
            whole = (cut - pieces.start) // across * rows
            if self.value(_COMPRESSION, 1) == _UNCOMPRESSED and not is_tiled:
                row_bytes = max(1, counts[cut] // min(rows, height - whole))
                whole += max(0, self.window.size - offsets[cut]) // row_bytes
            complete = min(complete, whole)
        return complete

    def as_first(self, changes: Mapping[int, tuple[int, ...]], *, filling: int = 0) -> bytes:
        """
        Return the whole file with this page as its only one; `changes` are new values of tags, in words of 16 bits or,
        where one is larger, of 32.

        `filling` is how many zeros to put where the file was cut off.
        """
        body = self.window.read(0, self.window.size) + bytes(filling)
        body += bytes(-len(body) % 8)
        word, width = ("Q", 8) if self.is_big else ("I", 4)
        entries = dict(self.entries)
        beyond = b""
        entry_bytes = 4 + 2 * width
        head = struct.pack(self.order + ("Q" if self.is_big else "H"), len(entries.keys() | changes.keys()))
        data_at = len(body) + len(head) + entry_bytes * len(entries.keys() | changes.keys()) + width
        for tag, values in changes.items():
            kind, code = (3, "H") if max(values) < 1 << 16 else (4, "I")
            field = struct.pack(f"{self.order}{len(values)}{code}", *values)
            if len(field) > width:
                beyond, field = beyond + field, struct.pack(self.order + word, data_at + len(beyond))
            entries[tag] = kind, len(values), field.ljust(width, b"\0")
        directory = head + b"".join(
            struct.pack(f"{self.order}HH{word}", tag, kind, count) + field
            for tag, (kind, count, field) in sorted(entries.items())
        )
        start, at = struct.pack(self.order + word, len(body)), 8 if self.is_big else 4
        return body[:at] + start + body[at + width :] + directory + bytes(width) + beyond

    def _pointer(self, field: bytes) -> int:
        return int.from_bytes(field, "little" if self.order == "<" else "big")


def picture_page(window: Window) -> Page:
    """Return the page that is the picture. Raises MediaRefused for a raw file, and where no directory can be read."""
    pages = list(_pages(window))
    if any(page.is_raw for page in pages):
        raise MediaRefused(Refusal.RAW)
    candidates = [page for page in pages if not page.is_reduced]
    if not candidates:
        if _SUB_DIRECTORIES in pages[0].entries:
            # A camera's own copy of a picture that stands below it in a form of its own.
            raise MediaRefused(Refusal.RAW)
        candidates = pages
    largest = max(_area(page) for page in candidates)
    return next(page for page in candidates if _area(page) >= _ABOUT_AS_LARGE * largest)


def decodable(page: Page) -> Any:
    """Return the file as OpenCV reads this page of it; None when it does so without help."""
    changes: dict[int, tuple[int, ...]] = {}
    samples = page.value(_SAMPLES, 1)
    if page.sample_format == FLOATING and page.bits == 16:
        # Half floats are read as whole numbers, and become floats by another look at the same bits.
        changes[_SAMPLE_FORMAT] = (1,) * samples
    if samples == 1 and page.bits == 4 and page.photometric in {WHITE_IS_ZERO, _BLACK_IS_ZERO}:
        # OpenCV knows four bits as a palette only.
        ramp = tuple(65535 * step // 15 for step in range(16))
        changes[_PHOTOMETRIC] = (_PALETTE,)
        changes[_COLOUR_MAP] = (ramp if page.photometric == _BLACK_IS_ZERO else ramp[::-1]) * 3
    return page.as_first(changes) if changes or not page.is_first else None


def cut_to(page: Page, rows: int) -> bytes:
    """Return the file as one whose picture ends after so many rows, and is upright as stored."""
    height = page.size[1]
    offsets = page.values(_STRIP_OFFSETS) or page.values(_TILE_OFFSETS)
    counts = page.values(_STRIP_COUNTS) or page.values(_TILE_COUNTS)
    end = max((offset + count for offset, count in zip(offsets, counts, strict=False)), default=0)
    # An uncompressed strip is read as a whole, to its last byte.
    filling = max(0, end - page.window.size) if page.value(_COMPRESSION, 1) == _UNCOMPRESSED else 0
    return page.as_first(
        {_LENGTH: (min(rows, height),), _ORIENTATION: (1,)}, filling=min(filling, page.window.size)
    )


def _area(page: Page) -> int:
    width, height = page.size
    return width * height


def _first_offset(window: Window) -> tuple[int, str, bool]:
    """Return where the first directory begins, the order of bytes, and whether it is a BigTIFF."""
    order = "<" if window.read(0, 2) == b"II" else ">"
    is_big = window.read(2, 2) in {b"+\x00", b"\x00+"}
    word, at = ("Q", 8) if is_big else ("I", 4)
    (start,) = struct.unpack(order + word, window.read(at, struct.calcsize(word)))
    return start, order, is_big


def _pages(window: Window) -> Iterator[Page]:
    """Yield all pages of the file, each followed by those below it."""
    start, order, is_big = _first_offset(window)
    seen: set[int] = set()
    waiting = [start]
    while waiting and len(seen) < _MOST_PAGES:
        offset = waiting.pop(0)
        if not offset or offset in seen:
            continue
        seen.add(offset)
        read = _read_page(window, offset, order, is_big=is_big)
        if read is None:
            if offset == start:
                raise MediaRefused(Refusal.HEADER_CUT)
            continue
        page, following = read
        yield page
        waiting = [*page.values(_SUB_DIRECTORIES), *waiting, following]


def _read_page(window: Window, offset: int, order: str, *, is_big: bool) -> tuple[Page, int] | None:
    """Return the directory at `offset`, and the offset of the next one; None when it is cut off."""
    word, width = ("Q", 8) if is_big else ("I", 4)
    count_code = "Q" if is_big else "H"
    head = struct.calcsize(count_code)
    stored = window.read(offset, head)
    if len(stored) < head:
        return None
    (count,) = struct.unpack(order + count_code, stored)
    entry_bytes = 4 + 2 * width
    body = window.read(offset + head, min(count, _MOST_ENTRIES) * entry_bytes + width)
    if count > _MOST_ENTRIES or len(body) < count * entry_bytes:
        return None
    entries = {}
    for place in range(0, count * entry_bytes, entry_bytes):
        tag, kind, values = struct.unpack_from(f"{order}HH{word}", body, place)
        entries[tag] = kind, values, body[place + 4 + width : place + entry_bytes]
    following = body[count * entry_bytes :]
    (after,) = struct.unpack(order + word, following) if len(following) == width else (0,)
    return Page(window=window, order=order, is_big=is_big, offset=offset, entries=entries), after
