"""Dates from XMP packets (ISO 16684-1), which editors, screenshots and phones write beside or instead of EXIF."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from xml.etree.ElementTree import Element, ParseError, XMLPullParser

from memorycapsule.domain.capture_times import CaptureTime, TakenForm
from memorycapsule.media.metadata.date_sources import DateSource
from memorycapsule.media.metadata.date_texts import read_date_text

_EXIF = "{http://ns.adobe.com/exif/1.0/}"
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_DESCRIPTION = f"{_RDF}Description"
_SOURCES = {
    f"{_EXIF}DateTimeOriginal": DateSource.XMP_ORIGINAL,
    "{http://ns.adobe.com/photoshop/1.0/}DateCreated": DateSource.XMP_CREATED,
    f"{_EXIF}DateTimeDigitized": DateSource.XMP_DIGITIZED,
    "{http://ns.adobe.com/xap/1.0/}CreateDate": DateSource.XMP_MADE,
    f"{_EXIF}GPSTimeStamp": DateSource.GPS,
}


def read_xmp_dates(packet: bytes | None) -> dict[DateSource, CaptureTime]:
    """
    Return the dates of a packet by their place.

    Never raises: of a packet that is damaged, what stands before the damage is read.
    """
    found: dict[DateSource, CaptureTime] = {}
    for name, text in _properties(packet or b""):
        source = _SOURCES[name]
        taken = read_date_text(text)
        if taken and source is DateSource.GPS:
            taken = _instant(taken)
        if taken and source not in found:
            found[source] = taken
    return found


def _instant(taken: CaptureTime) -> CaptureTime | None:
    """Return the instant of the satellites, whose clock is UTC; None for a day alone."""
    at = taken.at(timedelta(0)) if taken.form is not TakenForm.DAY else None
    return CaptureTime.of_instant(at) if at else None


def _properties(packet: bytes) -> Iterator[tuple[str, str]]:
    """
    Yield the properties of the picture that hold dates, whether they stand as attributes or as elements.

    What stands within other properties is of something else: programs note there what a picture was made from.
    """
    above: list[str] = []
    for event, element in _elements(packet):
        if event == "start":
            if element.tag == _DESCRIPTION and _DESCRIPTION not in above:
                yield from ((name, value) for name, value in element.attrib.items() if name in _SOURCES)
            above.append(element.tag)
            continue
        above.pop()
        if element.tag in _SOURCES and above.count(_DESCRIPTION) == 1 and above[-1] == _DESCRIPTION:
            texts = (text.strip() for text in element.itertext())
            yield element.tag, next((text for text in texts if text), element.get(f"{_RDF}value", ""))


def _elements(packet: bytes) -> Iterator[tuple[str, Element]]:
    """Yield what can be parsed. This runs in the limited child, and expat bounds what entities may grow to."""
    parser: Any = XMLPullParser(("start", "end"))
    try:
        parser.feed(packet[max(0, packet.find(b"<")) :].rstrip(b"\x00 \r\n"))
        parser.close()
    except (ParseError, ValueError, LookupError):
        pass  # what was read before the damage is there
    try:
        yield from parser.read_events()
    except ParseError:
        return
