"""What the document says of uploads: their routes speak tus, whose headers are read and not declared."""

from __future__ import annotations

from typing import Any

from memorycapsule.daemon.http.protocol.problems import documented
from memorycapsule.domain.stories import Missing
from memorycapsule.errors import Refusal
from memorycapsule.services.uploads import UploadStage

_VERSION = {
    "name": "Tus-Resumable",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "enum": ["1.0.0"]},
}
_ID = {
    "name": "upload",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "format": "uuid"},
}
_OFFSET = {
    "description": "How many bytes have arrived.",
    "schema": {"type": "integer", "minimum": 0},
}
_OUTCOME = {
    "Capsule-Stage": {
        "description": "After the last part: what has become of the file, as `stage` of the upload says it.",
        "schema": {"type": "string", "enum": [one for one in UploadStage if one is not UploadStage.ARRIVING]},
    },
    "Capsule-Medium": {
        "description": "After the last part: what it became, once it is in the story.",
        "schema": {"type": "string", "format": "uuid"},
    },
}
_STATE = {
    "type": "object",
    "additionalProperties": False,
    "required": [
        "id",
        "story",
        "file",
        "length",
        "received",
        "stage",
        "medium",
        "missing",
        "reason",
        "code",
        "values",
    ],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "story": {"type": "string", "format": "uuid"},
        "file": {"type": "string", "description": "The name that the file came with."},
        "length": {"type": "integer"},
        "received": {"type": "integer", "description": "How many bytes have arrived."},
        "stage": {
            "type": "string",
            "enum": list(UploadStage),
            "description": "waiting: all is here and will be looked at; postponed: the machine was too busy "
            "to read it, and tries again by itself; kept: it is in the story; duplicate: the very same file was "
            "there before; removed: it has been taken out since.",
        },
        "medium": {"type": ["string", "null"], "format": "uuid", "description": "What it became."},
        "missing": {
            "type": "array",
            "items": {"type": "string", "enum": list(Missing)},
            "description": "What cannot be shown or heard of it, although it is in the story.",
        },
        "reason": {
            "type": ["string", "null"],
            "description": "Why it was refused, to stand after its name: “is a PDF, not a photo or clip.”",
        },
        "code": {
            "type": ["string", "null"],
            "description": "The same in a word for programs; new ones come with new versions. Today "
            f"{', '.join(Refusal)}.",
        },
        "values": {"type": ["object", "null"], "description": "What fills the places of the sentence."},
    },
}


def paths() -> dict[str, Any]:
    """Return the path items of /api/v1/uploads."""
    return {
        "/api/v1/uploads": {
            "post": _operation(
                "create",
                "Announce a file",
                "Say how long a file is and for which story of one's own; `Location` is where its parts go.",
                parameters=[
                    _VERSION,
                    {
                        "name": "Upload-Length",
                        "in": "header",
                        "required": True,
                        "schema": {"type": "integer", "minimum": 0},
                    },
                    {
                        "name": "Upload-Metadata",
                        "in": "header",
                        "required": True,
                        "description": "`story ID,filename NAME,position NUMBER`, each value in "
                        "Base64; the story is needed.",
                        "schema": {"type": "string"},
                        "example": "filename cGllci5qcGc=,story M2YwYzZhNTItNmMwZS00YjBlLTlhODYtOGQxZjNjMWY3ZjEw",
                    },
                ],
                responses={
                    201: {
                        "description": "Its parts are awaited",
                        "headers": {
                            "Location": {"schema": {"type": "string"}},
                            "Upload-Offset": _OFFSET,
                        },
                    },
                    **documented(400, 403, 404, 412, 413, 422, 429, 507),
                },
            )
        },
        "/api/v1/uploads/{upload}": {
            "parameters": [_ID],
            "get": _operation(
                "show",
                "Show an upload",
                "Say how much has arrived, and what has become of the file: for whoever was cut off.",
                responses={
                    200: {
                        "description": "How far it is",
                        "content": {"application/json": {"schema": _STATE}},
                    },
                    **documented(404, 422),
                },
            ),
            "head": _operation(
                "offset",
                "Ask how much has arrived",
                "`Upload-Offset` is where to go on.",
                parameters=[_VERSION],
                responses={
                    200: {"description": "How far it is", "headers": {"Upload-Offset": _OFFSET}},
                    **documented(404, 412, 422),
                },
            ),
            "patch": _operation(
                "send",
                "Send a part",
                "Send the bytes that follow those that have arrived. After the last part, `Capsule-Stage` and "
                "`Capsule-Medium` say what the file became; while it is still looked at, `Capsule-Stage` is “waiting”.",
                parameters=[
                    _VERSION,
                    {
                        "name": "Upload-Offset",
                        "in": "header",
                        "required": True,
                        "schema": {"type": "integer", "minimum": 0},
                    },
                ],
                requestBody={
                    "required": True,
                    "content": {
                        "application/offset+octet-stream": {"schema": {"type": "string", "format": "binary"}}
                    },
                },
                responses={
                    204: {
                        "description": "The part is kept",
                        "headers": {"Upload-Offset": _OFFSET, **_OUTCOME},
                    },
                    **documented(400, 403, 404, 409, 412, 413, 415, 422, 507),
                },
            ),
            "delete": _operation(
                "cancel",
                "Forget an upload",
                "Forget what has arrived; a medium that it became stays.",
                parameters=[_VERSION],
                responses={204: {"description": "It is forgotten"}, **documented(403, 404, 412, 422)},
            ),
        },
    }


def _operation(
    name: str, summary: str, description: str, *, responses: dict[int | str, dict[str, Any]], **more: Any
) -> dict[str, Any]:
    return {
        "tags": ["uploads"],
        "operationId": f"uploads_{name}",
        "summary": summary,
        "description": description,
        "security": [{"token": []}],
        "responses": {str(status): said for status, said in responses.items()},
        **more,
    }
