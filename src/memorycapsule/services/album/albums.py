"""
Albums: the order of an open capsule's stories and photos, worked out once and kept.

Which story comes first follows from when all photos were taken, and on which clock a clip was taken follows from the
other photos of its author. So everything has to be read for it, also where a page shows twelve stories of a thousand.
After its date nothing is put into a capsule and nothing is taken out. So this is done once, and whoever reads a page
afterwards reads the album and what that page shows.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple, Self

from memorycapsule.domain.capsules import Capsule, Contribution, Member
from memorycapsule.domain.stories import MediumKind
from memorycapsule.domain.zones import local_of
from memorycapsule.errors import CapsuleError
from memorycapsule.services.album.story_views import MediumView, StoryView, whole_stories
from memorycapsule.services.vault import Vault
from memorycapsule.store import albums as album_store
from memorycapsule.store import stories as story_store
from memorycapsule.store.transactions import Store

#: The form in which albums are kept; what was kept in another one is arranged anew.
_FORM = 1
#: Whoever comes while a capsule is arranged waits, and finds its album. Few capsules share a lock.
_ARRANGING = tuple(threading.Lock() for _ in range(64))


class AlbumMedium(NamedTuple):
    """A photo, clip or voice note in its place."""

    id: str
    #: As `MediumKind` has it.
    kind: str
    #: When it was taken by the clock on the wall, in ISO 8601; "" where nothing tells. See `MediumView.taken_local`.
    local: str
    #: Whether that can be believed.
    is_dated: bool

    @property
    def taken_local(self) -> datetime | None:
        """The wall time at which it was taken, naive, whether or not that can be believed."""
        return datetime.fromisoformat(self.local) if self.local else None

    @property
    def dated_local(self) -> datetime | None:
        """The wall time at which it was taken, None where its file gave none that can be believed."""
        return self.taken_local if self.is_dated else None

    @property
    def month(self) -> str:
        """The month of that, such as '2019-08'; "" for None."""
        return self.local[:7] if self.is_dated else ""


class AlbumStory(NamedTuple):
    """A story in its place."""

    id: str
    member_id: str
    title: str
    #: Its wall time in ISO 8601: when its first photo was taken, or else when it was written.
    local: str
    #: In their order; without those that cannot be read any more.
    media: tuple[AlbumMedium, ...]
    #: How many media of each kind it has, those that cannot be read among them.
    counts: Mapping[str, int]

    @property
    def told_local(self) -> datetime:
        """Its wall time, naive."""
        return datetime.fromisoformat(self.local)

    @property
    def pictures(self) -> list[AlbumMedium]:
        """Its photos and clips."""
        return [one for one in self.media if one.kind != MediumKind.VOICE]

    @property
    def voices(self) -> list[AlbumMedium]:
        """Its voice notes."""
        return [one for one in self.media if one.kind == MediumKind.VOICE]


@dataclass(frozen=True)
class Album:
    """All stories of an open capsule in order, and all media of each."""

    stories: tuple[AlbumStory, ...]

    @classmethod
    def of(
        cls, capsule: Capsule, views: Iterable[StoryView], counts: Mapping[str, Mapping[str, int]]
    ) -> Self:
        """Arrange all stories of a capsule; `counts` holds the numbers of media by the ids of stories."""
        found = [
            (view.story.created_at, _arranged(capsule, view, counts.get(view.story.id, {}))) for view in views
        ]
        in_order = sorted(found, key=lambda one: (one[1].told_local, one[0]))
        return cls(tuple(story for _, story in in_order))

    @classmethod
    def from_json(cls, text: bytes | None) -> Self | None:
        """Read what `to_json` wrote; None for None, and for what no program of this version has written."""
        try:
            kept = json.loads(text or "{}")
        except ValueError:
            return None
        if kept.get("form") != _FORM:
            return None
        return cls(
            tuple(
                AlbumStory(story_id, member_id, title, local, tuple(map(AlbumMedium._make, media)), counts)
                for story_id, member_id, title, local, media, counts in kept["stories"]
            )
        )

    def to_json(self) -> bytes:
        """Return the album as it is kept."""
        kept = {"form": _FORM, "stories": self.stories}
        return json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode()

    @cached_property
    def _media(self) -> dict[str, AlbumMedium]:
        return {medium.id: medium for story in self.stories for medium in story.media}

    def taken_local(self, medium_id: str) -> datetime | None:
        """Return the wall time of a medium, as `MediumView` has it."""
        found = self._media.get(medium_id)
        return found.taken_local if found else None

    def contributions(self, members: Iterable[Member]) -> list[Contribution]:
        """Return how much each member has put in; former members, too, whose stories are there."""
        stories = Counter(story.member_id for story in self.stories)
        media: dict[str, Counter[str]] = {}
        for story in self.stories:
            media.setdefault(story.member_id, Counter()).update(story.counts)
        return [
            Contribution(
                member=member,
                stories=stories[member.id],
                photos=counts[MediumKind.PHOTO],
                clips=counts[MediumKind.CLIP],
                voices=counts[MediumKind.VOICE],
            )
            for member in members
            if member.left_at is None or member.id in stories
            for counts in [media.get(member.id, Counter())]
        ]


def arrange(store: Store, vault: Vault, capsule: Capsule) -> Album:
    """
    Arrange all that is in an open capsule, and keep that, unless somebody has kept it meanwhile.

    An album is not kept where something cannot be read: it may be brought back.
    """
    with _ARRANGING[hash(capsule.id) % len(_ARRANGING)]:
        with store.reading() as tx:
            if kept := Album.from_json(album_store.find(tx, capsule.id)):
                return kept
            sealed = whole_stories(tx, vault, capsule, story_store.of_capsule(tx, capsule.id))
        views = sealed.views()
        counts = {
            story_id: Counter(one.kind.value for one in found) for story_id, found in sealed.media.items()
        }
        album = Album.of(capsule, views, counts)
        if all(view.damage is None and len(view.media) == len(sealed.media[view.story.id]) for view in views):
            # Reading works even while nothing can be written.
            with contextlib.suppress(CapsuleError), store.transaction() as tx:
                album_store.keep(tx, capsule.id, album.to_json())
    return album


def _arranged(capsule: Capsule, view: StoryView, counts: Mapping[str, int]) -> AlbumStory:
    media = tuple(_placed(capsule, one) for one in view.media)
    dated = [one.local for one in media if one.is_dated]
    written = local_of(view.story.created_at, capsule.zone).replace(tzinfo=None)
    return AlbumStory(
        id=view.story.id,
        member_id=view.author.id,
        title=view.words.title,
        # As text, they are in the order of time: all are naive, and years have four digits.
        local=min(dated, default=written.isoformat(timespec="microseconds")),
        media=media,
        counts=counts,
    )


def _placed(capsule: Capsule, view: MediumView) -> AlbumMedium:
    # Loaded only where a capsule is arranged: every command reads through the gate.
    from memorycapsule.domain.film.camera_clocks import is_made_up

    taken, local = view.details.taken, view.taken_local
    at = taken.at_in(capsule.zone) if taken else None
    is_dated = local is not None and at is not None and not is_made_up(local, at, view.medium.created_at)
    return AlbumMedium(
        id=view.medium.id,
        kind=view.medium.kind.value,
        local=local.isoformat(timespec="microseconds") if local else "",
        is_dated=is_dated,
    )
