"""Small photos whose dates stand wherever cameras and programs put them, in whatever form."""

import io
import struct
import zlib
from collections.abc import Mapping

import pillow_heif
from PIL import Image, TiffImagePlugin

#: Tags of EXIF (CIPA DC-008), of the main directory, of the one of EXIF and of the one of GPS.
MAIN = {"Make": 0x010F, "Model": 0x0110, "DateTime": 0x0132}
SUB = {
    "TimeZoneOffset": 0x882A, "DateTimeOriginal": 0x9003, "DateTimeDigitized": 0x9004, "OffsetTime": 0x9010,
    "OffsetTimeOriginal": 0x9011, "OffsetTimeDigitized": 0x9012, "SubSecTime": 0x9290,
    "SubSecTimeOriginal": 0x9291, "SubSecTimeDigitized": 0x9292,
}  # fmt: skip
GPS = {"GPSTimeStamp": 0x0007, "GPSDateStamp": 0x001D}

#: A text (an ASCII value), bytes (UNDEFINED), a whole number (SSHORT), or hours, minutes and seconds (RATIONAL).
Value = str | bytes | int | tuple[int, int, int]

_XAP = b"http://ns.adobe.com/xap/1.0/\0"
_XMP_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
_SPACES = (
    'xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
    'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:xmpNote="http://ns.adobe.com/xmp/note/"'
)


def exif_block(*, little: bool = True, **tags: Value) -> bytes:
    """Return an EXIF block, a TIFF structure; a tag called `main_DateTimeOriginal` stands in the main directory."""
    order = "<" if little else ">"
    main: dict[int, Value | int] = {}
    sub: dict[int, Value] = {}
    gps: dict[int, Value] = {}
    for name, value in tags.items():
        if name.startswith("main_"):
            main[SUB[name.removeprefix("main_")]] = value
        elif name in MAIN:
            main[MAIN[name]] = value
        elif name in SUB:
            sub[SUB[name]] = value
        else:
            gps[GPS[name]] = value
    pointers = {tag: found for tag, found in ((0x8769, sub), (0x8825, gps)) if found}
    start = 8
    length = 2 + 12 * (len(main) + len(pointers)) + 4
    heap_at = start + length
    heap = b""
    places = {}
    for tag, found in pointers.items():
        places[tag] = heap_at + len(heap)
        heap += _directory(order, found, places[tag])
    body = _directory(order, main, start, pointers=places, heap_at=heap_at + len(heap))
    directory, own_heap = body[:length], body[length:]
    return (b"II*\0" if little else b"MM\0*") + struct.pack(order + "I", start) + directory + heap + own_heap


def _directory(
    order: str,
    found: Mapping[int, Value],
    at: int,
    *,
    pointers: Mapping[int, int] | None = None,
    heap_at: int | None = None,
) -> bytes:
    """Return a directory that begins at `at`, with its values behind it or, when given, from `heap_at` on."""
    pointers = pointers or {}
    count = len(found) + len(pointers)
    heap_at = at + 2 + 12 * count + 4 if heap_at is None else heap_at
    entries, heap = [], b""
    for tag, value in sorted({**found, **pointers}.items()):
        if tag in pointers:
            entries.append(struct.pack(order + "HHII", tag, 4, 1, value))
            continue
        kind, number, stored = _stored(order, value)
        if len(stored) > 4:
            place = heap_at + len(heap)
            heap += stored + bytes(len(stored) % 2)
            stored = struct.pack(order + "I", place)
        entries.append(struct.pack(order + "HHI", tag, kind, number) + stored.ljust(4, b"\0"))
    return struct.pack(order + "H", count) + b"".join(entries) + bytes(4) + heap


def _stored(order: str, value: Value) -> tuple[int, int, bytes]:
    """Return type, count and bytes of a value."""
    if isinstance(value, str):
        text = value.encode("utf-8", "surrogateescape") + b"\0"
        return 2, len(text), text
    if isinstance(value, bytes):
        return 7, len(value), value
    if isinstance(value, int):
        return 8, 1, struct.pack(order + "h", value)
    return 5, 3, b"".join(struct.pack(order + "II", part, 1) for part in value)


def xmp_packet(*, as_elements: bool = False, wrapped: bool = True, **properties: str) -> bytes:
    """Return an XMP packet; `exif_DateTimeOriginal` is the property `exif:DateTimeOriginal`."""
    pairs = [(name.replace("_", ":", 1), value) for name, value in properties.items()]
    if as_elements:
        body = "".join(f"<{name}>{value}</{name}>" for name, value in pairs)
        description = f'<rdf:Description rdf:about="" {_SPACES}>{body}</rdf:Description>'
    else:
        attributes = " ".join(f'{name}="{value}"' for name, value in pairs)
        description = f'<rdf:Description rdf:about="" {_SPACES} {attributes}/>'
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f"{description}</rdf:RDF></x:xmpmeta>"
    )
    if wrapped:
        packet = f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n{packet}\n<?xpacket end="w"?>'
    return packet.encode()


