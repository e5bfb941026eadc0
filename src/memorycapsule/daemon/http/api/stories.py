"""Stories and their media."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response
from starlette.requests import Request
from starlette.responses import StreamingResponse

from memorycapsule.app import App
from memorycapsule.daemon.http.api import answers, bodies
from memorycapsule.daemon.http.api.bearer import Asker
from memorycapsule.daemon.http.api.requests import After, Limit, Once, Reference, piece
from memorycapsule.daemon.http.dependencies import AppDep
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.files import FileAnswer
from memorycapsule.daemon.http.protocol.problems import ANY_TYPE, documented, documented_file
from memorycapsule.domain.stories import Viewer
from memorycapsule.schemas.stories import Medium, Story
from memorycapsule.services import reading, stories
from memorycapsule.services.reading import Form

router = APIRouter()


def _answer(app: App, viewer: Viewer, story_id: str) -> answers.StoryAnswer:
    return answers.StoryAnswer(story=Story.of(reading.story(app.store, app.vault, viewer, story_id)))


@router.get(
    "/capsules/{capsule}/stories",
    tags=["stories"],
    responses=documented(404, 422),
)
@for_whom(Audience.MEMBERS)
def list_stories(
    request: Request, app: AppDep, viewer: Asker, capsule: Reference, limit: Limit = 50, after: After = None
) -> answers.StoriesAnswer:
    """List the stories that the caller may see: their own until the day, all of them afterwards."""
    ids = reading.story_ids(app.store, viewer, capsule)
    found, further = piece(request, ids, lambda one: one, limit=limit, after=after)
    views = reading.stories(app.store, app.vault, viewer, capsule, only=found)
    return answers.StoriesAnswer(stories=[Story.of(view) for view in views], next=further)


@router.post(
    "/capsules/{capsule}/stories",
    name="add",
    tags=["stories"],
    status_code=201,
    responses=documented(403, 404, 413, 422, 507),
)
@for_whom(Audience.CONTRIBUTORS, once_open=Audience.NOBODY)
def add_story(
    app: AppDep, viewer: Asker, capsule: Reference, body: bodies.NewStory, once: Once = None
) -> answers.StoryAnswer:
    """Add a story, sealed at once; photos and clips are sent to it as uploads."""
    story = stories.add(
        app.store,
        app.vault,
        viewer,
        capsule,
        title=body.title,
        text=body.text,
        once=once,
        now=app.now(),
    )
    return _answer(app, viewer, story.id)


@router.put(
    "/capsules/{capsule}/stories/order",
    tags=["stories"],
    responses=documented(403, 404, 413, 422, 507),
)
@for_whom(Audience.AUTHOR, once_open=Audience.NOBODY)
def reorder_stories(
    app: AppDep, viewer: Asker, capsule: Reference, body: bodies.StoryOrder
) -> answers.StoriesAnswer:
    """Put one's own stories into another order, until the day; answers those that the caller sees."""
    stories.reorder(app.store, viewer, capsule, story_ids=body.stories, now=app.now())
    views = reading.stories(app.store, app.vault, viewer, capsule)
    return answers.StoriesAnswer(stories=[Story.of(view) for view in views], next=None)


@router.get(
    "/stories/{story}",
    name="show",
    tags=["stories"],
    responses=documented(404, 422),
)
@for_whom(Audience.AUTHOR, once_open=Audience.MEMBERS)
def show_story(app: AppDep, viewer: Asker, story: UUID) -> answers.StoryAnswer:
    """Show a story that the caller may see."""
    return _answer(app, viewer, str(story))


@router.patch(
    "/stories/{story}",
    name="edit",
    tags=["stories"],
    responses=documented(403, 404, 409, 413, 422, 507),
)
@for_whom(Audience.AUTHOR, once_open=Audience.NOBODY)
def edit_story(app: AppDep, viewer: Asker, story: UUID, body: bodies.StoryChanges) -> answers.StoryAnswer:
    """Change what is named of a story of one's own, until the day; `seen_at` keeps what others wrote meanwhile."""
    stories.edit(
        app.store,
        app.vault,
        viewer,
        str(story),
        title=body.title,
        text=body.text,
        captions=body.captions,
        seen_at=body.seen_at,
        now=app.now(),
    )
    return _answer(app, viewer, str(story))


