"""The page of one member: the owner changes their role, hands the capsule over to them, or removes them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from memorycapsule.app import App
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.owners.ownership import owned_by
from memorycapsule.daemon.http.protocol.sessions import Cookie, require_signed_in
from memorycapsule.domain.capsules import Contribution, Role
from memorycapsule.errors import NotFound
from memorycapsule.services import members, reading
from memorycapsule.services.reading import CapsuleView
from memorycapsule.words.counts import contents_in_words
from memorycapsule.words.forms_of_address import addressed


def routes(app: App, pages: Pages, cookie: Cookie) -> APIRouter:
    router = APIRouter()
    owned = owned_by(app, cookie)
    path = "/c/{capsule_id}/members/{member_id}"

    @router.api_route(path, methods=["GET", "HEAD"])
    def show_member(request: Request, capsule_id: UUID, member_id: UUID) -> Response:
        _viewer, view = owned(request, capsule_id)
        one = _other_member(view, str(member_id))
        words = pages.wording(request)
        return pages.show(
            request,
            "member.html",
            words,
            view=view,
            one=one,
            addressed_name=addressed(one.member.name, words.language),
            is_sealed=view.capsule.accepts_stories(app.now()),
            amount=contents_in_words(
                photos=one.photos, clips=one.clips, stories=one.stories, locale=words.language
            ),
        )

    @router.post(f"{path}/role")
    def change_role(
        request: Request, capsule_id: UUID, member_id: UUID, role: Annotated[Role, Form()]
    ) -> Response:
        viewer, view = owned(request, capsule_id)
        members.change_role(app.store, viewer, view.capsule.id, str(member_id), role, now=app.now())
        return pages.redirect(request, f"/c/{capsule_id}/people?done=role")

    @router.post(f"{path}/hand-over")
    def hand_over(request: Request, capsule_id: UUID, member_id: UUID) -> Response:
        viewer, view = owned(request, capsule_id)
        members.hand_over(app.store, viewer, view.capsule.id, str(member_id), now=app.now())
        # The owner's pages are closed to whoever handed the capsule over.
        return pages.redirect(request, f"/c/{capsule_id}/handed-over")

    @router.api_route("/c/{capsule_id}/handed-over", methods=["GET", "HEAD"])
    def show_handed_over(request: Request, capsule_id: UUID) -> Response:
        viewer = require_signed_in(app.store, cookie, request)
        view = reading.capsule(app.store, app.vault, viewer, str(capsule_id))
        owner = next(one.member for one in view.contributions if one.member.is_owner)
        words = pages.wording(request)
        return pages.show(
            request,
            "handed_over.html",
            words,
            view=view,
            addressed_name=addressed(owner.name, words.language),
        )

    @router.post(f"{path}/remove")
    def remove(request: Request, capsule_id: UUID, member_id: UUID) -> Response:
        viewer, view = owned(request, capsule_id)
        members.remove(app.store, app.wake, viewer, view.capsule.id, str(member_id), now=app.now())
        return pages.redirect(request, f"/c/{capsule_id}/people?done=removed")

    return router


def _other_member(view: CapsuleView, member_id: str) -> Contribution:
    """Return a member who has not left and is not the owner. Raises NotFound when there is none with that id."""
    for one in view.contributions:
        if one.member.id == member_id and one.member.left_at is None and not one.member.is_owner:
            return one
    raise NotFound
