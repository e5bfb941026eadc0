"""
Layouts: what the renderer gets of a capsule: a plan, and a folder with the pictures that it names.

`prepare` makes the plan alone, of any capsule at any time; `lay_out` writes it down for a film that is to be
rendered now.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from memorycapsule import themes
from memorycapsule.domain.capsules import Capsule, Member
from memorycapsule.domain.film.direction import Direction, StoryText, direct, parse_length, select
from memorycapsule.domain.film.framing import fitted_size
from memorycapsule.domain.film.montages import Montage, Omission, left_out, omissions
from memorycapsule.domain.film.picture_analysis import PictureAnalysis
from memorycapsule.domain.film.picture_choice import Note, Picture
from memorycapsule.domain.film.plan import MontagePlan, Size, Soundtrack, Source
from memorycapsule.domain.film.voices import Voice
from memorycapsule.domain.stories import Medium, MediumKind, Story, StoryWords
from memorycapsule.domain.words import day_in_words
from memorycapsule.domain.zones import local_of, zone
from memorycapsule.errors import CapsuleError, DiskFull
from memorycapsule.media import clips
from memorycapsule.media.picture_analysis import analyse_pictures
from memorycapsule.media.prepared import DISPLAY_SIDE
from memorycapsule.media.tempo import Tempo, tempo_of
from memorycapsule.services.film import montages, segment_cache
from memorycapsule.services.film.segment_cache import PreparedPlan
from memorycapsule.services.vault import Vault, translate_error
from memorycapsule.store import accounts as account_store
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import stories as story_store
from memorycapsule.store.transactions import Store, Transaction
from memorycapsule.themes import Theme

_SOUNDTRACK_FILE = "soundtrack"
_VOICE_ENDING = ".m4a"
#: So many photos of a sealed capsule lie in memory to be looked at; they are about 1 MB each.
_LOOKED_AT_ONCE = 8
_END_LINES = {"ko": "함께 담은 사람들", "en": "Put together by"}


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A plan, its file, and the folder of its pictures."""

    plan: MontagePlan
    plan_file: Path
    #: JSON of the digests of pictures that are known already.
    digests_file: Path
    pictures: Path
    #: What could not be used.
    report: tuple[Omission, ...]
    #: Ids of pictures of the plan that the report speaks of, since they cannot be read any more.
    unreadable: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class _Material:
    """What a film is made of, as it was read in one look at the store."""

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


def lay_out(
    store: Store,
    vault: Vault,
    montage: Montage,
    folder: Path,
    *,
    size: Size,
    fps: int,
    face_model: Path | None = None,
) -> Layout:
    """
    Write the plan of a film into `folder`, and return where everything is.

    A plan from an earlier attempt is used again, so that the segments which that attempt finished still fit; so
    is one that was prepared while the capsule was sealed, if it fits still. Of the latter the pictures are not
    there yet, for hardly any may be wanted: see `fetch`. A picture that cannot be read is left out and named in
    the report. Raises DiskFull.
    """
    pictures = folder / "pictures"
    pictures.mkdir(mode=0o700, parents=True, exist_ok=True)
    with store.reading() as tx:
        song = _song(tx, vault, montage)
    if song:
        _copy(song, pictures / _SOUNDTRACK_FILE)
    digests: dict[str, str] = {}
    unreadable: dict[str, str] = {}
    if montage.plan:
        plan, report = MontagePlan.from_json(montage.plan), list(left_out(montage.report))
        unreadable = fetch(store, vault, plan.sources, pictures)
        report += omissions(unreadable)
    else:
        with store.reading() as tx:
            material = _material(tx, vault, montage, size, fps)
            prepared = segment_cache.prepared_plan(tx, vault, montage.capsule_id)
        if prepared is None or prepared.fingerprint != material.fingerprint:
            sight = _Sight(store=store, vault=vault, folder=pictures, face_model=face_model, known=prepared)
            tempo = tempo_of(pictures / _SOUNDTRACK_FILE) if montage.soundtrack_blob else None
            prepared = _directed(material, sight, tempo)
        plan, report, digests = prepared.plan, list(prepared.report), prepared.digests
        montages.note_plan(store, montage, plan.to_json(), tuple(report))
    plan_file, digests_file = write_plan(folder, plan, digests)
    return Layout(
        plan=plan,
        plan_file=plan_file,
        digests_file=digests_file,
        pictures=pictures,
        report=tuple(report),
        unreadable=frozenset(unreadable),
    )


