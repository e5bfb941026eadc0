"""
Files for browsers: with ranges (RFC 9110, 14) and names that are safe on every system.

They come as open files, often without a name on the disk, or from a bucket: no web server could find anything there.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import AsyncIterator
from urllib.parse import quote

import anyio.to_thread
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from memorycapsule.domain.people import printable
from memorycapsule.services.reading import OpenedFile
from memorycapsule.services.vault import ADDRESS_LASTS

#: A file that a browser opens by itself may do nothing: no script, no form, no other file.
_FILE_POLICY = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; "
    "frame-ancestors 'none'; sandbox"
)
#: A finished film or photo never changes under its address.
_OPEN_CACHE = "private, max-age=86400"
_SEALED_CACHE = "private, no-store"
_CHUNK_BYTES = 256 * 1024
#: A browser that goes where it was sent at the last moment still finds the address valid.
_SECONDS_ON_THE_WAY = 60
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
#: RFC 8187, attr-char, besides letters and digits.
_UNQUOTED = "!#$&+-.^_`|~"
_LONGEST_NAME = 120


def answer_elsewhere(address: str) -> Response:
    """Return an answer that sends a browser to where a file lies; it may come back by itself before that ends."""
    kept = int(ADDRESS_LASTS.total_seconds()) - _SECONDS_ON_THE_WAY
    return RedirectResponse(address, status_code=307, headers={"cache-control": f"private, max-age={kept}"})


class FileAnswer(StreamingResponse):
    """
    A response with an open file, which is closed when the response ends, however it does.

    `tag` names the content for ever (ETag). With `as_download`, the browser saves it under the file's name.
    """

    def __init__(self, file: OpenedFile, *, tag: str, as_download: bool = False) -> None:
        self._stream = file.stream
        self._size = file.stream.seek(0, os.SEEK_END)
        self._tag = f'"{tag}"'
        self._is_private = file.is_private
        super().__init__(
            self._chunks(0, 0),
            media_type=file.content_type,
            headers={
                "accept-ranges": "bytes",
                "cache-control": _SEALED_CACHE if file.is_private else _OPEN_CACHE,
                "content-disposition": content_disposition(file.name, as_download=as_download),
                "content-security-policy": _FILE_POLICY,
            },
        )
        if not file.is_private:
            self.headers["etag"] = self._tag

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            start, end = self._prepare(Headers(scope=scope))
            if scope["method"] == "HEAD":
                start = end
            self.body_iterator = self._chunks(start, end)
            await super().__call__(scope, receive, send)
        finally:
            self._stream.close()

    def _prepare(self, request: Headers) -> tuple[int, int]:
        """Set status and headers for the headers of a request, and return the bytes to send as [start, end)."""
        if not self._is_private and self._tag in request.get("if-none-match", ""):
            self.status_code = 304
            del self.headers["content-type"]
            return 0, 0
        self.status_code, start, end = requested_range(request, self._tag, self._size)
        self.headers.update(range_headers(self.status_code, start, end, self._size))
        return start, end

    async def _chunks(self, start: int, end: int) -> AsyncIterator[bytes]:
        self._stream.seek(start)
        while start < end:
            chunk = await anyio.to_thread.run_sync(self._stream.read, min(_CHUNK_BYTES, end - start))
            if not chunk:
                raise OSError("a file became shorter while it was sent")
            start += len(chunk)
            yield chunk


def requested_range(request: Headers, tag: str, size: int) -> tuple[int, int, int]:
    """
    Return the status, and the bytes to send as [start, end), for the headers of a request.

    The file has `size` bytes and the entity tag `tag`.
    """
    # Only a strong, equal tag lets a range continue what the browser has (RFC 9110, 13.1.5).
    is_current = request.get("if-range") in {None, tag}
    asked = _RANGE.fullmatch(request.get("range", "").strip()) if is_current else None
    if asked is None or not any(asked.groups()):
        # For several ranges at once, and for no range at all, the whole file is a right answer (14.2).
        return 200, 0, size
    first, last = asked.groups()
    if not first:
        start, end = max(size - int(last), 0), size
    elif last and int(last) < int(first):
        return 200, 0, size
    else:
        start, end = int(first), min(int(last), size - 1) + 1 if last else size
    return (206, start, end) if start < end else (416, 0, 0)


def range_headers(status: int, start: int, end: int, size: int) -> dict[str, str]:
    """Return the response headers for what `requested_range` has found."""
    place = {206: f"bytes {start}-{end - 1}/{size}", 416: f"bytes */{size}"}.get(status)
    return {"content-length": str(end - start)} | ({"content-range": place} if place else {})


def content_disposition(name: str, *, as_download: bool) -> str:
    """
    Return a Content-Disposition (RFC 6266) for any name that a file came with.

    Both forms of the name are one line, without quotes, paths and characters that turn text around.
    """
    clean = printable(name.replace("\\", "/").rpartition("/")[2], 2000).lstrip(".") or "file"
    stem, dot, ending = clean.rpartition(".")
    if dot and len(ending) <= 10:
        clean = f"{stem[: _LONGEST_NAME - 11]}.{ending}"
    clean = clean[:_LONGEST_NAME]
    plain = _plain(clean)
    kind = "attachment" if as_download else "inline"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(clean, safe=_UNQUOTED)}"


def _plain(name: str) -> str:
    """Return what old clients save a file under: its name without accents and without what is not ASCII."""
    ascii_part = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    stem, dot, ending = ascii_part.rpartition(".")
    if not dot:
        stem, ending = ascii_part, ""
    stem = re.sub(
        r"[^A-Za-z0-9]+$|^[^A-Za-z0-9]+", "", re.sub(r"\s+", " ", re.sub(r"[^A-Za-z0-9._ -]", "_", stem))
    )
    ending = re.sub(r"[^A-Za-z0-9]", "", ending)
    return f"{stem or 'file'}.{ending}" if ending else stem or "file"
