"""config, db, key: looking after an instance."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memorycapsule.cli.door import Door, door_of, is_interactive
from memorycapsule.cli.options import examples, group
from memorycapsule.cli.sentences import Sentence, sentence_of
from memorycapsule.cli.typed import read_text
from memorycapsule.errors import (
    CapsuleError,
    ConfigurationProblem,
    KeyMissing,
    NotInitialised,
    WrongKey,
    system_problem,
)

if TYPE_CHECKING:
    from memorycapsule.config import Settings
    from memorycapsule.store.transactions import Store


def config_show(ctx: typer.Context) -> None:
    """Show every setting with its value and where it comes from; secrets are masked."""
    door = door_of(ctx)
    settings = door.settings()
    shown, origins = settings.shown(), settings.origins
    door.out.answer(
        {
            "config": {
                "file": str(settings.config_file),
                "settings": {
                    name: {"value": value or None, "origin": origins[name]} for name, value in shown.items()
                },
            }
        }
    )
    door.out.table(
        door.out.headings("setting", "value", "from"),
        [(name, value, origins[name]) for name, value in shown.items()],
    )


def config_path(ctx: typer.Context) -> None:
    """Say where the configuration is read from."""
    door = door_of(ctx)
    settings = door.settings(file_must_exist=False)
    path = settings.config_file
    exists = path is not None and path.exists()
    door.out.answer({"config": {"file": str(path), "exists": exists, "data_dir": str(settings.data_dir)}})
    door.out.show(str(path) if exists else door.out.words("cli_config_not_there", path=path))


def config_check(ctx: typer.Context) -> None:
    """Check the configuration; exit 7 and one sentence when something in it cannot be."""
    door = door_of(ctx)
    settings = door.settings()
    warnings = config_warnings(settings)
    door.out.answer(
        {"config": {"file": str(settings.config_file), "warnings": list(map(sentence_of, warnings))}}
    )
    for warning in warnings:
        door.out.warn(f"! {door.out.spoken(warning)}")
    door.out.say(door.out.words("cli_config_usable" if warnings else "cli_config_right"))


def config_warnings(settings: Settings) -> list[Sentence | CapsuleError]:
    """Return what works and yet is hardly meant so."""
    found: list[Sentence | CapsuleError] = []
    if settings.public_url_is_loopback:
        key = "cli_config_no_invitations" if settings.mail_is_real else "cli_config_links_here_only"
        found.append(Sentence(key))
    if not settings.mail_is_real:
        found.append(Sentence("cli_config_no_mail", folder=settings.mailbox_dir))
    if settings.film.face_model:
        from memorycapsule.media.picture_analysis import face_model_problem

        problem = face_model_problem(settings.film.face_model)
        found += [problem] if problem else []
    return found


def db_check(ctx: typer.Context) -> None:
    """Check that the database fits this version of the program; exit 7 when it does not."""
    from memorycapsule.store import schema

    door = door_of(ctx)
    with door.store() as store:
        revision = schema.current_revision(store)
    door.out.answer({"database": {"revision": revision, "newest": schema.newest_revision()}})
    door.out.say(door.out.words("cli_db_fits", revision=revision))


def db_upgrade(ctx: typer.Context) -> None:
    """Bring the database to this version of the program; an SQLite file is copied first."""
    from memorycapsule.app import refuse_unused_data
    from memorycapsule.store import schema
    from memorycapsule.work.lock import FolderLock

    door = door_of(ctx)
    settings = door.settings()
    if settings.database_path and not settings.database_path.exists():
        refuse_unused_data(settings)
        raise NotInitialised
    with door.store(settings, checked=False) as store:
        before = schema.current_revision(store)
        if before is None:
            raise NotInitialised
        with FolderLock(settings.data_dir):
            copy = schema.upgrade(store)
    after = schema.newest_revision()
    door.out.answer(
        {"database": {"from": before, "revision": after, "copy": str(copy) if copy is not None else None}}
    )
    if before == after:
        door.out.say(door.out.words("cli_db_same"))
    else:
        key = "cli_db_upgraded_with_copy" if copy else "cli_db_upgraded"
        door.out.say(door.out.words(key, copy=copy))


def key_status(ctx: typer.Context) -> None:
    """Say how the keys stand: whether the key file fits, and whether the recovery key opens every capsule."""
    from memorycapsule.services import keys

    door = door_of(ctx)
    settings = door.settings()
    with door.store(settings) as store:
        state, problem = _key_file_state(store, settings)
        found = keys.status(store)
    words = door.out.words
    door.out.answer(
        {
            "key": {
                "file": str(settings.key_file),
                "state": state,
                "fingerprint": found.fingerprint,
                "recovery_recipient": found.recovery_recipient,
                "capsules": found.capsules,
                "without_instance": found.without_instance,
                "without_recovery": found.without_recovery,
            }
        }
    )
    state = door.out.spoken(problem) if problem else words("cli_key_fits")
    door.out.show(words("cli_key_file", file=settings.key_file, state=state))
    fingerprint = "cli_key_fingerprint_other" if problem else "cli_key_fingerprint"
    door.out.show(words(fingerprint, fingerprint=found.fingerprint))
    door.out.show(words("cli_key_recipient", recipient=found.recovery_recipient))
    opened = found.capsules - found.without_recovery
    door.out.show(words("cli_key_opens", opened=opened, capsules=found.capsules))
    if problem:
        raise typer.Exit(problem.exit_code)


def _key_file_state(store: Store, settings: Settings) -> tuple[str, CapsuleError | None]:
    from memorycapsule.services import keys

    try:
        keys.open_key(store, settings.key_file)
    except KeyMissing as error:
        return "missing", error
    except WrongKey as error:
        return "wrong", error
    return "fits", None


def key_recover(
    ctx: typer.Context,
    recovery_file: Annotated[
        Path | None,
        typer.Option("--recovery-file", metavar="FILE", help="File that holds the recovery key; - is stdin."),
    ] = None,
) -> None:
    """
    Make a new instance key with the recovery key, when the old one is lost.

    The recovery key is asked for on the terminal and not shown; otherwise it is read from stdin.
    """
    from memorycapsule.seal.keys import parse_recovery_key
    from memorycapsule.services import keys
    from memorycapsule.work.lock import FolderLock

    door = door_of(ctx)
    settings = door.settings()
    with door.store(settings) as store, FolderLock(settings.data_dir):
        identity = parse_recovery_key(_recovery_key(door, recovery_file))
        key = keys.recover(store, settings.key_file, identity, now=_now())
        _answer_replaced(door, settings, store, key.fingerprint)
    door.out.say(door.out.words("cli_key_recovered", file=settings.key_file))


def key_rotate(ctx: typer.Context) -> None:
    """Replace the instance key by a new one; the old file is kept beside it, links that are out stay good."""
    from memorycapsule.services import keys
    from memorycapsule.work.lock import FolderLock

    door = door_of(ctx)
    settings = door.settings()
    with door.store(settings) as store, FolderLock(settings.data_dir):
        key = keys.rotate(store, settings.key_file, now=_now())
        _answer_replaced(door, settings, store, key.fingerprint)
    door.out.say(door.out.words("cli_key_rotated", file=settings.key_file))


def _answer_replaced(door: Door, settings: Settings, store: Store, fingerprint: str) -> None:
    from memorycapsule.services import keys

    door.out.answer(
        {
            "key": {
                "file": str(settings.key_file),
                "state": "fits",
                "fingerprint": fingerprint,
                "capsules": keys.status(store).capsules,
            }
        }
    )


def _now() -> datetime:
    from memorycapsule import clock

    return clock.now()


def _recovery_key(door: Door, file: Path | None) -> str:
    if file is not None and str(file) != "-":
        try:
            return file.read_text(encoding="utf-8")
        except OSError as error:
            raise ConfigurationProblem(
                "recovery_key_unreadable", file=file, problem=system_problem(error)
            ) from error
        except UnicodeDecodeError as error:
            raise ConfigurationProblem("recovery_key_no_text", file=file) from error
    if file is None and is_interactive(door):
        return str(typer.prompt(door.out.words("cli_ask_recovery_key"), hide_input=True, err=True))
    return read_text()


def register(app: typer.Typer) -> None:
    """Add these commands to `capsule`."""
    config = group("The configuration.", "capsule config show")
    config.command("show", epilog=examples("capsule config show"))(config_show)
    config.command("path", epilog=examples("capsule config path"))(config_path)
    config.command("check", epilog=examples("capsule config check"))(config_check)
    app.add_typer(config, name="config")
    database = group("The database.", "capsule db check")
    database.command("check", epilog=examples("capsule db check"))(db_check)
    database.command("upgrade", epilog=examples("capsule db upgrade"))(db_upgrade)
    app.add_typer(database, name="db")
    keys = group("The keys that open what is sealed.", "capsule key status")
    keys.command("status", epilog=examples("capsule key status"))(key_status)
    keys.command(
        "recover",
        epilog=examples("capsule key recover", "capsule key recover --recovery-file /media/usb/recovery.key"),
    )(key_recover)
    keys.command("rotate", epilog=examples("capsule key rotate"))(key_rotate)
    app.add_typer(keys, name="key")
