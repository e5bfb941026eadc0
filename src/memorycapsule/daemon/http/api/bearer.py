"""Bearers: who is asking, by the token in the Authorization header (RFC 6750) and by nothing else."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException
from starlette.requests import Request

from memorycapsule.daemon.http.dependencies import AppDep
from memorycapsule.daemon.http.protocol.sessions import token_viewers
from memorycapsule.domain.stories import Viewer

_SCHEME = HTTPBearer(
    scheme_name="token",
    description="A personal token (`capsule token create`, or the page of your account), or the token that "
    "`capsule join` answers.",
    auto_error=False,
)
_NOBODY = "Send a token with the request: “Authorization: Bearer TOKEN”."
_UNKNOWN = "This token is not known here, or its session has ended."
_REALM = 'Bearer realm="MemoryCapsule"'


def token_viewer(
    request: Request,
    app: AppDep,
    _documented: Annotated[HTTPAuthorizationCredentials | None, Security(_SCHEME)],
) -> Viewer:
    """
    Return who sends a request. Raises HTTPException (401).

    Cookies say nothing here: browsers send them along from other people's pages as well, and a header never.
    """
    if "authorization" not in request.headers:
        raise HTTPException(401, _NOBODY, headers={"www-authenticate": _REALM})
    found = token_viewers(app.store, request)
    if not found:
        challenge = f'{_REALM}, error="invalid_token"'
        raise HTTPException(401, _UNKNOWN, headers={"www-authenticate": challenge})
    return found[0]


#: Who is asking.
Asker = Annotated[Viewer, Depends(token_viewer)]
#: For `dependencies=` of a route that need not know who is asking.
NEEDS_TOKEN = Depends(token_viewer)
