"""create, list, show, edit, delete."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from memorycapsule.cli.door import door_of, is_interactive
from memorycapsule.cli.options import CapsuleArgument, examples
from memorycapsule.cli.output import plain
from memorycapsule.errors import MediaRefused, UsageProblem

if TYPE_CHECKING:
    from memorycapsule.app import App
    from memorycapsule.schemas.capsule_lines import DatedCapsule
    from memorycapsule.schemas.capsules import Capsule
    from memorycapsule.schemas.stories import Story

ThemeOption = Annotated[str | None, typer.Option("--theme", help="photocard, museum, window or classic.")]
SoundtrackOption = Annotated[
    Path | None,
    typer.Option("--soundtrack", metavar="FILE", help="Music of the film: mp3, m4a, ogg, flac or wav."),
]
MusicOption = Annotated[
    str | None,
    typer.Option(
        "--music", metavar="THEME", help="The film's music: that of any theme, where you give no file."
    ),
]
CoverOption = Annotated[
    Path | None, typer.Option("--cover", metavar="FILE", help="A picture that shows before the date.")
]
FilmPhotosOption = Annotated[
    int | None, typer.Option("--film-photos", metavar="COUNT", help="Pictures in the film at most (60).")
]
MessageOption = Annotated[
    str | None,
    typer.Option("--message", metavar="TEXT", help="What invitations say; visible before the date."),
]


def create(
    ctx: typer.Context,
    title: Annotated[
        str, typer.Argument(metavar="TITLE", help="What everybody calls it.", show_default=False)
    ],
    opens: Annotated[
        str, typer.Option("--opens", metavar="DATE", help="When it opens, for good.", show_default=False)
    ],
    zone: Annotated[
        str | None, typer.Option("--zone", metavar="ZONE", help="Time zone of the date, like Asia/Seoul.")
    ] = None,
    theme: ThemeOption = None,
    soundtrack: SoundtrackOption = None,
    music_theme: MusicOption = None,
    cover: CoverOption = None,
    film_photos: FilmPhotosOption = None,
    message: MessageOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether the date is right.")] = False,
) -> None:
    """
    Make a capsule that nobody opens before its date.

    Title, message, cover and the names of its members can be seen before the date; everything else is sealed.
    DATE is like "2036-05-08 09:00", "in 10 years", "+10y" or "10년 후"; for trials "+20s".
    """
    from memorycapsule.domain.opening_dates import parse_opening_date
    from memorycapsule.schemas.capsules import Capsule
    from memorycapsule.services import capsules, reading

    if soundtrack and music_theme:
        raise UsageProblem("A film has one song: give either --soundtrack or --music.")
    door = door_of(ctx)
    settings = door.settings()
    with door.open(settings) as app, music(soundtrack) as song:
        viewer = door.viewer(app.store)
        date = parse_opening_date(opens, zone or settings.zone, app.now())
        if is_interactive(door) and not yes:
            typer.confirm(
                f"It opens on {when_in_words(date.local, date.zone, date.at, app.now())}. Is that right?",
                default=True, abort=True, err=True,
            )  # fmt: skip
        made = capsules.create(
            app.store,
            app.vault,
            viewer,
            title=title,
            date=date,
            theme=theme or "photocard",
            film_photos=film_photos or settings.film.film_photos,
            message=message,
            soundtrack=song,
            music=music_theme,
            cover=_cover(app, cover),
            now=app.now(),
        )
        view = reading.capsule(app.store, app.vault, viewer, made.id)
        door.out.answer({"capsule": Capsule.of_view(view)})
        door.out.say(
            f"“{plain(made.title)}” is sealed and called {plain(made.slug)}.\n"
            f"It opens on {when_in_words(made.opens_local, made.zone, made.opens_at, app.now())}."
        )


def list_capsules(ctx: typer.Context) -> None:
    """
    List your capsules, the next to open first.

    The admin also sees that there are others, and how much room they take; not what they are called.
    """
    from memorycapsule import clock
    from memorycapsule.domain.capsules import CapsuleState
    from memorycapsule.words.dates import countdown_in_words, day_in_words

    door = door_of(ctx)
    with door.instance() as there:
        lines = there.capsules()
    now = clock.now()
    door.out.answer({"capsules": lines})
    if not lines:
        door.out.show('There is no capsule yet. `capsule create "TITLE" --opens DATE` makes one.')
        return
    rows = []
    for line in lines:
        if line.state is CapsuleState.OPEN:
            left = "open"
        elif line.opens_at <= now:
            left = "due"
        else:
            left = f"in {countdown_in_words(now, line.opens_at, 'en')}".replace("in soon", "soon")
        rows.append(
            (
                line.slug or line.id,
                line.title or "(not yours)",
                left,
                day_in_words(datetime.fromisoformat(line.opens_local), "en"),
                "" if line.members is None else str(line.members),
                line.role or "",
            )
        )
    door.out.table(("CAPSULE", "TITLE", "OPENS", "DATE", "PEOPLE", "YOU ARE"), rows)


def show(ctx: typer.Context, capsule: CapsuleArgument) -> None:
    """
    Show a capsule and what is in it.

    Until the day: who has added how much, never what; your own stories; to its owner, who has been invited.
    Afterwards everything.
    """
    from memorycapsule import clock

    door = door_of(ctx)
    with door.instance() as there:
        found = there.capsule(capsule)
    door.out.answer({"capsule": found})
    door.out.show("\n".join(_portrait(found, clock.now())))


def edit(
    ctx: typer.Context,
    capsule: CapsuleArgument,
    title: Annotated[str | None, typer.Option("--title", metavar="TITLE", help="Another title.")] = None,
    message: MessageOption = None,
    theme: ThemeOption = None,
    soundtrack: SoundtrackOption = None,
    music_theme: MusicOption = None,
    cover: CoverOption = None,
    film_photos: FilmPhotosOption = None,
) -> None:
    """
    Change what you said about a capsule.

    Only its owner can, and only until the date.
    """
    from memorycapsule.schemas.capsules import Capsule
    from memorycapsule.services import capsules, reading

    if all(given is None for given in (title, message, theme, soundtrack, music_theme, cover, film_photos)):
        raise UsageProblem("Say what is to change, for example --title or --message.")
    if soundtrack and music_theme:
        raise UsageProblem("A film has one song: give either --soundtrack or --music.")
    door = door_of(ctx)
    with door.open() as app, music(soundtrack) as song:
        viewer = door.viewer(app.store)
        edited = capsules.edit(
            app.store,
            app.vault,
            viewer,
            capsule,
            title=title,
            message=message,
            theme=theme,
            film_photos=film_photos,
            soundtrack=song,
            music=music_theme,
            cover=_cover(app, cover),
            now=app.now(),
        )
        view = reading.capsule(app.store, app.vault, viewer, edited.id)
    door.out.answer({"capsule": Capsule.of_view(view)})
    door.out.say(f"“{plain(edited.title)}” is changed.")


def delete(
    ctx: typer.Context,
    capsule: CapsuleArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """
    Delete a capsule for good.

    Its owner can, with all that is in it, until somebody else has added a story.
    """
    from memorycapsule.services import capsules, reading

    door = door_of(ctx)
    with door.open() as app:
        viewer = door.viewer(app.store)
        view = reading.capsule(app.store, app.vault, viewer, capsule)
        if not yes and not is_interactive(door):
            raise UsageProblem("Deleting is for good; add --yes to say that you mean it.")
        if not yes:
            question = (
                f"Delete “{plain(view.capsule.title)}” and the {len(view.stories)} stories in it, for good?"
            )
            typer.confirm(question, default=False, abort=True, err=True)
        deleted = capsules.delete(app.store, app.vault, viewer, view.capsule.id, now=app.now())
    door.out.answer({"capsule": {"id": deleted.id, "slug": deleted.slug, "state": "deleted"}})
    door.out.say(f"“{plain(deleted.title)}” is deleted.")


def story_line(story: Story) -> str:
    """Say what is in a story that the viewer may see, briefly."""
    from memorycapsule.domain.stories import MediumKind
    from memorycapsule.words.counts import contents_in_words

    kinds = Counter(one.kind for one in story.media)
    contents = contents_in_words(
        photos=kinds[MediumKind.PHOTO],
        clips=kinds[MediumKind.CLIP],
        voices=kinds[MediumKind.VOICE],
        stories=0,
        locale="en",
    )
    title = plain(story.title) or "(untitled)"
    return f"{story.id}  {title}, by {plain(story.author.name)}{': ' if contents else ''}{contents}"


def opens_in_words(found: DatedCapsule, now: datetime) -> str:
    """Say when a capsule opens: in words, with zone, UTC and what is left."""
    return when_in_words(datetime.fromisoformat(found.opens_local), found.zone, found.opens_at, now)


def when_in_words(local: datetime, zone: str, at: datetime, now: datetime) -> str:
    """Say when something happens, at a wall time in a zone, which is an instant: with UTC and what is left."""
    from memorycapsule.words.dates import countdown_in_words, date_in_words

    words = date_in_words(local, zone, "en")
    utc = "" if zone == "UTC" else f", {at:%Y-%m-%d %H:%M} UTC"
    # "In 10 years" is meant from this minute on, not from this second.
    start = now if local.second else now.replace(second=0, microsecond=0)
    left = countdown_in_words(start, at, "en")
    return f"{words}{utc}, {left if left == 'soon' else f'in {left}'}"


def _portrait(found: Capsule, now: datetime) -> Iterator[str]:
    from memorycapsule.domain.invitations import InvitationState
    from memorycapsule.domain.zones import local_of
    from memorycapsule.words.counts import contents_in_words
    from memorycapsule.words.dates import date_in_words

    yield f"{plain(found.title)}  ({plain(found.slug)}, {found.theme})"
    if found.opened_at is not None:
        opened = local_of(found.opened_at, found.zone).replace(microsecond=0)
        yield f"Open since {date_in_words(opened, found.zone, 'en')}."
    elif found.opens_at <= now:
        yield "It is due: the daemon or `capsule tick` opens it."
    else:
        yield f"Sealed. It opens on {opens_in_words(found, now)}."
    if found.message:
        yield f"\n{plain(found.message, keeps_lines=True)}"
    yield "\nPeople"
    roles = {one.id: one.role for one in found.members}
    for one in found.contributions:
        added = contents_in_words(
            photos=one.photos, clips=one.clips, voices=one.voices, stories=one.stories, locale="en"
        )
        yield f"  {plain(one.name)} ({roles[one.member]}): {added or 'nothing yet'}"
    waiting = [invited for invited in found.invitations if invited.state is not InvitationState.ACCEPTED]
    if waiting:
        yield "\nInvited"
    for invited in waiting:
        has_expired = invited.state is InvitationState.INVITED and invited.expires_at <= now
        address, name = plain(invited.email), invited.name
        called = address if name is None else f"{plain(name)} <{address}>"
        yield f"  {called}: {'expired' if has_expired else invited.state}"
    is_open = found.opened_at is not None
    yield "\nStories" if is_open else "\nYour stories (until the day, everybody sees only their own)"
    if not found.stories:
        yield "  none yet"
    for story in found.stories:
        yield f"  {story_line(story)}"
    if found.montages:
        yield "\nFilms"
    for film in found.montages:
        length = f", {film.seconds:.0f} s" if film.seconds else ""
        yield f"  {film.id}  {film.state}{length}"


@contextmanager
def music(path: Path | None) -> Iterator[BinaryIO | None]:
    """Open a soundtrack that can really be played. Raises MediaRefused with the file's name."""
    from memorycapsule.media.intake import probe_soundtrack

    if path is None:
        yield None
        return
    with ExitStack() as stack:
        file = stack.enter_context(_opened(path))
        try:
            probe_soundtrack(file)
        except MediaRefused as error:
            raise MediaRefused(f"{plain(path.name)} {error.message}") from error
        yield file


