"""
History: whether the database knows all that it knew when the stored files were last used with it.

The folder of blobs remembers the newest event. A database that lacks it is another one, or an older one that somebody
has put back: it does not know of files, openings and letters that there were. Then what cannot be undone must wait.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from memorycapsule.domain.events import Event
from memorycapsule.domain.reasons import kept_reason
from memorycapsule.errors import CapsuleError, ConfigurationProblem, Postponed
from memorycapsule.journal import journal
from memorycapsule.media.storage.blobs import Blobs
from memorycapsule.services.vault import Vault
from memorycapsule.store import events as event_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store import integrity
from memorycapsule.store.transactions import Store, Transaction

#: What a place says whose files have moved elsewhere, or have not all come yet; nothing of a database.
_MOVING = frozenset({"moved_to", "moving_from"})


def is_continued(store: Store, blobs: Blobs) -> bool:
    """Say whether the database goes on where these files were last used; also where nothing is remembered."""
    with store.reading() as tx:
        return _knows(tx, remembered(blobs))


def remember(store: Store, vault: Vault) -> None:
    """Remember the newest event, unless the database is another or an older one; a full disk is no reason to fail."""
    try:
        _remember(store, vault)
    except CapsuleError as error:
        # The next look writes it down.
        journal.debug("history.not_remembered", reason=error.reason)


def follow(store: Store, vault: Vault, now: datetime) -> None:
    """
    Hold openings and letters where the database is another or an older one, and remember the newest event otherwise.

    What an older one does not know of may have been opened and told long ago. Where the files are out of reach, nobody
    can say which one it is, so nothing waits: the next call does it.
    """
    try:
        is_ours = _remember(store, vault)
    except CapsuleError as error:
        journal.warning("history.not_remembered", reason=error.reason)
        return
    if not is_ours:
        _hold(store, now)


def _remember(store: Store, vault: Vault) -> bool:
    """
    Remember the newest event where the database goes on, and say whether it does.

    Files on their way to another place say nothing of it. Raises CapsuleError where they are out of reach; nothing is
    written where their disk is not mounted.
    """
    noted = remembered(vault.blobs)
    if noted.keys() & _MOVING:
        return True
    with store.reading() as tx:
        present, is_ours = _present(tx), _knows(tx, noted)
    if is_ours and noted != present:
        vault.refuse_absent()
        vault.blobs.remember(json.dumps(present))
    return is_ours


def _hold(store: Store, now: datetime) -> None:
    with store.transaction() as tx:
        if instance_store.get(tx, lock=True).hold is None:
            instance_store.change(tx, hold=kept_reason(CapsuleError("held_older_database")))
            event_store.record(tx, Event(kind="instance.held", at=now, subject_id=instance_store.get(tx).id))


def accept(store: Store, vault: Vault) -> None:
    """Take the database as it is: a person has said that it is the right one."""
    settle(store, vault.blobs)


def settle(store: Store, blobs: Blobs) -> None:
    """Remember the newest event, whatever was remembered before."""
    with store.reading() as tx:
        present = _present(tx)
    blobs.remember(json.dumps(present))


def refuse_moved(blobs: Blobs) -> None:
    """Raise ConfigurationProblem where the files have moved elsewhere, or have not all come yet (`moving.py`)."""
    try:
        noted = remembered(blobs)
    except Postponed:
        return  # whoever wants a file there is told, and everything else goes on
    if "moved_to" in noted:
        raise ConfigurationProblem("blobs_moved", place=blobs.place, to=noted["moved_to"])
    if "moving_from" in noted:
        raise ConfigurationProblem("blobs_still_moving", place=blobs.place, source=noted["moving_from"])


def absence(store: Store, blobs: Blobs) -> Postponed | None:
    """
    Return what to say where the database knows files, and there are none and nothing is remembered; None elsewhere.

    So looks a disk that is not mounted. Films would lack every photo, and what came in now would be hidden later.
    """
    try:
        if remembered(blobs) or next(iter(blobs), None) is not None:
            return None
    except Postponed:
        return None  # whoever wants a file there is told
    with store.reading() as tx:
        is_any_known = bool(integrity.blobs_after(tx, ""))
    return Postponed("blobs_absent", place=blobs.place) if is_any_known else None


def remembered(blobs: Blobs) -> dict[str, str | int]:
    """Return what the folder remembers, {} for nothing. What cannot be read is nothing."""
    try:
        found = json.loads(blobs.remembered() or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _present(tx: Transaction) -> dict[str, str | int]:
    newest = event_store.newest(tx)
    number, at = newest or (0, instance_store.get(tx).created_at)
    return {"instance": instance_store.get(tx).id, "event": number, "at": _written(at)}


def _knows(tx: Transaction, remembered: dict[str, str | int]) -> bool:
    if not remembered:
        return True
    if remembered.get("instance") != instance_store.get(tx).id:
        return False
    number = remembered.get("event")
    at = event_store.happened_at(tx, number) if isinstance(number, int) else None
    return number == 0 or (at is not None and _written(at) == remembered.get("at"))


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
