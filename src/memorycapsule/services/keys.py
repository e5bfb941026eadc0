"""Keys: their state, and replacing the instance key, or recovering from its loss with the recovery key."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from memorycapsule.domain.capsules import Capsule
from memorycapsule.domain.events import Event
from memorycapsule.domain.instances import KeyEnvelope
from memorycapsule.domain.preservation import PremisOutcome, PremisType, premis_event
from memorycapsule.domain.sealed_json import details_from_json
from memorycapsule.domain.stories import Medium
from memorycapsule.errors import CapsuleError, KeyMissing, UsageProblem, WrongKey
from memorycapsule.seal import envelopes
from memorycapsule.seal.keys import InstanceKey, fingerprint_of, key_file_beside, put_in_place, set_aside
from memorycapsule.services import instances
from memorycapsule.services.vault import INSTANCE, RECOVERY, capsule_identity, new_envelope
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import events as event_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store import stories as story_store
from memorycapsule.store.cluster import nodes
from memorycapsule.store.transactions import Store, Transaction


@dataclass(frozen=True, kw_only=True)
class KeyStatus:
    """The state of the instance's keys."""

    fingerprint: str
    recovery_recipient: str
    capsules: int
    #: Capsules whose key has no whole envelope for the instance key, or for the recovery key.
    without_instance: int
    without_recovery: int


def status(store: Store) -> KeyStatus:
    """Return the state of the keys, without needing any of them."""
    with store.reading() as tx:
        instance = instance_store.get(tx)
        capsules = capsule_store.all_capsules(tx)
        holders = (
            (INSTANCE, instance.key_fingerprint),
            (RECOVERY, fingerprint_of(instance.recovery_recipient)),
        )
        lacking = {}
        for kind, holder in holders:
            newest = capsule_store.newest_envelopes(tx, kind)
            lacking[kind] = sum(not _is_good(newest.get(capsule.id), holder) for capsule in capsules)
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
        # As after an older database is put back.
        with store.reading() as tx:
            fingerprint = instance_store.get(tx).key_fingerprint
        if found := key_file_beside(key_file, fingerprint):
            raise type(error)("key_lies_beside", file=key_file, found=found) from error
        raise


def _checked_key(store: Store, key_file: Path) -> InstanceKey:
    key = InstanceKey.load(key_file)
    instances.check_key(store, key)
    return key


def rotate(store: Store, key_file: Path, *, now: datetime) -> InstanceKey:
    """
    Replace the instance key by a new one, wrapping every capsule's key anew; the old file is kept beside it.

    Letters and links that are out stay good: the store knows their digests. Raises KeyMissing, WrongKey, Busy while
    nodes are alive, which would go on with the old key, and DamagedEnvelope or CapsuleError (`envelope_missing`) when a
    capsule's key cannot be unwrapped; then nothing changes.
    """
    nodes.refuse_while_alive(store)
    old = open_key(store, key_file)
    keys = _CapsuleKeys(store, {INSTANCE: old.identity}, reads_originals=True)
    if keys.problems:
        raise next(iter(keys.problems.values()))
    return _replace(store, key_file, keys, opened_with=INSTANCE, now=now)


def recover(store: Store, key_file: Path, recovery_identity: str, *, now: datetime) -> InstanceKey:
    """
    Make a new instance key when the old one is lost, opening every capsule's key with the recovery key.

    Where that fails and the old instance key is still there, that one opens it. A capsule that neither opens keeps its
    envelopes. Raises WrongKey when that is not this instance's recovery key, nor an older one that a capsule was left
    to, and Busy while nodes are alive.
    """
    nodes.refuse_while_alive(store)
    own_recipient = envelopes.recipient_of(recovery_identity)
    holder = fingerprint_of(own_recipient)
    with store.reading() as tx:
        recipient = instance_store.get(tx).recovery_recipient
        if holder not in {fingerprint_of(recipient), *capsule_store.envelope_holders(tx, RECOVERY)}:
            raise WrongKey("recovery_key_of_other_instance")
    finish_replacing(store, key_file)
    identities = {RECOVERY: recovery_identity}
    with suppress(KeyMissing, WrongKey):
        identities[INSTANCE] = open_key(store, key_file).identity
    keys = _CapsuleKeys(store, identities, reads_originals=True)
    if not envelopes.is_recipient(recipient):
        # A damaged row; whoever has the recovery key has its public half, too.
        with store.transaction() as tx:
            instance_store.change(tx, recovery_recipient=own_recipient)
    return _replace(store, key_file, keys, opened_with=RECOVERY, now=now)


