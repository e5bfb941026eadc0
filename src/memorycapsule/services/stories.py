"""Stories: adding, attaching, editing and removing, until the date comes."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, TypeVar

from memorycapsule.domain.capsules import Capsule, Member
from memorycapsule.domain.capture_times import WallTimes
from memorycapsule.domain.dated_names import taken_by_name
from memorycapsule.domain.events import Event
from memorycapsule.domain.film.framing import display_size
from memorycapsule.domain.instances import Blob
from memorycapsule.domain.people import storable
from memorycapsule.domain.sessions import Scope
from memorycapsule.domain.stories import (
    Medium,
    MediumDetails,
    MediumKind,
    Story,
    StoryWords,
    Viewer,
    changed_words,
    checked_caption,
    checked_words,
    may_view,
)
from memorycapsule.domain.uploads import UploadLimits
from memorycapsule.errors import EditedElsewhere, NotAllowed, NotFound, Sealed
from memorycapsule.media.prepared import Prepared
from memorycapsule.services import invitations, reading
from memorycapsule.services.preservation import mending
from memorycapsule.services.vault import Unsealer, Vault, digest_of
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import events as event_store
from memorycapsule.store import stories as story_store
from memorycapsule.store import uploads as upload_store
from memorycapsule.store.transactions import Store, Transaction


@dataclass(frozen=True, kw_only=True)
class Attached:
    """A file that is now in a story, or was there already."""

    medium: Medium
    details: MediumDetails
    #: When it was taken by the clock on the wall, as in `story_views.MediumView`.
    taken_local: datetime | None
    #: True when the very same file was in the story before; nothing was added.
    is_duplicate: bool


def add(
    store: Store,
    vault: Vault,
    viewer: Viewer,
    reference: str,
    *,
    title: str | None,
    text: str | None,
    once: str | None = None,
    now: datetime,
) -> Story:
    """
    Add a story, its words sealed at once; media are attached to it one by one.

    `once` is an idempotency key: a second call with the same one adds nothing and returns the story of the first.
    Raises NotFound, NotAllowed for recipients and after the date, UsageProblem.
    """
    viewer.check(Scope.CONTRIBUTE)
    words = checked_words(title, text)
    with store.transaction() as tx:
        capsule, member = reading.standing_in(tx, viewer, reference)
        return _add(tx, vault, viewer, capsule, member, words, once, now)


def add_for(
    store: Store,
    vault: Vault,
    viewer: Viewer,
    reference: str,
    *,
    address: str,
    title: str | None,
    text: str | None,
    now: datetime,
) -> Story:
    """
    Add a story in the name of whoever has this address (grandmother's shoebox, scanned), as `invitations.act_for` says.

    It is recorded as attached by the admin, who cannot read it afterwards. Raises what `add` and `act_for` raise.
    """
    viewer.check(Scope.CONTRIBUTE)
    words = checked_words(title, text)
    with store.transaction() as tx:
        capsule, member = invitations.act_for(tx, viewer, reference, address, now)
        return _add(tx, vault, viewer, capsule, member, words, None, now)


def attach(
    store: Store,
    vault: Vault,
    prepare: Callable[[BinaryIO], Prepared],
    viewer: Viewer,
    story_id: str,
    *,
    file: str,
    upload: BinaryIO,
    position: int | None = None,
    limits: UploadLimits | None = None,
    clock: Callable[[], datetime],
    on_written: Callable[[Transaction, Attached], None] = lambda _tx, _attached: None,
) -> Attached:
    """
    Attach one photo, clip or voice note: everything of it is there afterwards, or nothing.

    One that is in the story already is a duplicate; where it was damaged since, it is whole afterwards.

    `upload` is an open file read from its start; `prepare` is `media.Decoders.prepare`. `limits` are None for a file
    that was held against them when it was announced. Bytes are on the disk before the row that refers to them is
    written; `on_written` is called in the transaction that writes it. Raises MediaRefused, DiskFull, NotFound,
    NotAllowed once the date has come.
    """
    viewer.check(Scope.CONTRIBUTE)
    digest, size = digest_of(upload)
    mark = vault.key.mark(digest)
    with store.reading() as tx:
        story, capsule = changeable_story(tx, viewer, story_id, clock())
        known = story_store.medium_with_mark(tx, story.id, mark)
        unsealer = vault.unsealer(tx, capsule.id)
        used_bytes = upload_store.bytes_of_member(tx, story.member_id)
    if known and mending.is_whole(store, vault, unsealer, known):
        return _attached(capsule, known, unsealer.details_of(known), is_duplicate=True)
    if limits and not known and (refusal := limits.refusal_of(size, used_bytes=used_bytes)):
        raise refusal
    prepared = prepare(upload)
    display_width, display_height = (
        display_size(prepared.width, prepared.height) if prepared.kind == "photo" else (0, 0)
    )
    details = MediumDetails(
        file=_file_name(file),
        sha256=digest,
        bytes=size,
        format=prepared.format,
        width=prepared.width,
        height=prepared.height,
        taken=prepared.taken or taken_by_name(file, clock()),
        has_gps=prepared.has_gps,
        duration_seconds=prepared.duration_seconds,
        has_sound=prepared.has_sound,
        camera=prepared.camera,
        gps_at=prepared.gps_at,
        display_width=display_width,
        display_height=display_height,
        display_bytes=len(prepared.display or b""),
        missing=prepared.missing,
    )
    if known:
        details = mending.with_caption(unsealer, known, details)
    kept: dict[str, Blob] = {}
    try:
        upload.seek(0)
        for form, source in mending.forms_of(upload, prepared):
            kept[form] = vault.keep_sealed(capsule, source, clock())
        new = _NewMedium(
            kind=MediumKind(prepared.kind),
            details=details,
            duplicate_mark=mark,
            position=position,
            blobs=kept,
            damaged=known,
        )
        attached = _write(store, vault, viewer, story.id, new, on_written, clock())
    except BaseException:
        vault.delete_uncommitted(store, [blob.id for blob in kept.values()])
        raise
    finally:
        if prepared.clip:
            prepared.clip.close()
    if attached.is_duplicate:
        # The same file came in twice at the same time; the first one stays.
        vault.delete_blobs([blob.id for blob in kept.values()])
    return attached


def _attached(capsule: Capsule, medium: Medium, details: MediumDetails, *, is_duplicate: bool) -> Attached:
    taken_local = WallTimes(capsule.zone).of(details.taken)
    return Attached(medium=medium, details=details, taken_local=taken_local, is_duplicate=is_duplicate)


@dataclass(frozen=True, kw_only=True)
class _NewMedium:
    """A medium whose bytes are on the disk, and that has no row yet."""

    kind: MediumKind
    details: MediumDetails
    duplicate_mark: str
    #: Its place in the story; None for the end.
    position: int | None
    #: By their forms.
    blobs: Mapping[str, Blob]
    #: The medium that was found damaged, and is mended instead.
    damaged: Medium | None


def _write(
    store: Store,
    vault: Vault,
    viewer: Viewer,
    story_id: str,
    new: _NewMedium,
    on_written: Callable[[Transaction, Attached], None],
    now: datetime,
) -> Attached:
    with store.transaction() as tx:
        story, capsule = changeable_story(tx, viewer, story_id, now)
        known = story_store.medium_with_mark(tx, story.id, new.duplicate_mark)
        if known is None or known == new.damaged:
            medium = (
                mending.mend(tx, vault, capsule, known, new.blobs, new.details, now)
                if known
                else _add_medium(tx, vault, story, capsule, new, now)
            )
            attached = _attached(capsule, medium, new.details, is_duplicate=False)
            on_written(tx, attached)
            return attached
        unsealer = vault.unsealer(tx, capsule.id)
    return _attached(capsule, known, unsealer.details_of(known), is_duplicate=True)


def _add_medium(
    tx: Transaction, vault: Vault, story: Story, capsule: Capsule, new: _NewMedium, now: datetime
) -> Medium:
    for blob in new.blobs.values():
        capsule_store.blobs.add(tx, blob)
    ids = {form: blob.id for form, blob in new.blobs.items()}
    medium = Medium(
        id=str(uuid.uuid4()),
        story_id=story.id,
        capsule_id=capsule.id,
        kind=new.kind,
        position=story_store.next_medium_position(tx, story.id) if new.position is None else new.position,
        duplicate_mark=new.duplicate_mark,
        details=vault.sealed_details(capsule, new.details),
        is_sealed=True,
        original_blob=ids["original"],
        display_blob=ids.get("display"),
        thumbnail_blob=ids.get("thumbnail"),
        clip_blob=ids.get("clip"),
        created_at=now,
    )
    story_store.media.add(tx, medium)
    _record(tx, "medium.attached", story, now)
    return medium


def edit(
    store: Store,
    vault: Vault,
    viewer: Viewer,
    story_id: str,
    *,
    title: str | None = None,
    text: str | None = None,
    captions: Mapping[str, str] | None = None,
    seen: Mapping[str, str] | None = None,
    seen_at: datetime | None = None,
    now: datetime,
) -> Story:
    """
    Change a story's words, and what is written under its media (`captions`, by their ids); None leaves them.

    `seen` has the marks (`mark_of`) of the words that the caller was shown, under "title", "text" and ids of media:
    only what differs from them is written. `seen_at` is the story's `changed_at` as the caller knows it. Raises
    EditedElsewhere when that is not what is written now, NotFound, NotAllowed once the date has come, UsageProblem.
    """
    viewer.check(Scope.CONTRIBUTE)
    while True:
        with store.reading() as tx:
            story, capsule = changeable_story(tx, viewer, story_id, now)
            _check_own(tx, story, viewer)
            media = {one.id: one for one in story_store.media_of(tx, story.id)} if captions else {}
            unsealer = vault.unsealer(tx, capsule.id)
        if seen_at is not None and story.changed_at != seen_at:
            raise EditedElsewhere
        marks = seen or {}
        old_words = unsealer.words_of(story)
        new_title = changed_words(title, seen=marks.get("title"), current=old_words.title)
        new_text = changed_words(text, seen=marks.get("text"), current=old_words.text)
        words = checked_words(
            old_words.title if new_title is None else new_title,
            old_words.text if new_text is None else new_text,
        )
        edited = dataclasses.replace(story, words=vault.sealed_words(capsule, words), changed_at=now)
        captioned = list(_captioned(vault, unsealer, capsule, media, captions or {}, marks))
        with store.transaction() as tx:
            current, _capsule = changeable_story(tx, viewer, story_id, now)
            _check_own(tx, current, viewer)
            if current != story or any(
                story_store.media.find(tx, one.id) != media[one.id] for one in captioned
            ):
                continue  # changed at this very moment: what was left as it is must be read again
            story_store.stories.save(tx, edited)
            for one in captioned:
                story_store.media.save(tx, one)
            _record(tx, "story.edited", edited, now)
        return edited


def reorder(store: Store, viewer: Viewer, reference: str, *, story_ids: Sequence[str], now: datetime) -> None:
    """Put the viewer's stories into another order; stories not named follow. Raises NotFound, NotAllowed."""
    viewer.check(Scope.CONTRIBUTE)
    with store.transaction() as tx:
        capsule, member = reading.standing_in(tx, viewer, reference)
        capsule = _lock_sealed(tx, capsule.id, now)
        own = [one for one in story_store.of_capsule(tx, capsule.id) if one.member_id == member.id]
        seen = {one.id for one in own if may_view(capsule, one, member, viewer)}
        if not seen.issuperset(story_ids):
            raise NotFound("own_story_unknown")
        for position, story in enumerate(_in_order(own, story_ids)):
            if story.position != position:
                story_store.stories.save(tx, dataclasses.replace(story, position=position))
        event_store.record(
            tx, Event(kind="stories.reordered", at=now, capsule_id=capsule.id, subject_id=member.id)
        )


def reorder_media(
    store: Store, viewer: Viewer, story_id: str, *, medium_ids: Sequence[str], now: datetime
) -> None:
    """Put the media of a story into another order; media not named follow. Raises NotFound, NotAllowed."""
    viewer.check(Scope.CONTRIBUTE)
    with store.transaction() as tx:
        story, _capsule = changeable_story(tx, viewer, story_id, now)
        _check_own(tx, story, viewer)
        media = story_store.media_of(tx, story.id)
        if not {medium.id for medium in media}.issuperset(medium_ids):
            raise NotFound("own_story_unknown")
        for position, medium in enumerate(_in_order(media, medium_ids)):
            if medium.position != position:
                story_store.media.save(tx, dataclasses.replace(medium, position=position))
        _record(tx, "story.edited", story, now)


def remove(store: Store, vault: Vault, viewer: Viewer, story_id: str, *, now: datetime) -> None:
    """
    Remove a story with its media, for good. Raises NotFound, NotAllowed once the date has come.

    An empty story may also be removed by the account that attached it: an import may have brought nothing.
    """
    viewer.check(Scope.CONTRIBUTE)
    with store.reading() as tx:
        seen, capsule = changeable_story(tx, viewer, story_id, now)
        unsealer = vault.unsealer(tx, capsule.id)
    has_words = unsealer.words_of(seen) != checked_words(None, None)
    with store.transaction() as tx:
        story, _capsule = changeable_story(tx, viewer, story_id, now)
        if has_words or story.words != seen.words or story_store.media_of(tx, story.id):
            _check_own(tx, story, viewer)
        blob_ids = story_store.remove_with_media(tx, story.id)
        capsule_store.drop_blobs(tx, blob_ids)
        _record(tx, "story.removed", story, now)
        tx.after_commit(lambda: _forget(vault, story.capsule_id, blob_ids))


def remove_medium(store: Store, vault: Vault, viewer: Viewer, medium_id: str, *, now: datetime) -> None:
    """Remove one photo, clip or voice note, for good. Raises NotFound, NotAllowed once the date has come."""
    viewer.check(Scope.CONTRIBUTE)
    with store.transaction() as tx:
        medium = story_store.media.find(tx, medium_id)
        if medium is None:
            raise NotFound("own_story_unknown")
        story, _capsule = changeable_story(tx, viewer, medium.story_id, now)
        _check_own(tx, story, viewer)
        blob_ids = story_store.remove_medium(tx, medium)
        capsule_store.drop_blobs(tx, blob_ids)
        _record(tx, "medium.removed", story, now)
        tx.after_commit(lambda: _forget(vault, story.capsule_id, blob_ids))


def _forget(vault: Vault, capsule_id: str, blob_ids: list[str]) -> None:
    vault.delete_blobs(blob_ids)
    # What was rendered ahead shows it; that the rest is rendered again is a small price.
    vault.cache.clear(capsule_id)


def _captioned(
    vault: Vault,
    unsealer: Unsealer,
    capsule: Capsule,
    media: Mapping[str, Medium],
    captions: Mapping[str, str],
    marks: Mapping[str, str],
) -> Iterator[Medium]:
    """Yield the media whose captions change, as they are to be kept. Raises NotFound, EditedElsewhere, UsageProblem."""
    for medium_id, written in captions.items():
        medium = media.get(medium_id)
        if medium is None:
            raise NotFound("own_story_unknown")
        details = unsealer.details_of(medium)
        changed = changed_words(written, seen=marks.get(medium_id), current=details.caption or "")
        if changed is not None and details.caption != (caption := checked_caption(changed)):
            sealed = vault.sealed_details(capsule, dataclasses.replace(details, caption=caption))
            yield dataclasses.replace(medium, details=sealed)


Ordered = TypeVar("Ordered", Story, Medium)


def _in_order(things: list[Ordered], ids: Sequence[str]) -> list[Ordered]:
    wanted = {one_id: place for place, one_id in enumerate(ids)}
    return sorted(things, key=lambda thing: wanted.get(thing.id, len(wanted)))


def _add(
    tx: Transaction,
    vault: Vault,
    viewer: Viewer,
    capsule: Capsule,
    member: Member,
    words: StoryWords,
    once: str | None,
    now: datetime,
) -> Story:
    capsule = _lock_sealed(tx, capsule.id, now)
    if not member.may_add_stories:
        raise NotAllowed("contributors_only")
    story_id = str(uuid.uuid4())
    if once is not None:
        story_id = vault.key.row_id("story", viewer.session_id, capsule.id, member.id, once)
        if known := story_store.stories.find(tx, story_id):
            return known
    story = Story(
        id=story_id,
        capsule_id=capsule.id,
        member_id=member.id,
        attached_by=viewer.account_id,
        session_id=viewer.session_id,
        position=story_store.next_story_position(tx, member.id),
        words=vault.sealed_words(capsule, words),
        is_sealed=True,
        created_at=now,
        changed_at=now,
    )
    story_store.stories.add(tx, story)
    _record(tx, "story.added", story, now)
    return story


def _lock_sealed(tx: Transaction, capsule_id: str, now: datetime) -> Capsule:
    # Held until the end, so that the opening cannot come between this check and the change.
    capsule = capsule_store.capsules.get(tx, capsule_id, lock=True)
    if not capsule.accepts_stories(now):
        raise NotAllowed("stories_too_late")
    return capsule


def changeable_story(tx: Transaction, viewer: Viewer, story_id: str, now: datetime) -> tuple[Story, Capsule]:
    """
    Return a story that this session may add to, with its capsule: one that it attached, or may view as its author.

    Raises NotFound, NotAllowed once the date has come.
    """
    story = story_store.stories.find(tx, story_id)
    if story is None or viewer.capsule_id not in {None, story.capsule_id}:
        raise NotFound("own_story_unknown")
    capsule = capsule_store.capsules.get(tx, story.capsule_id)
    member = capsule_store.membership(tx, story.capsule_id, viewer.account_id)
    is_own = member is not None and member.id == story.member_id
    attached_here = story.session_id == viewer.session_id and story.attached_by == viewer.account_id
    if not attached_here and not (is_own and may_view(capsule, story, member, viewer)):
        raise NotFound("own_story_unknown")
    return story, _lock_sealed(tx, story.capsule_id, now)


def _check_own(tx: Transaction, story: Story, viewer: Viewer) -> None:
    """Raise Sealed for all but the author: whoever added a story in another's name may only add to it."""
    member = capsule_store.members.get(tx, story.member_id)
    if member.account_id != viewer.account_id:
        raise Sealed


def _record(tx: Transaction, kind: str, story: Story, now: datetime) -> None:
    event_store.record(tx, Event(kind=kind, at=now, capsule_id=story.capsule_id, subject_id=story.id))


def _file_name(file: str) -> str:
    """Return the last part of a name, as people write it."""
    return storable(file.replace("\\", "/").rpartition("/")[2])
