"""The page of a capsule, sealed or open, and the files of its cover, photos and clips."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from memorycapsule.app import App
from memorycapsule.daemon.http.dependencies import GET, AppDep, BrowserViewers, PagesDep
from memorycapsule.daemon.http.guests.access import MemberStanding
from memorycapsule.daemon.http.guests.opened import first_page
from memorycapsule.daemon.http.guests.own_stories import story_rows
from memorycapsule.daemon.http.guests.summary import bundle_of, count_members, member_rows
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.files import FileAnswer, answer_elsewhere
from memorycapsule.daemon.http.protocol.sessions import first_with_access
from memorycapsule.domain.zones import local_of
from memorycapsule.services import addresses, covers, reading
from memorycapsule.services.reading import CapsuleView, Form
from memorycapsule.words.dates import countdown_in_words, date_in_words, is_soon, short_day

#: A page that is opened earlier than this before the date does not refresh: nobody leaves a page open for so long.
_REFRESHES_WITHIN = timedelta(hours=1)
router = APIRouter()


@router.api_route("/g/c/{capsule_id}", methods=GET)
@for_whom(Audience.MEMBERS)
def show_capsule(request: Request, app: AppDep, pages: PagesDep, access: MemberStanding) -> Response:
    capsule = access.view.capsule
    if capsule.is_open:
        opened = reading.opened(app.store, app.vault, access.viewer, capsule.id)
        return first_page(app, pages, request, opened)
    view = reading.capsule(app.store, app.vault, access.viewer, capsule.id)
    return _sealed(app, pages, request, view)


@router.api_route("/g/c/{capsule_id}/cover", methods=GET)
@for_whom(Audience.MEMBERS)
def send_cover(
    app: AppDep, viewers: BrowserViewers, capsule_id: UUID, form: covers.CoverForm = "display"
) -> Response:
    file = first_with_access(
        viewers, lambda viewer: covers.cover_file(app.store, app.vault, viewer, str(capsule_id), form)
    )
    return FileAnswer(file, tag=f"{capsule_id}-cover-{form}")


@router.api_route("/g/m/{medium_id}/{form}", methods=GET)
@for_whom(Audience.AUTHOR, once_open=Audience.MEMBERS)
def send_medium(
    request: Request, app: AppDep, viewers: BrowserViewers, medium_id: UUID, form: Form
) -> Response:
    if request.method == "GET" and form != "original":
        address = first_with_access(
            viewers,
            lambda viewer: addresses.medium_address(app.store, app.vault, viewer, str(medium_id), form),
        )
        if address:
            return answer_elsewhere(address)
    file = first_with_access(
        viewers,
        lambda viewer: reading.medium_file(app.store, app.vault, viewer, str(medium_id), form),
    )
    return FileAnswer(file, tag=f"{medium_id}-{form}", as_download=form == "original")


def _sealed(app: App, pages: Pages, request: Request, view: CapsuleView) -> Response:
    words = pages.wording(request)
    language, capsule, now = words.language, view.capsule, app.now()
    left = capsule.opens_at - now
    whole = capsule.opens_at - capsule.created_at
    return pages.show(
        request,
        "sealed.html",
        words,
        # Just after the date, so that whoever waits sees the capsule open.
        refresh_seconds=max(int(left.total_seconds()) + 2, 2) if left < _REFRESHES_WITHIN else None,
        view=view,
        date=date_in_words(capsule.opens_local, capsule.zone, language),
        first_day=short_day(local_of(capsule.created_at, capsule.zone), language),
        countdown=countdown_in_words(now, capsule.opens_at, language),
        is_soon=is_soon(now, capsule.opens_at),
        elapsed_percent=round(100 * min(max(1 - left / whole, 0.0), 1.0)),
        members=member_rows(view, words.language),
        may_add=view.member.may_add_stories and capsule.accepts_stories(now),
        own=story_rows(view, words),
        hidden_count=_count_hidden(view),
        bundle=bundle_of(view, words("bundle_tied", people=count_members(view, language)), is_tied=True),
    )


def _count_hidden(view: CapsuleView) -> int:
    """Return how many of the viewer's own stories another session added; this session sees none of them."""
    own = next((one.stories for one in view.contributions if one.member.id == view.member.id), 0)
    return own - sum(1 for one in view.stories if one.story.member_id == view.member.id)
