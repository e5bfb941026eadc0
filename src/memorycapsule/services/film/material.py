"""Material: what a film is made of, as the store holds it: stories, pictures, music and direction."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from memorycapsule import themes
from memorycapsule.domain.capsules import Capsule, Member
from memorycapsule.domain.capture_times import WallTimes, wall_times_of
from memorycapsule.domain.film.camera_clocks import with_capture_time
from memorycapsule.domain.film.direction import Direction, StoryText, direct, parse_length
from memorycapsule.domain.film.framing import DISPLAY_SIDE, fitted_size
from memorycapsule.domain.film.montages import Montage, Omission, omission_of
from memorycapsule.domain.film.picture_choice import Picture, VoiceNote
from memorycapsule.domain.film.plan import MontagePlan, Soundtrack
from memorycapsule.domain.film.sizes import Size
from memorycapsule.domain.stories import Medium, MediumDetails, MediumKind, Story, StoryWords
from memorycapsule.domain.zones import local_of
from memorycapsule.errors import CapsuleError
from memorycapsule.media import clips
from memorycapsule.services.vault import Unsealer, Vault
from memorycapsule.store import accounts as account_store
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import stories as story_store
from memorycapsule.store.transactions import Store, Transaction
from memorycapsule.themes import Theme
from memorycapsule.words.catalogues import wording
from memorycapsule.words.dates import day_in_words, short_day

#: The file of the music in the folder of pictures.
SOUNDTRACK_FILE = "soundtrack"
#: How the files of voice notes end there.
VOICE_ENDING = ".m4a"


@dataclass(frozen=True, kw_only=True)
class Material:
    """What a film is made of, as it was read in one transaction."""

    capsule: Capsule
    title: str
    members: list[Member]
    pictures: list[Picture]
    texts: list[StoryText]
    direction: Direction
    #: Digest of all this, and of nothing that changes when the capsule opens.
    fingerprint: str
    #: What could not be read.
    report: tuple[Omission, ...]


def read_material(store: Store, vault: Vault, montage: Montage, size: Size, fps: int) -> Material:
    """Return what the film of a montage is made of; what cannot be read is left out and reported."""
    with store.reading() as tx:
        capsule = capsule_store.capsules.get(tx, montage.capsule_id)
        members = {member.id: member for member in capsule_store.ever_members_of(tx, capsule.id)}
        stories = _chosen_stories(tx, montage)
        media = story_store.media_by_story(tx, [story.id for story in stories])
        unsealer = vault.unsealer(tx, capsule.id)
        locale = capsule.film_language or account_store.accounts.get(tx, capsule.made_by).locale
    shown = {story.member_id for story in stories}
    details_by_medium = {one.id: _details(unsealer, one) for story in stories for one in media[story.id]}
    times = wall_times_of(
        capsule.zone,
        (
            (story.member_id, details.taken)
            for story in stories
            for one in media[story.id]
            if isinstance(details := details_by_medium[one.id], MediumDetails)
        ),
    )
    pictures: list[Picture] = []
    texts: list[StoryText] = []
    report: list[Omission] = []
    for story in stories:
        member = members[story.member_id]
        author = member.name
        notes: list[VoiceNote] = []
        for medium in media[story.id]:
            details = details_by_medium[medium.id]
            if isinstance(details, CapsuleError):
                report.append(omission_of(medium.id, _left_out(medium.kind, author, details)))
            elif medium.kind is MediumKind.VOICE:
                notes.append(_note(medium, details))
            else:
                pictures.append(_picture(capsule, medium, details, member, times[member.id]))
        try:
            words = unsealer.words_of(story)
        except CapsuleError as error:
            left_out = CapsuleError("film_words_left_out", author=author, problem=error)
            report.append(omission_of(story.id, left_out))
            if not notes:
                continue
            words = StoryWords(title="", text="")
        texts.append(
            StoryText(
                story_id=story.id,
                title=words.title,
                text=words.text,
                contributor=author,
                contributor_id=member.id,
                notes=tuple(notes),
            )
        )
    direction = _direction(capsule, montage, locale, size, fps)
    shown_members = [member for member in members.values() if member.id in shown]
    title = montage.title or capsule.title
    # All that `direct` is given. Rows would not do: what lies in them changes when it is unsealed.
    inputs = (
        (title, _date_line(capsule, direction.language), montage.soundtrack_blob, direction),
        (pictures, texts, [(member.id, member.name) for member in shown_members], report),
    )
    return Material(
        capsule=capsule,
        title=title,
        members=shown_members,
        pictures=pictures,
        texts=texts,
        direction=direction,
        fingerprint=hashlib.sha256(repr(inputs).encode()).hexdigest(),
        report=tuple(report),
    )


def plan_film(material: Material, direction: Direction, pictures: Sequence[Picture]) -> MontagePlan:
    """Return the plan of a film of these pictures, which may be fewer than the material has."""
    return direct(
        title=material.title,
        date_line=_date_line(material.capsule, direction.language),
        pictures=pictures,
        stories=material.texts,
        contributors=[(member.id, member.name) for member in material.members],
        end_line=wording(direction.language)("film_end_line"),
        direction=direction,
    )


def estimated_seconds(store: Store, vault: Vault, montage: Montage, *, size: Size, fps: int) -> float:
    """Return about how many seconds a film would last, before any of its pictures is analysed."""
    material = read_material(store, vault, montage, size, fps)
    return plan_film(material, material.direction, material.pictures).seconds


def fingerprint(store: Store, vault: Vault, montage: Montage, *, size: Size, fps: int) -> str:
    """Return the digest of all that the plan of a film would be made of now."""
    return read_material(store, vault, montage, size, fps).fingerprint


def open_song(store: Store, vault: Vault, montage: Montage) -> BinaryIO | None:
    """Return the song to put beside the pictures: people's own, or another theme's; None for the theme's own."""
    with store.reading() as tx:
        capsule = capsule_store.capsules.get(tx, montage.capsule_id)
        own = vault.source_of(tx, montage.soundtrack_blob) if montage.soundtrack_blob else None
    if own:
        return own.open()
    chosen = _chosen_music(capsule, montage)
    return chosen.soundtrack.open("rb") if chosen else None