def iptc_resource(date: str = "", time: str = "") -> bytes:
    """Return Photoshop's image resources with an IPTC record, after another resource."""
    datasets = [(55, date), (60, time)]
    record = b"".join(
        b"\x1c\x02" + bytes([number]) + struct.pack(">H", len(text)) + text.encode()
        for number, text in datasets
        if text
    )
    return _resource(0x03ED, bytes(16)) + _resource(0x0404, record)


def _resource(number: int, body: bytes) -> bytes:
    return (
        b"8BIM"
        + struct.pack(">H", number)
        + b"\0\0"
        + struct.pack(">I", len(body))
        + body
        + bytes(len(body) % 2)
    )


def jpeg(*, exif: bytes = b"", xmp: bytes = b"", more_xmp: bytes = b"", iptc: bytes = b"") -> bytes:
    """Return a JPEG; `more_xmp` is a packet that goes on in further segments, the last of them first."""
    plain = _encoded("JPEG")
    blocks = [_segment(0xE1, b"Exif\0\0" + exif)] if exif else []
    if xmp:
        blocks.append(_segment(0xE1, _XAP + xmp))
    half = len(more_xmp) // 2
    for offset, part in ((half, more_xmp[half:]), (0, more_xmp[:half])):
        if more_xmp:
            head = _XMP_EXTENSION + b"0123456789ABCDEF" * 2 + struct.pack(">II", len(more_xmp), offset)
            blocks.append(_segment(0xE1, head + part))
    if iptc:
        blocks.append(_segment(0xED, b"Photoshop 3.0\0" + iptc))
    return plain[:2] + b"".join(blocks) + plain[2:]


def _segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def png(*, exif: bytes = b"", xmp: bytes = b"", packed_xmp: bytes = b"", texts: bytes = b"") -> bytes:
    """Return a PNG; `packed_xmp` is stored compressed, `texts` are whole chunks, see `png_text`."""
    plain = _encoded("PNG")
    chunks = chunk(b"eXIf", exif) if exif else b""
    if xmp:
        chunks += chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp)
    if packed_xmp:
        chunks += chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(packed_xmp))
    return plain[:33] + chunks + texts + plain[33:]


def png_text(kind: str, text: str, keyword: str = "Creation Time") -> bytes:
    """Return a text chunk: tEXt, zTXt, iTXt, or "iTXt packed"."""
    head, stored = keyword.encode() + b"\0", text.encode()
    match kind:
        case "tEXt":
            return chunk(b"tEXt", head + stored)
        case "zTXt":
            return chunk(b"zTXt", head + b"\0" + zlib.compress(stored))
        case "iTXt":
            return chunk(b"iTXt", head + b"\0\0en\0Creation Time\0" + stored)
        case _:
            return chunk(b"iTXt", head + b"\1\0en\0Creation Time\0" + zlib.compress(stored))


def png_raw_profile(name: str, body: bytes) -> bytes:
    """Return a chunk in which ImageMagick keeps a block of metadata."""
    text = f"\n{name}\n{len(body):8}\n{body.hex()}\n"
    return chunk(b"zTXt", f"Raw profile type {name}".encode() + b"\0\0" + zlib.compress(text.encode()))


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def webp(*, exif: bytes = b"", xmp: bytes = b"") -> bytes:
    return _encoded("WEBP", exif=exif, xmp=xmp)


def avif(*, exif: bytes = b"", xmp: bytes = b"") -> bytes:
    return _encoded("AVIF", exif=exif, xmp=xmp)


def heic(*, exif: bytes = b"", xmp: bytes = b"") -> bytes:
    file = io.BytesIO()
    pillow_heif.from_pillow(_picture()).save(file, exif=exif or None, xmp=xmp or None)
    return file.getvalue()


def tiff(*, exif: bytes = b"", xmp: bytes = b"", iptc: bytes = b"") -> bytes:
    """Return a TIFF; `iptc` are image resources."""
    if exif:
        return _encoded("TIFF", exif=exif)
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, body in ((700, xmp), (34377, iptc)):
        if body:
            tags[tag] = body
            tags.tagtype[tag] = 1
    return _encoded("TIFF", tiffinfo=tags)


def gif(*, xmp: bytes) -> bytes:
    """Return a GIF with an XMP packet in its application block (XMP specification, part 3, 1.1.2)."""
    plain = _encoded("GIF")
    trailer = b"\1" + bytes(range(255, -1, -1)) + b"\0"
    return plain[:-1] + b"\x21\xff\x0bXMP DataXMP" + xmp + trailer + plain[-1:]


def _picture() -> Image.Image:
    return Image.linear_gradient("L").resize((48, 32)).convert("RGB")


def _encoded(format_: str, **options: object) -> bytes:
    file = io.BytesIO()
    _picture().save(file, format_, **{name: value for name, value in options.items() if value})
    return file.getvalue()
