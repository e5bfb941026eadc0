"""Names of files: as near as can be to what somebody wrote, and fit for every file system."""

from __future__ import annotations

import mimetypes
import re

from memorycapsule.domain.people import printable

#: Longer names make trouble on other people's computers, whose limit is 255 bytes (UTF-8: 3 for a Korean letter).
_LONGEST_NAME = 60
#: What Windows keeps for itself in names, and for devices.
_UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
#: Endings by `Prepared.format`, the usual one first.
_ENDINGS = {
    "JPEG": ("jpg", "jpeg", "jpe", "jfif"),
    "PNG": ("png", "apng"),
    "WebP": ("webp",),
    "AVIF": ("avif", "avifs"),
    "HEIC": ("heic", "heif", "hif"),
    "TIFF": ("tif", "tiff"),
    "BMP": ("bmp", "dib"),
    "GIF": ("gif",),
    "MP4": ("mp4", "m4v", "3gp", "3g2", "mov"),
    "MOV": ("mov", "qt", "mp4", "m4v"),
    "MTS": ("mts", "m2ts", "ts", "m2t", "tod", "trp"),
    "M4A": ("m4a", "mp4", "m4b"),
    "MP3": ("mp3",),
    "Ogg": ("ogg", "oga", "opus"),
    "WebM": ("webm", "weba"),
    "WAV": ("wav",),
    "FLAC": ("flac",),
}
_OF_MEDIA = {ending for endings in _ENDINGS.values() for ending in endings}
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def safe_name(name: str, otherwise: str = "file") -> str:
    """Return a name that every file system takes, as near as can be to what somebody wrote."""
    clean = _UNSAFE.sub(" ", printable(name.replace("\\", "/"), 500))
    clean = " ".join(clean.split())
    stem, dot, ending = clean.rpartition(".")
    if dot and stem and len(ending) <= 5 and ending.isalnum():
        clean = f"{stem[: _LONGEST_NAME - 6].strip(' .')}.{ending}"
    else:
        clean = clean[:_LONGEST_NAME]
    clean = clean.strip(" .") or otherwise
    return f"_{clean}" if _DEVICE.fullmatch(clean) else clean


def with_ending(name: str, format_: str) -> str:
    """
    Return a file's name with an ending that programs know its format by.

    `format_` is one of `Prepared.format`. An ending of another photo, clip or sound is replaced, one that says nothing
    is kept as part of the name, and a document's ending, which somebody meant, stays.
    """
    endings = _ENDINGS.get(format_)
    stem, dot, ending = name.rpartition(".")
    if endings is None or (dot and ending.lower() in endings):
        return name
    kind, _ = mimetypes.guess_type(f"x.{ending}") if dot else (None, None)
    is_of_media = ending.lower() in _OF_MEDIA or (kind or "").partition("/")[0] in {"image", "video", "audio"}
    if dot and kind and not is_of_media:
        return name
    return f"{stem if dot and stem and is_of_media else name}.{endings[0]}"


def is_system_file(name: str) -> bool:
    """Return whether this is a file that Windows or macOS leaves in every folder; such files are skipped silently."""
    return name.startswith("._") or name.lower() in {"thumbs.db", ".ds_store", "desktop.ini", "ehthumbs.db"}