def seconds_of(tx: Transaction, vault: Vault, montage: Montage, *, size: Size, fps: int) -> float:
    """Return about how long a film would be, as far as can be told before anybody has looked at its pictures."""
    material = _material(tx, vault, montage, size, fps)
    return _planned(material, material.direction, material.pictures).seconds


def fingerprint(store: Store, vault: Vault, montage: Montage, *, size: Size, fps: int) -> str:
    """Return the digest of all that the plan of a film would be made of now."""
    with store.reading() as tx:
        return _material(tx, vault, montage, size, fps).fingerprint


def prepare(
    store: Store,
    vault: Vault,
    montage: Montage,
    *,
    size: Size,
    fps: int,
    known: PreparedPlan | None,
    folder: Path,
    face_model: Path | None,
    check: Callable[[], None],
) -> PreparedPlan:
    """
    Plan a film of a sealed capsule: a picture lies in `folder`, one in memory, only while it is looked at, with few
    others.

    What is `known` about pictures from an earlier plan is believed. `check` is called between pictures; what it
    raises comes through.
    """
    with store.reading() as tx:
        material = _material(tx, vault, montage, size, fps)
    sight = _Sight(
        store=store,
        vault=vault,
        folder=folder,
        face_model=face_model,
        known=known,
        leaves_nothing=True,
        check=check,
    )
    return _directed(material, sight, _tempo_of_sealed(store, vault, montage, folder))


def _tempo_of_sealed(store: Store, vault: Vault, montage: Montage, folder: Path) -> Tempo | None:
    if montage.soundtrack_blob is None:
        return None
    song = folder / _SOUNDTRACK_FILE
    try:
        with store.reading() as tx:
            stream = vault.open_blob(tx, montage.soundtrack_blob)
        _copy(stream, song)
        return tempo_of(song)
    finally:
        song.unlink(missing_ok=True)


@dataclass(kw_only=True)
class _Sight:
    """Looks at pictures, each once, and remembers their digests; what is known from an earlier plan is believed."""

    store: Store
    vault: Vault
    #: Where pictures lie to be looked at.
    folder: Path
    face_model: Path | None
    known: PreparedPlan | None
    #: Whether a picture is removed again at once.
    leaves_nothing: bool = False
    check: Callable[[], None] = lambda: None
    clip_seconds: float = 0.0
    digests: dict[str, str] = field(default_factory=dict)
    looks: dict[str, PictureAnalysis] = field(default_factory=dict)
    #: Sentences about pictures that cannot be read, by their ids.
    broken: dict[str, str] = field(default_factory=dict)

    def look_at(self, pictures: Sequence[Picture]) -> tuple[dict[str, PictureAnalysis], dict[str, str]]:
        """Return what was seen, and what is broken, of all pictures so far."""
        unknown = []
        for picture in pictures:
            if self.known and picture.id in self.known.digests:
                self.digests[picture.id] = self.known.digests[picture.id]
                if picture.id in self.known.looks:
                    self.looks[picture.id] = self.known.looks[picture.id]
            else:
                unknown.append(picture)
        for few in _few_at_a_time(unknown) if self.leaves_nothing else [unknown]:
            self.check()
            self._look_at(few)
        return self.looks, self.broken

    def _look_at(self, pictures: Sequence[Picture]) -> None:
        try:
            for picture in pictures:
                path = self.folder / picture.file
                if sentence := _fetch(self.store, self.vault, picture.id, path):
                    self.broken[picture.id] = sentence
                else:
                    with path.open("rb") as stream:
                        self.digests[picture.id] = _digest(stream)
            whole = [picture for picture in pictures if picture.id not in self.broken]
            self.looks |= analyse_pictures(
                self.folder,
                whole,
                clip_seconds=self.clip_seconds,
                face_model=self.face_model,
                on_progress=lambda _share: self.check(),
            )
        finally:
            if self.leaves_nothing:
                for picture in pictures:
                    (self.folder / picture.file).unlink(missing_ok=True)


