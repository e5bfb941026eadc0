"""Everything of an open capsule as one zip: of a length that is known before, with nothing of it in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from zipstream import ZipStream
from zipstream.ng import ZipStreamInfo

from memorycapsule.app import App
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.protocol.files import disposition, span, span_headers
from memorycapsule.daemon.http.protocol.sessions import Cookie, cookie_viewers, first_with_access
from memorycapsule.services import archive
from memorycapsule.services.archive import Archive, ArchiveFile

_CHUNK_BYTES = 256 * 1024
#: No zip knows of anything before.
_EARLIEST = (1980, 1, 1, 0, 0, 0)


def routes(app: App, pages: Pages, cookie: Cookie) -> APIRouter:
    router = APIRouter()

    @router.api_route("/g/c/{capsule_id}/everything.zip", methods=["GET", "HEAD"])
    def everything_zip(request: Request, capsule_id: UUID) -> Response:
        words = pages.wording(request)
        found = first_with_access(
            cookie_viewers(app.store, cookie, request),
            lambda viewer: archive.of_capsule(
                app.store, app.vault, viewer, str(capsule_id), language=words.language
            ),
        )
        return zip_answer(request, found)

    return router


def zip_answer(request: Request, found: Archive) -> Response:
    """Return the zip, or the part of it that is asked for."""
    zipped = _zipped(found)
    size = len(zipped)
    tag = _tag(found)
    status, start, end = span(request.headers, tag, size)
    headers = {
        "accept-ranges": "bytes",
        "cache-control": "private, no-cache",
        "content-disposition": disposition(f"{found.name}.zip", as_download=True),
        "etag": tag,
        **span_headers(status, start, end, size),
    }
    body = iter(()) if request.method == "HEAD" or start == end else _part(zipped, start, end)
    return StreamingResponse(body, status_code=status, media_type="application/zip", headers=headers)


def _zipped(found: Archive) -> ZipStream:
    """Return the zip, stored and not packed: photos and films are packed already, and its length is known."""
    zipped = _Steady(found.files)
    for file in found.files:
        zipped.add(_bytes_of(file) if file.open else file.content, file.path, size=file.size)
    return zipped


class _Steady(ZipStream):  # type: ignore[misc] # it has no types
    """A zip that is the same whenever it is made, so that a download that broke off can go on."""

    def __init__(self, files: Sequence[ArchiveFile]) -> None:
        super().__init__(sized=True)
        self._dates = {file.path: file.local.timetuple()[:6] for file in files}

    def _gen_file_entry(
        self, *, arcname: str, size: int, iterable: Iterable[bytes] | None = None, data: bytes = b""
    ) -> Iterator[bytes]:
        # As the one that it takes the place of, but for the date, which would be that of the download.
        entry = ZipStreamInfo(arcname, max(self._dates[arcname], _EARLIEST))
        entry.external_attr = 0o644 << 16
        entry.file_size = size
        entry.header_offset = self._pos
        for chunk in entry._file_data(iter((data,)) if iterable is None else iterable):
            yield self._track(chunk)
        self._filelist.append(entry)


def _bytes_of(file: ArchiveFile) -> Iterator[bytes]:
    assert file.open is not None
    sent = 0
    with file.open() as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            sent += len(chunk)
            yield chunk
    if sent != file.size:
        # Bytes that do not fit the length that was said would spoil all that follows.
        raise OSError("a file is not as long as it was when it was put in")


def _part(zipped: ZipStream, start: int, end: int) -> Iterator[bytes]:
    """Yield the bytes [start, end). What lies before is read again, for its checksums stand at the end."""
    at = 0
    for chunk in zipped:
        piece = chunk[max(start - at, 0) : max(end - at, 0)]
        at += len(chunk)
        if piece:
            yield piece
        if at >= end:
            return


def _tag(found: Archive) -> str:
    """Return what changes with anything in the zip: it is made anew each time, and equal to the last byte."""
    digest = hashlib.sha256()
    for file in found.files:
        digest.update(f"{file.path}\0{file.size}\0".encode() + file.content)
    return f'"{digest.hexdigest()[:32]}"'
