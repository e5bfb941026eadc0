"""
Moving stored files from one place to another, as from a folder to a bucket, while people read them.

Every file that a row knows is copied, and then read back where it came to. Nothing changes where it came from. How far
a move has come is remembered in the new place, so one that was cut off goes on there.
"""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import BinaryIO

from memorycapsule.domain.instances import Blob
from memorycapsule.errors import CapsuleError, ConfigurationProblem, NotFound
from memorycapsule.media.backup_folder import WrongBytes, copy_checked
from memorycapsule.media.storage.blobs import Blobs
from memorycapsule.services.preservation import history, inventory
from memorycapsule.services.preservation.inventory import Entry
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store.transactions import Store

#: A service answers late rather than slowly, so several files are on their way at once.
_AT_ONCE = 8
_BATCH = 64
#: Greater than every id: all that is there has been read back.
_ALL = "g"


@dataclass(frozen=True, kw_only=True)
class Copied:
    """What there is in the new place."""

    files: int
    bytes: int
    #: What was copied by this pass.
    new_files: int
    #: Ids of blobs that are gone or damaged where they should come from.
    missing: tuple[str, ...]


def copy(
    store: Store,
    source: Blobs,
    target: Blobs,
    *,
    is_used: bool = False,
    on_done: Callable[[int], None] = lambda _bytes: None,
) -> Copied:
    """
    Copy every file that a row knows, and read each copy back. A pass that was cut off is repeated, and goes on.

    `is_used` says that the settings lead to the new place already: then how far it has come is not noted there, since
    everybody would be refused. `on_done` is called with the bytes of each file that is done. Raises
    ConfigurationProblem when the new place is that of another instance, CapsuleError when it does not return what was
    written there, and what both places raise.
    """
    with store.reading() as tx:
        instance_id = instance_store.get(tx).id
    through = _begun(target, source, instance_id)

    def note(done: str) -> None:
        if not is_used:
            _note(target, source, instance_id, done)

    return _pass(store, source, target, through, on_done, note)


def copy_the_rest(store: Store, source: Blobs, target: Blobs) -> Copied:
    """Copy what has come into the old place since `copy`, and read only that back."""
    return _pass(store, source, target, _ALL, lambda _bytes: None, lambda _done: None)


def settle(store: Store, target: Blobs) -> None:
    """Say in the new place that all is there: from now on it may be used."""
    history.settle(store, target)


def leave(source: Blobs, target: Blobs) -> None:
    """Say in the old place where its files have moved, so that nobody goes on there."""
    source.remember(json.dumps({"moved_to": target.place}))


def _begun(target: Blobs, source: Blobs, instance_id: str) -> str:
    """Return the id of the last blob of an earlier pass that was read back, '' for none."""
    noted = history.remembered(target)
    if noted.get("instance", instance_id) != instance_id:
        raise ConfigurationProblem("blobs_of_other_instance", place=target.place)
    through = noted.get("through")
    return through if noted.get("moving_from") == source.place and isinstance(through, str) else ""


def _note(target: Blobs, source: Blobs, instance_id: str, through: str) -> None:
    noted = {"instance": instance_id, "moving_from": source.place, "through": through}
    target.remember(json.dumps(noted))


def _pass(
    store: Store,
    source: Blobs,
    target: Blobs,
    through: str,
    on_done: Callable[[int], None],
    note: Callable[[str], None],
) -> Copied:
    note(through)
    files = new_files = size = 0
    missing: list[str] = []
    with ThreadPoolExecutor(_AT_ONCE, "blobs on their way") as pool:
        for some in _batches(inventory.entries(store, target)):
            carry = functools.partial(_carry, source, target, through)
            for entry, is_new in zip(some, pool.map(carry, some), strict=True):
                row = entry.row
                if row is None:
                    continue
                if is_new is None:
                    missing.append(row.id)
                else:
                    files, size, new_files = files + 1, size + row.bytes, new_files + is_new
                on_done(row.bytes)
            through = max(through, some[-1].id)
            note(through)
    lost = [blob_id for blob_id in missing if _has_row(store, blob_id)]
    return Copied(files=files, bytes=size, new_files=new_files, missing=tuple(lost))


def _batches(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    while some := list(itertools.islice(entries, _BATCH)):
        yield some


def _carry(source: Blobs, target: Blobs, through: str, entry: Entry) -> bool | None:
    """Bring one blob to its new place; say whether it was not there, None where it cannot be had."""
    row = entry.row
    if row is None:
        return False
    if not entry.is_damaged and (row.id <= through or _is_whole(target, row)):
        return False

    def fill(sink: BinaryIO) -> None:
        with source.open(row.id) as file:
            copy_checked(file, sink.write, row.stored_digest)

    try:
        target.write(row.id, fill)
    except (NotFound, WrongBytes):
        return None
    if not _is_whole(target, row):
        raise CapsuleError("blobs_move_unlike", place=target.place)
    return True


def _is_whole(blobs: Blobs, row: Blob) -> bool:
    return blobs.read_through(row.id, lambda _bytes: None).digest == row.stored_digest


def _has_row(store: Store, blob_id: str) -> bool:
    with store.reading() as tx:
        return capsule_store.blobs.find(tx, blob_id) is not None
