"""
Safe redirects: a page may lead on to another page of ours, and nowhere else.

The path to go on to comes with a request, so anybody may have written it.
"""

from __future__ import annotations

import re

from fastapi import FastAPI
from starlette.requests import Request
from starlette.routing import Match

#: No "//" or "/\", which browsers take for another host, and nothing that could end a header.
_LOCAL = re.compile(r"/(?:[A-Za-z0-9_.~:@%-][A-Za-z0-9_.~:@%/-]*)?(?:\?[A-Za-z0-9_.~:@%/=&+-]*)?")
_LONGEST = 400


def local_path(text: str | None) -> str | None:
    """Return `text` if it is a path of ours (without the path of the public address), None otherwise."""
    if text and len(text) <= _LONGEST and _LOCAL.fullmatch(text) and "//" not in text:
        return text
    return None


def nearest_page(site: FastAPI, request: Request) -> str:
    """Return the path of the page that a form stood on: the request's own, or the nearest above it that has a GET."""
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    while path and path != "/":
        readable = {"type": "http", "method": "GET", "path": path, "root_path": "", "headers": []}
        if any(route.matches(readable)[0] is Match.FULL for route in site.router.routes):
            return local_path(path) or "/"
        path = path.rpartition("/")[0]
    return "/"
