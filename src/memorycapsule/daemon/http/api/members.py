"""Members: who is in a capsule, what its owner may change about that, and leaving."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response
from starlette.requests import Request

from memorycapsule.daemon.http.api import answers, bodies
from memorycapsule.daemon.http.api.bearer import Asker
from memorycapsule.daemon.http.api.requests import After, Limit, Reference, piece
from memorycapsule.daemon.http.dependencies import AppDep
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.costs import ANSWER, limited
from memorycapsule.daemon.http.protocol.problems import documented
from memorycapsule.domain.capsules import Role
from memorycapsule.schemas.members import Member, MemberLine
from memorycapsule.services import members, reading

router = APIRouter(tags=["members"])


@router.get(
    "/capsules/{capsule}/members",
    responses=documented(404, 422),
)
@for_whom(Audience.MEMBERS)
def list_members(
    request: Request, app: AppDep, viewer: Asker, capsule: Reference, limit: Limit = 50, after: After = None
) -> answers.MembersAnswer:
    """List who is in a capsule and how much they have put in, by when they joined; never what."""
    view = reading.outline(app.store, viewer, capsule)
    found, further = piece(request, view.contributions, lambda one: one.member.id, limit=limit, after=after)
    lines = [MemberLine.of_contribution(one) for one in found]
    return answers.MembersAnswer(members=lines, next=further)


@router.patch(
    "/capsules/{capsule}/members/{member}",
    responses=documented(403, 404, 413, 422, 507),
)
@for_whom(Audience.OWNER, once_open=Audience.NOBODY)
def change_role(
    app: AppDep, viewer: Asker, capsule: Reference, member: UUID, body: bodies.MemberChanges
) -> answers.MemberAnswer:
    """
    Say whether a member adds stories or only receives them.

    Only the owner can; needs a fresh proof.
    """
    changed = members.change_role(app.store, viewer, capsule, str(member), Role(body.role), now=app.now())
    return answers.MemberAnswer(member=Member.of(changed))


@router.delete(
    "/capsules/{capsule}/members/{member}",
    name="remove",
    status_code=204,
    responses=documented(403, 404, 422, 429),
)
@limited(ANSWER)
@for_whom(Audience.OWNER)
def remove_member(app: AppDep, viewer: Asker, capsule: Reference, member: UUID) -> Response:
    """Take a member out of a capsule; their stories stay. Only the owner can; needs a fresh proof."""
    members.remove(app.store, app.wake, viewer, capsule, str(member), now=app.now())
    return Response(status_code=204)


@router.post(
    "/capsules/{capsule}/members/{member}/remove",
    name="remove_and_show",
    responses=documented(403, 404, 422, 429, 507),
)
@limited(ANSWER)
@for_whom(Audience.OWNER)
def remove_and_show_member(
    app: AppDep, viewer: Asker, capsule: Reference, member: UUID
) -> answers.MemberAnswer:
    """Take a member out of a capsule, as DELETE does, and answer who it was and when they left."""
    gone = members.remove(app.store, app.wake, viewer, capsule, str(member), now=app.now())
    return answers.MemberAnswer(member=Member.of(gone))


@router.post(
    "/capsules/{capsule}/members/{member}/hand-over",
    name="hand_over",
    responses=documented(403, 404, 422, 507),
)
@for_whom(Audience.OWNER)
def hand_over_capsule(app: AppDep, viewer: Asker, capsule: Reference, member: UUID) -> answers.MemberAnswer:
    """
    Make another member the owner; the old one goes on as a contributor.

    Only the owner can; needs a fresh proof.
    """
    heir = members.hand_over(app.store, viewer, capsule, str(member), now=app.now())
    return answers.MemberAnswer(member=Member.of(heir))


@router.post(
    "/capsules/{capsule}/leave",
    name="leave",
    responses=documented(403, 404, 413, 422, 429, 507),
)
@limited(ANSWER)
@for_whom(Audience.NO_OWNERS)
def leave_capsule(
    app: AppDep, viewer: Asker, capsule: Reference, body: bodies.Leaving
) -> answers.MemberAnswer:
    """
    Leave a capsule, with all stories of one's own or without them; its owner hands it over first.

    A token of this capsule ends with that. To take stories along that this session does not see, it needs a
    fresh proof.
    """
    gone = members.leave(
        app.store,
        app.vault,
        app.wake,
        viewer,
        capsule,
        takes_stories=body.takes_stories,
        now=app.now(),
    )
    return answers.MemberAnswer(member=Member.of(gone))
