"""
Verification: whether all that the rows say is there, and is what it was.

Every look can be asked for alone. None of them but `check` changes anything, and none needs the data folder's lock, or
raises for damage: damage is what they return.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from memorycapsule.domain.capsules import Capsule
from memorycapsule.domain.film.plan import MontagePlan
from memorycapsule.domain.instances import Blob, BlobDamage, KeyEnvelope
from memorycapsule.domain.preservation import Damage, DamageKind
from memorycapsule.errors import CapsuleError, PlanRefused, Postponed, WrongKey
from memorycapsule.seal import envelopes
from memorycapsule.seal.keys import fingerprint_of
from memorycapsule.services.preservation import fixity, rules
from memorycapsule.services.vault import INSTANCE, RECOVERY, Unsealer, Vault, capsule_identity
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import fixity as fixity_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store import integrity
from memorycapsule.store import montages as montage_store
from memorycapsule.store import stories as story_store
from memorycapsule.store import uploads as upload_store
from memorycapsule.store.transactions import Store

_OF_BLOB = {
    BlobDamage.MISSING: DamageKind.BLOB_MISSING,
    BlobDamage.CHANGED: DamageKind.BLOB_CHANGED,
    BlobDamage.UNREADABLE: DamageKind.BLOB_UNREADABLE,
}

_NOTED_AT_ONCE = 500

# What a damaged row makes of reading its table; the row itself is named by `damaged_database`.
_UNREADABLE = (CapsuleError, ValueError, LookupError, TypeError)


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What was looked at, and what was found."""

    damage: tuple[Damage, ...]
    capsules: int
    blobs: int
    #: Of all blobs together, as the rows say.
    bytes: int
    #: Whether all bytes were read.
    is_deep: bool


def verify(
    store: Store, vault: Vault, *, deep: bool = False, on_read: Callable[[int], None] = lambda _bytes: None
) -> Verification:
    """
    Look at everything: database, rows, rules, envelopes, plans and blobs; when `deep`, at all bytes.

    `on_read` is called with the number of bytes of each piece of a blob that was read. Raises Postponed when the
    machine has no memory or open files for it.
    """
    looks: list[tuple[str, Callable[[], Iterable[Damage]]]] = [
        ("database", lambda: damaged_database(store)),
        ("rules", lambda: rules.broken(store)),
        ("envelopes", lambda: damaged_envelopes(store, vault)),
        ("plans", lambda: damaged_plans(store)),
        ("blobs", lambda: damaged_blobs(store, vault, deep=deep, on_read=on_read)),
    ]
    if deep:
        looks.append(("contents", lambda: damaged_contents(store, vault)))
    found: list[Damage] = []
    for name, look in looks:
        try:
            found += look()
        except Postponed:
            raise
        except _UNREADABLE as error:
            reason = error.reason if isinstance(error, CapsuleError) else type(error).__name__
            found.append(Damage(kind=DamageKind.DATABASE, detail=f"{name}: {reason}"))
    capsules = blobs = size = 0
    try:
        with store.reading() as tx:
            capsules, blobs, size = integrity.totals(tx)
    except CapsuleError as error:
        found.append(Damage(kind=DamageKind.DATABASE, detail=error.reason))
    return Verification(
        damage=tuple(dict.fromkeys(found)), capsules=capsules, blobs=blobs, bytes=size, is_deep=deep
    )


def check(
    store: Store,
    vault: Vault,
    *,
    deep: bool,
    on_read: Callable[[int], None] = lambda _bytes: None,
    now: datetime,
) -> Verification:
    """Verify, and note what was found of blobs: that they are missing, and after a deep look all, as the scrub does."""
    found = verify(store, vault, deep=deep, on_read=on_read)
    kinds = {kind: damage for damage, kind in _OF_BLOB.items()}
    damage = {one.subject_id: kinds[one.kind] for one in found.damage if one.kind in kinds}
    # Without its bytes nothing more can be said of a blob that is there.
    noted = (one for one in all_blobs(store) if deep or damage.get(one.id) is BlobDamage.MISSING)
    while (deep or damage) and (some := list(itertools.islice(noted, _NOTED_AT_ONCE))):
        fixity.note(store, vault, [(blob, damage.get(blob.id)) for blob in some], now=now)
    return found


def present_damage(store: Store, vault: Vault) -> tuple[Damage, ...]:
    """Return the damage that shows without reading all bytes, and what was noted of those that were read."""
    with store.reading() as tx:
        noted = fixity_store.damaged(tx)
    of_blobs = [damage_of_blob(blob, blob.damage) for blob in noted if blob.damage]
    return tuple(dict.fromkeys([*verify(store, vault).damage, *of_blobs]))


def damaged_database(store: Store) -> Iterator[Damage]:
    """Yield what the database says is wrong with itself, and every row that cannot be read."""
    for line in integrity.problems(store):
        yield Damage(kind=DamageKind.DATABASE, detail=line)
    for row in integrity.unreadable_rows(store):
        yield Damage(kind=DamageKind.ROW, subject_id=row.key or None, detail=row.table)


def damaged_envelopes(store: Store, vault: Vault, *, only: str | None = None) -> Iterator[Damage]:
    """
    Yield the key envelopes of capsules, or of `only` one by its id, that are missing, damaged, or of another key.

    Those of the instance key are unwrapped and compared with the public half. Those of the recovery key are compared
    with their digest, since nobody has that key here.
    """
    with store.reading() as tx:
        instance = instance_store.get(tx)
    holders = {INSTANCE: instance.key_fingerprint, RECOVERY: fingerprint_of(instance.recovery_recipient)}
    for capsule in _capsules(store, only):
        for kind, holder in holders.items():
            with store.reading() as tx:
                envelope = capsule_store.newest_envelope(tx, capsule.id, kind)
                if capsule_store.capsules.find(tx, capsule.id) is None:
                    continue  # deleted at this very moment
            if found := _damage_of_envelope(vault, capsule, envelope, holder):
                subject = envelope.id if envelope else None
                yield Damage(kind=found, subject_id=subject, capsule_id=capsule.id, detail=kind)


