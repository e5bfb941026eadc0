"""Stories as a viewer may see them: read in a transaction, and unsealed after it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from memorycapsule.domain.capsules import Capsule, Member
from memorycapsule.domain.capture_times import TakenForm, wall_times_of
from memorycapsule.domain.stories import Medium, MediumDetails, Story, StoryWords
from memorycapsule.errors import CapsuleError
from memorycapsule.seal.envelopes import DamagedEnvelope
from memorycapsule.services.vault import Unsealer, Vault
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import stories as story_store
from memorycapsule.store.transactions import Transaction

_Details = list[tuple[Medium, MediumDetails]]


@dataclass(frozen=True, kw_only=True)
class MediumView:
    """A photo, clip or voice note that the viewer may see."""

    medium: Medium
    details: MediumDetails
    #: When it was taken by the clock on the wall, naive; see `capture_times.WallTimes`. None where nothing tells.
    taken_local: datetime | None


@dataclass(frozen=True, kw_only=True)
class StoryView:
    """A story that the viewer may see."""

    story: Story
    author: Member
    #: Empty where they cannot be read any more: `damage` says why.
    words: StoryWords
    media: list[MediumView]
    damage: CapsuleError | None = None


@dataclass(frozen=True, kw_only=True)
class SealedStories:
    """Stories as they were read in a transaction, to be unsealed after it."""

    stories: Sequence[Story]
    #: By the ids of their stories, and of those in `beside`.
    media: Mapping[str, Sequence[Medium]]
    #: By the ids of members.
    authors: Mapping[str, Member]
    unsealer: Unsealer
    zone_name: str
    #: Further ones of the same authors, whose photos tell on which clock a clip was taken.
    beside: Sequence[Story] = ()

    def views(self, taken_local: Callable[[str], datetime | None] | None = None) -> list[StoryView]:
        """
        Return the stories with all of them that can be read: a damaged medium must not hide the others.

        `taken_local` tells the wall times by the ids of media, where they have been found before.
        """
        media = {story.id: self._media(story) for story in self.stories}
        of_medium = taken_local or self._wall_times(media).get
        return [self._view(one, media[one.id], of_medium) for one in self.stories]

    def _wall_times(self, media: Mapping[str, _Details]) -> dict[str, datetime | None]:
        captures = [(one.member_id, details.taken) for one in self.stories for _, details in media[one.id]]
        if any(taken and taken.form is TakenForm.INSTANT for _, taken in captures):
            captures += [(one.member_id, found.taken) for one in self.beside for _, found in self._media(one)]
        times = wall_times_of(self.zone_name, captures)
        return {
            medium.id: times[story.member_id].of(details.taken)
            for story in self.stories
            for medium, details in media[story.id]
        }

    def _view(
        self, story: Story, media: _Details, taken_local: Callable[[str], datetime | None]
    ) -> StoryView:
        damage = None
        try:
            words = self.unsealer.words_of(story)
        except DamagedEnvelope as error:
            words, damage = StoryWords(title="", text=""), error
        views = [
            MediumView(medium=medium, details=details, taken_local=taken_local(medium.id))
            for medium, details in media
        ]
        return StoryView(
            story=story, author=self.authors[story.member_id], words=words, media=views, damage=damage
        )

    def _media(self, story: Story) -> _Details:
        media = []
        for medium in self.media[story.id]:
            with contextlib.suppress(DamagedEnvelope):
                media.append((medium, self.unsealer.details_of(medium)))
        return media


def sealed_stories(
    tx: Transaction,
    vault: Vault,
    capsule: Capsule,
    stories: Sequence[Story],
    *,
    media: Mapping[str, Sequence[Medium]],
    authors: Mapping[str, Member],
    beside: Sequence[Story] = (),
) -> SealedStories:
    """Return stories of a capsule with their media, by the ids of stories, and with what unseals them."""
    is_sealed = any(one.is_sealed for one in stories) or any(
        one.is_sealed for found in media.values() for one in found
    )
    return SealedStories(
        stories=stories,
        beside=beside,
        media=media,
        authors=authors,
        # Where nothing is sealed any more, no key is asked for.
        unsealer=vault.unsealer(tx, capsule.id) if is_sealed else Unsealer(key=vault.key, envelope=None),
        zone_name=capsule.zone,
    )


def whole_stories(
    tx: Transaction, vault: Vault, capsule: Capsule, stories: Sequence[Story], beside: Sequence[Story] = ()
) -> SealedStories:
    """Return stories of a capsule with all of their media, and with what unseals them."""
    media = story_store.media_by_story(tx, [story.id for story in (*stories, *beside)])
    authors = {one.id: one for one in capsule_store.ever_members_of(tx, capsule.id)}
    return sealed_stories(tx, vault, capsule, stories, media=media, authors=authors, beside=beside)
