"""Directing: from pictures and words to a montage plan."""

from __future__ import annotations

import math
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
    FilmStyle,
    MontagePlan,
    Photo,
    Scene,
    Shot,
    Size,
    Soundtrack,
    Source,
)

#: "About three minutes" with the classic style.
USUAL_PICTURES = 60
#: What `short` means.
SHORT_SECONDS = 75.0
#: Between these a picture's time is bent to reach a wished length.
SHORTEST_PHOTO_SECONDS, LONGEST_PHOTO_SECONDS = 2.4, 6.4
#: Slow readers: Latin and Korean characters per second.
READING_LATIN, READING_KOREAN = 14.0, 9.0
_LETTERS_PER_PAGE = 300
_PAGES_PER_STORY = 3
_NAMES_PER_PAGE = 24


@dataclass(frozen=True, kw_only=True)
class StoryText:
    """The words of a story."""

    story_id: str
    title: str
    text: str = ""
    contributor: str


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
    seed: int = 0


def direct(
    *,
    title: str,
    date_line: str = "",
    pictures: Iterable[Picture],
    stories: Sequence[StoryText] = (),
    contributors: Sequence[str] = (),
    end_line: str = "",
    direction: Direction | None = None,
) -> MontagePlan:
    """
    Plan a film: title card, the stories' pictures in order with their titles, stories without pictures as
    cards, end card.

    `contributors` are the names on the end card, in order; names that only pictures or stories know are
    added. `date_line` stands under the title ('2016 - 2026'), `end_line` above the names. Stories without any
    picture come after the others. Without pictures the film is title, texts and names. The same input gives
    the same plan.
    """
    how = direction or Direction()
    given = list(pictures)
    chosen = choose(given, _limit(how, given, stories), how.seed)
    names = _names(contributors, stories, given)
    dyes = {name: how.style.dyes[index % len(how.style.dyes)] for index, name in enumerate(names)}
    how = replace(how, style=_paced(how, chosen))
    scenes = [_title_scene(how, title, date_line, names, dyes, chosen)]
    scenes += [_pictures_scene(how, group, story, dyes) for story, group in _grouped(how, chosen, stories)]
    pictured = {picture.story_id for picture in given}
    scenes += [
        _words_scene(how, story, dyes, chosen)
        for story in stories
        if story.story_id not in pictured and (story.title or story.text)
    ]
    if names or end_line:
        scenes.append(_end_scene(how, names, dyes, end_line, chosen))
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
            gone = shot.backdrop is not None and shot.backdrop.id in broken
            kept.append(replace(shot, backdrop=None) if gone else shot)
        elif shot.source.id in broken:
            homeless = homeless or shot.caption
            fade = shot.fade_frames
        else:
            kept.append(_with_caption(shot, homeless) if homeless else shot)
            homeless = None
    if homeless and not kept:
        frames = max(round(plan.style.photo_seconds * plan.fps), homeless.stop + homeless.first)
        kept.append(
            Card(frames=frames, fade_frames=fade, role="text", heading=homeless.heading, note=homeless.note)
        )
    return replace(scene, shots=tuple(kept))


def _with_caption(shot: Photo | Clip, caption: Caption) -> Photo | Clip:
    if shot.caption is not None:
        note = " · ".join(filter(None, (caption.note, shot.caption.note)))
        caption = replace(caption, heading=caption.heading or shot.caption.heading, note=note)
    return replace(shot, caption=caption, frames=max(shot.frames, caption.stop + caption.first))


def reading_seconds(text: str) -> float:
    """Return how long a slow reader needs for `text`."""
    korean = sum("가" <= letter <= "힣" for letter in text)
    return korean / READING_KOREAN + (len(text) - korean) / READING_LATIN


def _frames(how: Direction, seconds: float) -> int:
    return max(1, round(seconds * how.fps))


def _crossfade(how: Direction) -> int:
    return _frames(how, how.style.crossfade_seconds)


