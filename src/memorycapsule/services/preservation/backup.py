"""Backup: the database as it is at one moment, and then every file that it knows, into a folder elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from memorycapsule import __version__
from memorycapsule.domain.preservation import Backup, PremisOutcome, PremisType, next_name, premis_event
from memorycapsule.errors import CapsuleError, ConfigurationProblem, DiskFull, Postponed, system_problem
from memorycapsule.media.backup_folder import BackupFolder, WrongBytes, digest_of_file
from memorycapsule.media.storage.blobs import Blobs
from memorycapsule.services.preservation import history
from memorycapsule.store import events as event_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store import schema, snapshots
from memorycapsule.store.snapshots import KnownFile
from memorycapsule.store.transactions import Store

#: How many backups a folder keeps, unless somebody says otherwise.
KEPT_BACKUPS = 7

#: Is told how many bytes of how many are done.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class BackupMade:
    """What one run has put into the backup folder."""

    backup: Backup
    #: What was not there yet.
    new_files: int
    new_bytes: int
    #: All backups that can be restored now, the oldest first.
    kept: tuple[str, ...]


def make_backup(
    store: Store,
    blobs: Blobs,
    folder: Path,
    *,
    keep: int = KEPT_BACKUPS,
    now: datetime,
    progress: Progress = lambda _done, _all: None,
) -> BackupMade:
    """
    Back the instance up into `folder` while others work in it, and forget all but the newest `keep` backups there.

    The database comes first. Then come the files that it knows and that the folder lacks, each named by its bytes.
    What is deleted meanwhile is kept until the end. A run that was cut off is made anew, and its files count.
    Files that are gone or damaged here, and are not in the folder either, are named in the backup as missing. Then, and
    while the database is another or an older one or the instance is held, no backup is forgotten.

    Raises Busy while another backup runs, ConfigurationProblem for the folder of another instance, DiskFull, and
    Postponed when the machine has no memory or open files for it.
    """
    target = BackupFolder(folder)
    with store.reading() as tx:
        instance = instance_store.get(tx)
    names = target.names()
    if names and target.read(names[-1]).instance != instance.id:
        raise ConfigurationProblem("backup_of_other_instance", folder=folder)
    is_right_database = not instance.hold and history.is_continued(store, blobs)
    with blobs.holding():
        database = target.begin()
        _save(store, database, folder)
        known = snapshots.contents(database)
        new_files = new_bytes = done = 0
        missing: list[str] = []
        total = sum(one.bytes for one in known.files)
        for one in known.files:
            if not target.has(one.digest, one.bytes):
                if _copied(blobs, target, one):
                    new_files += 1
                    new_bytes += one.bytes
                else:
                    missing.append(one.blob_id)
            done += one.bytes
            progress(done, total)
        backup = Backup(
            name=next_name(names, now),
            instance=known.instance_id,
            made_at=now,
            program=__version__,
            revision=schema.newest_revision(),
            key_fingerprint=known.key_fingerprint,
            recovery_recipient=known.recovery_recipient,
            database_digest=digest_of_file(database),
            capsules=known.capsules,
            files=len(known.files),
            bytes=total,
            missing=tuple(missing),
        )
        target.publish(backup)
    with store.transaction() as tx:
        instance_store.change(tx, backed_up_at=now)
        event_store.record(
            tx,
            premis_event(
                "backup.made",
                PremisType.REPLICATION,
                PremisOutcome.FAILURE if missing else PremisOutcome.SUCCESS,
                at=now,
                subject_id=instance.id,
                files=len(known.files),
                new_files=new_files,
                missing=len(missing),
            ),
        )
    # An older backup may hold what this one could not find, or what a database that was put back does not know.
    if not missing and is_right_database:
        _forget(target, keep)
    return BackupMade(backup=backup, new_files=new_files, new_bytes=new_bytes, kept=tuple(target.names()))


def _save(store: Store, database: Path, folder: Path) -> None:
    try:
        snapshots.save(store, database)
    except DiskFull as error:
        raise DiskFull("backup_disk_full", folder=folder) from error
    except OSError as error:
        problem = system_problem(error)
        raise ConfigurationProblem("backup_folder_unusable", folder=folder, problem=problem) from error


def _copied(blobs: Blobs, target: BackupFolder, one: KnownFile) -> bool:
    """Copy a file, and say whether it is there and whole. Raises Postponed when the machine cannot open it now."""
    try:
        source = blobs.open_held(one.blob_id)
    except Postponed:
        raise
    except CapsuleError:
        return False
    with source, contextlib.suppress(WrongBytes):
        target.keep(one.digest, source)
        return True
    return False


def _forget(target: BackupFolder, keep: int) -> None:
    """Remove the oldest backups, and the files that only they needed; files of nobody stay."""
    names = target.names()
    old, kept = names[:-keep], names[-keep:]
    if not old:
        return

    def digests_of(name: str) -> set[str]:
        return {one.digest for one in snapshots.contents(target.database(name)).files}

    needed = set().union(*map(digests_of, kept))
    for name in old:
        digests = digests_of(name)
        target.forget(name)
        for digest in digests - needed:
            target.remove(digest)
