"""
Compression: text as gzip for browsers that take it (RFC 9110, 8.4.1.3 and 12.5.3).

The length of compressed text tells how often it repeats itself. An attacker who can choose a part of the text and see
the lengths could guess the rest of it (the attack called BREACH). So no page is compressed that repeats anything from
a link.
"""

from __future__ import annotations

import gzip
import re

from starlette.requests import Request

_REFUSED = re.compile(r"q=0(?:\.0{0,3})?")


def accepts_gzip(request: Request) -> bool:
    """Say whether a browser takes gzip."""
    for coding in request.headers.get("accept-encoding", "").lower().split(","):
        name, _, weight = coding.partition(";")
        if name.strip() == "gzip":
            return not _REFUSED.fullmatch(weight.strip())
    return False


def gzipped(text: bytes) -> bytes:
    """Return `text` as gzip, the same bytes each time."""
    return gzip.compress(text, compresslevel=6, mtime=0)