def _picture_seconds(how: Direction, picture: Picture) -> float:
    if picture.kind == "clip":
        longest = how.style.longest_clip_seconds
        return max(min(picture.duration_seconds, longest), 2 * how.style.crossfade_seconds + 0.4)
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
    return style.title_seconds + style.end_seconds - style.crossfade_seconds


def _limit(how: Direction, pictures: Sequence[Picture], stories: Sequence[StoryText]) -> int | None:
    if how.length == "full":
        return None
    wished = _wished_seconds(how)
    if wished is None:
        return how.limit
    pictured = {picture.story_id for picture in pictures}
    words = sum(
        reading_seconds(story.title + story.text) for story in stories if story.story_id not in pictured
    )
    room = max(0.0, wished - _around_pictures(how) - words)
    each = how.style.photo_seconds - how.style.crossfade_seconds
    return max(1, round(room / max(0.2, each)))


def _paced(how: Direction, chosen: Sequence[Picture]) -> FilmStyle:
    """Return the style with photos shown longer or shorter, so that the film gets the wished length."""
    wished = _wished_seconds(how)
    photos = [picture for picture in chosen if picture.kind == "photo"]
    if wished is None or not photos:
        return how.style
    clips = sum(
        _picture_seconds(how, picture) - how.style.crossfade_seconds
        for picture in chosen
        if picture.kind == "clip"
    )
    each = (wished - _around_pictures(how) - clips) / len(photos) + how.style.crossfade_seconds
    floor = max(SHORTEST_PHOTO_SECONDS, 2.5 * how.style.crossfade_seconds)
    return replace(how.style, photo_seconds=min(max(each, floor), max(floor, LONGEST_PHOTO_SECONDS)))


def _names(
    contributors: Sequence[str], stories: Sequence[StoryText], pictures: Sequence[Picture]
) -> list[str]:
    found = [
        *contributors,
        *(story.contributor for story in stories),
        *(item.contributor for item in sorted(pictures, key=when)),
    ]
    return [name for name in dict.fromkeys(found) if name]


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


def _source(picture: Picture) -> Source:
    return Source(id=picture.id, file=picture.file, width=picture.width, height=picture.height)


def _title_scene(
    how: Direction,
    title: str,
    date_line: str,
    names: Sequence[str],
    dyes: dict[str, str],
    chosen: Sequence[Picture],
) -> Scene:
    seconds = max(how.style.title_seconds, reading_seconds(title) + 2.5)
    card = Card(
        frames=_frames(how, min(seconds, 14.0)),
        fade_frames=0,
        role="title",
        heading=title,
        note=date_line,
        credits=tuple(Credit(name=name, dye=dyes[name]) for name in names),
        backdrop=next(iter(_backdrop(chosen)), None),
        move=drift(how.style.zoom, nearer=True),
    )
    return Scene(story_id=None, title=title, shots=(card,))


def _pictures_scene(
    how: Direction, group: Sequence[Picture], story: StoryText | None, dyes: dict[str, str]
) -> Scene:
    shots: list[Shot] = []
    for index, picture in enumerate(group):
        heading = story.title if story and index == 0 else ""
        note = " · ".join(filter(None, (picture.contributor if heading else "", picture.caption)))
        shots.append(_shot(how, picture, heading, note, dyes.get(picture.contributor, how.style.accent)))
    return Scene(story_id=group[0].story_id, title=story.title if story else "", shots=tuple(shots))


