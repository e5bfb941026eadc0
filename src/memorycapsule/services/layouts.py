"""Layouts: what the renderer gets of a capsule: a plan, and a folder with exactly the pictures that it names."""

from __future__ import annotations

import shutil
import uuid
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from memorycapsule import themes
from memorycapsule.domain.capsules import Capsule, Member
from memorycapsule.domain.choosing import Picture, choose
from memorycapsule.domain.direction import Direction, StoryText, direct, picture_limit
from memorycapsule.domain.framing import fitted_size
from memorycapsule.domain.montages import Montage
from memorycapsule.domain.plan import MontagePlan, Size, Soundtrack
from memorycapsule.domain.stories import Medium, MediumKind, Story
from memorycapsule.domain.words import day_in_words
from memorycapsule.domain.zones import local_of, zone
from memorycapsule.errors import CapsuleError, DiskFull
from memorycapsule.media import clips
from memorycapsule.media.prepared import DISPLAY_SIDE
from memorycapsule.services import montages
from memorycapsule.services.vault import Vault, in_our_words
from memorycapsule.store import accounts as account_store
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import stories as story_store
from memorycapsule.store.transactions import Store, Transaction

_SOUNDTRACK_FILE = "soundtrack"
_END_LINES = {"ko": "함께 담은 사람들", "en": "Put together by"}


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A plan, its file, and the folder of its pictures."""

    plan: MontagePlan
    plan_file: Path
    pictures: Path
    #: Sentences about what could not be used.
    report: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Material:
    """What a film is made of, as it was read in one look at the store."""

    capsule: Capsule
    locale: str
    members: list[Member]
    pictures: list[Picture]
    texts: list[StoryText]


def lay_out(store: Store, vault: Vault, montage: Montage, folder: Path, *, size: Size, fps: int) -> Layout:
    """
    Write plan and pictures of a film into `folder`, and return them.

    A plan from an earlier attempt is used again, so that the segments which that attempt finished still fit. A
    picture that cannot be read is left out and named in the report. Raises DiskFull.
    """
    pictures = folder / "pictures"
    pictures.mkdir(mode=0o700, parents=True, exist_ok=True)
    report = list(montage.report) if montage.plan else []
    if montage.soundtrack_blob:
        with store.reading() as tx:
            song = vault.open_blob(tx, montage.soundtrack_blob)
        _copy(song, pictures / _SOUNDTRACK_FILE)
    if montage.plan:
        plan = MontagePlan.from_json(montage.plan)
        for source in plan.sources:
            _fetch(store, vault, source.id, pictures / source.file, report)
    else:
        plan = _plan(store, vault, montage, pictures, report, size, fps)
    plan_file = folder / "plan.json"
    plan_file.write_text(plan.to_json(), encoding="utf-8")
    if not montage.plan:
        montages.note_plan(store, montage, plan.to_json(), tuple(report))
    return Layout(plan=plan, plan_file=plan_file, pictures=pictures, report=tuple(report))


def _plan(
    store: Store,
    vault: Vault,
    montage: Montage,
    pictures: Path,
    report: list[str],
    size: Size,
    fps: int,
) -> MontagePlan:
    with store.reading() as tx:
        material = _material(tx, vault, montage, report)
    capsule, usable = material.capsule, material.pictures
    theme = themes.load(capsule.theme)
    seed = int(uuid.UUID(capsule.id)) & 0xFFFF_FFFF
    direction = Direction(
        size=size,
        fps=fps,
        theme=theme.name,
        style=theme.film,
        soundtrack=Soundtrack(file=_SOUNDTRACK_FILE if montage.soundtrack_blob else None),
        limit=capsule.film_photos,
        keeps_story_order=bool(montage.story_ids),
        locale=material.locale,
        seed=seed,
    )
    # What the film takes is fetched; whatever then turns out to be broken makes room for another.
    while missing := [
        picture
        for picture in choose(usable, picture_limit(direction, usable, material.texts), seed)
        if not _fetch(store, vault, picture.id, pictures / picture.file, report)
    ]:
        usable = [picture for picture in usable if picture not in missing]
    return direct(
        title=capsule.title,
        date_line=_date_line(capsule, material.locale),
        pictures=usable,
        stories=material.texts,
        contributors=[(member.id, member.name) for member in material.members],
        end_line=_END_LINES.get(material.locale, _END_LINES["en"]),
        direction=direction,
    )


def _material(tx: Transaction, vault: Vault, montage: Montage, report: list[str]) -> _Material:
    capsule = capsule_store.capsules.get(tx, montage.capsule_id)
    members = {member.id: member for member in capsule_store.members_of(tx, capsule.id)}
    stories = _chosen_stories(tx, montage)
    shown = {story.member_id for story in stories}
    pictures: list[Picture] = []
    texts: list[StoryText] = []
    for story in stories:
        member = members[story.member_id]
        author = member.name
        try:
            words = vault.words_of(tx, story)
            texts.append(
                StoryText(
                    story_id=story.id,
                    title=words.title,
                    text=words.text,
                    contributor=author,
                    contributor_id=member.id,
                )
            )
        except CapsuleError as error:
            report.append(f"The words of a story of {author} were left out: {error.message}")
        for medium in story_store.media_of(tx, story.id):
            try:
                pictures.append(_picture(tx, vault, capsule, medium, member))
            except CapsuleError as error:
                report.append(f"A {medium.kind} of {author} was left out: {error.message}")
    return _Material(
        capsule=capsule,
        locale=account_store.accounts.get(tx, capsule.made_by).locale,
        members=[member for member in members.values() if member.id in shown],
        pictures=pictures,
        texts=texts,
    )


def _chosen_stories(tx: Transaction, montage: Montage) -> list[Story]:
    stories = story_store.of_capsule(tx, montage.capsule_id)
    if not montage.story_ids:
        return sorted(stories, key=lambda story: (story.created_at, story.id))
    by_id = {story.id: story for story in stories}
    return [by_id[story_id] for story_id in montage.story_ids if story_id in by_id]


def _picture(tx: Transaction, vault: Vault, capsule: Capsule, medium: Medium, member: Member) -> Picture:
    details = vault.details_of(tx, medium)
    is_clip = medium.kind is MediumKind.CLIP
    assumed = zone(capsule.zone).utcoffset(details.taken_local) if details.taken_local else None
    # The film is made of what was prepared, which is smaller than a large original.
    sides = (clips.LONG_SIDE, clips.SHORT_SIDE) if is_clip else (DISPLAY_SIDE, DISPLAY_SIDE)
    width, height = fitted_size(details.width, details.height, *sides)
    return Picture(
        id=medium.id,
        kind="clip" if is_clip else "photo",
        file=f"{medium.id}.{'mp4' if is_clip else 'jpg'}",
        width=width,
        height=height,
        duration_seconds=details.duration_seconds or 0.0,
        has_sound=details.has_sound,
        taken_at=details.taken_at(assumed or timedelta(0)),
        taken_local=details.taken_local,
        story_id=medium.story_id,
        position=medium.position,
        contributor=member.name,
        contributor_id=member.id,
        caption=details.caption or "",
    )


def _fetch(store: Store, vault: Vault, medium_id: str, to: Path, report: list[str]) -> bool:
    """Put a picture's prepared form into the folder, unless it is there; False, and a sentence, if it cannot be."""
    if to.exists():
        return True
    try:
        _copy(vault.open_medium(store, medium_id, "clip_blob" if to.suffix == ".mp4" else "display_blob"), to)
    except DiskFull:
        raise
    except CapsuleError as error:
        kind = "clip" if to.suffix == ".mp4" else "photo"
        report.append(f"The {kind} {medium_id} was left out of the film: {error.message}")
        return False
    return True


def _copy(source: BinaryIO, to: Path) -> None:
    half = to.with_name(f"{to.name}.half")
    try:
        with source, half.open("wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
        half.replace(to)
    except OSError as error:
        raise in_our_words(error) from error


def _date_line(capsule: Capsule, locale: str) -> str:
    sealed = local_of(capsule.created_at, capsule.zone)
    if sealed.year != capsule.opens_local.year:
        return f"{sealed.year} – {capsule.opens_local.year}"
    return day_in_words(capsule.opens_local, locale)
