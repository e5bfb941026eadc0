"""Estimates: how long a further film would be, for whoever is choosing its stories."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from memorycapsule.domain.film.montages import queued_montage
from memorycapsule.domain.film.sizes import Size
from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import Sealed
from memorycapsule.services import reading
from memorycapsule.services.film import material
from memorycapsule.services.vault import Vault
from memorycapsule.store.transactions import Store


def seconds_of_film(
    store: Store,
    vault: Vault,
    viewer: Viewer,
    reference: str,
    *,
    story_ids: Sequence[str],
    length: str | None,
    size: Size,
    fps: int,
    now: datetime,
) -> float:
    """
    Return about how many seconds a further film of these stories would last.

    Raises NotFound, Sealed before the date, UsageProblem for a length that is none.
    """
    with store.reading() as tx:
        capsule, member = reading.standing_in(tx, viewer, reference)
        if not capsule.is_open:
            raise Sealed
    montage = queued_montage(
        montage_id="",
        capsule_id=capsule.id,
        member_id=member.id,
        story_ids=tuple(story_ids),
        soundtrack_blob=capsule.soundtrack_blob,
        length=length,
        now=now,
    )
    return material.estimated_seconds(store, vault, montage, size=size, fps=fps)
