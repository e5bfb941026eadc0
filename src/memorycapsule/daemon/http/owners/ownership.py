"""Access to the pages of a capsule's owner."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from starlette.requests import Request

from memorycapsule.app import App
from memorycapsule.daemon.http.protocol.sessions import Cookie, require_signed_in
from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import NotFound
from memorycapsule.services import reading
from memorycapsule.services.reading import CapsuleView

#: Returns the viewer and the capsule that they own. Raises SignInNeeded and NotFound.
Owned = Callable[[Request, UUID], tuple[Viewer, CapsuleView]]


def owned_by(app: App, cookie: Cookie) -> Owned:
    """Return the function that reads a capsule for its owner; for everybody else, the capsule is not there."""

    def owned(request: Request, capsule_id: UUID) -> tuple[Viewer, CapsuleView]:
        viewer = require_signed_in(app.store, cookie, request)
        view = reading.capsule(app.store, app.vault, viewer, str(capsule_id))
        if not view.member.is_owner:
            raise NotFound
        return viewer, view

    return owned
