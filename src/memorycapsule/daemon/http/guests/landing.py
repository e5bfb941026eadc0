"""The first page for a member who comes by an invitation or by the link of a letter."""

from __future__ import annotations

from datetime import datetime

from memorycapsule.domain.capsules import Capsule, Member


def landing_path(capsule: Capsule, member: Member, now: datetime) -> str:
    """Return the path of the page where a member adds photos, or of the capsule if they cannot add any."""
    may_add = member.may_add_stories and capsule.accepts_stories(now)
    return f"/g/c/{capsule.id}/add" if may_add else f"/g/c/{capsule.id}"
