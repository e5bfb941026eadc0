"""Problems: the answers of the API to requests that it refuses or that fail (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from memorycapsule.errors import (
    CapsuleError,
    DiskFull,
    Overloaded,
    Postponed,
    ReauthenticationNeeded,
    Refusal,
    TooMany,
    Unauthenticated,
)
from memorycapsule.schemas.errors import error_fields
from memorycapsule.words.error_sentences import english_sentence_of

MEDIA_TYPE = "application/problem+json"
#: The `type` of a problem is this and its code.
_TYPE = "urn:memorycapsule:problem:"
#: The code and the sentence of a refusal that no service has raised, by its status.
_OF_STATUS = {
    400: ("malformed", "The request cannot be read. Check its body against the document at /api/docs."),
    403: ("cross_site", "This request comes from another site, and those change nothing here."),
    404: ("not_found", "There is nothing here, or it is not yours to see."),
    405: ("method_not_allowed", "This address does not take that method; /api/docs says which it takes."),
    413: ("too_large", "The request is larger than this address takes. Send files in parts, as uploads."),
    415: ("media_type", "This address takes another type of content; /api/docs says which."),
    503: (
        "busy",
        "Too much is asked for at this moment; `Retry-After` says in how many seconds to try again.",
    ),
    429: ("too_many", "That was a little too often; `Retry-After` says in how many seconds to try again."),
}
#: Refusals of files that are said by a predicate.
_PREDICATES = frozenset(Refusal) - {Refusal.QUOTA_FULL, Refusal.STORIES_TOO_LATE}
#: A browser is redirected to the page that mails a code; a program is told the addresses.
_HOW_TO_PROVE = (
    "POST /api/v1/session/proof/letter has one mailed, POST /api/v1/session/proof takes it; "
    "it counts for 15 minutes."
)
_REALM = 'Bearer realm="MemoryCapsule"'
#: What a client is asked for, by the reason why it is not known (RFC 6750, 3).
_CHALLENGES = {"bearer_missing": _REALM, "session_secret_unknown": f'{_REALM}, error="invalid_token"'}
_MEANINGS = {
    400: "The request cannot be read",
    401: "No token, or one that is not known or has ended",
    403: "This token, or its person's part in the capsule, does not allow that",
    404: "There is no such thing, or it is not the caller's to see",
    409: "Not now: the state of things does not allow it",
    412: "The header Tus-Resumable is missing, or asks for another version",
    413: "The request, or the file, is too large",
    415: "This type of content is not taken here",
    416: "The range lies beyond the end of the file",
    422: "Something in the request is not understood; `detail` and `errors` say what",
    429: "Too many requests; `Retry-After` says when to try again",
    500: "Something happened that should not; `detail` holds the code under which the log has it",
    503: "Too much is asked for at this moment; `Retry-After` says when to try again",
    507: "The disk is full; nothing was half written",
}


#: Bytes of no type that programs need to know: a photo or clip as it came.
ANY_TYPE = "application/octet-stream"
_RETRY_AFTER = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}}}


def documented_file(*types: str) -> dict[int | str, dict[str, Any]]:
    """Return what the document says of a file of one of these media types, beside `documented`."""
    content = {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in types}
    headers = {
        "Accept-Ranges": {"schema": {"type": "string", "enum": ["bytes"]}},
        "Content-Disposition": {
            "description": "The name under which to save it (RFC 6266).",
            "schema": {"type": "string"},
        },
        "Content-Length": {"description": "Bytes.", "schema": {"type": "integer", "minimum": 0}},
        "ETag": {"description": "For `If-None-Match` and `If-Range`.", "schema": {"type": "string"}},
    }
    part = {"Content-Range": {"description": "Which bytes these are.", "schema": {"type": "string"}}}
    return {
        200: {"description": "The file", "content": content, "headers": headers},
        206: {
            "description": "The part of it that was asked for",
            "content": content,
            "headers": headers | part,
        },
        304: {"description": "The caller has it already"},
    }


class FieldProblem(ValueError):
    """A field of a body holds what a rule of the domain refuses."""

    def __init__(self, problem: CapsuleError) -> None:
        super().__init__(problem.reason)
        self.problem = problem


class Fault(BaseModel):
    """One thing in a request that is not understood."""

    model_config = ConfigDict(extra="forbid")

    where: str = Field(description="Its place in the request.", examples=["body.title"])
    message: str = Field(examples=["Field required"])
    reason: str | None = Field(
        default=None,
        description="A word for programs, where a rule of ours was broken.",
        examples=["title_empty"],
    )
    values: dict[str, Any] | None = Field(
        default=None, description="What fills the places of its sentence.", examples=[{"limit": 200}]
    )


class Problem(BaseModel):
    """Why something cannot be had or done (RFC 9457)."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(
        description="Says of what kind it is.", examples=["urn:memorycapsule:problem:not_found"]
    )
    title: str = Field(description="The same for all problems of this type.", examples=["Not found"])
    status: int = Field(description="The status of the answer, once more.", examples=[404])
    detail: str = Field(
        description="One sentence for people, which says what to do.",
        examples=["There is no such thing here, or it is not yours to see."],
    )
    code: str = Field(description="One word for programs; these stay.", examples=["not_found"])
    reason: str = Field(
        description="A finer word for programs; new ones come with new versions.",
        examples=["title_too_long"],
    )
    values: dict[str, Any] = Field(
        description="What fills the places of the sentence.", examples=[{"limit": 200}]
    )
    errors: list[Fault] | None = Field(
        default=None, description="With 422: what is not understood, and where."
    )


