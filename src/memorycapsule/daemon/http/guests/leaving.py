"""Leaving a capsule, with one's stories or without them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from memorycapsule.app import App
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.protocol.sessions import Cookie, cookie_viewers, first_with_access
from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import NotFound
from memorycapsule.services import members, reading
from memorycapsule.services.reading import CapsuleView
from memorycapsule.words.counts import contents_in_words


def routes(app: App, pages: Pages, cookie: Cookie) -> APIRouter:
    router = APIRouter()

    def read_capsule(request: Request, capsule_id: UUID) -> tuple[Viewer, CapsuleView]:
        return first_with_access(
            cookie_viewers(app.store, cookie, request),
            lambda viewer: (viewer, reading.capsule(app.store, app.vault, viewer, str(capsule_id))),
        )

    @router.api_route("/g/c/{capsule_id}/leave", methods=["GET", "HEAD"])
    def confirm_leaving(request: Request, capsule_id: UUID) -> Response:
        _viewer, view = read_capsule(request, capsule_id)
        words = pages.wording(request)
        own = next(one for one in view.contributions if one.member.id == view.member.id)
        return pages.show(
            request,
            "leave.html",
            words,
            view=view,
            is_sealed=view.capsule.accepts_stories(app.now()),
            amount=contents_in_words(
                photos=own.photos, clips=own.clips, stories=own.stories, locale=words.language
            ),
        )

    @router.post("/g/c/{capsule_id}/leave")
    def leave(request: Request, capsule_id: UUID, stories: Annotated[str, Form()] = "stay") -> Response:
        viewer, view = read_capsule(request, capsule_id)
        members.leave(
            app.store,
            app.vault,
            app.wake,
            viewer,
            view.capsule.id,
            takes_stories=stories == "take",
            now=app.now(),
        )
        return pages.redirect(request, f"/g/left?stories={'take' if stories == 'take' else 'stay'}")

    @router.api_route("/g/left", methods=["GET", "HEAD"])
    def show_left(request: Request, stories: str = "stay") -> Response:
        if stories not in {"take", "stay"}:
            raise NotFound
        words = pages.wording(request)
        return pages.show(
            request,
            "message.html",
            words,
            heading=words("left_title"),
            text=words("left_with") if stories == "take" else words("left_without"),
        )

    return router
