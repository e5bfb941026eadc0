"""Holds: a restored instance opens nothing and sends nothing until somebody has seen what it would do."""

from __future__ import annotations

from datetime import datetime

from memorycapsule.domain.capsules import CapsuleState
from memorycapsule.domain.events import Event
from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import NotAllowed, NotDue
from memorycapsule.services import letters
from memorycapsule.services.mailing import deliveries
from memorycapsule.services.preservation import history
from memorycapsule.services.vault import Vault
from memorycapsule.services.wakes import Wake
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import events as event_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store.transactions import Store


def hold_of(store: Store) -> NotDue | None:
    """Return why the instance opens nothing and sends nothing; None when it does."""
    with store.reading() as tx:
        return instance_store.get(tx).held


def release(
    store: Store, vault: Vault, wake: Wake, viewer: Viewer, *, with_letters: bool, now: datetime
) -> bool:
    """
    Let a held instance open and send again, and say whether it was held.

    Without letters, those that wait, those of every opening up to now, and those that would stand in for one that may
    not have arrived count as sent: the server that is gone has sent them. The database is taken as the right one for
    the stored files. The caller has asked whether the clock can be trusted. Raises NotAllowed for anybody but the
    admin.
    """
    if not viewer.is_admin:
        raise NotAllowed("only_admin_releases")
    if hold_of(store) is None:
        return False
    deliveries.settle_abandoned(store, None, now)  # a held instance sends nothing, so nobody is at it
    with store.transaction() as tx:
        if instance_store.get(tx, lock=True).hold is None:
            return False
        if not with_letters:
            opened = capsule_store.capsules.by(tx, state=CapsuleState.OPEN)
            due = [capsule_store.capsules.get(tx, one) for one in capsule_store.due_ids(tx, now)]
            for capsule in [*opened, *due]:
                letters.queue_opened(tx, wake, capsule, "ready", now)
                letters.queue_film_ready(tx, wake, capsule, now)
            for lost in delivery_store.unknown_of_absent_members(tx, now):
                letters.queue_opened_again(tx, wake, lost, now)
            delivery_store.suppress(tx, now)
        instance_store.change(tx, hold=None)
        facts = {"letters": with_letters}
        event_store.record(tx, Event(kind="instance.released", at=now, facts=facts))
    history.accept(store, vault)
    return True