def _cover(app: App, path: Path | None) -> BinaryIO | None:
    if path is None:
        return None
    with _opened(path) as file, app.decoders() as decoders:
        try:
            prepared = decoders.prepare(file)
        except MediaRefused as error:
            raise MediaRefused(f"{plain(path.name)} {error.message}") from error
    if prepared.clip:
        prepared.clip.close()
    if prepared.display is None:
        raise MediaRefused(f"{plain(path.name)} is a recording; a cover is a photo.")
    return io.BytesIO(prepared.display)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise MediaRefused(f"{plain(str(path))} cannot be read: {error.strerror}.") from error


def register(app: typer.Typer) -> None:
    """Add these commands to `capsule`."""
    app.command(
        "create",
        epilog=examples(
            'capsule create "The summer we kept" --opens "2036-05-08 09:00" --zone Asia/Seoul --theme museum',
            'capsule create "For Younghee" --opens "in 10 years" --message "One photo is enough."',
        ),
    )(create)
    app.command("list", epilog=examples("capsule list", "capsule list --json"))(list_capsules)
    app.command(
        "show", epilog=examples("capsule show the-summer-we-kept", "capsule show the-summer-we-kept --json")
    )(show)
    app.command(
        "edit",
        epilog=examples(
            'capsule edit the-summer-we-kept --title "The summer we kept"',
            "capsule edit the-summer-we-kept --theme window --film-photos 80",
        ),
    )(edit)
    app.command(
        "delete",
        epilog=examples("capsule delete the-summer-we-kept", "capsule delete the-summer-we-kept --yes"),
    )(delete)
