"""The page for whoever wants to change a story when the capsule takes no changes any more."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.protocol.kept_forms import refused_form
from memorycapsule.errors import NotAllowed


def closed_page(
    pages: Pages, request: Request, error: NotAllowed, *, typed: Mapping[str, str] | None = None
) -> Response:
    """
    Say that the capsule takes nothing any more, and give back what was `typed` into a form with files.

    Raises `error` when that is not why nothing was taken.
    """
    if error.reason != "stories_too_late":
        raise error
    words = pages.wording(request)
    return pages.message(
        request,
        words,
        words("closed_title"),
        words("closed_text"),
        status=NotAllowed.http_status,
        refused=refused_form(request, typed),
    )