def _few_at_a_time(pictures: Sequence[Picture]) -> Iterator[list[Picture]]:
    """Yield the pictures in small groups, clips alone: little lies in plain at a time."""
    photos = [picture for picture in pictures if picture.kind == "photo"]
    for first in range(0, len(photos), _LOOKED_AT_ONCE):
        yield photos[first : first + _LOOKED_AT_ONCE]
    for picture in pictures:
        if picture.kind == "clip":
            yield [picture]


def write_plan(folder: Path, plan: MontagePlan, digests: dict[str, str]) -> tuple[Path, Path]:
    """Write what the renderer reads, and return where plan and digests are. Raises DiskFull."""
    plan_file, digests_file = folder / "plan.json", folder / "digests.json"
    try:
        plan_file.write_text(plan.to_json(), encoding="utf-8")
        digests_file.write_text(json.dumps(digests), encoding="utf-8")
    except OSError as error:
        raise translate_error(error) from error
    return plan_file, digests_file


def fetch(store: Store, vault: Vault, sources: Iterable[Source | Voice], pictures: Path) -> dict[str, str]:
    """
    Put the prepared forms of pictures and voice notes into a folder, unless they are there.

    Returns sentences about those that cannot be read, by their ids. Raises DiskFull.
    """
    found = {source.id: _fetch(store, vault, source.id, pictures / source.file) for source in sources}
    return {one: sentence for one, sentence in found.items() if sentence}


def _directed(material: _Material, sight: _Sight, tempo: Tempo | None) -> PreparedPlan:
    """Plan a film of the pictures that can be used; `tempo` is that of a song of people's own."""
    capsule, direction = material.capsule, material.direction
    if tempo:
        direction = replace(direction, soundtrack=tempo.beaten(direction.soundtrack))
    sight.clip_seconds = direction.style.longest_clip_seconds
    # Nothing can have been put in after the opening, so nothing was taken later.
    usable = select(direction, material.pictures, material.texts, look_at=sight.look_at, now=capsule.opens_at)
    plan = _planned(material, direction, usable)
    wanted = {source.id for source in plan.sources}
    return PreparedPlan(
        fingerprint=material.fingerprint,
        plan=plan,
        digests={one: sight.digests[one] for one in sorted(wanted)},
        looks=sight.looks,
        report=(*material.report, *omissions(sight.broken)),
    )


def _planned(material: _Material, direction: Direction, pictures: Sequence[Picture]) -> MontagePlan:
    return direct(
        title=material.title,
        date_line=_date_line(material.capsule, direction.locale),
        pictures=pictures,
        stories=material.texts,
        contributors=[(member.id, member.name) for member in material.members],
        end_line=_END_LINES.get(direction.locale, _END_LINES["en"]),
        direction=direction,
    )


def _material(tx: Transaction, vault: Vault, montage: Montage, size: Size, fps: int) -> _Material:
    capsule = capsule_store.capsules.get(tx, montage.capsule_id)
    members = {member.id: member for member in capsule_store.ever_members_of(tx, capsule.id)}
    stories = _chosen_stories(tx, montage)
    shown = {story.member_id for story in stories}
    pictures: list[Picture] = []
    texts: list[StoryText] = []
    report: list[Omission] = []
    for story in stories:
        member = members[story.member_id]
        author = member.name
        notes: list[Note] = []
        for medium in story_store.media_of(tx, story.id):
            try:
                if medium.kind is MediumKind.VOICE:
                    notes.append(_note(tx, vault, medium))
                else:
                    pictures.append(_picture(tx, vault, capsule, medium, member))
            except CapsuleError as error:
                sentence = f"A {_called(medium.kind)} of {author} was left out: {error.message}"
                report.append(Omission(of=medium.id, sentence=sentence))
        try:
            words = vault.words_of(tx, story)
        except CapsuleError as error:
            sentence = f"The words of a story of {author} were left out: {error.message}"
            report.append(Omission(of=story.id, sentence=sentence))
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
    direction = _direction(
        capsule, montage, account_store.accounts.get(tx, capsule.made_by).locale, size, fps
    )
    shown_members = [member for member in members.values() if member.id in shown]
    title = montage.title or capsule.title
    # All that `direct` is given. Rows would not do: what lies in them changes when it is unsealed.
    told = (
        (title, _date_line(capsule, direction.locale), montage.soundtrack_blob, direction),
        (pictures, texts, [(member.id, member.name) for member in shown_members], report),
    )
    return _Material(
        capsule=capsule,
        title=title,
        members=shown_members,
        pictures=pictures,
        texts=texts,
        direction=direction,
        fingerprint=hashlib.sha256(repr(told).encode()).hexdigest(),
        report=tuple(report),
    )


