"""
Metadata of an MP4 or MOV, read from its `moov` box in plain Python.

ffmpeg's report lacks the turn of the picture and the offset of the date, and a hostile header is best refused before
any decoder runs. Boxes: ISO/IEC 14496-12, Apple's QuickTime File Format, 3GPP TS 26.244.
"""

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from memorycapsule.domain.capture_times import CaptureTime, TakenForm
from memorycapsule.errors import MediaRefused, Refusal
from memorycapsule.media import boxes
from memorycapsule.media.metadata.date_sources import preferred_date
from memorycapsule.media.metadata.date_texts import read_date_text
from memorycapsule.media.metadata.exif import camera_mark, is_position
from memorycapsule.media.metadata.xmp import read_xmp_dates
from memorycapsule.media.sniff import Window

#: Largest side of a clip in pixels: "8K" cameras and below.
MOST_CLIP_SIDE = 8192

#: No phone made a movie before.
_FIRST_PHONE_YEAR = 2000
#: Coded content that needs a key: of a shop (FairPlay), of common encryption (ISO/IEC 23001-7), of Audible.
_PROTECTED = {b"drms", b"drmi", b"enca", b"encv", b"aavd"}
#: The box of an XMP packet in MP4 (ISO 16684-3).
_XMP = UUID("be7acfcb-97a9-42e8-9c71-999491e3afac").bytes
#: ISO 6709 in decimal degrees: +37.5665+126.9780/
_POSITION = re.compile(r"([+-]\d{1,2}(?:\.\d+)?)([+-]\d{1,3}(?:\.\d+)?)", re.ASCII)


#: Signs of a, b, c and d of a track's matrix, which maps right to (a, b) and down to (c, d), counted downwards.
Turn = tuple[int, int, int, int]
UPRIGHT: Turn = (1, 0, 0, 1)


@dataclass(frozen=True, kw_only=True)
class Recording:
    """Metadata of a movie, or of sound alone in the same container."""

    #: Length, with sound that continues after the picture; 0 when the header does not state it.
    whole_seconds: float
    has_sound: bool
    taken: CaptureTime | None
    has_gps: bool
    #: As `exif.camera_mark`, so that a phone's photos and clips have the same.
    camera: str = ""


@dataclass(frozen=True, kw_only=True)
class Movie(Recording):
    """Metadata of a movie."""

    #: Size in pixels as a person sees it: with the track's turn.
    width: int
    height: int
    #: Length of the picture, not of the sound; 0 when the header does not state it, as in a fragmented movie.
    duration_seconds: float
    #: How the stored picture is turned to stand upright.
    turn: Turn = UPRIGHT


def read_movie(window: Window) -> Movie:
    """Read the index. Raises MediaRefused when there is none, it is damaged, or it holds no picture."""
    found = read_recording(window)
    if not isinstance(found, Movie):
        raise MediaRefused(Refusal.NO_PICTURE)
    return found


def read_recording(window: Window) -> Recording:
    """
    Read the index of a movie, or of sound alone.

    Raises MediaRefused when there is none, it is damaged, or it holds neither picture nor sound.
    """
    moov = boxes.find_top_level(window, b"moov")
    if moov is None:
        raise MediaRefused(Refusal.INDEX_MISSING)
    try:
        return _read(moov, _xmp_packet(window, moov))
    except struct.error as error:
        raise MediaRefused(Refusal.INDEX_UNREADABLE) from error


def _xmp_packet(window: Window, moov: bytes) -> bytes | None:
    """Return what editors wrote about a movie, which MOV and MP4 keep in different places."""
    packet = boxes.first(moov, b"udta", b"XMP_")
    try:
        return packet or boxes.find_top_level(window, b"uuid", beginning=_XMP)
    except MediaRefused:
        return None  # of a movie that ends too early, the index is enough


