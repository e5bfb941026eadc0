"""
Uploads: a file arrives piece by piece. Each piece is sealed at once, and the whole file becomes a medium.

The bytes of a piece are on the disk before the row that counts them, so a crash costs the sender one piece at most.
One transaction makes the medium and notes it on the upload, so finishing an upload twice does nothing the second
time.
"""

from __future__ import annotations

import dataclasses
import io
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import BinaryIO

from memorycapsule.domain.capsules import Capsule, Member
from memorycapsule.domain.people import storable
from memorycapsule.domain.refusals import refusal_from_json, refusal_to_json
from memorycapsule.domain.sessions import Scope
from memorycapsule.domain.stories import Viewer
from memorycapsule.domain.uploads import (
    KEPT_FOR,
    MOST_ANNOUNCED,
    ROOM_PER_BYTE,
    Upload,
    UploadLimits,
    UploadMetadata,
    UploadPart,
)
from memorycapsule.errors import (
    MediaRefused,
    NotAllowed,
    NotFound,
    OffsetMoved,
    Refusal,
    TooLarge,
    TooMany,
    UsageProblem,
)
from memorycapsule.media.prepared import Prepared
from memorycapsule.seal.envelopes import DamagedEnvelope
from memorycapsule.services import sessions, stories
from memorycapsule.services.stories import Attached
from memorycapsule.services.vault import Unsealer, Vault
from memorycapsule.store import accounts as account_store
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import stories as story_store
from memorycapsule.store import uploads as upload_store
from memorycapsule.store.transactions import Store, Transaction

_LONGEST_NAME = 1000


class UploadStage(StrEnum):
    """What has become of a file."""

    ARRIVING = "arriving"  #: some of it is still missing
    WAITING = "waiting"  #: all of it is here, and waits to become a medium
    POSTPONED = "postponed"  #: the same, and the machine was too busy to read it: it will be tried again
    KEPT = "kept"  #: it is in the story
    DUPLICATE = "duplicate"  #: the very same file was in the story before
    REFUSED = "refused"  #: it is no photo, clip or voice note
    REMOVED = "removed"  #: it was in the story and has been taken out since


@dataclass(frozen=True, kw_only=True)
class UploadProgress:
    """How far a file has come."""

    upload: Upload
    about: UploadMetadata
    stage: UploadStage
    #: Why it was refused.
    refusal: MediaRefused | None


@dataclass(frozen=True, kw_only=True)
class UploadEnd:
    """What a file came to at once, or for the time being."""

    #: Kept, a duplicate, refused, or postponed.
    stage: UploadStage
    #: Why it was refused.
    refusal: Refusal | None = None


def begin(
    store: Store,
    vault: Vault,
    viewer: Viewer,
    story_id: str,
    *,
    about: UploadMetadata,
    length: int,
    limits: UploadLimits,
    now: datetime,
) -> Upload:
    """
    Announce a file of `length` bytes for a story; nothing of it has arrived yet.

    An empty file is refused at once, as `progress` says. Raises UsageProblem, NotFound, NotAllowed once the date has
    come, TooMany while too many files of this member are announced already, and DiskFull unless there is room for it
    and for all that was announced before. Raises TooLarge after noting the refusal, so that the sender finds it
    among all others.
    """
    viewer.check(Scope.CONTRIBUTE)
    if length < 0 or (about.position is not None and not 0 <= about.position < 1_000_000):
        raise UsageProblem("upload_misannounced")
    about = dataclasses.replace(about, file=storable(about.file)[:_LONGEST_NAME])
    with store.transaction() as tx:
        story, capsule = stories.changeable_story(tx, viewer, story_id, now)
        used_bytes = upload_store.bytes_of_member(tx, story.member_id)
        too_large = limits.refusal_of(length, used_bytes=used_bytes)
        refused = too_large if length else MediaRefused(Refusal.EMPTY)
        if refused is None:
            if upload_store.announced_by(tx, story.member_id) >= MOST_ANNOUNCED:
                raise TooMany("uploads_announced", most=MOST_ANNOUNCED)
            vault.blobs.check_room(ROOM_PER_BYTE * length + upload_store.bytes_to_come(tx))
        upload = Upload(
            id=str(uuid.uuid4()),
            story_id=story.id,
            capsule_id=capsule.id,
            session_id=viewer.session_id,
            about=vault.sealed_metadata(capsule, about),
            length=length,
            received=0,
            created_at=now,
            changed_at=now,
            medium_id=None,
            refusal=vault.sealed_refusal(capsule, refused) if refused else None,
        )
        upload_store.uploads.add(tx, upload)
    if too_large:
        raise TooLarge(too_large.refusal, **too_large.values)
    return upload


