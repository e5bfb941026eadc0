"""Which of the NDSA Levels of Digital Preservation (version 2.0, 2019) an instance reaches, as far as it can know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from memorycapsule.domain.waits import is_recent
from memorycapsule.store import fixity as fixity_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store.transactions import Store

#: A backup that is older is no second copy of what is there now.
BACKUP_AGE = timedelta(days=30)
#: Stored bytes are to be read so often.
READ_EVERY = timedelta(days=30)


@dataclass(frozen=True, kw_only=True)
class Levels:
    """Two of the five areas: the others are about people and formats."""

    #: 0: one copy, 1: two copies. Where the second one lies, nobody here can know.
    storage: int
    #: 1: digests, 2: kept with a second copy, too, 3: compared regularly, 4: nothing is damaged that was not repaired.
    integrity: int


def levels(store: Store, *, now: datetime) -> Levels:
    """Return the levels of storage and integrity."""
    with store.reading() as tx:
        backed_up_at = instance_store.get(tx).backed_up_at
        oldest = fixity_store.oldest_look(tx, now)
        is_damaged = bool(fixity_store.damaged(tx))
    # A backup that a wrong clock has dated is as good as an old one.
    if backed_up_at is None or not is_recent(backed_up_at, now, within=BACKUP_AGE):
        return Levels(storage=0, integrity=1)
    if oldest is not None and now - oldest > READ_EVERY:
        return Levels(storage=1, integrity=2)
    return Levels(storage=1, integrity=3 if is_damaged else 4)
