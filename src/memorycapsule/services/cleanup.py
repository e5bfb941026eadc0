"""Cleanup: unsealing at leisure what an opening has made readable, and finding what crashes left behind."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta

from memorycapsule.domain.events import Event
from memorycapsule.domain.instances import Blob
from memorycapsule.domain.sealed_json import details_to_json, words_to_json
from memorycapsule.domain.stories import Medium, Story
from memorycapsule.errors import FROM_OUTSIDE, CapsuleError
from memorycapsule.services.album import albums
from memorycapsule.services.preservation import fixity
from memorycapsule.services.vault import Vault
from memorycapsule.store import albums as album_store
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import events as event_store
from memorycapsule.store import stories as story_store
from memorycapsule.store.transactions import Store

#: Half-written bytes are somebody's import at this moment, unless they are older than this.
PART_AGE = timedelta(days=1)

_BATCH_ITEMS = 50


def unseal_opened(store: Store, vault: Vault, skip: set[str], *, now: datetime) -> int:
    """
    Unseal some of the stories and media of an open capsule, and return how many (0: none is sealed any more).

    Capsules that were opened first come first. The gate decrypts on every read until then, so nobody waits for this.
    Each story and medium is a transaction of its own; a crash loses nothing. What is damaged is noted once, and its id
    is put into `skip`. Several nodes may do it at the same time: of each story and medium the first one's bytes stay.
    Raises DiskFull and Postponed.
    """
    with store.reading() as tx:
        waiting = capsule_store.ids_to_unseal(tx)
    for capsule_id in waiting:
        if done := _unseal_some(store, vault, capsule_id, skip, now):
            return done
    return 0


def _unseal_some(store: Store, vault: Vault, capsule_id: str, skip: set[str], now: datetime) -> int:
    with store.reading() as tx:
        sealed: list[Story | Medium] = [
            *story_store.sealed_stories(tx, capsule_id, _BATCH_ITEMS + len(skip)),
            *story_store.sealed_media(tx, capsule_id, _BATCH_ITEMS + len(skip)),
        ]
    if not sealed:
        with store.transaction() as tx:
            capsule_store.note_unsealed(tx, capsule_id, now)
        return 0
    done = 0
    todo = [item for item in sealed if item.id not in skip]
    if todo:
        _arrange(store, vault, capsule_id)
    for item in todo:
        try:
            if isinstance(item, Medium):
                _unseal_medium(store, vault, item, now)
            else:
                _unseal_story(store, vault, item)
        except FROM_OUTSIDE:
            raise
        except CapsuleError as error:
            if not _is_still_sealed(store, item):
                done += 1  # another node was faster, and has removed what this one was about to read
                continue
            skip.add(item.id)
            if isinstance(item, Medium):
                _note_damage(store, vault, item, now)
            with store.transaction() as tx:
                event_store.record(
                    tx,
                    Event(
                        kind="unsealing.failed",
                        at=now,
                        capsule_id=item.capsule_id,
                        subject_id=item.id,
                        facts={"error": error.code},
                    ),
                )
            continue
        done += 1
    return done


def _arrange(store: Store, vault: Vault, capsule_id: str) -> None:
    """Arrange a capsule that nobody has arranged yet: those who look at a page need not wait for it then."""
    with store.reading() as tx:
        capsule = capsule_store.capsules.get(tx, capsule_id)
        is_arranged = album_store.find(tx, capsule_id) is not None
    if not is_arranged:
        # What cannot be read is noted where it is unsealed.
        with contextlib.suppress(CapsuleError):
            albums.arrange(store, vault, capsule)


def _unseal_story(store: Store, vault: Vault, story: Story) -> None:
    with store.reading() as tx:
        unsealer = vault.unsealer(tx, story.capsule_id)
    words = words_to_json(unsealer.words_of(story))
    with store.transaction() as tx:
        story_store.unseal_story(tx, story, words)


def _unseal_medium(store: Store, vault: Vault, medium: Medium, now: datetime) -> None:
    sealed = medium.blobs
    kept: dict[str, Blob] = {}
    try:
        with store.reading() as tx:
            unsealer = vault.unsealer(tx, medium.capsule_id)
            sources = {form: vault.source_of(tx, blob_id) for form, blob_id in sealed.items()}
        details = details_to_json(unsealer.details_of(medium))
        for form, source in sources.items():
            with source.open() as plain:
                kept[form] = vault.keep_open(medium.capsule_id, plain, now)
        with store.transaction() as tx:
            for blob in kept.values():
                capsule_store.blobs.add(tx, blob)
            unsealed = {form: blob.id for form, blob in kept.items()}
            is_ours = story_store.unseal_medium(tx, medium, details, unsealed)
            capsule_store.drop_blobs(tx, list((sealed if is_ours else unsealed).values()))
    finally:
        # After a success these are the sealed ones; otherwise, or where another node was faster, the new ones.
        vault.delete_uncommitted(store, [*sealed.values(), *(blob.id for blob in kept.values())])


def _is_still_sealed(store: Store, item: Story | Medium) -> bool:
    with store.reading() as tx:
        table = story_store.media if isinstance(item, Medium) else story_store.stories
        found = table.find(tx, item.id)
    return found is not None and found.is_sealed


def _note_damage(store: Store, vault: Vault, medium: Medium, now: datetime) -> None:
    """Note which of a medium's blobs are damaged, so that somebody is told."""
    with store.reading() as tx:
        kept = [blob for blob_id in medium.blobs.values() if (blob := capsule_store.blobs.find(tx, blob_id))]
    looked_at = [(blob, fixity.damage_of(vault.blobs, blob, deep=True)) for blob in kept]
    fixity.note(store, vault, looked_at, now=now)


def sweep_parts(vault: Vault, *, now: datetime) -> int:
    """Delete half-written blobs that a crash left, once they are a day old; return how many files."""
    return vault.blobs.sweep(older_than=now - PART_AGE)


def sweep_cache(store: Store, vault: Vault, *, is_alone: bool, now: datetime) -> None:
    """
    Delete the cached segments of capsules that are gone, and what was half-written.

    Where others may write into the same folder (`is_alone` is false), what is half-written stays for a day.
    """
    # Looked at first: another one may begin a shelf while the database is asked.
    shelves = vault.cache.shelves()
    with store.reading() as tx:
        known = capsule_store.known_ids(tx, shelves)
    vault.cache.sweep(shelves - known, older_than=None if is_alone else now - PART_AGE)