def receive(
    store: Store, vault: Vault, viewer: Viewer, upload_id: str, *, start: int, piece: bytes, now: datetime
) -> Upload:
    """
    Keep the piece of a file that begins at `start`; empty ones are fine.

    On return it has reached the disk, sealed. Raises OffsetMoved unless `start` is where the last piece ended,
    TooLarge when the file would become longer than announced, NotFound, DiskFull, and NotAllowed once the date
    has come.
    """
    viewer.check(Scope.CONTRIBUTE)
    with store.reading() as tx:
        upload, capsule = _check_part(tx, viewer, upload_id, start, len(piece), now)
    if not piece:
        return upload
    vault.blobs.check_room(len(piece))
    blob = vault.keep_sealed(capsule, io.BytesIO(piece), now)
    try:
        with store.transaction() as tx:
            upload, _capsule = _check_part(tx, viewer, upload_id, start, len(piece), now)
            capsule_store.blobs.add(tx, blob)
            part = UploadPart(
                id=str(uuid.uuid4()), upload_id=upload.id, start=start, bytes=len(piece), blob_id=blob.id
            )
            upload_store.parts.add(tx, part)
            upload = dataclasses.replace(upload, received=start + len(piece), changed_at=now)
            upload_store.uploads.save(tx, upload)
    except BaseException:
        vault.delete_uncommitted(store, [blob.id])
        raise
    return upload


def conclude(store: Store, vault: Vault, viewer: Viewer, upload_id: str, *, now: datetime) -> Upload:
    """
    Note that the file has arrived whole: the sender of a form does not know the lengths of its files.

    An empty file is refused. Raises NotFound.
    """
    viewer.check(Scope.CONTRIBUTE)
    with store.transaction() as tx:
        upload = _own_upload(tx, viewer, upload_id, lock=True)
        upload = dataclasses.replace(upload, length=upload.received, changed_at=now)
        if not upload.received:
            capsule = capsule_store.capsules.get(tx, upload.capsule_id)
            upload = dataclasses.replace(
                upload, refusal=vault.sealed_refusal(capsule, MediaRefused(Refusal.EMPTY))
            )
        upload_store.uploads.save(tx, upload)
    return upload


def progress(store: Store, vault: Vault, viewer: Viewer, upload_id: str) -> UploadProgress:
    """Return how far a file has come, and what has become of it. Raises NotFound."""
    with store.reading() as tx:
        upload = _own_upload(tx, viewer, upload_id)
        unsealer = vault.unsealer(tx, upload.capsule_id)
        has_parts = bool(upload_store.parts_of(tx, upload.id))
    return _progress(store, vault, unsealer, upload, has_parts=has_parts)


def of_story(store: Store, vault: Vault, viewer: Viewer, story_id: str) -> list[UploadProgress]:
    """Return what this session has sent to a story within a week, the oldest first."""
    with store.reading() as tx:
        found = [one for one in upload_store.of_story(tx, story_id) if one.session_id == viewer.session_id]
        if not found:
            return []
        with_parts = upload_store.ids_with_parts(tx, story_id)
        unsealer = vault.unsealer(tx, found[0].capsule_id)
    return [_progress(store, vault, unsealer, upload, has_parts=upload.id in with_parts) for upload in found]


def bytes_left(store: Store, member: Member, limits: UploadLimits) -> int:
    """Return how many bytes a member may still put into the capsule, files on their way counted."""
    with store.reading() as tx:
        return max(limits.most_per_member - upload_store.bytes_of_member(tx, member.id), 0)


def cancel(store: Store, vault: Vault, viewer: Viewer, upload_id: str, *, now: datetime) -> None:
    """Forget a file and what has arrived of it; a medium that it became stays. Raises NotFound."""
    del now  # forgetting leaves no trace
    viewer.check(Scope.CONTRIBUTE)
    with store.transaction() as tx:
        _forget(tx, vault, _own_upload(tx, viewer, upload_id, lock=True).id)


def finish(
    store: Store,
    vault: Vault,
    prepare: Callable[[BinaryIO], Prepared],
    upload_id: str,
    *,
    lease: str | None = None,
    clock: Callable[[], datetime],
) -> UploadEnd | None:
    """
    Make a file that has arrived whole into a medium of its story, or keep why it was refused; return which it was.

    Nobody's rights are checked here: that was done while the file arrived. Nothing happens, and None is returned, when
    it is not whole, finished already, or gone. With a `lease` it is claimed meanwhile, and nothing happens where
    another run has it. Raises Postponed, DiskFull and other errors that may have passed by the next try; among them
    NotAllowed, as long as the date has come by the clock and the capsule is not open.
    """
    if lease is None:
        return _finish(store, vault, prepare, upload_id, clock)
    with store.transaction() as tx:
        is_claimed = upload_store.claim(tx, upload_id, lease)
    if not is_claimed:
        return None
    try:
        return _finish(store, vault, prepare, upload_id, clock)
    finally:
        with store.transaction() as tx:
            upload_store.release(tx, upload_id, lease)


