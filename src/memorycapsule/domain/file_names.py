"""Names of files: as near as can be to what somebody wrote, and fit for every file system."""

from __future__ import annotations

import re

from memorycapsule.domain.people import printable

#: Longer names make trouble on other people's computers, whose limit is 255 bytes (UTF-8: 3 for a Korean letter).
_LONGEST_NAME = 60
#: What Windows keeps for itself in names, and for devices.
_UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
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


def is_system_file(name: str) -> bool:
    """Return whether this is a file that Windows or macOS leaves in every folder; such files are skipped silently."""
    return name.startswith("._") or name.lower() in {"thumbs.db", ".ds_store", "desktop.ini", "ehthumbs.db"}
