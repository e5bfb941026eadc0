"""
Recognising a file's format by its first bytes, never by its name.

Nothing is decoded here: a few bytes are compared. The answer is a format that is accepted, or a refusal that says
what the file is instead.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Literal, TypeGuard
from uuid import UUID

from memorycapsule.errors import MediaRefused, Refusal
from memorycapsule.processes import music_heads
from memorycapsule.processes.music_heads import find_music, find_stray_frames

#: How many bytes are enough to recognise every format below.
HEAD_BYTES = music_heads.HEAD_BYTES
#: A text is known by so many.
_TEXT_BYTES = 4096

Format = Literal["JPEG", "PNG", "WebP", "AVIF", "HEIC", "TIFF", "BMP", "GIF", "MP4", "MOV", "MTS"]
#: MP4, MOV, and the transport stream of camcorders (AVCHD) and recorders.
ClipFormat = Literal["MP4", "MOV", "MTS"]
#: Formats of sound. A WebM may hold a picture, too: only its tracks tell, which are not read here.
Sound = Literal["mp3", "m4a", "ogg", "flac", "wav", "webm"]

CLIP_FORMATS: tuple[ClipFormat, ...] = ("MP4", "MOV", "MTS")
SOUND_FORMATS: tuple[Sound, ...] = ("mp3", "m4a", "ogg", "flac", "wav", "webm")

#: EBML (RFC 8794), and the document type of WebM in its header.
_EBML, _WEBM = b"\x1aE\xdf\xa3", b"webm"
_EBML_HEADER_BYTES = 64

_SYNC = 0x47
#: So many packets in a row are no accident.
_FEWEST_PACKETS = 8
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {
    b"heic",
    b"heix",
    b"heim",
    b"heis",
    b"hevc",
    b"hevx",
    b"hevm",
    b"hevs",
    b"mif1",
    b"msf1",
    b"miaf",
}
_MUSIC_BRANDS = {b"M4A ", b"M4B ", b"M4P "}
#: Audio books of Audible, and what shops of telephone companies sold (OMA DRM 2.0).
_PROTECTED_BRANDS = {b"aax ", b"aaxc", b"odcf"}
_QUICKTIME_ATOMS = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}

#: The header object of ASF, and the objects in it that say that the content is encrypted: the simple one, the extended
#: one and the advanced one (Advanced Systems Format Specification, 10.1, 3.14 to 3.16).
_WINDOWS_MEDIA = b"0&\xb2u\x8ef\xcf\x11"
_ENCRYPTED = tuple(
    UUID(one).bytes_le
    for one in (
        "2211b3fb-bd23-11d2-b4b7-00a0c955fc6e",
        "298ae614-2622-4c17-b935-dae07ee9289c",
        "43058533-6981-49e6-9b74-ad12cb86d58c",
    )
)
#: The format of Audible before it was an MP4.
_AUDIBLE = b"\x57\x90\x75\x36"

_RAW = partial(MediaRefused, Refusal.RAW)
_JPEG_XL = partial(MediaRefused, Refusal.OTHER_PICTURE, format="JPEG XL")
_SVG = partial(MediaRefused, Refusal.OTHER_DRAWING, format="SVG")

_MAGIC: tuple[tuple[bytes, Callable[[], MediaRefused]], ...] = (
    (b"%PDF-", partial(MediaRefused, Refusal.PDF)),
    (b"PK\x03\x04", partial(MediaRefused, Refusal.ARCHIVE, format="ZIP")),
    (b"PK\x05\x06", partial(MediaRefused, Refusal.EMPTY_ARCHIVE, format="ZIP")),
    (b"Rar!", partial(MediaRefused, Refusal.ARCHIVE, format="RAR")),
    (b"7z\xbc\xaf", partial(MediaRefused, Refusal.ARCHIVE, format="7z")),
    (b"\x1f\x8b", partial(MediaRefused, Refusal.COMPRESSED_ARCHIVE)),
    (b"\x00\x05\x16\x07", partial(MediaRefused, Refusal.MACOS_SIDE_FILE)),
    (b"\x00\x05\x16\x00", partial(MediaRefused, Refusal.MACOS_SIDE_FILE)),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", partial(MediaRefused, Refusal.WINDOWS_FILE)),
    (b"8BPS", partial(MediaRefused, Refusal.PHOTOSHOP_DOCUMENT)),
    (b"\xff\x0a", _JPEG_XL),
    (b"\x00\x00\x00\x0cJXL ", _JPEG_XL),
    (b"\x00\x00\x00\x0cjP  ", partial(MediaRefused, Refusal.OTHER_PICTURE, format="JPEG 2000")),
    (b"FUJIFILMCCD-RAW", _RAW),
    (b"IIU\x00", _RAW),
    (b"IIRO", _RAW),
    (b"IIRS", _RAW),
    (_EBML, partial(MediaRefused, Refusal.OTHER_VIDEO, format="Matroska")),
    (b"\x00\x00\x01\xba", partial(MediaRefused, Refusal.OTHER_VIDEO, format="MPEG")),
    (b"\x00\x00\x01\xb3", partial(MediaRefused, Refusal.OTHER_VIDEO, format="MPEG")),
    (b"FLV\x01", partial(MediaRefused, Refusal.OTHER_VIDEO, format="Flash")),
    (b"MThd", partial(MediaRefused, Refusal.SCORE)),
    (b"\x7fELF", partial(MediaRefused, Refusal.PROGRAM)),
    (b"MZ", partial(MediaRefused, Refusal.PROGRAM)),
)

_TEXTS: tuple[tuple[re.Pattern[str], Callable[[], MediaRefused]], ...] = (
    (re.compile(r"<svg[\s>]", re.IGNORECASE), _SVG),
    (re.compile(r"<!doctype svg", re.IGNORECASE), _SVG),
    (
        re.compile(r"<(!doctype html|html|head|body|script)[\s>]", re.IGNORECASE),
        partial(MediaRefused, Refusal.WEB_PAGE),
    ),
    (re.compile(r"\A\s*<\?xml"), partial(MediaRefused, Refusal.XML_DOCUMENT)),
    (
        re.compile(r"\A\s*(#EXTM3U|ffconcat|\[playlist\])", re.IGNORECASE),
        partial(MediaRefused, Refusal.PLAYLIST),
    ),
    (re.compile(r"\A\s*push graphic-context"), partial(MediaRefused, Refusal.DRAWING_SCRIPT)),
    (re.compile(r"\A\s*/\* XPM \*/"), partial(MediaRefused, Refusal.OTHER_DRAWING, format="XPM")),
)


@dataclass(frozen=True)
class Window:
    """Bounded reads at any place of a file, without moving its offset."""

    descriptor: int
    size: int

    @classmethod
    def of(cls, upload: BinaryIO) -> "Window":
        descriptor = upload.fileno()
        return cls(descriptor, os.fstat(descriptor).st_size)

    def read(self, offset: int, count: int) -> bytes:
        """Return up to `count` bytes from `offset`; fewer (or none) at the end of the file."""
        return os.pread(self.descriptor, count, offset) if 0 <= offset < self.size else b""


def recognise(head: bytes) -> Format | Sound:
    """
    Return the format of a file that begins with `head` (up to HEAD_BYTES are looked at).

    Raises MediaRefused with what the file is instead.
    """
    if not head:
        raise MediaRefused(Refusal.EMPTY)
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if head.startswith(b"BM") and len(head) >= 26 and head[14:18] in _BMP_HEADERS:
        return "BMP"
    if head.startswith((b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")):
        if head[8:10] == b"CR":
            raise MediaRefused(Refusal.RAW)
        return "TIFF"
    if head[:4] == b"RIFF":
        return _riff(head[8:12])
    if head[4:8] == b"ftyp":
        return _base_media(head)
    if head[4:8] in _QUICKTIME_ATOMS:
        return "MOV"
    played = "MTS" if packet_layout(head) else _sound(head)
    return played or _stray_music(head)


def is_photo(found: Format | Sound) -> TypeGuard[Format]:
    """Return whether it is the format of a still picture."""
    return found not in CLIP_FORMATS and found not in SOUND_FORMATS


def is_clip(found: Format | Sound) -> TypeGuard[ClipFormat]:
    """Return whether it is the format of a moving picture; only its tracks tell whether an MP4 or MOV has one."""
    return found in CLIP_FORMATS


#: Sizes of the header that follows the BMP file header: OS/2, Windows 3, 4 and 5 and two of Adobe's.
_BMP_HEADERS = {size.to_bytes(4, "little") for size in (12, 40, 52, 56, 64, 108, 124)}


def _riff(kind: bytes) -> Format | Sound:
    if kind == b"WEBP":
        return "WebP"
    if kind == b"WAVE":
        return "wav"
    if kind == b"AVI ":
        raise MediaRefused(Refusal.OTHER_VIDEO, format="AVI")
    raise MediaRefused(Refusal.NOT_MEDIA)


def _base_media(head: bytes) -> Format | Sound:
    """Return the format of an ISO/IEC 14496-12 file, by the brands in its `ftyp` box."""
    length = min(int.from_bytes(head[:4], "big"), len(head))
    major = head[8:12]
    brands = {major} | {head[place : place + 4] for place in range(16, length - 3, 4)}
    if major == b"crx ":
        raise MediaRefused(Refusal.RAW)
    if major in _PROTECTED_BRANDS:
        raise MediaRefused(Refusal.COPY_PROTECTED)
    if major == b"jxl ":
        raise MediaRefused(Refusal.OTHER_PICTURE, format="JPEG XL")
    if major in _MUSIC_BRANDS:
        return "m4a"
    if brands & _AVIF_BRANDS:
        return "AVIF"
    if major in _HEIC_BRANDS or brands & (_HEIC_BRANDS - {b"mif1", b"msf1", b"miaf"}):
        return "HEIC"
    return "MOV" if major == b"qt  " else "MP4"


@dataclass(frozen=True)
class PacketLayout:
    """Where the packets of a transport stream are: in how many bytes they follow, and where the first begins."""

    length: int
    first_at: int


#: In the files of camcorders and Blu-ray discs four bytes of time come before each packet.
_LAYOUTS = (PacketLayout(188, 0), PacketLayout(192, 4))


def packet_layout(head: bytes) -> PacketLayout | None:
    """Return how the packets lie in a transport stream; None for anything else (ISO/IEC 13818-1, 2.4.3.2)."""
    for layout in _LAYOUTS:
        is_enough = len(head) >= _FEWEST_PACKETS * layout.length
        if is_enough and all(byte == _SYNC for byte in head[layout.first_at :: layout.length]):
            return layout
    return None


def _sound(head: bytes) -> Sound | None:
    if head.startswith(_EBML) and _WEBM in head[:_EBML_HEADER_BYTES]:
        return "webm"
    music = find_music(head)
    return music.format if music else None


def _stray_music(head: bytes) -> Sound:
    """Return the format of music behind bytes that nobody knows. Raises MediaRefused with what the file is instead."""
    refused = _what_else(head)
    if refused.refusal == Refusal.NOT_MEDIA and (music := find_stray_frames(head)):
        return music.format
    raise refused


def _what_else(head: bytes) -> MediaRefused:
    if head.startswith(_WINDOWS_MEDIA):
        if any(one in head for one in _ENCRYPTED):
            return MediaRefused(Refusal.COPY_PROTECTED)
        return MediaRefused(Refusal.OTHER_VIDEO, format="Windows Media")
    if head[4:8] == _AUDIBLE:
        return MediaRefused(Refusal.COPY_PROTECTED)
    for magic, refused in _MAGIC:
        if head.startswith(magic):
            return refused()
    text = _as_text(head[:_TEXT_BYTES])
    if text is None:
        return MediaRefused(Refusal.NOT_MEDIA)
    for pattern, refused in _TEXTS:
        if pattern.search(text):
            return refused()
    return MediaRefused(Refusal.TEXT)


def _as_text(head: bytes) -> str | None:
    """Return `head` as text, or None when it is not; a character cut off at its end does not count."""
    if len(head) < 4 or b"\x00" in head:
        return None
    for cut in range(4):
        try:
            text = head[: len(head) - cut].decode("utf-8")
        except UnicodeDecodeError:
            continue
        # Noise that happens to be ASCII is full of control characters.
        return text if not re.search(r"[\x01-\x08\x0e-\x1a\x1c-\x1f]", text) else None
    return None
