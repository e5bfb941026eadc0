"""Directing: from pictures and words to a montage plan."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Literal

from memorycapsule.domain.choosing import Picture, choose, when
from memorycapsule.domain.framing import clip_fit, drift, frame_picture, is_panorama
from memorycapsule.domain.plan import (
    Caption,
    Card,
    Clip,
    Credit,
    Encoder,
    Entrance,
    FilmStyle,
    MontagePlan,
    Photo,
    Scene,
    Shot,
    Size,
    Soundtrack,
    Source,
    sources_of,
)
from memorycapsule.domain.words import short_day

#: "About three minutes" with the classic style.
USUAL_PICTURES = 60
#: What `short` means.
SHORT_SECONDS = 75.0
#: Between these a picture's time is bent to reach a wished length.
SHORTEST_PHOTO_SECONDS, LONGEST_PHOTO_SECONDS = 2.4, 6.4
#: Slow readers: Latin and Korean characters per second.
READING_LATIN, READING_KOREAN = 14.0, 9.0
#: How much is shown of a story without pictures: (pages, letters a page), the first that finds room.
_EXCERPTS = ((3, 300), (1, 300), (1, 150), (1, 60))
#: Such stories leave the pictures at least this share of the film.
_PICTURES_SHARE = 0.5
_NAMES_PER_PAGE = 24
#: How many rooms there are; stages that tell rooms apart by fewer looks share them out.
_ROOMS = 4


@dataclass(frozen=True, kw_only=True)
class StoryText:
    """The words of a story."""

    story_id: str
    title: str
    text: str = ""
    contributor: str
    #: Tells contributors of one name apart; '' for the name itself.
    contributor_id: str = ""

    @property
    def given_by(self) -> str:
        """Return who told it."""
        return self.contributor_id or self.contributor


@dataclass(frozen=True, kw_only=True)
class Direction:
    """How a film is to be made."""

    size: Size = field(default_factory=lambda: Size(width=1920, height=1080))
    fps: int = 30
    theme: str = "classic"
    style: FilmStyle = field(default_factory=FilmStyle)
    soundtrack: Soundtrack = field(default_factory=Soundtrack)
    encoder: Encoder = field(default_factory=Encoder)
    #: At most so many pictures, fairly chosen; None takes all.
    limit: int | None = USUAL_PICTURES
    #: None: as long as the chosen pictures need; 'full': all pictures; a number: about so many seconds.
    length: Literal["short", "full"] | float | None = None
    #: False: stories by the time of their first picture; True: as they are given (chosen by a person).
    keeps_story_order: bool = False
    #: In which language days are named.
    locale: str = "en"
    seed: int = 0


def direct(
    *,
    title: str,
    date_line: str = "",
    pictures: Iterable[Picture],
    stories: Sequence[StoryText] = (),
    contributors: Sequence[str | tuple[str, str]] = (),
    end_line: str = "",
    direction: Direction | None = None,
) -> MontagePlan:
    """
    Plan a film: title card, the stories' pictures in order with their titles, stories without pictures as
    cards, end card.

    `contributors` are the names on the end card, in order; names that only pictures or stories know are
    added. Each is a name, or (id, name) where two people may have the same one. `date_line` stands under the
    title ('2016 - 2026'), `end_line` above the names. Stories without any picture come after the others; when
    there are many, one page of each is shown, and a shorter one the more there are, so that they take at most
    the room that `picture_limit` leaves them. Without pictures the film is title, texts and names. The same
    input gives the same plan.
    """
    how = direction or Direction()
    given = list(pictures)
    told = _told(how, given, stories)
    chosen = choose(given, _limit(how, told), how.seed)
    names = _names(contributors, stories, given)
    dyes = {person: how.style.dyes[index % len(how.style.dyes)] for index, person in enumerate(names)}
    gave = Counter(picture.given_by for picture in given)
    people = tuple(Credit(name=name, dye=dyes[person], count=gave[person]) for person, name in names.items())
    how = replace(how, style=_paced(how, chosen, told))
    uncounted = tuple(replace(person, count=0) for person in people)
    scenes = [_title_scene(how, title, date_line, uncounted, chosen)]
    groups = _grouped(how, chosen, stories)
    rooms = _rooms(how, [*(group[0].story_id for _, group in groups), *(story.story_id for story, _ in told)])
    scenes += [
        _pictures_scene(how, group, story, dyes, room)
        for (story, group), room in zip(groups, rooms, strict=False)
    ]
    scenes += [
        _words_scene(how, story, pages, dyes, chosen, room)
        for (story, pages), room in zip(told, rooms[len(groups) :], strict=True)
    ]
    if people or end_line:
        scenes.append(_end_scene(how, people, end_line, chosen))
    return MontagePlan(
        size=how.size,
        fps=how.fps,
        theme=how.theme,
        style=how.style,
        title=title,
        date=date_line,
        scenes=tuple(scenes),
        soundtrack=how.soundtrack,
        encoder=how.encoder,
        fade_out_frames=min(_frames(how, 1.4), scenes[-1].shots[-1].frames // 2),
        seed=how.seed,
    )


def picture_limit(how: Direction, pictures: Sequence[Picture], stories: Sequence[StoryText]) -> int | None:
    """
    Return how many pictures `direct` will choose at most; None for all.

    Stories without pictures count, too: as many pictures make room for them as would be shown in the time
    that their pages take, but at least half of the film is left to pictures.
    """
    return _limit(how, _told(how, pictures, stories))


def leave_out(plan: MontagePlan, broken: frozenset[str]) -> MontagePlan:
    """
    Return the plan without the pictures whose ids are in `broken`.

    A caption passes to the next picture of its scene; when none is left, its words stand on a card.
    """
    if not broken:
        return plan
    scenes = tuple(
        scene for scene in (_scene_without(plan, scene, broken) for scene in plan.scenes) if scene.shots
    )
    return replace(plan, scenes=scenes)


def _scene_without(plan: MontagePlan, scene: Scene, broken: frozenset[str]) -> Scene:
    kept: list[Shot] = []
    homeless: Caption | None = None
    fade = 0
    for shot in scene.shots:
        if isinstance(shot, Card):
            kept.append(_card_without(shot, broken))
            continue
        whole = [source for source in sources_of(shot) if source.id not in broken]
        if not whole:
            homeless = homeless or shot.caption
            fade = shot.entrance_frames
            continue
        if isinstance(shot, Photo):
            shot = replace(shot, source=whole[0], beside=tuple(whole[1:]))  # noqa: PLW2901
        kept.append(_with_caption(shot, homeless) if homeless else shot)
        homeless = None
    if homeless and not kept:
        frames = max(round(plan.style.photo_seconds * plan.fps), homeless.stop + homeless.first)
        kept.append(
            Card(
                frames=frames, entrance_frames=fade, role="text", heading=homeless.heading, note=homeless.who
            )
        )
    return replace(scene, shots=tuple(kept))


def _card_without(card: Card, broken: frozenset[str]) -> Card:
    if card.backdrop is not None and card.backdrop.id in broken:
        card = replace(card, backdrop=None)
    return replace(card, sources=tuple(source for source in card.sources if source.id not in broken))


def _with_caption(shot: Photo | Clip, caption: Caption) -> Photo | Clip:
    if shot.caption is not None:
        own = shot.caption
        caption = replace(
            caption,
            heading=caption.heading or own.heading,
            text=own.text or caption.text,
            who=own.who or caption.who,
            when=own.when,
        )
    return replace(shot, caption=caption, frames=max(shot.frames, caption.stop + caption.first))


def reading_seconds(text: str) -> float:
    """Return how long a slow reader needs for `text`."""
    korean = sum("가" <= letter <= "힣" for letter in text)
    return korean / READING_KOREAN + (len(text) - korean) / READING_LATIN


def _frames(how: Direction, seconds: float) -> int:
    return max(1, round(seconds * how.fps))


def _crossfade(how: Direction) -> int:
    return _frames(how, how.style.entrance_seconds)


def _picture_seconds(how: Direction, picture: Picture) -> float:
    if picture.kind == "clip":
        longest = how.style.longest_clip_seconds
        return max(min(picture.duration_seconds, longest), 2 * how.style.entrance_seconds + 0.4)
    if is_panorama(how.size, picture.width, picture.height):
        return how.style.panorama_seconds
    return how.style.photo_seconds


def _wished_seconds(how: Direction) -> float | None:
    if how.length == "short":
        return SHORT_SECONDS
    return how.length if isinstance(how.length, float | int) else None


def _around_pictures(how: Direction) -> float:
    """Return how long title and end card are together, without what they share with pictures."""
    style = how.style
    return style.title_seconds + style.end_seconds - style.entrance_seconds


def _room(how: Direction) -> float | None:
    """Return how many seconds there are for pictures and stories together; None for as many as they need."""
    if how.length == "full":
        return None
    wished = _wished_seconds(how)
    if wished is not None:
        return max(0.0, wished - _around_pictures(how))
    return None if how.limit is None else how.limit * _usual_step(how)


def _usual_step(how: Direction) -> float:
    """Return the seconds that one more photo makes the film longer."""
    return max(0.2, how.style.photo_seconds - how.style.entrance_seconds)


#: Stories without pictures, with the pages that are shown of each.
_Told = list[tuple[StoryText, list[str]]]


def _told(how: Direction, pictures: Sequence[Picture], stories: Sequence[StoryText]) -> _Told:
    pictured = {picture.story_id for picture in pictures}
    bare = [story for story in stories if story.story_id not in pictured and (story.title or story.text)]
    room = _room(how)
    if room is not None:
        # What few pictures leave is theirs.
        room = max(room * (1 - _PICTURES_SHARE), room - len(pictures) * _usual_step(how))
    told: _Told = []
    for most, letters in _EXCERPTS:
        told = [(story, _pages(story.text, most, letters) or [""]) for story in bare]
        if room is None or _words_seconds(how, told) <= room:
            break
    return told


def _words_seconds(how: Direction, told: _Told) -> float:
    """Return how much longer the pages make the film."""
    return sum(
        _page_seconds(how, story, index, page) - how.style.entrance_seconds
        for story, pages in told
        for index, page in enumerate(pages)
    )


def _page_seconds(how: Direction, story: StoryText, index: int, page: str) -> float:
    heading = story.title if index == 0 else ""
    reading = reading_seconds(heading + page + story.contributor)
    return max(how.style.photo_seconds, reading + 2 * how.style.entrance_seconds + 0.6)


def _limit(how: Direction, told: _Told) -> int | None:
    room = _room(how)
    if room is None:
        return None if how.length == "full" else how.limit
    left = max(room * _PICTURES_SHARE, room - _words_seconds(how, told))
    pictures = max(1, round(left / _usual_step(how)))
    return pictures if _wished_seconds(how) is not None or how.limit is None else min(how.limit, pictures)


def _paced(how: Direction, chosen: Sequence[Picture], told: _Told) -> FilmStyle:
    """Return the style with photos shown longer or shorter, so that the film gets the wished length."""
    wished = _wished_seconds(how)
    photos = [picture for picture in chosen if picture.kind == "photo"]
    if wished is None or not photos:
        return how.style
    clips = sum(
        _picture_seconds(how, picture) - how.style.entrance_seconds
        for picture in chosen
        if picture.kind == "clip"
    )
    words = _words_seconds(how, told)
    each = (wished - _around_pictures(how) - clips - words) / len(photos) + how.style.entrance_seconds
    floor = max(SHORTEST_PHOTO_SECONDS, 2.5 * how.style.entrance_seconds)
    return replace(how.style, photo_seconds=min(max(each, floor), max(floor, LONGEST_PHOTO_SECONDS)))


def _names(
    contributors: Sequence[str | tuple[str, str]], stories: Sequence[StoryText], pictures: Sequence[Picture]
) -> dict[str, str]:
    """Return the names of all who gave something, by who they are, in order."""
    found = [
        *((person, person) if isinstance(person, str) else person for person in contributors),
        *((story.given_by, story.contributor) for story in stories),
        *((item.given_by, item.contributor) for item in sorted(pictures, key=when)),
    ]
    names: dict[str, str] = {}
    for person, name in found:
        if name:
            names.setdefault(person, name)
    return names


def _grouped(
    how: Direction, chosen: Sequence[Picture], stories: Sequence[StoryText]
) -> list[tuple[StoryText | None, list[Picture]]]:
    words = {story.story_id: story for story in stories}
    groups: dict[str, list[Picture]] = {}
    if how.keeps_story_order:
        groups = {story.story_id: [] for story in stories}
    for picture in chosen:
        groups.setdefault(picture.story_id, []).append(picture)
    return [(words.get(story_id), group) for story_id, group in groups.items() if group]


def _backdrop(chosen: Sequence[Picture]) -> list[Source]:
    """Return photos fit to shimmer through a card: wide ones first."""
    photos = [picture for picture in chosen if picture.kind == "photo"]
    photos.sort(key=lambda picture: (picture.width < picture.height, when(picture)))
    return [_source(picture) for picture in photos]


def _spread(how: Direction, chosen: Sequence[Picture], count: int) -> tuple[Source, ...]:
    """Return up to so many photos to lie on a table, evenly spread over the film."""
    is_table = how.style.stage.kind == "table"
    photos = [picture for picture in chosen if picture.kind == "photo" and is_table]
    count = min(count, len(photos))
    return tuple(_source(photos[(2 * place + 1) * len(photos) // (2 * count)]) for place in range(count))


def _source(picture: Picture) -> Source:
    return Source(id=picture.id, file=picture.file, width=picture.width, height=picture.height)


def _title_scene(
    how: Direction,
    title: str,
    date_line: str,
    people: tuple[Credit, ...],
    chosen: Sequence[Picture],
) -> Scene:
    shots: list[Card] = []
    if how.style.prologue_seconds:
        shots.append(
            Card(
                frames=_frames(how, how.style.prologue_seconds),
                entrance_frames=0,
                role="prologue",
                credits=people,
            )
        )
    seconds = max(how.style.title_seconds, reading_seconds(title) + 2.5)
    card = Card(
        frames=_frames(how, min(seconds, 14.0)),
        entrance_frames=_frames(how, how.style.prologue_seconds * 0.25) if shots else 0,
        role="title",
        sources=_spread(how, chosen, 3),
        heading=title,
        note=date_line,
        credits=people,
        backdrop=next(iter(_backdrop(chosen)), None),
        move=drift(how.style.zoom, nearer=True),
    )
    return Scene(story_id=None, title=title, shots=(*shots, card))


def _pictures_scene(
    how: Direction, group: Sequence[Picture], story: StoryText | None, dyes: dict[str, str], room: int
) -> Scene:
    shots: list[Shot] = []
    for index, picture in enumerate(group):
        entrance = _entrance(how, picture, is_first=index == 0)
        caption = _caption(how, picture, story, dyes, is_first=index == 0)
        shots.append(_shot(how, picture, caption, entrance, room))
    return Scene(story_id=group[0].story_id, title=story.title if story else "", shots=tuple(shots))


def _entrance(how: Direction, picture: Picture, *, is_first: bool) -> tuple[Entrance, int]:
    """Return how a picture comes in, and in how many frames."""
    style = how.style
    if is_first:
        return style.story_entrance, _frames(how, style.story_entrance_seconds)
    # By the picture, not by counting: a new story changes nothing in the others.
    if style.fan_every and _toss(how.seed, f"fan {picture.id}") % style.fan_every == 0:
        return "fan", _frames(how, style.entrance_seconds)
    return style.entrance, _frames(how, style.entrance_seconds)


def _caption(
    how: Direction, picture: Picture, story: StoryText | None, dyes: dict[str, str], *, is_first: bool
) -> Caption | None:
    """Return what is to be said of a picture, without its frames; None for nothing."""
    heading = story.title if story and is_first else ""
    is_named = how.style.labels == "every" or bool(heading)
    words = Caption(
        heading=heading,
        text=picture.caption,
        who=picture.contributor if is_named else "",
        when=_day(how, picture) if how.style.labels == "every" else "",
        dye=dyes.get(picture.given_by, how.style.accent),
        first=0,
        stop=0,
    )
    return words if any((words.heading, words.text, words.who, words.when)) else None


def _day(how: Direction, picture: Picture) -> str:
    return short_day(picture.taken_local, how.locale) if picture.taken_local else ""


def _shot(
    how: Direction, picture: Picture, caption: Caption | None, entrance: tuple[Entrance, int], room: int
) -> Shot:
    way, coming = entrance
    going = _crossfade(how)
    frames = max(_frames(how, _picture_seconds(how, picture)), coming + going + _frames(how, 0.4))
    if caption:
        # Words come when the entrance is nearly over and are gone before the next begins.
        first = max(1, round(coming * 0.7))
        reading = _frames(how, min(reading_seconds(caption.heading + caption.text) + 0.9, 12.0))
        if picture.kind == "photo":
            frames = max(frames, first + reading + going)
        caption = replace(caption, first=first, stop=max(first + 2, frames - going))
    tilt = round(how.style.tilt * (_toss(how.seed, f"tilt {picture.id}") % 201 / 100 - 1), 2)
    if picture.kind == "clip":
        spare = picture.duration_seconds - frames / how.fps
        return Clip(
            frames=frames,
            entrance_frames=coming,
            entrance=way,
            source=_source(picture),
            fit=clip_fit(how.size, picture.width, picture.height),
            start_seconds=round(max(0.0, spare / 2), 3),
            has_sound=picture.has_sound,
            room=room,
            tilt=tilt,
            caption=caption,
        )
    fit, move = frame_picture(
        how.size, picture.width, picture.height, how.style.zoom, _toss(how.seed, picture.id)
    )
    if how.style.stage.kind != "screen":
        move = drift(how.style.zoom, nearer=True)
    return Photo(
        frames=frames,
        entrance_frames=coming,
        entrance=way,
        source=_source(picture),
        fit=fit,
        move=move,
        room=room,
        tilt=tilt,
        caption=caption,
    )


def _rooms(how: Direction, story_ids: Sequence[str]) -> list[int]:
    """Return a room for each story, another one than its neighbours'; a new story changes few of the others."""
    if how.style.stage.kind != "gallery":
        return [0] * len(story_ids)
    rooms: list[int] = []
    for story_id in story_ids:
        room = _toss(how.seed, f"room {story_id}") % _ROOMS
        rooms.append((room + 1) % _ROOMS if rooms and rooms[-1] == room else room)
    return rooms


