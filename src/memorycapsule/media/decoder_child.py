"""
The limited child that decodes strangers' photos: `python -m memorycapsule.media.decoder_child DESCRIPTOR`.

It talks over a socket with `DecoderProcess`. It says READY once it has started. A request is one JSON object
{"format", "memory_bytes", "cpu_seconds"}, with the file as a descriptor. The answer is four bytes of length
(big-endian), a JSON header and two JPEGs. The header is {"width", "height", "taken": {"local",
"offset_seconds", "form"}, "has_gps", "camera", "gps_at", "missing", "parts": [bytes, bytes]}; or without pictures
{"refused": {"code", "values"}} or {"postponed": true}. The child ends after those: a file that broke a decoder may have
harmed the process.
"""

import json
import math
import os
import resource
import socket
import sys
from typing import Any

#: What the child says when it can take the first request.
READY = b"r"
#: Longest request line in bytes.
MOST_REQUEST_BYTES = 4096
JPEG_QUALITY = 92
THUMBNAIL_QUALITY = 85


def main() -> None:
    line = socket.socket(fileno=int(sys.argv[1]))
    # libjpeg reports damage on standard error only. As a file in memory, `photo_decoding` can read it back.
    os.dup2(os.memfd_create("warnings"), 2)
    # Loading all this takes longer than decoding, and is no photo's work.
    from memorycapsule.media import photo_decoding  # noqa: F401

    line.sendall(READY)
    while True:
        message, descriptors, _, _ = socket.recv_fds(line, MOST_REQUEST_BYTES, 1)
        if not message:
            return
        request = json.loads(message)
        _limit_memory(request["memory_bytes"])
        _limit_cpu(request["cpu_seconds"])
        header, parts = _answer(descriptors[0], request["format"])
        os.close(descriptors[0])
        encoded = json.dumps(header).encode()
        line.sendall(len(encoded).to_bytes(4, "big") + encoded)
        for part in parts:
            line.sendall(part)
        if not parts:
            return


def _limit_memory(memory_bytes: int) -> None:
    """Set the soft limit for this file. The hard limit, which the parent has set, is never exceeded."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        memory_bytes = min(memory_bytes, hard)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, hard))


def _limit_cpu(cpu_seconds: int) -> None:
    """Let this file take so much CPU time from now on: SIGXCPU then ends the process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(usage.ru_utime + usage.ru_stime) + cpu_seconds
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(
        resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard)
    )


def _answer(descriptor: int, format_: Any) -> tuple[dict[str, Any], list[bytes]]:
    from memorycapsule.domain.refusals import refusal_fields
    from memorycapsule.errors import MediaRefused, Postponed, Refusal

    try:
        return _prepare(descriptor, format_)
    except MediaRefused as error:
        return {"refused": refusal_fields(error)}, []
    except Postponed:
        return {"postponed": True}, []
    except MemoryError:
        return {"refused": refusal_fields(MediaRefused(Refusal.TOO_MUCH_MEMORY))}, []


def _prepare(descriptor: int, format_: Any) -> tuple[dict[str, Any], list[bytes]]:
    import cv2

    from memorycapsule.domain.film.framing import fitted_size
    from memorycapsule.domain.stories import Missing
    from memorycapsule.media.photo_decoding import decode_photo
    from memorycapsule.media.prepared import THUMBNAIL_SIDE
    from memorycapsule.media.sniff import Window

    cv2.setNumThreads(1)
    photo = decode_photo(Window(descriptor, os.fstat(descriptor).st_size), format_)
    height, width = photo.pixels.shape[:2]
    small = cv2.resize(photo.pixels, fitted_size(width, height, THUMBNAIL_SIDE), interpolation=cv2.INTER_AREA)
    parts = [
        cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        for picture, quality in ((photo.pixels, JPEG_QUALITY), (small, THUMBNAIL_QUALITY))
    ]
    gps_at = photo.exif.gps_at
    header = {
        "width": photo.width,
        "height": photo.height,
        "taken": photo.taken and {**vars(photo.taken), "local": photo.taken.local.isoformat()},
        "has_gps": photo.exif.has_gps,
        "camera": photo.exif.camera,
        "gps_at": gps_at.isoformat() if gps_at else None,
        "missing": [Missing.PICTURE] if photo.is_incomplete else [],
        "parts": [len(part) for part in parts],
    }
    return header, parts


if __name__ == "__main__":
    main()
