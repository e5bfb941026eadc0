"""
Contributing to a sealed capsule: the form for photos and words, the thank-you page, and the day for a calendar.

With scripts, a browser sends the files as uploads; without scripts, they come in the form itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import UUID

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from memorycapsule.app import App
from memorycapsule.daemon.http.html.bundle import DYES
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.protocol import multipart
from memorycapsule.daemon.http.protocol.guard import LARGEST_FORM_BYTES
from memorycapsule.daemon.http.protocol.sessions import Cookie, cookie_viewers, first_with_access
from memorycapsule.daemon.http.uploads import refusals, tus
from memorycapsule.daemon.http.uploads.receiver import UploadReceiver
from memorycapsule.domain.stories import Viewer
from memorycapsule.domain.uploads import Upload, UploadMetadata
from memorycapsule.errors import NotAllowed, NotFound, TooLarge
from memorycapsule.mail.calendar_entry import calendar_entry
from memorycapsule.services import reading, stories
from memorycapsule.services import uploads as upload_service
from memorycapsule.services.reading import CapsuleView, MediumView, StoryView
from memorycapsule.services.uploads import UploadProgress, UploadStage
from memorycapsule.words.catalogues import Wording
from memorycapsule.words.counts import contents_in_words
from memorycapsule.words.dates import date_in_words
from memorycapsule.words.forms_of_address import addressed

#: A form that is sent without scripts, all its files together.
LARGEST_FORM_WITH_FILES_BYTES = 500_000_000
_GET = ["GET", "HEAD"]
#: How many of the new photos the thank-you page shows.
_THANKS_PHOTOS = 4


@dataclass(kw_only=True)
class _StoryForm:
    """A form while it arrives: what it has brought so far."""

    viewer: Viewer
    capsule_id: str
    #: The story that the form adds to, None for a new one.
    story: StoryView | None = None
    #: The story that files and words go into, None until there is one.
    story_id: str | None = None
    #: The typed fields by their names.
    fields: dict[str, str] = field(default_factory=dict)
    #: How many files have come.
    files: int = 0


def routes(app: App, pages: Pages, cookie: Cookie, receiver: UploadReceiver) -> APIRouter:
    router = APIRouter()

    def read_capsule(request: Request, capsule_id: UUID) -> tuple[Viewer, CapsuleView]:
        """Return the capsule, and the session that has access to it. Raises NotFound."""
        return first_with_access(
            cookie_viewers(app.store, cookie, request),
            lambda viewer: (viewer, reading.capsule(app.store, app.vault, viewer, str(capsule_id))),
        )

    def read_own_story(
        request: Request, capsule_id: UUID, story_id: str
    ) -> tuple[Viewer, CapsuleView, StoryView]:
        """Return a story of one's own, and the session that may change it. Raises NotFound."""

        def read(viewer: Viewer) -> tuple[Viewer, CapsuleView, StoryView]:
            view = reading.capsule(app.store, app.vault, viewer, str(capsule_id))
            for story in view.stories:
                if story.story.id == story_id and story.story.member_id == view.member.id:
                    return viewer, view, story
            raise NotFound

        return first_with_access(cookie_viewers(app.store, cookie, request), read)

    @router.api_route("/g/c/{capsule_id}/add", methods=_GET)
    def show_form(
        request: Request, capsule_id: UUID, story: UUID | None = None, again: bool = False
    ) -> Response:
        if story:
            viewer, view, shown = read_own_story(request, capsule_id, str(story))
            sent_files = upload_service.of_story(app.store, app.vault, viewer, shown.story.id)
        else:
            (_viewer, view), shown, sent_files = read_capsule(request, capsule_id), None, []
        if not view.capsule.accepts_stories(app.now()):
            return pages.redirect(request, f"/g/c/{capsule_id}")
        if not view.member.may_add_stories:
            raise NotFound
        words = pages.wording(request)
        response = pages.show(
            request,
            "contributing.html",
            words,
            view=view,
            story=shown,
            addressed_name=addressed(view.member.name, words.language),
            media=shown.media if shown else [],
            refused=_refused(sent_files, words),
            next_position=_next_position(shown),
            is_empty=again,
        )
        # This page alone may use the microphone, to record a voice note.
        response.headers["permissions-policy"] = "camera=(), geolocation=(), microphone=(self)"
        return response

    @router.post("/g/c/{capsule_id}/add")
    async def submit(request: Request, capsule_id: UUID) -> Response:
        viewer, view = await run_in_threadpool(read_capsule, request, capsule_id)
        wants_json = request.headers.get("accept", "").startswith("application/json")
        form = _StoryForm(viewer=viewer, capsule_id=view.capsule.id)
        try:
            try:
                await _receive_form(request, form)
            except (ClientDisconnect, HTTPException, TimeoutError, TooLarge):
                await run_in_threadpool(_discard_empty_story, form)
                raise
            if not wants_json and not form.files and not any(form.fields.values()):
                await run_in_threadpool(_discard_empty_story, form)
                return pages.redirect(request, f"/g/c/{capsule_id}/add?again=1")
            story_id = await run_in_threadpool(_save_words, form)
        except NotAllowed as error:
            if wants_json:
                return JSONResponse({"message": error.message}, status_code=error.http_status)
            words = pages.wording(request)
            return pages.show(
                request,
                "message.html",
                words,
                status=error.http_status,
                heading=words("closed_title"),
                text=words("closed_text"),
            )
        if wants_json:
            return JSONResponse({"story": story_id})
        return pages.redirect(request, f"/g/c/{capsule_id}/thanks?story={story_id}")

    async def _receive_form(request: Request, form: _StoryForm) -> None:
        """Keep files and fields as they arrive. Raises what ends a form early."""
        stream = multipart.stream_fields(request)
        typed = 0
        finishing = []
        async for part, chunk in stream:
            if part.file:
                upload_id = await _receive_file(request, form, part.file, stream, chunk)
                if upload_id:
                    form.files += 1
                    finishing.append(receiver.finish(upload_id))
            elif chunk is not None and part.name in {"story", "title", "text"}:
                typed += len(chunk)
                if typed > LARGEST_FORM_BYTES:
                    raise HTTPException(413)
                form.fields[part.name] = form.fields.get(part.name, "") + chunk.decode(errors="replace")
            elif part.name == "story":
                await run_in_threadpool(_find_story, request, form)
        if finishing:
            await asyncio.wait(
                [asyncio.wrap_future(one) for one in finishing], timeout=tus.FINISH_WAIT_SECONDS
            )

    def _find_story(request: Request, form: _StoryForm) -> None:
        story_id = form.fields.pop("story", "")
        if story_id:
            form.viewer, _view, form.story = read_own_story(request, UUID(form.capsule_id), story_id)
            form.story_id = story_id

    async def _receive_file(
        request: Request,
        form: _StoryForm,
        name: str,
        stream: AsyncIterator[tuple[multipart.FormPart, bytes | None]],
        chunk: bytes | None,
    ) -> str | None:
        """Keep a file of a form, whose first chunk is `chunk`; return the id of its upload, None for an empty file."""

        def begin() -> str:
            if form.story_id is None:
                form.story_id = _new_story(form, title=None, text=None)
            # A form does not say how long its files are, only how long it is itself.
            length = int(request.headers.get("content-length") or LARGEST_FORM_WITH_FILES_BYTES)
            upload = upload_service.begin(
                app.store,
                app.vault,
                form.viewer,
                form.story_id,
                # Files keep the order of the form, whichever is finished first.
                about=UploadMetadata(file=name, position=_next_position(form.story) + form.files),
                length=min(length, receiver.limits.largest_file),
                limits=receiver.limits,
                now=app.now(),
            )
            return upload.id

        upload_id = await run_in_threadpool(begin)

        async def chunks() -> AsyncIterator[bytes]:
            current = chunk
            while current is not None:
                yield current
                _part, current = await anext(stream)

        await receiver.receive(lambda: [form.viewer], upload_id, start=0, chunks=chunks())

        def conclude() -> Upload:
            return upload_service.conclude(app.store, app.vault, form.viewer, upload_id, now=app.now())

        concluded = await run_in_threadpool(conclude)
        return None if concluded.refusal else upload_id

    def _new_story(form: _StoryForm, *, title: str | None, text: str | None) -> str:
        story = stories.add(
            app.store, app.vault, form.viewer, form.capsule_id, title=title, text=text, now=app.now()
        )
        return story.id

    def _discard_empty_story(form: _StoryForm) -> None:
        """Remove a story that was made for a file of which nothing has come."""
        if form.story_id and not form.story and not form.files:
            stories.remove(app.store, app.vault, form.viewer, form.story_id, now=app.now())

    def _save_words(form: _StoryForm) -> str:
        title, text = form.fields.get("title", ""), form.fields.get("text", "")
        text = text.replace("\r\n", "\n")  # forms end lines so (HTML standard, 4.10.21.5)
        if form.story_id is None:
            return _new_story(form, title=title, text=text)
        was = form.story.words if form.story else None
        if (was.title, was.text) != (title.strip(), text.strip()) if was else (title or text):
            stories.edit(
                app.store,
                app.vault,
                form.viewer,
                form.story_id,
                title=title,
                text=text,
                now=app.now(),
            )
        return form.story_id

    @router.api_route("/g/c/{capsule_id}/thanks", methods=_GET)
    def show_thanks(request: Request, capsule_id: UUID, story: UUID | None = None) -> Response:
        if story:
            viewer, view, shown = read_own_story(request, capsule_id, str(story))
            sent_files = upload_service.of_story(app.store, app.vault, viewer, shown.story.id)
        else:
            (_viewer, view), sent_files = read_capsule(request, capsule_id), []
            mine = [one for one in view.stories if one.story.member_id == view.member.id]
            if not mine:
                raise NotFound
            shown = max(mine, key=lambda one: one.story.changed_at)
        if view.capsule.is_open:
            return pages.redirect(request, f"/g/c/{capsule_id}")
        words = pages.wording(request)
        numbers = [one.member.id for one in view.contributions]
        dye = numbers.index(view.member.id) % len(DYES)
        return pages.show(
            request,
            "thanks.html",
            words,
            view=view,
            story=shown,
            addressed_name=addressed(view.member.name, words.language),
            contents=_contents(shown.media, words.language),
            newest=[one for one in _newest(shown.media) if one.medium.thumbnail_blob][:_THANKS_PHOTOS],
            date=date_in_words(view.capsule.opens_local, view.capsule.zone, words.language),
            refused=_refused(sent_files, words),
            unfinished=sum(1 for one in sent_files if one.stage is UploadStage.WAITING),
            dye=dye,
            dye_name=words(f"dye_{dye}"),
            dyes=[number % len(DYES) for number in range(len(numbers))],
        )

    @router.api_route("/g/c/{capsule_id}/opening-day.ics", methods=_GET)
    def opening_day(request: Request, capsule_id: UUID) -> Response:
        _viewer, view = read_capsule(request, capsule_id)
        capsule, words = view.capsule, pages.wording(request)
        entry = calendar_entry(
            uid=f"{capsule.id}@memorycapsule",
            summary=words("calendar_summary", title=capsule.title),
            description=words("calendar_description"),
            opens_at=capsule.opens_at,
            zone=capsule.zone,
            stamp=capsule.created_at,
        )
        return Response(
            entry,
            media_type="text/calendar; charset=utf-8",
            headers={"content-disposition": 'attachment; filename="opening-day.ics"'},
        )

    return router


def _refused(sent_files: list[UploadProgress], words: Wording) -> list[tuple[str, str]]:
    """Return the names of the files that were left out, and why."""
    return [
        (one.about.file, refusals.translate_refusal(one.refusal, words)) for one in sent_files if one.refusal
    ]


def _contents(media: list[MediumView], language: str) -> str:
    kinds = [str(one.medium.kind) for one in media]
    return contents_in_words(
        photos=kinds.count("photo"), clips=kinds.count("clip"), stories=0, locale=language
    )


def _newest(media: list[MediumView]) -> list[MediumView]:
    return sorted(media, key=lambda one: one.medium.created_at, reverse=True)


def _next_position(story: StoryView | None) -> int:
    return max((one.medium.position for one in story.media), default=-1) + 1 if story else 0
