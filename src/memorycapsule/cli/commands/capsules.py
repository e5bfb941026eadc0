"""create, list, show, edit, delete."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from memorycapsule.cli.door import door_of, is_interactive
from memorycapsule.cli.files import open_regular
from memorycapsule.cli.missing_letters import warn_of_missing_letters
from memorycapsule.cli.options import CapsuleArgument, examples
from memorycapsule.cli.output import Output, plain
from memorycapsule.cli.prompts import confirm
from memorycapsule.domain.people import shown_address
from memorycapsule.errors import FileRefused, MediaRefused, UsageProblem

if TYPE_CHECKING:
    from memorycapsule.app import App
    from memorycapsule.domain.opening_dates import OpeningDate
    from memorycapsule.schemas.capsule_lines import DatedCapsule
    from memorycapsule.schemas.capsules import Capsule
    from memorycapsule.schemas.montages import Montage
    from memorycapsule.schemas.stories import Story
    from memorycapsule.services.capsule_files import Cover, Song

_SOON_SECONDS = 60

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
FilmLanguageOption = Annotated[
    str | None,
    typer.Option(
        "--film-language",
        metavar="LANGUAGE",
        help="Language of what the film says itself, like ko (your own).",
    ),
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
    film_language: FilmLanguageOption = None,
    message: MessageOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether the date is right.")] = False,
) -> None:
    """
    Make a capsule that nobody opens before its date.

    Title, message, cover and the names of its members can be seen before the date; everything else is sealed.
    DATE is like "2036-05-08 09:00", "in 10 years", "+10y" or "10년 후"; for trials "+20s".
    """
    from memorycapsule.schemas.capsules import Capsule
    from memorycapsule.services import capsules, reading
    from memorycapsule.services.capsules import CapsuleDraft

    if soundtrack and music_theme:
        raise UsageProblem("one_song")
    door = door_of(ctx)
    settings = door.settings()
    with door.open(settings) as app, music(soundtrack) as song:
        viewer = door.viewer(app.store)
        date = app.parse_date(opens, zone or settings.zone)
        tell_clock_change(date, door.out)
        if is_interactive(door) and not yes:
            when = when_in_words(date.local, date.zone, date.at, app.now(), door.out)
            confirm(door.out.words, door.out.words("cli_create_ask", when=when), default=True)
        made = capsules.create(
            app.store,
            app.vault,
            viewer,
            CapsuleDraft(
                title=title,
                theme=theme or "photocard",
                film_photos=settings.film.film_photos if film_photos is None else film_photos,
                message=message,
                soundtrack=song,
                music=music_theme,
                film_language=film_language,
                cover=_cover(app, cover),
            ),
            date=date,
            now=app.now(),
        )
        view = reading.capsule(app.store, app.vault, viewer, made.id)
        door.out.answer({"capsule": Capsule.of_view(view)})
        when = when_in_words(made.opens_local, made.zone, made.opens_at, app.now(), door.out)
        sentence = door.out.words(
            "cli_create_done", title=plain(made.title), slug=plain(made.slug), when=when
        )
        door.out.say(sentence)
        warn_of_missing_letters(door.out, made.title)


def list_capsules(ctx: typer.Context) -> None:
    """
    List your capsules, the next to open first.

    The admin also sees that there are others, and how much room they take; not what they are called.
    """
    from memorycapsule import clock
    from memorycapsule.domain.capsules import CapsuleState
    from memorycapsule.words.dates import day_in_words

    door = door_of(ctx)
    words = door.out.words
    with door.instance() as there:
        lines = there.capsules()
    now = clock.now()
    door.out.answer({"capsules": lines})
    if not lines:
        door.out.show(words("cli_list_none"))
        return
    rows = []
    for line in lines:
        if line.state is CapsuleState.OPEN:
            left = words("cli_list_open")
        elif line.opens_at <= now:
            left = words("cli_list_due")
        else:
            left = _left(now, line.opens_at, door.out)
        rows.append(
            (
                line.slug or line.id,
                line.title or words("cli_list_not_yours"),
                left,
                day_in_words(datetime.fromisoformat(line.opens_local), words.language),
                "" if line.members is None else str(line.members),
                door.out.named("role", line.role) if line.role else "",
            )
        )
    door.out.table(door.out.headings("capsule", "title", "opens", "date", "people", "you_are"), rows)


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
    door.out.show("\n".join(_portrait(found, clock.now(), door.out)))


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
    film_language: FilmLanguageOption = None,
) -> None:
    """
    Change what you said about a capsule.

    Only its owner can, and only until the date.
    """
    from memorycapsule.schemas.capsules import Capsule
    from memorycapsule.services import capsules, reading
    from memorycapsule.services.capsules import CapsuleChanges

    options = (title, message, theme, soundtrack, music_theme, cover, film_photos, film_language)
    if all(given is None for given in options):
        raise UsageProblem("edit_nothing")
    if soundtrack and music_theme:
        raise UsageProblem("one_song")
    door = door_of(ctx)
    with door.open() as app, music(soundtrack) as song:
        viewer = door.viewer(app.store)
        edited = capsules.edit(
            app.store,
            app.vault,
            viewer,
            capsule,
            CapsuleChanges(
                title=title,
                message=message,
                theme=theme,
                film_photos=film_photos,
                soundtrack=song,
                music=music_theme,
                film_language=film_language,
                cover=_cover(app, cover),
            ),
            now=app.now(),
        )
        view = reading.capsule(app.store, app.vault, viewer, edited.id)
    door.out.answer({"capsule": Capsule.of_view(view)})
    door.out.say(door.out.words("cli_edit_done", title=plain(edited.title)))
    warn_of_missing_letters(door.out, title)


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
        view = reading.outline(app.store, viewer, capsule)
        if not yes and not is_interactive(door):
            raise UsageProblem("delete_needs_yes")
        if not yes:
            stories, title = sum(one.stories for one in view.contributions), plain(view.capsule.title)
            question = door.out.words("cli_delete_ask", title=title, stories=stories)
            confirm(door.out.words, question, default=False)
        deleted = capsules.delete(app.store, app.vault, viewer, view.capsule.id, now=app.now())
    door.out.answer({"capsule": {"id": deleted.id, "slug": deleted.slug, "state": "deleted"}})
    door.out.say(door.out.words("cli_delete_done", title=plain(deleted.title)))


def story_line(story: Story, out: Output) -> str:
    """Say what is in a story that the viewer may see, briefly."""
    from memorycapsule.domain.stories import MediumKind
    from memorycapsule.words.counts import contents_in_words

    kinds = Counter(one.kind for one in story.media)
    contents = contents_in_words(
        photos=kinds[MediumKind.PHOTO],
        clips=kinds[MediumKind.CLIP],
        voices=kinds[MediumKind.VOICE],
        stories=0,
        locale=out.language,
    )
    title = plain(story.title) or out.words("cli_story_untitled")
    key = "cli_story_line" if contents else "cli_story_line_of_words"
    return out.words(key, id=story.id, title=title, author=plain(story.author.name), contents=contents)


def tell_clock_change(date: OpeningDate, out: Output) -> None:
    """Note that clocks skip a date's time, or show it twice."""
    from memorycapsule.words.dates import clock_change_in_words

    if told := clock_change_in_words(date.local, date.zone, date.fold, out.language):
        out.note(told)


