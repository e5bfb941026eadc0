"""
The archive of an open capsule: all photos, words and films as one zip.

Its length is known before it is sent, and no file of it is ever whole in memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from zipstream import ZipStream
from zipstream.ng import ZipStreamInfo

from memorycapsule.daemon.http.dependencies import GET, AppDep, BrowserViewers, PagesDep
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.files import content_disposition, range_headers, requested_range
from memorycapsule.daemon.http.protocol.sessions import first_with_access
from memorycapsule.services import archive
from memorycapsule.services.archive import Archive, ArchiveFile

_CHUNK_BYTES = 256 * 1024
#: The earliest date that a zip can hold.
_EARLIEST = (1980, 1, 1, 0, 0, 0)
router = APIRouter()


@router.api_route("/g/c/{capsule_id}/everything.zip", methods=GET)
@for_whom(Audience.NOBODY, once_open=Audience.MEMBERS)
def send_archive(
    request: Request, app: AppDep, pages: PagesDep, viewers: BrowserViewers, capsule_id: UUID
) -> Response:
    words = pages.wording(request)
    found = first_with_access(
        viewers,
        lambda viewer: archive.of_capsule(
            app.store, app.vault, viewer, str(capsule_id), language=words.language
        ),
    )
    return zip_answer(request, found)


def zip_answer(request: Request, found: Archive) -> Response:
    """Return the zip, or the range of it that the request asks for."""
    zipped = make_zip(found)
    size = len(zipped)
    tag = _tag(found)
    status, start, end = requested_range(request.headers, tag, size)
    headers = {
        "accept-ranges": "bytes",
        "cache-control": "private, no-cache",
        "content-disposition": content_disposition(f"{found.name}.zip", as_download=True),
        "etag": tag,
        **range_headers(status, start, end, size),
    }
    body = iter(()) if request.method == "HEAD" or start == end else _range(zipped, start, end)
    return StreamingResponse(body, status_code=status, media_type="application/zip", headers=headers)


def make_zip(found: Archive) -> ZipStream:
    """Return the zip, uncompressed: photos and films are compressed already, and so its length is known."""
    zipped = _ReproducibleZip(found.files)
    for file in found.files:
        zipped.add(_chunks(file) if file.open else file.content, file.path, size=file.size)
    return zipped


class _ReproducibleZip(ZipStream):  # type: ignore[misc] # it has no types
    """A zip with the same bytes whenever it is made, so that a download that broke off can go on."""

    def __init__(self, files: Sequence[ArchiveFile]) -> None:
        super().__init__(sized=True)
        self._dates = {file.path: file.local.timetuple()[:6] for file in files}

    def _gen_file_entry(
        self, *, arcname: str, size: int, iterable: Iterable[bytes] | None = None, data: bytes = b""
    ) -> Iterator[bytes]:
        # Like the method that this overrides, but for the date, which would be that of the download.
        entry = ZipStreamInfo(arcname, max(self._dates[arcname], _EARLIEST))
        entry.external_attr = 0o644 << 16
        entry.file_size = size
        entry.header_offset = self._pos
        content = iter((data,)) if iterable is None else iterable
        for chunk in entry._file_data(content):  # noqa: SLF001 - the version is pinned, and a test holds the hook
            yield self._track(chunk)
        self._filelist.append(entry)


def _chunks(file: ArchiveFile) -> Iterator[bytes]:
    assert file.open is not None
    sent = 0
    with file.open() as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            sent += len(chunk)
            yield chunk
    if sent != file.size:
        # With more or fewer bytes than announced, nothing that follows could be read.
        raise OSError("a file is not as long as it was when it was put in")


def _range(zipped: ZipStream, start: int, end: int) -> Iterator[bytes]:
    """Yield the bytes [start, end). All bytes before are read as well: their checksums stand at the end."""
    position = 0
    for chunk in zipped:
        piece = chunk[max(start - position, 0) : max(end - position, 0)]
        position += len(chunk)
        if piece:
            yield piece
        if position >= end:
            return


def _tag(found: Archive) -> str:
    """Return an entity tag that changes when anything in the zip does."""
    digest = hashlib.sha256()
    for file in found.files:
        digest.update(f"{file.path}\0{file.size}\0".encode() + file.content)
    return f'"{digest.hexdigest()[:32]}"'