def _shot(how: Direction, picture: Picture, heading: str, note: str, dye: str) -> Shot:
    fade = _crossfade(how)
    frames = _frames(how, _picture_seconds(how, picture))
    caption: Caption | None = None
    if heading or note:
        # Words come when the crossfade is nearly over and are gone before the next begins.
        first = max(1, round(fade * 0.7))
        reading = _frames(how, min(reading_seconds(heading + note) + 0.9, 12.0))
        if picture.kind == "photo":
            frames = max(frames, first + reading + fade)
        caption = Caption(
            heading=heading, note=note, dye=dye, first=first, stop=max(first + 2, frames - fade)
        )
    if picture.kind == "clip":
        spare = picture.duration_seconds - frames / how.fps
        return Clip(
            frames=frames,
            fade_frames=fade,
            source=_source(picture),
            fit=clip_fit(how.size, picture.width, picture.height),
            start_seconds=round(max(0.0, spare / 2), 3),
            has_sound=picture.has_sound,
            caption=caption,
        )
    fit, move = frame_picture(
        how.size, picture.width, picture.height, how.style.zoom, _toss(how.seed, picture.id)
    )
    return Photo(
        frames=frames, fade_frames=fade, source=_source(picture), fit=fit, move=move, caption=caption
    )


def _toss(seed: int, word: str) -> int:
    """Return a number that is the same for a picture whatever else is in the film."""
    return int.from_bytes(sha256(f"{seed}\0move\0{word}".encode()).digest()[:4], "big")


def _words_scene(how: Direction, story: StoryText, dyes: dict[str, str], chosen: Sequence[Picture]) -> Scene:
    own = [picture for picture in chosen if picture.contributor == story.contributor]
    around = _backdrop(own) or _backdrop(chosen)
    backdrop = around[_toss(how.seed, story.story_id) % len(around)] if around else None
    pages = _pages(story.text) or [""]
    shots = []
    for index, page in enumerate(pages):
        heading = story.title if index == 0 else ""
        seconds = reading_seconds(heading + page + story.contributor) + 2 * how.style.crossfade_seconds + 0.6
        shots.append(
            Card(
                frames=_frames(how, max(how.style.photo_seconds, seconds)),
                fade_frames=_crossfade(how),
                role="text",
                heading=heading,
                body=page,
                note=story.contributor if index == len(pages) - 1 else "",
                credits=(Credit(name=story.contributor, dye=dyes[story.contributor]),)
                if story.contributor
                else (),
                backdrop=backdrop,
                move=drift(how.style.zoom, nearer=index % 2 == 0),
            )
        )
    return Scene(story_id=story.story_id, title=story.title, shots=tuple(shots))


def _pages(text: str) -> list[str]:
    """Return `text` in pages of readable length, cut between words; a very long text ends in an ellipsis."""
    pages: list[str] = []
    page = ""
    for word in text.replace("\n", " \n ").split(" "):
        # A word longer than a page is no word; it is cut.
        for piece in [word[at : at + _LETTERS_PER_PAGE] for at in range(0, len(word), _LETTERS_PER_PAGE)]:
            if page and len(page) + 1 + len(piece) > _LETTERS_PER_PAGE:
                pages.append(page.strip())
                page = ""
            page = piece if not page else f"{page} {piece}"
    pages = [item for item in (*pages, page.strip()) if item]
    if len(pages) > _PAGES_PER_STORY:
        pages = pages[:_PAGES_PER_STORY]
        pages[-1] = pages[-1].rstrip(" .,") + " …"
    return pages


def _end_scene(
    how: Direction, names: Sequence[str], dyes: dict[str, str], end_line: str, chosen: Sequence[Picture]
) -> Scene:
    backdrops = _backdrop(chosen)
    count = max(1, math.ceil(len(names) / _NAMES_PER_PAGE))
    size = math.ceil(len(names) / count) if names else 0
    shots = tuple(
        Card(
            frames=_frames(how, how.style.end_seconds),
            fade_frames=_crossfade(how),
            role="end",
            heading=end_line,
            credits=tuple(
                Credit(name=name, dye=dyes[name]) for name in names[page * size : (page + 1) * size]
            ),
            backdrop=backdrops[-1] if backdrops else None,
            move=drift(how.style.zoom, nearer=False),
        )
        for page in range(count)
    )
    return Scene(story_id=None, title="", shots=shots)
