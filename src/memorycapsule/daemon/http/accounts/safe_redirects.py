"""Where a reader goes on to: only ever a page of ours."""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import urlencode

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.domain.capsules import Capsule, Member

#: No "//" or "/\", which browsers take for another host, and nothing that could end a header.
_LOCAL = re.compile(r"/(?:[A-Za-z0-9_.~:@%-][A-Za-z0-9_.~:@%/-]*)?(?:\?[A-Za-z0-9_.~:@%/=&+-]*)?")
_LONGEST = 400


def local_path(text: str | None) -> str | None:
    """Return `text` if it is a path of ours (without the path of the public address), otherwise None."""
    if text and len(text) <= _LONGEST and _LOCAL.fullmatch(text) and "//" not in text:
        return text
    return None


def to_prove(site: FastAPI, pages: Pages, request: Request) -> Response:
    """Send a browser to where it has a code mailed to it, and from there back to where it was."""
    return pages.forward(request, f"/g/prove?{urlencode({'next': page_around(site, request)})}")


def to_sign_in(site: FastAPI, pages: Pages, request: Request) -> Response:
    """Send a browser to the sign-in page, and from there back to where it was."""
    return pages.forward(request, f"/sign-in?{urlencode({'next': page_around(site, request)})}")


def page_around(site: FastAPI, request: Request) -> str:
    """Return the page that a form stood on: the request's own path, or the nearest above it that can be read."""
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    while path and path != "/":
        readable = {"type": "http", "method": "GET", "path": path, "root_path": "", "headers": []}
        if any(route.matches(readable)[0] is Match.FULL for route in site.router.routes):
            return local_path(path) or "/"
        path = path.rpartition("/")[0]
    return "/"


def first_stop(capsule: Capsule, member: Member, now: datetime) -> str:
    """Return where somebody who comes to put photos in goes first: there, or to the capsule if they cannot."""
    is_giving = member.may_add_stories and capsule.accepts_stories(now)
    return f"/g/c/{capsule.id}/add" if is_giving else f"/g/c/{capsule.id}"
