"""What the film page says of films, stories and songs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from memorycapsule import themes
from memorycapsule.daemon.http.html.bundle import DYES
from memorycapsule.domain.capsules import Capsule
from memorycapsule.domain.film.montages import SONG, Montage, MontageState
from memorycapsule.domain.film.plan import Card
from memorycapsule.domain.film.subtitles import Cue, chapters
from memorycapsule.domain.zones import local_of
from memorycapsule.services.film import montages
from memorycapsule.services.reading import CapsuleView, FilmView, StoryView
from memorycapsule.store.transactions import Store
from memorycapsule.words.catalogues import Wording
from memorycapsule.words.dates import contents_in_words, short_day

_SOON_SECONDS = 60
_MEGABYTE = 1_000_000


@dataclass(frozen=True, kw_only=True)
class FilmLine:
    """A film in the list of all."""

    film: Montage
    title: str
    #: Who it was made for, how long it is, and when that was.
    facts: str
    percent: int
    #: How far it is; '' for one that is there.
    say: str
    #: Whether the viewer may take it back.
    may_cancel: bool
    #: What it does without, a sentence each.
    left_out: list[str]


@dataclass(frozen=True, kw_only=True)
class FilmFacts:
    """What is known of a film that is there."""

    #: How many pictures, and the song's title.
    made_of: str
    #: How large it is; '' while there is none.
    megabytes: str
    chapters: list[Cue]
    has_captions: bool


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A story to choose."""

    story: StoryView
    title: str
    contents: str
    dye: int
    #: Its place among those chosen, from 1; 0 for none.
    place: int

    @property
    def picture(self) -> str | None:
        """Return the id of the medium that stands for it."""
        seen = (one.medium for one in self.story.media if one.medium.thumbnail_blob)
        return next((medium.id for medium in seen), None)


@dataclass(frozen=True, kw_only=True)
class Song:
    """Music to choose."""

    #: "" for the capsule's, otherwise a theme.
    value: str
    #: None where there is nothing to say but that it is the capsule's.
    title: str | None
    #: The theme whose file it is; None for one of people's own.
    theme: str | None
    #: What that theme is called.
    world: str = ""


def film_lines(store: Store, view: CapsuleView, words: Wording, now: datetime) -> list[FilmLine]:
    """Return the films of a capsule, that of its opening first, but none that was taken back."""
    titles = {story.story.id: story.words.title for story in view.stories}
    names = {one.member.id: one.member.name for one in view.contributions}
    return [
        FilmLine(
            film=film,
            title=_title(view, film, titles, words),
            facts=_facts(view, film, names, words),
            percent=round(film.progress * 100),
            say=_say(store, film, words, now),
            may_cancel=not film.is_opening
            and not film.state.is_over
            and (view.member.is_owner or view.member.id == film.member_id),
            left_out=_left_out(view, film, words),
        )
        for film in sorted(view.montages, key=lambda film: not film.is_opening)
        if film.state is not MontageState.CANCELLED
    ]


def film_facts(known: FilmView, words: Wording) -> FilmFacts:
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
            made_of.append(words("films_music", title=plan.soundtrack.title))
    return FilmFacts(
        made_of=" · ".join(made_of),
        megabytes=f"{known.bytes / _MEGABYTE:,.0f} MB"
        if known.bytes and known.bytes >= _MEGABYTE
        else "1 MB"
        if known.bytes
        else "",
        chapters=chapters(plan) if plan else [],
        has_captions=plan is not None,
    )


def picker(view: CapsuleView, chosen: Sequence[str], words: Wording) -> list[Tile]:
    """Return the stories to choose, in the order in which they were told."""
    dyes = {one.member.id: number % len(DYES) for number, one in enumerate(view.contributions)}
    stories = sorted(view.stories, key=lambda story: (story.story.created_at, story.story.id))
    return [
        Tile(
            story=story,
            title=story.words.title or words("story_untitled"),
            contents=_contents(story, words),
            dye=dyes.get(story.author.id, 0),
            place=chosen.index(story.story.id) + 1 if story.story.id in chosen else 0,
        )
        for story in stories
    ]


def songs(capsule: Capsule, language: str) -> list[Song]:
    """Return the music to choose from, the capsule's first."""
    own = capsule.music or capsule.theme
    usual = (
        Song(value="", title=None, theme=None)
        if capsule.soundtrack_blob
        else replace(_music(own, language), value="")
    )
    others = [name for name in themes.names() if capsule.soundtrack_blob or name != own]
    return [usual, *(_music(name, language) for name in others)]


def length_in_words(seconds: float) -> str:
    minutes, left = divmod(round(seconds), 60)
    return f"{minutes}:{left:02}"


def _music(name: str, language: str) -> Song:
    theme = themes.load(name)
    return Song(
        value=name, title=theme.own_soundtrack(language).title, theme=name, world=theme.title(language)
    )


def _title(view: CapsuleView, film: Montage, titles: dict[str, str], words: Wording) -> str:
    if film.is_opening:
        return view.capsule.title
    if film.title:
        return film.title
    named = [titles[one] or words("story_untitled") for one in film.story_ids if one in titles]
    if not named:
        return words("films_of_all")
    return words.counted("films_of_more", len(named) - 1, title=named[0]) if named[1:] else named[0]


def _facts(view: CapsuleView, film: Montage, names: dict[str, str], words: Wording) -> str:
    day = local_of(film.finished_at or film.queued_at, view.capsule.zone)
    name = names.get(film.member_id or "")
    maker = (
        words("films_by_itself")
        if film.is_opening
        else words("films_for", member=name)
        if name
        else words("films_for_former")
    )
    length = length_in_words(film.seconds) if film.seconds is not None else ""
    # A day stands on one line.
    when = short_day(day, words.language).replace(" ", "\N{NO-BREAK SPACE}")
    return ", ".join(part for part in (maker, length, when) if part)


def _say(store: Store, film: Montage, words: Wording, now: datetime) -> str:
    if film.state is MontageState.QUEUED:
        return words("films_waits")
    if film.state is MontageState.FAILED:
        return words("films_failed")
    if film.state is not MontageState.RENDERING:
        return ""
    percent = round(film.progress * 100)
    left = montages.seconds_left(store, film, now)
    if left is None:
        return words("films_sewing", percent=percent)
    if left < _SOON_SECONDS:
        return words("films_sewing_soon", percent=percent)
    return words.counted("films_sewing_minutes", round(left / 60), percent=percent)


def _left_out(view: CapsuleView, film: Montage, words: Wording) -> list[str]:
    """Say what a film does without, in the reader's language; what was reported in English only, as it is."""
    known = {SONG: ("song", "")}
    for story in view.stories:
        known[story.story.id] = ("words", story.author.name)
        known |= {one.medium.id: (str(one.medium.kind), story.author.name) for one in story.media}
    # A medium that nothing can be read of is not in the view either.
    counts = Counter(known.get(omission.of, ("other", "")) for omission in film.report if omission.of)
    told = [words.counted(f"films_lack_{kind}", count, author=who) for (kind, who), count in counts.items()]
    return told + [omission.sentence for omission in film.report if not omission.of]


def _contents(story: StoryView, words: Wording) -> str:
    clips = sum(1 for one in story.media if one.medium.kind == "clip")
    photos = sum(1 for one in story.media if one.medium.kind == "photo")
    inside = contents_in_words(photos=photos, clips=clips, stories=0, locale=words.language)
    return ", ".join(part for part in (story.author.name, inside or words("films_words_only")) if part)
