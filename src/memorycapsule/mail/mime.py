"""
The MIME parts of a letter (RFC 2045, 2046), as bytes with CRLF line ends.

Not by `email.message.EmailMessage`: it takes apart again each header that it is given, which cost a letter as much as
its way to the mail server.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence

#: RFC 2045 section 6.7: encoded lines have at most so many characters.
_LONGEST_LINE = 76


def text_part(subtype: str, text: str, *, parameters: str = "", disposition: str = "") -> bytes:
    """Return a part of text in UTF-8. What is given more ends up in its headers as it is: it must be ASCII."""
    encoding, body = _encoded(text)
    headers = [
        f'Content-Type: text/{subtype}; charset="utf-8"{parameters}',
        f"Content-Transfer-Encoding: {encoding}",
    ]
    if disposition:
        headers.append(f"Content-Disposition: {disposition}")
    return "\r\n".join([*headers, "", ""]).encode("ascii") + body


def multipart(subtype: str, parts: Sequence[bytes], *, name: str) -> bytes:
    """Return several parts as one; its boundary is derived from `name`, so that the same letter has the same bytes."""
    boundary = f"=_{hashlib.sha256(f'{subtype} {name}'.encode()).hexdigest()[:32]}"
    fence = f"\r\n--{boundary}".encode("ascii")
    head = f'Content-Type: multipart/{subtype};\r\n boundary="{boundary}"\r\n'.encode("ascii")
    return head + b"".join(fence + b"\r\n" + part for part in parts) + fence + b"--\r\n"


def _encoded(text: str) -> tuple[str, bytes]:
    """Return how a text is encoded, and its encoded bytes: as it is if it may be, or what is shorter."""
    lines = text.encode().splitlines()
    data = b"\r\n".join([*lines, b""])
    # 7bit, as not every server takes 8BITMIME.
    if data.isascii() and all(len(line) <= _LONGEST_LINE for line in lines):
        return "7bit", data
    quoted = binascii.b2a_qp(data, istext=True)
    plain = base64.encodebytes(data).replace(b"\n", b"\r\n")
    return ("quoted-printable", quoted) if len(quoted) <= len(plain) else ("base64", plain)
