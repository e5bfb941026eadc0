"""
Files on their way to a browser: with ranges (RFC 9110, 14) and names that are safe everywhere.

They come as open files, often without a name on the disk, so that nothing unsealed lies about for a web server
to pick up.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from urllib.parse import quote

import anyio.to_thread
from starlette.datastructures import Headers
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from memorycapsule.domain.people import printable
from memorycapsule.services.reading import OpenedFile

#: A file that is opened by itself may do nothing: no script, no form, no other file but itself.
_FILE_POLICY = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; "
    "frame-ancestors 'none'; sandbox"
)
#: What belongs to a finished film or photo never changes under its address.
_OPEN_CACHE = "private, max-age=86400"
_SEALED_CACHE = "private, no-store"
_CHUNK_BYTES = 256 * 1024
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
#: RFC 8187, attr-char, besides letters and digits.
_UNQUOTED = "!#$&+-.^_`|~"
_LONGEST_NAME = 120


class FileAnswer(StreamingResponse):
    """
    An open file as an answer, closed when the answer is over however it ends.

    `tag` names its content for ever (ETag); `as_download` has the browser save it under the file's name.
    """

    def __init__(self, file: OpenedFile, *, tag: str, as_download: bool = False) -> None:
        self._stream = file.stream
        self._size = os.fstat(file.stream.fileno()).st_size
        self._tag = f'"{tag}"'
        self._is_private = file.is_private
        super().__init__(
            self._chunks(0, 0),
            media_type=file.content_type,
            headers={
                "accept-ranges": "bytes",
                "cache-control": _SEALED_CACHE if file.is_private else _OPEN_CACHE,
                "content-disposition": disposition(file.name, as_download=as_download),
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

    def _prepare(self, asked: Headers) -> tuple[int, int]:
        """Set status and headers for what is asked, and return the bytes to send as [start, end)."""
        if not self._is_private and self._tag in asked.get("if-none-match", ""):
            self.status_code = 304
            del self.headers["content-type"]
            return 0, 0
        self.status_code, start, end = span(asked, self._tag, self._size)
        self.headers.update(span_headers(self.status_code, start, end, self._size))
        return start, end

    async def _chunks(self, start: int, end: int) -> AsyncIterator[bytes]:
        descriptor = self._stream.fileno()
        while start < end:
            chunk = await anyio.to_thread.run_sync(
                os.pread, descriptor, min(_CHUNK_BYTES, end - start), start
            )
            if not chunk:
                raise OSError("a file became shorter while it was sent")
            start += len(chunk)
            yield chunk


def span(asked: Headers, tag: str, size: int) -> tuple[int, int, int]:
    """Return the status for what is asked of `size` bytes that are named `tag`, and which to send: [start, end)."""
    # Only a strong, equal tag lets a range continue what the browser has (RFC 9110, 13.1.5).
    is_current = asked.get("if-range") in {None, tag}
    wanted = _RANGE.fullmatch(asked.get("range", "").strip()) if is_current else None
    if wanted is None or not any(wanted.groups()):
        # Several ranges at once, or what is no range: the whole file is a right answer (14.2).
        return 200, 0, size
    first, last = wanted.groups()
    if not first:
        start, end = max(size - int(last), 0), size
    elif last and int(last) < int(first):
        return 200, 0, size
    else:
        start, end = int(first), min(int(last), size - 1) + 1 if last else size
    return (206, start, end) if start < end else (416, 0, 0)


def span_headers(status: int, start: int, end: int, size: int) -> dict[str, str]:
    """Return what an answer says about the bytes that `span` has found."""
    place = {206: f"bytes {start}-{end - 1}/{size}", 416: f"bytes */{size}"}.get(status)
    return {"content-length": str(end - start)} | ({"content-range": place} if place else {})


def disposition(name: str, *, as_download: bool) -> str:
    """
    Return a Content-Disposition (RFC 6266) for whatever name a file came with.

    Both forms of the name hold one line without quotes, paths and characters that turn text around.
    """
    clean = printable(name.replace("\\", "/").rpartition("/")[2], 2000).lstrip(".") or "file"
    stem, dot, ending = clean.rpartition(".")
    if dot and len(ending) <= 10:
        clean = f"{stem[: _LONGEST_NAME - 11]}.{ending}"
    clean = clean[:_LONGEST_NAME]
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", clean)
    kind = "attachment" if as_download else "inline"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(clean, safe=_UNQUOTED)}"
