"""backup, restore, release."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memorycapsule.cli.door import Door, door_of, is_interactive
from memorycapsule.cli.options import examples
from memorycapsule.cli.prompts import confirm
from memorycapsule.cli.recovery_key import RecoveryFileOption, typed_recovery_key
from memorycapsule.cli.sentences import sentence_of
from memorycapsule.errors import ConfigurationProblem, PartlyDone, UsageProblem, system_problem

if TYPE_CHECKING:
    from memorycapsule.app import App
    from memorycapsule.config import Settings
    from memorycapsule.domain import preservation
    from memorycapsule.services.preservation.restore import Restored

FolderArgument = Annotated[
    Path, typer.Argument(metavar="DIR", help="The folder of backups.", show_default=False)
]


def backup(
    ctx: typer.Context,
    folder: FolderArgument,
    verify: Annotated[
        bool, typer.Option("--verify", help="Restore it to a temporary place then, and read every byte.")
    ] = False,
    keep: Annotated[
        int, typer.Option("--keep", metavar="NUMBER", help="So many backups are kept.", min=1)
    ] = 7,
) -> None:
    """
    Back up everything but the key into a folder on another disk, while the daemon works.

    Only what is not there yet is copied. A run that was cut off is repeated. The instance key is backed up
    apart: whoever has both can read everything.
    """
    from memorycapsule import clock
    from memorycapsule.app import open_blobs
    from memorycapsule.schemas.backups import Backup, Contents
    from memorycapsule.services.preservation.backup import make_backup

    door = door_of(ctx)
    settings = door.settings()
    _refuse_inside(folder, settings)
    with door.store(settings) as store, _progress(door, "cli_backup_progress") as progress:
        made = make_backup(store, open_blobs(settings), folder, keep=keep, now=clock.now(), progress=progress)
    checked = _verified(door, settings, folder, made.backup) if verify else None
    lost = len(made.backup.missing)
    door.out.answer(
        {
            "backup": Backup.of(made.backup),
            "folder": str(folder),
            "new_files": made.new_files,
            "new_bytes": made.new_bytes,
            "kept": list(made.kept),
            "verified": checked and Contents.of(checked),
            "key_file": str(settings.key_file),
        }
    )
    words = door.out.words
    door.out.say(words.counted("cli_backup_made", made.backup.files, folder=folder, new=made.new_files))
    if checked and not _lacks(checked):
        door.out.say(words.counted("cli_backup_verified", checked.files))
    door.out.say(words("cli_backup_key", file=settings.key_file))
    if _is_on_one_disk(folder, settings):
        door.out.warn(words("cli_backup_same_disk"))
    if lost:
        door.out.warn(words.counted("cli_backup_lost", lost))
    elif checked and (broken := len(checked.missing) + len(checked.damaged)):
        door.out.warn(words.counted("cli_backup_damaged", broken))
    if checked and checked.damage:
        door.out.warn(words.counted("cli_backup_wrong", len(checked.damage)))
    if lost or (checked and _lacks(checked)):
        raise typer.Exit(PartlyDone.exit_code)


def restore(
    ctx: typer.Context,
    folder: FolderArgument,
    name: Annotated[
        str | None,
        typer.Option("--backup", metavar="NAME", help="Not the newest one, but this.", show_default=False),
    ] = None,
    recover: Annotated[
        bool,
        typer.Option("--recover", help="The key file is lost, too: make another one with the recovery key."),
    ] = False,
    recovery_file: RecoveryFileOption = None,
) -> None:
    """
    Fill the empty data folder of this configuration from a backup.

    The instance key must be there already, or --recover asks for the recovery key. Nothing opens and no
    letter leaves afterwards until `capsule release`. A run that was cut off is repeated.
    """
    from memorycapsule import clock
    from memorycapsule.app import open_blobs
    from memorycapsule.schemas.backups import Backup, Contents
    from memorycapsule.services.preservation import restore as restoring
    from memorycapsule.work.lock import FolderLock

    door = door_of(ctx)
    settings = door.settings()
    found = restoring.newest_backup(folder, name)
    restoring.refuse_used(settings.database_url)
    recovery_key = None
    if recover or recovery_file:
        recovery_key = restoring.recovery_key_of(typed_recovery_key(door, recovery_file), found)
    else:
        restoring.check_key(settings.key_file, found)
    _make_folder(settings.data_dir)
    place = restoring.RestorePlace(
        data_dir=settings.data_dir, blobs=open_blobs(settings), store_url=settings.database_url
    )
    with FolderLock(settings.data_dir), _progress(door, "cli_restore_progress") as progress:
        done = restoring.restore(folder, found, place, now=clock.now(), progress=progress)
        if recovery_key:
            restoring.make_key(place, settings.key_file, recovery_key, now=clock.now())
    door.out.answer({"restored": Backup.of(found), "contents": Contents.of(done), "unknown": done.unknown})
    words = door.out.words
    made = f"{found.made_at:%Y-%m-%d %H:%M} UTC"
    door.out.say(words.counted("cli_restore_done", done.files, made=made))
    if done.unknown:
        door.out.warn(words.counted("cli_restore_unknown", done.unknown))
    if _lacks(done):
        door.out.warn(words.counted("cli_restore_lacks", len(done.missing) + len(done.damaged)))
    if recovery_key:
        door.out.say(words("cli_restore_key", file=settings.key_file))
    door.out.say(words("cli_restore_held"))
    if _lacks(done):
        raise typer.Exit(PartlyDone.exit_code)


def release(
    ctx: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    no_letters: Annotated[
        bool,
        typer.Option("--no-letters", help="What waits to be sent now counts as sent by the server before."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """
    Let a restored instance open capsules and send letters again.

    It shows first what would be done at once. Where the server before has sent those letters already,
    --no-letters sends none of them a second time.
    """
    from memorycapsule.services.preservation import holds, verification
    from memorycapsule.work import ticks

    door = door_of(ctx)
    with door.open() as app:
        viewer = door.viewer(app.store)
        hold = holds.hold_of(app.store)
        if hold is None:
            door.out.answer({"released": False, "held": None})
            door.out.say(door.out.words("cli_release_not_held"))
            return
        if lacking := len(verification.present_damage(app.store, app.vault)):
            door.out.warn(door.out.words.counted("cli_release_lacks", lacking))
        if dry_run:
            _show_first_pass(door, app)
            return
        if not yes:
            if not is_interactive(door):
                raise UsageProblem("release_needs_yes")
            _show_first_pass(door, app)
            question = "cli_release_ask_without" if no_letters else "cli_release_ask"
            confirm(door.out.words, door.out.words(question), default=False)
        ticks.release(app, viewer, with_letters=not no_letters)
    door.out.answer({"released": True, "held": sentence_of(hold)})
    door.out.say(door.out.words("cli_release_done"))


def _show_first_pass(door: Door, app: App) -> None:
    """Show what is held back, and so would be done at once."""
    from memorycapsule.cli.commands.running import foretell
    from memorycapsule.work import ticks

    preview = ticks.preview(app)
    foretell(door.out, preview)
    if not (preview.opened or preview.films or preview.letters):
        door.out.show(door.out.words("cli_tick_nothing_due"))


def _verified(door: Door, settings: Settings, folder: Path, made: preservation.Backup) -> Restored:
    from memorycapsule.services.preservation import restore as restoring

    try:
        key = restoring.check_key(settings.key_file, made)
    except ConfigurationProblem as problem:
        door.out.warn(f"! {door.out.spoken(problem)}")
        key = None
    with _progress(door, "cli_verify_progress") as progress:
        return restoring.verify(folder, made, key, progress=progress)


def _lacks(found: Restored) -> bool:
    return bool(found.missing or found.damaged or found.damage)


@contextmanager
def _progress(door: Door, words: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar as soon as it is known how many bytes there are."""
    with door.out.progress(door.out.words(words), 1.0) as bar:
        yield lambda done, total: bar.reach(done / total if total else 1.0)


def _refuse_inside(folder: Path, settings: Settings) -> None:
    """Raise UsageProblem for a backup inside the data folder, or the other way round."""
    there, here = folder.resolve(), settings.data_dir.resolve()
    if there.is_relative_to(here) or here.is_relative_to(there):
        raise UsageProblem("backup_folder_inside", folder=folder, data_dir=settings.data_dir)


def _is_on_one_disk(folder: Path, settings: Settings) -> bool:
    return folder.stat().st_dev == settings.data_dir.stat().st_dev


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationProblem("data_folder_unusable", problem=system_problem(error)) from error


def register(app: typer.Typer) -> None:
    """Add these commands to `capsule`."""
    app.command(
        "backup",
        epilog=examples("capsule backup /media/usb/capsule", "capsule backup /media/usb/capsule --verify"),
    )(backup)
    app.command("restore", epilog=examples("capsule restore /media/usb/capsule"))(restore)
    app.command("release", epilog=examples("capsule release --dry-run", "capsule release --no-letters"))(
        release
    )
