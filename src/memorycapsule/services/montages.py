"""Montages: queueing films, laying out what the renderer needs, and keeping what came of it."""

from __future__ import annotations

import dataclasses
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from memorycapsule import themes
from memorycapsule.domain.capsules import Capsule, Member
from memorycapsule.domain.choosing import Picture, choose
from memorycapsule.domain.direction import Direction, StoryText, direct
from memorycapsule.domain.events import Event
from memorycapsule.domain.montages import FIRST_RETRY, MOST_FAILURES, Montage, MontageState
from memorycapsule.domain.plan import MontagePlan, Size, Soundtrack
from memorycapsule.domain.stories import Medium, MediumKind, Story, Viewer
from memorycapsule.domain.words import day_in_words
from memorycapsule.domain.zones import local_of, zone
from memorycapsule.errors import CapsuleError, DiskFull, NotAllowed, NotFound, Sealed
from memorycapsule.seal.envelopes import DamagedEnvelope
from memorycapsule.services import opening, reading
from memorycapsule.services.vault import Vault
from memorycapsule.services.wakes import Wake
from memorycapsule.store import accounts as account_store
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import events as event_store
from memorycapsule.store import montages as montage_store
from memorycapsule.store import stories as story_store
from memorycapsule.store.transactions import Store, Transaction

