"""Access to the pages of a capsule's members: by whichever session of the browser reaches the capsule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NamedTuple
from uuid import UUID

from fastapi import Depends

from memorycapsule.app import App
from memorycapsule.daemon.http.dependencies import AppDep, BrowserViewers
from memorycapsule.daemon.http.protocol.sessions import first_with_access
from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import NotFound
from memorycapsule.services import reading
from memorycapsule.services.reading import CapsuleView, StoryView


class Access(NamedTuple):
    """A capsule, and the session that has access to it."""

    viewer: Viewer
    view: CapsuleView


class StoryAccess(NamedTuple):
    """A story of the viewer's own, its capsule, and the session that sees it."""

    viewer: Viewer
    view: CapsuleView
    story: StoryView


def own_story(app: App, viewers: Sequence[Viewer], capsule_id: UUID, story_id: str) -> StoryAccess:
    """Return a story of one's own, and the session that sees it. Raises NotFound."""

    def read(viewer: Viewer) -> StoryAccess:
        view = reading.capsule(app.store, app.vault, viewer, str(capsule_id))
        for story in view.stories:
            if story.story.id == story_id and story.story.member_id == view.member.id:
                return StoryAccess(viewer, view, story)
        raise NotFound

    return first_with_access(viewers, read)


def member_capsule(app: AppDep, viewers: BrowserViewers, capsule_id: UUID) -> Access:
    """Return a capsule for one of its members. Raises NotFound."""
    return first_with_access(
        viewers,
        lambda viewer: Access(viewer, reading.capsule(app.store, app.vault, viewer, str(capsule_id))),
    )


#: The capsule of the address, for its members; for everybody else, it is not there.
MemberCapsule = Annotated[Access, Depends(member_capsule)]


async def _opened_capsule(access: MemberCapsule) -> Access:
    if not access.view.capsule.is_open:
        raise NotFound
    return access


#: The same capsule once it is open; before that, it is not there.
OpenedCapsule = Annotated[Access, Depends(_opened_capsule)]
