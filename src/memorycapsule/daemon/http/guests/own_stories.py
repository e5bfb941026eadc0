"""A member's own stories while the capsule is sealed: show them, edit words and captions, reorder, remove."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from memorycapsule.app import App
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.protocol.sessions import Cookie, cookie_viewers, first_with_access
from memorycapsule.domain.stories import Viewer
from memorycapsule.domain.zones import local_of
from memorycapsule.errors import NotAllowed, NotFound, UsageProblem
from memorycapsule.services import reading, stories
from memorycapsule.services.reading import CapsuleView, StoryView
from memorycapsule.words.catalogues import Wording
from memorycapsule.words.counts import contents_in_words
from memorycapsule.words.dates import short_day

_GET = ["GET", "HEAD"]
_CAPTION = "caption-"


def routes(app: App, pages: Pages, cookie: Cookie) -> APIRouter:
    router = APIRouter()

    def read_own_story(
        request: Request, capsule_id: UUID, story_id: UUID
    ) -> tuple[Viewer, CapsuleView, StoryView]:
        """Return a story of the viewer's own in a sealed capsule, and the session that sees it. Raises NotFound."""

        def read(viewer: Viewer) -> tuple[Viewer, CapsuleView, StoryView]:
            view = reading.capsule(app.store, app.vault, viewer, str(capsule_id))
            if view.capsule.is_open:
                raise NotFound
            for story in view.stories:
                if story.story.id == str(story_id) and story.story.member_id == view.member.id:
                    return viewer, view, story
            raise NotFound

        return first_with_access(cookie_viewers(app.store, cookie, request), read)

    def story_page(
        request: Request, view: CapsuleView, story: StoryView, *, saved: bool = False, problem: str = ""
    ) -> Response:
        words = pages.wording(request)
        return pages.show(
            request,
            "own_story.html",
            words,
            status=422 if problem else 200,
            view=view,
            story=story,
            accepts=view.capsule.accepts_stories(app.now()),
            amount=_contents(story, words),
            is_saved=saved,
            problem=problem,
        )

    @router.api_route("/g/c/{capsule_id}/stories/{story_id}", methods=_GET)
    def show_story(request: Request, capsule_id: UUID, story_id: UUID, saved: bool = False) -> Response:
        _viewer, view, story = read_own_story(request, capsule_id, story_id)
        return story_page(request, view, story, saved=saved)

    @router.post("/g/c/{capsule_id}/stories/{story_id}")
    async def edit_story(request: Request, capsule_id: UUID, story_id: UUID) -> Response:
        form = {key: value for key, value in (await request.form()).items() if isinstance(value, str)}
        return await run_in_threadpool(_edit_story, request, capsule_id, story_id, form)

    def _edit_story(request: Request, capsule_id: UUID, story_id: UUID, form: dict[str, str]) -> Response:
        viewer, view, story = read_own_story(request, capsule_id, story_id)
        path = f"/g/c/{capsule_id}/stories/{story_id}"
        medium_ids = {one.medium.id for one in story.media}
        captions = {
            name.removeprefix(_CAPTION): caption
            for name, caption in form.items()
            if name.startswith(_CAPTION) and name.removeprefix(_CAPTION) in medium_ids
        }
        try:
            stories.edit(
                app.store,
                app.vault,
                viewer,
                story.story.id,
                title=form.get("title"),
                # Forms end lines so (HTML standard, 4.10.21.5).
                text=form["text"].replace("\r\n", "\n") if "text" in form else None,
                captions=captions,
                now=app.now(),
            )
            direction, _, medium_id = form.get("move", "").partition(":")
            if direction:
                ids = moved_by_one([one.medium.id for one in story.media], medium_id, direction)
                stories.reorder_media(app.store, viewer, story.story.id, medium_ids=ids, now=app.now())
                return pages.redirect(request, f"{path}#m-{medium_id}")
        except UsageProblem:
            words = pages.wording(request)
            return story_page(request, view, story, problem=words("own_too_long"))
        except NotAllowed:
            return _closed(request)
        return pages.redirect(request, f"{path}?saved=1")

    @router.api_route("/g/c/{capsule_id}/stories/{story_id}/remove", methods=_GET)
    def confirm_removal(
        request: Request, capsule_id: UUID, story_id: UUID, medium: UUID | None = None
    ) -> Response:
        _viewer, view, story = read_own_story(request, capsule_id, story_id)
        shown = [one for one in story.media if medium is None or one.medium.id == str(medium)]
        if medium and not shown:
            raise NotFound
        words = pages.wording(request)
        return pages.show(
            request,
            "own_story_remove.html",
            words,
            view=view,
            story=story,
            medium=shown[0] if medium else None,
            shown=shown[:4],
            amount=_contents(story, words),
        )

    @router.post("/g/c/{capsule_id}/stories/{story_id}/remove")
    def remove(
        request: Request, capsule_id: UUID, story_id: UUID, medium: Annotated[str, Form()] = ""
    ) -> Response:
        viewer, _view, story = read_own_story(request, capsule_id, story_id)
        try:
            if not medium:
                stories.remove(app.store, app.vault, viewer, story.story.id, now=app.now())
                return pages.redirect(request, f"/g/c/{capsule_id}")
            if medium not in {one.medium.id for one in story.media}:
                raise NotFound
            stories.remove_medium(app.store, app.vault, viewer, medium, now=app.now())
        except NotAllowed:
            return _closed(request)
        return pages.redirect(request, f"/g/c/{capsule_id}/stories/{story_id}")

    @router.post("/g/c/{capsule_id}/order")
    def reorder(request: Request, capsule_id: UUID, move: Annotated[str, Form()] = "") -> Response:
        direction, _, story_id = move.partition(":")

        def move_story(viewer: Viewer) -> None:
            view = reading.capsule(app.store, app.vault, viewer, str(capsule_id))
            own_ids = [one.story.id for one in _own_stories(view)]
            ids = moved_by_one(own_ids, story_id, direction)
            stories.reorder(app.store, viewer, str(capsule_id), story_ids=ids, now=app.now())

        try:
            first_with_access(cookie_viewers(app.store, cookie, request), move_story)
        except NotAllowed:
            return _closed(request)
        return pages.redirect(request, f"/g/c/{capsule_id}#own")

    def _closed(request: Request) -> Response:
        words = pages.wording(request)
        return pages.show(
            request,
            "message.html",
            words,
            status=NotAllowed.http_status,
            heading=words("closed_title"),
            text=words("closed_text"),
        )

    return router


