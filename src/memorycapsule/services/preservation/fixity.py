"""
Fixity: stored bytes are read again and compared with the digest that was made when they were written.

The scrub reads some of them at a time, those that were read longest ago first, so that all are read within thirty
days. What it finds is noted in the rows of the blobs; bytes that have changed are put aside, so that nobody takes them
for what was written.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from memorycapsule.domain.instances import Blob, BlobDamage
from memorycapsule.domain.preservation import PremisOutcome, PremisType, premis_event
from memorycapsule.errors import CapsuleError, NotFound, Postponed
from memorycapsule.journal import journal
from memorycapsule.media.storage.blobs import Blobs
from memorycapsule.services.vault import Vault
from memorycapsule.store import events as event_store
from memorycapsule.store import fixity as fixity_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store import integrity
from memorycapsule.store import stories as story_store
from memorycapsule.store.transactions import Store, Transaction

#: All bytes are read once in so many days, in equal shares; what is missed on some of them is read by the thirtieth.
DAYS_OF_A_ROUND = 25
#: Nobody needs to read what was written or read just now.
LEAST_AGE = timedelta(days=1)

_BATCH = 20


@dataclass(frozen=True, kw_only=True)
class Scrubbed:
    """What a pass of the scrub has read."""

    blobs: int
    bytes: int
    damaged: tuple[Blob, ...]


def damage_of(
    blobs: Blobs, blob: Blob, *, deep: bool, on_read: Callable[[int], None] = lambda _bytes: None
) -> BlobDamage | None:
    """
    Return what is wrong with the stored bytes of a blob, None when nothing is.

    All are read when `deep`, from the disk itself; otherwise they are only counted. `on_read` is called with the
    number of bytes of each piece. Raises Postponed when the machine has no memory or open files for it.
    """
    try:
        if not deep:
            return None if blobs.size(blob.id) == blob.bytes else BlobDamage.CHANGED
        found = blobs.read_through(blob.id, on_read)
    except NotFound:
        # What was found changed and put aside is missing here as well.
        return blob.damage or BlobDamage.MISSING
    except Postponed:
        raise
    except CapsuleError:
        return BlobDamage.UNREADABLE
    is_whole = found.digest == blob.stored_digest and found.bytes == blob.bytes
    return None if is_whole else BlobDamage.CHANGED


def scrub(
    store: Store,
    vault: Vault,
    *,
    most_seconds: float,
    is_stopping: Callable[[], bool] = lambda: False,
    clock: Callable[[], datetime],
) -> Scrubbed:
    """
    Read today's share of the stored bytes, or as much of it as fits into `most_seconds`, and note what is found.

    The caller has asked whether the clock can be trusted: a wrong one would put off the next look. Raises Postponed,
    as `damage_of` does.
    """
    deadline = time.monotonic() + most_seconds
    with store.reading() as tx:
        left = _bytes_left(tx, clock())
    blobs, size, damaged = 0, 0, list[Blob]()
    while left > 0 and time.monotonic() < deadline and not is_stopping():
        now = clock()
        with store.reading() as tx:
            some = fixity_store.read_longest_ago(tx, _BATCH, before=now - LEAST_AGE, now=now)
        batch: list[tuple[Blob, BlobDamage | None]] = []
        for blob in some:
            if left <= 0 or time.monotonic() >= deadline or is_stopping():
                break
            batch.append((blob, damage_of(vault.blobs, blob, deep=True)))
            left -= blob.bytes
        if not batch:
            break
        note(store, vault, batch, now=now)
        blobs, size = blobs + len(batch), size + sum(blob.bytes for blob, _damage in batch)
        damaged += [blob for blob, damage in batch if damage]
    return Scrubbed(blobs=blobs, bytes=size, damaged=tuple(damaged))


def _bytes_left(tx: Transaction, now: datetime) -> float:
    """Return how many bytes are still to be read today. How many there are in all was counted by the last sweep."""
    swept = event_store.last_facts(tx, "blobs.swept", instance_store.get(tx).id)
    total = int(swept.get("bytes") or integrity.totals(tx)[2])
    return total / DAYS_OF_A_ROUND - fixity_store.bytes_read_since(tx, now - timedelta(days=1), now)


def note_missing(store: Store, vault: Vault, blobs: Iterable[Blob], *, now: datetime) -> None:
    """Note which of `blobs` are missing or of another size; the bytes of no other are read."""
    suspects = [blob for blob in blobs if blob.damage is None and damage_of(vault.blobs, blob, deep=False)]
    looked_at = [(blob, damage_of(vault.blobs, blob, deep=True)) for blob in suspects]
    if looked_at:
        note(store, vault, looked_at, now=now)


def note(
    store: Store, vault: Vault, looked_at: Iterable[tuple[Blob, BlobDamage | None]], *, now: datetime
) -> None:
    """
    Note what was found of blobs whose bytes have all been read, and put aside those that have changed.

    Nothing is noted of a blob that has been removed or written anew since.
    """
    # Read once more: a disk or a memory may err once, and somebody may have repaired it meanwhile.
    found = [
        (blob, damage_of(vault.blobs, blob, deep=True) if damage is BlobDamage.CHANGED else damage)
        for blob, damage in looked_at
    ]
    changed = [blob for blob, damage in found if damage is BlobDamage.CHANGED]
    proved = {blob.id for blob in changed if proves_itself(store, vault, blob)}
    with store.transaction() as tx:
        damaged = 0
        for blob, damage in found:
            if not fixity_store.note(tx, blob, damage, now):
                continue
            damaged += damage is not None
            if damage is not None and damage is not blob.damage:
                _record_damage(tx, blob, damage, now)
        event_store.record(
            tx,
            premis_event(
                "fixity.checked",
                PremisType.FIXITY_CHECK,
                PremisOutcome.FAILURE if damaged else PremisOutcome.SUCCESS,
                at=now,
                blobs=len(found),
                bytes=sum(blob.bytes for blob, _damage in found),
                damaged=damaged,
            ),
        )
    for blob, damage in found:
        if damage is None and blob.damage:
            vault.blobs.delete_from_quarantine(blob.id)
    for blob in changed:
        if blob.id not in proved:
            with contextlib.suppress(NotFound):  # it lies there already
                vault.blobs.put_into_quarantine(blob.id)


def proves_itself(store: Store, vault: Vault, blob: Blob) -> bool:
    """
    Say whether stored bytes are whole although their digest is another: then the row is what has changed.

    Sealed bytes that can be unsealed are: age notices every change. Of open bytes only an original says what it was.
    Raises Postponed, as `damage_of` does.
    """
    try:
        with store.reading() as tx:
            source = vault.source_of(tx, blob.id)
            medium = story_store.medium_of_original(tx, blob.id)
            unsealer = vault.unsealer(tx, blob.capsule_id)
        if blob.sealed:
            source.open().close()
            return True
        if medium is None:
            return False
        found = vault.blobs.read_through(blob.id, lambda _bytes: None)
        return unsealer.details_of(medium).sha256 == found.digest
    except Postponed:
        raise
    except CapsuleError:
        return False


def _record_damage(tx: Transaction, blob: Blob, damage: BlobDamage, now: datetime) -> None:
    journal.error("blob.damaged", blob=blob.id, capsule=blob.capsule_id, damage=str(damage))
    event_store.record(
        tx,
        premis_event(
            "blob.damaged",
            PremisType.QUARANTINE if damage is BlobDamage.CHANGED else PremisType.FIXITY_CHECK,
            PremisOutcome.FAILURE,
            at=now,
            capsule_id=blob.capsule_id,
            subject_id=blob.id,
            damage=str(damage),
        ),
    )
