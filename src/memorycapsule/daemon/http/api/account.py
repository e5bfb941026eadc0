"""One's own account: name, language, addresses, where one is signed in, tokens for programs, and its end."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from starlette.requests import Request

from memorycapsule.app import App
from memorycapsule.daemon.http.api import bodies, models
from memorycapsule.daemon.http.api.bearer import Bearer
from memorycapsule.daemon.http.api.requests import After, Limit, piece
from memorycapsule.daemon.http.protocol.problems import documented
from memorycapsule.domain.sessions import Scope
from memorycapsule.domain.stories import Viewer
from memorycapsule.services import accounts, reading, shapes, signing_in, tokens

_TAGS: list[str | Any] = ["me"]


def routes(app: App, asking: Bearer) -> APIRouter:
    router = APIRouter(prefix="/me", tags=_TAGS)
    asker = Depends(asking)

    @router.get("", response_model=models.AccountAnswer, responses=documented())
    def show(viewer: Viewer = asker) -> Any:
        """Show the account that this token belongs to."""
        return {"account": shapes.account(reading.account(app.store, viewer))}

    @router.patch("", response_model=models.AccountAnswer, responses=documented(403, 413, 422, 507))
    def edit(body: bodies.AccountChanges, viewer: Viewer = asker) -> Any:
        """Change one's name, or the language of letters and pages."""
        changed = accounts.edit(app.store, viewer, name=body.name, locale=body.locale, now=app.now())
        return {"account": shapes.account(changed)}

    @router.get("/deletion", response_model=models.DeletionAnswer, responses=documented(403))
    def before_deleting(viewer: Viewer = asker) -> Any:
        """Say what deleting the account would do, changing nothing."""
        return {"deletion": shapes.deletion(accounts.preview_deletion(app.store, viewer))}

    @router.delete("", status_code=204, responses=documented(403, 507))
    def delete(viewer: Viewer = asker) -> Response:
        """
        Delete the account: it leaves every capsule, and its name and addresses are forgotten.

        What it has put in stays. Needs a fresh proof; the admin's account stays.
        """
        accounts.delete(app.store, app.vault, viewer, now=app.now())
        return Response(status_code=204)

    @router.get("/addresses", response_model=models.AddressesAnswer, responses=documented(403))
    def list_addresses(viewer: Viewer = asker) -> Any:
        """List where letters to the account go, the first of them first."""
        return shapes.addresses(accounts.show(app.store, viewer, now=app.now()))

    @router.post(
        "/addresses",
        status_code=202,
        response_model=models.AskedAddressAnswer,
        responses=documented(403, 413, 422, 429, 507),
    )
    def ask_address(body: bodies.NewAddress, viewer: Viewer = asker) -> Any:
        """Have six digits mailed to an address that is to be added. Needs a fresh proof."""
        asked = accounts.request_address(
            app.store, app.vault.key, app.wake, viewer, body.email, now=app.now()
        )
        return {"asked": asked}

    @router.post(
        "/addresses/code",
        status_code=201,
        response_model=models.AddressAnswer,
        responses=documented(403, 413, 422, 429, 507),
    )
    def add_address(body: bodies.Proof, viewer: Viewer = asker) -> Any:
        """Add the address that the digits were mailed to; letters go there from now on."""
        added = accounts.add_address(app.store, app.vault.key, viewer, body.code, now=app.now())
        return {"address": shapes.address(added)}

    @router.delete("/addresses/{address}", status_code=204, responses=documented(403, 404, 422, 507))
    def remove_address(address: UUID, viewer: Viewer = asker) -> Response:
        """Remove an address; the last one stays. Needs a fresh proof."""
        accounts.remove_address(app.store, viewer, str(address), now=app.now())
        return Response(status_code=204)

    @router.get("/sessions", response_model=models.SessionsAnswer, responses=documented(403, 422))
    def list_sessions(
        request: Request, limit: Limit = 50, after: After = None, viewer: Viewer = asker
    ) -> Any:
        """List where one is signed in, and one's personal tokens; the newest first, never their secrets."""
        views = signing_in.of_viewer(app.store, viewer)
        found, further = piece(request, views, lambda one: one.session.id, limit=limit, after=after)
        return {"sessions": [shapes.session_line(one) for one in found], "next": further}

    @router.delete("/sessions/{session}", status_code=204, responses=documented(403, 404, 422, 507))
    def end_session(session: UUID, viewer: Viewer = asker) -> Response:
        """End a session or a personal token of one's own."""
        signing_in.end(app.store, viewer, str(session), now=app.now())
        return Response(status_code=204)

    @router.post(
        "/tokens",
        status_code=201,
        response_model=models.MadeTokenAnswer,
        responses=documented(403, 413, 422, 507),
    )
    def make_token(body: bodies.NewToken, viewer: Viewer = asker) -> Any:
        """
        Make a personal token for a program. It reaches the capsules that this session reaches.

        A token makes no others.
        """
        made = tokens.create(app.store, viewer, name=body.name, scope=Scope(body.scope), now=app.now())
        return {"token": shapes.new_token(made)}

    return router
