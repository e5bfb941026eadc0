"""
Packing: text as gzip for whoever takes it (RFC 9110, 8.4.1.3 and 12.5.3).

How long something is when it is packed tells how much in it is alike. Whoever could choose some of the words and see
the lengths would guess the others (the attack called BREACH), so nothing is packed in which something stands that came
along in a link.
"""

from __future__ import annotations

import gzip
import re

from starlette.requests import Request

_NOT_AT_ALL = re.compile(r"q=0(?:\.0{0,3})?")


def accepts_gzip(request: Request) -> bool:
    """Say whether a browser can unpack gzip."""
    for coding in request.headers.get("accept-encoding", "").lower().split(","):
        name, _, weight = coding.partition(";")
        if name.strip() == "gzip":
            return not _NOT_AT_ALL.fullmatch(weight.strip())
    return False


def gzipped(text: bytes) -> bytes:
    """Return `text` as gzip, the same bytes each time."""
    return gzip.compress(text, compresslevel=6, mtime=0)
