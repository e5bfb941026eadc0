"""Opened capsules as pages see them, made of nothing but values."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from memorycapsule.daemon.http.guests.photo_layout import ShownStories
from memorycapsule.domain.capsules import Capsule, CapsuleState, Member, Role
from memorycapsule.domain.capture_times import CaptureTime
from memorycapsule.domain.stories import Medium, MediumDetails, MediumKind, Story, StoryWords
from memorycapsule.services.album.albums import Album
from memorycapsule.services.album.story_views import MediumView, StoryView
from memorycapsule.services.reading import OpenedView
from support.moments import NOW

SIZES = {"wide": (1600, 1200), "tall": (1200, 1600), "square": (1000, 1000)}


def picture(
    orientation: str = "wide",
    *,
    kind=MediumKind.PHOTO,
    taken: datetime | None = None,
    file: str = "a.jpg",
    caption: str | None = None,
) -> MediumView:
    """A photo or clip of that orientation, taken at a wall time."""
    medium = Medium(
        id=str(uuid.uuid4()),
        story_id="story",
        capsule_id="capsule",
        kind=kind,
        position=0,
        duplicate_mark="",
        details=b"",
        is_sealed=False,
        original_blob="o",
        display_blob="d",
        thumbnail_blob="t",
        clip_blob=None,
        created_at=NOW,
    )
    width, height = SIZES[orientation]
    details = MediumDetails(
        file=file,
        caption=caption,
        sha256="",
        bytes=1,
        format="JPEG",
        width=width,
        height=height,
        taken=CaptureTime(local=taken) if taken else None,
        has_gps=False,
        duration_seconds=None,
        has_sound=False,
    )
    return MediumView(medium=medium, details=details, taken_local=taken)


@dataclass(frozen=True, kw_only=True)
class OpenedCapsule:
    """An open capsule, and its stories as they are read."""

    view: OpenedView
    stories: list[StoryView]

    @property
    def shown(self) -> ShownStories:
        return ShownStories({one.story.id: one for one in self.stories})


def opened(*stories: list[MediumView], theme: str = "photocard") -> OpenedCapsule:
    """An open capsule of Ada's with these stories, called Story 0, Story 1 and so on."""
    member = Member(
        id="member", capsule_id="capsule", account_id="ada", role=Role.OWNER, name="Ada", joined_at=NOW
    )
    capsule = Capsule(
        id="capsule",
        slug="summer",
        title="Summer",
        message=None,
        theme=theme,
        film_photos=60,
        state=CapsuleState.OPEN,
        opens_local=NOW.replace(tzinfo=None),
        zone="UTC",
        fold=0,
        opens_at=NOW,
        zone_rules="",
        recipient="",
        seal_level=1,
        generation=1,
        made_by="ada",
        created_at=NOW,
        opened_at=NOW,
        cover_blob=None,
        soundtrack_blob=None,
    )
    views = [
        StoryView(
            story=Story(
                id=f"story-{number}",
                capsule_id="capsule",
                member_id="member",
                attached_by="ada",
                session_id="session",
                position=number,
                words=b"",
                is_sealed=False,
                created_at=NOW,
                changed_at=NOW,
            ),
            author=member,
            words=StoryWords(title=f"Story {number}", text=""),
            media=media,
        )
        for number, media in enumerate(stories)
    ]
    album = Album.from_json(Album.of(capsule, views, {}).to_json())
    view = OpenedView(
        capsule=capsule, member=member, contributions=[], invitations=[], album=album, montages=[]
    )
    return OpenedCapsule(view=view, stories=views)
