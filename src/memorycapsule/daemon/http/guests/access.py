"""Access to the pages of a capsule's members: by whichever session of the browser reaches the capsule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from fastapi import Depends
from starlette.requests import Request

from memorycapsule.app import App
from memorycapsule.daemon.http.dependencies import AppDep, BrowserViewers
from memorycapsule.daemon.http.protocol.sessions import first_with_access, note_viewer
from memorycapsule.domain.film.montages import Montage
from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import NotFound
from memorycapsule.services import reading
from memorycapsule.services.album.story_views import StoryView
from memorycapsule.services.reading import OpenedView, Outline, Standing

View = TypeVar("View", Standing, Outline, OpenedView, list[Montage], Montage)


class Access(NamedTuple, Generic[View]):
    """What a page needs of a capsule, and the session that has access to it."""

    viewer: Viewer
    view: View


class StoryAccess(NamedTuple):
    """A story of the viewer's own, its capsule, and the session that sees it."""

    viewer: Viewer
    view: Standing
    story: StoryView


Found = TypeVar("Found", bound="Access[Any] | StoryAccess")


def noted(request: Request, access: Found) -> Found:
    """Return `access`; the page of a request is in the language of whose session that is."""
    note_viewer(request, access.viewer)
    return access


def own_story(app: App, viewers: Sequence[Viewer], capsule_id: UUID, story_id: str) -> StoryAccess:
    """Return a story of one's own, and the session that sees it. Raises NotFound."""

    def read(viewer: Viewer) -> StoryAccess:
        view = reading.standing(app.store, viewer, str(capsule_id))
        story = reading.story(app.store, app.vault, viewer, story_id)
        if (story.story.capsule_id, story.story.member_id) != (view.capsule.id, view.member.id):
            raise NotFound
        return StoryAccess(viewer, view, story)

    return first_with_access(viewers, read)


def _access(request: Request, viewers: Sequence[Viewer], read: Callable[[Viewer], View]) -> Access[View]:
    """Return what `read` returns for the first session that has access, and note the session. Raises NotFound."""
    return noted(request, first_with_access(viewers, lambda viewer: Access(viewer, read(viewer))))


def _member_standing(
    request: Request, app: AppDep, viewers: BrowserViewers, capsule_id: UUID
) -> Access[Standing]:
    return _access(request, viewers, lambda viewer: reading.standing(app.store, viewer, str(capsule_id)))


def member_outline(
    request: Request, app: AppDep, viewers: BrowserViewers, capsule_id: UUID
) -> Access[Outline]:
    """Return the outline of a capsule for one of its members. Raises NotFound."""
    return _access(request, viewers, lambda viewer: reading.outline(app.store, viewer, str(capsule_id)))


#: The capsule of the address, for its members; for everybody else, it is not there. Most pages need no more than its
#: row and the viewer's own part, or members and counts besides.
MemberStanding = Annotated[Access[Standing], Depends(_member_standing)]
MemberOutline = Annotated[Access[Outline], Depends(member_outline)]


def _opened_capsule(
    request: Request, app: AppDep, viewers: BrowserViewers, capsule_id: UUID
) -> Access[OpenedView]:
    return _access(
        request, viewers, lambda viewer: reading.opened(app.store, app.vault, viewer, str(capsule_id))
    )


#: The same capsule with its album once it is open; before that, it is not there.
OpenedCapsule = Annotated[Access[OpenedView], Depends(_opened_capsule)]


def _capsule_films(
    request: Request, app: AppDep, viewers: BrowserViewers, capsule_id: UUID
) -> Access[list[Montage]]:
    return _access(request, viewers, lambda viewer: reading.montages(app.store, viewer, str(capsule_id)))


#: The films of the same capsule, and nothing else of it.
CapsuleFilms = Annotated[Access[list[Montage]], Depends(_capsule_films)]


async def _capsule_film(access: CapsuleFilms, montage_id: UUID) -> Access[Montage]:
    for film in access.view:
        if film.id == str(montage_id):
            return Access(access.viewer, film)
    raise NotFound


#: One film of the same capsule; where it has no such film, there is none.
CapsuleFilm = Annotated[Access[Montage], Depends(_capsule_film)]
