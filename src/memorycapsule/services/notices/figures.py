"""How an instance is, in figures: counts and instants, and nothing that says whose or of what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from memorycapsule.domain.capsules import CapsuleState
from memorycapsule.domain.deliveries import DeliveryState
from memorycapsule.domain.film.montages import MontageState
from memorycapsule.domain.instances import BlobDamage
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import fixity as fixity_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store import montages as montage_store
from memorycapsule.store.cluster import nodes as node_store
from memorycapsule.store.transactions import Store


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What the rows of an instance come to at one moment. States that nothing is in may be missing."""

    capsules: Mapping[CapsuleState, int]
    #: How many capsules are sealed although their date has come, and the earliest of these dates.
    due: int
    first_due_at: datetime | None
    #: The next date of a sealed capsule that is still to come.
    next_opening_at: datetime | None
    letters: Mapping[DeliveryState, int]
    #: When the oldest letter was queued that waits or is being sent.
    oldest_letter_at: datetime | None
    #: Whether no letter is tried at this moment, because the mail server took none, and how often in a row that was so.
    is_sender_paused: bool
    pauses: int
    films: Mapping[MontageState, int]
    #: When the oldest film was asked for that waits or is being rendered.
    oldest_film_at: datetime | None
    blobs: int
    blob_bytes: int
    damaged: Mapping[BlobDamage, int]
    #: When the blob was read, or written, whose last look is the longest ago.
    oldest_look_at: datetime | None
    backed_up_at: datetime | None
    #: Programs that have said within a lease's time that they work in the database; none without a cluster.
    nodes: int


def read(store: Store, *, now: datetime) -> Figures:
    """
    Return what all rows come to, as one state of the store has it.

    It counts what there is, so it takes longer where there is more: not for what happens every few seconds.
    """
    with store.reading() as tx:
        instance = instance_store.get(tx)
        first = capsule_store.earliest_opening(tx)
        blobs, size = capsule_store.count_blobs(tx)
        return Figures(
            capsules=capsule_store.count_by_state(tx),
            due=len(capsule_store.due_ids(tx, now)),
            first_due_at=first if first and first <= now else None,
            next_opening_at=capsule_store.earliest_opening(tx, after=now),
            letters=delivery_store.count_by_state(tx),
            oldest_letter_at=delivery_store.oldest_unsent(tx),
            is_sender_paused=instance.why_letters_wait(now) is not None,
            pauses=instance.mail_pauses,
            films=montage_store.count_by_state(tx),
            oldest_film_at=montage_store.oldest_unfinished(tx),
            blobs=blobs,
            blob_bytes=size,
            damaged=fixity_store.count_by_damage(tx),
            oldest_look_at=fixity_store.oldest_look(tx, now),
            backed_up_at=instance.backed_up_at,
            nodes=len(node_store.alive(tx)),
        )
