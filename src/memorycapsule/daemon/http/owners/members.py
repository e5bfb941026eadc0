"""The page of one member: the owner changes their role, hands the capsule over to them, or removes them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from memorycapsule.daemon.http.dependencies import GET, AppDep, PagesDep, SignedInViewer
from memorycapsule.daemon.http.owners.ownership import OwnedCapsule
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.costs import ANSWER, limited
from memorycapsule.domain.capsules import Contribution, Role
from memorycapsule.errors import NotFound
from memorycapsule.services import members, reading
from memorycapsule.services.reading import Outline
from memorycapsule.words.counts import contents_in_words
from memorycapsule.words.forms_of_address import addressed

router = APIRouter()
_PATH = "/c/{capsule_id}/members/{member_id}"


@router.api_route(_PATH, methods=GET)
@for_whom(Audience.OWNER)
def show_member(
    request: Request, app: AppDep, pages: PagesDep, view: OwnedCapsule, member_id: UUID
) -> Response:
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
            photos=one.photos, clips=one.clips, voices=one.voices, stories=one.stories, locale=words.language
        ),
    )


@router.post(f"{_PATH}/role")
@for_whom(Audience.OWNER, once_open=Audience.NOBODY)
def change_role(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    viewer: SignedInViewer,
    view: OwnedCapsule,
    member_id: UUID,
    role: Annotated[Role, Form()],
) -> Response:
    members.change_role(app.store, viewer, view.capsule.id, str(member_id), role, now=app.now())
    return pages.redirect(request, f"/c/{view.capsule.id}/people?done=role")


@router.post(f"{_PATH}/hand-over")
@for_whom(Audience.OWNER)
def hand_over(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    viewer: SignedInViewer,
    view: OwnedCapsule,
    member_id: UUID,
) -> Response:
    members.hand_over(app.store, viewer, view.capsule.id, str(member_id), now=app.now())
    # The owner's pages are closed to whoever handed the capsule over.
    return pages.redirect(request, f"/c/{view.capsule.id}/handed-over")


@router.api_route("/c/{capsule_id}/handed-over", methods=GET)
@for_whom(Audience.OWNER)
def show_handed_over(
    request: Request, app: AppDep, pages: PagesDep, viewer: SignedInViewer, capsule_id: UUID
) -> Response:
    view = reading.outline(app.store, viewer, str(capsule_id))
    owner = next(one.member for one in view.contributions if one.member.is_owner)
    words = pages.wording(request)
    return pages.show(
        request,
        "handed_over.html",
        words,
        view=view,
        addressed_name=addressed(owner.name, words.language),
    )


@router.post(f"{_PATH}/remove")
@limited(ANSWER)
@for_whom(Audience.OWNER)
def remove_member(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    viewer: SignedInViewer,
    view: OwnedCapsule,
    member_id: UUID,
) -> Response:
    members.remove(app.store, app.wake, viewer, view.capsule.id, str(member_id), now=app.now())
    return pages.redirect(request, f"/c/{view.capsule.id}/people?done=removed")


def _other_member(view: Outline, member_id: str) -> Contribution:
    """Return a member who has not left and is not the owner. Raises NotFound when there is none with that id."""
    for one in view.contributions:
        if one.member.id == member_id and one.member.left_at is None and not one.member.is_owner:
            return one
    raise NotFound
