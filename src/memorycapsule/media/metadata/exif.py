"""
When and by which camera a photo was taken, and whether it says where, from its EXIF block.

exifread parses the directories. Its values are checked strictly here, because cameras with an empty battery, chat
programs and editors write impossible dates and positions. A value that fails the check counts as absent.
"""

import hashlib
import io
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

_DATE = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)", re.ASCII)
_GPS_DATE = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)", re.ASCII)
_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)", re.ASCII)
#: The widest offset in use is +14:00.
_WIDEST_OFFSET = timedelta(hours=14)
#: Values of ColorSpace: colours that are not sRGB, and what some cameras write for Adobe RGB.
_UNCALIBRATED, _ADOBE_RGB = 0xFFFF, 2
#: GPS time begins in 1980. A receiver without any fix reports that year or an earlier one.
_FIRST_GPS_YEAR = 1981


@dataclass(frozen=True, kw_only=True)
class Exif:
    """What is used of an EXIF block."""

    #: 1..8 of CIPA DC-008 (EXIF 3.0) tag 0x0112; 1 when absent or unknown.
    orientation: int = 1
    taken_local: datetime | None = None
    taken_offset_seconds: int | None = None
    has_gps: bool = False
    #: The colours are Adobe RGB by the camera's word (CIPA DC-008, 4.6.3, and DCF 2.0, "R03").
    is_adobe_rgb: bool = False
    #: See `camera_mark`.
    camera: str = ""
    #: The instant by the satellites' clock, aware UTC. A receiver may repeat the one of its last fix.
    gps_at: datetime | None = None


def read_exif(block: bytes | None) -> Exif:
    """
    Read an EXIF block: a TIFF structure, with or without the word "Exif" and two NULs before it.

    Never raises: a block that cannot be read counts as empty.
    """
    if not block:
        return Exif()
    tags = _tags(block.removeprefix(b"Exif\x00\x00"))
    taken_local = parse_exif_date(_text(tags, "EXIF DateTimeOriginal"))
    offset = parse_offset(_text(tags, "EXIF OffsetTimeOriginal")) if taken_local else None
    return Exif(
        orientation=_orientation(tags),
        taken_local=taken_local,
        taken_offset_seconds=offset,
        has_gps=_has_position(tags),
        is_adobe_rgb=_is_adobe_rgb(tags),
        camera=camera_mark(
            _text(tags, "Image Make"), _text(tags, "Image Model"), _text(tags, "EXIF BodySerialNumber")
        ),
        gps_at=_gps_instant(tags),
    )


def parse_exif_date(text: str | None) -> datetime | None:
    """Return the naive time of "YYYY:MM:DD HH:MM:SS", or None for any other form or an impossible date."""
    match = _DATE.fullmatch(text or "")
    if match is None:
        return None
    try:
        return datetime(*(int(part) for part in match.groups()))  # type: ignore[arg-type]  # noqa: DTZ001 - a wall time
    except ValueError:
        return None


def parse_offset(text: str | None) -> int | None:
    """Return the seconds of "+HH:MM", or None for any other form or an offset that no place has."""
    match = _OFFSET.fullmatch(text or "")
    if match is None or int(match[3]) > 59:
        return None
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    if offset > _WIDEST_OFFSET:
        return None
    return int(offset.total_seconds()) * (-1 if match[1] == "-" else 1)


def camera_mark(make: str | None, model: str | None, serial: str | None = None) -> str:
    """
    Return a digest that identifies a camera; '' for an unknown one.

    Cameras are only compared, so that each clock can be corrected. A digest does not reveal the serial number.
    """
    words = [(word or "").strip().lower() for word in (make, model, serial)]
    if not any(words):
        return ""
    return hashlib.sha256("\0".join(words).encode(errors="replace")).hexdigest()[:16]


def is_position(latitude: float, longitude: float) -> bool:
    """Return whether these degrees are a place on Earth."""
    return (
        math.isfinite(latitude) and math.isfinite(longitude) and abs(latitude) <= 90 and abs(longitude) <= 180
    )


def _tags(block: bytes) -> dict[str, Any]:
    import exifread

    try:
        found: dict[str, Any] = exifread.process_file(io.BytesIO(block), details=False)
    except Exception:  # noqa: BLE001 - it asserts, overflows and recurses on hostile blocks; no metadata then
        return {}
    return found


def _text(tags: dict[str, Any], name: str) -> str | None:
    values = getattr(tags.get(name), "values", None)
    return values.rstrip("\x00") if isinstance(values, str) else None


def _orientation(tags: dict[str, Any]) -> int:
    values = getattr(tags.get("Image Orientation"), "values", None)
    value = values[0] if isinstance(values, list) and values else 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _is_adobe_rgb(tags: dict[str, Any]) -> bool:
    """Return whether the index of interoperability is that of DCF's optional colours, and ColorSpace allows it."""
    values = getattr(tags.get("EXIF ColorSpace"), "values", None)
    space = values[0] if isinstance(values, list) and values else _UNCALIBRATED
    index = (_text(tags, "Interoperability InteroperabilityIndex") or "").strip()
    return space == _ADOBE_RGB or (space == _UNCALIBRATED and index == "R03")


def _has_position(tags: dict[str, Any]) -> bool:
    latitude = _degrees(tags, "GPS GPSLatitude", "NS")
    longitude = _degrees(tags, "GPS GPSLongitude", "EW")
    return latitude is not None and longitude is not None and is_position(latitude, longitude)


def _gps_instant(tags: dict[str, Any]) -> datetime | None:
    """Return the instant of GPSDateStamp and GPSTimeStamp (three rationals), both UTC, or None."""
    date = _GPS_DATE.fullmatch((_text(tags, "GPS GPSDate") or "").strip())
    values = getattr(tags.get("GPS GPSTimeStamp"), "values", None)
    if date is None or not isinstance(values, list) or len(values) != 3:
        return None
    parts = [_rational(value) for value in values]
    if any(part is None or not 0 <= part < most for part, most in zip(parts, (24, 60, 61), strict=True)):
        return None
    hours, minutes, seconds = (part or 0.0 for part in parts)
    try:
        day = datetime(int(date[1]), int(date[2]), int(date[3]), tzinfo=UTC)
        instant = day + timedelta(hours=hours, minutes=minutes, seconds=seconds)
    except (ValueError, OverflowError):
        return None
    return instant if instant.year >= _FIRST_GPS_YEAR else None


def _degrees(tags: dict[str, Any], name: str, directions: str) -> float | None:
    """Return degrees from three rationals (degrees, minutes, seconds) with their N, S, E or W, or None."""
    values = getattr(tags.get(name), "values", None)
    direction = (_text(tags, name + "Ref") or "").strip().upper()
    if direction not in set(directions) or not isinstance(values, list) or len(values) != 3:
        return None
    parts = [_rational(value) for value in values]
    if any(part is None or part < 0 for part in parts):
        return None
    degrees, minutes, seconds = (part or 0.0 for part in parts)
    return degrees + minutes / 60 + seconds / 3600


def _rational(value: Any) -> float | None:
    numerator, denominator = getattr(value, "num", value), getattr(value, "den", 1)
    if not isinstance(numerator, int) or not isinstance(denominator, int) or denominator == 0:
        return None
    return numerator / denominator