@router.delete(
    "/stories/{story}", name="remove", tags=["stories"], status_code=204, responses=documented(403, 404, 422)
)
@for_whom(Audience.AUTHOR, once_open=Audience.NOBODY)
def remove_story(app: AppDep, viewer: Asker, story: UUID) -> Response:
    """Remove a story of one's own with its photos and clips, for good; until the day."""
    stories.remove(app.store, app.vault, viewer, str(story), now=app.now())
    return Response(status_code=204)


@router.get(
    "/stories/{story}/media",
    tags=["media"],
    responses=documented(404, 422),
)
@for_whom(Audience.AUTHOR, once_open=Audience.MEMBERS)
def list_media(
    request: Request, app: AppDep, viewer: Asker, story: UUID, limit: Limit = 50, after: After = None
) -> answers.MediaAnswer:
    """List the photos and clips of a story that the caller may see, in their order."""
    media = reading.story(app.store, app.vault, viewer, str(story)).media
    found, further = piece(request, media, lambda one: one.medium.id, limit=limit, after=after)
    shown = [Medium.of(one.medium, one.details, one.taken_local) for one in found]
    return answers.MediaAnswer(media=shown, next=further)


@router.put(
    "/stories/{story}/media/order",
    name="reorder",
    tags=["media"],
    responses=documented(403, 404, 413, 422, 507),
)
@for_whom(Audience.AUTHOR, once_open=Audience.NOBODY)
def reorder_media(app: AppDep, viewer: Asker, story: UUID, body: bodies.MediaOrder) -> answers.StoryAnswer:
    """Put the photos and clips of a story of one's own into another order, until the day."""
    stories.reorder_media(app.store, viewer, str(story), medium_ids=body.media, now=app.now())
    return _answer(app, viewer, str(story))


@router.get("/media/{medium}", tags=["media"], responses=documented(404, 422))
@for_whom(Audience.AUTHOR, once_open=Audience.MEMBERS)
def show_medium(app: AppDep, viewer: Asker, medium: UUID) -> answers.MediumAnswer:
    """Say what is known about a photo or clip that the caller may see."""
    found = reading.medium(app.store, app.vault, viewer, str(medium))
    return answers.MediumAnswer(medium=Medium.of(found.medium, found.details, found.taken_local))


@router.delete("/media/{medium}", tags=["media"], status_code=204, responses=documented(403, 404, 422))
@for_whom(Audience.AUTHOR, once_open=Audience.NOBODY)
def remove_medium(app: AppDep, viewer: Asker, medium: UUID) -> Response:
    """Remove one photo or clip of a story of one's own, for good; until the day."""
    stories.remove_medium(app.store, app.vault, viewer, str(medium), now=app.now())
    return Response(status_code=204)


@router.head("/media/{medium}/{form}", include_in_schema=False)
@router.get(
    "/media/{medium}/{form}",
    name="file",
    tags=["media"],
    response_class=StreamingResponse,
    responses={
        **documented_file(ANY_TYPE, "image/jpeg", "video/mp4", "audio/mp4"),
        **documented(404, 416, 422),
    },
)
@for_whom(Audience.AUTHOR, once_open=Audience.MEMBERS)
def send_medium(app: AppDep, viewer: Asker, medium: UUID, form: Form) -> Response:
    """
    Send a photo or clip: as it came, as pages show it, small, or as a film that every player plays.

    Ranges can be asked for.
    """
    found = reading.medium_file(app.store, app.vault, viewer, str(medium), form)
    return FileAnswer(found, tag=f"{medium}-{form}", as_download=form == "original")
