"""Capsules: making, editing and deleting them."""

from __future__ import annotations

import dataclasses
import uuid
from dataclasses import dataclass
from datetime import datetime

from memorycapsule import themes
from memorycapsule.domain.capsules import (
    Capsule,
    CapsuleState,
    Member,
    Role,
    checked_film_photos,
    checked_message,
    checked_title,
    slug_of,
)
from memorycapsule.domain.events import Event
from memorycapsule.domain.opening_dates import OpeningDate
from memorycapsule.domain.sessions import Scope
from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import NotAllowed, WrongKey
from memorycapsule.seal.envelopes import new_capsule_key
from memorycapsule.services import reading
from memorycapsule.services.capsule_files import Cover, Song
from memorycapsule.services.people import checked_language
from memorycapsule.services.vault import Vault, new_envelopes
from memorycapsule.store import accounts as account_store
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import events as event_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store.transactions import Store, Transaction


@dataclass(frozen=True, kw_only=True)
class CapsuleDraft:
    """What somebody says of a capsule that is to be made. Song and cover are not sealed."""

    title: str
    theme: str
    film_photos: int
    message: str | None = None
    soundtrack: Song | None = None
    #: The theme whose soundtrack is heard where there is no song; None for that of the capsule's own.
    music: str | None = None
    #: The language of what the film says itself; None for that of whoever makes the capsule.
    film_language: str | None = None
    cover: Cover | None = None


@dataclass(frozen=True, kw_only=True)
class CapsuleChanges:
    """What is to change of a capsule; None leaves a setting as it is."""

    title: str | None = None
    message: str | None = None
    theme: str | None = None
    film_photos: int | None = None
    #: A song of people's own; it takes the place of `music`.
    soundtrack: Song | None = None
    #: The theme whose soundtrack is to be heard, '' for the capsule's own; it takes the place of a song.
    music: str | None = None
    #: A language of ours, '' for that of whoever made the capsule.
    film_language: str | None = None
    cover: Cover | None = None
    without_cover: bool = False


def create(
    store: Store,
    vault: Vault,
    viewer: Viewer,
    draft: CapsuleDraft,
    *,
    date: OpeningDate,
    once: str | None = None,
    now: datetime,
) -> Capsule:
    """
    Make a sealed capsule whose owner is the viewer.

    `once` is an idempotency key: a second call with the same one makes nothing and returns the capsule of the first.
    Raises UsageProblem for a title, message, number or theme that cannot be, NotAllowed for a session of one capsule.
    """
    viewer.check(Scope.EVERYTHING)
    if viewer.capsule_id is not None:
        raise NotAllowed("token_of_one_capsule")
    key = new_capsule_key()
    capsule = Capsule(
        id=vault.key.row_id("capsule", viewer.session_id, once) if once else str(uuid.uuid4()),
        slug=slug_of(draft.title),
        title=checked_title(draft.title),
        message=checked_message(draft.message),
        theme=themes.load(draft.theme).name,
        state=CapsuleState.SEALED,
        opens_local=date.local,
        zone=date.zone,
        fold=date.fold,
        opens_at=date.at,
        zone_rules=date.rules,
        film_photos=checked_film_photos(draft.film_photos),
        soundtrack_blob=None,
        cover_blob=None,
        recipient=key.recipient,
        seal_level=1,
        generation=0,
        made_by=viewer.account_id,
        created_at=now,
        opened_at=None,
        music=_checked_music(draft.music),
        film_language=_checked_film_language(draft.film_language),
    )
    kept = {
        name: vault.keep_open(capsule.id, source, now)
        for name, source in (("soundtrack_blob", draft.soundtrack), ("cover_blob", draft.cover))
        if source is not None
    }
    with store.transaction() as tx:
        # Held until the end: also for whoever sends the same request at the same time.
        instance = instance_store.get(tx, lock=True)
        if instance.key_fingerprint != vault.key.fingerprint:
            raise WrongKey("key_replaced")
        if once and (known := capsule_store.capsules.find(tx, capsule.id)):
            return known
        capsule = dataclasses.replace(
            capsule,
            slug=_free_slug(tx, viewer.account_id, capsule.slug),
            soundtrack_blob=kept["soundtrack_blob"].id if draft.soundtrack else None,
            cover_blob=kept["cover_blob"].id if draft.cover else None,
        )
        capsule_store.capsules.add(tx, capsule)
        for blob in kept.values():
            capsule_store.blobs.add(tx, blob)
        for envelope in new_envelopes(key.identity, capsule.id, vault.key, instance.recovery_recipient):
            capsule_store.envelopes.add(tx, envelope)
        account = account_store.accounts.get(tx, viewer.account_id)
        owner = Member(
            id=str(uuid.uuid4()),
            capsule_id=capsule.id,
            account_id=account.id,
            role=Role.OWNER,
            name=account.name,
            joined_at=now,
        )
        capsule_store.members.add(tx, owner)
        event_store.record(
            tx, Event(kind="capsule.created", at=now, capsule_id=capsule.id, subject_id=capsule.id)
        )
    return capsule


