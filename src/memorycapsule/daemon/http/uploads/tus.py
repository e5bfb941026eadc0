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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from memorycapsule.app import App
from memorycapsule.config import Settings, bytes_of
from memorycapsule.daemon.http.dependencies import AppDep, CookieDep, PagesDep
from memorycapsule.daemon.http.html.error_texts import refusal_text
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.protocol import problems
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.costs import takes
from memorycapsule.daemon.http.protocol.problems import is_for_api
from memorycapsule.daemon.http.protocol.sessions import (
    Cookie,
    cookie_viewers,
    first_with_access,
    token_viewers,
)
from memorycapsule.daemon.http.uploads.receiver import ReceiverDep, UploadReceiver
from memorycapsule.domain.refusals import refusal_fields
from memorycapsule.domain.stories import Viewer
from memorycapsule.domain.uploads import KEPT_FOR, Upload, UploadMetadata
from memorycapsule.errors import CapsuleError, MediaRefused, UsageProblem
from memorycapsule.services import uploads
from memorycapsule.services.uploads import UploadProgress, UploadStage
from memorycapsule.words.error_sentences import english_sentence_of

VERSION = "1.0.0"
_EXTENSIONS = "creation,termination,expiration"
_PART_TYPE = "application/offset+octet-stream"
#: How long the answer to the last PATCH waits for what becomes of the file; proxies give up after a minute.
FINISH_WAIT_SECONDS = 25.0

Result = TypeVar("Result")
#: The pages' uploads lie at /g/u, the API's at /api/v1/uploads.
router = APIRouter()


@dataclass(frozen=True, kw_only=True)
class UploadSender:
    """Who sends a request, looked up in the threads that take uploads in: those of pages must never wait for them."""

    app: App
    cookie: Cookie
    request: Request

    def viewers(self) -> Sequence[Viewer]:
        """Return who may be sending, the first choice first. The API believes no cookie."""
        found = token_viewers(self.app, self.request)
        if found or is_for_api(self.request):
            return found
        return cookie_viewers(self.app, self.cookie, self.request)

    def begin(self, receiver: UploadReceiver, about: UploadMetadata, story_id: str, length: int) -> Upload:
        return self._with_access(lambda viewer: receiver.begin(viewer, story_id, about=about, length=length))

    def progress(self, upload_id: str) -> UploadProgress:
        return self._with_access(
            lambda viewer: uploads.progress(self.app.store, self.app.vault, viewer, upload_id)
        )

    def cancel(self, upload_id: str) -> None:
        self._with_access(
            lambda viewer: uploads.cancel(
                self.app.store, self.app.vault, viewer, upload_id, now=self.app.now()
            )
        )

    def _with_access(self, work: Callable[[Viewer], Result]) -> Result:
        return first_with_access(self.viewers(), work)


def _largest_file(settings: Settings) -> int:
    return bytes_of(settings.uploads.largest_file)


async def _sender(request: Request, app: AppDep, cookie: CookieDep) -> UploadSender:
    return UploadSender(app=app, cookie=cookie, request=request)


SenderDep = Annotated[UploadSender, Depends(_sender)]


@router.options("")
@router.options("/{upload_id}")
@for_whom(Audience.EVERYBODY)
def show_capabilities(receiver: ReceiverDep) -> Response:
    return Response(
        status_code=204,
        headers={
            "tus-resumable": VERSION,
            "tus-version": VERSION,
            "tus-extension": _EXTENSIONS,
            "tus-max-size": str(receiver.limits.largest_file),
        },
    )


@router.post("")
@for_whom(Audience.AUTHOR, once_open=Audience.NOBODY)
async def create_upload(
    request: Request, pages: PagesDep, receiver: ReceiverDep, sender: SenderDep
) -> Response:
    try:
        _check_version(request)
        about, story_id = _parse_metadata(request.headers.get("upload-metadata", ""))
        length = _whole_number(request, "upload-length")
        upload = await receiver.run_in_thread(sender.begin, receiver, about, story_id, length)
    except CapsuleError as error:
        sentence = None
        if not is_for_api(request):
            words = await receiver.run_in_thread(pages.wording, request)
            sentence = refusal_text(error, words)
        return _error_response(error, sentence)
    root_path = request.scope["root_path"]
    path = request.scope["path"].removeprefix(root_path)
    return Response(
        status_code=201,
        headers={"location": f"{root_path}{path}/{upload.id}", **_offset_headers(upload)},
    )


@router.head("/{upload_id}")
@for_whom(Audience.AUTHOR)
async def show_offset(
    request: Request, receiver: ReceiverDep, sender: SenderDep, upload_id: UUID
) -> Response:
    try:
        _check_version(request)
        progress = await receiver.run_in_thread(sender.progress, str(upload_id))
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


