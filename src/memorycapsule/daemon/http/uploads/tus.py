"""
Uploads over HTTP: tus 1.0.0 (https://tus.io/protocols/resumable-upload), with what became of each file.

Core, creation, termination and expiration. Beyond the protocol, the answer to the last PATCH says what the file
became (`Capsule-Stage`, `Capsule-Medium`), and GET says it to whoever was cut off at that very moment.
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
from memorycapsule.daemon.http.protocol.sessions import first_to_see
from memorycapsule.daemon.http.uploads.receiver import UploadReceiver
from memorycapsule.domain.stories import Viewer
from memorycapsule.domain.uploads import KEPT_FOR, About, Upload
from memorycapsule.errors import CapsuleError, UsageProblem
from memorycapsule.services import uploads
from memorycapsule.services.uploads import Progress, UploadStage

VERSION = "1.0.0"
_EXTENSIONS = "creation,termination,expiration"
_PIECE_TYPE = "application/offset+octet-stream"
#: How long the answer to the last PATCH waits for what becomes of the file; proxies give up after a minute.
WAITS_SECONDS = 25.0

#: Who may be looking, the first choice first.
Looking = Callable[[Request], list[Viewer]]
#: Why a file was refused, in the words of its reader.
Explain = Callable[[Request, Progress], str | None]
Answer = TypeVar("Answer")


def routes(
    app: App, receiving: UploadReceiver, *, prefix: str, root_path: str, looking: Looking, explain: Explain
) -> APIRouter:
    """Return the addresses at `prefix` ("/g/u"); `root_path` is the path of the public address."""
    router = APIRouter()

    def first(request: Request, look: Callable[[Viewer], Answer]) -> Answer:
        return first_to_see(looking(request), look)

    def state(request: Request, upload_id: str) -> Progress:
        return first(request, lambda viewer: uploads.progress(app.store, app.vault, viewer, upload_id))

    @router.options(prefix)
    @router.options(f"{prefix}/{{upload_id}}")
    def options() -> Response:
        return Response(
            status_code=204,
            headers={
                "tus-resumable": VERSION,
                "tus-version": VERSION,
                "tus-extension": _EXTENSIONS,
                "tus-max-size": str(receiving.limits.largest_file),
            },
        )

    @router.post(prefix)
    async def create(request: Request) -> Response:
        def begin(about: About, story_id: str, length: int) -> Upload:
            return first(
                request,
                lambda viewer: uploads.begin(
                    app.store,
                    app.vault,
                    viewer,
                    story_id,
                    about=about,
                    length=length,
                    limits=receiving.limits,
                    now=app.now(),
                ),
            )

        try:
            _check_version(request)
            about, story_id = _described(request.headers.get("upload-metadata", ""))
            upload = await receiving.aside(begin, about, story_id, _number(request, "upload-length"))
        except CapsuleError as error:
            return _problem(error)
        return Response(
            status_code=201,
            headers={"location": f"{root_path}{prefix}/{upload.id}", **_told(upload)},
        )

    @router.head(f"{prefix}/{{upload_id}}")
    async def look(request: Request, upload_id: UUID) -> Response:
        try:
            _check_version(request)
            progress = await receiving.aside(state, request, str(upload_id))
        except CapsuleError as error:
            return _problem(error)
        return Response(
            headers={
                "upload-length": str(progress.upload.length),
                "upload-metadata": _description(progress),
                **_told(progress.upload),
                **_outcome(progress),
            }
        )

    @router.get(f"{prefix}/{{upload_id}}")
    async def tell(request: Request, upload_id: UUID) -> Response:
        def say() -> dict[str, object]:
            progress = state(request, str(upload_id))
            return progress_fields(progress, explain(request, progress))

        try:
            return JSONResponse(await receiving.aside(say))
        except CapsuleError as error:
            return _problem(error)

    @router.patch(f"{prefix}/{{upload_id}}")
    async def take(request: Request, upload_id: UUID) -> Response:
        try:
            _check_version(request)
            if request.headers.get("content-type", "").strip().lower() != _PIECE_TYPE:
                raise _Answered(415)
            start = _number(request, "upload-offset")
            upload = await receiving.take(
                lambda: looking(request), str(upload_id), start=start, arriving=request.stream()
            )
            headers = _told(upload)
            if upload.is_whole:
                await finished(receiving, upload.id)
                progress = await receiving.aside(state, request, upload.id)
                headers |= _outcome(progress)
        except CapsuleError as error:
            return _problem(error)
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
            await receiving.aside(first, request, forget)
        except CapsuleError as error:
            return _problem(error)
        return Response(status_code=204, headers={"tus-resumable": VERSION})

    @router.post(f"{prefix}/{{upload_id}}")
    async def overridden(request: Request, upload_id: UUID) -> Response:
        # For networks that let nothing but GET and POST through (Core Protocol, X-HTTP-Method-Override).
        method = request.headers.get("x-http-method-override", "").upper()
        if method == "PATCH":
            return await take(request, upload_id)
        if method == "DELETE":
            return await cancel(request, upload_id)
        raise HTTPException(405)

    return router


async def finished(receiving: UploadReceiver, upload_id: str) -> None:
    """Wait for what becomes of a file that is whole, for as long as a request may take."""
    future = asyncio.wrap_future(receiving.finish(upload_id))
    await asyncio.wait([future], timeout=WAITS_SECONDS)


def progress_fields(progress: Progress, reason: str | None) -> dict[str, object]:
    """Return how far a file has come, as JSON."""
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


class _Answered(CapsuleError):
    """This cannot be understood as a part of a resumable upload; see the tus protocol, version 1.0.0."""

    code = "usage"

    def __init__(self, status: int) -> None:
        super().__init__()
        self.http_status = status  # type: ignore[misc]  # of this one answer


def _problem(error: CapsuleError) -> Response:
    headers = {"tus-resumable": VERSION}
    if error.http_status == 412:
        headers["tus-version"] = VERSION
    answer = problems.of_error(error)
    answer.headers.update(headers)
    return answer


def _check_version(request: Request) -> None:
    if request.headers.get("tus-resumable") != VERSION:
        raise _Answered(412)


def _number(request: Request, name: str) -> int:
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise _Answered(400)
    return int(text)


def _described(metadata: str) -> tuple[About, str]:
    """Return what the sender says about a file, and the story it is for (Creation, Upload-Metadata)."""
    pairs: dict[str, str] = {}
    for pair in metadata.split(",")[:20]:
        key, _, value = pair.strip().partition(" ")
        try:
            pairs[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError, ValueError) as error:
            raise _Answered(400) from error
    position = pairs.get("position", "")
    if position and not (position.isascii() and position.isdecimal() and len(position) <= 6):
        raise _Answered(400)
    about = About(file=pairs.get("filename", ""), position=int(position) if position else None)
    if "story" not in pairs:
        raise UsageProblem("Say which story the file is for: Upload-Metadata needs `story`.")
    return about, pairs["story"]


def _description(progress: Progress) -> str:
    said = {"filename": progress.about.file, "story": progress.upload.story_id}
    if progress.about.position is not None:
        said["position"] = str(progress.about.position)
    return ",".join(
        f"{key} {base64.b64encode(value.encode()).decode()}".strip() for key, value in said.items()
    )


def _told(upload: Upload) -> dict[str, str]:
    return {
        "tus-resumable": VERSION,
        "upload-offset": str(upload.received),
        "upload-expires": format_datetime(upload.changed_at + KEPT_FOR, usegmt=True),
        "cache-control": "no-store",
    }


def _outcome(progress: Progress) -> dict[str, str]:
    if progress.stage is UploadStage.ARRIVING:
        return {}
    outcome = {"capsule-stage": str(progress.stage)}
    if progress.upload.medium_id:
        outcome["capsule-medium"] = progress.upload.medium_id
    return outcome
