"""When a camcorder recorded is read out of the coded picture of its transport stream."""

from datetime import datetime

import pytest

from memorycapsule.domain.capture_times import CaptureTime
from memorycapsule.media.metadata.avchd import read_recorded_at
from memorycapsule.media.sniff import Window

MOMENT = datetime(2011, 8, 6, 16, 5, 9)
USER_DATA = bytes.fromhex("17ee8c60f84d11d98cd60800200c9a66") + b"MDPM"


def user_data(zone: int, moment: str, *, before: bytes = b"") -> bytes:
    """The user data of a picture; `moment` is 14 digits."""
    digits = bytes.fromhex(moment)
    pairs = [
        b"\x13\x00\x09\x05\x16",
        b"\x18" + bytes([zone]) + digits[:3],
        b"\x19" + digits[3:],
        b"\x70\xd0\x00\x00\x03",
    ]
    return before + USER_DATA + bytes([len(pairs)]) + b"".join(pairs)


def stream(picture: bytes, *, length: int = 192, stuffing: int = 0) -> bytes:
    """A transport stream that carries `picture`, between packets of sound."""
    packets = [_packet(0x1100, bytes(184))] * 4
    room = 184 - stuffing
    for at in range(0, len(picture), room):
        packets += [_packet(0x1011, picture[at : at + room]), _packet(0x1100, b"\xaa" * 184)]
    packets += [_packet(0x1100, bytes(184))] * 4
    return b"".join(bytes(length - 188) + one for one in packets)


def _packet(number: int, payload: bytes) -> bytes:
    header = b"G" + (0x4000 | number).to_bytes(2, "big")
    missing = 184 - len(payload)
    if not missing:
        return header + b"\x10" + payload
    return header + b"\x30" + bytes([missing - 1]) + b"\xff" * (missing - 1) + payload


@pytest.fixture
def recorded_at(tmp_path):
    def recorded_at(content: bytes) -> CaptureTime | None:
        path = tmp_path / "clip.mts"
        path.write_bytes(content)
        with path.open("rb") as file:
            return read_recorded_at(Window.of(file))

    return recorded_at


@pytest.mark.parametrize(
    ("zone", "offset"),
    [
        (0x12, 9 * 3600),
        (0x00, 0),
        (0x2A, -5 * 3600),
        (0x2B, -5 * 3600 - 1800),
        (0x0B, 5 * 3600 + 1800),
        (0x42, None),
        (0xFF, None),
    ],
)
def test_the_clock_of_a_camcorder_is_read_with_its_offset(recorded_at, zone, offset):
    found = recorded_at(stream(user_data(zone, "20110806160509")))

    assert found == CaptureTime(local=MOMENT, offset_seconds=offset)


@pytest.mark.parametrize("length", [188, 192])
@pytest.mark.parametrize("before", [0, 150, 165, 175, 183])
def test_a_date_is_found_wherever_packets_cut_it(recorded_at, length, before):
    content = stream(user_data(0x12, "20110806160509", before=b"\x55" * before), length=length)

    assert recorded_at(content) == CaptureTime(local=MOMENT, offset_seconds=9 * 3600)


def test_a_date_is_found_behind_stuffing_of_packets(recorded_at):
    assert recorded_at(stream(user_data(0x12, "20110806160509"), stuffing=150)) is not None


def test_bytes_that_keep_zeros_apart_are_no_digits(recorded_at):
    """Midnight of the first day of 2000 is full of zeros: behind two of them stands a 3."""
    picture = user_data(0x00, "20000101000000").replace(b"\x00\x00\x00", b"\x00\x00\x03\x00")

    assert recorded_at(stream(picture)) == CaptureTime(local=datetime(2000, 1, 1), offset_seconds=0)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        stream(b"\x55" * 500),
        stream(USER_DATA),
        stream(USER_DATA + b"\x7f\x18"),
        stream(user_data(0x12, "20111306160509")),
        stream(user_data(0x12, "20110806ff0509")),
        stream(user_data(0x12, "ffffffffffffff")),
    ],
)
def test_a_stream_without_a_possible_date_has_none(recorded_at, content):
    assert recorded_at(content) is None
