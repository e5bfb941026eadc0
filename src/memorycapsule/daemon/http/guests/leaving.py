"""Leaving a capsule, with one's stories or without them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from memorycapsule.daemon.http.dependencies import GET, AppDep, PagesDep
from memorycapsule.daemon.http.guests.access import MemberOutline, MemberStanding
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.costs import ANSWER, limited
from memorycapsule.errors import NotFound
from memorycapsule.services import members
from memorycapsule.words.counts import contents_in_words

router = APIRouter()


@router.api_route("/g/c/{capsule_id}/leave", methods=GET)
@for_whom(Audience.MEMBERS)
def confirm_leaving(request: Request, app: AppDep, pages: PagesDep, access: MemberOutline) -> Response:
    view = access.view
    words = pages.wording(request)
    own = next(one for one in view.contributions if one.member.id == view.member.id)
    return pages.show(
        request,
        "leave.html",
        words,
        view=view,
        is_sealed=view.capsule.accepts_stories(app.now()),
        amount=contents_in_words(
            photos=own.photos, clips=own.clips, voices=own.voices, stories=own.stories, locale=words.language
        ),
    )


@router.post("/g/c/{capsule_id}/leave")
@limited(ANSWER)
@for_whom(Audience.NO_OWNERS)
def leave_capsule(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    access: MemberStanding,
    stories: Annotated[str, Form()] = "stay",
) -> Response:
    members.leave(
        app.store,
        app.vault,
        app.wake,
        access.viewer,
        access.view.capsule.id,
        takes_stories=stories == "take",
        now=app.now(),
    )
    return pages.redirect(request, f"/g/left?stories={'take' if stories == 'take' else 'stay'}")


@router.api_route("/g/left", methods=GET)
@for_whom(Audience.EVERYBODY)
def show_left(request: Request, pages: PagesDep, stories: str = "stay") -> Response:
    if stories not in {"take", "stay"}:
        raise NotFound
    words = pages.wording(request)
    text = words("left_with") if stories == "take" else words("left_without")
    return pages.message(request, words, words("left_title"), text)
