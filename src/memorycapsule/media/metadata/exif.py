"""
When and by which camera a photo was taken, and whether it says where, from its EXIF block.

exifread parses the directories. Its values are checked here, because cameras with an empty battery, chat programs and
editors write impossible dates and positions. A value that cannot be counts as absent.
"""

import hashlib
import io
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any

from memorycapsule.domain.capture_times import CaptureTime
from memorycapsule.media.metadata.date_sources import DateSource
from memorycapsule.media.metadata.date_texts import read_date_text, read_offset

#: Values of ColorSpace: colours that are not sRGB, and what some cameras write for Adobe RGB.
_UNCALIBRATED, _ADOBE_RGB = 0xFFFF, 2
#: What stands in the main directory and not in the one of EXIF.
_MAIN_TAGS = {"Make", "Model", "DateTime"}
#: GPS time begins in 1980. A receiver without any fix reports that year or an earlier one.
_FIRST_GPS_YEAR = 1981


@dataclass(frozen=True, kw_only=True)
class Exif:
    """What is used of an EXIF block."""

    #: 1..8 of CIPA DC-008 (EXIF 3.0) tag 0x0112; 1 when absent or unknown.
    orientation: int = 1
    dates: dict[DateSource, CaptureTime] = field(default_factory=dict)
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
    gps_at = _gps_instant(tags)
    return Exif(
        orientation=_orientation(tags),
        dates=_dates(tags, gps_at),
        has_gps=_has_position(tags),
        is_adobe_rgb=_is_adobe_rgb(tags),
        camera=camera_mark(_text(tags, "Make"), _text(tags, "Model"), _text(tags, "BodySerialNumber")),
        gps_at=gps_at,
    )


def _dates(tags: dict[str, Any], gps_at: datetime | None) -> dict[DateSource, CaptureTime]:
    found = {
        DateSource.EXIF_ORIGINAL: _date(tags, "DateTimeOriginal", "Original"),
        DateSource.EXIF_DIGITIZED: _date(tags, "DateTimeDigitized", "Digitized"),
        DateSource.GPS: CaptureTime.of_instant(gps_at) if gps_at else None,
    }
    # Editors and scanners write into DateTime when they saved the file; cameras write when they took the photo.
    if (_text(tags, "Make") or "").strip() or (_text(tags, "Model") or "").strip():
        found[DateSource.EXIF_CHANGED] = _date(tags, "DateTime", "")
    return {source: taken for source, taken in found.items() if taken}


def _date(tags: dict[str, Any], name: str, kind: str) -> CaptureTime | None:
    """Return the date of a tag, with the offset and the fraction of its own kind, or else of another one."""
    kinds = dict.fromkeys((kind, "Original", "Digitized", ""))
    offsets = [text for one in kinds if (text := _text(tags, f"OffsetTime{one}")) and text.strip()]
    fractions = [text for one in kinds if (text := _text(tags, f"SubSecTime{one}")) and text.strip()]
    return read_date_text(
        _text(tags, name),
        offset=next((text for text in offsets if read_offset(text) is not None), None) or _zone_offset(tags),
        fraction=next(iter(fractions), None),
    )


def _zone_offset(tags: dict[str, Any]) -> str | None:
    """Return the hours of TimeZoneOffset (TIFF/EP, ISO 12234-2), which older cameras write."""
    values = getattr(_tag(tags, "TimeZoneOffset"), "values", None)
    value = values[0] if isinstance(values, list) and values else None
    return f"{value:+03}:00" if isinstance(value, int) else None


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


def _tag(tags: dict[str, Any], name: str) -> Any:
    """Return a tag of the photo. Some programs put into one directory what belongs into the other."""
    directories = ("Image", "EXIF") if name in _MAIN_TAGS else ("EXIF", "Image")
    return next((tag for one in directories if (tag := tags.get(f"{one} {name}"))), None)


def _text(tags: dict[str, Any], name: str) -> str | None:
    """Return the text of a tag, whatever type it was written with."""
    return _as_text(getattr(_tag(tags, name), "values", None))


def _as_text(values: Any) -> str | None:
    if isinstance(values, list) and values and all(isinstance(one, int) and 0 <= one < 256 for one in values):
        values = bytes(values)
    if isinstance(values, bytes):
        values = values.decode("utf-8", "replace")
    return values.rstrip("\x00") if isinstance(values, str) else None


def _orientation(tags: dict[str, Any]) -> int:
    values = getattr(tags.get("Image Orientation"), "values", None)
    value = values[0] if isinstance(values, list) and values else 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _is_adobe_rgb(tags: dict[str, Any]) -> bool:
    """Return whether the index of interoperability is that of DCF's optional colours, and ColorSpace allows it."""
    values = getattr(tags.get("EXIF ColorSpace"), "values", None)
    space = values[0] if isinstance(values, list) and values else _UNCALIBRATED
    index = _as_text(getattr(tags.get("Interoperability InteroperabilityIndex"), "values", None)) or ""
    return space == _ADOBE_RGB or (space == _UNCALIBRATED and index.strip() == "R03")


def _has_position(tags: dict[str, Any]) -> bool:
    latitude = _degrees(tags, "GPS GPSLatitude", "NS")
    longitude = _degrees(tags, "GPS GPSLongitude", "EW")
    return latitude is not None and longitude is not None and is_position(latitude, longitude)


def _gps_instant(tags: dict[str, Any]) -> datetime | None:
    """Return the instant of GPSDateStamp and GPSTimeStamp (three rationals), both UTC, or None."""
    date = read_date_text(_as_text(getattr(tags.get("GPS GPSDate"), "values", None)))
    values = getattr(tags.get("GPS GPSTimeStamp"), "values", None)
    if date is None or not isinstance(values, list) or len(values) != 3:
        return None
    parts = [_rational(value) for value in values]
    if any(part is None or not 0 <= part < most for part, most in zip(parts, (24, 60, 61), strict=True)):
        return None
    hours, minutes, seconds = (part or 0.0 for part in parts)
    try:
        day = datetime.combine(date.local.date(), time(), tzinfo=UTC)
        instant = day + timedelta(hours=hours, minutes=minutes, seconds=seconds)
    except (ValueError, OverflowError):
        return None
    return instant if instant.year >= _FIRST_GPS_YEAR else None


def _degrees(tags: dict[str, Any], name: str, directions: str) -> float | None:
    """Return degrees from three rationals (degrees, minutes, seconds) with their N, S, E or W, or None."""
    values = getattr(tags.get(name), "values", None)
    direction = (_as_text(getattr(tags.get(f"{name}Ref"), "values", None)) or "").strip().upper()
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
