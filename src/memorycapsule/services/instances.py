"""The instance: making it, and checking that store, key and clock belong together."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

from memorycapsule.clock import Clock, KnownTime, Verdict, first_seen, judge, vouched_for
from memorycapsule.domain.capsules import Capsule
from memorycapsule.domain.events import Event
from memorycapsule.domain.instances import Instance
from memorycapsule.domain.opening_dates import opening_date
from memorycapsule.domain.people import Account
from memorycapsule.domain.sessions import LinkPurpose, Session, SessionKind
from memorycapsule.domain.zones import rules_version
from memorycapsule.errors import ConfigurationProblem, UsageProblem, WrongKey
from memorycapsule.seal.keys import InstanceKey
from memorycapsule.services import people, signing_in
from memorycapsule.store import accounts as account_store
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import events as event_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store.transactions import Store

#: How often the latest time seen is written down.
SEEN_EVERY = timedelta(minutes=1)


def initialise(
    store: Store,
    key: InstanceKey,
    *,
    admin_address: str,
    admin_name: str,
    locale: str,
    recovery_recipient: str,
    say: Callable[[str], None] | None = None,
    clock: Clock,
) -> Account:
    """
    Write the instance and its admin. Raises ConfigurationProblem when that has been done already, and NotDue for a
    clock that is older than this program.

    `say` is called last before the commit, with the token of the link that signs the admin in for the first time.
    What it raises undoes all: there is no instance whose recovery key nobody has seen. Raises UsageProblem when the
    recovery key is the instance key, with which it would be lost.
    """
    if recovery_recipient == key.recipient:
        raise UsageProblem("recovery_key_is_instance_key")
    reading = clock.read()
    known, now = first_seen(reading), reading.wall
    with store.transaction() as tx:
        if instance_store.find(tx):
            raise ConfigurationProblem("instance_exists")
        instance_store.add(
            tx,
            Instance(
                id=str(uuid.uuid4()),
                created_at=now,
                key_fingerprint=key.fingerprint,
                recovery_recipient=recovery_recipient,
                zone_rules=rules_version(),
                seen_at=now,
                mail_paused_until=None,
                mail_pause_reason=None,
            ),
            known,
        )
        account = people.new_account(
            tx, name=admin_name, address=admin_address, locale=locale, is_admin=True, now=now
        )
        account_store.sessions.add(
            tx,
            Session(
                id=str(uuid.uuid4()),
                account_id=account.id,
                capsule_id=None,
                kind=SessionKind.HOST,
                digest=None,
                proved_at=now,
                created_at=now,
                ended_at=None,
            ),
        )
        event_store.record(tx, Event(kind="instance.initialised", at=now, subject_id=account.id))
        if say is not None:
            say(signing_in.issue_handed_over(tx, key, account.id, LinkPurpose.SET_UP, now).token)
    return account


def check_key(store: Store, key: InstanceKey) -> Instance:
    """Return the instance. Raises NotInitialised, or WrongKey when `key` is not the one it was made with."""
    with store.reading() as tx:
        instance = instance_store.get(tx)
    if instance.key_fingerprint != key.fingerprint:
        raise WrongKey
    return instance


def judge_clock(store: Store, clock: Clock) -> Verdict:
    """Say whether the clock can be believed now: all that cannot be undone asks this first. Nothing is changed."""
    with store.reading() as tx:
        known = instance_store.known_time(tx)
    return judge(known, clock.read(), store.other_machines_time())


def note_clock(store: Store, clock: Clock) -> Verdict:
    """
    Say whether the clock can be believed now, and write down what is known of the time, at most once a minute.

    Whoever works on what is due calls this, so that a clock is also compared with what earlier runs knew.
    """
    reading, second_source = clock.read(), store.other_machines_time()
    with store.reading() as tx:
        known = instance_store.known_time(tx)
    verdict = judge(known, reading, second_source)
    if not _tells_more(verdict.known, known):
        return verdict
    with store.transaction() as tx:
        # Somebody may have vouched for the clock since.
        verdict = judge(instance_store.known_time(tx, lock=True), reading, second_source)
        instance_store.note_time(tx, verdict.known)
    return verdict


def _tells_more(found: KnownTime, known: KnownTime) -> bool:
    has_gone_on = found.seen_at - known.seen_at >= SEEN_EVERY
    return has_gone_on or dataclasses.replace(found, seen_at=known.seen_at) != known


def trust_clock(store: Store, clock: Clock) -> None:
    """Trust the clock from now on: somebody has checked it. Raises NotDue where it cannot be right."""
    reading = clock.read()
    known = vouched_for(reading)
    with store.transaction() as tx:
        instance_store.note_time(tx, known)
        event_store.record(tx, Event(kind="clock.trusted", at=reading.wall))


def rederive_dates(store: Store, now: datetime) -> list[Capsule]:
    """
    Derive the opening instants of sealed capsules anew if the zone rules have changed.

    People meant the wall time, so the wall time stays and the instant moves. Returns the capsules whose instant
    moved.
    """
    with store.reading() as tx:
        if instance_store.get(tx).zone_rules == rules_version():
            return []
    moved: list[Capsule] = []
    with store.transaction() as tx:
        for capsule in capsule_store.all_sealed(tx):
            try:
                derived = capsule.with_date(opening_date(capsule.opens_local, capsule.zone, capsule.fold))
            except UsageProblem:
                # The zone has left the rules, as zones do; the instant that it meant last stays.
                event_store.record(
                    tx, Event(kind="zone.gone", at=now, capsule_id=capsule.id, subject_id=capsule.id)
                )
                continue
            capsule_store.capsules.save(tx, derived)
            if derived.opens_at != capsule.opens_at:
                moved.append(derived)
                seconds = int((derived.opens_at - capsule.opens_at).total_seconds())
                event_store.record(
                    tx,
                    Event(
                        kind="capsule.rederived",
                        at=now,
                        capsule_id=capsule.id,
                        subject_id=capsule.id,
                        facts={"moved_seconds": seconds},
                    ),
                )
        instance_store.change(tx, zone_rules=rules_version())
    return moved
