"""Restore: an instance from a backup, into an empty place, where it waits until somebody releases it."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from memorycapsule.domain.preservation import (
    Backup,
    Damage,
    DamageKind,
    PremisOutcome,
    PremisType,
    premis_event,
)
from memorycapsule.domain.reasons import kept_reason
from memorycapsule.errors import ConfigurationProblem, KeyMissing, NotDue, NotFound, WrongKey
from memorycapsule.media.backup_folder import BackupFolder, WrongBytes, copy_checked, digest_of_file
from memorycapsule.media.cache import Cache
from memorycapsule.media.storage.blobs import Blobs
from memorycapsule.media.storage.folder import LocalBlobs
from memorycapsule.seal.envelopes import recipient_of
from memorycapsule.seal.keys import InstanceKey, key_file_beside, parse_recovery_key
from memorycapsule.services import keys
from memorycapsule.services.mailing.deliveries import NO_PAUSE
from memorycapsule.services.preservation import verification
from memorycapsule.services.preservation.backup import Progress
from memorycapsule.services.vault import Vault, translate_error
from memorycapsule.store import events as event_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store import schema, snapshots
from memorycapsule.store.snapshots import KnownFile
from memorycapsule.store.transactions import Store


@dataclass(frozen=True, kw_only=True)
class RestorePlace:
    """Where an instance is restored to: data folder, storage of files and database of the present settings."""

    data_dir: Path
    blobs: Blobs
    store_url: str


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What a restored instance has, and what it lacks."""

    backup: Backup
    files: int
    bytes: int
    #: Blobs that the backup does not have, and blobs that it has with other bytes; ids.
    missing: tuple[str, ...]
    damaged: tuple[str, ...]
    #: Blobs that were there already, and that the backup knows nothing of. They stay.
    unknown: int
    #: What else is wrong with it: rows, rules, key envelopes and plans.
    damage: tuple[Damage, ...] = ()


def newest_backup(folder: Path, name: str | None = None) -> Backup:
    """Return the newest backup in a folder, or that of this name. Raises NotFound."""
    there = BackupFolder(folder)
    names = there.names()
    if not names:
        raise NotFound("no_backup", folder=folder)
    return there.read(name or names[-1])


def refuse_used(store_url: str) -> None:
    """Raise ConfigurationProblem where there is a database already: before anybody looks for a key in vain."""
    snapshots.refuse_used(store_url)


def check_key(key_file: Path, backup: Backup) -> InstanceKey:
    """
    Return the instance key, which must be the one that a backup needs.

    Raises KeyMissing, or WrongKey, which names a file beside it that is the right one.
    """
    try:
        key = InstanceKey.load(key_file)
    except KeyMissing as error:
        if error.reason == "instance_key_closed":
            raise
        # `key recover`, which others advise, needs the instance that is not there yet.
        raise KeyMissing("restore_needs_key", file=key_file) from error
    if key.fingerprint == backup.key_fingerprint:
        return key
    if right := key_file_beside(key_file, backup.key_fingerprint):
        raise WrongKey("restore_needs_other_key", file=key_file, right=right)
    raise WrongKey("restore_with_wrong_key", file=key_file, fingerprint=backup.key_fingerprint)


def restore(
    folder: Path,
    backup: Backup,
    place: RestorePlace,
    *,
    now: datetime,
    progress: Progress = lambda _done, _all: None,
) -> Restored:
    """
    Fill an empty place with an instance from a backup. Nothing there is removed or overwritten but a damaged blob.

    The files come first and the database last, so that a run that was cut off leaves no instance, and is repeated.
    The instance opens nothing and sends nothing until it is released. Raises ConfigurationProblem where there is a
    database already or the backup's is damaged, NewerSchema, and DiskFull.
    """
    snapshots.refuse_used(place.store_url)
    source = BackupFolder(folder)
    with _working_copy(source, backup, place.data_dir / "restoring") as database:
        known = snapshots.contents(database).files
        found = _each(known, lambda one: _put_blob(source, place.blobs, one), progress)
        _prepare(database, backup, now)
        snapshots.put(database, place.store_url)
    ids = {one.blob_id for one in known}
    return found.restored(backup, unknown=sum(blob_id not in ids for blob_id in place.blobs))


def verify(
    folder: Path,
    backup: Backup,
    key: InstanceKey | None,
    *,
    progress: Progress = lambda _done, _all: None,
) -> Restored:
    """
    Restore a backup to a temporary place, read every byte of its files, and look at all that `capsule verify` looks at.

    Only its database is copied there. A damaged file is put aside, so that the next backup copies it anew. Without the
    instance key nothing sealed is opened. Raises ConfigurationProblem when the database is damaged.
    """
    source = BackupFolder(folder)
    with (
        tempfile.TemporaryDirectory(prefix="capsule-verify-") as place,
        _working_copy(source, backup, Path(place) / "restoring") as database,
    ):
        known = snapshots.contents(database).files
        found = _each(known, lambda one: _read_file(source, one), progress)
        damage = _damage(source, database, Path(place), key) if key else ()
    for one in known:
        if one.blob_id in found.damaged:
            source.put_aside(one.digest)
    return dataclasses.replace(found.restored(backup, unknown=0), damage=damage)