_SOUNDTRACK_FILE = "soundtrack"
_END_LINES = {"ko": "함께 담은 사람들", "en": "Put together by"}


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What the renderer gets: a plan, and a folder with exactly the pictures that it names."""

    plan: MontagePlan
    plan_file: Path
    pictures: Path
    #: Sentences about what could not be used.
    report: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """What the renderer made."""

    film: Path
    poster: Path
    seconds: float
    #: Sentences about what was left out.
    report: tuple[str, ...]


def queue(
    store: Store,
    vault: Vault,
    wake: Wake,
    viewer: Viewer,
    reference: str,
    *,
    story_ids: Sequence[str] = (),
    soundtrack: BinaryIO | None = None,
    now: datetime,
) -> Montage:
    """
    Queue a further film of an open capsule: of the chosen stories in the chosen order, or of all.

    `soundtrack` is a music file that `media` has accepted. Raises NotFound for a capsule or story that is not
    there, Sealed before the date.
    """
    with store.reading() as tx:
        capsule, member = reading.membership(tx, viewer, reference)
        if not capsule.is_open:
            raise Sealed
        there = {story.id for story in story_store.of_capsule(tx, capsule.id)}
    for story_id in story_ids:
        if story_id not in there:
            raise NotFound(f"There is no story {story_id} in this capsule.")
    blob = vault.keep_open(capsule.id, soundtrack, now) if soundtrack else None
    montage = Montage(
        id=str(uuid.uuid4()),
        capsule_id=capsule.id,
        is_opening=False,
        member_id=member.id,
        state=MontageState.QUEUED,
        story_ids=tuple(dict.fromkeys(story_ids)),
        soundtrack_blob=blob.id if blob else capsule.soundtrack_blob,
        attempt=0,
        failures=0,
        lease=None,
        progress=0.0,
        seconds=None,
        film_blob=None,
        poster_blob=None,
        plan=None,
        report=(),
        queued_at=now,
        not_before=now,
        finished_at=None,
    )
    with store.transaction() as tx:
        if blob:
            capsule_store.blobs.add(tx, blob)
        montage_store.montages.add(tx, montage)
        _record(tx, "montage.queued", montage, now)
        wake(tx, "films", montage.id)
    return montage


def cancel(store: Store, viewer: Viewer, montage_id: str, *, now: datetime) -> Montage:
    """
    Take a further film back before it is ready.

    Raises NotFound, and NotAllowed for the film of the opening, for a finished one, and for anybody but the
    member who asked for it and the capsule's owner.
    """
    with store.transaction() as tx:
        found, member = reading.montage(tx, viewer, montage_id)
        # Held until the end: a renderer may be about to keep it.
        found = montage_store.montages.get(tx, found.id, lock=True)
        if found.is_opening:
            raise NotAllowed("The film of the opening belongs to everybody; it cannot be cancelled.")
        if found.state.is_over:
            raise NotAllowed(f"This film is {found.state} already; there is nothing to cancel.")
        if member.id != found.member_id and not member.is_owner:
            raise NotAllowed("Only whoever asked for a film, or the capsule's owner, may cancel it.")
        cancelled = dataclasses.replace(found, state=MontageState.CANCELLED, lease=None, finished_at=now)
        montage_store.montages.save(tx, cancelled)
        _record(tx, "montage.cancelled", cancelled, now)
    return cancelled


def waiting(store: Store, now: datetime) -> list[Montage]:
    """Return the films that could be rendered now, those of openings first."""
    with store.reading() as tx:
        return montage_store.waiting(tx, now)


def claim(store: Store, montage_id: str, *, lease: str, now: datetime) -> Montage | None:
    """Take a waiting film under a new attempt; None if somebody else has it."""
    with store.transaction() as tx:
        montage = montage_store.claim(tx, montage_id, lease)
        if montage:
            _record(tx, "montage.rendering", montage, now)
    return montage


def take_up_abandoned(store: Store, lease: str, now: datetime) -> None:
    """Put films that an earlier run of the program was rendering when it ended back into the queue."""
    with store.transaction() as tx:
        for montage in montage_store.abandoned(tx, lease):
            give_back(tx, montage, now)


def give_back(tx: Transaction, montage: Montage, now: datetime) -> None:
    """Put a film back into the queue without counting a failure: its work was cut off, not wrong."""
    if montage_store.change_attempt(
        tx, montage.id, montage.attempt, state=MontageState.QUEUED, lease=None, not_before=now
    ):
        _record(tx, "montage.queued", montage, now)


def note_progress(store: Store, montage: Montage, share: float) -> bool:
    """Write down how far a film is, 0..1; False when this attempt does not hold it any more."""
    with store.transaction() as tx:
        return montage_store.change_attempt(tx, montage.id, montage.attempt, progress=share)


def lay_out(store: Store, vault: Vault, montage: Montage, folder: Path, *, size: Size, fps: int) -> Layout:
    """
    Write plan and pictures of a film into `folder`, and return them.

    A plan from an earlier attempt is used again, so that the segments which that attempt finished still fit. A
    picture that cannot be read is left out and named in the report. Raises DiskFull.
    """
    pictures = folder / "pictures"
    pictures.mkdir(mode=0o700, parents=True, exist_ok=True)
    report = list(montage.report) if montage.plan else []
    with store.reading() as tx:
        capsule = capsule_store.capsules.get(tx, montage.capsule_id)
        members = {member.id: member for member in capsule_store.members_of(tx, capsule.id)}
        stories = _chosen_stories(tx, montage)
        media = {medium.id: medium for story in stories for medium in story_store.media_of(tx, story.id)}
        if montage.soundtrack_blob:
            _copy(vault.open_blob(tx, montage.soundtrack_blob), pictures / _SOUNDTRACK_FILE)
        if montage.plan:
            plan = MontagePlan.from_json(montage.plan)
            for source in plan.sources:
                _fetch(tx, vault, media.get(source.id), pictures / source.file, report)
        else:
            plan = _plan(tx, vault, montage, capsule, members, stories, media, pictures, report, size, fps)
    plan_file = folder / "plan.json"
    plan_file.write_text(plan.to_json(), encoding="utf-8")
    if not montage.plan:
        with store.transaction() as tx:
            montage_store.change_attempt(
                tx, montage.id, montage.attempt, plan=plan.to_json(), report=tuple(report)
            )
    return Layout(plan=plan, plan_file=plan_file, pictures=pictures, report=tuple(report))


def keep(
    store: Store,
    vault: Vault,
    wake: Wake,
    montage: Montage,
    rendered: Rendered,
    *,
    now: datetime,
) -> bool:
    """
    Keep a finished film, and queue the letters that wait for it, in one transaction.

    False, and nothing changes, when this attempt does not hold the film any more. Raises DiskFull.
    """
    with rendered.film.open("rb") as film:
        film_blob = vault.keep_open(montage.capsule_id, film, now)
    with rendered.poster.open("rb") as poster:
        poster_blob = vault.keep_open(montage.capsule_id, poster, now)
    state = MontageState.DEGRADED if rendered.report else MontageState.READY
    with store.transaction() as tx:
        for blob in (film_blob, poster_blob):
            capsule_store.blobs.add(tx, blob)
        is_kept = montage_store.change_attempt(
            tx,
            montage.id,
            montage.attempt,
            state=state,
            lease=None,
            progress=1.0,
            seconds=rendered.seconds,
            film_blob=film_blob.id,
            poster_blob=poster_blob.id,
            report=rendered.report,
            finished_at=now,
        )
        if is_kept:
            _record(tx, f"montage.{state}", montage, now)
            if montage.is_opening:
                opening.queue_letters(tx, wake, montage.capsule_id, "ready", now)
        else:
            capsule_store.drop_blobs(tx, [film_blob.id, poster_blob.id])
    if not is_kept:
        vault.forget([film_blob.id, poster_blob.id])
    return is_kept


def fail(store: Store, wake: Wake, montage: Montage, reason: str, *, now: datetime) -> MontageState:
    """
    Note that an attempt failed: the film is tried again later or, after three failures, given up.

    Letters that wait for a film which is given up go out without it. Returns the state it is in now.
    """
    failures = montage.failures + 1
    is_over = failures >= MOST_FAILURES
    state = MontageState.FAILED if is_over else MontageState.QUEUED
    with store.transaction() as tx:
        is_ours = montage_store.change_attempt(
            tx,
            montage.id,
            montage.attempt,
            state=state,
            lease=None,
            failures=failures,
            report=(reason,),
            # A plan that cannot be rendered is not worth keeping.
            plan=None,
            not_before=now + FIRST_RETRY * (1 << (failures - 1)),
            finished_at=now if is_over else None,
        )
        if is_ours:
            _record(tx, f"montage.{'failed' if is_over else 'queued'}", montage, now)
            if is_over and montage.is_opening:
                opening.queue_letters(tx, wake, montage.capsule_id, "none", now)
    return state


def live(store: Store) -> set[str]:
    """Return the ids of the films whose working folders are still needed."""
    with store.reading() as tx:
        return {
            montage.id
            for state in (MontageState.QUEUED, MontageState.RENDERING)
            for montage in montage_store.montages.by(tx, state=state)
        }


def _chosen_stories(tx: Transaction, montage: Montage) -> list[Story]:
    stories = story_store.of_capsule(tx, montage.capsule_id)
    if not montage.story_ids:
        return sorted(stories, key=lambda story: (story.created_at, story.id))
    by_id = {story.id: story for story in stories}
    return [by_id[story_id] for story_id in montage.story_ids if story_id in by_id]


def _plan(
    tx: Transaction,
    vault: Vault,
    montage: Montage,
    capsule: Capsule,
    members: dict[str, Member],
    stories: list[Story],
    media: dict[str, Medium],
    pictures: Path,
    report: list[str],
    size: Size,
    fps: int,
) -> MontagePlan:
    locale = account_store.accounts.get(tx, capsule.made_by).locale
    theme = themes.load(capsule.theme)
    authors = {story.id: members[story.member_id].name for story in stories}
    usable = _pictures(tx, vault, capsule, authors, media, report)
    seed = int(uuid.UUID(capsule.id)) & 0xFFFF_FFFF
    # What the film takes is fetched; whatever then turns out to be broken makes room for another.
    while missing := [
        picture
        for picture in choose(usable, capsule.film_photos, seed)
        if not _fetch(tx, vault, media[picture.id], pictures / picture.file, report)
    ]:
        usable = [picture for picture in usable if picture not in missing]
    shown = {story.member_id for story in stories}
    texts = []
    for story in stories:
        author = authors[story.id]
        try:
            words = vault.words_of(tx, story)
        except DamagedEnvelope as error:
            report.append(f"The words of a story of {author} were left out: {error.message}")
            continue
        texts.append(StoryText(story_id=story.id, title=words.title, text=words.text, contributor=author))
    return direct(
        title=capsule.title,
        date_line=_date_line(capsule, locale),
        pictures=usable,
        stories=texts,
        contributors=[member.name for member in members.values() if member.id in shown],
        end_line=_END_LINES.get(locale, _END_LINES["en"]),
        direction=Direction(
            size=size,
            fps=fps,
            theme=theme.name,
            style=theme.film,
            soundtrack=Soundtrack(file=_SOUNDTRACK_FILE if montage.soundtrack_blob else None),
            limit=capsule.film_photos,
            keeps_story_order=bool(montage.story_ids),
            seed=seed,
        ),
    )


def _pictures(
    tx: Transaction,
    vault: Vault,
    capsule: Capsule,
    authors: dict[str, str],
    media: dict[str, Medium],
    report: list[str],
) -> list[Picture]:
    found = []
    for medium in media.values():
        try:
            details = vault.details_of(tx, medium)
        except CapsuleError as error:
            report.append(f"A {medium.kind} of {authors[medium.story_id]} was left out: {error.message}")
            continue
        assumed = zone(capsule.zone).utcoffset(details.taken_local) if details.taken_local else None
        found.append(
            Picture(
                id=medium.id,
                kind="clip" if medium.kind is MediumKind.CLIP else "photo",
                file=f"{medium.id}.{'mp4' if medium.kind is MediumKind.CLIP else 'jpg'}",
                width=details.width,
                height=details.height,
                duration_seconds=details.duration_seconds or 0.0,
                has_sound=details.has_sound,
                taken_at=details.taken_at(assumed or timedelta(0)),
                story_id=medium.story_id,
                position=medium.position,
                contributor=authors[medium.story_id],
                caption=details.caption or "",
            )
        )
    return found


def _fetch(tx: Transaction, vault: Vault, medium: Medium | None, to: Path, report: list[str]) -> bool:
    if to.exists():
        return True
    if medium is None:
        return False  # removed from the plan by the renderer, with a sentence of its own
    blob_id = medium.clip_blob or medium.display_blob
    try:
        _copy(vault.open_blob(tx, blob_id), to)
    except DiskFull:
        raise
    except CapsuleError as error:
        report.append(f"The {medium.kind} {medium.id} was left out of the film: {error.message}")
        return False
    return True


def _copy(source: BinaryIO, to: Path) -> None:
    half = to.with_name(f"{to.name}.half")
    with source, half.open("wb") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)
    half.replace(to)


def _date_line(capsule: Capsule, locale: str) -> str:
    sealed = local_of(capsule.created_at, capsule.zone)
    if sealed.year != capsule.opens_local.year:
        return f"{sealed.year} – {capsule.opens_local.year}"
    return day_in_words(capsule.opens_local, locale)


def _record(tx: Transaction, kind: str, montage: Montage, now: datetime) -> None:
    event_store.record(
        tx,
        Event(
            kind=kind,
            at=now,
            capsule_id=montage.capsule_id,
            subject_id=montage.id,
            facts={"attempt": montage.attempt},
        ),
    )
