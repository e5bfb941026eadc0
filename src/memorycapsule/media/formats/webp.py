"""WebP (RFC 9649): damaged files."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memorycapsule.media.formats.damage import with_rows_grey

_PICTURE_CHUNKS = {b"VP8 ", b"VP8L"}
#: What is put behind the end of a cut picture, and zeros behind it: pixels that depend on it are not the file's.
_FILLINGS = (b"", b"\x80", b"\x01")

Decode = Callable[[bytes], NDArray[Any] | None]


def mended(data: bytes, decode: Decode) -> tuple[NDArray[Any] | None, bool]:
    """
    Return the picture of a cut file, with grey for what is missing, and whether anything of it is missing.

    The picture is None when nothing can be decoded. Raises MediaRefused when too much is missing.
    """
    data = data.rstrip(b"\0")
    chunks, missing = _whole_chunks(data)
    if not missing:
        # An animation has lost frames behind its first one, any other file what stands behind its picture.
        return decode(_file(chunks)), any(chunk.startswith(b"ANMF") for chunk in chunks)
    versions = [decode(_file(chunks, (filling + bytes(missing))[:missing])) for filling in _FILLINGS]
    decoded = [version for version in versions if version is not None]
    if len(decoded) < 2:
        return None, True
    first, *others = decoded
    return with_rows_grey(first, min(_first_difference(first, other) for other in others)), True


def _first_difference(one: NDArray[Any], other: NDArray[Any]) -> int:
    differing = np.flatnonzero((one != other).reshape(one.shape[0], -1).any(axis=1))
    return int(differing[0]) if len(differing) else one.shape[0]


def _whole_chunks(data: bytes) -> tuple[list[bytes], int]:
    """Return the chunks up to the cut, and how many bytes are missing of the last one, a picture."""
    chunks: list[bytes] = []
    at = 12
    while at + 8 <= len(data):
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + 8 + length
        if end <= len(data):
            chunks.append(data[at:end] + bytes(length & 1))
        elif kind in _PICTURE_CHUNKS:
            chunks.append(data[at:])
            return chunks, end - len(data)
        at = end + (length & 1)
    return chunks, 0


def _file(chunks: list[bytes], filling: bytes = b"") -> bytes:
    body = b"WEBP" + b"".join(chunks) + filling
    body += bytes(len(body) & 1)
    return b"RIFF" + len(body).to_bytes(4, "little") + body