def opens_in_words(found: DatedCapsule, now: datetime, out: Output) -> str:
    """Say when a capsule opens: in words, with zone, UTC and what is left."""
    return when_in_words(datetime.fromisoformat(found.opens_local), found.zone, found.opens_at, now, out)


def when_in_words(local: datetime, zone: str, at: datetime, now: datetime, out: Output) -> str:
    """Say when something happens, at a wall time in a zone, which is an instant: with UTC and what is left."""
    from memorycapsule.words.dates import date_in_words

    # "In 10 years" is meant from this minute on, not from this second.
    left = _left(now if local.second else now.replace(second=0, microsecond=0), at, out)
    key = "cli_when_in_utc" if zone == "UTC" else "cli_when"
    return out.words(key, day=date_in_words(local, zone, out.language), utc=f"{at:%Y-%m-%d %H:%M}", left=left)


def _left(now: datetime, at: datetime, out: Output) -> str:
    from memorycapsule.words.dates import countdown_in_words, is_soon

    left = countdown_in_words(now, at, out.language)
    return left if is_soon(now, at) else out.words("cli_left", left=left)


def film_state(film: Montage, out: Output) -> str:
    """Say in which state a film is, and while it is rendered, how far and for how long still."""
    from memorycapsule.domain.film.montages import MontageState

    state = out.named("film", film.state)
    if film.state is not MontageState.RENDERING:
        return state
    share, left = f"{film.progress:.0%}", film.seconds_left
    if left is None:
        return f"{state} {share}"
    if left < _SOON_SECONDS:
        return out.words("cli_film_soon", state=state, share=share)
    return out.words("cli_film_minutes", state=state, share=share, minutes=round(left / 60))


