"""What JSON answers look like; these shapes stay (`docs/commands.md`)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memorycapsule.domain.capsules import Capsule, Contribution, Member
    from memorycapsule.domain.deliveries import Delivery
    from memorycapsule.domain.invitations import Invitation
    from memorycapsule.domain.montages import Montage
    from memorycapsule.domain.stories import Medium, MediumDetails
    from memorycapsule.services.reading import CapsuleLine, CapsuleView, StoryView

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
    return {"id": found.id, "name": found.name, "role": found.role, "joined_at": instant(found.joined_at)}


def contribution(found: Contribution) -> Shape:
    return {
        "member": found.member.id,
        "name": found.member.name,
        "stories": found.stories,
        "photos": found.photos,
        "clips": found.clips,
    }


def invitation(found: Invitation) -> Shape:
    return {
        "email": found.address,
        "name": found.name,
        "role": found.role,
        "state": found.state,
        "expires_at": instant(found.expires_at),
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


def medium(found: Medium, details: MediumDetails, *, file: str | None = None) -> Shape:
    """Return a photo or clip; `file` is where it was found, when that says more than the name it is kept with."""
    return {
        "id": found.id,
        "file": details.file if file is None else file,
        "kind": found.kind,
        "sha256": details.sha256,
        "bytes": details.bytes,
        "format": details.format,
        "width": details.width,
        "height": details.height,
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
        "length": found.length,
        "music": found.music,
        "report": list(found.report),
        "queued_at": instant(found.queued_at),
        "finished_at": instant(found.finished_at),
    }


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
