"""
Contributing to a sealed capsule: the form for photos and words, the thank-you page, and the day for a calendar.

With scripts, a browser sends the files as uploads; without scripts, they come in the form itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from memorycapsule.app import App
from memorycapsule.daemon.http.dependencies import GET, AppDep, BrowserViewers, PagesDep
from memorycapsule.daemon.http.guests import story_fields
from memorycapsule.daemon.http.guests.access import (
    Access,
    MemberStanding,
    StoryAccess,
    member_outline,
    noted,
    own_story,
)
from memorycapsule.daemon.http.guests.closed import closed_page
from memorycapsule.daemon.http.guests.own_stories import story_page
from memorycapsule.daemon.http.guests.story_form import (
    LARGEST_FORM_WITH_FILES_BYTES,
    StoryForm,
    next_position,
)
from memorycapsule.daemon.http.html.bundle import DYES
from memorycapsule.daemon.http.html.error_texts import error_text, refusal_text
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.costs import takes
from memorycapsule.daemon.http.uploads.receiver import ReceiverDep
from memorycapsule.domain.capsules import Member
from memorycapsule.domain.stories import StoryWords, Viewer
from memorycapsule.errors import CapsuleError, EditedElsewhere, NotAllowed, NotFound, TooLarge, UsageProblem
from memorycapsule.services import opening, reading, uploads
from memorycapsule.services.album.story_views import MediumView, StoryView
from memorycapsule.services.reading import Outline, Standing
from memorycapsule.services.uploads import UploadProgress, UploadStage
from memorycapsule.words.catalogues import Wording
from memorycapsule.words.counts import contents_in_words, size_in_words
from memorycapsule.words.dates import date_in_words
from memorycapsule.words.forms_of_address import addressed

#: How many of the new photos the thank-you page shows.
_THANKS_PHOTOS = 4
#: With so much room left, nobody need be told.
_PLENTY_BYTES = 2_000_000_000
router = APIRouter()


class _SentStory(NamedTuple):
    """What a member has sent so far."""

    viewer: Viewer
    view: Outline
    #: The story that the address names, None when it names none.
    story: StoryView | None
    #: The files that came for this story.
    files: list[UploadProgress]


def _sent_story(
    request: Request, app: AppDep, viewers: BrowserViewers, capsule_id: UUID, story: UUID | None = None
) -> _SentStory:
    if story is None:
        return _SentStory(*member_outline(request, app, viewers, capsule_id), None, [])
    viewer, _standing, own = noted(request, own_story(app, viewers, capsule_id, str(story)))
    view = reading.outline(app.store, viewer, str(capsule_id))
    return _SentStory(viewer, view, own, uploads.of_story(app.store, app.vault, viewer, own.story.id))


SentStory = Annotated[_SentStory, Depends(_sent_story)]


@router.api_route("/g/c/{capsule_id}/add", methods=GET)
@for_whom(Audience.CONTRIBUTORS, once_open=Audience.MEMBERS)
def show_contributing(
    request: Request, app: AppDep, pages: PagesDep, sent: SentStory, again: bool = False
) -> Response:
    _viewer, view, story, files = sent
    if not view.capsule.accepts_stories(app.now()):
        return pages.redirect(request, f"/g/c/{view.capsule.id}")
    if not view.member.may_add_stories:
        raise NotFound
    refused = _refused(files, pages.wording(request))
    return _adding_page(app, pages, request, view, story, refused=refused, is_empty=again)


def _adding_page(
    app: App,
    pages: Pages,
    request: Request,
    view: Outline,
    story: StoryView | None,
    *,
    refused: list[tuple[str, list[str]]],
    is_empty: bool = False,
    status: int = 200,
) -> Response:
    words = pages.wording(request)
    response = pages.show(
        request,
        "contributing.html",
        words,
        status=status,
        view=view,
        story=story,
        addressed_name=addressed(view.member.name, words.language),
        media=story.media if story else [],
        refused=refused,
        room=_room(app, view.member, words, is_wanted=bool(refused)),
        next_position=next_position(story),
        is_empty=is_empty,
        marks=story_fields.marks_of(story.words if story else StoryWords(title="", text="")),
    )
    # This page alone may use the microphone, to record a voice note.
    response.headers["permissions-policy"] = "camera=(), geolocation=(), microphone=(self)"
    return response


@router.post("/g/c/{capsule_id}/add")
@takes(LARGEST_FORM_WITH_FILES_BYTES)
@for_whom(Audience.CONTRIBUTORS, once_open=Audience.NOBODY)
async def receive_form(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    receiver: ReceiverDep,
    viewers: BrowserViewers,
    access: MemberStanding,
) -> Response:
    path = f"/g/c/{access.view.capsule.id}"
    wants_json = request.headers.get("accept", "").startswith("application/json")
    form = StoryForm(app, receiver, viewers, access.viewer, access.view.capsule.id)
    try:
        await form.receive(request)
        if form.closed:
            raise form.closed
        if not wants_json and form.is_empty:
            await run_in_threadpool(form.discard_empty_story)
            if form.too_large:
                return await run_in_threadpool(_without_large_files, app, pages, request, form, access)
            return pages.redirect(request, f"{path}/add?again=1")
        story_id = await run_in_threadpool(form.save_words)
    except (EditedElsewhere, UsageProblem) as error:
        saved = await run_in_threadpool(form.saved_story)
        if saved is None:
            raise
        if wants_json:
            return _refused_words(form, saved, error, pages.wording(request))
        return story_page(app, pages, request, saved, typed=form.fields, problem=error)
    except NotAllowed as error:
        if wants_json:
            return JSONResponse(
                {"message": error_text(error, pages.wording(request))}, status_code=error.http_status
            )
        return closed_page(pages, request, error, typed=form.typed)
    if wants_json:
        return JSONResponse({"story": story_id, "seen": form.new_marks})
    if form.too_large:
        return await run_in_threadpool(_without_large_files, app, pages, request, form, access)
    return pages.redirect(request, f"{path}/thanks?story={story_id}")


@router.api_route("/g/c/{capsule_id}/thanks", methods=GET)
@for_whom(Audience.HAVE_ADDED)
def show_thanks(request: Request, app: AppDep, pages: PagesDep, sent: SentStory) -> Response:
    viewer, view, story, files = sent
    story = story or _newest_story(app, viewer, view)
    if view.capsule.is_open:
        return pages.redirect(request, f"/g/c/{view.capsule.id}")
    words = pages.wording(request)
    numbers = [one.member.id for one in view.contributions]
    dye = numbers.index(view.member.id) % len(DYES)
    return pages.show(
        request,
        "thanks.html",
        words,
        view=view,
        story=story,
        addressed_name=addressed(view.member.name, words.language),
        contents=_contents(story.media, words.language),
        newest=[one for one in _newest(story.media) if one.medium.thumbnail_blob][:_THANKS_PHOTOS],
        date=date_in_words(view.capsule.opens_local, view.capsule.zone, words.language),
        refused=_refused(files, words),
        refused_count=sum(1 for one in files if one.refusal),
        incomplete=_incomplete(files, words),
        room=_room(app, view.member, words, is_wanted=any(one.refusal for one in files)),
        unfinished=sum(1 for one in files if one.stage is UploadStage.WAITING),
        postponed=sum(1 for one in files if one.stage is UploadStage.POSTPONED),
        dye=dye,
        dye_name=words(f"dye_{dye}"),
        dyes=[number % len(DYES) for number in range(len(numbers))],
    )


@router.api_route("/g/c/{capsule_id}/opening-day.ics", methods=GET)
@for_whom(Audience.MEMBERS)
def send_calendar_entry(request: Request, pages: PagesDep, access: MemberStanding) -> Response:
    capsule, words = access.view.capsule, pages.wording(request)
    entry = opening.calendar_entry_of(
        capsule,
        summary=words("calendar_summary", title=capsule.title),
        description=words("calendar_description"),
    )
    return Response(
        entry,
        media_type="text/calendar; charset=utf-8",
        headers={"content-disposition": 'attachment; filename="opening-day.ics"'},
    )


def _without_large_files(
    app: App,
    pages: Pages,
    request: Request,
    form: StoryForm,
    access: Access[Standing],
) -> Response:
    """Show the form with what is saved of it, and which files were too large to come in with it."""
    words = pages.wording(request)
    view = reading.outline(app.store, access.viewer, access.view.capsule.id)
    saved = None if form.is_empty else form.saved_story()
    refused = _grouped(form.too_large, words)
    return _adding_page(
        app,
        pages,
        request,
        view,
        saved.story if saved else None,
        refused=refused,
        status=TooLarge.http_status,
    )


def _refused_words(
    form: StoryForm, saved: StoryAccess, error: EditedElsewhere | UsageProblem, words: Wording
) -> Response:
    """Return for the script what is saved instead of what it sent, with its marks, and why."""
    found = story_fields.fields(saved.story, form.fields)
    elsewhere = {
        name: found[name].elsewhere for name in ("title", "text") if found[name].elsewhere is not None
    }
    marks = story_fields.marks_of(saved.story.words)
    answer = {"message": error_text(error, words), "elsewhere": elsewhere, "seen": marks}
    return JSONResponse(answer, status_code=error.http_status)


def _newest_story(app: App, viewer: Viewer, view: Outline) -> StoryView:
    """Return the story of the viewer's own that was changed last. Raises NotFound when there is none."""
    seen = reading.stories(app.store, app.vault, viewer, view.capsule.id)
    mine = [one for one in seen if one.story.member_id == view.member.id]
    if not mine:
        raise NotFound
    return max(mine, key=lambda one: one.story.changed_at)


