"""Mending a medium: its author puts in the same file again, and what was damaged or missing is whole afterwards."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import BinaryIO

from memorycapsule.domain.capsules import Capsule
from memorycapsule.domain.instances import Blob, KeyEnvelope
from memorycapsule.domain.preservation import PremisOutcome, PremisType, premis_event
from memorycapsule.domain.stories import Medium, MediumDetails
from memorycapsule.errors import CapsuleError, NotFound
from memorycapsule.media.prepared import Prepared
from memorycapsule.services.preservation import fixity
from memorycapsule.services.vault import Unsealer, Vault
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import events as event_store
from memorycapsule.store import stories as story_store
from memorycapsule.store.transactions import Store, Transaction

_DERIVED = ("display", "thumbnail", "clip")
_FORMS = ("original", *_DERIVED)


def is_whole(store: Store, vault: Vault, unsealer: Unsealer, medium: Medium) -> bool:
    """Say whether everything of a medium is there as it was written; all its bytes are read."""
    with store.reading() as tx:
        kept = [capsule_store.blobs.find(tx, blob_id) for blob_id in medium.blobs.values()]
    if any(blob is None or fixity.damage_of(vault.blobs, blob, deep=True) for blob in kept):
        return False
    return _details(unsealer, medium) is not None


def with_caption(unsealer: Unsealer, medium: Medium, details: MediumDetails) -> MediumDetails:
    """Return the details of a medium's file as it came again, with what was written under it, if that can be read."""
    known = _details(unsealer, medium)
    return dataclasses.replace(details, caption=known.caption, file=known.file) if known else details


def mend(
    tx: Transaction,
    vault: Vault,
    capsule: Capsule,
    medium: Medium,
    blobs: Mapping[str, Blob],
    details: MediumDetails,
    now: datetime,
) -> Medium:
    """
    Put new blobs, by their forms, in the place of those of a medium, and return it.

    The bytes of the old ones go after the commit. What the medium is, where it stands and whose it is stays.
    """
    old = list(medium.blobs.values())
    for blob in blobs.values():
        capsule_store.blobs.add(tx, blob)
    ids = {f"{form}_blob": blobs[form].id if form in blobs else None for form in _FORMS}
    mended = dataclasses.replace(
        medium,
        details=vault.sealed_details(capsule, details),
        is_sealed=True,
        **ids,  # type: ignore[arg-type]
    )
    story_store.media.save(tx, mended)
    capsule_store.drop_blobs(tx, old)
    record_recovery(tx, "medium.mended", medium, now)
    tx.after_commit(lambda: vault.delete_blobs(old))
    return mended


def forms_of(original: BinaryIO, prepared: Prepared) -> Iterator[tuple[str, BinaryIO]]:
    """Yield the forms of a medium that are kept, with their bytes; a voice note has no pictures."""
    yield "original", original
    if prepared.display is not None:
        yield "display", io.BytesIO(prepared.display)
    if prepared.thumbnail is not None:
        yield "thumbnail", io.BytesIO(prepared.thumbnail)
    if prepared.clip is not None:
        yield "clip", prepared.clip


def record_recovery(tx: Transaction, kind: str, what: Medium | Blob | KeyEnvelope, now: datetime) -> None:
    """Record that something is whole again."""
    event = premis_event(
        kind,
        PremisType.RECOVERY,
        PremisOutcome.SUCCESS,
        at=now,
        capsule_id=what.capsule_id,
        subject_id=what.id,
    )
    event_store.record(tx, event)


def renew_derivatives(
    store: Store, vault: Vault, prepare: Callable[[BinaryIO], Prepared], medium: Medium, *, now: datetime
) -> bool:
    """Make what is shown of a medium anew from its original, and say whether that could be done."""
    with store.reading() as tx:
        capsule = capsule_store.capsules.get(tx, medium.capsule_id)
        source = vault.source_of(tx, medium.original_blob)
    kept: dict[str, Blob] = {}
    try:
        with source.open() as original:
            prepared = prepare(original)
            for form, stream in forms_of(original, prepared):
                if form != "original":
                    kept[form] = (
                        vault.keep_sealed(capsule, stream, now)
                        if medium.is_sealed
                        else vault.keep_open(capsule.id, stream, now)
                    )
        with store.transaction() as tx:
            if story_store.media.find(tx, medium.id, lock=True) != medium:
                raise NotFound  # changed or removed at this very moment
            old = [blob_id for blob_id in medium.blobs.values() if blob_id != medium.original_blob]
            for blob in kept.values():
                capsule_store.blobs.add(tx, blob)
            ids = {f"{form}_blob": kept[form].id if form in kept else None for form in _DERIVED}
            story_store.media.save(tx, dataclasses.replace(medium, **ids))  # type: ignore[arg-type]
            capsule_store.drop_blobs(tx, old)
            record_recovery(tx, "medium.mended", medium, now)
            tx.after_commit(lambda: vault.delete_blobs(old))
    except CapsuleError:
        vault.delete_uncommitted(store, [blob.id for blob in kept.values()])
        return False
    return True


def _details(unsealer: Unsealer, medium: Medium) -> MediumDetails | None:
    """Return what is known about a medium, None when that is damaged."""
    try:
        return unsealer.details_of(medium)
    except CapsuleError:
        return None
