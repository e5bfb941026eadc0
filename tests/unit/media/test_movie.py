"""What a clip says about itself is read from its boxes."""

import struct
from datetime import date, datetime

import pytest

from memorycapsule.domain.capture_times import CaptureTime
from memorycapsule.errors import Refusal
from memorycapsule.media.movie import read_movie
from memorycapsule.media.sniff import Window
from support.refusals import file_refused

UPRIGHT = (1 << 16, 0, 0, 1 << 16)
QUARTER_TURN = (0, 1 << 16, -(1 << 16), 0)


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def track(handler: bytes, width=0, height=0, matrix=UPRIGHT, codec=b"avc1") -> bytes:
    a, b, c, d = matrix
    header = bytes(40) + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    header += struct.pack(">II", width << 16, height << 16)
    described = box(b"minf", box(b"stbl", box(b"stsd", bytes(8), box(codec, bytes(78)))))
    return box(
        b"trak", box(b"tkhd", header), box(b"mdia", box(b"hdlr", bytes(8), handler, bytes(12)), described)
    )


def movie(*parts: bytes, created=0, seconds=2.5) -> bytes:
    header = struct.pack(">IIIII", 0, created, 0, 1000, round(seconds * 1000)) + bytes(80)
    return box(b"ftyp", b"qt  ", bytes(4)) + box(b"moov", box(b"mvhd", header), *parts)


def apple(**facts: str) -> bytes:
    names = [f"com.apple.quicktime.{name}".encode() for name in facts]
    keys = box(b"keys", bytes(4), struct.pack(">I", len(names)), *(box(b"mdta", name) for name in names))
    values = [
        box(struct.pack(">I", number), box(b"data", bytes(8), text.encode()))
        for number, text in enumerate(facts.values(), start=1)
    ]
    return box(b"meta", keys, box(b"ilst", *values))


