"""The areas of the API, put together below /api/v1; uploads come beside them, since they speak tus."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.routing import APIRoute

from memorycapsule.daemon.http.api import (
    account,
    capsules,
    dates,
    films,
    invitations,
    members,
    sign_in,
    stories,
    themes,
)


def _operation_id(route: APIRoute) -> str:
    """Return what programs that are made from the document call a route: its area, and its name within it."""
    area = str(route.tags[0]) if route.tags else "api"
    return f"{area}_{route.name}"


router = APIRouter(prefix="/api/v1", generate_unique_id_function=_operation_id)
router.include_router(sign_in.router)
router.include_router(account.router)
router.include_router(capsules.router)
router.include_router(members.router)
router.include_router(invitations.router)
router.include_router(dates.router)
router.include_router(stories.router)
router.include_router(films.router)
router.include_router(themes.router)
