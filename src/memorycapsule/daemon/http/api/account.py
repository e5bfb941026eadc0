"""One's own account: name, language, addresses, where one is signed in, tokens for programs, and its end."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response
from starlette.requests import Request

from memorycapsule.daemon.http.api import answers, bodies
from memorycapsule.daemon.http.api.bearer import Asker
from memorycapsule.daemon.http.api.requests import After, Limit, piece
from memorycapsule.daemon.http.dependencies import AppDep
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.costs import CODE, RESEND, limited
from memorycapsule.daemon.http.protocol.problems import documented
from memorycapsule.domain.sessions import Scope
from memorycapsule.schemas.accounts import Account, Address, Deletion
from memorycapsule.schemas.sessions import MadeToken, SessionLine, Token
from memorycapsule.services import accounts, reading, signing_in, tokens

router = APIRouter(prefix="/me", tags=["me"])


@router.get("", name="show", responses=documented())
@for_whom(Audience.WITH_SESSION)
def show_account(app: AppDep, viewer: Asker) -> answers.AccountAnswer:
    """Show the account that this token belongs to."""
    return answers.AccountAnswer(account=Account.of(reading.account(app.store, viewer)))


@router.patch("", name="edit", responses=documented(403, 413, 422, 507))
@for_whom(Audience.ACCOUNTS)
def edit_account(app: AppDep, viewer: Asker, body: bodies.AccountChanges) -> answers.AccountAnswer:
    """Change one's name, or the language of letters and pages."""
    changed = accounts.edit(app.store, viewer, name=body.name, locale=body.locale, now=app.now())
    return answers.AccountAnswer(account=Account.of(changed))


@router.get("/deletion", name="before_deleting", responses=documented(403))
@for_whom(Audience.ACCOUNTS)
def preview_account_deletion(app: AppDep, viewer: Asker) -> answers.DeletionAnswer:
    """Say what deleting the account would do, changing nothing."""
    found = accounts.preview_deletion(app.store, viewer)
    return answers.DeletionAnswer(deletion=Deletion.of(found))


@router.delete("", name="delete", status_code=204, responses=documented(403, 507))
@for_whom(Audience.ACCOUNTS)
def delete_account(app: AppDep, viewer: Asker) -> Response:
    """
    Delete the account: it leaves every capsule, and its name and addresses are forgotten.

    What it has put in stays. Needs a fresh proof; the admin's account stays.
    """
    accounts.delete(app.store, app.vault, viewer, now=app.now())
    return Response(status_code=204)


@router.get("/addresses", responses=documented(403))
@for_whom(Audience.ACCOUNTS)
def list_addresses(app: AppDep, viewer: Asker) -> answers.AddressesAnswer:
    """List where letters to the account go, the first of them first."""
    view = accounts.show(app.store, viewer, now=app.now())
    return answers.AddressesAnswer(
        addresses=[Address.of(one) for one in view.addresses], asked=view.asked_address
    )


@router.post(
    "/addresses",
    name="ask_address",
    status_code=202,
    responses=documented(403, 413, 422, 429, 507),
)
@limited(RESEND)
@for_whom(Audience.ACCOUNTS)
def mail_address_code(app: AppDep, viewer: Asker, body: bodies.NewAddress) -> answers.AskedAddressAnswer:
    """Have six digits mailed to an address that is to be added. Needs a fresh proof."""
    asked = accounts.request_address(app.store, app.vault.key, app.wake, viewer, body.email, now=app.now())
    return answers.AskedAddressAnswer(asked=asked)


@router.post(
    "/addresses/code",
    status_code=201,
    responses=documented(403, 413, 422, 429, 507),
)
@limited(CODE)
@for_whom(Audience.ACCOUNTS)
def add_address(app: AppDep, viewer: Asker, body: bodies.Proof) -> answers.AddressAnswer:
    """Add the address that the digits were mailed to; letters go there from now on."""
    added = accounts.add_address(app.store, app.vault.key, viewer, body.code, now=app.now())
    return answers.AddressAnswer(address=Address.of(added))


@router.delete("/addresses/{address}", status_code=204, responses=documented(403, 404, 422, 507))
@for_whom(Audience.HOLDER)
def remove_address(app: AppDep, viewer: Asker, address: UUID) -> Response:
    """Remove an address; the last one stays. Needs a fresh proof."""
    accounts.remove_address(app.store, viewer, str(address), now=app.now())
    return Response(status_code=204)


@router.get("/sessions", responses=documented(403, 422))
@for_whom(Audience.ACCOUNTS)
def list_sessions(
    request: Request, app: AppDep, viewer: Asker, limit: Limit = 50, after: After = None
) -> answers.SessionsAnswer:
    """List where one is signed in, and one's personal tokens; the newest first, never their secrets."""
    views = signing_in.of_viewer(app.store, viewer)
    found, further = piece(request, views, lambda one: one.session.id, limit=limit, after=after)
    return answers.SessionsAnswer(sessions=[SessionLine.of(one) for one in found], next=further)


@router.delete("/sessions/{session}", status_code=204, responses=documented(403, 404, 422, 507))
@for_whom(Audience.HOLDER)
def end_session(app: AppDep, viewer: Asker, session: UUID) -> Response:
    """End a session or a personal token of one's own."""
    signing_in.end(app.store, viewer, str(session), now=app.now())
    return Response(status_code=204)


@router.post(
    "/tokens",
    status_code=201,
    responses=documented(403, 413, 422, 507),
)
@for_whom(Audience.WITH_SESSION)
def make_token(app: AppDep, viewer: Asker, body: bodies.NewToken) -> answers.MadeTokenAnswer:
    """
    Make a personal token for a program. It reaches the capsules that this session reaches.

    A token makes no others.
    """
    made = tokens.create(app.store, viewer, name=body.name, scope=Scope(body.scope), now=app.now())
    return answers.MadeTokenAnswer(token=MadeToken.of_new(made))


@router.post("/tokens/end", responses=documented(403, 404, 413, 422, 507))
@for_whom(Audience.HOLDER)
def end_token(app: AppDep, viewer: Asker, body: bodies.EndedToken) -> answers.TokenAnswer:
    """End a personal token by its name or id: nobody can do anything with it any more."""
    ended = tokens.end(app.store, viewer, body.token, now=app.now())
    return answers.TokenAnswer(token=Token.of(ended))