def _read(moov: bytes, xmp: bytes | None) -> Recording:
    tracks = [box.body for box in boxes.children(moov) if box.kind == b"trak"]
    pictures = [track for track in tracks if _handler(track) == b"vide"]
    # A clip whose sound alone is protected is shown without it.
    if _is_protected(pictures[:1] or tracks):
        raise MediaRefused(Refusal.COPY_PROTECTED)
    if not pictures:
        return _read_sound(moov, tracks, xmp)
    width, height, turn = _size_as_shown(pictures[0])
    check_size(width, height)
    recording = _recording(moov, tracks, xmp)
    scale = _movie_header(moov)[1]
    # The header of a fragmented movie counts no fragment, or the first one alone.
    length = 0.0 if _is_in_fragments(moov) else _length(pictures[0]) / scale or recording.whole_seconds
    return Movie(width=width, height=height, turn=turn, duration_seconds=length, **vars(recording))


def check_size(width: int, height: int) -> None:
    """Raise MediaRefused for a picture without size, or with a side above MOST_CLIP_SIDE."""
    if not (0 < width <= MOST_CLIP_SIDE and 0 < height <= MOST_CLIP_SIDE):
        raise MediaRefused(Refusal.CLIP_TOO_WIDE, width=width, height=height, side=MOST_CLIP_SIDE)


def _read_sound(moov: bytes, tracks: list[bytes], xmp: bytes | None) -> Recording:
    recording = _recording(moov, tracks, xmp)
    if not recording.has_sound:
        raise MediaRefused(Refusal.NO_PICTURE_NO_SOUND)
    return recording


def _recording(moov: bytes, tracks: list[bytes], xmp: bytes | None) -> Recording:
    created, scale, whole = _movie_header(moov)
    facts = _named_facts(moov) | _named_facts(boxes.first(moov, b"udta") or b"")
    places = [facts.get("com.apple.quicktime.location.ISO6709"), *_udta_texts(moov, b"\xa9xyz")]
    return Recording(
        whole_seconds=0.0 if _is_in_fragments(moov) else whole / scale,
        has_sound=any(_handler(track) == b"soun" for track in tracks),
        taken=_taken(
            [
                facts.get("com.apple.quicktime.creationdate"),
                *_udta_texts(moov, b"\xa9day"),
                _itunes_day(moov),
            ],
            preferred_date(read_xmp_dates(xmp)),
            created,
        ),
        camera=camera_mark(facts.get("com.apple.quicktime.make"), facts.get("com.apple.quicktime.model")),
        has_gps=any(_is_place(place) for place in places) or _has_loci(moov),
    )


def _is_in_fragments(moov: bytes) -> bool:
    return boxes.first(moov, b"mvex") is not None


def _handler(track: bytes) -> bytes:
    return (boxes.first(track, b"mdia", b"hdlr") or b"")[8:12]


def _is_protected(tracks: list[bytes]) -> bool:
    """Return whether tracks are coded so that only who has a key can play them."""
    descriptions = (boxes.first(track, b"mdia", b"minf", b"stbl", b"stsd") or b"" for track in tracks)
    return any(entry.kind in _PROTECTED for one in descriptions for entry in boxes.children(one, skip=8))


def _size_as_shown(track: bytes) -> tuple[int, int, Turn]:
    """Read size and 3x3 matrix of the track header, and the turn; a quarter turn swaps the sides."""
    header = boxes.first(track, b"tkhd") or b""
    start = 48 if header[:1] == b"\x01" else 36
    a, b, _, c, d = struct.unpack_from(">5i", header, start + 4)
    width, height = (side >> 16 for side in struct.unpack_from(">II", header, start + 40))
    is_quarter_turn = a == 0 and d == 0 and b != 0 and c != 0
    turn = (_sign(a), _sign(b), _sign(c), _sign(d))
    return (height, width, turn) if is_quarter_turn else (width, height, turn)


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


def _length(track: bytes) -> int:
    """Return the length of a track in units of the movie header, 0 when its header does not state it."""
    header = boxes.first(track, b"tkhd") or b""
    start, size = (28, 8) if header[:1] == b"\x01" else (20, 4)
    length = int.from_bytes(header[start : start + size], "big")
    return 0 if length == 256**size - 1 else length


