"""demo."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from memorycapsule.cli.door import door_of
from memorycapsule.cli.options import examples


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
        bool, typer.Option("--stay", help="Keep the daemon running at the end, to look at the pages.")
    ] = False,
) -> None:
    """
    Play a capsule's whole life in a minute or two, with real parts and the real clock.

    A daemon, three people, invitations, photos, the seal proved by refused looks, the opening, the film, the
    letters with their links: each stage is checked, and the end is success only if all of them held.
    """
    from memorycapsule.demo.life import Demonstration
    from memorycapsule.errors import UsageProblem
    from memorycapsule.words.catalogues import wording

    door = door_of(ctx)
    door.refuse_acting_as()
    if photos is not None and not photos.is_dir():
        raise UsageProblem("folder_missing", folder=photos)

    def wait_for_enter(page: str) -> None:
        door.out.note("\n" + door.out.words("cli_demo_look", page=page))
        input()

    say = door.out.note if door.out.as_json else door.out.say
    words = wording(door.out.language, "demo")
    facts = Demonstration(folder=folder, opens=opens, photos=photos, theme=theme, words=words, say=say).run(
        stay=wait_for_enter if stay else None
    )
    door.out.answer({"demo": facts})
    config = folder / "config.toml"
    program = "capsule" if shutil.which("capsule") else os.path.relpath(sys.argv[0])
    door.out.say(
        "\n"
        + door.out.words(
            "cli_demo_held",
            seconds=f"{facts['took_seconds']:.0f}",
            film=facts["film"],
            mailbox=facts["mailbox"],
            page=facts["page"],
            program=program,
            config=config,
        )
    )


def register(app: typer.Typer) -> None:
    """Add this command to `capsule`."""
    app.command("demo", epilog=examples("capsule demo", "capsule demo --photos ~/Pictures/summer"))(demo)