@dataclass(kw_only=True)
class _Found:
    """What became of the files of a backup."""

    whole: int = 0
    bytes: int = 0
    missing: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)

    def restored(self, backup: Backup, *, unknown: int) -> Restored:
        return Restored(
            backup=backup,
            files=self.whole,
            bytes=self.bytes,
            missing=tuple(self.missing),
            damaged=tuple(self.damaged),
            unknown=unknown,
        )


def _each(known: tuple[KnownFile, ...], handle: Callable[[KnownFile], None], progress: Progress) -> _Found:
    found = _Found()
    done, total = 0, sum(one.bytes for one in known)
    for one in known:
        try:
            handle(one)
        except NotFound:
            found.missing.append(one.blob_id)
        except WrongBytes:
            found.damaged.append(one.blob_id)
        else:
            found.whole += 1
            found.bytes += one.bytes
        done += one.bytes
        progress(done, total)
    return found


def _damage(source: BackupFolder, database: Path, place: Path, key: InstanceKey) -> tuple[Damage, ...]:
    """Return what is wrong with a restored instance whose blobs are links to the files of the backup."""
    known = snapshots.contents(database).files
    links = place / "blobs"
    for one in known:
        link = links / one.blob_id[:2] / one.blob_id[2:4] / one.blob_id
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(source.path(one.digest))
    vault = Vault(key=key, blobs=LocalBlobs(links), cache=Cache(place / "cache", 0), workspace=place / "work")
    store = Store(snapshots.url_of(database))
    try:
        found = verification.verify(store, vault).damage
    finally:
        store.close()
    of_blobs = {DamageKind.BLOB_MISSING, DamageKind.BLOB_CHANGED, DamageKind.BLOB_UNREADABLE}
    return tuple(one for one in found if one.kind not in of_blobs)


def make_key(place: RestorePlace, key_file: Path, recovery_key: str, *, now: datetime) -> None:
    """Make an instance key for a restored instance whose own is lost. Raises what `keys.recover` does."""
    store = Store(place.store_url)
    try:
        keys.recover(store, key_file, recovery_key, now=now)
    finally:
        store.close()


def recovery_key_of(text: str, backup: Backup) -> str:
    """Return the recovery key that somebody has typed. Raises UsageProblem, or WrongKey when it is not the backup's."""
    identity = parse_recovery_key(text)
    if recipient_of(identity) != backup.recovery_recipient:
        raise WrongKey("recovery_key_of_other_instance")
    return identity


def _read_file(source: BackupFolder, one: KnownFile) -> None:
    """Read a file. Raises NotFound and WrongBytes."""
    with source.open(one.digest) as file:
        copy_checked(file, len, one.digest)


def _put_blob(source: BackupFolder, blobs: Blobs, one: KnownFile) -> None:
    """Put a file where its blob belongs, unless the blob is there and whole. Raises NotFound and WrongBytes."""
    with suppress(NotFound, WrongBytes), blobs.open(one.blob_id) as there:
        copy_checked(there, len, one.digest)
        return
    with source.open(one.digest) as file:
        blobs.write(one.blob_id, lambda sink: copy_checked(file, sink.write, one.digest))


@contextmanager
def _working_copy(source: BackupFolder, backup: Backup, folder: Path) -> Iterator[Path]:
    """
    Copy a backup's database into the new folder `folder`, check it, and bring it to this program's schema.

    Raises ConfigurationProblem when it is damaged, and NewerSchema.
    """
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was cut off
    original, copy = source.database(backup.name), folder / "capsule.db"
    try:
        _copy_database(original, copy)
        if digest_of_file(copy) != backup.database_digest or snapshots.problems_of(copy):
            raise ConfigurationProblem("backup_database_damaged", file=original)
        store = Store(snapshots.url_of(copy))
        try:
            schema.upgrade(store)
        finally:
            store.close()
        yield copy
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy_database(original: Path, copy: Path) -> None:
    try:
        copy.parent.mkdir(mode=0o700, parents=True)
        shutil.copyfile(original, copy)
        copy.chmod(0o600)
    except OSError as error:
        raise translate_error(error) from error


def _prepare(database: Path, backup: Backup, now: datetime) -> None:
    """Have the instance wait until somebody releases it, whatever it was doing when it was backed up."""
    store = Store(snapshots.url_of(database))
    try:
        with store.transaction() as tx:
            made = f"{backup.made_at:%Y-%m-%d %H:%M} UTC"
            hold = kept_reason(NotDue("held_after_restore", made=made))
            instance_store.change(tx, hold=hold, backed_up_at=backup.made_at, **NO_PAUSE)
            event_store.record(
                tx,
                premis_event(
                    "instance.restored",
                    PremisType.RECOVERY,
                    PremisOutcome.SUCCESS,
                    at=now,
                    subject_id=backup.instance,
                    backup=backup.name,
                ),
            )
    finally:
        store.close()
