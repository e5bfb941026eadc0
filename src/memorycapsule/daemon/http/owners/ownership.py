"""Access to the pages of a capsule's owner."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from memorycapsule.daemon.http.dependencies import AppDep, SignedInViewer
from memorycapsule.errors import NotFound
from memorycapsule.services import reading
from memorycapsule.services.reading import Outline


def _owned_capsule(app: AppDep, viewer: SignedInViewer, capsule_id: UUID) -> Outline:
    view = reading.outline(app.store, viewer, str(capsule_id))
    if not view.member.is_owner:
        raise NotFound
    return view


#: The capsule of the address, for its owner; for everybody else, it is not there.
OwnedCapsule = Annotated[Outline, Depends(_owned_capsule)]
