"""
When a camcorder recorded a clip (AVCHD).

A transport stream has no place for a date. Camcorders write it into the coded picture, as user data (ITU-T H.264,
D.1.7) that begins with a number of its own: pairs of a tag and four bytes, which are those of digital tapes
(IEC 61834-4). Two of them hold the date, in decimal digits of four bits.
"""

from datetime import datetime

from memorycapsule.domain.capture_times import CaptureTime
from memorycapsule.media.sniff import Window, packet_layout

#: So much of a clip is looked at. The date stands before the first picture, and before each that can be jumped to.
_READ_BYTES = 2 << 20
_PACKET_BYTES = 188
_USER_DATA = bytes.fromhex("17ee8c60f84d11d98cd60800200c9a66") + b"MDPM"
_DAY, _TIME = 0x18, 0x19
#: Of the byte before the year: the offset is not known, summer time, west of Greenwich, hours, half an hour.
_NO_OFFSET, _SUMMER, _WEST, _HOURS, _HALF = 0x80, 0x40, 0x20, 0x1E, 0x01


def read_recorded_at(window: Window) -> CaptureTime | None:
    """Return when the first picture of a transport stream was recorded; None where the stream does not state it."""
    head = window.read(0, _READ_BYTES)
    for stream in _payloads(head).values():
        at = stream.find(_USER_DATA)
        if at >= 0:
            # A byte 3 behind two zeros only keeps them from looking like a beginning.
            pairs = bytes(stream[at + len(_USER_DATA) : at + 2048]).replace(b"\x00\x00\x03", b"\x00\x00")
            return _taken(pairs)
    return None


def _payloads(head: bytes) -> dict[int, bytearray]:
    """Return what the packets of each stream carry, by the number of the stream (ISO/IEC 13818-1, 2.4.3.2)."""
    layout = packet_layout(head)
    if layout is None:
        return {}
    found: dict[int, bytearray] = {}
    for start in range(layout.first_at, len(head) - _PACKET_BYTES + 1, layout.length):
        packet = head[start : start + _PACKET_BYTES]
        carries, adapts = packet[3] & 0x10, packet[3] & 0x20
        begin = 5 + packet[4] if adapts else 4
        if carries:
            number = int.from_bytes(packet[1:3], "big") & 0x1FFF
            found.setdefault(number, bytearray()).extend(packet[begin:])
    return found


def _taken(pairs: bytes) -> CaptureTime | None:
    if not pairs:
        return None
    facts = {
        pairs[at]: pairs[at + 1 : at + 5] for at in range(1, 1 + 5 * pairs[0], 5) if at + 5 <= len(pairs)
    }
    day, time = facts.get(_DAY), facts.get(_TIME)
    if day is None or time is None:
        return None
    digits = (day[1:] + time).hex()
    try:
        return CaptureTime(
            local=datetime.strptime(digits, "%Y%m%d%H%M%S"),  # noqa: DTZ007 - the clock of the camera
            offset_seconds=_offset(day[0]),
        )
    except ValueError:
        return None


def _offset(zone: int) -> int | None:
    # Cameras differ in whether the hours hold summer time already.
    if zone & (_NO_OFFSET | _SUMMER):
        return None
    seconds = (zone & _HOURS) // 2 * 3600 + (zone & _HALF) * 1800
    return -seconds if zone & _WEST else seconds
