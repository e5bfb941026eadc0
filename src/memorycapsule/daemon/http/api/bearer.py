"""Bearers: who is asking, by the token in the Authorization header (RFC 6750) and by nothing else."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import Request

from memorycapsule.daemon.http.dependencies import AppDep
from memorycapsule.daemon.http.protocol.sessions import token_viewers
from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import Unauthenticated

_SCHEME = HTTPBearer(
    scheme_name="token",
    description="A personal token (`capsule token create`, or the page of your account), or the token that "
    "`capsule join` answers.",
    auto_error=False,
)


def token_viewer(
    request: Request,
    app: AppDep,
    _documented: Annotated[HTTPAuthorizationCredentials | None, Security(_SCHEME)],
) -> Viewer:
    """
    Return who sends a request. Raises Unauthenticated.

    Cookies say nothing here: browsers send them along from other people's pages as well, and a header never.
    """
    if "authorization" not in request.headers:
        raise Unauthenticated("bearer_missing")
    found = token_viewers(app, request)
    if not found:
        raise Unauthenticated("session_secret_unknown")
    return found[0]


#: Who is asking.
Asker = Annotated[Viewer, Depends(token_viewer)]
#: For `dependencies=` of a route that need not know who is asking.
NEEDS_TOKEN = Depends(token_viewer)
