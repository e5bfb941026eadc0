"""
What handlers ask for: the instance, its pages, and who is there (FastAPI's dependencies).

Those that only read an attribute are `async`, since FastAPI sends all others to a thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import Depends, FastAPI
from starlette.requests import Request

from memorycapsule.app import App
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.protocol.sessions import (
    Cookie,
    cookie_viewers,
    require_signed_in,
    signed_in_viewer,
)
from memorycapsule.domain.stories import Viewer

#: The methods of a page that is read and changes nothing.
GET = ["GET", "HEAD"]


def provide(site: FastAPI, *, app: App, pages: Pages, cookie: Cookie) -> None:
    """Keep on a site what its handlers ask for."""
    site.state.app = app
    site.state.pages = pages
    site.state.cookie = cookie


async def _app(request: Request) -> App:
    app: App = request.app.state.app
    return app


async def _pages(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages


async def _cookie(request: Request) -> Cookie:
    cookie: Cookie = request.app.state.cookie
    return cookie


AppDep = Annotated[App, Depends(_app)]
PagesDep = Annotated[Pages, Depends(_pages)]
CookieDep = Annotated[Cookie, Depends(_cookie)]


def _browser_viewers(request: Request, app: AppDep, cookie: CookieDep) -> Sequence[Viewer]:
    return cookie_viewers(app, cookie, request)


def _viewer_if_signed_in(request: Request, app: AppDep, cookie: CookieDep) -> Viewer | None:
    return signed_in_viewer(app, cookie, request)


def _signed_in_viewer(request: Request, app: AppDep, cookie: CookieDep) -> Viewer:
    return require_signed_in(app, cookie, request)


#: A viewer for each of the browser's sessions, the newest first.
BrowserViewers = Annotated[Sequence[Viewer], Depends(_browser_viewers)]
#: The viewer of the newest session that reaches all capsules of its account; None when nobody is signed in.
ViewerIfSignedIn = Annotated[Viewer | None, Depends(_viewer_if_signed_in)]
#: The same viewer, who must be there: the site leads whoever is not signed in to the sign-in page and back.
SignedInViewer = Annotated[Viewer, Depends(_signed_in_viewer)]
#: For `dependencies=` of a route that need not know who is signed in.
NEEDS_SIGN_IN = Depends(_signed_in_viewer)
