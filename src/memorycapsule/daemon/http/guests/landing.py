"""The first page for a member who comes by an invitation or by the link of a letter."""

from __future__ import annotations

from datetime import datetime

from memorycapsule.domain.capsules import Capsule, Member
from memorycapsule.services.visits import Visit


def landing_path(capsule: Capsule, member: Member, now: datetime) -> str:
    """Return the path of the page where a member adds photos, or of the capsule if they cannot add any."""
    may_add = member.may_add_stories and capsule.accepts_stories(now)
    return f"/g/c/{capsule.id}/add" if may_add else f"/g/c/{capsule.id}"


def visit_path(visit: Visit, now: datetime) -> str:
    """Return the path of the first page of a visit: whoever has contributed already comes to look after it."""
    return (
        f"/g/c/{visit.capsule.id}"
        if visit.has_contributed
        else landing_path(visit.capsule, visit.member, now)
    )