def _toss(seed: int, word: str) -> int:
    """Return a number that is the same for a picture whatever else is in the film."""
    return int.from_bytes(sha256(f"{seed}\0move\0{word}".encode()).digest()[:4], "big")


def _words_scene(
    how: Direction,
    story: StoryText,
    pages: Sequence[str],
    dyes: dict[str, str],
    chosen: Sequence[Picture],
    room: int,
) -> Scene:
    own = [picture for picture in chosen if picture.given_by == story.given_by]
    around = _backdrop(own) or _backdrop(chosen)
    backdrop = around[_toss(how.seed, story.story_id) % len(around)] if around else None
    shots = []
    for index, page in enumerate(pages):
        heading = story.title if index == 0 else ""
        shots.append(
            Card(
                frames=_frames(how, _page_seconds(how, story, index, page)),
                entrance_frames=_crossfade(how),
                role="text",
                heading=heading,
                body=page,
                note=story.contributor if index == len(pages) - 1 else "",
                credits=(Credit(name=story.contributor, dye=dyes[story.given_by]),)
                if story.contributor
                else (),
                backdrop=backdrop,
                move=drift(how.style.zoom, nearer=index % 2 == 0),
                room=room,
            )
        )
    return Scene(story_id=story.story_id, title=story.title, shots=tuple(shots))


