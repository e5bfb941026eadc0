"""demo."""

from __future__ import annotations

import os
import shutil
import sys
import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from memorycapsule.cli.door import door_of, is_interactive
from memorycapsule.cli.layout import wrapped
from memorycapsule.cli.options import examples

_COLUMNS = 80


def demo(
    ctx: typer.Context,
    folder: Annotated[
        Path, typer.Option("--folder", metavar="FOLDER", help="Where it all happens; emptied first.")
    ] = Path("demo"),
    opens: Annotated[
        str | None, typer.Option("--opens", metavar="DATE", help="When the capsule opens, like +20s.")
    ] = None,
    photos: Annotated[
        Path | None, typer.Option("--photos", metavar="FOLDER", help="Your own photos instead of drawn ones.")
    ] = None,
    theme: Annotated[
        str, typer.Option("--theme", help="photocard, museum, window or classic.")
    ] = "photocard",
    stay: Annotated[
        bool | None,
        typer.Option(
            "--stay/--no-stay",
            help="Keep the daemon running at the end, to look at the pages. On a terminal it stays by itself.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """
    Play a capsule's whole life in a minute or two, with real parts and the real clock.

    A daemon, three people, invitations, photos, the seal proved by refused looks, the opening, the film, the
    letters with their links: each stage is checked, and the end is success only if all of them held. A first
    picture is there within seconds. The date follows from how fast the machine is, and moves later while it is busy.
    """
    from memorycapsule.demo.life import Demonstration
    from memorycapsule.errors import UsageProblem
    from memorycapsule.words.catalogues import wording

    door = door_of(ctx)
    door.refuse_acting_as()
    if photos is not None and not photos.is_dir():
        raise UsageProblem("folder_missing", folder=photos)

    out = door.out
    stays = is_interactive(door) if stay is None else stay

    def show(address: str) -> None:
        # A browser for a terminal would take the terminal away.
        if stays and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            webbrowser.open(address)

    def say_that_all_held(facts: dict[str, Any]) -> None:
        values = {name: facts[name] for name in ("film", "mailbox", "page")}
        out.say("\n" + out.words("cli_demo_held", seconds=f"{facts['took_seconds']:.0f}", **values))

    def wait_for_enter(facts: dict[str, Any]) -> None:
        say_that_all_held(facts)
        out.note("\n" + out.words("cli_demo_look"))
        show(facts["page"])
        with suppress(EOFError, KeyboardInterrupt):
            input()

    def say(line: str) -> None:
        seconds, unit, step = line.partition(" s  ")
        for one in wrapped(step, _COLUMNS, first=seconds + unit):
            (out.note if out.as_json else out.say)(one)

    facts = Demonstration(
        folder=folder,
        opens=opens,
        photos=photos,
        theme=theme,
        words=wording(out.language, "demo"),
        say=say,
        show=show,
    ).run(stay=wait_for_enter if stays else None)
    out.answer({"demo": facts})
    if not stays:
        say_that_all_held(facts)
    config = folder / "config.toml"
    program = "capsule" if shutil.which("capsule") else os.path.relpath(sys.argv[0])
    out.say(out.words("cli_demo_again", program=program, config=config))


def register(app: typer.Typer) -> None:
    """Add this command to `capsule`."""
    app.command("demo", epilog=examples("capsule demo", "capsule demo --photos ~/Pictures/summer"))(demo)
