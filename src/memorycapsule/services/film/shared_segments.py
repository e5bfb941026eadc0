"""
Shared segments: several machines render one film together, and hand its segments to each other by the shared store.

Whoever has claimed the film offers the segments that nobody has as pieces. Anybody may claim one, and keeps it as an
open blob. They are kept for some days after the film, since the next one of the capsule may show the same.
"""

from __future__ import annotations

import functools
import shutil
import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from memorycapsule.domain.film.montages import Montage
from memorycapsule.domain.film.pieces import Piece, PieceState
from memorycapsule.errors import NotFound
from memorycapsule.services.film.picture_analysis import copy_into
from memorycapsule.services.film.segment_cache import file_name
from memorycapsule.services.vault import Vault
from memorycapsule.services.wakes import Wake
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import events as event_store
from memorycapsule.store import montages as montage_store
from memorycapsule.store.cluster import pieces as piece_store
from memorycapsule.store.transactions import Store

#: How long segments are kept after the film that they were made for.
KEPT_FOR = timedelta(days=7)


def fetch(store: Store, vault: Vault, capsule_id: str, names: Collection[str], folder: Path) -> None:
    """Put those shared segments of an open capsule into `folder` that are not there already. Raises DiskFull."""
    wanted = [name for name in names if not (folder / file_name(name)).exists()]
    if not wanted:
        return
    with store.reading() as tx:
        sources = {
            name: vault.source_of(tx, blob_id)
            for name, blob_id in piece_store.finished(tx, capsule_id, wanted).items()
        }
    for name, source in sources.items():
        try:
            copy_into(source.open(), folder / file_name(name))
        except NotFound:
            continue  # it is made again


def offer(store: Store, wake: Wake, montage: Montage, names: Sequence[str], missing: Collection[str]) -> None:
    """Offer the missing ones of a film's segments to all machines; `names` are all of them in their order."""
    with store.transaction() as tx:
        piece_store.forget_earlier(tx, montage)
        for number, name in enumerate(names):
            if name not in missing:
                continue
            piece = Piece(
                id=str(uuid.uuid4()),
                capsule_id=montage.capsule_id,
                montage_id=montage.id,
                attempt=montage.attempt,
                name=name,
                number=number,
                state=PieceState.QUEUED,
            )
            piece_store.pieces.add(tx, piece)
            wake(tx, "films", montage.id)


def claim(
    store: Store, lease: str, *, of: Montage | None = None, only_openings: bool = False
) -> tuple[Piece, Montage] | None:
    """Claim the next piece of any film, or of one, with its film; None when there is none."""
    with store.transaction() as tx:
        piece = piece_store.claim_next(tx, lease, of=of, only_openings=only_openings)
        if piece is None or piece.montage_id is None:
            return None
        return piece, montage_store.montages.get(tx, piece.montage_id)


def is_held(store: Store, piece: Piece) -> bool:
    """Return whether the run that has claimed a piece may go on with it: its film is wanted, and no other has it."""
    with store.reading() as tx:
        return piece_store.is_held(tx, piece)


def give_back(store: Store, piece: Piece) -> None:
    """Let another machine have a piece."""
    with store.transaction() as tx:
        piece_store.end(tx, piece, PieceState.QUEUED)


def leave(store: Store, piece: Piece) -> None:
    """Leave a piece that cannot be rendered alone to whoever joins the film."""
    with store.transaction() as tx:
        piece_store.end(tx, piece, PieceState.LEFT)


def keep(store: Store, vault: Vault, piece: Piece, segment: Path, *, now: datetime) -> bool:
    """Keep a finished piece where all machines find it; return False when another one has done so. Raises DiskFull."""
    with segment.open("rb") as source:
        blob = vault.keep_open(piece.capsule_id, source, now)
    try:
        with store.transaction() as tx:
            capsule_store.blobs.add(tx, blob)
            is_ours = piece_store.end(tx, piece, PieceState.DONE, blob.id)
            if not is_ours:
                capsule_store.drop_blobs(tx, [blob.id])
    finally:
        vault.delete_uncommitted(store, [blob.id])
    return is_ours


def keep_ahead(store: Store, vault: Vault, capsule_id: str, name: str, *, events: int, now: datetime) -> None:
    """
    Keep a sealed file of the cache where all machines find it, in the place of an older one.

    Nothing is kept when the capsule has had more `events` since. Raises DiskFull.
    """
    path = vault.cache.find(capsule_id, name)
    if path is None:
        return
    with path.open("rb") as source:
        blob = vault.keep_as_it_is(capsule_id, source, now, sealed=True)
    piece = Piece(
        id=vault.key.row_id("ahead", capsule_id, name),
        capsule_id=capsule_id,
        montage_id=None,
        attempt=0,
        name=name,
        number=0,
        state=PieceState.DONE,
        blob_id=blob.id,
    )
    replaced: list[str] = []
    try:
        with store.transaction() as tx:
            # Held until the end: whoever removes a story removes what was rendered ahead.
            capsule_store.capsules.get(tx, capsule_id, lock=True)
            if event_store.count_of_capsule(tx, capsule_id) != events:
                return
            capsule_store.blobs.add(tx, blob)
            before = piece_store.pieces.find(tx, piece.id, lock=True)
            if before is None:
                piece_store.pieces.add(tx, piece)
            else:
                piece_store.pieces.save(tx, piece)
                replaced = [before.blob_id] if before.blob_id else []
                capsule_store.drop_blobs(tx, replaced)
    finally:
        vault.delete_uncommitted(store, [blob.id, *replaced])


def names_ahead(store: Store, capsule_id: str) -> set[str]:
    """Return the names of what any machine has rendered ahead for a capsule."""
    with store.reading() as tx:
        return piece_store.names_ahead(tx, capsule_id)


def fetch_ahead(
    store: Store, vault: Vault, capsule_id: str, names: Collection[str], *, anew: bool = False
) -> None:
    """Put what any machine has rendered ahead into the cache, as sealed as it is; `anew` also what is there."""
    wanted = [name for name in names if anew or vault.cache.find(capsule_id, name) is None]
    with store.reading() as tx:
        found = piece_store.finished(tx, capsule_id, wanted)
    for name, blob_id in found.items():
        try:
            with vault.blobs.open(blob_id) as sealed:
                copy = functools.partial(shutil.copyfileobj, sealed, length=1 << 20)
                vault.cache.keep(capsule_id, name, copy, pinned=[capsule_id])
        except NotFound:
            continue  # it is rendered again


def keep_only_ahead(store: Store, vault: Vault, capsule_id: str, names: Collection[str]) -> None:
    """Forget all that was rendered ahead for a capsule but the named."""
    with store.transaction() as tx:
        blob_ids = piece_store.forget_ahead(tx, capsule_id, but=names)
        capsule_store.drop_blobs(tx, blob_ids)
        tx.after_commit(lambda: vault.delete_blobs(blob_ids))


def progress(store: Store, montage: Montage) -> tuple[int, int]:
    """Return how many pieces of a film are over, and how many there are."""
    with store.reading() as tx:
        states = piece_store.states_of(tx, montage)
    over = sum(state in {PieceState.DONE, PieceState.LEFT} for state in states)
    return over, len(states)


def expire(store: Store, vault: Vault, *, now: datetime) -> int:
    """Forget the segments of films that have been over for a week; return how many files were removed."""
    with store.transaction() as tx:
        blob_ids = piece_store.forget_older(tx, now - KEPT_FOR)
        capsule_store.drop_blobs(tx, blob_ids)
        tx.after_commit(lambda: vault.delete_blobs(blob_ids))
    return len(blob_ids)
