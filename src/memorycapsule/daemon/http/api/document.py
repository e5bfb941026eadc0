"""The document of the API (OpenAPI 3.1) and the page that shows it."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from memorycapsule import __version__
from memorycapsule.daemon.http.api import areas, uploads_document
from memorycapsule.daemon.http.dependencies import PagesDep
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.guard import PAGE_POLICY
from memorycapsule.daemon.http.protocol.problems import Problem
from memorycapsule.schemas.model import AN_ID

#: The page is made by Swagger UI, whose style sheet brings its icons as data: addresses. Nothing of ours is on
#: it, and no other page is allowed that.
_PAGE_POLICY = PAGE_POLICY.replace("img-src 'self'", "img-src 'self' data:")
_DESCRIPTION = """
Everything that the pages do, for programs.

**Tokens.** Send `Authorization: Bearer TOKEN` with every request. Cookies mean nothing here.

| token | from | may |
|---|---|---|
| personal token, *read* | `POST /api/v1/me/tokens`, the page of your account, `capsule token create` | look |
| personal token, *contribute* | the same | that, and add, change and remove stories of your own |
| of one capsule | `POST /api/v1/invitations/accept`, `capsule join` | whatever you may, in this capsule |
| of a session | `POST /api/v1/sign-in`, then `POST /api/v1/sign-in/code` with the mailed digits | whatever you may |

**Proof.** Removing members, changing roles and addresses, handing over and deleting need a proof, not older than 15
minutes, that it is you: whoever signs in has given it. Otherwise the answer is 403 with the code `proof_needed`:
have digits mailed by `POST /api/v1/session/proof/letter`, and send them to `POST /api/v1/session/proof`. The link of an
invitation may have come to other hands, so a token of one capsule proves nothing before that; personal tokens never do.

**Sealed is sealed.** Until its date a capsule shows how much has come from whom, and your own stories; nothing else,
whoever asks. What you may not see is answered like what does not exist: 404.

**Problems** come as `application/problem+json` (RFC 9457). `code` stays the same for programs, `reason` is finer and
comes new with new versions, `values` fill the places of its sentence; `detail` is that sentence for people.

**Lists** take `limit` and `after`; `next` is the address where they go on, `null` at the end.

**Files** are sent as [tus](https://tus.io) uploads to `/api/v1/uploads`, in parts of at most 5 MB, and go on after
a cut. They are fetched with `Range`.

**Generated clients** do all of it; `docs/openapi-python-client.yml` of the project is a configuration for one of the
generators, which takes files of any type as bytes.

**Pages only.** Some things are for people, and stay on pages: links in letters (setting up, signing in by a button,
seeing an opened capsule, saying yes or no to an earlier date as somebody who has left), the unsealing and the photo
page, printable cards, and the calendar entry of the day, whose instant is `opens_at`. The admin has no more rights here
than anybody else: what concerns the machine is done on it, by `capsule`.

**Instants** are ISO 8601 in UTC; `opens_local` is the wall time that people meant, in `zone`.
More fields may come; those here stay.
"""
_TAGS = {
    "session": "Coming in, the token itself, and the proof that it is you.",
    "me": "The account that a token belongs to: its addresses, sessions and personal tokens.",
    "capsules": "Sealed until their date, then open for all of their members.",
    "members": "The people in a capsule.",
    "invitations": "Letters with a personal link, sent by a capsule's owner, and their answers.",
    "stories": "Words, with photos and clips.",
    "media": "Photos, clips and voice notes of a story.",
    "uploads": "Files on their way into a story (tus 1.0).",
    "montages": "Films of opened capsules.",
    "themes": "Worlds for page and film alike.",
    "soundtracks": "The music of the themes.",
}


router = APIRouter()


@router.get("/api/openapi.json")
@for_whom(Audience.EVERYBODY)
def send_document(pages: PagesDep) -> Response:
    return JSONResponse(api_document(pages.root_path))


@router.get("/api/docs")
@for_whom(Audience.EVERYBODY)
def show_document(request: Request, pages: PagesDep) -> Response:
    answer = pages.show(
        request,
        "api.html",
        pages.wording(request),
        document_url=f"{pages.root_path}/api/openapi.json",
    )
    answer.headers["content-security-policy"] = _PAGE_POLICY
    return answer


@functools.cache
def api_document(root_path: str) -> dict[str, Any]:
    """Return the document of the API for pages below a path, which is "" where they lie at the top."""
    found = get_openapi(
        title="MemoryCapsule",
        version=__version__,
        summary="A time capsule that a family really opens.",
        description=_DESCRIPTION.strip(),
        routes=areas.router.routes,
        tags=[{"name": name, "description": words} for name, words in _TAGS.items()],
        servers=[{"url": root_path or "/"}],
    )
    # Refusals are documented by reference, since their type is not application/json.
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = found["components"]["schemas"]
    schemas.update(schema.pop("$defs"))
    schemas["Problem"] = schema
    for operations in found["paths"].values():
        for operation in operations.values():
            _summarise(operation)
    found["paths"] |= uploads_document.paths()
    for operations in found["paths"].values():
        for operation in (one for name, one in operations.items() if name != "parameters"):
            for content in _json_answers(operation):
                content["example"] = _example(content["schema"], schemas)
    return found


def _json_answers(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for status, answer in operation["responses"].items():
        if str(status).startswith("2") and "application/json" in answer.get("content", {}):
            yield answer["content"]["application/json"]


def _example(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """Return what an answer of this schema may look like: it is put together from the examples of its fields."""
    if "$ref" in schema:
        return _example(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "examples" in schema:
        return schema["examples"][0]
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return _example(schema["anyOf"][0], schemas)
    kind = schema["type"][0] if isinstance(schema["type"], list) else schema["type"]
    match kind:
        case "object":
            fields = schema.get("properties", {})
            return {name: _example(field, schemas) for name, field in fields.items()}
        case "array":
            return [_example(schema["items"], schemas)]
        case "string":
            return AN_ID if schema.get("format") == "uuid" else ""
        case "boolean":
            return False
        case _:
            return 0


def _summarise(operation: dict[str, Any]) -> None:
    """Give an operation the first sentence of what it says about itself as its title, in place of its name."""
    first, _, rest = operation.pop("description").partition("\n\n")
    operation["summary"] = first.replace("\n", " ").removesuffix(".")
    if rest:
        operation["description"] = rest
