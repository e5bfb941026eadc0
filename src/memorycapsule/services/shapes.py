"""What JSON answers look like, on the command line and in the API; these shapes stay (`docs/commands.md`)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memorycapsule.domain.capsules import Capsule, Contribution, Member
    from memorycapsule.domain.date_requests import EarlierDateRequest
    from memorycapsule.domain.deliveries import Delivery
    from memorycapsule.domain.film.montages import Montage
    from memorycapsule.domain.invitations import Invitation
    from memorycapsule.domain.people import Account, Address
    from memorycapsule.domain.sessions import Session
    from memorycapsule.domain.stories import Medium, MediumDetails, Viewer
    from memorycapsule.services.accounts import AccountView, Deletion
    from memorycapsule.services.invitations import Invited, Joined
    from memorycapsule.services.reading import CapsuleLine, CapsuleView, StoryView
    from memorycapsule.services.reminders import Reminded
    from memorycapsule.services.rescheduling import DateRequestView
    from memorycapsule.services.signing_in import SessionView
    from memorycapsule.services.tokens import NewToken
    from memorycapsule.themes import Theme

Shape = dict[str, Any]


def instant(at: datetime | None) -> str | None:
    """Return an instant as ISO 8601 in UTC, ending in Z."""
    return at.isoformat().replace("+00:00", "Z") if at else None


def capsule(view: CapsuleView) -> Shape:
    """Return what `create`, `show` and `edit` answer."""
    found = view.capsule
    return {
        **_dated(found),
        "slug": found.slug,
        "title": found.title,
        "message": found.message,
        "theme": found.theme,
        "film_photos": found.film_photos,
        "has_soundtrack": found.soundtrack_blob is not None,
        "music": found.music,
        "has_cover": found.cover_blob is not None,
        "role": view.member.role,
        "created_at": instant(found.created_at),
        "opened_at": instant(found.opened_at),
        "members": [member(one.member) for one in view.contributions],
        "contributions": [contribution(one) for one in view.contributions],
        "stories": [story(one) for one in view.stories],
        "invitations": [invitation(one) for one in view.invitations],
        "montages": [montage(one) for one in view.montages],
    }


def line(found: CapsuleLine) -> Shape:
    """Return one capsule of `list`: of one that the admin is not in, its id, state, date and bytes."""
    is_own = found.member is not None
    return {
        **_dated(found.capsule),
        "slug": found.capsule.slug if is_own else None,
        "title": found.capsule.title if is_own else None,
        "theme": found.capsule.theme if is_own else None,
        "role": found.member.role if found.member else None,
        "members": found.members if is_own else None,
        "bytes": found.bytes,
    }


def opened(found: Capsule) -> Shape:
    """Return a capsule that has just been opened."""
    return {
        **_dated(found),
        "slug": found.slug or None,
        "title": found.title or None,
        "opened_at": instant(found.opened_at),
    }


def _dated(found: Capsule) -> Shape:
    return {
        "id": found.id,
        "state": found.state,
        "opens_at": instant(found.opens_at),
        "opens_local": found.opens_local.isoformat(),
        "zone": found.zone,
    }


def member(found: Member) -> Shape:
    return {
        "id": found.id,
        "name": found.name,
        "role": found.role,
        "joined_at": instant(found.joined_at),
        "left_at": instant(found.left_at),
    }


def member_line(found: Contribution) -> Shape:
    """Return a member with how much they have put in."""
    return {
        **member(found.member),
        "stories": found.stories,
        "photos": found.photos,
        "clips": found.clips,
        "voices": found.voices,
    }


def contribution(found: Contribution) -> Shape:
    return {
        "member": found.member.id,
        "name": found.member.name,
        "stories": found.stories,
        "photos": found.photos,
        "clips": found.clips,
        "voices": found.voices,
    }


def invitation(found: Invitation) -> Shape:
    return {
        "id": found.id,
        "email": found.address,
        "name": found.name,
        "role": found.role,
        "state": found.state,
        "expires_at": instant(found.expires_at),
    }


def sent_invitation(found: Invited, url: str) -> Shape:
    """Return an invitation with its link, for whoever invites."""
    return {**invitation(found.invitation), "token": found.token, "url": url, "is_new": found.is_new}


def joined(found: Joined) -> Shape:
    """Return a new member, the capsule they are in now, and the secret of their session."""
    capsule = found.capsule
    return {
        "member": member(found.member),
        "capsule": {"id": capsule.id, "slug": capsule.slug, "title": capsule.title},
        "token": found.token,
    }


def reminded(found: Reminded) -> Shape:
    """Return who gets a letter."""
    return {
        "invitations": [invitation(one) for one in found.invitations],
        "members": [member(one) for one in found.members],
    }


def wish(found: EarlierDateRequest) -> Shape:
    """Return a wish for an earlier date."""
    return {
        "id": found.id,
        "state": found.state,
        "opens_at": instant(found.opens_at),
        "opens_local": found.opens_local.isoformat(),
        "zone": found.zone,
        "asked_at": instant(found.created_at),
        "ended_at": instant(found.ended_at),
    }


def wish_view(view: DateRequestView) -> Shape:
    """Return a wish as somebody concerned sees it: how many said yes, and their own answer."""
    return {
        **wish(view.request),
        "asked_by": view.asker.id,
        "answer": view.is_given,
        "concerned": len(view.answers),
        "said_yes": sum(1 for one in view.answers if one.is_given),
    }


def story(view: StoryView) -> Shape:
    found = view.story
    return {
        "id": found.id,
        "capsule": found.capsule_id,
        "author": {"id": view.author.id, "name": view.author.name},
        "title": view.words.title,
        "text": view.words.text,
        "created_at": instant(found.created_at),
        "changed_at": instant(found.changed_at),
        "media": [medium(one.medium, one.details) for one in view.media],
    }


def medium(found: Medium, details: MediumDetails) -> Shape:
    """Return a photo, clip or voice note, which has no size."""
    return {
        "id": found.id,
        "file": details.file,
        "position": found.position,
        "kind": found.kind,
        "sha256": details.sha256,
        "bytes": details.bytes,
        "format": details.format,
        "width": details.width or None,
        "height": details.height or None,
        "taken_at": details.taken_text,
        "has_gps": details.has_gps,
        "duration_seconds": details.duration_seconds,
        "has_sound": details.has_sound,
        "caption": details.caption,
    }


def montage(found: Montage, *, seconds_left: float | None = None) -> Shape:
    """Return a film; `seconds_left` is about how long it will still be rendered."""
    return {
        "id": found.id,
        "capsule": found.capsule_id,
        "state": found.state,
        "progress": round(found.progress, 3),
        "seconds_left": None if seconds_left is None else round(seconds_left),
        "seconds": found.seconds,
        "is_opening": found.is_opening,
        "stories": list(found.story_ids),
        "title": found.title or None,
        "length": found.length,
        "music": found.music,
        "report": [lack.sentence for lack in found.report],
        "queued_at": instant(found.queued_at),
        "finished_at": instant(found.finished_at),
    }


def token(found: Session) -> Shape:
    """Return a personal token; never its secret."""
    return {
        "id": found.id,
        "name": found.name,
        "scope": found.scope,
        "created_at": instant(found.created_at),
        "seen_at": instant(found.seen_at),
        "ended_at": instant(found.ended_at),
    }


def new_token(found: NewToken) -> Shape:
    """Return a personal token with its secret, for whoever has just made it."""
    return {**token(found.session), "secret": found.secret}


def letter(found: Delivery) -> Shape:
    """Return a letter of the outbox; never what it says."""
    return {
        "id": found.id,
        "kind": found.kind,
        "to": found.address,
        "state": found.state,
        "attempt": found.attempt,
        "capsule": found.capsule_id,
        "queued_at": instant(found.queued_at),
        "next_attempt_at": instant(found.next_attempt_at) if found.finished_at is None else None,
        "finished_at": instant(found.finished_at),
        "detail": found.detail,
    }


def session(viewer: Viewer) -> Shape:
    """Return what a token is."""
    return {
        "id": viewer.session_id,
        "account": viewer.account_id,
        "scope": viewer.scope,
        "capsule": viewer.capsule_id,
        "is_proved": viewer.is_proved,
    }


def session_line(view: SessionView) -> Shape:
    """Return a session as its person sees it in a list; never its secret."""
    found = view.session
    return {
        "id": found.id,
        "kind": found.kind,
        "name": found.name,
        "scope": found.scope,
        "capsule": found.capsule_id,
        "created_at": instant(found.created_at),
        "seen_at": instant(found.seen_at),
        "is_this": view.is_this,
    }


def account(found: Account) -> Shape:
    return {"id": found.id, "name": found.name, "locale": found.locale}


def address(found: Address) -> Shape:
    return {"id": found.id, "email": found.address, "verified_at": instant(found.verified_at)}


def addresses(view: AccountView) -> Shape:
    """Return where letters to an account go, and where a code is on its way to."""
    return {"addresses": [address(one) for one in view.addresses], "asked": view.asked_address}


def deletion(found: Deletion) -> Shape:
    """Return what deleting an account would do, in ids of capsules."""
    return {
        "in_the_way": [one.id for one in found.in_the_way],
        "goes_along": [one.id for one in found.goes_along],
        "stays": found.stays,
    }


def theme(found: Theme) -> Shape:
    return {"name": found.name, "titles": found.titles}


def soundtrack(found: Theme, url: str) -> Shape:
    """Return a theme's own music; `url` is where it can be listened to."""
    return {
        "name": found.name,
        "titles": found.music.titles,
        "beats_per_minute": found.music.beats_per_minute,
        "file": url,
    }