def _finish(
    store: Store,
    vault: Vault,
    prepare: Callable[[BinaryIO], Prepared],
    upload_id: str,
    clock: Callable[[], datetime],
) -> UploadEnd | None:
    with store.reading() as tx:
        upload = upload_store.uploads.find(tx, upload_id)
        parts = upload_store.parts_of(tx, upload_id)
        if upload is None or not upload.is_whole or not parts:
            return None
        unsealer = vault.unsealer(tx, upload.capsule_id)
        sender = sessions.viewer_of(account_store.sessions.get(tx, upload.session_id))
        blob_ids = [part.blob_id for part in parts]
        source = vault.source_of_parts(tx, upload.capsule_id, blob_ids, upload.length)
    about = unsealer.metadata_of(upload)
    # Asked before the work, which would be done again and again on a full disk.
    vault.blobs.check_room(upload.length)
    try:
        plain = source.open()
    except DamagedEnvelope:
        return _refuse(store, vault, upload_id, MediaRefused(Refusal.DAMAGED_ON_ITS_WAY), clock())

    def become_medium(tx: Transaction, attached: Attached) -> None:
        _become_medium(tx, vault, upload_id, about, attached, clock())

    try:
        with plain:
            attached = stories.attach(
                store,
                vault,
                prepare,
                sender,
                upload.story_id,
                file=about.file,
                upload=plain,
                position=about.position,
                clock=clock,
                on_written=become_medium,
            )
        if attached.is_duplicate:
            with store.transaction() as tx:
                become_medium(tx, attached)
    except MediaRefused as error:
        return _refuse(store, vault, upload_id, error, clock())
    except NotAllowed as error:
        # Until the capsule opens, its date may have come only by a clock that is ahead, so the file waits.
        if error.reason != Refusal.STORIES_TOO_LATE or not _is_open(store, upload.capsule_id):
            raise
        return _refuse(store, vault, upload_id, MediaRefused(Refusal.STORIES_TOO_LATE), clock())
    except NotFound:
        # The story or the upload has been removed meanwhile, with all that had arrived.
        return None
    return UploadEnd(stage=UploadStage.DUPLICATE if attached.is_duplicate else UploadStage.KEPT)


def _is_open(store: Store, capsule_id: str) -> bool:
    with store.reading() as tx:
        return capsule_store.capsules.get(tx, capsule_id).is_open


def postpone(store: Store, vault: Vault, upload_id: str, *, now: datetime) -> UploadEnd | None:
    """
    Note of a file that `finish` could not read it because the machine was in the way; its bytes are kept.

    Returns None when it is finished or gone.
    """
    with store.transaction() as tx:
        upload = upload_store.uploads.find(tx, upload_id, lock=True)
        if upload is None or upload.medium_id or upload.refusal is not None:
            return None
        capsule = capsule_store.capsules.get(tx, upload.capsule_id)
        about = dataclasses.replace(vault.unsealer(tx, capsule.id).metadata_of(upload), is_postponed=True)
        # A file that is tried again does not expire.
        upload_store.uploads.save(
            tx, dataclasses.replace(upload, about=vault.sealed_metadata(capsule, about), changed_at=now)
        )
    return UploadEnd(stage=UploadStage.POSTPONED)


def give_up(store: Store, vault: Vault, upload_id: str, *, now: datetime) -> UploadEnd | None:
    """
    Refuse a file that could not be read although nothing else was going on; the sender still has it.

    Returns None when it is finished or gone.
    """
    return _refuse(store, vault, upload_id, MediaRefused(Refusal.NOT_READ_HERE), now)


def unfinished_ids(store: Store) -> list[str]:
    """Return the ids of uploads that are whole and neither a medium nor refused: a crash may have left them."""
    with store.reading() as tx:
        return upload_store.unfinished_ids(tx)


def expire(store: Store, vault: Vault, *, now: datetime) -> int:
    """Forget the uploads that nothing has happened to for a week, finished or not; return how many."""
    with store.transaction() as tx:
        old = upload_store.untouched_ids(tx, now - KEPT_FOR)
        for upload_id in old:
            _forget(tx, vault, upload_id)
    return len(old)