def _direction(capsule: Capsule, montage: Montage, locale: str, size: Size, fps: int) -> Direction:
    theme = themes.load(capsule.theme)
    chosen = _chosen_music(capsule, montage)
    if montage.soundtrack_blob:
        soundtrack = Soundtrack(file=SOUNDTRACK_FILE)
    elif chosen:
        soundtrack = replace(chosen.own_soundtrack(locale), file=SOUNDTRACK_FILE)
    else:
        soundtrack = theme.own_soundtrack(locale)
    return Direction(
        size=size,
        fps=fps,
        theme=theme.name,
        style=theme.film,
        soundtrack=soundtrack,
        limit=capsule.film_photos,
        length=parse_length(montage.length),
        keeps_story_order=bool(montage.story_ids),
        language=locale,
        day_in_words=lambda day: short_day(day, locale),
        seed=int(uuid.UUID(capsule.id)) & 0xFFFF_FFFF,
    )


def _chosen_music(capsule: Capsule, montage: Montage) -> Theme | None:
    """Return the theme whose music was chosen for a film, None where it is the theme's own."""
    chosen = montage.music or capsule.music
    return themes.load(chosen) if chosen and chosen != capsule.theme else None


def _chosen_stories(tx: Transaction, montage: Montage) -> list[Story]:
    stories = story_store.of_capsule(tx, montage.capsule_id)
    if not montage.story_ids:
        return sorted(stories, key=lambda story: (story.created_at, story.id))
    by_id = {story.id: story for story in stories}
    return [by_id[story_id] for story_id in montage.story_ids if story_id in by_id]


def _left_out(kind: MediumKind, author: str, error: CapsuleError) -> CapsuleError:
    match kind:
        case MediumKind.PHOTO:
            return CapsuleError("film_photo_left_out", author=author, problem=error)
        case MediumKind.CLIP:
            return CapsuleError("film_clip_left_out", author=author, problem=error)
        case MediumKind.VOICE:
            return CapsuleError("film_voice_left_out", author=author, problem=error)


def _details(unsealer: Unsealer, medium: Medium) -> MediumDetails | CapsuleError:
    try:
        return unsealer.details_of(medium)
    except CapsuleError as error:
        return error


def _picture(
    capsule: Capsule, medium: Medium, details: MediumDetails, member: Member, times: WallTimes
) -> Picture:
    is_clip = medium.kind is MediumKind.CLIP
    # The film is made of what was prepared, which is smaller than a large original.
    width, height = details.display_width, details.display_height
    if not width:
        # A clip, or a photo that came in before this was kept.
        sides = (clips.LONG_SIDE, clips.SHORT_SIDE) if is_clip else (DISPLAY_SIDE, DISPLAY_SIDE)
        width, height = fitted_size(details.width, details.height, *sides)
    picture = Picture(
        id=medium.id,
        kind="clip" if is_clip else "photo",
        file=f"{medium.id}.{'mp4' if is_clip else 'jpg'}",
        width=width,
        height=height,
        duration_seconds=details.duration_seconds or 0.0,
        has_sound=details.has_sound,
        taken_local=times.of(details.taken),
        camera=details.camera,
        story_id=medium.story_id,
        position=medium.position,
        contributor=member.name,
        contributor_id=member.id,
        caption=details.caption or "",
    )
    return with_capture_time(picture, details.taken, capsule.zone, gps_at=details.gps_at)


def _note(medium: Medium, details: MediumDetails) -> VoiceNote:
    return VoiceNote(
        id=medium.id, file=f"{medium.id}{VOICE_ENDING}", duration_seconds=details.duration_seconds or 0.0
    )


def _date_line(capsule: Capsule, locale: str) -> str:
    sealed = local_of(capsule.created_at, capsule.zone)
    if sealed.year != capsule.opens_local.year:
        return f"{sealed.year} – {capsule.opens_local.year}"
    return day_in_words(capsule.opens_local, locale)
