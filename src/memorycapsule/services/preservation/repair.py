"""
Repair: what was found damaged is brought back from a second folder.

The folder may be a backup, an old data folder or a folder of photos. Bytes decide, not names: a file is taken when its
SHA-256 is the one that was noted when the blob was written, and an envelope when it is the one that was.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import stat
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from memorycapsule.domain.instances import Blob, BlobDamage
from memorycapsule.domain.preservation import Damage, DamageKind
from memorycapsule.errors import CapsuleError
from memorycapsule.media.backup_folder import WrongBytes, copy_checked
from memorycapsule.media.prepared import Prepared
from memorycapsule.services import keys
from memorycapsule.services.preservation import fixity, mending, verification
from memorycapsule.services.vault import Vault, digest_of
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import fixity as fixity_store
from memorycapsule.store import integrity
from memorycapsule.store import stories as story_store
from memorycapsule.store.transactions import Store


@dataclass(frozen=True, kw_only=True)
class Repaired:
    """What a repair has done."""

    #: What was damaged and is whole.
    mended: tuple[Damage, ...]
    #: What is damaged still.
    left: tuple[Damage, ...]


def repair(
    store: Store,
    vault: Vault,
    folder: Path,
    *,
    prepare: Callable[[BinaryIO], Prepared],
    on_read: Callable[[int], None] = lambda _bytes: None,
    now: datetime,
) -> Repaired:
    """
    Bring back, from whatever lies below `folder`, the blobs and key envelopes that are missing or damaged.

    What is shown of a photo or clip, and no copy has, is made anew from its original (`prepare` is
    `media.Decoders.prepare`). Only damage that shows without reading all bytes, or that was noted before, is looked
    for. Nothing below `folder` is changed; links are not followed, and what cannot be read is passed over. `on_read` is
    called with the bytes of each file that was read there. Raises CapsuleError when there is no such folder.
    """
    before = verification.present_damage(store, vault)
    _mend_envelopes(store, vault, folder, now)
    _mend_rows(store, vault, now)
    _mend_blobs(store, vault, folder, on_read, now)
    after = verification.present_damage(store, vault)
    if _renew_derivatives(store, vault, prepare, after, now):
        after = verification.present_damage(store, vault)
    return Repaired(mended=tuple(one for one in before if one not in after), left=after)


def _mend_envelopes(store: Store, vault: Vault, folder: Path, now: datetime) -> None:
    damaged = verification.damaged_envelopes(store, vault)
    wanted = {one.subject_id for one in damaged if one.kind is DamageKind.ENVELOPE_DAMAGED}
    for database in _databases(folder) if wanted else ():
        for envelope_id, content in integrity.envelopes_in(database):
            if envelope_id not in wanted:
                continue
            with store.transaction() as tx:
                envelope = capsule_store.envelopes.find(tx, envelope_id, lock=True)
                if envelope is None or hashlib.sha256(content).hexdigest() != envelope.digest:
                    continue
                capsule_store.envelopes.save(tx, dataclasses.replace(envelope, envelope=content))
                mending.record_recovery(tx, "envelope.repaired", envelope, now)
            wanted.discard(envelope_id)
    # Those of the recovery key need no copy where the instance key opens the capsule.
    keys.mend_recovery(store, vault.key, now=now)


def _mend_rows(store: Store, vault: Vault, now: datetime) -> None:
    """Correct the noted digests of bytes that prove themselves: their rows have changed, not they."""
    with store.reading() as tx:
        noted = fixity_store.damaged(tx)
    for blob in noted:
        if fixity.damage_of(vault.blobs, blob, deep=True) is BlobDamage.CHANGED and fixity.proves_itself(
            store, vault, blob
        ):
            found = vault.blobs.read_through(blob.id, lambda _bytes: None)
            whole = dataclasses.replace(
                blob, stored_digest=found.digest, bytes=found.bytes, checked_at=now, damage=None
            )
            with store.transaction() as tx:
                capsule_store.blobs.save(tx, whole)
                mending.record_recovery(tx, "blob.row_repaired", blob, now)


def _mend_blobs(
    store: Store, vault: Vault, folder: Path, on_read: Callable[[int], None], now: datetime
) -> None:
    wanted: dict[tuple[str, int], list[Blob]] = defaultdict(list)
    for blob in verification.all_blobs(store):
        if blob.damage is None and fixity.damage_of(vault.blobs, blob, deep=False) is None:
            continue
        if fixity.damage_of(vault.blobs, blob, deep=True) is None:
            _note_whole(store, vault, blob, now)  # somebody has put it back
        else:
            wanted[blob.stored_digest, blob.bytes].append(blob)
    sizes = {size for _digest, size in wanted}
    for file in _files(folder):
        try:
            size = file.stat().st_size
            if size not in sizes:
                continue
            with file.open("rb") as source:
                digest, _size = digest_of(source)
        except OSError:
            continue  # on a disk that dies, or gone since
        on_read(size)
        for blob in wanted.pop((digest, size), []):
            if _copy(vault, blob, file):
                _note_whole(store, vault, blob, now)
            else:
                wanted[digest, size].append(blob)


def _renew_derivatives(
    store: Store,
    vault: Vault,
    prepare: Callable[[BinaryIO], Prepared],
    damage: Iterable[Damage],
    now: datetime,
) -> bool:
    """Make anew what is shown of media whose originals are whole, and say whether anything was tried."""
    damaged = {one.subject_id for one in damage}
    with store.reading() as tx:
        media = story_store.media_with_blobs(tx, {blob_id for blob_id in damaged if blob_id})
    renewable = [medium for medium in media if medium.original_blob not in damaged]
    for medium in renewable:
        mending.renew_derivatives(store, vault, prepare, medium, now=now)
    return bool(renewable)


def _copy(vault: Vault, blob: Blob, file: Path) -> bool:
    """Write a blob anew from a file; say whether the file still held its bytes."""
    try:
        with file.open("rb") as source:
            vault.blobs.write(blob.id, lambda sink: copy_checked(source, sink.write, blob.stored_digest))
    except (WrongBytes, OSError):
        return False
    return True


def _note_whole(store: Store, vault: Vault, blob: Blob, now: datetime) -> None:
    with store.transaction() as tx:
        if not fixity_store.note(tx, blob, None, now):
            return
        mending.record_recovery(tx, "blob.repaired", blob, now)
    vault.blobs.delete_from_quarantine(blob.id)


def _files(folder: Path) -> Iterator[Path]:
    """
    Yield the regular files below a folder; links are not followed, and what cannot be read is passed over.

    Raises CapsuleError where there is no such folder.
    """
    if not folder.is_dir():
        raise CapsuleError("repair_folder_missing", folder=folder)
    for place, _folders, names in os.walk(folder):
        for name in sorted(names):
            path = Path(place, name)
            if _is_readable(path):
                yield path


def _is_readable(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode) and os.access(path, os.R_OK)
    except OSError:
        return False  # on a disk that dies, or gone since its name was read


def _databases(folder: Path) -> Iterator[Path]:
    return (file for file in _files(folder) if integrity.is_database(file))
