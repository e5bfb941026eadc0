"""Which pictures come into a film: a fair and stable choice over contributors and their stories."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Literal

from memorycapsule.domain.film.picture_analysis import PictureAnalysis

#: Sorts pictures without a date behind all others.
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class VoiceNote:
    """A prepared voice note of a story."""

    id: str
    #: Name inside the folder of pictures.
    file: str
    duration_seconds: float


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A prepared photo or clip of a story."""

    id: str
    kind: Literal["photo", "clip"]
    #: Name inside the folder of pictures.
    file: str
    #: Pixels of that file, upright; the original may be larger.
    width: int
    height: int
    #: Of a clip; 0 for a photo.
    duration_seconds: float = 0.0
    has_sound: bool = False
    #: Aware; None when nothing is known about it.
    taken_at: datetime | None = None
    #: The camera's own wall time, naive: the day that people remember.
    taken_local: datetime | None = None
    #: Where one without a time stands among the others: at noon of its day, or at the time of its neighbour in the
    #: story; see `camera_clocks`.
    beside_at: datetime | None = None
    #: When it was taken by the clock of the satellites; aware.
    gps_at: datetime | None = None
    #: Tells cameras apart; '' for an unknown one.
    camera: str = ""
    story_id: str
    #: Place within the story.
    position: int = 0
    contributor: str
    #: Tells contributors of one name apart; '' for the name itself.
    contributor_id: str = ""
    caption: str = ""
    #: None until it was analysed.
    analysis: PictureAnalysis | None = None
    #: What its red, green and blue are multiplied by in the film, in linear light; see `grading`.
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0)

    @property
    def contributor_key(self) -> str:
        """Return what tells contributors apart, for a fair choice and for their dyes."""
        return self.contributor_id or self.contributor


def film_order(picture: Picture) -> tuple[datetime, str, int, str]:
    """
    Return what pictures are sorted by in a film: the time they were taken, then story and place in it. Pictures
    without a date stand beside their neighbour, or last.
    """
    return (picture.taken_at or picture.beside_at or _NEVER, picture.story_id, picture.position, picture.id)


def choose_pictures(pictures: Iterable[Picture], limit: int | None, seed: int = 0) -> tuple[Picture, ...]:
    """
    Choose at most `limit` pictures (None: all), fair to all contributors, in chronological order.

    Contributors take turns, each adding one picture, until the limit is reached or nothing is left; so nobody
    gets fewer than another unless they gave fewer. Within a contributor's share their stories take turns in
    the same way, and within a story a fixed shuffle by `seed` decides. All orders are by digest and
    independent of what else is there, so that a new story replaces at most as many pictures as it brings, and
    no picture that was left out comes in because of it.
    """
    by_contributor: dict[str, dict[str, list[Picture]]] = {}
    for picture in sorted(pictures, key=film_order):
        by_contributor.setdefault(picture.contributor_key, {}).setdefault(picture.story_id, []).append(
            picture
        )

    shares: list[list[Picture]] = []
    for contributor in sorted(by_contributor, key=lambda person: _shuffled(seed, person)):
        stories = by_contributor[contributor]
        order = sorted(stories, key=lambda story: _shuffled(seed, story))
        shares.append(
            _take_turns(
                [sorted(stories[story], key=lambda item: _shuffled(seed, item.id)) for story in order]
            )
        )
    queue = _take_turns(shares)
    return tuple(sorted(queue if limit is None else queue[: max(0, limit)], key=film_order))


def _take_turns(queues: Sequence[Sequence[Picture]]) -> list[Picture]:
    longest = max((len(queue) for queue in queues), default=0)
    return [queue[turn] for turn in range(longest) for queue in queues if turn < len(queue)]


def _shuffled(seed: int, word: str) -> bytes:
    return sha256(f"{seed}\0{word}".encode()).digest()
