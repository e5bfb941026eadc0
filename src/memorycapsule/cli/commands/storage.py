"""blobs: where stored files lie."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memorycapsule.cli.door import door_of
from memorycapsule.cli.options import examples, group
from memorycapsule.errors import Busy, PartlyDone, UsageProblem

if TYPE_CHECKING:
    from memorycapsule.config import Settings

#: What a setting comes from that nobody has set, and that is written into the file.
_UNSET = "default"


def move(
    ctx: typer.Context,
    source: Annotated[
        str,
        typer.Argument(metavar="FROM", help="Where they lie: a folder or s3://bucket.", show_default=False),
    ],
    target: Annotated[str, typer.Argument(metavar="TO", help="Where they shall lie.", show_default=False)],
) -> None:
    """
    Copy all stored files to another place, read each copy back, and use that place from then on.

    All can be read meanwhile, and nothing in FROM is removed. Only for the last step the daemon must be
    stopped: with it this ends with 6, and is repeated. It goes on where it stopped, also when it was cut off.
    """
    from memorycapsule.app import open_blobs
    from memorycapsule.services.preservation import moving, verification
    from memorycapsule.work.lock import working_alone

    door = door_of(ctx)
    settings = door.settings()
    here, there = _url("FROM", source), _url("TO", target)
    if here == there or settings.used_blobs_url not in {here, there}:
        raise UsageProblem("blobs_move_elsewhere", used=settings.used_blobs_url)
    with door.store(settings) as store, ExitStack() as alone:
        old, new = open_blobs(settings, here), open_blobs(settings, there)
        total = verification.stored_bytes(store)
        with door.out.progress(door.out.words("cli_blobs_moving"), total, counts_bytes=True) as bar:
            is_used = settings.used_blobs_url == there
            copied = moving.copy(store, old, new, is_used=is_used, on_done=bar.advance)
        try:
            alone.enter_context(working_alone(settings.data_dir, store))
        except Busy as error:
            raise Busy("blobs_move_waits") from error
        done = moving.copy_the_rest(store, old, new)
        moving.settle(store, new)
        is_switched = is_used or _switch(settings, there)
        if is_switched:
            # A command that began before may have put something in until now.
            done = moving.copy_the_rest(store, old, new)
            moving.leave(old, new)
    door.out.answer(
        {
            "moved": {
                "from": here,
                "to": there,
                "files": done.files,
                "bytes": done.bytes,
                "new_files": copied.new_files,
                "missing": list(done.missing),
                "switched": is_switched,
            }
        }
    )
    words = door.out.words
    door.out.say(words.counted("cli_blobs_moved", done.files, place=there, source=here))
    if not is_switched:
        door.out.warn(words("cli_blobs_to_switch", origin=settings.origins["blobs_url"], place=there))
    if done.missing:
        door.out.warn(words.counted("cli_blobs_not_moved", len(done.missing)))
        raise typer.Exit(PartlyDone.exit_code)


def _switch(settings: Settings, url: str) -> bool:
    """Write the new place into config.toml; say whether that decides."""
    from memorycapsule.config import change_config

    file, origin = settings.config_file, settings.origins["blobs_url"]
    if file is None or origin not in {str(file), _UNSET}:
        return False
    change_config(file, "blobs_url", url)
    return True


def _url(argument: str, place: str) -> str:
    """Return a place as blobs_url is written. Raises UsageProblem, which names the argument."""
    from memorycapsule.config.settings import checked_blobs_url

    is_url = place.startswith(("s3://", "file://"))
    url = place.rstrip("/") if is_url else f"file://{Path(place).expanduser().absolute()}"
    try:
        return checked_blobs_url(url)
    except UsageProblem as problem:
        raise UsageProblem("blobs_place_wrong", argument=argument, problem=problem) from problem


def register(app: typer.Typer) -> None:
    """Add these commands to `capsule`."""
    blobs = group("Where stored files lie.", "capsule blobs move ~/capsule/blobs s3://family/capsule")
    blobs.command("move", epilog=examples("capsule blobs move ~/capsule/blobs s3://family/capsule"))(move)
    app.add_typer(blobs, name="blobs")
