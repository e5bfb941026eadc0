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
from memorycapsule.domain.sessions import LinkPurpose, Scope, clean_token
from memorycapsule.domain.stories import Viewer
from memorycapsule.domain.zones import wall_time
from memorycapsule.errors import NotAllowed, NotFound, UsageProblem
from memorycapsule.seal.keys import token_digest
from memorycapsule.services import letters, reading
from memorycapsule.services.wakes import Wake, no_wake
from memorycapsule.store import accounts as account_store
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import date_requests as date_request_store
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import events as event_store
from memorycapsule.store.transactions import Store, Transaction


@dataclass(frozen=True, kw_only=True)
class Rescheduled:
    """What came of another date: the capsule as it is now, and the request that waits for answers, if any."""

    capsule: Capsule
    request: EarlierDateRequest | None
    #: How many have yet to answer.
    waits_for: int


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What somebody concerned has answered so far."""

    member: Member
    #: None while they are silent, which is no.
    is_given: bool | None


@dataclass(frozen=True, kw_only=True)
class DateRequestView:
    """A request for an earlier date as somebody concerned sees it."""

    request: EarlierDateRequest
    capsule: Capsule
    #: Who asked.
    asker: Member
    #: The member who sees it.
    member: Member
    is_given: bool | None
    #: Of everybody concerned. All learn who has said yes, and nobody is named for being silent.
    answers: tuple[Answer, ...]
    #: Whether it can still be answered.
    is_waiting: bool


def reschedule(
    store: Store, wake: Wake, viewer: Viewer, reference: str, date: OpeningDate, *, now: datetime
) -> Rescheduled:
    """
    Move a capsule's date later, or request an earlier one.

    A later date holds at once, and everybody is told by letter. An earlier one holds as soon as all who are
    concerned have said yes; they are asked by letter. Either way an older request is withdrawn. Raises NotFound,
    NotAllowed for anybody but the owner, once the date has come, and where somebody concerned can say nothing any
    more; UsageProblem for a date that has passed or is the present one.
    """
    viewer.check(Scope.EVERYTHING)
    with store.transaction() as tx:
        capsule, member = _owned_sealed(tx, viewer, reference, now)
        if date.at <= now:
            raise UsageProblem("date_passed", date=wall_time(date.local, date.zone, date.fold))
        if date.at == capsule.opens_at:
            raise UsageProblem("date_same")
        _withdraw_waiting(tx, capsule, now)
        if date.at > capsule.opens_at:
            capsule = _move(tx, wake, capsule, date, now)
            return Rescheduled(capsule=capsule, request=None, waits_for=0)
        request = _add_request(tx, capsule, member, date, now)
        if moved := _move_if_granted(tx, wake, capsule, request, now):
            return Rescheduled(capsule=moved, request=None, waits_for=0)
        awaited = _awaited(tx, capsule, request)
        for one in awaited:
            _ask(tx, wake, capsule, request, one, now)
        return Rescheduled(capsule=capsule, request=request, waits_for=len(awaited))


def withdraw(store: Store, viewer: Viewer, reference: str, *, now: datetime) -> EarlierDateRequest:
    """Take back the request that waits for answers. Raises NotFound, and NotAllowed for anybody but the owner."""
    viewer.check(Scope.EVERYTHING)
    with store.transaction() as tx:
        capsule, _member = _owned_sealed(tx, viewer, reference, now)
        request = _withdraw_waiting(tx, capsule, now)
        if request is None:
            raise NotFound("no_date_request")
    return request


def waiting_request(store: Store, viewer: Viewer, reference: str, now: datetime) -> DateRequestView | None:
    """Return the request that waits for answers, as the viewer sees it; None for none. Raises NotFound."""
    with store.reading() as tx:
        capsule, member = reading.standing_in(tx, viewer, reference)
        request = date_request_store.waiting_request(tx, capsule.id)
        return (
            _view(tx, capsule, request, member, now)
            if request and _is_waiting(capsule, request, now)
            else None
        )


def preview(store: Store, token: str, now: datetime) -> DateRequestView:
    """Return the request that a link asks about, changing nothing. Raises NotFound."""
    with store.reading() as tx:
        request, capsule, member = _of_token(tx, token)
        return _view(tx, capsule, request, member, now)


def answer(store: Store, wake: Wake, token: str, *, is_given: bool, now: datetime) -> DateRequestView:
    """
    Say yes or no through the link of a letter; the last yes moves the date, the first no ends the request.

    Raises NotFound, and NotAllowed for a request that is over.
    """
    with store.transaction() as tx:
        request, capsule, member = _of_token(tx, token)
        return _answer(tx, wake, capsule.id, request.id, member, is_given=is_given, now=now)


def consent(
    store: Store, wake: Wake, viewer: Viewer, reference: str, *, is_given: bool, now: datetime
) -> DateRequestView:
    """Say yes or no as a member of the capsule; raises what `answer` does."""
    viewer.check(Scope.EVERYTHING)
    with store.transaction() as tx:
        capsule, member = reading.standing_in(tx, viewer, reference, lock=True)
        request = date_request_store.waiting_request(tx, capsule.id)
        if request is None:
            raise NotFound("no_question")
        return _answer(tx, wake, capsule.id, request.id, member, is_given=is_given, now=now)


def ask_newcomer(tx: Transaction, capsule: Capsule, member: Member, now: datetime) -> None:
    """Ask somebody who has just joined about the request that waits for answers: theirs is needed as well."""
    request = date_request_store.waiting_request(tx, capsule.id)
    if request and _is_waiting(capsule, request, now) and member in _awaited(tx, capsule, request):
        _ask(tx, no_wake, capsule, request, member, now)


def settle(tx: Transaction, wake: Wake, capsule: Capsule, now: datetime) -> None:
    """Move the date if everybody who is still concerned has said yes: somebody silent may have left."""
    request = date_request_store.waiting_request(tx, capsule.id)
    if request and _is_waiting(capsule, request, now):
        _move_if_granted(tx, wake, capsule, request, now)


def _owned_sealed(tx: Transaction, viewer: Viewer, reference: str, now: datetime) -> tuple[Capsule, Member]:
    capsule, member = reading.standing_in(tx, viewer, reference, lock=True)
    if not member.is_owner:
        raise NotAllowed("only_owner_moves_date")
    if not capsule.accepts_stories(now):
        raise NotAllowed("date_moved_too_late")
    return capsule, member


def _add_request(
    tx: Transaction, capsule: Capsule, member: Member, date: OpeningDate, now: datetime
) -> EarlierDateRequest:
    request = EarlierDateRequest(
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
    date_request_store.date_requests.add(tx, request)
    _record(tx, "wish.asked", request, now)
    _note_answer(tx, request, member, is_given=True, now=now)
    return request


def _answer(
    tx: Transaction,
    wake: Wake,
    capsule_id: str,
    request_id: str,
    member: Member,
    *,
    is_given: bool,
    now: datetime,
) -> DateRequestView:
    # Others may be answering, and the capsule be opening, at this moment.
    capsule = capsule_store.capsules.get(tx, capsule_id, lock=True)
    request = date_request_store.date_requests.get(tx, request_id)
    if not _is_waiting(capsule, request, now):
        raise NotAllowed("date_request_over")
    if member.id not in {one.id for one in _concerned(tx, capsule)}:
        raise NotAllowed("not_concerned")
    _note_answer(tx, request, member, is_given=is_given, now=now)
    if not is_given:
        request = _end(tx, request, DateRequestState.REFUSED, now)
    elif moved := _move_if_granted(tx, wake, capsule, request, now):
        capsule, request = moved, date_request_store.date_requests.get(tx, request_id)
    return _view(tx, capsule, request, member, now)


def _move_if_granted(
    tx: Transaction, wake: Wake, capsule: Capsule, request: EarlierDateRequest, now: datetime
) -> Capsule | None:
    """Move the date if everybody concerned has said yes, and return the capsule then, else None."""
    if _awaited(tx, capsule, request):
        return None
    # Zone rules may have changed since it was asked.
    date = opening_date(request.opens_local, request.zone, request.fold)
    if date.at <= now:
        raise NotAllowed("requested_date_passed")
    _end(tx, request, DateRequestState.GRANTED, now)
    return _move(tx, wake, capsule, date, now)


def _move(tx: Transaction, wake: Wake, capsule: Capsule, date: OpeningDate, now: datetime) -> Capsule:
    moved = capsule.with_date(date)
    capsule_store.capsules.save(tx, moved)
    event_store.record(tx, Event(kind="capsule.moved", at=now, capsule_id=capsule.id, subject_id=capsule.id))
    # A letter that still waits would tell of a date that no longer holds.
    delivery_store.suppress(tx, now, capsule_id=capsule.id, kind=LetterKind.MOVED)
    for member in capsule_store.members_of(tx, capsule.id):
        letters.queue_moved(tx, wake, moved, was=capsule, member=member, now=now)
    return moved


def _ask(
    tx: Transaction, wake: Wake, capsule: Capsule, request: EarlierDateRequest, member: Member, now: datetime
) -> None:
    if account_store.addresses_of(tx, member.account_id):
        letters.queue_consent(tx, wake, capsule, request, member, now)
    elif not capsule_store.membership(tx, capsule.id, member.account_id):
        raise NotAllowed("consent_impossible")


def _withdraw_waiting(tx: Transaction, capsule: Capsule, now: datetime) -> EarlierDateRequest | None:
    request = date_request_store.waiting_request(tx, capsule.id)
    return _end(tx, request, DateRequestState.WITHDRAWN, now) if request else None


def _end(
    tx: Transaction, request: EarlierDateRequest, state: DateRequestState, now: datetime
) -> EarlierDateRequest:
    ended = dataclasses.replace(request, state=state, ended_at=now)
    date_request_store.date_requests.save(tx, ended)
    delivery_store.suppress(tx, now, capsule_id=request.capsule_id, kind=LetterKind.CONSENT)
    _record(tx, f"wish.{state}", ended, now)
    return ended


def _note_answer(
    tx: Transaction, request: EarlierDateRequest, member: Member, *, is_given: bool, now: datetime
) -> None:
    earlier = date_request_store.consent_of(tx, request.id, member.id)
    answered = Consent(
        id=earlier.id if earlier else str(uuid.uuid4()),
        request_id=request.id,
        member_id=member.id,
        is_given=is_given,
        answered_at=now,
    )
    if earlier:
        date_request_store.consents.save(tx, answered)
    else:
        date_request_store.consents.add(tx, answered)


def _is_waiting(capsule: Capsule, request: EarlierDateRequest, now: datetime) -> bool:
    return request.state is DateRequestState.ASKED and now < request.opens_at and capsule.accepts_stories(now)


def _concerned(tx: Transaction, capsule: Capsule) -> list[Member]:
    """Return the members, and the former ones whose story is in it: just those whom contributions name."""
    return [one.member for one in capsule_store.contributions(tx, capsule.id)]


def _awaited(tx: Transaction, capsule: Capsule, request: EarlierDateRequest) -> list[Member]:
    agreed = {one.member_id for one in date_request_store.consents_to(tx, request.id) if one.is_given}
    return [member for member in _concerned(tx, capsule) if member.id not in agreed]


def _view(
    tx: Transaction, capsule: Capsule, request: EarlierDateRequest, member: Member, now: datetime
) -> DateRequestView:
    answers = {one.member_id: one.is_given for one in date_request_store.consents_to(tx, request.id)}
    return DateRequestView(
        request=request,
        capsule=capsule,
        asker=capsule_store.members.get(tx, request.member_id),
        member=member,
        is_given=answers.get(member.id),
        answers=tuple(Answer(member=one, is_given=answers.get(one.id)) for one in _concerned(tx, capsule)),
        is_waiting=_is_waiting(capsule, request, now),
    )


def _of_token(tx: Transaction, token: str) -> tuple[EarlierDateRequest, Capsule, Member]:
    link = account_store.links.find(tx, token_digest(clean_token(token)))
    if link is None or link.purpose is not LinkPurpose.CONSENT:
        raise NotFound("link_unknown")
    request_id, member_id = letters.date_request_and_member(link.subject_id)
    request = date_request_store.date_requests.get(tx, request_id)
    return (
        request,
        capsule_store.capsules.get(tx, request.capsule_id),
        capsule_store.members.get(tx, member_id),
    )


def _record(tx: Transaction, kind: str, request: EarlierDateRequest, now: datetime) -> None:
    event_store.record(tx, Event(kind=kind, at=now, capsule_id=request.capsule_id, subject_id=request.id))
