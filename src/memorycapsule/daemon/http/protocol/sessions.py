"""Sessions: a browser brings the secrets of its sessions in one cookie, a program brings one in a header."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from memorycapsule.app import App
from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import CapsuleError, NotFound, Sealed
from memorycapsule.services import sessions

#: A family may share a telephone, and a person be in several capsules; the newest come first.
_MOST_SESSIONS = 16
#: As long as browsers keep a cookie at most (RFC 6265bis, 5.6.1: 400 days).
_KEPT_SECONDS = 400 * 24 * 3600

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Cookie:
    """Where browsers keep the secrets of their sessions."""

    name: str
    path: str
    is_secure: bool

    @classmethod
    def for_url(cls, public_url: str | None) -> Cookie:
        """
        Return the strictest cookie that works at an address.

        The prefix __Host- (RFC 6265bis, 4.1.3.2) needs https and the root of a host.
        """
        parts = urlsplit(public_url or "")
        is_secure = parts.scheme == "https"
        name = "__Host-capsule" if is_secure and not parts.path else "capsule"
        return cls(name=name, path=parts.path or "/", is_secure=is_secure)

    def secrets(self, request: Request) -> list[str]:
        """Return the secrets that a browser brought, the newest first."""
        return [secret for secret in request.cookies.get(self.name, "").split(".") if secret][:_MOST_SESSIONS]

    def add(self, request: Request, response: Response, secret: str) -> None:
        """Give a browser one more secret to keep."""
        self.keep(response, [secret, *self.secrets(request)])

    def keep(self, response: Response, kept: Sequence[str]) -> None:
        """Have a browser keep these secrets and no others."""
        if not kept:
            response.delete_cookie(
                self.name, path=self.path, secure=self.is_secure, httponly=True, samesite="lax"
            )
            return
        response.set_cookie(
            self.name,
            ".".join(kept[:_MOST_SESSIONS]),
            max_age=_KEPT_SECONDS,
            path=self.path,
            secure=self.is_secure,
            httponly=True,
            samesite="lax",
        )

    def set_aside(self, response: Response, name: str, fields: Mapping[str, str], life: timedelta) -> None:
        """Have a browser keep fields, under a name of their own, until its person has read a letter."""
        response.set_cookie(
            name,
            urlencode(fields),
            max_age=int(life / timedelta(seconds=1)),
            path=self.path,
            secure=self.is_secure,
            httponly=True,
            samesite="lax",
        )


@dataclass(frozen=True, kw_only=True)
class PageReader:
    """Who reads a page, as far as the sessions of the browser tell."""

    #: The language of the reader's account; None for a stranger.
    locale: str | None = None
    #: The capsule that the reader's session is for; None for one that reaches more, and for a stranger.
    capsule_id: str | None = None
    #: Whether a session of this browser reaches all capsules of its account.
    is_signed_in: bool = False


def cookie_viewers(app: App, cookie: Cookie, request: Request) -> list[Viewer]:
    """Return a viewer for each of the browser's sessions that has not ended, the newest first."""
    known: list[Viewer] | None = getattr(request.state, "viewers", None)
    if known is not None:
        return known
    found = []
    now = app.now()
    for secret in cookie.secrets(request):
        try:
            found.append(sessions.viewer_with_token(app.store, secret, now))
        except NotFound:
            continue
    request.state.viewers = found
    return found


def note_viewer(request: Request, viewer: Viewer) -> None:
    """Note whose session a page is shown by: a family may share a browser, and each reads a language of their own."""
    request.state.viewer = viewer


def page_reader(app: App, cookie: Cookie, request: Request) -> PageReader:
    """
    Return who reads a page: whose session it is shown by, or else who is signed in, or else who came last.

    A page about a failure is shown even while nothing can be read: to a stranger, then.
    """
    try:
        signed_in = signed_in_viewer(app, cookie, request)
        newest = next(iter(cookie_viewers(app, cookie, request)), None)
        viewer = getattr(request.state, "viewer", None) or signed_in or newest
        return PageReader(
            locale=viewer.locale if viewer else None,
            capsule_id=viewer.capsule_id if viewer else None,
            is_signed_in=signed_in is not None,
        )
    except CapsuleError:
        return PageReader()


def token_viewers(app: App, request: Request) -> list[Viewer]:
    """Return the viewer of the token in the Authorization header (RFC 6750, 2.1); none when no known token is there."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        return []
    try:
        return [sessions.viewer_with_token(app.store, token.strip(), app.now())]
    except NotFound:
        return []


def signed_in_viewer(app: App, cookie: Cookie, request: Request) -> Viewer | None:
    """Return the viewer of the newest session that reaches all capsules of its account; None without such a one."""
    return next((one for one in cookie_viewers(app, cookie, request) if one.capsule_id is None), None)


class SignInNeeded(Exception):
    """The page is for people who are signed in, and nobody is: the site leads to the sign-in page and back."""


def require_signed_in(app: App, cookie: Cookie, request: Request) -> Viewer:
    """Return the viewer that `signed_in_viewer` finds. Raises SignInNeeded when nobody is signed in."""
    viewer = signed_in_viewer(app, cookie, request)
    if viewer is None:
        raise SignInNeeded
    note_viewer(request, viewer)
    return viewer


def first_with_access(viewers: Sequence[Viewer], read: Callable[[Viewer], Result]) -> Result:
    """
    Return what `read` returns for the first viewer that has access.

    Raises NotFound, for whatever reason, when no viewer has access.
    """
    for viewer in viewers:
        try:
            return read(viewer)
        except (NotFound, Sealed):
            continue
    raise NotFound
