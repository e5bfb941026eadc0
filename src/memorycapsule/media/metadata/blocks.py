"""
Blocks of metadata that image libraries do not hand out: XMP, IPTC and the texts of PNG.

Walks are bounded, and the length that a file states is believed only within the file.
"""

import re
import struct
import zlib
from dataclasses import replace

from memorycapsule.domain.capture_times import CaptureTime
from memorycapsule.errors import MediaRefused
from memorycapsule.media.formats import jpeg, png, tiff
from memorycapsule.media.metadata.date_sources import DateSource
from memorycapsule.media.metadata.date_texts import read_date_text
from memorycapsule.media.metadata.exif import read_exif
from memorycapsule.media.metadata.xmp import read_xmp_dates
from memorycapsule.media.sniff import Format, Window

#: Larger blocks hold no date of a person's photo.
_MOST_BYTES = 8 << 20
_MOST_BLOCKS = 20_000

_XMP = b"http://ns.adobe.com/xap/1.0/\x00"
#: A packet larger than a segment goes on in further ones (XMP specification, part 3, 1.1.3.1): a digest of 32
#: characters, the whole length and the offset of the part come first.
_MORE_XMP = b"http://ns.adobe.com/xmp/extension/\x00"
_PHOTOSHOP = b"Photoshop 3.0\x00"
_IPTC_RESOURCE = 0x0404
_IPTC_DATE, _IPTC_TIME = (2, 55), (2, 60)
_TIFF_XMP, _TIFF_PHOTOSHOP, _TIFF_IPTC = 700, 34377, 33723
_PNG_XMP, _PNG_CREATION = "XML:com.adobe.xmp", "creation time"
_PNG_PROFILES = {f"raw profile type {kind}" for kind in ("exif", "app1", "xmp")}
_PNG_RAW = re.compile(rb"\s*\w+\s+\d+\s+([0-9a-fA-F\s]+)")


def read_block_dates(window: Window, format_: Format) -> dict[DateSource, CaptureTime]:
    """
    Return the dates of a photo that stand outside its EXIF block, by their place.

    Never raises: what is damaged counts as absent.
    """
    read = {"JPEG": _jpeg, "PNG": _png, "WebP": _webp, "TIFF": _tiff, "GIF": _gif}.get(format_)
    try:
        return read(window) if read else {}
    except (MediaRefused, struct.error, IndexError, ValueError, zlib.error, OverflowError):
        return {}


def _jpeg(window: Window) -> dict[DateSource, CaptureTime]:
    packets: list[bytes] = []
    more: dict[bytes, dict[int, bytes]] = {}
    resources: list[bytes] = []
    for marker, start, length in jpeg.segments(window):
        if marker not in {0xE1, 0xED}:
            continue
        body = window.read(start, length)
        if body.startswith(_XMP):
            packets.append(body[len(_XMP) :])
        elif body.startswith(_MORE_XMP):
            digest, place = body[len(_MORE_XMP) :][:32], body[len(_MORE_XMP) :][32:40]
            offset = int.from_bytes(place[4:], "big")
            more.setdefault(digest, {})[offset] = body[len(_MORE_XMP) + 40 :]
        elif body.startswith(_PHOTOSHOP):
            resources.append(body[len(_PHOTOSHOP) :])
    packets += [b"".join(part for _, part in sorted(parts.items())) for parts in more.values()]
    # Resources of more than a segment go on in the next.
    found = _iptc_dates(_iptc_resource(b"".join(resources)))
    for packet in packets:
        found = read_xmp_dates(packet) | found
    return found


def _iptc_resource(resources: bytes) -> bytes:
    """Return the IPTC record among Photoshop's image resources, b'' without one."""
    offset = 0
    while resources[offset : offset + 4] == b"8BIM":
        number, name = struct.unpack_from(">HB", resources, offset + 4)
        start = offset + 6 + (name + 2) // 2 * 2
        (length,) = struct.unpack_from(">I", resources, start)
        if number == _IPTC_RESOURCE:
            return resources[start + 4 : start + 4 + length]
        offset = start + 4 + (length + 1) // 2 * 2
    return b""


