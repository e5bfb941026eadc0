"""Everything below /api."""

from __future__ import annotations

from fastapi import APIRouter

from memorycapsule.daemon.http.api import areas, document
from memorycapsule.daemon.http.api.bearer import NEEDS_TOKEN
from memorycapsule.daemon.http.uploads import tus

router = APIRouter()
router.include_router(areas.router)
router.include_router(tus.router, prefix="/api/v1/uploads", dependencies=[NEEDS_TOKEN])
router.include_router(document.router)
