"""The command line: parse, call one service, show what came of it."""

from __future__ import annotations

import functools
import gc
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, cast

import typer
from typer.core import TyperGroup

from memorycapsule import __version__
from memorycapsule.cli import boundary, help_pages, options
from memorycapsule.cli.commands import (
    access,
    backups,
    capsules,
    dates,
    demo,
    doctor,
    init,
    invitations,
    keys,
    mail,
    maintenance,
    members,
    montages,
    notify,
    preservation,
    proxy,
    render,
    running,
    service,
    status,
    storage,
    stories,
    update,
)
from memorycapsule.cli.door import Door, language_named
from memorycapsule.cli.manual import manual_of
from memorycapsule.cli.standard import prepare_process
from memorycapsule.words.languages import DEFAULT, language_of_environment, languages

#: Where each shell looks for the completion of `capsule`, below share/.
_COMPLETIONS = {
    "bash": "bash-completion/completions/capsule",
    "zsh": "zsh/site-functions/_capsule",
    "fish": "fish/vendor_completions.d/capsule.fish",
}

app = options.Commands(
    name="capsule",
    help="A time capsule that a family really opens.",
    epilog=options.examples(
        "capsule init",
        'capsule create "The summer we kept" --opens "in 10 years"',
        "capsule invite the-summer-we-kept younghee@example.org",
        "capsule daemon",
    ),
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _say_version(ctx: typer.Context, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        door: Door = ctx.obj
        door.out.answer({"version": __version__})
        door.out.show(f"capsule {__version__}")
        raise typer.Exit


@app.callback()
def _everywhere(
    ctx: typer.Context,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Read the configuration from there.")
    ] = None,
    acting_as: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="EMAIL", help="Add a story in the name of this member or guest (the admin only)."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer with one JSON object on stdout.")] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say only what was asked for, and errors.")
    ] = False,
    no_progress: Annotated[bool, typer.Option("--no-progress", help="Show no progress.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tell more about errors.")] = False,
    lang: Annotated[
        str | None,
        typer.Option(
            "--lang", metavar="LANGUAGE", help="Speak this language, like ko; otherwise that of LANG."
        ),
    ] = None,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", "-V", help="Say which version this is.", callback=_say_version, is_eager=True
        ),
    ] = False,
) -> None:
    door: Door = ctx.obj
    door.config_file = config
    door.acting_as = acting_as
    door.json_at_front = as_json
    door.language_at_front = language_named(lang) if lang is not None else language_of_environment(os.environ)
    door.out.is_quiet = quiet
    door.out.shows_progress = not no_progress
    door.out.is_verbose = verbose


init.register(app)
demo.register(app)
doctor.register(app)
status.register(app)
maintenance.register(app)
preservation.register(app)
storage.register(app)
keys.register(app)
backups.register(app)
capsules.register(app)
dates.register(app)
invitations.register(app)
members.register(app)
stories.register(app)
running.register(app)
service.register(app)
montages.register(app)
render.register(app)
mail.register(app)
proxy.register(app)
notify.register(app)
update.register(app)
access.register(app)


def main(words: Sequence[str] | None = None) -> int:
    """Run `capsule` with these words (those of the process by default) and return the exit code."""
    if words is not None:
        return boundary.run(_command(), words)
    prepare_process()
    # Loading the libraries makes many objects and hardly any garbage; looking for some after every 700 of them,
    # and once more at the end, would cost a quarter of the time of a short command.
    gc.set_threshold(50_000, 20, 50)
    code = boundary.run(_command(), sys.argv[1:])
    gc.freeze()
    return code


def help_catalogue() -> str:
    """Return what `words/en/help.po` holds."""
    return help_pages.catalogue_of(cast("TyperGroup", typer.main.get_command(app)))


def shared_files() -> dict[str, str]:
    """Return what `deploy/share` holds, by path: the manual page in each language, and completion for each shell."""
    root = cast("TyperGroup", typer.main.get_command(app))
    manuals = {
        f"man/{'' if one == DEFAULT else f'{one}/'}man1/capsule.1": manual_of(
            help_pages.all_pages(root, one), one
        )
        for one in languages()
    }
    return manuals | {path: options.completion_for(shell) for shell, path in _COMPLETIONS.items()}


@functools.cache
def _command() -> Callable[..., object]:
    # Commands keep nothing of one run for the next, and making all of them takes as long as most runs.
    return options.spread(cast("TyperGroup", typer.main.get_command(app))).main
