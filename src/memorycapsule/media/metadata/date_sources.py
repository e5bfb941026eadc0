"""The places in a file where a date may stand, in the order in which they are believed."""

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum

from memorycapsule.domain.capture_times import CaptureTime, TakenForm


class DateSource(Enum):
    """
    Where a photo's date stands, the best place first; docs/media.md shows the same table to people.

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
    Return the date of the best place, completed by the others where they say the same: a day by the time of that
    day, a time by its offset and by the digits behind its seconds.
    """
    in_order = [found[source] for source in DateSource if source in found]
    if not in_order:
        return None
    best, *others = in_order
    if best.form is TakenForm.DAY:
        same_day = (
            one for one in others if one.form is TakenForm.TIME and one.local.date() == best.local.date()
        )
        best = next(same_day, best)
    if best.form is not TakenForm.TIME:
        return best
    same = [
        one
        for one in others
        if one.form is TakenForm.TIME
        and one.local.replace(microsecond=0) == best.local.replace(microsecond=0)
    ]
    if best.offset_seconds is None:
        offset = next((one.offset_seconds for one in same if one.offset_seconds is not None), None)
        best = replace(best, offset_seconds=offset)
    if not best.local.microsecond:
        best = replace(best, local=max([best.local, *(one.local for one in same)]))
    return best