def of_error(error: Exception, *, log_code: str = "", sentence: str | None = None) -> JSONResponse:
    """
    Return the answer to a request that has failed; `log_code` is where the log tells more.

    `sentence` takes the place of the English one, where a page reads the answer.
    """
    match error:
        case ReauthenticationNeeded():
            return _answer(
                error.http_status, f"{english_sentence_of(error)} {_HOW_TO_PROVE}", **error_fields(error)
            )
        case Unauthenticated():
            headers = {"www-authenticate": _CHALLENGES[error.reason]}
            return _answer(
                error.http_status, english_sentence_of(error), **error_fields(error), headers=headers
            )
        case CapsuleError() if error.http_status < 500 or isinstance(
            error, DiskFull | Overloaded | Postponed
        ):
            wait = error.retry_seconds if isinstance(error, TooMany | Overloaded | Postponed) else None
            waits = None if wait is None else {"retry-after": str(wait)}
            return _answer(
                error.http_status, sentence or _detail(error), **error_fields(error), headers=waits
            )
        case RequestValidationError():
            faults = [_fault(one) for one in error.errors()]
            if len(faults) == 1 and (problem := _broken_rule(error.errors()[0])):
                return _answer(422, _detail(problem), **error_fields(problem), errors=faults)
            sentence = f"{faults[0].where}: {faults[0].message.removesuffix('.')}."
            return _answer(422, sentence, code="usage", reason="request_unclear", errors=faults)
        case HTTPException():
            return of_status(error.status_code, headers=error.headers)
        case _:
            ours = error if isinstance(error, CapsuleError) else None
            logged = CapsuleError("unexpected_logged", log=log_code)
            fields = error_fields(logged) | {"code": ours.code if ours else "unexpected"}
            return _answer(ours.http_status if ours else 500, english_sentence_of(logged), **fields)


def of_status(status: int, *, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return the answer to a request that came to no service."""
    code, detail = _OF_STATUS.get(status, ("failed", f"{HTTPStatus(status).phrase}."))
    return _answer(status, detail, code=code, headers=headers)


def is_for_api(request: Request) -> bool:
    """Say whether a program is to read the answer."""
    path: str = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    return path.startswith("/api/") and path != "/api/docs"


def documented(*statuses: int, needs_token: bool = True) -> dict[int | str, dict[str, Any]]:
    """Return what the document says of these refusals, beside those that every route has."""
    everywhere = {401, 500} if needs_token else {500}
    # Whoever may send a body that is too large may also send one that nobody can read.
    of_bodies = {400} if 413 in statuses else set()
    return {
        status: {
            "description": _MEANINGS[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            **({"headers": _RETRY_AFTER} if status == HTTPStatus.TOO_MANY_REQUESTS else {}),
        }
        for status in sorted({*everywhere, *of_bodies, *statuses})
    }


def _answer(
    status: int,
    detail: str,
    *,
    code: str,
    reason: str = "",
    values: Mapping[str, Any] | None = None,
    errors: Sequence[Fault] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    found = Problem(
        type=f"{_TYPE}{code}",
        title=code.replace("_", " ").capitalize(),
        status=status,
        detail=detail,
        code=code,
        reason=reason or code,
        values=dict(values or {}),
        errors=list(errors) or None,
    )
    return JSONResponse(
        found.model_dump(exclude_none=True),
        status_code=status,
        headers=dict(headers or {}),
        media_type=MEDIA_TYPE,
    )


def _detail(error: CapsuleError) -> str:
    """Return a whole sentence; lists of refused files have only its predicate, beside the file's name."""
    if error.reason in _PREDICATES:
        return english_sentence_of(CapsuleError("unnamed_file_refused", problem=error))
    return english_sentence_of(error)


def _fault(found: Mapping[str, Any]) -> Fault:
    where = ".".join(str(part) for part in found["loc"])
    problem = _broken_rule(found)
    if problem is None:
        return Fault(where=where, message=found["msg"])
    fields = error_fields(problem)
    return Fault(where=where, message=_detail(problem), reason=fields["reason"], values=fields["values"])


def _broken_rule(found: Mapping[str, Any]) -> CapsuleError | None:
    error = found.get("ctx", {}).get("error")
    return error.problem if isinstance(error, FieldProblem) else None
