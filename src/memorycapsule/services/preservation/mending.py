"""Mending a medium: its author puts in the same file again, and what was damaged or missing is whole afterwards."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime

from memorycapsule.domain.capsules import Capsule
from memorycapsule.domain.instances import Blob
from memorycapsule.domain.preservation import PremisOutcome, PremisType, premis_event
from memorycapsule.domain.stories import Medium, MediumDetails
from memorycapsule.errors import CapsuleError
from memorycapsule.services.preservation import fixity
from memorycapsule.services.vault import Unsealer, Vault
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import events as event_store
from memorycapsule.store import stories as story_store
from memorycapsule.store.transactions import Store, Transaction

_FORMS = ("original", "display", "thumbnail", "clip")


def is_whole(store: Store, vault: Vault, unsealer: Unsealer, medium: Medium) -> bool:
    """Say whether everything of a medium is there as it was written; all its bytes are read."""
    with store.reading() as tx:
        kept = [capsule_store.blobs.find(tx, blob_id) for blob_id in _blob_ids(medium).values()]
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
    old = list(_blob_ids(medium).values())
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
    event_store.record(
        tx,
        premis_event(
            "medium.mended",
            PremisType.RECOVERY,
            PremisOutcome.SUCCESS,
            at=now,
            capsule_id=medium.capsule_id,
            subject_id=medium.id,
        ),
    )
    tx.after_commit(lambda: vault.delete_blobs(old))
    return mended


def _blob_ids(medium: Medium) -> dict[str, str]:
    return {form: blob_id for form in _FORMS if (blob_id := getattr(medium, f"{form}_blob"))}


def _details(unsealer: Unsealer, medium: Medium) -> MediumDetails | None:
    """Return what is known about a medium, None when that is damaged."""
    try:
        return unsealer.details_of(medium)
    except CapsuleError:
        return None
