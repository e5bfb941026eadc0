"""Dates and positions are taken only when they are sound."""

import struct
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memorycapsule.domain.capture_times import CaptureTime
from memorycapsule.media.metadata.date_sources import DateSource
from memorycapsule.media.metadata.exif import Exif, camera_mark, read_exif


def exif_block(
    *,
    date: bytes = b"",
    offset: bytes = b"",
    orientation: int | None = None,
    gps=None,
    gps_time=None,
    camera: tuple[bytes, bytes, bytes] = (b"", b"", b""),
) -> bytes:
    """
    A little-endian EXIF block; `gps` is (latitude, "N", longitude, "E") with three rationals each, `gps_time`
    (date, three rationals), `camera` make, model and serial number.
    """
    heap_at = 8 + 2 + 5 * 12 + 4
    heap = b""

    def put(data: bytes) -> int:
        nonlocal heap
        place = heap_at + len(heap)
        heap += data + bytes(len(data) % 2)
        return place

    def directory(entries) -> bytes:
        body = struct.pack("<H", len(entries))
        for tag, kind, count, value in entries:
            packed = (
                struct.pack("<H", value) + b"\0\0"
                if kind == 3
                else value
                if isinstance(value, bytes)
                else struct.pack("<I", value)
            )
            body += struct.pack("<HHI", tag, kind, count) + packed
        return body + bytes(4)

    sub = [
        (tag, 2, len(text) + 1, put(text + b"\0"))
        for tag, text in ((0x9003, date), (0x9011, offset), (0xA431, camera[2]))
        if text
    ]
    main = [
        (tag, 2, len(text) + 1, put(text + b"\0"))
        for tag, text in ((0x010F, camera[0]), (0x0110, camera[1]))
        if text
    ]
    main += [(0x0112, 3, 1, orientation)] if orientation is not None else []
    main.append((0x8769, 4, 1, put(directory(sub))))
    if gps is not None:
        latitude, north, longitude, east = gps
        rationals = [
            put(b"".join(struct.pack("<II", *pair) for pair in value)) for value in (latitude, longitude)
        ]
        entries = [
            (1, 2, 2, north + bytes(3)),
            (2, 5, 3, rationals[0]),
            (3, 2, 2, east + bytes(3)),
            (4, 5, 3, rationals[1]),
        ]
        main.append((0x8825, 4, 1, put(directory(entries))))
    if gps_time is not None:
        day, clock = gps_time
        rationals = put(b"".join(struct.pack("<II", *pair) for pair in clock))
        entries = [(7, 5, 3, rationals), (29, 2, len(day) + 1, put(day + b"\0"))]
        main.append((0x8825, 4, 1, put(directory(entries))))
    start = directory(main)
    padding = bytes(heap_at - 8 - len(start))
    return b"II*\0" + struct.pack("<I", 8) + start + padding + heap


SEOUL = ([(37, 1), (33, 1), (594, 10)], b"N", [(126, 1), (58, 1), (408, 10)], b"E")


def test_a_whole_block_is_read():
    block = exif_block(date=b"2023:10:01 08:15:30", offset=b"+09:00", orientation=6, gps=SEOUL)

    assert read_exif(block) == read_exif(b"Exif\0\0" + block)
    assert read_exif(block) == Exif(
        orientation=6,
        dates={
            DateSource.EXIF_ORIGINAL: CaptureTime(
                local=datetime(2023, 10, 1, 8, 15, 30), offset_seconds=9 * 3600
            )
        },
        has_gps=True,
    )


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_none(orientation):
    assert read_exif(exif_block(orientation=orientation)).orientation == 1


@pytest.mark.parametrize(
    "gps",
    [
        ([(0, 0)] * 3, b"N", [(0, 0)] * 3, b"E"),
        ([(999, 1), (0, 1), (0, 1)], b"N", SEOUL[2], b"E"),
        (SEOUL[0], b"X", SEOUL[2], b"E"),
    ],
)
def test_a_position_that_cannot_be_is_no_position(gps):
    assert not read_exif(exif_block(gps=gps)).has_gps


def test_an_offset_without_a_date_says_nothing():
    assert read_exif(exif_block(offset=b"+09:00")).dates == {}


@pytest.mark.parametrize(
    ("day", "clock", "at"),
    [
        (b"2023:09:30", [(23, 1), (15, 1), (3050, 100)], datetime(2023, 9, 30, 23, 15, 30, 500_000)),
        (b"2023-09-30", [(23, 1), (15, 1), (30, 1)], datetime(2023, 9, 30, 23, 15, 30)),
        (b"2023:09:31", [(23, 1), (15, 1), (30, 1)], None),
        (b"1980:01:06", [(0, 1), (0, 1), (0, 1)], None),
        (b"2023:09:30", [(24, 1), (15, 1), (30, 1)], None),
        (b"2023:09:30", [(23, 1), (15, 0), (30, 1)], None),
        (b"2023:09:30", [(23, 1), (15, 1)], None),
        (b"yesterday!", [(23, 1), (15, 1), (30, 1)], None),
    ],
)
def test_the_time_of_the_satellites_is_taken_when_it_is_sound(day, clock, at):
    clock = [*clock, *[(0, 0)] * (3 - len(clock))]

    assert read_exif(exif_block(gps_time=(day, clock))).gps_at == (at and at.replace(tzinfo=UTC))


def test_cameras_are_told_apart_and_not_named():
    canon = read_exif(exif_block(camera=(b"Canon", b"Canon EOS R5", b"0123456"))).camera
    same = read_exif(exif_block(camera=(b"Canon ", b"CANON EOS R5", b"0123456"), orientation=6)).camera
    other = read_exif(exif_block(camera=(b"Canon", b"Canon EOS R5", b"9999999"))).camera
    bare = read_exif(exif_block(camera=(b"Canon", b"Canon EOS R5", b""))).camera

    assert canon == same
    assert len({canon, other, bare, ""}) == 4
    assert "0123456" not in canon
    assert bare == camera_mark("Canon", "Canon EOS R5")
    assert read_exif(exif_block(orientation=6)).camera == ""


@settings(max_examples=30)
@given(st.binary(max_size=300))
def test_noise_says_nothing_and_never_raises(noise):
    read_exif(b"II*\0\x08\0\0\0" + noise)
    read_exif(noise)