def _iptc_dates(record: bytes) -> dict[DateSource, CaptureTime]:
    """
    Return Date Created and Time Created (IPTC-NAA IIM 4.2, 2:55 and 2:60) as one date.

    The form of the time demands an offset, and programs that know none write zero.
    """
    values: dict[tuple[int, int], str] = {}
    offset = 0
    while record[offset : offset + 1] == b"\x1c":
        dataset = record[offset + 1], record[offset + 2]
        length = int.from_bytes(record[offset + 3 : offset + 5], "big")
        values.setdefault(dataset, record[offset + 5 : offset + 5 + length].decode("ascii", "replace"))
        offset += 5 + length
    taken = read_date_text(f"{values.get(_IPTC_DATE, '')} {values.get(_IPTC_TIME, '')}")
    if taken and taken.offset_seconds == 0:
        taken = replace(taken, offset_seconds=None)
    return {DateSource.IPTC_CREATED: taken} if taken else {}


def _png(window: Window) -> dict[DateSource, CaptureTime]:
    found: dict[DateSource, CaptureTime] = {}
    for kind, start, length in png.chunks(window):
        if kind not in {b"tEXt", b"zTXt", b"iTXt"} or length > _MOST_BYTES:
            continue
        keyword, text = _png_text(kind, window.read(start, length))
        if keyword == _PNG_XMP:
            found = read_xmp_dates(text) | found
        elif keyword.lower() in _PNG_PROFILES:
            block = _raw_profile(text).removeprefix(_XMP)
            found = read_exif(block).dates | read_xmp_dates(block) | found
        elif keyword.lower() == _PNG_CREATION and (taken := read_date_text(text.decode("utf-8", "replace"))):
            found.setdefault(DateSource.PNG_CREATION, taken)
    return found


def _png_text(kind: bytes, body: bytes) -> tuple[str, bytes]:
    """Return keyword and text of a chunk (PNG, third edition, 11.3.3), uncompressed."""
    keyword, _, rest = body.partition(b"\x00")
    is_compressed = kind == b"zTXt"
    if kind == b"zTXt":
        rest = rest[1:]
    elif kind == b"iTXt":
        is_compressed, rest = rest[:1] == b"\x01", rest[2:].split(b"\x00", 2)[-1]
    if is_compressed:
        rest = zlib.decompressobj().decompress(rest, _MOST_BYTES)
    return keyword.decode("latin-1"), rest


def _raw_profile(text: bytes) -> bytes:
    """Return the bytes that older programs write as hexadecimal digits, behind a name and a length."""
    found = _PNG_RAW.match(text)
    return bytes.fromhex(found[1].decode()) if found else b""


def _webp(window: Window) -> dict[DateSource, CaptureTime]:
    offset = 12
    for _ in range(_MOST_BLOCKS):
        head = window.read(offset, 8)
        if len(head) < 8:
            break
        length = int.from_bytes(head[4:], "little")
        if head[:3] == b"XMP" and length <= _MOST_BYTES:
            return read_xmp_dates(window.read(offset + 8, length))
        offset += 8 + length + length % 2
    return {}


def _tiff(window: Window) -> dict[DateSource, CaptureTime]:
    page = tiff.picture_page(window)
    iptc = page.block(_TIFF_IPTC) or _iptc_resource(page.block(_TIFF_PHOTOSHOP) or b"")
    return read_xmp_dates(page.block(_TIFF_XMP)) | _iptc_dates(iptc)


def _gif(window: Window) -> dict[DateSource, CaptureTime]:
    """Find the application extension of XMP, whose packet stands in the file unbroken."""
    data = window.read(0, min(window.size, _MOST_BYTES * 8))
    start = data.find(b"\x21\xff\x0bXMP DataXMP")
    end = data.find(b"<?xpacket end", start)
    return read_xmp_dates(data[start + 14 : end if end > 0 else start + _MOST_BYTES]) if start > 0 else {}
