"""The places in a file where a date may stand, in the order in which they are believed."""

from collections.abc import Mapping
from enum import Enum

from memorycapsule.domain.capture_times import CaptureTime, TakenForm


class DateSource(Enum):
    """
    Where a photo's date stands, the best place first; docs/dates.md shows the same table to people.

    The name of the file comes after all of these, see `domain.dated_names`.
    """

    EXIF_ORIGINAL = "EXIF DateTimeOriginal"
    EXIF_DIGITIZED = "EXIF DateTimeDigitized"
    XMP_ORIGINAL = "XMP exif:DateTimeOriginal"
    XMP_CREATED = "XMP photoshop:DateCreated"
    XMP_DIGITIZED = "XMP exif:DateTimeDigitized"
    XMP_MADE = "XMP xmp:CreateDate"
    IPTC_CREATED = "IPTC Date Created"
    PNG_CREATION = "PNG Creation Time"
    GPS = "GPS date and time"
    EXIF_CHANGED = "EXIF DateTime"


def preferred_date(found: Mapping[DateSource, CaptureTime]) -> CaptureTime | None:
    """
    Return the date of the best place; where that is a day alone, with the time that another place has for that day.

    Offsets are not taken from other places: editors write there where their computer stood.
    """
    in_order = [found[source] for source in DateSource if source in found]
    best = in_order[0] if in_order else None
    if best is None or best.form is not TakenForm.DAY:
        return best
    day = best.local.date()
    same_day = (one for one in in_order if one.form is TakenForm.TIME and one.local.date() == day)
    return next(same_day, best)
