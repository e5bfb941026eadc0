"""Session, account, members and invitations."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response
from starlette.requests import Request

from memorycapsule.app import App
from memorycapsule.daemon.http.api import models
from memorycapsule.daemon.http.api.bearer import Bearer
from memorycapsule.daemon.http.api.requests import After, Limit, piece
from memorycapsule.daemon.http.problems import documented
from memorycapsule.domain.capsules import Role
from memorycapsule.domain.invitations import Invitation
from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import NotFound, UsageProblem
from memorycapsule.services import accounts, invitations, letters, reading, shapes
from memorycapsule.services.invitations import Invited

Reference = Annotated[str, Path(max_length=100, description="Its id, or its short name with the caller.")]


def routes(app: App, asking: Bearer) -> APIRouter:
    router = APIRouter()
    asker = Depends(asking)

    @router.get("/session", tags=["session"], response_model=models.SessionAnswer, responses=documented())
    def session(viewer: Viewer = asker) -> Any:
        """Say whose this token is, and what it may do."""
        return {"session": shapes.session(viewer)}

    @router.get("/me", tags=["me"], response_model=models.AccountAnswer, responses=documented())
    def me(viewer: Viewer = asker) -> Any:
        """Show the account that this token belongs to."""
        return {"account": shapes.account(reading.account(app.store, viewer))}

    @router.patch(
        "/me",
        tags=["me"],
        response_model=models.AccountAnswer,
        responses=documented(403, 413, 422, 507),
    )
    def change_me(body: models.AccountChanges, viewer: Viewer = asker) -> Any:
        """Change one's name, or the language of letters and pages."""
        changed = accounts.edit(app.store, viewer, name=body.name, locale=body.locale, now=app.now())
        return {"account": shapes.account(changed)}

    @router.get(
        "/capsules/{capsule}/members",
        tags=["members"],
        response_model=models.MembersAnswer,
        responses=documented(404, 422),
    )
    def members(
        request: Request,
        capsule: Reference,
        limit: Limit = 50,
        after: After = None,
        viewer: Viewer = asker,
    ) -> Any:
        """List who is in a capsule and how much they have put in, by when they joined; never what."""
        view = reading.capsule(app.store, app.vault, viewer, capsule)
        found, further = piece(
            request, view.contributions, lambda one: one.member.id, limit=limit, after=after
        )
        return {"members": [shapes.member_line(one) for one in found], "next": further}

    @router.get(
        "/capsules/{capsule}/invitations",
        tags=["invitations"],
        response_model=models.InvitationsAnswer,
        responses=documented(404, 422),
    )
    def list_invitations(
        request: Request,
        capsule: Reference,
        limit: Limit = 50,
        after: After = None,
        viewer: Viewer = asker,
    ) -> Any:
        """List whom a capsule's owner has invited, and what they answered; empty for everybody else."""
        view = reading.capsule(app.store, app.vault, viewer, capsule)
        found, further = piece(request, view.invitations, lambda one: one.id, limit=limit, after=after)
        return {"invitations": [shapes.invitation(one) for one in found], "next": further}

    @router.post(
        "/capsules/{capsule}/invitations",
        tags=["invitations"],
        status_code=201,
        response_model=models.SentInvitationsAnswer,
        responses=documented(403, 404, 413, 422, 429, 507),
    )
    def invite(capsule: Reference, body: models.NewInvitations, viewer: Viewer = asker) -> Any:
        """
        Invite people by mail: all of them or, if one address is wrong, none.

        Each gets a link of their own. An address that is invited already keeps its link and gets no second letter.
        """
        if body.name and len(body.emails) > 1:
            raise UsageProblem("A name is for one person; invite several of them one after another.")
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
            valid_days=app.settings.mail.invitation_days,
            now=app.now(),
        )
        return {"invitations": [_sent(app, one) for one in invited]}

    @router.post(
        "/capsules/{capsule}/invitations/{invitation}/resend",
        tags=["invitations"],
        response_model=models.SentInvitationsAnswer,
        responses=documented(403, 404, 413, 422, 429, 507),
    )
    def resend(capsule: Reference, invitation: UUID, viewer: Viewer = asker) -> Any:
        """Make a new link, let the old one go, and send another letter."""
        found = _invitation(app, viewer, capsule, invitation)
        invited = invitations.invite(
            app.store,
            app.vault.key,
            app.wake,
            viewer,
            capsule,
            addresses=[found.address],
            again=True,
            valid_days=app.settings.mail.invitation_days,
            now=app.now(),
        )
        return {"invitations": [_sent(app, one) for one in invited]}

    @router.delete(
        "/capsules/{capsule}/invitations/{invitation}",
        tags=["invitations"],
        status_code=204,
        responses=documented(403, 404, 422),
    )
    def revoke(capsule: Reference, invitation: UUID, viewer: Viewer = asker) -> Response:
        """Take an invitation back: its link does not work any more."""
        found = _invitation(app, viewer, capsule, invitation)
        invitations.revoke(app.store, viewer, capsule, addresses=[found.address], now=app.now())
        return Response(status_code=204)

    return router


def _invitation(app: App, viewer: Viewer, capsule: str, invitation: UUID) -> Invitation:
    view = reading.capsule(app.store, app.vault, viewer, capsule)
    found = next((one for one in view.invitations if one.id == str(invitation)), None)
    if found is None:
        raise NotFound("There is no such invitation, or the capsule is not yours.")
    return found


def _sent(app: App, one: Invited) -> shapes.Shape:
    return shapes.sent_invitation(one, letters.invitation_url(app.workshop.post.base_url, one.token))