def _pages(text: str, most: int, letters: int) -> list[str]:
    """Return `text` in at most so many pages of at most so many letters, cut between words; '…' where it goes on."""
    pages: list[str] = []
    page = ""
    for word in text.replace("\n", " \n ").split(" "):
        # A word longer than a page is no word; it is cut.
        for piece in [word[at : at + letters] for at in range(0, len(word), letters)]:
            if page and len(page) + 1 + len(piece) > letters:
                pages.append(page.strip())
                page = ""
            page = piece if not page else f"{page} {piece}"
    pages = [item for item in (*pages, page.strip()) if item]
    if len(pages) > most:
        pages = pages[:most]
        pages[-1] = pages[-1].rstrip(" .,") + " …"
    return pages


def _end_scene(how: Direction, people: tuple[Credit, ...], end_line: str, chosen: Sequence[Picture]) -> Scene:
    backdrops = _backdrop(chosen)
    count = max(1, math.ceil(len(people) / _NAMES_PER_PAGE))
    size = math.ceil(len(people) / count)
    shots = tuple(
        Card(
            frames=_frames(how, how.style.end_seconds),
            entrance_frames=_crossfade(how),
            role="end",
            heading=end_line,
            note=how.soundtrack.title,
            credits=people[page * size : (page + 1) * size],
            sources=_spread(how, chosen, 9),
            backdrop=backdrops[-1] if backdrops else None,
            move=drift(how.style.zoom, nearer=False),
        )
        for page in range(count)
    )
    return Scene(story_id=None, title="", shots=shots)
