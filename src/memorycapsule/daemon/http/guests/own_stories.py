"""A member's own stories while the capsule is sealed: show them, edit words and captions, reorder, remove."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import Response

from memorycapsule.app import App
from memorycapsule.daemon.http.dependencies import GET, AppDep, BrowserViewers, PagesDep
from memorycapsule.daemon.http.guests import story_fields
from memorycapsule.daemon.http.guests.access import StoryAccess, noted, own_story
from memorycapsule.daemon.http.guests.closed import closed_page
from memorycapsule.daemon.http.html.error_texts import error_text, story_text
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.costs import LARGEST_STORY_FORM_BYTES, takes
from memorycapsule.daemon.http.protocol.sessions import first_with_access
from memorycapsule.domain.stories import Viewer
from memorycapsule.domain.zones import local_of
from memorycapsule.errors import EditedElsewhere, NotAllowed, NotFound, UsageProblem
from memorycapsule.services import reading, stories
from memorycapsule.services.album.story_views import StoryView
from memorycapsule.services.reading import CapsuleView
from memorycapsule.words.catalogues import Wording
from memorycapsule.words.counts import contents_in_words
from memorycapsule.words.dates import short_day

router = APIRouter()


def _sealed_story(
    request: Request, app: AppDep, viewers: BrowserViewers, capsule_id: UUID, story_id: UUID
) -> StoryAccess:
    found = noted(request, own_story(app, viewers, capsule_id, str(story_id)))
    if found.view.capsule.is_open:
        raise NotFound
    return found


async def _typed_fields(request: Request) -> dict[str, str]:
    return {key: value for key, value in (await request.form()).items() if isinstance(value, str)}


#: The story of the address, for its author and until the capsule is open; otherwise it is not there.
SealedStory = Annotated[StoryAccess, Depends(_sealed_story)]
#: What was typed into a form, whatever the names of its fields.
TypedFields = Annotated[dict[str, str], Depends(_typed_fields)]


@router.api_route("/g/c/{capsule_id}/stories/{story_id}", methods=GET)
@for_whom(Audience.AUTHOR, once_open=Audience.NOBODY)
def show_own_story(
    request: Request, app: AppDep, pages: PagesDep, access: SealedStory, saved: bool = False
) -> Response:
    return story_page(app, pages, request, access, is_saved=saved)


@router.post("/g/c/{capsule_id}/stories/{story_id}")
@takes(LARGEST_STORY_FORM_BYTES)
@for_whom(Audience.AUTHOR, once_open=Audience.NOBODY)
def edit_own_story(
    request: Request, app: AppDep, pages: PagesDep, access: SealedStory, form: TypedFields
) -> Response:
    viewer, view, story = access
    path = f"/g/c/{view.capsule.id}/stories/{story.story.id}"
    try:
        stories.edit(
            app.store,
            app.vault,
            viewer,
            story.story.id,
            title=form.get("title"),
            # Forms end lines so (HTML standard, 4.10.21.5).
            text=form["text"].replace("\r\n", "\n") if "text" in form else None,
            captions=story_fields.captions(form, story),
            seen=story_fields.marks(form, story),
            now=app.now(),
        )
        direction, _, medium_id = form.get("move", "").partition(":")
        if direction:
            ids = moved_by_one([one.medium.id for one in story.media], medium_id, direction)
            stories.reorder_media(app.store, viewer, story.story.id, medium_ids=ids, now=app.now())
            return pages.redirect(request, f"{path}#m-{medium_id}")
    except (EditedElsewhere, UsageProblem) as error:
        # Read again: somebody has written to it since.
        access = own_story(app, [viewer], UUID(view.capsule.id), story.story.id)
        return story_page(app, pages, request, access, typed=form, problem=error)
    except NotAllowed as error:
        return closed_page(pages, request, error)
    return pages.redirect(request, f"{path}?saved=1")


@router.api_route("/g/c/{capsule_id}/stories/{story_id}/remove", methods=GET)
@for_whom(Audience.AUTHOR, once_open=Audience.NOBODY)
def confirm_removal(
    request: Request, pages: PagesDep, access: SealedStory, medium: UUID | None = None
) -> Response:
    story = access.story
    shown = [one for one in story.media if medium is None or one.medium.id == str(medium)]
    if medium and not shown:
        raise NotFound
    words = pages.wording(request)
    return pages.show(
        request,
        "own_story_remove.html",
        words,
        view=access.view,
        story=story,
        medium=shown[0] if medium else None,
        shown=shown[:4],
        amount=_contents(story, words),
    )


@router.post("/g/c/{capsule_id}/stories/{story_id}/remove")
@for_whom(Audience.AUTHOR, once_open=Audience.NOBODY)
def remove_own_story(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    access: SealedStory,
    medium: Annotated[str, Form()] = "",
) -> Response:
    viewer, view, story = access
    try:
        if not medium:
            stories.remove(app.store, app.vault, viewer, story.story.id, now=app.now())
            return pages.redirect(request, f"/g/c/{view.capsule.id}")
        if medium not in {one.medium.id for one in story.media}:
            raise NotFound
        stories.remove_medium(app.store, app.vault, viewer, medium, now=app.now())
    except NotAllowed as error:
        return closed_page(pages, request, error)
    return pages.redirect(request, f"/g/c/{view.capsule.id}/stories/{story.story.id}")


@router.post("/g/c/{capsule_id}/order")
@for_whom(Audience.AUTHOR, once_open=Audience.NOBODY)
def reorder_own_stories(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    viewers: BrowserViewers,
    capsule_id: UUID,
    move: Annotated[str, Form()] = "",
) -> Response:
    direction, _, story_id = move.partition(":")

    def move_story(viewer: Viewer) -> None:
        view = reading.capsule(app.store, app.vault, viewer, str(capsule_id))
        own_ids = [one.story.id for one in _own_stories(view)]
        ids = moved_by_one(own_ids, story_id, direction)
        stories.reorder(app.store, viewer, str(capsule_id), story_ids=ids, now=app.now())

    try:
        first_with_access(viewers, move_story)
    except NotAllowed as error:
        return closed_page(pages, request, error)
    return pages.redirect(request, f"/g/c/{capsule_id}#own")


def story_page(
    app: App,
    pages: Pages,
    request: Request,
    access: StoryAccess,
    *,
    is_saved: bool = False,
    typed: Mapping[str, str] | None = None,
    problem: EditedElsewhere | UsageProblem | None = None,
) -> Response:
    """
    Show the form for a story of one's own.

    `typed` is what a refused form has brought, with its marks (`seen-...`): it stands in the fields again, beside what
    was saved elsewhere since.
    """
    words = pages.wording(request)
    return pages.show(
        request,
        "own_story.html",
        words,
        status=problem.http_status if problem else 200,
        view=access.view,
        story=access.story,
        fields=story_fields.fields(access.story, typed or {}),
        text=story_text(access.story, words),
        accepts=access.view.capsule.accepts_stories(app.now()),
        amount=_contents(access.story, words),
        is_saved=is_saved,
        problem=error_text(problem, words) if problem else "",
    )


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
            "text": story_text(story, words),
            "picture": next((one.medium for one in story.media if one.medium.thumbnail_blob), None),
            "amount": _contents(story, words),
            "day": short_day(local_of(story.story.created_at, view.capsule.zone), words.language),
        }
        for story in _own_stories(view)
    ]


def _contents(story: StoryView, words: Wording) -> str:
    """Say how many photos, clips and voice notes a story has."""
    kinds = [str(one.medium.kind) for one in story.media]
    return contents_in_words(
        photos=kinds.count("photo"),
        clips=kinds.count("clip"),
        voices=kinds.count("voice"),
        stories=0,
        locale=words.language,
    )


def moved_by_one(ids: Sequence[str], one: str, direction: str) -> list[str]:
    """Return `ids` with one of them a place further 'up' or 'down'. Raises NotFound when it is not among them."""
    if one not in ids or direction not in {"up", "down"}:
        raise NotFound
    others = [other for other in ids if other != one]
    place = ids.index(one) + (-1 if direction == "up" else 1)
    others.insert(min(max(place, 0), len(others)), one)
    return others