def _own_upload(tx: Transaction, viewer: Viewer, upload_id: str, *, lock: bool = False) -> Upload:
    upload = upload_store.uploads.find(tx, upload_id, lock=lock)
    if upload is None or upload.session_id != viewer.session_id:
        raise NotFound("upload_unknown")
    if capsule_store.membership(tx, upload.capsule_id, viewer.account_id) is None and not viewer.is_admin:
        raise NotFound("upload_unknown")
    return upload


def _check_part(
    tx: Transaction, viewer: Viewer, upload_id: str, start: int, count: int, now: datetime
) -> tuple[Upload, Capsule]:
    upload = _own_upload(tx, viewer, upload_id, lock=True)
    if start != upload.received:
        raise OffsetMoved
    if count and start + count > upload.length:
        raise TooLarge("longer_than_announced")
    _story, capsule = stories.changeable_story(tx, viewer, upload.story_id, now)
    return upload, capsule


def _progress(
    store: Store, vault: Vault, unsealer: Unsealer, upload: Upload, *, has_parts: bool
) -> UploadProgress:
    about = unsealer.metadata_of(upload)
    if upload.medium_id:
        stage = UploadStage.DUPLICATE if about.is_duplicate else UploadStage.KEPT
    elif upload.refusal is not None:
        stage = UploadStage.REFUSED
    elif not upload.is_whole:
        stage = UploadStage.ARRIVING
    elif not has_parts:
        stage = UploadStage.REMOVED
    else:
        stage = UploadStage.POSTPONED if about.is_postponed else UploadStage.WAITING
    refusal = _refusal(store, vault, unsealer, upload)
    return UploadProgress(upload=upload, about=about, stage=stage, refusal=refusal)


def _refusal(store: Store, vault: Vault, unsealer: Unsealer, upload: Upload) -> MediaRefused | None:
    """Return why a file was refused, None when it was not; what an older version sealed is sealed anew."""
    kept = unsealer.refusal_of(upload)
    if kept is None:
        return None
    refused = refusal_from_json(kept)
    if refusal_to_json(refused) != kept:
        with store.transaction() as tx:
            current = upload_store.uploads.find(tx, upload.id, lock=True)
            if current is not None and current.refusal == upload.refusal:
                capsule = capsule_store.capsules.get(tx, upload.capsule_id)
                renewed = dataclasses.replace(current, refusal=vault.sealed_refusal(capsule, refused))
                upload_store.uploads.save(tx, renewed)
    return refused


def _become_medium(
    tx: Transaction, vault: Vault, upload_id: str, about: UploadMetadata, attached: Attached, now: datetime
) -> None:
    upload = upload_store.uploads.get(tx, upload_id, lock=True)
    if upload.medium_id or upload.refusal is not None:
        return
    if attached.is_duplicate:
        if story_store.media.find(tx, attached.medium.id) is None:
            return  # removed at this very moment; the next try to finish the upload adds it
        about = dataclasses.replace(about, is_duplicate=True)
    if attached.details.missing:
        about = dataclasses.replace(about, missing=attached.details.missing)
    if about.is_duplicate or about.missing:
        capsule = capsule_store.capsules.get(tx, upload.capsule_id)
        upload = dataclasses.replace(upload, about=vault.sealed_metadata(capsule, about))
    _save_without_parts(tx, vault, dataclasses.replace(upload, medium_id=attached.medium.id, changed_at=now))


def _refuse(
    store: Store, vault: Vault, upload_id: str, refused: MediaRefused, now: datetime
) -> UploadEnd | None:
    with store.transaction() as tx:
        upload = upload_store.uploads.find(tx, upload_id, lock=True)
        if upload is None or upload.medium_id or upload.refusal is not None:
            return None
        capsule = capsule_store.capsules.get(tx, upload.capsule_id)
        refusal = vault.sealed_refusal(capsule, refused)
        _save_without_parts(tx, vault, dataclasses.replace(upload, refusal=refusal, changed_at=now))
    return UploadEnd(stage=UploadStage.REFUSED, refusal=refused.refusal)


def _save_without_parts(tx: Transaction, vault: Vault, upload: Upload) -> None:
    blob_ids = upload_store.remove_parts(tx, upload.id)
    capsule_store.drop_blobs(tx, blob_ids)
    upload_store.uploads.save(tx, upload)
    tx.after_commit(lambda: vault.delete_blobs(blob_ids))


def _forget(tx: Transaction, vault: Vault, upload_id: str) -> None:
    blob_ids = upload_store.remove(tx, upload_id)
    capsule_store.drop_blobs(tx, blob_ids)
    tx.after_commit(lambda: vault.delete_blobs(blob_ids))