def xmp(date_text: str) -> bytes:
    return f"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
        <rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:CreateDate="{date_text}"/>
        </rdf:RDF></x:xmpmeta>""".encode()


def itunes(day: bytes) -> bytes:
    values = box(b"ilst", box(b"\xa9day", box(b"data", bytes(8), day)))
    return box(b"udta", box(b"meta", bytes(4), box(b"hdlr", bytes(24)), values))


@pytest.fixture
def read(tmp_path):
    def read(content: bytes):
        path = tmp_path / "clip"
        path.write_bytes(content)
        with path.open("rb") as file:
            return read_movie(Window.of(file))

    return read


def test_a_quarter_turn_swaps_the_sides(read):
    assert (read(movie(track(b"vide", 568, 320))).width, read(movie(track(b"vide", 568, 320))).height) == (
        568,
        320,
    )
    turned = read(movie(track(b"vide", 568, 320, QUARTER_TURN)))

    assert (turned.width, turned.height) == (320, 568)


def test_length_and_sound_are_told(read):
    silent, loud = read(movie(track(b"vide", 64, 36))), read(movie(track(b"soun"), track(b"vide", 64, 36)))

    assert silent.duration_seconds == 2.5
    assert not silent.has_sound
    assert loud.has_sound


def test_apples_date_with_its_offset_goes_before_the_header(read):
    found = read(
        movie(track(b"vide", 64, 36), apple(creationdate="2019-07-24T11:25:40+0300"), created=3646801557)
    )

    assert found.taken == CaptureTime(local=datetime(2019, 7, 24, 11, 25, 40), offset_seconds=3 * 3600)


def test_the_header_tells_the_date_in_utc_and_zero_is_no_date(read):
    dated, undated = (
        read(movie(track(b"vide", 64, 36), created=3646801557)),
        read(movie(track(b"vide", 64, 36))),
    )

    assert dated.taken == CaptureTime.of_instant(datetime(2019, 7, 24, 8, 25, 57))
    assert undated.taken is None


@pytest.mark.parametrize(
    ("parts", "created", "taken"),
    [
        ([apple(creationdate="2024-01-01T00:05:00Z")], 0, CaptureTime.of_instant(datetime(2024, 1, 1, 0, 5))),
        (
            [apple(creationdate="2024-01-01T00:05:00.123+09:00")],
            3646801557,
            CaptureTime(local=datetime(2024, 1, 1, 0, 5, 0, 123_000), offset_seconds=9 * 3600),
        ),
        (
            [box(b"udta", box(b"\xa9day", b"\0\x18\x15\xc7", b"2024-01-01T00:05:00+0900"))],
            3646801557,
            CaptureTime(local=datetime(2024, 1, 1, 0, 5), offset_seconds=9 * 3600),
        ),
        # A year, or a day, is less than the instant in the header.
        (
            [box(b"udta", box(b"\xa9day", b"\0\x04\x15\xc7", b"2024"))],
            3646801557,
            CaptureTime.of_instant(datetime(2019, 7, 24, 8, 25, 57)),
        ),
        (
            [box(b"udta", box(b"\xa9day", b"\0\x0a\x15\xc7", b"2024-01-01"))],
            3646801557,
            CaptureTime.of_instant(datetime(2019, 7, 24, 8, 25, 57)),
        ),
        (
            [apple(creationdate="0000:00:00")],
            3646801557,
            CaptureTime.of_instant(datetime(2019, 7, 24, 8, 25, 57)),
        ),
        # Editors write the date as a song's.
        (
            [itunes(b"2024-01-01T00:05:00+0900")],
            3646801557,
            CaptureTime(local=datetime(2024, 1, 1, 0, 5), offset_seconds=9 * 3600),
        ),
        ([itunes(b"2024-01-01")], 0, CaptureTime.of_day(date(2024, 1, 1))),
        ([itunes(b"2024-01-01")], 3646801557, CaptureTime.of_instant(datetime(2019, 7, 24, 8, 25, 57))),
        ([itunes(b"2024")], 0, None),
        # Seconds since 1970 instead of 1904, and the clock that was never set.
        ([], 1704035100, CaptureTime.of_instant(datetime(2023, 12, 31, 15, 5))),
        ([], 2082844800, None),
        ([], 86400, None),
    ],
)
def test_a_clip_says_when_it_was_made_in_one_of_several_places(read, parts, created, taken):
    assert read(movie(track(b"vide", 64, 36), *parts, created=created)).taken == taken


@pytest.mark.parametrize(
    ("part", "has_gps"),
    [
        (apple(**{"location.ISO6709": "+37.5665+126.9780/"}), True),
        (apple(**{"location.ISO6709": "nowhere"}), False),
        (box(b"udta", box(b"\xa9xyz", b"\0\x12\x15\xc7", b"+32.0929+034.8620/")), True),
        (box(b"udta", box(b"\xa9xyz", b"\0\x12\x15\xc7", b"+99.0000+034.8620/")), False),
        (
            box(b"udta", box(b"loci", bytes(6), b"home\0\0", struct.pack(">iii", 127 << 16, 37 << 16, 0))),
            True,
        ),
        (
            box(b"udta", box(b"loci", bytes(6), b"home\0\0", struct.pack(">iii", 200 << 16, 37 << 16, 0))),
            False,
        ),
        (box(b"udta"), False),
        (box(b"udta", box(b"loci", bytes(6), b"home\0\0", bytes(3))), False),
        (box(b"udta", box(b"loci", bytes(6), b"home without an end")), False),
        (box(b"udta", box(b"loci")), False),
        (box(b"udta", box(b"\xa9xyz", b"\0")), False),
        (box(b"meta", b"\0"), False),
        (box(b"meta", box(b"keys", b"\0"), box(b"ilst", box(b"\0\0\0\1", box(b"data", b"\0")))), False),
    ],
)
def test_a_position_counts_wherever_phones_put_it(read, part, has_gps):
    assert read(movie(track(b"vide", 64, 36), part)).has_gps == has_gps


@pytest.mark.parametrize(
    ("content", "refusal", "values"),
    [
        (box(b"ftyp", b"qt  ") + box(b"mdat", bytes(50)), Refusal.INDEX_MISSING, {}),
        (movie(track(b"soun")), Refusal.NO_PICTURE, {}),
        (
            movie(track(b"vide", 65535, 65535)),
            Refusal.CLIP_TOO_WIDE,
            {"width": 65535, "height": 65535, "side": 8192},
        ),
        (movie(track(b"vide", 0, 0)), Refusal.CLIP_TOO_WIDE, {"width": 0, "height": 0, "side": 8192}),
        (
            box(b"moov", box(b"trak", box(b"mdia", box(b"hdlr", bytes(8), b"vide")))),
            Refusal.INDEX_UNREADABLE,
            {},
        ),
        (movie(track(b"vide", 64, 36))[:60], Refusal.INDEX_UNREADABLE, {}),
        (struct.pack(">I", 4) + b"moov", Refusal.INDEX_UNREADABLE, {}),
    ],
)
def test_a_broken_index_is_refused(read, content, refusal, values):
    with file_refused(refusal, **values):
        read(content)


def test_a_date_that_no_calendar_has_is_no_date(read):
    header = struct.pack(">IQQIQ", 1 << 24, 2**63, 0, 1000, 2500) + bytes(80)
    found = read(box(b"ftyp", b"qt  ") + box(b"moov", box(b"mvhd", header), track(b"vide", 64, 36)))

    assert (found.taken, found.duration_seconds) == (None, 2.5)


def test_an_offset_that_no_clock_has_is_no_offset(read):
    found = read(movie(track(b"vide", 64, 36), apple(creationdate="2019-07-24T11:25:40+9900")))

    assert found.taken == CaptureTime(local=datetime(2019, 7, 24, 11, 25, 40))


@pytest.mark.parametrize(("stated", "seconds"), [(1500, 1.5), (0, 2.5), (2**32 - 1, 2.5)])
def test_the_length_is_the_pictures_when_its_track_knows_it(read, stated, seconds):
    picture = bytearray(track(b"vide", 64, 36))
    place = picture.index(b"tkhd") + 4 + 20
    picture[place : place + 4] = struct.pack(">I", stated)

    assert read(movie(bytes(picture))).duration_seconds == seconds


def test_the_header_of_a_movie_in_fragments_does_not_know_its_length(read):
    assert read(movie(track(b"vide", 64, 36), box(b"mvex"), seconds=0.5)).duration_seconds == 0


@pytest.mark.parametrize("codec", [b"drmi", b"encv"])
def test_a_picture_that_needs_a_key_is_called_copy_protected(read, codec):
    with file_refused(Refusal.COPY_PROTECTED):
        read(movie(track(b"vide", 64, 36, codec=codec), track(b"soun")))


@pytest.mark.parametrize("codec", [b"drms", b"enca", b"aavd"])
def test_sound_that_needs_a_key_costs_the_sound_of_a_clip_and_all_of_a_song(read, codec):
    assert read(movie(track(b"vide", 64, 36), track(b"soun", codec=codec))).width == 64
    with file_refused(Refusal.COPY_PROTECTED):
        read(movie(track(b"soun", codec=codec)))


@pytest.mark.parametrize(
    "turn", [(1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0), (-1, 0, 0, 1), (0, 1, 1, 0)]
)
def test_the_turn_of_a_picture_is_kept_by_the_signs_of_its_matrix(read, turn):
    matrix = tuple(sign << 16 for sign in turn)

    assert read(movie(track(b"vide", 64, 36, matrix))).turn == turn


def test_the_date_of_an_editor_is_read_where_mov_and_mp4_keep_it(read):
    shown, packet = track(b"vide", 64, 36), xmp("2024-02-21T10:14:22+09:00")
    other = box(b"uuid", bytes(16), b"something else")
    in_mp4 = box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac"), packet)
    nearby = CaptureTime(local=datetime(2024, 2, 21, 10, 14, 22), offset_seconds=32_400)

    assert read(movie(shown, box(b"udta", box(b"XMP_", packet)), created=3_000_000_000)).taken == nearby
    assert read(movie(shown, created=3_000_000_000) + other + in_mp4).taken == nearby
    assert read(other + in_mp4 + movie(shown)).taken == nearby


def test_an_editor_says_less_than_the_phone(read):
    packet = box(b"udta", box(b"XMP_", xmp("2025-01-01T00:00:00+01:00")))

    taken = read(movie(track(b"vide", 64, 36), apple(creationdate="2024-02-21T10:14:22+0900"), packet)).taken

    assert taken is not None
    assert taken.text == "2024-02-21T10:14:22+09:00"