def _own_stories(view: CapsuleView) -> list[StoryView]:
    """Return the viewer's own stories, in their order."""
    mine = [story for story in view.stories if story.story.member_id == view.member.id]
    return sorted(mine, key=lambda story: (story.story.position, story.story.created_at))


def story_rows(view: CapsuleView, words: Wording) -> list[dict[str, object]]:
    """Return what a list says of the viewer's own stories: picture, title, contents and day."""
    return [
        {
            "id": story.story.id,
            "title": story.words.title,
            "text": story.words.text,
            "picture": next((one.medium for one in story.media if one.medium.thumbnail_blob), None),
            "amount": _contents(story, words),
            "day": short_day(local_of(story.story.created_at, view.capsule.zone), words.language),
        }
        for story in _own_stories(view)
    ]


def _contents(story: StoryView, words: Wording) -> str:
    """Say how many photos and clips a story has."""
    kinds = [str(one.medium.kind) for one in story.media]
    return contents_in_words(
        photos=kinds.count("photo"), clips=kinds.count("clip"), stories=0, locale=words.language
    )


def moved_by_one(ids: Sequence[str], one: str, direction: str) -> list[str]:
    """Return `ids` with one of them a place further 'up' or 'down'. Raises NotFound when it is not among them."""
    if one not in ids or direction not in {"up", "down"}:
        raise NotFound
    others = [other for other in ids if other != one]
    place = ids.index(one) + (-1 if direction == "up" else 1)
    others.insert(min(max(place, 0), len(others)), one)
    return others
