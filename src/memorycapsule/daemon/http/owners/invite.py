"""The page of invitations: it invites, shows who has answered, reminds, revokes, and prints cards to hand out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import segno
from fastapi import APIRouter, Depends, Form, Query
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from memorycapsule.app import App
from memorycapsule.daemon.http.dependencies import GET, AppDep, PagesDep, SignedInViewer
from memorycapsule.daemon.http.html.bundle import DYES
from memorycapsule.daemon.http.html.error_texts import error_text
from memorycapsule.daemon.http.html.notices import notices_for
from memorycapsule.daemon.http.html.templating import Pages
from memorycapsule.daemon.http.owners.ownership import OwnedCapsule
from memorycapsule.daemon.http.protocol.audiences import Audience, for_whom
from memorycapsule.daemon.http.protocol.costs import INVITE, limited
from memorycapsule.domain.capsules import Role
from memorycapsule.domain.guest_lists import named_guests, parse_guests
from memorycapsule.domain.invitations import Invitation, InvitationState, parse_invited_role
from memorycapsule.domain.stories import Viewer
from memorycapsule.domain.zones import local_of
from memorycapsule.errors import UsageProblem
from memorycapsule.services import invitations, letters, reading, reminders
from memorycapsule.services.invitations import Invited
from memorycapsule.services.reading import Outline
from memorycapsule.words.catalogues import Wording
from memorycapsule.words.counts import contents_in_words
from memorycapsule.words.dates import date_in_words, short_day
from memorycapsule.words.forms_of_address import addressed


@dataclass(frozen=True, kw_only=True)
class TypedInvitations:
    """What stands in the form that invites."""

    guests: str = ""
    called: str = ""
    role: str = Role.CONTRIBUTOR
    language: str = ""
    #: The entries that are no address.
    unreadable: tuple[str, ...] = ()
    #: The sentence that says why nobody was invited; '' where the unreadable entries say all.
    problem: str = ""

    @property
    def is_bad(self) -> bool:
        return bool(self.unreadable or self.problem)


def _typed_invitations(
    guests: Annotated[str, Form()] = "",
    called: Annotated[str, Form()] = "",
    role: Annotated[str, Form()] = Role.CONTRIBUTOR,
    language: Annotated[str, Form()] = "",
) -> TypedInvitations:
    return TypedInvitations(guests=guests, called=called, role=role, language=language)


#: More invitations than these are folded, and can be searched.
_MOST_UNFOLDED = 5
router = APIRouter()


@router.api_route("/c/{capsule_id}/people", methods=GET)
@for_whom(Audience.OWNER)
def show_people(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    viewer: SignedInViewer,
    view: OwnedCapsule,
    find: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    return _people_page(app, pages, request, viewer, view, TypedInvitations(), find=find.strip())


@router.post("/c/{capsule_id}/people")
@limited(INVITE)
@for_whom(Audience.OWNER)
def invite_guests(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    viewer: SignedInViewer,
    view: OwnedCapsule,
    typed: Annotated[TypedInvitations, Depends(_typed_invitations)],
) -> Response:
    words = pages.wording(request)
    try:
        found = parse_guests(typed.guests)
        named = named_guests(found.guests, typed.called.strip())
        role = parse_invited_role(typed.role)
    except UsageProblem as error:
        return _people_page(
            app, pages, request, viewer, view, replace(typed, problem=error_text(error, words))
        )
    if found.unreadable or not named:
        problem = "" if found.unreadable else words("invite_empty")
        if found.problem:
            problem = error_text(found.problem, words)
        bad = replace(typed, unreadable=found.unreadable, problem=problem)
        return _people_page(app, pages, request, viewer, view, bad)
    answers = invitations.invite_guests(
        app.store,
        app.vault.key,
        app.wake,
        viewer,
        view.capsule.id,
        guests=named,
        role=role,
        locale=typed.language or None,
        valid_days=app.settings.mail.invitation_days,
        now=app.now(),
    )
    sent = sum(isinstance(one, Invited) and one.is_new for one in answers)
    known = len(answers) - sent
    return pages.redirect(request, f"/c/{view.capsule.id}/people?done=invited&n={sent}&known={known}")


@router.post("/c/{capsule_id}/people/remind")
@limited(INVITE)
@for_whom(Audience.OWNER, once_open=Audience.NOBODY)
def remind_members(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    viewer: SignedInViewer,
    view: OwnedCapsule,
    only: Annotated[str, Form()] = "",
) -> Response:
    done = reminders.remind(
        app.store,
        app.wake,
        viewer,
        view.capsule.id,
        only={only} if only else None,
        now=app.now(),
    )
    return pages.redirect(request, f"/c/{view.capsule.id}/people?done=reminded&n={done.count}")


@router.post("/c/{capsule_id}/people/again")
@limited(INVITE)
@for_whom(Audience.OWNER, once_open=Audience.NOBODY)
def resend_invitation(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    viewer: SignedInViewer,
    view: OwnedCapsule,
    address: Annotated[str, Form()],
) -> Response:
    invitations.invite(
        app.store,
        app.vault.key,
        app.wake,
        viewer,
        view.capsule.id,
        addresses=[address],
        again=True,
        valid_days=app.settings.mail.invitation_days,
        now=app.now(),
    )
    return pages.redirect(request, f"/c/{view.capsule.id}/people?done=invited&n=1")


@router.post("/c/{capsule_id}/people/revoke")
@for_whom(Audience.OWNER)
def revoke_invitation(
    request: Request,
    app: AppDep,
    pages: PagesDep,
    viewer: SignedInViewer,
    view: OwnedCapsule,
    address: Annotated[str, Form()],
) -> Response:
    invitations.revoke(app.store, viewer, view.capsule.id, addresses=[address], now=app.now())
    return pages.redirect(request, f"/c/{view.capsule.id}/people?done=revoked")


@router.api_route("/c/{capsule_id}/cards", methods=GET)
@for_whom(Audience.OWNER)
def show_cards(
    request: Request, app: AppDep, pages: PagesDep, viewer: SignedInViewer, view: OwnedCapsule
) -> Response:
    return _cards_page(app, pages, request, viewer, view)


def _people_page(
    app: App,
    pages: Pages,
    request: Request,
    viewer: Viewer,
    view: Outline,
    typed: TypedInvitations,
    *,
    find: str = "",
) -> Response:
    """Show the page; `find` is a part of the names or addresses of those whose answer is waited for."""
    words = pages.wording(request)
    now = app.now()
    is_sealed = view.capsule.accepts_stories(now)
    waiting = [one for one in view.invitations if one.state is not InvitationState.ACCEPTED]
    found = [one for one in waiting if find.casefold() in f"{one.name or ''} {one.address}".casefold()]
    is_silent = [one.is_usable(now) for one in waiting] + [
        reminders.is_silent(one) for one in view.contributions if one.member.id != view.member.id
    ]
    urls = _urls(app, viewer, view) if is_sealed else {}
    return pages.show(
        request,
        "invite.html",
        words,
        status=UsageProblem.http_status if typed.is_bad else 200,
        view=view,
        typed=typed,
        is_sealed=is_sealed,
        notices=notices_for(app, reading.account(app.store, viewer), words, capsule_id=view.capsule.id),
        was_handed_over=view.capsule.made_by != view.member.account_id,
        # With a loopback address, the links in letters would lead readers to their own machines.
        links_work=not (app.settings.mail_is_real and app.settings.public_url_is_loopback),
        waiting=[
            {
                "id": one.id,
                "name": one.name,
                "address": one.address,
                "role": one.role,
                "state": _state(one, view, words, is_usable=one.is_usable(now)),
                "is_usable": one.is_usable(now) and is_sealed,
                "url": urls.get(one.id),
            }
            for one in found
        ],
        waiting_count=len(waiting),
        are_folded=len(waiting) > _MOST_UNFOLDED,
        find=find,
        somebody_is_silent=is_sealed and any(is_silent),
        members=[
            {
                "id": one.member.id,
                "name": one.member.name,
                "initial": one.member.name[:1].upper(),
                "dye": number % len(DYES),
                "role": one.member.role,
                "is_viewer": one.member.id == view.member.id,
                "has_left": one.member.left_at is not None,
                "has_room": is_sealed and reminders.may_be_reminded(one, now),
                "amount": contents_in_words(
                    photos=one.photos,
                    clips=one.clips,
                    voices=one.voices,
                    stories=one.stories,
                    locale=words.language,
                ),
            }
            for number, one in enumerate(view.contributions)
        ],
        done=_done_message(request, words),
    )


def _cards_page(app: App, pages: Pages, request: Request, viewer: Viewer, view: Outline) -> Response:
    urls = _urls(app, viewer, view)
    shown = []
    for one in view.invitations:
        if one.id not in urls:
            continue
        words = pages.wording(request)
        shown.append(
            {
                "name": addressed(one.name, words.language) if one.name else None,
                "address": one.address,
                "url": urls[one.id],
                "picture": Markup(  # noqa: S704 - drawn by segno of an address of ours
                    segno.make(urls[one.id], error="m", micro=False).svg_inline(
                        scale=4, border=2, dark="#1a2340", omitsize=True
                    )
                ),
            }
        )
    words = pages.wording(request)
    capsule = view.capsule
    return pages.show(
        request,
        "cards.html",
        words,
        view=view,
        cards=shown,
        date=date_in_words(capsule.opens_local, capsule.zone, words.language),
    )


def _urls(app: App, viewer: Viewer, view: Outline) -> dict[str, str]:
    """Return the links of waiting invitations, by their ids."""
    links = invitations.personal_links(app.store, app.vault.key, viewer, view.capsule.id, app.now())
    base = app.base_url
    return {one.invitation.id: letters.invitation_url(base, one.token) for one in links}


def _state(invitation: Invitation, view: Outline, words: Wording, *, is_usable: bool) -> str:
    day = short_day(local_of(invitation.expires_at, view.capsule.zone), words.language)
    match invitation.state:
        case InvitationState.DECLINED:
            return words("state_declined")
        case InvitationState.REVOKED:
            return words("state_revoked")
        case _:
            return words("state_waiting", day=day) if is_usable else words("state_expired", day=day)


def _done_message(request: Request, words: Wording) -> str | None:
    """Return what the form that led here has done, None when no form did."""
    parameters = request.query_params
    count, known = (
        int(parameters[key]) if parameters.get(key, "").isdecimal() else 0 for key in ("n", "known")
    )
    match parameters.get("done"):
        case "sealed":
            return words("done_sealed")
        case "invited":
            sent = words.counted("done_invited", count) if count else words("done_invited_none")
            return f"{sent} {words.counted('done_known', known)}" if known else sent
        case "reminded":
            return words.counted("done_reminded", count) if count else words("done_reminded_none")
        case "revoked":
            return words("done_revoked")
        case "removed":
            return words("done_removed")
        case "role":
            return words("done_role")
        case _:
            return None