def renew_recovery(
    store: Store,
    key: InstanceKey,
    recipient: str,
    *,
    say: Callable[[tuple[Capsule, ...]], None],
    now: datetime,
) -> None:
    """
    Wrap every capsule's key to a new recovery key, `recipient`; the old one opens nothing any more.

    `say` is called before anything changes, with the capsules whose keys cannot be unwrapped: those keep their
    envelopes, which the old recovery key opens. Raises UsageProblem when it is the recovery key already, or the
    instance key.
    """
    if recipient == key.recipient:
        raise UsageProblem("recovery_key_is_instance_key")
    with store.reading() as tx:
        if instance_store.get(tx).recovery_recipient == recipient:
            raise UsageProblem("recovery_key_same")
    keys = _CapsuleKeys(store, {INSTANCE: key.identity})
    with store.reading() as tx:
        say(tuple(one for one in capsule_store.all_capsules(tx) if one.id in keys.problems))
    with keys.writing(key.fingerprint) as tx:
        for capsule in capsule_store.all_capsules(tx):
            if identity := keys.identities.get(capsule.id):
                _wrap_anew(tx, capsule.id, identity, RECOVERY, recipient)
        instance_store.change(tx, recovery_recipient=recipient)
        event_store.record(tx, Event(kind="key.recovery_renewed", at=now, facts={"left": len(keys.problems)}))


def mend_recovery(store: Store, key: InstanceKey, *, now: datetime) -> tuple[str, ...]:
    """
    Wrap those capsules' keys to the recovery key anew that it does not open, being damaged, missing or of an older one.

    Only its public half is needed for that. Returns the ids of the capsules that were mended.
    """
    if not status(store).without_recovery:
        return ()
    keys = _CapsuleKeys(store, {INSTANCE: key.identity})
    mended: list[str] = []
    with keys.writing(key.fingerprint) as tx:
        recipient = instance_store.get(tx).recovery_recipient
        newest = capsule_store.newest_envelopes(tx, RECOVERY)
        for capsule in capsule_store.all_capsules(tx):
            identity = keys.identities.get(capsule.id)
            if identity is None or _is_good(newest.get(capsule.id), fingerprint_of(recipient)):
                continue
            _wrap_anew(tx, capsule.id, identity, RECOVERY, recipient)
            mended.append(capsule.id)
            event = premis_event(
                "key.recovery_mended",
                PremisType.RECOVERY,
                PremisOutcome.SUCCESS,
                at=now,
                capsule_id=capsule.id,
                subject_id=capsule.id,
            )
            event_store.record(tx, event)
    return tuple(mended)


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


class _CapsuleKeys:
    """The private keys of all capsules, unwrapped outside any transaction: it takes long, and others want to write."""

    def __init__(self, store: Store, holders: Mapping[str, str], *, reads_originals: bool = False) -> None:
        """Unwrap them with the private keys of `holders`, by kind of envelope; the first that opens one is enough."""
        self._store = store
        self._holders = holders
        self._reads_originals = reads_originals
        #: By the capsule's id.
        self.identities: dict[str, str] = {}
        #: Why a capsule's key could not be unwrapped, by its id.
        self.problems: dict[str, CapsuleError] = {}
        #: SHA-256 of each original, by its medium's id; None where it cannot be read.
        self.digests: dict[str, str | None] = {}
        self._read()

    @contextmanager
    def writing(self, key_fingerprint: str) -> Iterator[Transaction]:
        """
        Begin a transaction in which all capsules and originals there are have been read; it holds the instance.

        Raises WrongKey when the instance key is no longer that of `key_fingerprint`.
        """
        while True:
            with self._store.transaction() as tx:
                # A capsule that is being made waits, and then gets the new key.
                if instance_store.get(tx, lock=True).key_fingerprint != key_fingerprint:
                    raise WrongKey("key_replaced")
                if not self._unread(tx):
                    yield tx
                    return
            self._read()  # what came in meanwhile

    def _unread(self, tx: Transaction) -> list[tuple[Capsule, list[Medium]]]:
        found: list[tuple[Capsule, list[Medium]]] = []
        for capsule in capsule_store.all_capsules(tx):
            media = story_store.media_of_capsule(tx, capsule.id) if self._reads_originals else []
            unread = [one for one in media if one.id not in self.digests]
            if unread or capsule.id not in self.identities.keys() | self.problems.keys():
                found.append((capsule, unread))
        return found

    def _read(self) -> None:
        with self._store.reading() as tx:
            unread = [
                (
                    capsule,
                    media,
                    [capsule_store.newest_envelope(tx, capsule.id, kind) for kind in self._holders],
                )
                for capsule, media in self._unread(tx)
            ]
        for capsule, media, held in unread:
            try:
                self.identities[capsule.id] = self._unwrap(capsule, held)
            except CapsuleError as error:
                self.problems[capsule.id] = error
            for medium in media:
                self.digests[medium.id] = _original_digest(medium, self.identities.get(capsule.id))

    def _unwrap(self, capsule: Capsule, held: Sequence[KeyEnvelope | None]) -> str:
        problem: CapsuleError | None = None
        for (kind, holder_identity), envelope in zip(self._holders.items(), held, strict=True):
            try:
                return capsule_identity(_present(envelope, capsule, kind), holder_identity)
            except CapsuleError as error:
                problem = problem or error
        assert problem is not None
        raise problem


