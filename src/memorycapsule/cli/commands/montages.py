"""montage make, list, save, cancel, retry."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, cast

import typer

from memorycapsule.cli.commands.capsules import SoundtrackOption, film_state, music
from memorycapsule.cli.commands.running import film_failure, film_sentence
from memorycapsule.cli.door import door_of
from memorycapsule.cli.options import CapsuleArgument, FilmArgument, examples, group
from memorycapsule.cli.output import Output, plain
from memorycapsule.errors import CapsuleError, UsageProblem
from memorycapsule.words.catalogues import Wording

if TYPE_CHECKING:
    from memorycapsule.schemas.montages import Montage


def make(
    ctx: typer.Context,
    capsule: CapsuleArgument,
    story: Annotated[
        list[str] | None,
        typer.Option("--story", metavar="ID", help="Take this story; several come in the order given."),
    ] = None,
    title: Annotated[
        str | None,
        typer.Option("--title", metavar="TEXT", help="What it is called, instead of the capsule's title."),
    ] = None,
    soundtrack: SoundtrackOption = None,
    theme_music: Annotated[
        str | None,
        typer.Option("--music", metavar="THEME", help="The music of this theme instead of the capsule's."),
    ] = None,
    length: Annotated[
        str | None, typer.Option("--length", metavar="short|full|SECONDS", help="full takes every picture.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the film is ready.")] = False,
) -> None:
    """
    Make a further film of an open capsule: of the stories you choose, or of all.

    The daemon makes it. Without one, --wait makes it here, or the next `capsule tick` does.
    """
    if soundtrack and theme_music:
        raise UsageProblem("one_song")
    door = door_of(ctx)
    with music(soundtrack) as song, door.instance() as there:
        film = there.make_montage(
            capsule, stories=story or [], title=title, length=length, music=theme_music, song=song
        )
        if wait:
            film = there.finish_montage(film.id)
    _tell_made(door.out, film)


def list_films(
    ctx: typer.Context,
    capsule: Annotated[
        str | None, typer.Argument(metavar="[CAPSULE]", help="Only of this one.", show_default=False)
    ] = None,
) -> None:
    """List the films of a capsule, or of all your open ones, with how far they are."""
    from memorycapsule.domain.capsules import CapsuleState

    door = door_of(ctx)
    with door.instance() as there:
        wanted = (
            [capsule]
            if capsule
            else [one.id for one in there.capsules() if one.role and one.state is CapsuleState.OPEN]
        )
        found = [film for one in wanted for film in there.montages(one)]
    door.out.answer({"montages": found})
    if not found:
        door.out.show(door.out.words("cli_films_none"))
        return
    rows = [
        (
            film.id,
            film_state(film, door.out),
            door.out.words("cli_seconds", seconds=f"{film.seconds:.0f}") if film.seconds else "",
            _what(film, door.out.words),
        )
        for film in found
    ]
    door.out.table(door.out.headings("id", "state", "length", "what"), rows)


def _what(film: Montage, words: Wording) -> str:
    if film.is_opening:
        return words("cli_film_of_opening")
    stories, length, music = len(film.stories), film.length, film.music
    wishes = [
        *([words("cli_film_title", title=film.title)] if film.title else []),
        words.counted("cli_film_stories", stories) if stories else words("cli_film_all_stories"),
        *([words("cli_seconds", seconds=length) if length[0].isdigit() else length] if length else []),
        *([words("cli_film_music", music=music)] if music else []),
    ]
    return ", ".join(wishes)


def save(
    ctx: typer.Context,
    montage: FilmArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to put it.", show_default=False)],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Save a film as a file."""
    door = door_of(ctx)
    if file.exists() and (file.is_dir() or not force):
        raise UsageProblem("already_there", file=file)
    if not file.parent.is_dir():
        raise CapsuleError("folder_missing", folder=file.parent)
    # Whole or not at all: it gets its name when all of it is there.
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name[:60]}.", delete=False) as half:
        try:
            with door.instance() as there:
                there.save_film(montage, cast("BinaryIO", half))
            half.flush()
            _readable(half.fileno())
            size = half.tell()
            Path(half.name).replace(file)
        except BaseException:
            Path(half.name).unlink(missing_ok=True)
            raise
    door.out.answer({"saved": {"montage": montage, "file": str(file), "bytes": size}})
    megabytes = f"{size / 1_000_000:.1f}"
    door.out.say(door.out.words("cli_film_saved", file=plain(str(file)), megabytes=megabytes))


def _readable(descriptor: int) -> None:
    """Give a file the mode that any other new file would have; temporary ones are for their maker only."""
    mask = os.umask(0)
    os.umask(mask)
    os.fchmod(descriptor, 0o666 & ~mask)


def cancel(ctx: typer.Context, montage: FilmArgument) -> None:
    """Take a further film back before it is ready."""
    door = door_of(ctx)
    with door.instance() as there:
        cancelled = there.cancel_montage(montage)
    door.out.answer({"montage": cancelled})
    door.out.say(door.out.words("cli_film_cancel_done"))


def retry(
    ctx: typer.Context,
    montage: FilmArgument,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the film is ready.")] = False,
) -> None:
    """Have a film that failed made again."""
    door = door_of(ctx)
    with door.instance() as there:
        film = there.retry_montage(montage)
        if wait:
            film = there.finish_montage(film.id)
    _tell_made(door.out, film)


def _tell_made(out: Output, film: Montage) -> None:
    """Answer with a film that was asked for. Raises RenderFailed for one that is over and not there."""
    if film.state.is_over and (failed := film_failure(film)):
        raise failed
    out.answer({"montage": film})
    out.say(film_sentence(film, out) if film.state.is_over else out.words("cli_film_in_queue", id=film.id))


def register(app: typer.Typer) -> None:
    """Add these commands to `capsule`."""
    family = group(
        "Films of open capsules.",
        "capsule montage list the-summer-we-kept",
        "capsule montage save 5d2e… summer.mp4",
    )
    family.command(
        "make",
        epilog=examples(
            "capsule montage make the-summer-we-kept --wait",
            "capsule montage make the-summer-we-kept --story 3f0c… --story 9b1d… --soundtrack song.mp3",
            'capsule montage make the-summer-we-kept --title "The best of it" --length short',
            "capsule montage make the-summer-we-kept --length short --music museum",
        ),
    )(make)
    family.command(
        "list", epilog=examples("capsule montage list", "capsule montage list the-summer-we-kept --json")
    )(list_films)
    family.command("save", epilog=examples("capsule montage save 5d2e… summer.mp4"))(save)
    family.command("cancel", epilog=examples("capsule montage cancel 5d2e…"))(cancel)
    family.command(
        "retry", epilog=examples("capsule montage retry 5d2e…", "capsule montage retry 5d2e… --wait")
    )(retry)
    app.add_typer(family, name="montage")
