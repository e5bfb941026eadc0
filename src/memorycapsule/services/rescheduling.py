"""
Another date: later by the owner alone, earlier only when everybody concerned has said yes.

Concerned are all members, and all former members whose story is in the capsule. Whoever moves a date holds the
capsule's row, so that its opening comes either before or after, and never in between.
"""

from __future__ import annotations

import dataclasses
import uuid
from dataclasses import dataclass
from datetime import datetime

from memorycapsule.domain.capsules import Capsule, Member
from memorycapsule.domain.date_requests import Consent, DateRequestState, EarlierDateRequest
from memorycapsule.domain.deliveries import LetterKind
from memorycapsule.domain.events import Event
from memorycapsule.domain.opening_dates import OpeningDate, opening_date
from memorycapsule.domain.sessions import LinkPurpose, Scope
from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import DatePassed, NotAllowed, NotFound, UsageProblem
from memorycapsule.seal.keys import token_digest
from memorycapsule.services import letters, reading
from memorycapsule.services.wakes import Wake, no_wake
from memorycapsule.store import accounts as account_store
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import date_requests as wish_store
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import events as event_store
from memorycapsule.store.transactions import Store, Transaction


@dataclass(frozen=True, kw_only=True)
class Rescheduled:
    """What came of another date: the capsule as it is now, and the wish that waits for answers, if any."""

    capsule: Capsule
    wish: EarlierDateRequest | None
    #: How many have yet to answer.
    waits_for: int


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What somebody concerned says to a wish so far."""

    member: Member
    #: None while they are silent, which is no.
    is_given: bool | None


@dataclass(frozen=True, kw_only=True)
class DateRequestView:
    """A wish as somebody concerned sees it."""

    wish: EarlierDateRequest
    capsule: Capsule
    #: Who asked.
    asker: Member
    #: Whoever is looking.
    member: Member
    is_given: bool | None
    #: Of everybody concerned: who has said yes is told to all, and nobody is pressed by name.
    answers: tuple[Answer, ...]
    #: Whether it can still be answered.
    is_waiting: bool


def reschedule(
    store: Store, wake: Wake, viewer: Viewer, reference: str, date: OpeningDate, *, now: datetime
) -> Rescheduled:
    """
    Move a capsule's date later, or wish for an earlier one.

    A later date holds at once, and everybody is told by letter. An earlier one holds as soon as all who are
    concerned have said yes; they are asked by letter. Either way an older wish is withdrawn. Raises NotFound,
    NotAllowed for anybody but the owner, once the date has come, and where somebody concerned can say nothing any
    more; UsageProblem for a date that has passed or is the present one.
    """
    viewer.check(Scope.EVERYTHING)
    with store.transaction() as tx:
        capsule, member = _movable(tx, viewer, reference, now)
        if date.at <= now:
            raise DatePassed
        if date.at == capsule.opens_at:
            raise UsageProblem("It opens at that very moment already. Choose another date.")
        _end_asked(tx, capsule, now)
        if date.at > capsule.opens_at:
            capsule = _move(tx, wake, capsule, date, now)
            return Rescheduled(capsule=capsule, wish=None, waits_for=0)
        wish = _new_wish(tx, capsule, member, date, now)
        if moved := _granted(tx, wake, capsule, wish, now):
            return Rescheduled(capsule=moved, wish=None, waits_for=0)
        silent = _silent(tx, capsule, wish)
        for one in silent:
            _ask(tx, wake, capsule, wish, one, now)
        return Rescheduled(capsule=capsule, wish=wish, waits_for=len(silent))


def withdraw(store: Store, viewer: Viewer, reference: str, *, now: datetime) -> EarlierDateRequest:
    """Take the wish that waits for answers back. Raises NotFound, and NotAllowed for anybody but the owner."""
    viewer.check(Scope.EVERYTHING)
    with store.transaction() as tx:
        capsule, _member = _movable(tx, viewer, reference, now)
        wish = _end_asked(tx, capsule, now)
        if wish is None:
            raise NotFound("Nobody has been asked for an earlier date.")
    return wish


def waiting_request(store: Store, viewer: Viewer, reference: str, now: datetime) -> DateRequestView | None:
    """Return the wish of a capsule that waits for answers, as one of its members sees it. Raises NotFound."""
    with store.reading() as tx:
        capsule, member = reading.membership(tx, viewer, reference)
        found = wish_store.asked(tx, capsule.id)
        return _view(tx, capsule, found, member, now) if found and _is_waiting(capsule, found, now) else None


def show(store: Store, token: str, now: datetime) -> DateRequestView:
    """Return the wish that a link asks about, changing nothing. Raises NotFound."""
    with store.reading() as tx:
        found, capsule, member = _of_token(tx, token)
        return _view(tx, capsule, found, member, now)


def answer(store: Store, wake: Wake, token: str, *, is_given: bool, now: datetime) -> DateRequestView:
    """
    Say yes or no through the link of a letter; the last yes moves the date, the first no ends the wish.

    Raises NotFound, and NotAllowed for a wish that is over.
    """
    with store.transaction() as tx:
        found, capsule, member = _of_token(tx, token)
        return _answer(tx, wake, capsule.id, found.id, member, is_given=is_given, now=now)


def consent(
    store: Store, wake: Wake, viewer: Viewer, reference: str, *, is_given: bool, now: datetime
) -> DateRequestView:
    """Say yes or no as a member of the capsule; raises what `answer` does."""
    viewer.check(Scope.EVERYTHING)
    with store.transaction() as tx:
        capsule, member = reading.membership(tx, viewer, reference, lock=True)
        found = wish_store.asked(tx, capsule.id)
        if found is None:
            raise NotFound("Nobody has asked whether this capsule may open earlier.")
        return _answer(tx, wake, capsule.id, found.id, member, is_given=is_given, now=now)


def ask_newcomer(tx: Transaction, capsule: Capsule, member: Member, now: datetime) -> None:
    """Ask somebody who has just joined about the wish that waits for answers; theirs counts as well."""
    found = wish_store.asked(tx, capsule.id)
    if found and _is_waiting(capsule, found, now) and member in _silent(tx, capsule, found):
        _ask(tx, no_wake, capsule, found, member, now)


def settle(tx: Transaction, wake: Wake, capsule: Capsule, now: datetime) -> None:
    """Move the date if everybody who is still concerned has said yes: somebody silent may have left."""
    found = wish_store.asked(tx, capsule.id)
    if found and _is_waiting(capsule, found, now):
        _granted(tx, wake, capsule, found, now)


def _movable(tx: Transaction, viewer: Viewer, reference: str, now: datetime) -> tuple[Capsule, Member]:
    capsule, member = reading.membership(tx, viewer, reference, lock=True)
    if not member.is_owner:
        raise NotAllowed("Only its owner may move the date of a capsule.")
    if not capsule.accepts_stories(now):
        raise NotAllowed("The date has come; it cannot be moved any more.")
    return capsule, member


def _new_wish(
    tx: Transaction, capsule: Capsule, member: Member, date: OpeningDate, now: datetime
) -> EarlierDateRequest:
    found = EarlierDateRequest(
        id=str(uuid.uuid4()),
        capsule_id=capsule.id,
        member_id=member.id,
        state=DateRequestState.ASKED,
        opens_local=date.local,
        zone=date.zone,
        fold=date.fold,
        opens_at=date.at,
        zone_rules=date.rules,
        created_at=now,
        ended_at=None,
    )
    wish_store.wishes.add(tx, found)
    _record(tx, "wish.asked", found, now)
    _note(tx, found, member, is_given=True, now=now)
    return found


def _answer(
    tx: Transaction,
    wake: Wake,
    capsule_id: str,
    wish_id: str,
    member: Member,
    *,
    is_given: bool,
    now: datetime,
) -> DateRequestView:
    # Others may be answering, and the capsule be opening, at this moment.
    capsule = capsule_store.capsules.get(tx, capsule_id, lock=True)
    found = wish_store.wishes.get(tx, wish_id)
    if not _is_waiting(capsule, found, now):
        raise NotAllowed("This question is over: it was answered, taken back, or overtaken by the day.")
    if member.id not in {one.id for one in _concerned(tx, capsule)}:
        raise NotAllowed("You are not in this capsule any more, and nothing of yours is in it.")
    _note(tx, found, member, is_given=is_given, now=now)
    if not is_given:
        found = _end(tx, found, DateRequestState.REFUSED, now)
    elif moved := _granted(tx, wake, capsule, found, now):
        capsule, found = moved, wish_store.wishes.get(tx, wish_id)
    return _view(tx, capsule, found, member, now)


def _granted(
    tx: Transaction, wake: Wake, capsule: Capsule, found: EarlierDateRequest, now: datetime
) -> Capsule | None:
    """Move the date if nobody concerned is silent any more, and return the capsule then."""
    if _silent(tx, capsule, found):
        return None
    # Zone rules may have changed since it was asked.
    date = opening_date(found.opens_local, found.zone, found.fold)
    if date.at <= now:
        raise NotAllowed("The wished date has passed in the meantime. Ask for another one.")
    _end(tx, found, DateRequestState.GRANTED, now)
    return _move(tx, wake, capsule, date, now)


def _move(tx: Transaction, wake: Wake, capsule: Capsule, date: OpeningDate, now: datetime) -> Capsule:
    moved = capsule.dated(date)
    capsule_store.capsules.save(tx, moved)
    event_store.record(tx, Event(kind="capsule.moved", at=now, capsule_id=capsule.id, subject_id=capsule.id))
    # A letter that still waits would tell of a date that no longer holds.
    delivery_store.suppress(tx, now, capsule_id=capsule.id, kind=LetterKind.MOVED)
    for member in capsule_store.members_of(tx, capsule.id):
        letters.queue_moved(tx, wake, moved, was=capsule, member=member, now=now)
    return moved


def _ask(
    tx: Transaction, wake: Wake, capsule: Capsule, found: EarlierDateRequest, member: Member, now: datetime
) -> None:
    if account_store.addresses_of(tx, member.account_id):
        letters.queue_consent(tx, wake, capsule, found, member, now)
    elif not capsule_store.membership(tx, capsule.id, member.account_id):
        raise NotAllowed(
            "Somebody whose story is in this capsule has no address here any more, and nobody can say yes for "
            "them; the date can only be moved later."
        )


def _end_asked(tx: Transaction, capsule: Capsule, now: datetime) -> EarlierDateRequest | None:
    found = wish_store.asked(tx, capsule.id)
    return _end(tx, found, DateRequestState.WITHDRAWN, now) if found else None


def _end(
    tx: Transaction, found: EarlierDateRequest, state: DateRequestState, now: datetime
) -> EarlierDateRequest:
    ended = dataclasses.replace(found, state=state, ended_at=now)
    wish_store.wishes.save(tx, ended)
    delivery_store.suppress(tx, now, capsule_id=found.capsule_id, kind=LetterKind.CONSENT)
    _record(tx, f"wish.{state}", ended, now)
    return ended


def _note(
    tx: Transaction, found: EarlierDateRequest, member: Member, *, is_given: bool, now: datetime
) -> None:
    earlier = wish_store.consent_of(tx, found.id, member.id)
    said = Consent(
        id=earlier.id if earlier else str(uuid.uuid4()),
        wish_id=found.id,
        member_id=member.id,
        is_given=is_given,
        answered_at=now,
    )
    if earlier:
        wish_store.consents.save(tx, said)
    else:
        wish_store.consents.add(tx, said)


def _is_waiting(capsule: Capsule, found: EarlierDateRequest, now: datetime) -> bool:
    return found.state is DateRequestState.ASKED and now < found.opens_at and capsule.accepts_stories(now)


def _concerned(tx: Transaction, capsule: Capsule) -> list[Member]:
    """Return the members, and the former ones whose story is in it: just those whom contributions name."""
    return [one.member for one in capsule_store.contributions(tx, capsule.id)]


def _silent(tx: Transaction, capsule: Capsule, found: EarlierDateRequest) -> list[Member]:
    agreed = {one.member_id for one in wish_store.consents_to(tx, found.id) if one.is_given}
    return [member for member in _concerned(tx, capsule) if member.id not in agreed]


def _view(
    tx: Transaction, capsule: Capsule, found: EarlierDateRequest, member: Member, now: datetime
) -> DateRequestView:
    said = {one.member_id: one.is_given for one in wish_store.consents_to(tx, found.id)}
    return DateRequestView(
        wish=found,
        capsule=capsule,
        asker=capsule_store.members.get(tx, found.member_id),
        member=member,
        is_given=said.get(member.id),
        answers=tuple(Answer(member=one, is_given=said.get(one.id)) for one in _concerned(tx, capsule)),
        is_waiting=_is_waiting(capsule, found, now),
    )


def _of_token(tx: Transaction, token: str) -> tuple[EarlierDateRequest, Capsule, Member]:
    link = account_store.links.find(tx, token_digest(token.strip()))
    if link is None or link.purpose is not LinkPurpose.CONSENT:
        raise NotFound("This link is not known here. Check that all of it was copied.")
    wish_id, member_id = letters.date_request_and_member(link.subject_id)
    found = wish_store.wishes.get(tx, wish_id)
    return found, capsule_store.capsules.get(tx, found.capsule_id), capsule_store.members.get(tx, member_id)


def _record(tx: Transaction, kind: str, found: EarlierDateRequest, now: datetime) -> None:
    event_store.record(tx, Event(kind=kind, at=now, capsule_id=found.capsule_id, subject_id=found.id))
