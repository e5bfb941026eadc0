"""config, db, migrate-store: looking after an instance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from memorycapsule.cli.door import door_of
from memorycapsule.cli.options import examples, group
from memorycapsule.cli.sentences import Sentence, sentence_of
from memorycapsule.errors import (
    CapsuleError,
    NotInitialised,
    UsageProblem,
)

if TYPE_CHECKING:
    from memorycapsule.config import Settings


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
    if settings.cluster and settings.blobs_url is None:
        found.append(Sentence("cli_config_files_here_only", folder=settings.data_dir / "blobs"))
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
    from memorycapsule.work.lock import working_alone

    door = door_of(ctx)
    settings = door.settings()
    if settings.database_path and not settings.database_path.exists():
        refuse_unused_data(settings)
        raise NotInitialised
    with door.store(settings, checked=False) as store:
        before = schema.current_revision(store)
        if before is None:
            raise NotInitialised
        with working_alone(settings.data_dir, store):
            is_current = schema.is_current(store, with_engine=settings.cluster)
            copy = schema.upgrade(store, with_engine=settings.cluster)
    after = schema.newest_revision()
    door.out.answer(
        {"database": {"from": before, "revision": after, "copy": str(copy) if copy is not None else None}}
    )
    if is_current:
        door.out.say(door.out.words("cli_db_same"))
    else:
        key = "cli_db_upgraded_with_copy" if copy else "cli_db_upgraded"
        door.out.say(door.out.words(key, copy=copy))


def migrate_store(
    ctx: typer.Context,
    source: Annotated[
        str, typer.Argument(metavar="FROM", help="The database that is used now.", show_default=False)
    ],
    target: Annotated[
        str, typer.Argument(metavar="TO", help="The empty one that takes its place.", show_default=False)
    ],
) -> None:
    """
    Copy all rows of one database into another one, as from SQLite to Postgres, and compare them.

    Both are written as store_url is. Stop the daemon first. Nothing in FROM changes; a run that was cut off
    is repeated, and goes on where it stopped.
    """
    from memorycapsule.store import relocation
    from memorycapsule.work.lock import FolderLock

    door = door_of(ctx)
    settings = door.settings()
    here, there = _with_store(settings, "FROM", source), _with_store(settings, "TO", target)
    with (
        FolderLock(settings.data_dir),
        door.out.progress(door.out.words("cli_relocation_progress"), 1.0) as bar,
    ):
        tables = relocation.relocate(
            here.database_url, there.database_url, progress=lambda done, rows: bar.reach(done / rows)
        )
    shown = [one.shown()["store_url"] for one in (here, there)]
    door.out.answer(
        {
            "migrated": {
                "from": shown[0],
                "to": shown[1],
                "tables": [{"name": one.name, "rows": one.rows, "digest": one.digest} for one in tables],
            }
        }
    )
    rows = sum(one.rows for one in tables)
    door.out.say(door.out.words.counted("cli_relocation_done", rows))
    door.out.say(door.out.words("cli_relocation_next", url=shown[1], file=settings.config_file))


def _with_store(settings: Settings, argument: str, url: str) -> Settings:
    """Return the settings with another database. Raises UsageProblem, which names the argument that is none."""
    from memorycapsule.config.settings import checked_store_url

    try:
        return settings.model_copy(update={"store_url": checked_store_url(url)})
    except UsageProblem as problem:
        raise UsageProblem("relocation_url_wrong", argument=argument, problem=problem) from problem


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
    app.command(
        "migrate-store",
        epilog=examples(
            "capsule migrate-store sqlite:///capsule.db postgresql+psycopg://capsule@localhost/capsule"
        ),
    )(migrate_store)