@router.get("/{upload_id}")
@for_whom(Audience.AUTHOR)
async def show_progress(
    request: Request, pages: PagesDep, receiver: ReceiverDep, sender: SenderDep, upload_id: UUID
) -> Response:
    try:
        progress = await receiver.run_in_thread(sender.progress, str(upload_id))
    except CapsuleError as error:
        return _error_response(error)
    reason = (
        await receiver.run_in_thread(_reason, request, pages, progress.refusal) if progress.refusal else None
    )
    return JSONResponse(_progress_fields(progress, reason))


@router.patch("/{upload_id}")
@takes(_largest_file)
@for_whom(Audience.AUTHOR, once_open=Audience.NOBODY)
async def append(request: Request, receiver: ReceiverDep, sender: SenderDep, upload_id: UUID) -> Response:
    try:
        _check_version(request)
        if request.headers.get("content-type", "").strip().lower() != _PART_TYPE:
            raise _OtherType("upload_type", type=_PART_TYPE)
        start = _whole_number(request, "upload-offset")
        upload = await receiver.receive(sender.viewers, str(upload_id), start=start, chunks=request.stream())
        headers = _offset_headers(upload)
        if upload.is_whole:
            await _wait_for_outcome(receiver, upload.id)
            headers |= _outcome_headers(await receiver.run_in_thread(sender.progress, upload.id))
    except CapsuleError as error:
        return _error_response(error)
    except TimeoutError:
        return Response(status_code=408, headers={"tus-resumable": VERSION})
    except ClientDisconnect:
        # Nobody is there to read this; what had arrived is kept.
        return Response(status_code=499)
    return Response(status_code=204, headers=headers)


@router.delete("/{upload_id}")
@for_whom(Audience.AUTHOR)
async def cancel(request: Request, receiver: ReceiverDep, sender: SenderDep, upload_id: UUID) -> Response:
    try:
        _check_version(request)
        await receiver.run_in_thread(sender.cancel, str(upload_id))
    except CapsuleError as error:
        return _error_response(error)
    return Response(status_code=204, headers={"tus-resumable": VERSION})


@router.post("/{upload_id}")
@takes(_largest_file)
@for_whom(Audience.AUTHOR, once_open=Audience.NOBODY)
async def override_method(
    request: Request, receiver: ReceiverDep, sender: SenderDep, upload_id: UUID
) -> Response:
    # For networks that let nothing but GET and POST through (Core Protocol, X-HTTP-Method-Override).
    method = request.headers.get("x-http-method-override", "").upper()
    if method == "PATCH":
        return await append(request, receiver, sender, upload_id)
    if method == "DELETE":
        return await cancel(request, receiver, sender, upload_id)
    raise HTTPException(405)


async def _wait_for_outcome(receiver: UploadReceiver, upload_id: str) -> None:
    """Wait until a whole file has become a medium or was refused, but no longer than a request may take."""
    future = asyncio.wrap_future(receiver.finish(upload_id))
    await asyncio.wait([future], timeout=FINISH_WAIT_SECONDS)


def _reason(request: Request, pages: Pages, refused: MediaRefused) -> str:
    """Return the English predicate that programs read, or what a page says of the file in its reader's language."""
    if is_for_api(request):
        return english_sentence_of(refused)
    return refusal_text(refused, pages.wording(request))


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
        "missing": progress.about.missing,
        "reason": reason,
        **(refusal_fields(progress.refusal) if progress.refusal else {"code": None, "values": None}),
    }


class _Malformed(UsageProblem):
    """A header is missing, or does not say what the tus protocol wants."""

    http_status = 400


class _OtherVersion(UsageProblem):
    """A request speaks no version of tus that is spoken here."""

    http_status = 412


class _OtherType(UsageProblem):
    """A part of a file is sent as another type of content than tus wants."""

    http_status = 415


def _error_response(error: CapsuleError, sentence: str | None = None) -> Response:
    headers = {"tus-resumable": VERSION}
    if error.http_status == 412:
        headers["tus-version"] = VERSION
    answer = problems.of_error(error, sentence=sentence)
    answer.headers.update(headers)
    return answer


def _check_version(request: Request) -> None:
    if request.headers.get("tus-resumable") != VERSION:
        raise _OtherVersion("upload_version", version=VERSION)


def _whole_number(request: Request, name: str) -> int:
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise _Malformed("upload_number", header=name)
    return int(text)


def _parse_metadata(metadata: str) -> tuple[UploadMetadata, str]:
    """Return what Upload-Metadata says of a file, and the id of its story. Raises UsageProblem."""
    pairs: dict[str, str] = {}
    for pair in metadata.split(",")[:20]:
        key, _, value = pair.strip().partition(" ")
        try:
            pairs[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError, ValueError) as error:
            raise _Malformed("upload_metadata") from error
    position = pairs.get("position", "")
    if position and not (position.isascii() and position.isdecimal() and len(position) <= 6):
        raise _Malformed("upload_metadata")
    about = UploadMetadata(file=pairs.get("filename", ""), position=int(position) if position else None)
    if "story" not in pairs:
        raise UsageProblem("upload_without_story")
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
