"""The texts of the film page: rows of films, and the choices of stories and songs for a further one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from memorycapsule import themes
from memorycapsule.app import App
from memorycapsule.daemon.http.html.bundle import DYES
from memorycapsule.daemon.http.html.error_texts import story_text
from memorycapsule.domain.capsules import Capsule
from memorycapsule.domain.film.montages import SONG, Montage, MontageState
from memorycapsule.domain.film.plan import Card
from memorycapsule.domain.film.subtitles import Cue, chapters
from memorycapsule.domain.stories import MediumKind
from memorycapsule.domain.zones import local_of
from memorycapsule.services import reading
from memorycapsule.services.album.albums import AlbumStory
from memorycapsule.services.film import montages
from memorycapsule.services.reading import FilmView, OpenedView
from memorycapsule.words.catalogues import Wording
from memorycapsule.words.counts import contents_in_words
from memorycapsule.words.dates import short_day
from memorycapsule.words.error_sentences import sentence_of
from memorycapsule.words.forms_of_address import addressed

_SOON_SECONDS = 60
_MEGABYTE = 1_000_000


@dataclass(frozen=True, kw_only=True)
class FilmRow:
    """A film in the list of all films of a capsule."""

    film: Montage
    title: str
    #: Who it was made for, how long it is, and on which day it was made.
    summary: str
    percent: int
    #: A sentence on how far it is; '' for a film that is ready.
    status: str
    #: Whether the viewer may cancel it.
    may_cancel: bool
    #: Whether it failed and the viewer may have it tried again.
    may_retry: bool
    #: What it does without, a sentence each.
    left_out: list[str]


@dataclass(frozen=True, kw_only=True)
class FilmDetails:
    """What the page says of the film that it shows."""

    #: How many pictures it shows, and the title of its song.
    made_of: str
    #: The size of its file, such as "12 MB"; '' while there is no file.
    megabytes: str
    chapters: list[Cue]
    has_captions: bool


@dataclass(frozen=True, kw_only=True)
class StoryChoice:
    """A story that a further film may show."""

    id: str
    title: str
    text: str
    contents: str
    dye: int
    #: Its place among the chosen stories, from 1; 0 for a story that is not chosen.
    place: int
    #: The id of the medium that stands for the story, None when it has no picture.
    picture: str | None


@dataclass(frozen=True, kw_only=True)
class SongChoice:
    """A song that a further film may have."""

    #: What the form sends: "" for the capsule's own choice, otherwise the name of a theme.
    value: str
    #: None for a song that people added, of which no title is known.
    title: str | None
    #: The theme whose song it is; None for a song that people added.
    theme: str | None
    #: The title of that theme.
    theme_title: str = ""


def film_rows(app: App, view: OpenedView, words: Wording, now: datetime) -> list[FilmRow]:
    """Return the films of a capsule, the opening film first, without those that were cancelled."""
    titles = {story.id: story.title for story in view.album.stories}
    names = {one.member.id: one.member.name for one in view.contributions}
    return [
        FilmRow(
            film=film,
            title=_title(view, film, titles, words),
            summary=_summary(view, film, names, words),
            percent=film_percent(film),
            status=film_status(app, film, words, now),
            may_cancel=film.may_be_cancelled_by(view.member),
            may_retry=film.may_be_retried_by(view.member),
            left_out=_left_out(view, film, words),
        )
        for film in listed(view.montages)
    ]


def listed(films: Iterable[Montage]) -> list[Montage]:
    """Return the films that a page lists: the opening film first, without those that were cancelled."""
    shown = [film for film in films if film.state is not MontageState.CANCELLED]
    return sorted(shown, key=lambda film: not film.is_opening)


def film_percent(film: Montage) -> int:
    """Return how far a film is, 0..100."""
    return round(film.progress * 100)


def film_status(app: App, film: Montage, words: Wording, now: datetime) -> str:
    """Say how far a film is, and about how long it will take; '' for one that is ready."""
    if film.state is MontageState.QUEUED:
        return words("films_waits")
    if film.state is MontageState.FAILED:
        return words("films_failed")
    if film.state is not MontageState.RENDERING:
        return ""
    percent = film_percent(film)
    left = montages.seconds_left(app.store, film, now)
    if left is None:
        return words("films_sewing", percent=percent)
    if left < _SOON_SECONDS:
        return words("films_sewing_soon", percent=percent)
    return words.counted("films_sewing_minutes", round(left / 60), percent=percent)


def film_details(known: FilmView, words: Wording) -> FilmDetails:
    """Return what the page says of a film, from its plan and its file."""
    plan = known.plan
    made_of = []
    if plan:
        shown = {
            source.id
            for shot in plan.shots
            if not isinstance(shot, Card)
            for source in (shot.source, *getattr(shot, "beside", ()))
        }
        if shown:
            made_of.append(words.counted("films_pictures", len(shown)))
        if plan.soundtrack.title:
            title = themes.song_title(plan.soundtrack.title, words.language)
            made_of.append(words("films_music", title=title))
    return FilmDetails(
        made_of=" · ".join(made_of),
        megabytes=f"{known.bytes / _MEGABYTE:,.0f} MB"
        if known.bytes and known.bytes >= _MEGABYTE
        else "1 MB"
        if known.bytes
        else "",
        chapters=chapters(plan) if plan else [],
        has_captions=plan is not None,
    )


def story_choices(app: App, view: OpenedView, chosen: Sequence[str], words: Wording) -> list[StoryChoice]:
    """Return the stories to choose from, the oldest first; `chosen` holds the ids of the chosen ones in order."""
    dyes = {one.member.id: number % len(DYES) for number, one in enumerate(view.contributions)}
    placed = {story.id: story for story in view.album.stories}
    read = reading.shown(app.store, app.vault, view, stories=placed, media=())
    stories = sorted(read.values(), key=lambda story: (story.story.created_at, story.story.id))
    return [
        StoryChoice(
            id=story.story.id,
            title=story.words.title or words("story_untitled"),
            text=story_text(story, words),
            contents=_contents(placed[story.story.id], story.author.name, words),
            dye=dyes.get(story.author.id, 0),
            place=chosen.index(story.story.id) + 1 if story.story.id in chosen else 0,
            picture=next((one.id for one in placed[story.story.id].pictures), None),
        )
        for story in stories
    ]


def song_choices(capsule: Capsule, language: str) -> list[SongChoice]:
    """Return the songs to choose from, the capsule's first."""
    own = capsule.music or capsule.theme
    usual = (
        SongChoice(value="", title=None, theme=None)
        if capsule.soundtrack_blob
        else replace(_song_of_theme(own, language), value="")
    )
    others = [name for name in themes.names() if capsule.soundtrack_blob or name != own]
    return [usual, *(_song_of_theme(name, language) for name in others)]


