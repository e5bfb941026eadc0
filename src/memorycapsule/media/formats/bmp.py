"""BMP: damaged files."""

import struct

from memorycapsule.errors import MediaRefused, Refusal
from memorycapsule.media.formats.damage import GREY, check_good_part

#: Forms of storing rows one after the other, without compression.
_IN_ROWS = {0, 3, 6}


def mended(data: bytes) -> bytes:
    """
    Return a cut file at its full length, with grey for what is missing.

    Raises MediaRefused for a compressed file, and when too much is missing.
    """
    try:
        (start,) = struct.unpack_from("<I", data, 10)
        (header,) = struct.unpack_from("<I", data, 14)
        if header == 12:
            width, height, _planes, bits = struct.unpack_from("<HHHH", data, 18)
            form = 0
        else:
            width, height, _planes, bits, form = struct.unpack_from("<iiHHI", data, 18)
    except struct.error as error:
        raise MediaRefused(Refusal.HEADER_CUT) from error
    whole = (abs(width) * bits + 31) // 32 * 4 * abs(height)
    if form not in _IN_ROWS or not whole:
        raise MediaRefused(Refusal.PICTURE_UNREADABLE)
    missing = int(start + whole) - len(data)
    check_good_part(1 - missing / whole)
    return data + bytes([GREY]) * missing
