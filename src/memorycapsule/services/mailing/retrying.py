"""Retrying: letters are sent again because the admin asks for it."""

from __future__ import annotations

import dataclasses
import uuid
from datetime import datetime

from memorycapsule.domain.deliveries import Delivery, DeliveryState
from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import NotAllowed, NotFound
from memorycapsule.services.mailing.composing import is_wanted
from memorycapsule.services.mailing.deliveries import NO_PAUSE
from memorycapsule.services.wakes import Wake
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store import invitations as invitation_store
from memorycapsule.store.transactions import Store, Transaction


def _wanted(tx: Transaction, delivery_id: str, now: datetime) -> Delivery:
    """Return a letter that somebody still waits for. Raises NotFound, NotAllowed."""
    found = delivery_store.deliveries.find(tx, delivery_id)
    if found is None:
        raise NotFound("letter_unknown", letter=delivery_id)
    if not is_wanted(tx, found, now):
        raise NotAllowed("letter_not_wanted")
    return found


def end_pause(store: Store) -> None:
    """Let letters leave again, since the mail server has just taken one."""
    with store.transaction() as tx:
        instance_store.change(tx, **NO_PAUSE)


def send_again(
    store: Store,
    wake: Wake,
    viewer: Viewer,
    delivery_id: str | None,
    *,
    only: DeliveryState | None = None,
    now: datetime,
) -> list[Delivery]:
    """
    Have letters tried again because the admin asks for it, and return them.

    A waiting letter is tried at once; a rejected or unknown one is queued anew under the next number. None as the
    id means all in the state `only` (rejected or unknown), or without it all that wait or were rejected, but none
    that may have arrived. Raises NotFound, and NotAllowed for anybody but the admin.
    """
    if not viewer.is_admin:
        raise NotAllowed("only_admin_sends_again")
    chosen = {only} if only else {DeliveryState.QUEUED, DeliveryState.REJECTED}
    with store.transaction() as tx:
        instance_store.change(tx, **NO_PAUSE)
        if delivery_id is None:
            wanted = [
                delivery
                for delivery in delivery_store.in_states(tx, chosen)
                if (delivery.state is DeliveryState.QUEUED or delivery_store.is_newest(tx, delivery))
                and is_wanted(tx, delivery, now)
            ]
        else:
            wanted = [_wanted(tx, delivery_id, now)]
        again = []
        for delivery in wanted:
            if delivery.state is DeliveryState.QUEUED:
                renewed = dataclasses.replace(delivery, next_attempt_at=now)
                if not delivery_store.make_due(tx, delivery.id, now):
                    continue  # taken to be sent at this moment
            elif delivery.state in {DeliveryState.REJECTED, DeliveryState.UNKNOWN}:
                stem, _colon, number = delivery.dedupe_key.rpartition(":")
                renewed = dataclasses.replace(
                    delivery,
                    id=str(uuid.uuid4()),
                    dedupe_key=f"{stem}:{int(number) + 1}",
                    state=DeliveryState.QUEUED,
                    attempt=0,
                    tries=0,
                    lease=None,
                    data_started_at=None,
                    next_attempt_at=now,
                    queued_at=now.replace(microsecond=0),
                    finished_at=None,
                    detail=None,
                    answered_at=None,
                )
                if not delivery_store.deliveries.add_once(tx, renewed):
                    raise NotAllowed("letter_queued_already")
                if delivery.invitation_id:
                    # The invitation counts its letters too; the next one of the owner's must be another.
                    invitation = invitation_store.invitations.get(tx, delivery.invitation_id)
                    counted = dataclasses.replace(invitation, letters=int(number) + 1)
                    invitation_store.invitations.save(tx, counted)
            elif delivery.state is DeliveryState.SENDING:
                raise NotAllowed("letter_being_sent")
            elif delivery.state is DeliveryState.SENT:
                raise NotAllowed("letter_sent_already")
            else:
                raise NotAllowed("letter_suppressed")
            wake(tx, "letters", renewed.id)
            again.append(renewed)
    return again
