"""verify, repair: whether everything is still there as it came, and bringing back what is not."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memorycapsule.cli.door import Door, door_of
from memorycapsule.cli.options import examples
from memorycapsule.cli.output import plain
from memorycapsule.errors import CapsuleError, ConfigurationProblem

if TYPE_CHECKING:
    from memorycapsule.domain.preservation import Damage

_MEGABYTE = 1_000_000


def verify(
    ctx: typer.Context,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read all stored bytes, and put aside what has changed.")
    ] = False,
) -> None:
    """
    Check that everything is there: database, keys, plans of films, and every stored file.

    Exit 1 when something is damaged. Stored files are counted and measured; --deep reads them all.
    """
    from memorycapsule.domain.preservation import Damage, DamageKind

    door = door_of(ctx)
    try:
        with door.open() as app:
            from memorycapsule.services.preservation import verification

            total = verification.stored_bytes(app.store) if deep else 0
            with door.out.progress(door.out.words("cli_progress_reading"), total, counts_bytes=True) as bar:
                found = verification.check(
                    app.store, app.vault, deep=deep, on_read=bar.advance, now=app.now()
                )
    except ConfigurationProblem as error:
        if error.reason != "database_damaged":
            raise
        damage: tuple[Damage, ...] = (Damage(kind=DamageKind.DATABASE, detail=error.reason),)
        door.out.answer({"verify": {"whole": False, "deep": deep, "damage": _as_json(damage)}})
        _show(door, damage)
        raise typer.Exit(CapsuleError.exit_code) from error
    door.out.answer(
        {
            "verify": {
                "whole": not found.damage,
                "deep": found.is_deep,
                "capsules": found.capsules,
                "files": found.blobs,
                "bytes": found.bytes,
                "damage": _as_json(found.damage),
            }
        }
    )
    _show(door, found.damage)
    if found.damage:
        door.out.say(door.out.words.counted("cli_verify_damaged", len(found.damage)))
        raise typer.Exit(CapsuleError.exit_code)
    key = "cli_verify_whole_deep" if found.is_deep else "cli_verify_whole"
    size = f"{found.bytes / _MEGABYTE:,.1f}"
    door.out.say(door.out.words.counted(key, found.blobs, megabytes=size))


def repair(
    ctx: typer.Context,
    source: Annotated[
        Path,
        typer.Option(
            "--from",
            metavar="DIR",
            help="Folder with copies: a backup or an old data folder.",
        ),
    ],
) -> None:
    """
    Bring back damaged and missing files and keys from copies in a folder.

    `capsule verify --deep` finds the damage first. What the files in the folder are called does not matter; nothing
    there is changed. Exit 1 when something is damaged still.
    """
    from memorycapsule.services.preservation.repair import repair as repair_from

    door = door_of(ctx)
    with door.open(may_lack_files=True) as app:
        done = repair_from(app.store, app.vault, source, prepare=app.prepare, now=app.now())
    door.out.answer(
        {
            "repair": {
                "whole": not done.left,
                "mended": _as_json(done.mended),
                "left": _as_json(done.left),
            }
        }
    )
    if done.mended:
        door.out.say(door.out.words.counted("cli_repair_mended", len(done.mended)))
    elif not done.left:
        door.out.say(door.out.words("cli_repair_nothing"))
    _show(door, done.left)
    if done.left:
        door.out.say(door.out.words.counted("cli_verify_damaged", len(done.left)))
        raise typer.Exit(CapsuleError.exit_code)


def _as_json(damage: Iterable[Damage]) -> list[dict[str, Any]]:
    return [
        {
            "kind": str(one.kind),
            "id": one.subject_id,
            "capsule": one.capsule_id,
            "detail": one.detail or None,
        }
        for one in damage
    ]


def _show(door: Door, damage: Iterable[Damage]) -> None:
    for one in damage:
        about = ", ".join(plain(part) for part in (one.detail, one.subject_id) if part)
        what = door.out.named("damage", one.kind)
        door.out.show(f"✗ {what}: {about}" if about else f"✗ {what}")
        if one.capsule_id and one.capsule_id != one.subject_id:
            door.out.show(f"    {door.out.words('cli_damage_in_capsule', capsule=one.capsule_id)}")


def register(app: typer.Typer) -> None:
    """Add these commands to `capsule`."""
    app.command("verify", epilog=examples("capsule verify", "capsule verify --deep"))(verify)
    app.command("repair", epilog=examples("capsule repair --from /media/usb/backup"))(repair)
