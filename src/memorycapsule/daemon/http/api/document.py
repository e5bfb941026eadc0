"""The document of the API (OpenAPI 3.1) and the page that shows it."""

from __future__ import annotations

import functools
from typing import Any

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from memorycapsule import __version__
from memorycapsule.daemon.http.api import uploads_document
from memorycapsule.daemon.http.guard import PAGE_POLICY
from memorycapsule.daemon.http.pages import Pages
from memorycapsule.daemon.http.problems import Problem

#: The page is made by Swagger UI, whose style sheet brings its icons as data: addresses. Nothing of ours is on
#: it, and no other page is allowed that.
_PAGE_POLICY = PAGE_POLICY.replace("img-src 'self'", "img-src 'self' data:")
_DESCRIPTION = """
Everything that the pages do, for programs.

**Tokens.** Send `Authorization: Bearer TOKEN` with every request. A personal token is made on the page of your
account or by `capsule token create`, and may *read*, or *contribute* (add and change stories of your own);
the token that `capsule join` answers belongs to one capsule. Cookies mean nothing here.

**Sealed is sealed.** Until its date a capsule shows how much has come from whom, and your own stories; nothing else,
whoever asks. What you may not see is answered like what does not exist: 404.

**Problems** come as `application/problem+json` (RFC 9457). `code` stays the same for programs; `detail` is one
sentence for people.

**Lists** take `limit` and `after`; `next` is the address where they go on, `null` at the end.

**Files** are sent as [tus](https://tus.io) uploads to `/api/v1/uploads`, in parts of at most 5 MB, and go on after
a cut. They are fetched with `Range`.

**Instants** are ISO 8601 in UTC; `opens_local` is the wall time that people meant, in `zone`.
More fields may come; those here stay.
"""
_TAGS = {
    "session": "The token itself.",
    "me": "The account that a token belongs to.",
    "capsules": "Sealed until their date, then open for all of their members.",
    "members": "The people in a capsule.",
    "invitations": "Letters with a personal link, sent by a capsule's owner.",
    "stories": "Words, with photos and clips.",
    "media": "Photos, clips and voice notes of a story.",
    "uploads": "Files on their way into a story (tus 1.0).",
    "montages": "Films of opened capsules.",
    "themes": "Worlds for page and film alike.",
    "soundtracks": "The music of the themes.",
}


def routes(api: APIRouter, pages: Pages) -> APIRouter:
    """Return the routes of the document that describes `api`."""
    router = APIRouter()

    @functools.cache
    def document() -> dict[str, Any]:
        return _document(api, pages.root_path)

    @router.get("/api/openapi.json")
    def openapi() -> Response:
        return JSONResponse(document())

    @router.get("/api/docs")
    def show(request: Request) -> Response:
        answer = pages.show(
            request,
            "api.html",
            pages.wording(request),
            document_url=f"{pages.root_path}/api/openapi.json",
        )
        answer.headers["content-security-policy"] = _PAGE_POLICY
        return answer

    return router


def _document(api: APIRouter, root_path: str) -> dict[str, Any]:
    found = get_openapi(
        title="MemoryCapsule",
        version=__version__,
        summary="A time capsule that a family really opens.",
        description=_DESCRIPTION.strip(),
        routes=api.routes,
        tags=[{"name": name, "description": words} for name, words in _TAGS.items()],
        servers=[{"url": root_path or "/"}],
    )
    # Refusals are documented by reference, since their type is not application/json.
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = found["components"]["schemas"]
    schemas.update(schema.pop("$defs"))
    schemas["Problem"] = schema
    found["paths"] |= uploads_document.paths()
    return found
