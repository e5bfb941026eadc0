"""Invitations, as the owner sends them and takes them back; and reminding."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from fastapi import APIRouter, Response
from starlette.requests import Request

from memorycapsule.app import App
from memorycapsule.daemon.http.api import answers, bodies
from memorycapsule.daemon.http.api.bearer import Asker
from memorycapsule.daemon.http.api.requests import After, Limit, Reference, piece
from memorycapsule.daemon.http.dependencies import AppDep
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.costs import INVITE, limited
from memorycapsule.daemon.http.protocol.problems import documented
from memorycapsule.domain.capsules import Role
from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import NotFound
from memorycapsule.schemas.invitations import Invitation, RemindedAnswer, SentInvitation
from memorycapsule.services import invitations, letters, reading, reminders
from memorycapsule.services.invitations import Invited

router = APIRouter(tags=["invitations"])


@router.get(
    "/capsules/{capsule}/invitations",
    responses=documented(404, 422),
)
@for_whom(Audience.MEMBERS)
def list_invitations(
    request: Request, app: AppDep, viewer: Asker, capsule: Reference, limit: Limit = 50, after: After = None
) -> answers.InvitationsAnswer:
    """List whom a capsule's owner has invited, and what they answered; empty for everybody else."""
    view = reading.outline(app.store, viewer, capsule)
    found, further = piece(request, view.invitations, lambda one: one.id, limit=limit, after=after)
    return answers.InvitationsAnswer(invitations=[Invitation.of(one) for one in found], next=further)


@router.post(
    "/capsules/{capsule}/invitations",
    name="invite",
    status_code=201,
    responses=documented(403, 404, 413, 422, 429, 507),
)
@limited(INVITE)
@for_whom(Audience.OWNER, once_open=Audience.NOBODY)
def invite_guests(
    app: AppDep, viewer: Asker, capsule: Reference, body: bodies.NewInvitations
) -> answers.SentInvitationsAnswer:
    """
    Invite people by mail: all of them or, if one address is wrong, none.

    Each gets a link of their own. An address that is invited already keeps its link and gets no second letter,
    unless `again`.
    """
    invited = invitations.invite(
        app.store,
        app.vault.key,
        app.wake,
        viewer,
        capsule,
        addresses=body.emails,
        role=Role(body.role) if body.role else None,
        name=body.name,
        locale=body.locale,
        again=body.again,
        valid_days=app.settings.mail.invitation_days,
        now=app.now(),
    )
    return _sent(app, invited)


@router.post(
    "/capsules/{capsule}/invitations/{invitation}/resend",
    name="resend",
    responses=documented(403, 404, 413, 422, 429, 507),
)
@limited(INVITE)
@for_whom(Audience.OWNER, once_open=Audience.NOBODY)
def resend_invitation(
    app: AppDep, viewer: Asker, capsule: Reference, invitation: UUID
) -> answers.SentInvitationsAnswer:
    """Make a new link, let the old one go, and send another letter."""
    address = _invited_address(app, viewer, capsule, invitation)
    invited = invitations.invite(
        app.store,
        app.vault.key,
        app.wake,
        viewer,
        capsule,
        addresses=[address],
        again=True,
        valid_days=app.settings.mail.invitation_days,
        now=app.now(),
    )
    return _sent(app, invited)


@router.get(
    "/capsules/{capsule}/invitations/links",
    name="links",
    responses=documented(403, 404, 422),
)
@for_whom(Audience.OWNER)
def list_invitation_links(app: AppDep, viewer: Asker, capsule: Reference) -> answers.SentInvitationsAnswer:
    """List the invitations that wait for an answer with their links, to hand them over in another way."""
    found = invitations.personal_links(app.store, app.vault.key, viewer, capsule, app.now())
    return _sent(app, found)


@router.post(
    "/capsules/{capsule}/reminders",
    name="remind",
    responses=documented(403, 404, 413, 422, 429, 507),
)
@limited(INVITE)
@for_whom(Audience.OWNER, once_open=Audience.NOBODY)
def remind_members(app: AppDep, viewer: Asker, capsule: Reference, body: bodies.Reminders) -> RemindedAnswer:
    """
    Remind those who are invited and silent, and the contributors who have not put anything in.

    Answers who gets a letter; nobody gets more than one a day.
    """
    done = reminders.remind(app.store, app.wake, viewer, capsule, only=body.only, now=app.now())
    return RemindedAnswer.of(done)


@router.post(
    "/capsules/{capsule}/invitations/revoke",
    name="revoke_all",
    responses=documented(403, 404, 413, 422, 507),
)
@for_whom(Audience.OWNER)
def revoke_invitations(
    app: AppDep, viewer: Asker, capsule: Reference, body: bodies.RevokedInvitations
) -> answers.InvitationsAnswer:
    """Take the invitations of these addresses back: all of them or, if one is not invited, none."""
    revoked = invitations.revoke(app.store, viewer, capsule, addresses=body.emails, now=app.now())
    return answers.InvitationsAnswer(invitations=[Invitation.of(one) for one in revoked], next=None)


@router.delete(
    "/capsules/{capsule}/invitations/{invitation}",
    name="revoke",
    status_code=204,
    responses=documented(403, 404, 422),
)
@for_whom(Audience.OWNER)
def revoke_invitation(app: AppDep, viewer: Asker, capsule: Reference, invitation: UUID) -> Response:
    """Take an invitation back: its link does not work any more."""
    address = _invited_address(app, viewer, capsule, invitation)
    invitations.revoke(app.store, viewer, capsule, addresses=[address], now=app.now())
    return Response(status_code=204)


def _invited_address(app: App, viewer: Viewer, capsule: str, invitation: UUID) -> str:
    view = reading.outline(app.store, viewer, capsule)
    found = next((one.address for one in view.invitations if one.id == str(invitation)), None)
    if found is None:
        raise NotFound("invitation_unknown")
    return found


def _sent(app: App, invited: Iterable[Invited]) -> answers.SentInvitationsAnswer:
    base_url = app.base_url
    return answers.SentInvitationsAnswer(
        invitations=[
            SentInvitation.of_invited(one, letters.invitation_url(base_url, one.token)) for one in invited
        ]
    )
