"""
What a refused form has brought, so that the page that refuses it can give it back.

Secrets are not given back: whoever types a code types it again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.types import Scope

from memorycapsule.daemon.http.protocol.safe_redirects import nearest_page

#: Where the guard leaves the body of a form that it has read whole.
_BODY = "memorycapsule.body"
#: Fields that no page repeats.
_SECRET_FIELDS = frozenset({"code", "token"})
#: Values of fields that nobody writes: ids, names of choices, paths, numbers.
_CHOICE = re.compile(r"[a-z0-9_:/.?=&-]{0,40}")
_URL_ENCODED = "application/x-www-form-urlencoded"


def keep_body(scope: Scope, body: bytes) -> None:
    """Keep the body of a request for a page that may refuse it."""
    scope[_BODY] = body


@dataclass(frozen=True, kw_only=True)
class RefusedForm:
    """A form that is refused, with what it has brought."""

    #: Where it was sent to, without the path of the public address.
    path: str
    #: Names and values.
    fields: tuple[tuple[str, str], ...]
    #: Whether these are all of them: then it can be sent again as it is.
    is_whole: bool
    #: The path of the page where it stood.
    back: str

    @property
    def written(self) -> tuple[str, ...]:
        """What people have written themselves: words, and no ids or choices."""
        return tuple(value for _name, value in self.fields if not _CHOICE.fullmatch(value))


def refused_form(request: Request, typed: Mapping[str, str] | None = None) -> RefusedForm | None:
    """
    Return what a form has brought; None where no form was sent. Files and secrets are not given back.

    `typed` is what its handler has read of a form with files.
    """
    if request.method != "POST":
        return None
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body: bytes = request.scope.get(_BODY, b"") if content_type == _URL_ENCODED else b""
    found = parse_qsl(body.decode(errors="replace"), errors="replace")
    kept = tuple((name, value) for name, value in found if name not in _SECRET_FIELDS)
    if typed:
        kept = tuple(typed.items())
    has_come = content_type in {"", _URL_ENCODED}
    return RefusedForm(
        path=request.url.path.removeprefix(request.scope.get("root_path", "")),
        fields=kept,
        is_whole=has_come and len(kept) == len(found),
        back=nearest_page(request.app, request),
    )