def _portrait(found: Capsule, now: datetime, out: Output) -> Iterator[str]:
    from memorycapsule.domain.invitations import InvitationState
    from memorycapsule.domain.zones import local_of
    from memorycapsule.words.counts import contents_in_words
    from memorycapsule.words.dates import date_in_words

    words = out.words
    yield f"{plain(found.title)}  ({plain(found.slug)}, {found.theme})"
    if found.opened_at is not None:
        opened = local_of(found.opened_at, found.zone).replace(microsecond=0)
        yield words("cli_show_open", since=date_in_words(opened, found.zone, out.language))
    elif found.opens_at <= now:
        yield words("cli_show_due")
    else:
        yield words("cli_show_sealed", when=opens_in_words(found, now, out))
    if found.message:
        yield f"\n{plain(found.message, keeps_lines=True)}"
    yield "\n" + words("cli_show_people")
    roles = {one.id: one.role for one in found.members}
    for one in found.contributions:
        added = contents_in_words(
            photos=one.photos, clips=one.clips, voices=one.voices, stories=one.stories, locale=out.language
        )
        role = out.named("role", roles[one.member])
        yield f"  {plain(one.name)} ({role}): {added or words('cli_show_nothing_yet')}"
    waiting = [invited for invited in found.invitations if invited.state is not InvitationState.ACCEPTED]
    if waiting:
        yield "\n" + words("cli_show_invited")
    for invited in waiting:
        has_expired = invited.state is InvitationState.INVITED and invited.expires_at <= now
        address, name = plain(shown_address(invited.email)), invited.name
        called = address if name is None else f"{plain(name)} <{address}>"
        yield f"  {called}: {out.named('invitation', 'expired' if has_expired else invited.state)}"
    is_open = found.opened_at is not None
    yield "\n" + words("cli_show_stories" if is_open else "cli_show_your_stories")
    if not found.stories:
        yield "  " + words("cli_show_none_yet")
    for story in found.stories:
        yield f"  {story_line(story, out)}"
    if found.montages:
        yield "\n" + words("cli_show_films")
    for film in found.montages:
        length = ", " + words("cli_seconds", seconds=f"{film.seconds:.0f}") if film.seconds else ""
        yield f"  {film.id}  {film_state(film, out)}{length}"


@contextmanager
def music(path: Path | None) -> Iterator[Song | None]:
    """Have a song accepted. Raises FileRefused."""
    from memorycapsule.services.capsule_files import accepted_song

    if path is None:
        yield None
        return
    with ExitStack() as stack:
        file = stack.enter_context(_opened(path))
        try:
            song = accepted_song(file)
        except MediaRefused as error:
            raise _named(path, error) from error
        stack.enter_context(song)
        yield song


def _cover(app: App, path: Path | None) -> Cover | None:
    from memorycapsule.services.capsule_files import accepted_cover

    if path is None:
        return None
    with _opened(path) as file:
        try:
            return accepted_cover(file, app.prepare)
        except MediaRefused as error:
            raise _named(path, error) from error


def _named(path: Path, error: MediaRefused) -> FileRefused:
    """Return why a file is refused, with its name."""
    return FileRefused("file_refused", file=path.name, problem=error)


def _opened(path: Path) -> BinaryIO:
    try:
        return open_regular(path)
    except MediaRefused as error:
        # By its whole path: nobody knows which "null" is meant.
        raise FileRefused("file_refused", file=path, problem=error) from error


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
