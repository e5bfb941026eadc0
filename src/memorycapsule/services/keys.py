"""Keys: their state, and replacing the instance key, or recovering from its loss with the recovery key."""

from __future__ import annotations

import dataclasses
import glob
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from memorycapsule.domain.events import Event
from memorycapsule.domain.sealed_json import details_from_json
from memorycapsule.errors import CapsuleError, KeyMissing, WrongKey
from memorycapsule.seal import envelopes
from memorycapsule.seal.keys import InstanceKey, put_in_place, set_aside
from memorycapsule.services import instances
from memorycapsule.services.vault import INSTANCE, RECOVERY, new_envelope
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import events as event_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store import stories as story_store
from memorycapsule.store.transactions import Store


@dataclass(frozen=True, kw_only=True)
class KeyStatus:
    """The state of the instance's keys."""

    fingerprint: str
    recovery_recipient: str
    capsules: int
    #: Capsules whose key has no envelope for the instance key, or for the recovery key.
    without_instance: int
    without_recovery: int


def status(store: Store) -> KeyStatus:
    """Return the state of the keys, without needing any of them."""
    with store.reading() as tx:
        instance = instance_store.get(tx)
        capsules = capsule_store.all_capsules(tx)
        lacking = {
            kind: sum(capsule_store.newest_envelope(tx, capsule.id, kind) is None for capsule in capsules)
            for kind in (INSTANCE, RECOVERY)
        }
    return KeyStatus(
        fingerprint=instance.key_fingerprint,
        recovery_recipient=instance.recovery_recipient,
        capsules=len(capsules),
        without_instance=lacking[INSTANCE],
        without_recovery=lacking[RECOVERY],
    )


def open_key(store: Store, key_file: Path) -> InstanceKey:
    """
    Return the instance key, and put a new one in place first if the program was cut off while it was replaced.

    Raises KeyMissing or WrongKey; the reason is `key_lies_beside` when a file beside it holds the right key.
    """
    finish_replacing(store, key_file)
    try:
        return _checked_key(store, key_file)
    except (KeyMissing, WrongKey):
        # Another program may have replaced the key between the look at the file and that at the store.
        finish_replacing(store, key_file)
    try:
        return _checked_key(store, key_file)
    except (KeyMissing, WrongKey) as error:
        if found := _right_key_beside(store, key_file):
            raise type(error)("key_lies_beside", file=key_file, found=found) from error
        raise


def _checked_key(store: Store, key_file: Path) -> InstanceKey:
    key = InstanceKey.load(key_file)
    instances.check_key(store, key)
    return key


def _right_key_beside(store: Store, key_file: Path) -> Path | None:
    """Return a key file of another moment that holds the instance's key now, as after an older backup is restored."""
    for beside in sorted(key_file.parent.glob(f"{glob.escape(key_file.name)}.*"), reverse=True):
        with suppress(KeyMissing, WrongKey):
            _checked_key(store, beside)
            return beside
    return None


def rotate(store: Store, key_file: Path, *, now: datetime) -> InstanceKey:
    """
    Replace the instance key by a new one, wrapping every capsule's key anew; the old file is kept beside it.

    Letters and links that are out stay good: the store knows their digests. Raises KeyMissing, WrongKey.
    """
    old = open_key(store, key_file)
    return _replace(store, key_file, INSTANCE, lambda envelope: envelopes.unwrap(envelope, old.identity), now)


def recover(store: Store, key_file: Path, recovery_identity: str, *, now: datetime) -> InstanceKey:
    """
    Make a new instance key when the old one is lost, opening every capsule's key with the recovery key.

    Raises WrongKey when that is not this instance's recovery key.
    """
    with store.reading() as tx:
        if instance_store.get(tx).recovery_recipient != envelopes.recipient_of(recovery_identity):
            raise WrongKey("recovery_key_of_other_instance")
    return _replace(
        store, key_file, RECOVERY, lambda envelope: envelopes.unwrap(envelope, recovery_identity), now
    )


def finish_replacing(store: Store, key_file: Path) -> None:
    """Put the new key in place if the program was cut off between the store's change and the file's."""
    fresh = _fresh_file(key_file)
    if not fresh.exists():
        return
    try:
        key = InstanceKey.load(fresh)
    except KeyMissing:
        return  # cut off while it was written: the store cannot know of it
    with store.reading() as tx:
        fingerprint = instance_store.get(tx).key_fingerprint
    if key.fingerprint == fingerprint:
        put_in_place(fresh, key_file)


def _replace(
    store: Store, key_file: Path, holder: str, unwrap: Callable[[bytes], str], now: datetime
) -> InstanceKey:
    finish_replacing(store, key_file)
    fresh_file = _fresh_file(key_file)
    set_aside(fresh_file)  # of an attempt that never reached the store
    # The new key is on the disk before the store depends on it.
    fresh = InstanceKey.create(fresh_file)
    with store.transaction() as tx:
        instance_store.get(tx, lock=True)  # a capsule that is being made waits, and then gets the new key
        for capsule in capsule_store.all_capsules(tx):
            held = capsule_store.newest_envelope(tx, capsule.id, holder)
            if held is None:
                raise CapsuleError("envelope_missing", capsule=capsule.id, holder=holder)
            try:
                identity = unwrap(held.envelope)
            except envelopes.DamagedEnvelope:
                if holder == INSTANCE:
                    raise
                # The instance key is lost already: one capsule that stays closed must not keep all others closed.
                event_store.record(
                    tx,
                    Event(kind="key.damaged", at=now, capsule_id=capsule.id, subject_id=capsule.id),
                )
                continue
            old = capsule_store.newest_envelope(tx, capsule.id, INSTANCE)
            capsule_store.envelopes.add(
                tx,
                new_envelope(
                    identity,
                    capsule.id,
                    INSTANCE,
                    fresh.recipient,
                    generation=old.generation + 1 if old else 1,
                ),
            )
            if old:
                capsule_store.drop_envelope(tx, old.id)
            # Duplicates are recognised by marks that the instance key makes.
            for medium in story_store.media_of_capsule(tx, capsule.id):
                try:
                    plain = (
                        envelopes.unseal_bytes(medium.details, identity)
                        if medium.is_sealed
                        else medium.details
                    )
                except envelopes.DamagedEnvelope:
                    continue  # its old mark matches nothing any more, and nothing needs it to
                mark = fresh.mark(details_from_json(plain).sha256)
                story_store.media.save(tx, dataclasses.replace(medium, duplicate_mark=mark))
        instance_store.change(tx, key_fingerprint=fresh.fingerprint)
        event_store.record(tx, Event(kind="key.replaced", at=now, facts={"opened_with": holder}))
    put_in_place(fresh_file, key_file)
    return fresh


def _fresh_file(key_file: Path) -> Path:
    return key_file.with_name(f"{key_file.name}.new")
