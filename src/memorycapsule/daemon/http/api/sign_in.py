"""Sessions: coming in by mailed digits, joining, proving who one is, and ending."""

from __future__ import annotations

from fastapi import APIRouter, Response
from starlette.requests import Request

from memorycapsule.daemon.http.api import answers, bodies
from memorycapsule.daemon.http.api.bearer import Asker
from memorycapsule.daemon.http.dependencies import AppDep
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.constant_time import in_constant_time
from memorycapsule.daemon.http.protocol.costs import CODE, LINK, RESEND, SIGN_IN, limited
from memorycapsule.daemon.http.protocol.problems import documented
from memorycapsule.daemon.http.protocol.user_agents import device_name
from memorycapsule.schemas.accounts import Account
from memorycapsule.schemas.invitations import JoinedAnswer
from memorycapsule.schemas.sessions import Session
from memorycapsule.services import invitations, signing_in
from memorycapsule.services.signing_in import SignedIn

router = APIRouter()


@router.post(
    "/sign-in",
    name="ask",
    tags=["session"],
    status_code=204,
    responses=documented(413, 422, 429, 507, needs_token=False),
)
@limited(SIGN_IN)
@for_whom(Audience.EVERYBODY)
async def mail_sign_in_code(app: AppDep, body: bodies.SignIn) -> Response:
    """
    Have six digits mailed to an address, to come in with them. Needs no token.

    The answer is the same whether the address is somebody's here or not.
    """
    await in_constant_time(
        lambda: signing_in.request_sign_in(app.store, app.vault.key, app.wake, body.email, now=app.now())
    )
    return Response(status_code=204)


@router.post(
    "/sign-in/code",
    name="sign_in",
    tags=["session"],
    status_code=201,
    responses=documented(403, 413, 422, 429, 507, needs_token=False),
)
@limited(CODE)
@for_whom(Audience.EVERYBODY)
async def sign_in_with_code(request: Request, app: AppDep, body: bodies.SignInCode) -> answers.SignedInAnswer:
    """
    Come in with mailed digits: begins a session that may do whatever its person may. Needs no token.

    It has proved its address, and for 15 minutes may do what needs such a proof.
    """
    device = device_name(request.headers.get("user-agent", ""))

    def try_code() -> SignedIn:
        return signing_in.with_code(
            app.store, app.vault.key, body.email, body.code, name=device, now=app.now()
        )

    came = await in_constant_time(try_code)
    return answers.SignedInAnswer(account=Account.of(came.account), token=came.token)


@router.post(
    "/invitations/accept",
    name="join",
    tags=["invitations"],
    status_code=201,
    responses=documented(403, 404, 413, 422, 429, 507, needs_token=False),
)
@limited(LINK)
@for_whom(Audience.EVERYBODY, once_open=Audience.NOBODY)
def join_capsule(app: AppDep, body: bodies.Accept) -> JoinedAnswer:
    """
    Accept an invitation: begins a session of this one capsule. Needs no token but that of the invitation.

    It proves nothing about the address: whoever invited knows the link as well.
    """
    joined = invitations.join(app.store, body.token, name=body.name, locale=body.locale, now=app.now())
    return JoinedAnswer.of(joined)


@router.post(
    "/invitations/decline",
    name="decline",
    tags=["invitations"],
    status_code=204,
    responses=documented(403, 404, 413, 422, 429, 507, needs_token=False),
)
@limited(LINK)
@for_whom(Audience.EVERYBODY)
def decline_invitation(app: AppDep, body: bodies.Decline) -> Response:
    """Say no to an invitation; who invited sees that, and may invite again. Needs no other token."""
    invitations.decline(app.store, app.wake, body.token, now=app.now())
    return Response(status_code=204)


@router.get("/session", name="show", tags=["session"], responses=documented())
@for_whom(Audience.WITH_SESSION)
def show_session(viewer: Asker) -> answers.SessionAnswer:
    """Say whose this token is, and what it may do."""
    return answers.SessionAnswer(session=Session.of(viewer))


@router.delete("/session", name="end", tags=["session"], status_code=204, responses=documented(507))
@for_whom(Audience.WITH_SESSION)
def end_session(app: AppDep, viewer: Asker) -> Response:
    """End this token: nobody can do anything with it any more."""
    signing_in.end(app.store, viewer, viewer.session_id, now=app.now())
    return Response(status_code=204)


@router.post(
    "/session/proof/letter",
    name="ask_proof",
    tags=["session"],
    status_code=204,
    responses=documented(403, 413, 429, 507),
)
@limited(RESEND)
@for_whom(Audience.WITH_SESSION)
def mail_proof_code(app: AppDep, viewer: Asker) -> Response:
    """Have six digits mailed to one's own address, for what needs a proof that it is oneself."""
    signing_in.mail_proof_code(app.store, app.vault.key, app.wake, viewer, now=app.now())
    return Response(status_code=204)


@router.post(
    "/session/proof",
    name="prove",
    tags=["session"],
    status_code=204,
    responses=documented(403, 413, 422, 429, 507),
)
@limited(CODE)
@for_whom(Audience.WITH_SESSION)
def prove_identity(app: AppDep, viewer: Asker, body: bodies.Proof) -> Response:
    """
    Prove with mailed digits that it is oneself; personal tokens cannot.

    From then on this session sees all of its person's own sealed stories; for 15 minutes it may remove members,
    change roles and addresses, hand over and delete.
    """
    signing_in.prove(app.store, app.vault.key, [viewer], body.code, now=app.now())
    return Response(status_code=204)