def edit(
    store: Store, vault: Vault, viewer: Viewer, reference: str, wanted: CapsuleChanges, *, now: datetime
) -> Capsule:
    """
    Change the settings of a capsule.

    Raises NotFound, NotAllowed for anybody but the owner and after the opening, UsageProblem.
    """
    viewer.check(Scope.EVERYTHING)
    changes = _checked_changes(wanted)
    with store.reading() as tx:
        capsule = _owned_sealed(tx, viewer, reference, now)
    kept = {
        name: vault.keep_open(capsule.id, source, now)
        for name, source in (("soundtrack_blob", wanted.soundtrack), ("cover_blob", wanted.cover))
        if source is not None
    }
    with store.transaction() as tx:
        capsule = _owned_sealed(tx, viewer, capsule.id, now)
        for name, blob in kept.items():
            capsule_store.blobs.add(tx, blob)
            changes[name] = blob.id
        replaced = [
            old
            for name in ("soundtrack_blob", "cover_blob")
            if name in changes and (old := getattr(capsule, name))
        ]
        capsule = dataclasses.replace(capsule, **changes)  # type: ignore[arg-type]
        capsule_store.capsules.save(tx, capsule)
        capsule_store.drop_blobs(tx, replaced)
        tx.after_commit(lambda: vault.delete_blobs(replaced))
        event_store.record(
            tx,
            Event(
                kind="capsule.edited",
                at=now,
                capsule_id=capsule.id,
                subject_id=capsule.id,
                facts={"fields": len(changes)},
            ),
        )
    return capsule


def delete(store: Store, vault: Vault, viewer: Viewer, reference: str, *, now: datetime) -> Capsule:
    """
    Delete a capsule with all that is in it.

    Raises NotFound, ReauthenticationNeeded, and NotAllowed for anybody but the owner and as soon as somebody else
    has added a story.
    """
    viewer.check(Scope.EVERYTHING)
    with store.transaction() as tx:
        capsule, member = reading.standing_in(tx, viewer, reference, lock=True)
        if not member.is_owner:
            raise NotAllowed("only_owner_deletes")
        viewer.check_fresh(now)
        others = [
            contribution
            for contribution in capsule_store.contributions(tx, capsule.id)
            if contribution.member.id != member.id and contribution.stories
        ]
        if others:
            raise NotAllowed("others_have_contributed")
        blob_ids = capsule_store.remove_with_contents(tx, capsule.id)
        event_store.record(
            tx, Event(kind="capsule.deleted", at=now, capsule_id=capsule.id, subject_id=capsule.id)
        )
        tx.after_commit(lambda: vault.delete_blobs(blob_ids))
        tx.after_commit(lambda: vault.cache.clear(capsule.id))
    return capsule


def _checked_changes(wanted: CapsuleChanges) -> dict[str, str | int | None]:
    """Return the fields that change, without the song and the cover that come. Raises UsageProblem."""
    changes: dict[str, str | int | None] = {}
    if wanted.title is not None:
        changes["title"] = checked_title(wanted.title)
    if wanted.message is not None:
        changes["message"] = checked_message(wanted.message)
    if wanted.theme is not None:
        changes["theme"] = themes.load(wanted.theme).name
    if wanted.film_photos is not None:
        changes["film_photos"] = checked_film_photos(wanted.film_photos)
    if wanted.music is not None:
        changes |= {"music": _checked_music(wanted.music), "soundtrack_blob": None}
    if wanted.soundtrack is not None:
        changes["music"] = None
    if wanted.film_language is not None:
        changes["film_language"] = _checked_film_language(wanted.film_language)
    if wanted.without_cover:
        changes["cover_blob"] = None
    return changes


def _checked_music(name: str | None) -> str | None:
    return themes.load(name).name if name else None


def _checked_film_language(name: str | None) -> str | None:
    if not name:
        return None
    checked_language(name)
    return name


def _owned_sealed(tx: Transaction, viewer: Viewer, reference: str, now: datetime) -> Capsule:
    capsule, member = reading.standing_in(tx, viewer, reference, lock=True)
    if not member.is_owner:
        raise NotAllowed("only_owner_edits")
    if not capsule.accepts_stories(now):
        raise NotAllowed("edit_too_late")
    return capsule


def _free_slug(tx: Transaction, account_id: str, wanted: str) -> str:
    taken = capsule_store.slugs_of_account(tx, account_id)
    slug, count = wanted, 1
    while slug in taken:
        count += 1
        slug = f"{wanted}-{count}"
    return slug