def format_length(seconds: float) -> str:
    """Return a length as minutes and seconds, rounded down as players do: "3:05"."""
    minutes, left = divmod(int(seconds), 60)
    return f"{minutes}:{left:02}"


def _song_of_theme(name: str, language: str) -> SongChoice:
    theme = themes.load(name)
    return SongChoice(
        value=name, title=theme.own_soundtrack(language).title, theme=name, theme_title=theme.title(language)
    )


def _title(view: OpenedView, film: Montage, titles: dict[str, str], words: Wording) -> str:
    if film.is_opening:
        return view.capsule.title
    if film.title:
        return film.title
    chosen = [titles[one] for one in film.story_ids if one in titles]
    if not chosen:
        return words("films_of_all")
    # The film is called after the first story that has a name.
    named = next(filter(None, chosen), "")
    if not named:
        return contents_in_words(photos=0, clips=0, stories=len(chosen), locale=words.language)
    return words.counted("films_of_more", len(chosen) - 1, title=named) if chosen[1:] else named


def _summary(view: OpenedView, film: Montage, names: dict[str, str], words: Wording) -> str:
    day = local_of(film.finished_at or film.queued_at, view.capsule.zone)
    name = names.get(film.member_id or "")
    maker = (
        words("films_by_itself")
        if film.is_opening
        else words("films_for", member=addressed(name, words.language))
        if name
        else words("films_for_former")
    )
    length = format_length(film.seconds) if film.seconds is not None else ""
    # Without a line break within the day.
    when = short_day(day, words.language).replace(" ", "\N{NO-BREAK SPACE}")
    return ", ".join(part for part in (maker, length, when) if part)


def _left_out(view: OpenedView, film: Montage, words: Wording) -> list[str]:
    """Return sentences on what a film does without, and on what went wrong with it."""
    names = {one.member.id: one.member.name for one in view.contributions}
    known = {SONG: ("song", "")}
    for story in view.album.stories if film.report else ():
        known[story.id] = ("words", names[story.member_id])
        known |= {one.id: (one.kind, names[story.member_id]) for one in story.media}
    # A medium that nothing can be read of is not in the view either.
    counts = Counter(known.get(omission.of, ("other", "")) for omission in film.report if omission.of)
    sentences = [
        words.counted(f"films_lack_{kind}", count, author=addressed(who, words.language))
        for (kind, who), count in counts.items()
    ]
    return sentences + [sentence_of(omission.error, words) for omission in film.report if not omission.of]


def _contents(story: AlbumStory, author: str, words: Wording) -> str:
    kinds = Counter(one.kind for one in story.media)
    inside = contents_in_words(
        photos=kinds[MediumKind.PHOTO], clips=kinds[MediumKind.CLIP], stories=0, locale=words.language
    )
    return ", ".join(part for part in (author, inside or words("films_words_only")) if part)
