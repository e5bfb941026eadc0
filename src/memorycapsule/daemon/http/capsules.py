"""A capsule as a member sees it: counts and a countdown before the date, then photos or film."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from memorycapsule.app import App
from memorycapsule.daemon.http.bundle import DYES, bundle
from memorycapsule.daemon.http.files import FileAnswer
from memorycapsule.daemon.http.pages import Pages
from memorycapsule.daemon.http.visitors import Cookie, first_to_see, viewers
from memorycapsule.domain.capsules import Capsule
from memorycapsule.domain.montages import Montage
from memorycapsule.domain.words import (
    contents_in_words,
    countdown_in_words,
    date_in_words,
    day_in_words,
    people_in_words,
)
from memorycapsule.domain.zones import local_of
from memorycapsule.errors import NotFound
from memorycapsule.mail.wording import addressed
from memorycapsule.services import reading
from memorycapsule.services.reading import CapsuleView, Form, StoryView

#: A page that waits for the opening or for a film looks again this often.
_AGAIN_SECONDS = 15
#: Nobody leaves a page open for longer; then it stays as it is.
_WAITS_AT_MOST = timedelta(hours=1)


def routes(app: App, pages: Pages, cookie: Cookie) -> APIRouter:
    router = APIRouter()
    GET = ["GET", "HEAD"]  # noqa: N806 - a constant of this function

    def seen(request: Request, capsule_id: UUID) -> CapsuleView:
        return first_to_see(
            viewers(app.store, cookie, request),
            lambda viewer: reading.capsule(app.store, app.vault, viewer, str(capsule_id)),
        )

    def opened(request: Request, capsule_id: UUID) -> CapsuleView:
        view = seen(request, capsule_id)
        if not view.capsule.is_open:
            raise NotFound
        return view

    @router.api_route("/g/c/{capsule_id}", methods=GET)
    def look(request: Request, capsule_id: UUID) -> Response:
        view = seen(request, capsule_id)
        return (_choice if view.capsule.is_open else _sealed)(app, pages, request, view)

    @router.api_route("/g/c/{capsule_id}/photos", methods=GET)
    def photos(request: Request, capsule_id: UUID) -> Response:
        return _photos(pages, request, opened(request, capsule_id))

    @router.api_route("/g/m/{medium_id}/{form}", methods=GET)
    def medium(request: Request, medium_id: UUID, form: Form) -> Response:
        file = first_to_see(
            viewers(app.store, cookie, request),
            lambda viewer: reading.medium_file(app.store, app.vault, viewer, str(medium_id), form),
        )
        return FileAnswer(file, tag=f"{medium_id}-{form}", as_download=form == "original")

    return router


def _sealed(app: App, pages: Pages, request: Request, view: CapsuleView) -> Response:
    words = pages.wording(request)
    language, capsule, now = words.language, view.capsule, app.now()
    left = capsule.opens_at - now
    whole = capsule.opens_at - capsule.created_at
    return pages.show(
        request,
        "sealed.html",
        words,
        # Just after the date, so that whoever waits in front of it sees it open.
        again_in_seconds=max(int(left.total_seconds()) + 2, 2) if left < _WAITS_AT_MOST else None,
        view=view,
        date=date_in_words(capsule.opens_local, capsule.zone, language),
        first_day=day_in_words(local_of(capsule.created_at, capsule.zone), language),
        countdown=countdown_in_words(now, capsule.opens_at, language),
        is_soon=left < timedelta(minutes=1),
        sewn=round(100 * min(max(1 - left / whole, 0.0), 1.0)),
        people=_people(view, words.language),
        owner=_whom_to_send_to(view, language),
        own=[story for story in view.stories if story.story.member_id == view.member.id],
        bundle=_bundle(view, words("bundle_tied", people=_count_people(view, language)), is_tied=True),
    )


def _choice(app: App, pages: Pages, request: Request, view: CapsuleView) -> Response:
    words = pages.wording(request)
    language, capsule = words.language, view.capsule
    opened_on = _day(capsule)
    is_today = opened_on == local_of(app.now(), capsule.zone).date()
    pictures = [medium.medium for story in view.stories for medium in story.media]
    film = _main_film(view)
    return pages.show(
        request,
        "choice.html",
        words,
        again_in_seconds=_AGAIN_SECONDS if film and not film.state.is_over else None,
        view=view,
        when=words("open_today") if is_today else words("open_since", day=day_in_words(opened_on, language)),
        contents=_contents(view, language),
        people_count=_count_givers(view, language),
        pictures=pictures[:3],
        film=film,
        people=_people(view, language),
        bundle=_bundle(view, words("bundle_untied", people=_count_people(view, language)), is_tied=False),
    )


def _photos(pages: Pages, request: Request, view: CapsuleView) -> Response:
    words = pages.wording(request)
    stories = sorted(view.stories, key=lambda story: (_told_of(view.capsule, story), story.story.created_at))
    return pages.show(
        request,
        "photos.html",
        words,
        view=view,
        stories=stories,
        contents=_contents(view, words.language),
        people_count=_count_givers(view, words.language),
        people=_people(view, words.language),
        days={
            story.story.id: day_in_words(_told_of(view.capsule, story), words.language) for story in stories
        },
    )


def _main_film(view: CapsuleView) -> Montage | None:
    return next((montage for montage in view.montages if montage.is_opening), None)


def _day(capsule: Capsule) -> date:
    return local_of(capsule.opened_at or capsule.opens_at, capsule.zone).date()


def _told_of(capsule: Capsule, story: StoryView) -> datetime:
    """Return the wall time that a story tells of: of its first photo, or else of its writing."""
    taken = [medium.details.taken_local for medium in story.media if medium.details.taken_local]
    return min(taken, default=local_of(story.story.created_at, capsule.zone))


def _contents(view: CapsuleView, language: str) -> str:
    return contents_in_words(
        photos=sum(contribution.photos for contribution in view.contributions),
        clips=sum(contribution.clips for contribution in view.contributions),
        stories=sum(contribution.stories for contribution in view.contributions),
        locale=language,
    )


def _whom_to_send_to(view: CapsuleView, language: str) -> str | None:
    """Return whom a contributor sends photos to, as pages cannot take them yet; None for the owner and recipients."""
    if view.member.is_owner or not view.member.may_add_stories:
        return None
    owners = (one.member.name for one in view.contributions if one.member.is_owner)
    return next((addressed(name, language) for name in owners), None)


def _count_givers(view: CapsuleView, language: str) -> str:
    return people_in_words(sum(1 for one in view.contributions if one.stories), language)


def _count_people(view: CapsuleView, language: str) -> str:
    return people_in_words(len(view.contributions), language)


def _people(view: CapsuleView, language: str) -> list[dict[str, object]]:
    """Return the member rows: name, role, how much, and the dye of each, in order of joining."""
    return [
        {
            "name": contribution.member.name,
            "initial": contribution.member.name[:1].upper(),
            "dye": number % len(DYES),
            "role": contribution.member.role,
            "is_viewer": contribution.member.id == view.member.id,
            "amount": contents_in_words(
                photos=contribution.photos,
                clips=contribution.clips,
                stories=contribution.stories,
                locale=language,
            ),
        }
        for number, contribution in enumerate(view.contributions)
    ]


def _bundle(view: CapsuleView, label: str, *, is_tied: bool) -> str:
    counts = [contribution.photos for contribution in view.contributions]
    return bundle(view.capsule.id, counts, label=label, is_tied=is_tied)
