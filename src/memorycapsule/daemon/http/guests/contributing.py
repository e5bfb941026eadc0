"""Putting something in: the page with the photos and the words, the thank-you, and the day for a calendar."""

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
from memorycapsule.daemon.http.guests import refusals
from memorycapsule.daemon.http.html.bundle import DYES
from memorycapsule.daemon.http.html.catalogues import Wording
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.protocol import multipart
from memorycapsule.daemon.http.protocol.guard import LARGEST_FORM_BYTES
from memorycapsule.daemon.http.protocol.sessions import Cookie, first_to_see, viewers
from memorycapsule.daemon.http.uploads import tus
from memorycapsule.daemon.http.uploads.receiver import UploadReceiver
from memorycapsule.domain.stories import Viewer
from memorycapsule.domain.uploads import About, Upload
from memorycapsule.domain.words import contents_in_words, date_in_words
from memorycapsule.errors import NotAllowed, NotFound, TooLarge
from memorycapsule.mail.calendar_entry import calendar_entry
from memorycapsule.mail.wording import addressed
from memorycapsule.services import reading, stories
from memorycapsule.services import uploads as upload_service
from memorycapsule.services.reading import CapsuleView, MediumView, StoryView
from memorycapsule.services.uploads import Progress, UploadStage

#: A form that is sent without scripts, all its files together.
LARGEST_FORM = 500_000_000
_GET = ["GET", "HEAD"]
_FAN = 4


@dataclass(kw_only=True)
class _Putting:
    """What a form has brought so far."""

    viewer: Viewer
    capsule_id: str
    story: StoryView | None = None
    story_id: str | None = None
    words: dict[str, str] = field(default_factory=dict)
    files: int = 0