def _present(envelope: KeyEnvelope | None, capsule: Capsule, kind: str) -> KeyEnvelope:
    if envelope is None:
        raise CapsuleError("envelope_missing", capsule=capsule.id, holder=kind)
    return envelope


def _original_digest(medium: Medium, identity: str | None) -> str | None:
    """Return the digest of a medium's original, None when its details are damaged or their key is missing."""
    if not medium.is_sealed:
        return details_from_json(medium.details).sha256
    if identity is None:
        return None
    try:
        return details_from_json(envelopes.unseal_bytes(medium.details, identity)).sha256
    except envelopes.DamagedEnvelope:
        return None


def _replace(
    store: Store, key_file: Path, keys: _CapsuleKeys, *, opened_with: str, now: datetime
) -> InstanceKey:
    with store.reading() as tx:
        old_fingerprint = instance_store.get(tx).key_fingerprint
    fresh_file = _fresh_file(key_file)
    set_aside(fresh_file)  # of an attempt that never reached the store
    # The new key is on the disk before the store depends on it.
    fresh = InstanceKey.create(fresh_file)
    with keys.writing(old_fingerprint) as tx:
        recipient = instance_store.get(tx).recovery_recipient
        can_mend = envelopes.is_recipient(recipient)
        newest = capsule_store.newest_envelopes(tx, RECOVERY)
        for capsule in capsule_store.all_capsules(tx):
            identity = keys.identities.get(capsule.id)
            if identity is None:
                # One capsule that stays closed must not keep all others closed.
                event_store.record(
                    tx, Event(kind="key.damaged", at=now, capsule_id=capsule.id, subject_id=capsule.id)
                )
                continue
            _wrap_anew(tx, capsule.id, identity, INSTANCE, fresh.recipient)
            if can_mend and not _is_good(newest.get(capsule.id), fingerprint_of(recipient)):
                _wrap_anew(tx, capsule.id, identity, RECOVERY, recipient)
            # Duplicates are recognised by marks that the instance key makes.
            for medium in story_store.media_of_capsule(tx, capsule.id):
                # Without a digest its old mark matches nothing any more, and nothing needs it to.
                if digest := keys.digests[medium.id]:
                    marked = dataclasses.replace(medium, duplicate_mark=fresh.mark(digest))
                    story_store.media.save(tx, marked)
        instance_store.change(tx, key_fingerprint=fresh.fingerprint)
        event_store.record(tx, Event(kind="key.replaced", at=now, facts={"opened_with": opened_with}))
    put_in_place(fresh_file, key_file)
    return fresh


def _wrap_anew(tx: Transaction, capsule_id: str, identity: str, kind: str, recipient: str) -> None:
    """Give a capsule's key a new envelope in place of the newest of that kind."""
    old = capsule_store.newest_envelope(tx, capsule_id, kind)
    generation = old.generation + 1 if old else 1
    fresh = new_envelope(identity, capsule_id, kind, recipient, generation=generation)
    capsule_store.envelopes.add(tx, fresh)
    if old:
        capsule_store.drop_envelope(tx, old.id)


def _is_good(envelope: KeyEnvelope | None, holder: str) -> bool:
    """Tell whether that is a whole envelope for the key whose fingerprint is `holder`."""
    return envelope is not None and envelope.is_whole and envelope.holder == holder


def _fresh_file(key_file: Path) -> Path:
    return key_file.with_name(f"{key_file.name}.new")
