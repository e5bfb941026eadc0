"""Backups, and what people do with them: restore last month's, release it, or put an old database over new files."""

from __future__ import annotations

import copy
import random
import shutil
import sqlite3
from datetime import datetime
from pathlib import Path

from memorycapsule.app import App, open_app, open_blobs
from memorycapsule.errors import NotFound, WrongKey
from memorycapsule.services import sessions
from memorycapsule.services.preservation import backup, holds, restore
from memorycapsule.services.preservation.restore import RestorePlace
from memorycapsule.work import ticks
from simulation.world import Act, World


def _newest(world: World) -> str | None:
    try:
        return restore.newest_backup(world.backup_dir).name
    except NotFound:
        return None


def _copy_database(source: Path, to: Path) -> None:
    with sqlite3.connect(source) as old, sqlite3.connect(to) as new:
        old.backup(new)
    old.close()
    new.close()


def back_up(world: World, _chance: random.Random) -> Act:
    before = _newest(world)

    def do(app: App, now: datetime) -> None:
        world.backup_dir.mkdir(exist_ok=True)
        backup.make_backup(app.store, app.vault.blobs, world.backup_dir, now=now)

    def afterwards() -> None:
        name = _newest(world)
        if name is not None and name != before:
            # What it holds is what is there now: nobody else has done anything meanwhile.
            world.backed_up[name] = copy.deepcopy(world.ledger)
            _copy_database(world.database, world.folder / "old.db")

    return Act(what="back up", do=do, afterwards=afterwards)


def restore_backup(world: World, _chance: random.Random) -> Act | None:
    """The disk is lost with all that is on it; the key file and the backup are there."""
    name = _newest(world)
    if name is None:
        return None
    world.stop()
    shutil.rmtree(world.settings.data_dir)
    world.counts["faults"] += 1
    settings = world.settings

    def do(_app: App | None, now: datetime) -> None:
        found = restore.newest_backup(world.backup_dir, name)
        try:
            restore.check_key(settings.key_file, found)
        except WrongKey as wrong:
            # The person does what the error says: the right one lies beside it.
            shutil.copy(wrong.values["right"], settings.key_file)
        settings.data_dir.mkdir(mode=0o700, exist_ok=True)
        place = RestorePlace(
            data_dir=settings.data_dir, blobs=open_blobs(settings), store_url=f"sqlite:///{world.database}"
        )
        restore.restore(world.backup_dir, found, place, now=now)

    def afterwards() -> None:
        world.begin_again(world.backed_up[name])

    return Act(
        what="restore the backup", do=do, needs_program=False, is_repeated=True, before_check=afterwards
    )


def release(world: World, _chance: random.Random) -> Act | None:
    """Whoever restored it says: go on, and send nothing that the server before has sent."""
    if holds.hold_of(world.app.store) is None:
        return None

    def do(app: App, _now: datetime) -> None:
        ticks.release(app, sessions.host_viewer(app.store), with_letters=False)

    return Act(what="release", do=do)


def old_database(world: World, _chance: random.Random) -> Act | None:
    """Somebody puts an older database over the newer files by mistake, looks, and puts the newer one back."""
    old = world.folder / "old.db"
    if not old.exists():
        return None
    world.counts["faults"] += 1

    def do(_app: App | None, _now: datetime) -> None:
        newest = world.folder / "newest.db"
        _copy_database(world.database, newest)
        tried = len(world.post.tried)
        try:
            _copy_database(old, world.database)
            with open_app(world.settings) as app:
                looking = world.with_clock(app)
                ticks.settle(looking)
                ticks.tick(looking)
                ticks.sweep(looking)
        finally:
            _copy_database(newest, world.database)
        assert len(world.post.tried) == tried, "I5 an older database sends letters again"

    return Act(what="put an older database over newer files", do=do, needs_program=False, is_killable=False)


#: How often each is done, about.
USUAL = {
    "back_up": (back_up, 5),
    "restore_backup": (restore_backup, 2),
    "release": (release, 5),
    "old_database": (old_database, 2),
}