def _damage_of_envelope(
    vault: Vault, capsule: Capsule, envelope: KeyEnvelope | None, holder: str
) -> DamageKind | None:
    if envelope is None:
        return DamageKind.ENVELOPE_MISSING
    if not envelope.is_whole:
        return DamageKind.ENVELOPE_DAMAGED
    if envelope.holder != holder:
        return DamageKind.ENVELOPE_FOREIGN
    if envelope.kind == RECOVERY:
        return None
    try:
        identity = capsule_identity(envelope, vault.key.identity)
    except WrongKey:
        return DamageKind.ENVELOPE_FOREIGN
    except CapsuleError:
        return DamageKind.ENVELOPE_DAMAGED
    fits = envelopes.recipient_of(identity) == capsule.recipient
    return None if fits else DamageKind.ENVELOPE_FOREIGN


def damaged_plans(store: Store) -> Iterator[Damage]:
    """Yield the plans of films that cannot be read."""
    for capsule in _capsules(store):
        with store.reading() as tx:
            montages = montage_store.of_capsule(tx, capsule.id)
        for montage in montages:
            if montage.plan is None:
                continue
            try:
                MontagePlan.from_json(montage.plan)
            except PlanRefused as error:
                if error.reason != "plan_version_unknown":
                    yield Damage(kind=DamageKind.PLAN, subject_id=montage.id, capsule_id=capsule.id)


def damaged_blobs(
    store: Store,
    vault: Vault,
    *,
    deep: bool,
    only: str | None = None,
    on_read: Callable[[int], None] = lambda _bytes: None,
) -> Iterator[Damage]:
    """
    Yield the blobs of capsules, or of `only` one, that are missing or not what was written.

    When `deep`, all their bytes are read.
    """
    with store.reading() as tx:
        for blob_id, capsule_id in integrity.unknown_references(tx):
            if only in {None, capsule_id}:
                yield Damage(kind=DamageKind.BLOB_UNKNOWN, subject_id=blob_id, capsule_id=capsule_id)
    for blob in all_blobs(store) if only is None else blobs_of(store, only):
        damage = fixity.damage_of(vault.blobs, blob, deep=deep, on_read=on_read)
        if damage and _is_still_kept(store, blob):
            yield damage_of_blob(blob, damage)


def damage_of_blob(blob: Blob, damage: BlobDamage) -> Damage:
    """Return what is wrong with the bytes of a blob as damage of the instance."""
    return Damage(kind=_OF_BLOB[damage], subject_id=blob.id, capsule_id=blob.capsule_id)


def stored_bytes(store: Store) -> int:
    """Return the bytes of all blobs together, as the rows say: so much is read by a deep look."""
    with store.reading() as tx:
        return integrity.totals(tx)[2]


def all_blobs(store: Store) -> Iterator[Blob]:
    """Yield all blobs by their ids, a few hundred for each transaction."""
    last = ""
    while True:
        with store.reading() as tx:
            some = integrity.blobs_after(tx, last)
        if not some:
            return
        yield from some
        last = some[-1].id


def blobs_of(store: Store, capsule_id: str) -> list[Blob]:
    """Return the blobs of a capsule."""
    with store.reading() as tx:
        return capsule_store.blobs.by(tx, capsule_id=capsule_id)


def _is_still_kept(store: Store, blob: Blob) -> bool:
    """Say whether a blob still has its row: somebody may have removed both since the row was read."""
    with store.reading() as tx:
        return capsule_store.blobs.find(tx, blob.id) is not None


def damaged_contents(store: Store, vault: Vault, *, only: str | None = None) -> Iterator[Damage]:
    """
    Yield the stories, media and uploads whose sealed or open words in the database cannot be read.

    Of all capsules, or of `only` one.
    """
    for capsule in _capsules(store, only):
        with store.reading() as tx:
            unsealer = vault.unsealer(tx, capsule.id)
            stories = story_store.of_capsule(tx, capsule.id)
            media = story_store.media_of_capsule(tx, capsule.id)
            uploads = upload_store.uploads.by(tx, capsule_id=capsule.id)
        if not _opens(unsealer):
            continue  # one line says so of the capsule's envelope
        readings: list[tuple[DamageKind, str, Callable[[], object]]] = [
            *((DamageKind.WORDS, one.id, partial(unsealer.words_of, one)) for one in stories),
            *((DamageKind.DETAILS, one.id, partial(unsealer.details_of, one)) for one in media),
            *((DamageKind.UPLOAD, one.id, partial(unsealer.metadata_of, one)) for one in uploads),
            *((DamageKind.UPLOAD, one.id, partial(unsealer.refusal_of, one)) for one in uploads),
        ]
        for kind, subject_id, read in readings:
            try:
                read()
            except CapsuleError:
                yield Damage(kind=kind, subject_id=subject_id, capsule_id=capsule.id)


def _opens(unsealer: Unsealer) -> bool:
    try:
        return bool(unsealer.identity)
    except CapsuleError:
        return False


def _capsules(store: Store, only: str | None = None) -> list[Capsule]:
    with store.reading() as tx:
        if only is None:
            return capsule_store.all_capsules(tx)
        found = capsule_store.capsules.find(tx, only)
        return [found] if found else []
