"""
Uploads over HTTP: tus 1.0.0 (https://tus.io/protocols/resumable-upload), with what became of each file.

The site speaks the core and the extensions creation, termination and expiration. Beyond the protocol, the answer to
the last PATCH says what the file became (`Capsule-Stage`, `Capsule-Medium`). GET says it again, for senders that were
cut off at that very moment.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable
from email.utils import format_datetime
from typing import TypeVar
from uuid import UUID

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from memorycapsule.app import App
from memorycapsule.daemon.http.protocol import problems
from memorycapsule.daemon.http.protocol.sessions import first_with_access
from memorycapsule.daemon.http.uploads.receiver import UploadReceiver
from memorycapsule.domain.stories import Viewer
from memorycapsule.domain.uploads import KEPT_FOR, Upload, UploadMetadata
from memorycapsule.errors import CapsuleError, UsageProblem
from memorycapsule.services import uploads
from memorycapsule.services.uploads import UploadProgress, UploadStage

VERSION = "1.0.0"
_EXTENSIONS = "creation,termination,expiration"
_PART_TYPE = "application/offset+octet-stream"
#: How long the answer to the last PATCH waits for what becomes of the file; proxies give up after a minute.
FINISH_WAIT_SECONDS = 25.0

#: Finds who may be sending a request, the first choice first.
ViewersOf = Callable[[Request], list[Viewer]]
#: Says in the reader's language why a file was refused; None when it was not.
Explain = Callable[[Request, UploadProgress], str | None]
Result = TypeVar("Result")


def routes(
    app: App,
    receiver: UploadReceiver,
    *,
    prefix: str,
    root_path: str,
    viewers_of: ViewersOf,
    explain: Explain,
) -> APIRouter:
    """Return the routes at `prefix` ("/g/u"); `root_path` is the path of the public address."""
    router = APIRouter()

    def for_sender(request: Request, work: Callable[[Viewer], Result]) -> Result:
        return first_with_access(viewers_of(request), work)

    def progress_of(request: Request, upload_id: str) -> UploadProgress:
        return for_sender(request, lambda viewer: uploads.progress(app.store, app.vault, viewer, upload_id))

    @router.options(prefix)
    @router.options(f"{prefix}/{{upload_id}}")
    def options() -> Response:
        return Response(
            status_code=204,
            headers={
                "tus-resumable": VERSION,
                "tus-version": VERSION,
                "tus-extension": _EXTENSIONS,
                "tus-max-size": str(receiver.limits.largest_file),
            },
        )

    @router.post(prefix)
    async def create(request: Request) -> Response:
        def begin(about: UploadMetadata, story_id: str, length: int) -> Upload:
            return for_sender(
                request,
                lambda viewer: uploads.begin(
                    app.store,
                    app.vault,
                    viewer,
                    story_id,
                    about=about,
                    length=length,
                    limits=receiver.limits,
                    now=app.now(),
                ),
            )

        try:
            _check_version(request)
            about, story_id = _parse_metadata(request.headers.get("upload-metadata", ""))
            upload = await receiver.run_in_thread(
                begin, about, story_id, _whole_number(request, "upload-length")
            )
        except CapsuleError as error:
            return _error_response(error)
        return Response(
            status_code=201,
            headers={"location": f"{root_path}{prefix}/{upload.id}", **_offset_headers(upload)},
        )

    @router.head(f"{prefix}/{{upload_id}}")
    async def show_offset(request: Request, upload_id: UUID) -> Response:
        try:
            _check_version(request)
            progress = await receiver.run_in_thread(progress_of, request, str(upload_id))
        except CapsuleError as error:
            return _error_response(error)
        return Response(
            headers={
                "upload-length": str(progress.upload.length),
                "upload-metadata": _metadata(progress),
                **_offset_headers(progress.upload),
                **_outcome_headers(progress),
            }
        )

    @router.get(f"{prefix}/{{upload_id}}")
    async def show_progress(request: Request, upload_id: UUID) -> Response:
        def fields() -> dict[str, object]:
            progress = progress_of(request, str(upload_id))
            return _progress_fields(progress, explain(request, progress))

        try:
            return JSONResponse(await receiver.run_in_thread(fields))
        except CapsuleError as error:
            return _error_response(error)

    @router.patch(f"{prefix}/{{upload_id}}")
    async def append(request: Request, upload_id: UUID) -> Response:
        try:
            _check_version(request)
            if request.headers.get("content-type", "").strip().lower() != _PART_TYPE:
                raise _ProtocolError(415)
            start = _whole_number(request, "upload-offset")
            upload = await receiver.receive(
                lambda: viewers_of(request), str(upload_id), start=start, chunks=request.stream()
            )
            headers = _offset_headers(upload)
            if upload.is_whole:
                await _wait_for_outcome(receiver, upload.id)
                progress = await receiver.run_in_thread(progress_of, request, upload.id)
                headers |= _outcome_headers(progress)
        except CapsuleError as error:
            return _error_response(error)
        except TimeoutError:
            return Response(status_code=408, headers={"tus-resumable": VERSION})
        except ClientDisconnect:
            # Nobody is there to read this; what had arrived is kept.
            return Response(status_code=499)
        return Response(status_code=204, headers=headers)

    @router.delete(f"{prefix}/{{upload_id}}")
    async def cancel(request: Request, upload_id: UUID) -> Response:
        def forget(viewer: Viewer) -> None:
            uploads.cancel(app.store, app.vault, viewer, str(upload_id), now=app.now())

        try:
            _check_version(request)
            await receiver.run_in_thread(for_sender, request, forget)
        except CapsuleError as error:
            return _error_response(error)
        return Response(status_code=204, headers={"tus-resumable": VERSION})

    @router.post(f"{prefix}/{{upload_id}}")
    async def override_method(request: Request, upload_id: UUID) -> Response:
        # For networks that let nothing but GET and POST through (Core Protocol, X-HTTP-Method-Override).
        method = request.headers.get("x-http-method-override", "").upper()
        if method == "PATCH":
            return await append(request, upload_id)
        if method == "DELETE":
            return await cancel(request, upload_id)
        raise HTTPException(405)

    return router


async def _wait_for_outcome(receiver: UploadReceiver, upload_id: str) -> None:
    """Wait until a whole file has become a medium or was refused, but no longer than a request may take."""
    future = asyncio.wrap_future(receiver.finish(upload_id))
    await asyncio.wait([future], timeout=FINISH_WAIT_SECONDS)


def _progress_fields(progress: UploadProgress, reason: str | None) -> dict[str, object]:
    """Return the JSON fields of a file on its way: how far it has come, and what became of it."""
    upload = progress.upload
    return {
        "id": upload.id,
        "story": upload.story_id,
        "file": progress.about.file,
        "length": upload.length,
        "received": upload.received,
        "stage": progress.stage,
        "medium": upload.medium_id,
        "reason": reason,
    }


class _ProtocolError(CapsuleError):
    """This cannot be understood as a part of a resumable upload; see the tus protocol, version 1.0.0."""

    code = "usage"

    def __init__(self, status: int) -> None:
        super().__init__()
        self.http_status = status  # type: ignore[misc]  # of this one answer


def _error_response(error: CapsuleError) -> Response:
    headers = {"tus-resumable": VERSION}
    if error.http_status == 412:
        headers["tus-version"] = VERSION
    answer = problems.of_error(error)
    answer.headers.update(headers)
    return answer


def _check_version(request: Request) -> None:
    if request.headers.get("tus-resumable") != VERSION:
        raise _ProtocolError(412)


def _whole_number(request: Request, name: str) -> int:
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise _ProtocolError(400)
    return int(text)


def _parse_metadata(metadata: str) -> tuple[UploadMetadata, str]:
    """Return what Upload-Metadata says of a file, and the id of its story. Raises UsageProblem or _ProtocolError."""
    pairs: dict[str, str] = {}
    for pair in metadata.split(",")[:20]:
        key, _, value = pair.strip().partition(" ")
        try:
            pairs[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError, ValueError) as error:
            raise _ProtocolError(400) from error
    position = pairs.get("position", "")
    if position and not (position.isascii() and position.isdecimal() and len(position) <= 6):
        raise _ProtocolError(400)
    about = UploadMetadata(file=pairs.get("filename", ""), position=int(position) if position else None)
    if "story" not in pairs:
        raise UsageProblem("Say which story the file is for: Upload-Metadata needs `story`.")
    return about, pairs["story"]


def _metadata(progress: UploadProgress) -> str:
    """Return the value of Upload-Metadata for a file."""
    pairs = {"filename": progress.about.file, "story": progress.upload.story_id}
    if progress.about.position is not None:
        pairs["position"] = str(progress.about.position)
    return ",".join(
        f"{key} {base64.b64encode(value.encode()).decode()}".strip() for key, value in pairs.items()
    )


def _offset_headers(upload: Upload) -> dict[str, str]:
    return {
        "tus-resumable": VERSION,
        "upload-offset": str(upload.received),
        "upload-expires": format_datetime(upload.changed_at + KEPT_FOR, usegmt=True),
        "cache-control": "no-store",
    }


def _outcome_headers(progress: UploadProgress) -> dict[str, str]:
    """Return the headers that say what became of a file; none while it arrives."""
    if progress.stage is UploadStage.ARRIVING:
        return {}
    outcome = {"capsule-stage": str(progress.stage)}
    if progress.upload.medium_id:
        outcome["capsule-medium"] = progress.upload.medium_id
    return outcome
