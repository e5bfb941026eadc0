"""
Rules: what rows must never say together. Each has a name, by which tests and reports ask for it.

They are the invariants of opening, films and letters, as far as rows show them afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator

from memorycapsule.domain.capsules import Capsule
from memorycapsule.domain.deliveries import Delivery, DeliveryState
from memorycapsule.domain.film.montages import Montage, MontageState
from memorycapsule.domain.preservation import Damage, DamageKind
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import events as event_store
from memorycapsule.store import montages as montage_store
from memorycapsule.store.transactions import Store


def broken(store: Store) -> Iterator[Damage]:
    """Yield every rule that is broken, with the capsule, film or letter that breaks it."""
    # One transaction sees one state: what happens meanwhile breaks no rule.
    with store.reading() as tx:
        openings = event_store.counts_by_subject(tx, "capsule.opened")
        for capsule in capsule_store.all_capsules(tx):
            montages = montage_store.of_capsule(tx, capsule.id)
            rules = _broken_by_capsule(capsule, openings.get(capsule.id, 0), montages)
            yield from (_damage(rule, capsule.id, capsule.id) for rule in rules)
            for montage in montages:
                yield from (_damage(rule, montage.id, capsule.id) for rule in _broken_by_montage(montage))
        for delivery in delivery_store.all_deliveries(tx):
            rules = _broken_by_delivery(delivery)
            yield from (_damage(rule, delivery.id, delivery.capsule_id) for rule in rules)


def _damage(rule: str, subject_id: str, capsule_id: str | None) -> Damage:
    return Damage(kind=DamageKind.RULE, subject_id=subject_id, capsule_id=capsule_id, detail=rule)


def _broken_by_capsule(capsule: Capsule, openings: int, montages: list[Montage]) -> Iterator[str]:
    if capsule.is_open != (capsule.opened_at is not None) or openings != capsule.is_open:
        yield "opened_once"
    if capsule.opened_at is not None and capsule.opened_at < capsule.opens_at:
        yield "never_early"
    if capsule.is_open != any(montage.is_opening for montage in montages):
        yield "opening_has_its_film"


def _broken_by_montage(montage: Montage) -> Iterator[str]:
    if montage.state.has_film != (montage.film_blob is not None):
        yield "film_is_there"
    if montage.state is MontageState.RENDERING and montage.lease is None:
        yield "claimed_by_a_run"


def _broken_by_delivery(delivery: Delivery) -> Iterator[str]:
    if delivery.state is DeliveryState.SENDING and delivery.lease is None:
        yield "claimed_by_a_run"
    if delivery.state is DeliveryState.QUEUED and delivery.data_started_at is not None:
        yield "handed_over_once"