def _refused(sent_files: list[UploadProgress], words: Wording) -> list[tuple[str, list[str]]]:
    """Return why files were left out, each reason once, and the names of the files that it goes for."""
    return _grouped(((one.about.file, one.refusal) for one in sent_files if one.refusal), words)


def _incomplete(sent_files: list[UploadProgress], words: Wording) -> list[tuple[str, list[str]]]:
    """Return what is missing of files that were taken, each sentence once, and the names of its files."""
    groups: dict[str, list[str]] = {}
    for about in (one.about for one in sent_files):
        for what in about.missing:
            groups.setdefault(words(f"missing_{what}"), []).append(about.file)
    return list(groups.items())


def _grouped(refused: Iterable[tuple[str, CapsuleError]], words: Wording) -> list[tuple[str, list[str]]]:
    groups: dict[str, list[str]] = {}
    for file, refusal in refused:
        groups.setdefault(refusal_text(refusal, words), []).append(file)
    return [(reason, list(dict.fromkeys(files))) for reason, files in groups.items()]


def _room(app: App, member: Member, words: Wording, *, is_wanted: bool) -> str:
    """Say how much a member may still put in, where that `is_wanted` or may matter; '' where there is plenty."""
    most = app.upload_limits.most_per_member
    left = uploads.bytes_left(app.store, member, app.upload_limits)
    return (
        ""
        if left >= _PLENTY_BYTES and not is_wanted
        else words("adding_room", left=size_in_words(left), most=size_in_words(most))
    )


def _contents(media: list[MediumView], language: str) -> str:
    kinds = [str(one.medium.kind) for one in media]
    return contents_in_words(
        photos=kinds.count("photo"),
        clips=kinds.count("clip"),
        voices=kinds.count("voice"),
        stories=0,
        locale=language,
    )


def _newest(media: list[MediumView]) -> list[MediumView]:
    return sorted(media, key=lambda one: one.medium.created_at, reverse=True)