def _direction(capsule: Capsule, montage: Montage, locale: str, size: Size, fps: int) -> Direction:
    theme = themes.load(capsule.theme)
    chosen = _chosen_music(capsule, montage)
    if montage.soundtrack_blob:
        soundtrack = Soundtrack(file=_SOUNDTRACK_FILE)
    elif chosen:
        soundtrack = replace(chosen.own_soundtrack(locale), file=_SOUNDTRACK_FILE)
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
        locale=locale,
        seed=int(uuid.UUID(capsule.id)) & 0xFFFF_FFFF,
    )


def _chosen_music(capsule: Capsule, montage: Montage) -> Theme | None:
    """Return the theme whose music was chosen for a film, None where it is the theme's own."""
    chosen = montage.music or capsule.music
    return themes.load(chosen) if chosen and chosen != capsule.theme else None


def _song(tx: Transaction, vault: Vault, montage: Montage) -> BinaryIO | None:
    """Return the song that has to lie beside the pictures: people's own, or one of another theme."""
    if montage.soundtrack_blob:
        return vault.open_blob(tx, montage.soundtrack_blob)
    chosen = _chosen_music(capsule_store.capsules.get(tx, montage.capsule_id), montage)
    return chosen.soundtrack.open("rb") if chosen else None


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
        camera=details.camera,
        gps_at=details.gps_at,
        story_id=medium.story_id,
        position=medium.position,
        contributor=member.name,
        contributor_id=member.id,
        caption=details.caption or "",
    )


def _note(tx: Transaction, vault: Vault, medium: Medium) -> Note:
    details = vault.details_of(tx, medium)
    return Note(
        id=medium.id, file=f"{medium.id}{_VOICE_ENDING}", duration_seconds=details.duration_seconds or 0.0
    )


def _called(kind: MediumKind) -> str:
    return "voice note" if kind is MediumKind.VOICE else str(kind)


def _fetch(store: Store, vault: Vault, medium_id: str, to: Path) -> str | None:
    """Put a picture's prepared form into the folder, unless it is there; a sentence if it cannot be."""
    if to.exists():
        return None
    try:
        _copy(vault.open_medium(store, medium_id, _form(to.name)), to)
    except DiskFull:
        raise
    except CapsuleError as error:
        return _left_out(medium_id, to.name, error)
    return None


def _digest(stream: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := stream.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()


def _form(file: str) -> str:
    return "clip_blob" if file.endswith((".mp4", _VOICE_ENDING)) else "display_blob"


def _left_out(medium_id: str, file: str, error: CapsuleError) -> str:
    kind = {".mp4": "clip", _VOICE_ENDING: "voice note"}.get(Path(file).suffix, "photo")
    return f"The {kind} {medium_id} was left out of the film: {error.message}"


def _copy(source: BinaryIO, to: Path) -> None:
    half = to.with_name(f"{to.name}.half")
    try:
        with source, half.open("wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
        half.replace(to)
    except OSError as error:
        raise translate_error(error) from error


def _date_line(capsule: Capsule, locale: str) -> str:
    sealed = local_of(capsule.created_at, capsule.zone)
    if sealed.year != capsule.opens_local.year:
        return f"{sealed.year} – {capsule.opens_local.year}"
    return day_in_words(capsule.opens_local, locale)