def _movie_header(moov: bytes) -> tuple[datetime | None, int, int]:
    """Return when the movie was made (naive UTC), its units in a second, and its length in them."""
    header = boxes.first(moov, b"mvhd") or b""
    if header[:1] == b"\x01":
        created, _, scale, duration = struct.unpack_from(">QQIQ", header, 4)
    else:
        created, _, scale, duration = struct.unpack_from(">IIII", header, 4)
    if not scale:
        raise MediaRefused(Refusal.INDEX_UNREADABLE)
    return _since_1904(created), scale, duration


def _since_1904(seconds: int) -> datetime | None:
    """
    Return seconds since 1904 as naive UTC; None for the 0, or the 1970, of cameras without a clock.

    Some phones count from 1970. Nobody made such a movie before, so a year before 1970 tells them.
    """
    try:
        instant = datetime(1904, 1, 1) + timedelta(seconds=seconds)  # noqa: DTZ001 - naive UTC
    except OverflowError:
        return None
    if instant.year < 1970:
        instant = datetime(1970, 1, 1) + timedelta(seconds=seconds)  # noqa: DTZ001 - naive UTC
        return instant if instant.year >= _FIRST_PHONE_YEAR else None
    return instant if 1970 < instant.year < 2200 else None


def _named_facts(parent: bytes) -> dict[str, str]:
    """Return the metadata of a QuickTime `meta` box by name: `keys` holds the names, `ilst` the values by number."""
    meta = boxes.first(parent, b"meta") or b""
    if boxes.first(meta, b"keys") is None:
        # In MP4 the same box is a full box: four bytes of version and flags come first.
        meta = meta[4:]
    keys, values = boxes.first(meta, b"keys"), boxes.first(meta, b"ilst")
    if keys is None or values is None:
        return {}
    names = [box.body.decode("utf-8", "replace") for box in boxes.children(keys, skip=8)]
    facts: dict[str, str] = {}
    for box in boxes.children(values):
        number = int.from_bytes(box.kind, "big")
        data = boxes.first(box.body, b"data")
        if data is not None and 1 <= number <= len(names):
            # Four bytes of type and four of locale come first.
            facts[names[number - 1]] = data[8:].decode("utf-8", "replace")
    return facts


def _taken(
    texts: Iterable[str | None], edited: CaptureTime | None, created: datetime | None
) -> CaptureTime | None:
    """
    Return the first date that has a time, or else the instant of the header, which says nothing of the place.

    `edited` is what an editor's packet says. A day alone is better than none.
    """
    said = [taken for text in texts if (taken := read_date_text(text))]
    if edited:
        said.append(edited)
    made = CaptureTime.of_instant(created) if created else next(iter(said), None)
    return next((taken for taken in said if taken.form is not TakenForm.DAY), made)


def _itunes_day(moov: bytes) -> str | None:
    """Return the date that editors write as a song's: `©day` of the list in the `meta` box of MP4, a full box."""
    meta = boxes.first(moov, b"udta", b"meta") or b""
    data = boxes.first(meta[4:], b"ilst", b"\xa9day", b"data")
    return data[8:].decode("utf-8", "replace") if data else None


def _udta_texts(moov: bytes, kind: bytes) -> list[str]:
    """Return the texts of all boxes of a kind, such as `©xyz`: two bytes of length and two of language come first."""
    return [
        box.body[4:].decode("ascii", "replace")
        for box in boxes.children(boxes.first(moov, b"udta") or b"")
        if box.kind == kind
    ]


def _is_place(text: str | None) -> bool:
    match = _POSITION.match((text or "").strip("\x00 "))
    return match is not None and is_position(float(match[1]), float(match[2]))


def _has_loci(moov: bytes) -> bool:
    """Read 3GP's `loci`: version, language, a text that ends in NUL, a role, then longitude and latitude."""
    body = boxes.first(moov, b"udta", b"loci")
    if body is None:
        return False
    end = body.find(b"\x00", 6)
    if end < 0 or len(body) < end + 10:
        return False
    longitude, latitude = struct.unpack_from(">ii", body, end + 2)
    return is_position(latitude / 65536, longitude / 65536)
