"""
Paths of mailed links as people and programs copy them: in capitals, or with what stood behind the link.

Messengers take brackets, full stops, quotes and endings of words into a link, and QR codes may be all in capitals.
"""

from __future__ import annotations

import re

from memorycapsule.domain.sessions import TOKEN_LENGTH, clean_token

#: What goes before a token, the token with whatever stands around it, and the page behind it.
_LINK = re.compile(
    r"(/g/(?:i|o|v|consent)/|/sign-in/|/set-up/)([^/]+)(/[a-z]+)?.*", re.IGNORECASE | re.DOTALL
)


def mended(path: str) -> str:
    """Return the path of a page behind a link's token, without the path of the public address; others as they are."""
    link = _LINK.fullmatch(path)
    if link is None:
        return path
    token = clean_token(link[2])
    return f"{link[1].lower()}{token}{(link[3] or '').lower()}" if len(token) == TOKEN_LENGTH else path