def routes(app: App, pages: Pages, cookie: Cookie, receiving: UploadReceiver) -> APIRouter:
    router = APIRouter()

    def seen(request: Request, capsule_id: UUID) -> tuple[Viewer, CapsuleView]:
        return first_to_see(
            viewers(app.store, cookie, request),
            lambda viewer: (viewer, reading.capsule(app.store, app.vault, viewer, str(capsule_id))),
        )

    def own(request: Request, capsule_id: UUID, story_id: str) -> tuple[Viewer, CapsuleView, StoryView]:
        """Return a story of one's own, and the session that may change it. Raises NotFound."""

        def look(viewer: Viewer) -> tuple[Viewer, CapsuleView, StoryView]:
            view = reading.capsule(app.store, app.vault, viewer, str(capsule_id))
            for story in view.stories:
                if story.story.id == story_id and story.story.member_id == view.member.id:
                    return viewer, view, story
            raise NotFound

        return first_to_see(viewers(app.store, cookie, request), look)

    @router.api_route("/g/c/{capsule_id}/add", methods=_GET)
    def add(request: Request, capsule_id: UUID, story: UUID | None = None, again: bool = False) -> Response:
        if story:
            viewer, view, shown = own(request, capsule_id, str(story))
            sent = upload_service.of_story(app.store, app.vault, viewer, shown.story.id)
        else:
            (_viewer, view), shown, sent = seen(request, capsule_id), None, []
        if not view.capsule.accepts_stories(app.now()):
            return pages.forward(request, f"/g/c/{capsule_id}")
        if not view.member.may_add_stories:
            raise NotFound
        words = pages.wording(request)
        response = pages.show(
            request,
            "adding.html",
            words,
            view=view,
            story=shown,
            called=addressed(view.member.name, words.language),
            media=shown.media if shown else [],
            refused=_refused(sent, words),
            next_position=_next_position(shown),
            is_empty=again,
        )
        # Of all pages this one alone may listen, to record a voice note.
        response.headers["permissions-policy"] = "camera=(), geolocation=(), microphone=(self)"
        return response

    @router.post("/g/c/{capsule_id}/add")
    async def put_in(request: Request, capsule_id: UUID) -> Response:
        viewer, view = await run_in_threadpool(seen, request, capsule_id)
        wants_json = request.headers.get("accept", "").startswith("application/json")
        putting = _Putting(viewer=viewer, capsule_id=view.capsule.id)
        try:
            try:
                await _take_form(request, putting)
            except (ClientDisconnect, HTTPException, TimeoutError, TooLarge):
                await run_in_threadpool(_take_back, putting)
                raise
            if not wants_json and not putting.files and not any(putting.words.values()):
                await run_in_threadpool(_take_back, putting)
                return pages.forward(request, f"/g/c/{capsule_id}/add?again=1")
            story_id = await run_in_threadpool(_write_words, putting)
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
        return pages.forward(request, f"/g/c/{capsule_id}/thanks?story={story_id}")

    async def _take_form(request: Request, putting: _Putting) -> None:
        stream = multipart.pieces(request)
        typed = 0
        finishing = []
        async for place, chunk in stream:
            if place.file:
                upload_id = await _take_file(request, putting, place.file, stream, chunk)
                if upload_id:
                    putting.files += 1
                    finishing.append(receiving.finish(upload_id))
            elif chunk is not None and place.name in {"story", "title", "text"}:
                typed += len(chunk)
                if typed > LARGEST_FORM_BYTES:
                    raise HTTPException(413)
                putting.words[place.name] = putting.words.get(place.name, "") + chunk.decode(errors="replace")
            elif place.name == "story":
                await run_in_threadpool(_find_story, request, putting)
        if finishing:
            await asyncio.wait([asyncio.wrap_future(one) for one in finishing], timeout=tus.WAITS_SECONDS)

    def _find_story(request: Request, putting: _Putting) -> None:
        story_id = putting.words.pop("story", "")
        if story_id:
            putting.viewer, _view, putting.story = own(request, UUID(putting.capsule_id), story_id)
            putting.story_id = story_id

    async def _take_file(
        request: Request,
        putting: _Putting,
        name: str,
        stream: AsyncIterator[tuple[multipart.Field, bytes | None]],
        chunk: bytes | None,
    ) -> str | None:
        """Keep a file of a form, whose first piece is `chunk`; return its upload, None when there is nothing in it."""

        def begin() -> str:
            if putting.story_id is None:
                putting.story_id = _new_story(putting, title=None, text=None)
            # A form does not say how long its files are, only how long it is itself.
            length = int(request.headers.get("content-length") or LARGEST_FORM)
            upload = upload_service.begin(
                app.store,
                app.vault,
                putting.viewer,
                putting.story_id,
                # Whichever is looked at first: they stand in the order of the form.
                about=About(file=name, position=_next_position(putting.story) + putting.files),
                length=min(length, receiving.limits.largest_file),
                limits=receiving.limits,
                now=app.now(),
            )
            return upload.id

        upload_id = await run_in_threadpool(begin)

        async def arriving() -> AsyncIterator[bytes]:
            piece = chunk
            while piece is not None:
                yield piece
                _place, piece = await anext(stream)

        await receiving.take(lambda: [putting.viewer], upload_id, start=0, arriving=arriving())

        def conclude() -> Upload:
            return upload_service.conclude(app.store, app.vault, putting.viewer, upload_id, now=app.now())

        concluded = await run_in_threadpool(conclude)
        return None if concluded.refusal else upload_id

    def _new_story(putting: _Putting, *, title: str | None, text: str | None) -> str:
        story = stories.add(
            app.store, app.vault, putting.viewer, putting.capsule_id, title=title, text=text, now=app.now()
        )
        return story.id

    def _take_back(putting: _Putting) -> None:
        """Remove a story that was begun for a file of which nothing has come."""
        if putting.story_id and not putting.story and not putting.files:
            stories.remove(app.store, app.vault, putting.viewer, putting.story_id, now=app.now())

    def _write_words(putting: _Putting) -> str:
        title, text = putting.words.get("title", ""), putting.words.get("text", "")
        text = text.replace("\r\n", "\n")  # forms send lines so (HTML standard, 4.10.21.5)
        if putting.story_id is None:
            return _new_story(putting, title=title, text=text)
        was = putting.story.words if putting.story else None
        if (was.title, was.text) != (title.strip(), text.strip()) if was else (title or text):
            stories.edit(
                app.store,
                app.vault,
                putting.viewer,
                putting.story_id,
                title=title,
                text=text,
                now=app.now(),
            )
        return putting.story_id

    @router.api_route("/g/c/{capsule_id}/thanks", methods=_GET)
    def thanks(request: Request, capsule_id: UUID, story: UUID | None = None) -> Response:
        if story:
            viewer, view, shown = own(request, capsule_id, str(story))
            sent = upload_service.of_story(app.store, app.vault, viewer, shown.story.id)
        else:
            (_viewer, view), sent = seen(request, capsule_id), []
            mine = [one for one in view.stories if one.story.member_id == view.member.id]
            if not mine:
                raise NotFound
            shown = max(mine, key=lambda one: one.story.changed_at)
        if view.capsule.is_open:
            return pages.forward(request, f"/g/c/{capsule_id}")
        words = pages.wording(request)
        numbers = [one.member.id for one in view.contributions]
        dye = numbers.index(view.member.id) % len(DYES)
        return pages.show(
            request,
            "thanks.html",
            words,
            view=view,
            story=shown,
            called=addressed(view.member.name, words.language),
            kept=_contents(shown.media, words.language),
            fan=[one for one in _newest(shown.media) if one.medium.thumbnail_blob][:_FAN],
            date=date_in_words(view.capsule.opens_local, view.capsule.zone, words.language),
            refused=_refused(sent, words),
            coming=sum(1 for one in sent if one.stage is UploadStage.WAITING),
            dye=dye,
            dye_name=words(f"dye_{dye}"),
            dyes=[number % len(DYES) for number in range(len(numbers))],
        )

    @router.api_route("/g/c/{capsule_id}/opening-day.ics", methods=_GET)
    def opening_day(request: Request, capsule_id: UUID) -> Response:
        _viewer, view = seen(request, capsule_id)
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


def _refused(sent: list[Progress], words: Wording) -> list[tuple[str, str]]:
    """Return the names of the files that were left out, and why."""
    return [(one.about.file, refusals.in_words(one.refusal, words)) for one in sent if one.refusal]


def _contents(media: list[MediumView], language: str) -> str:
    kinds = [str(one.medium.kind) for one in media]
    return contents_in_words(
        photos=kinds.count("photo"), clips=kinds.count("clip"), stories=0, locale=language
    )


def _newest(media: list[MediumView]) -> list[MediumView]:
    return sorted(media, key=lambda one: one.medium.created_at, reverse=True)


def _next_position(story: StoryView | None) -> int:
    return max((one.medium.position for one in story.media), default=-1) + 1 if story else 0
