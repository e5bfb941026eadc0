"""
Letters: what a letter says is fixed when it is queued.

A queued letter holds everything but the private link, whose token is derived from the instance key each time that the
letter is composed (`mailing.composing`). So a copied database opens nothing.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from memorycapsule.domain.capsules import Capsule, Member, Role
from memorycapsule.domain.date_requests import EarlierDateRequest
from memorycapsule.domain.deliveries import URGENT_LETTERS, Delivery, DeliveryState, LetterKind
from memorycapsule.domain.invitations import Invitation
from memorycapsule.domain.people import Account
from memorycapsule.domain.sessions import Code, Link, LinkPurpose
from memorycapsule.errors import DamagedRow
from memorycapsule.seal.keys import InstanceKey, token_digest
from memorycapsule.services.wakes import Wake
from memorycapsule.store import accounts as account_store
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store.transactions import Transaction

FilmStatus = Literal["ready", "follows", "none"]


def invitation_url(base_url: str, token: str) -> str:
    """Return the address of the page behind an invitation."""
    return f"{base_url}/g/i/{token}"


def opened_url(base_url: str, token: str, *, is_for_film: bool) -> str:
    """Return the address of the page behind the link of a letter after the opening, which may promise the film."""
    return f"{base_url}/g/o/{token}{'?to=film' if is_for_film else ''}"


def sign_in_url(base_url: str, token: str) -> str:
    """Return the address of the page behind a link to sign in with."""
    return f"{base_url}/sign-in/{token}"


def set_up_url(base_url: str, token: str) -> str:
    """Return the address of the page behind the link that `init` prints."""
    return f"{base_url}/set-up/{token}"


def visit_url(base_url: str, token: str) -> str:
    """Return the address of the page behind a member's own link."""
    return f"{base_url}/g/v/{token}"


def consent_url(base_url: str, token: str) -> str:
    """Return the address of the page that asks whether a capsule may open earlier."""
    return f"{base_url}/g/consent/{token}"


def issue_link(
    tx: Transaction, key: InstanceKey, purpose: LinkPurpose, subject_id: str, rotation: int, now: datetime
) -> str:
    """Return the token of a link, and keep its digest in the store."""
    token = key.token(purpose, subject_id, rotation)
    account_store.links.add_once(
        tx,
        Link(
            digest=token_digest(token),
            purpose=purpose,
            subject_id=subject_id,
            rotation=rotation,
            created_at=now,
        ),
    )
    return token


def queue_invitation(
    tx: Transaction, wake: Wake, capsule: Capsule, invitation: Invitation, inviter: Member, now: datetime
) -> None:
    """Queue the letter of an invitation."""
    fields = {
        "recipient": _recipient(invitation.address, invitation.name, invitation.locale),
        "capsule_title": capsule.title,
        "message": capsule.message,
        "inviter": inviter.name,
        "opens_local": capsule.opens_local.isoformat(),
        "zone": capsule.zone,
        "opens_at": capsule.opens_at.isoformat(),
        "expires_at": invitation.expires_at.isoformat(),
        "dyes": len(capsule_store.members_of(tx, capsule.id)),
        "calendar_uid": f"{capsule.id}@memorycapsule",
        "rotation": invitation.rotation,
    }
    _queue(
        tx,
        wake,
        kind=LetterKind.INVITATION,
        dedupe_key=f"invitation:{invitation.id}:{invitation.letters}",
        capsule_id=capsule.id,
        invitation_id=invitation.id,
        fields=fields,
        now=now,
    )


def queue_reminder(
    tx: Transaction, wake: Wake, capsule: Capsule, owner: Member, member: Member, now: datetime
) -> bool:
    """Queue a letter that reminds a member to add a story."""
    fields = _date_fields(capsule) | {
        "owner": owner.name,
        "dyes": len(capsule_store.members_of(tx, capsule.id)),
    }
    return _queue_numbered(tx, wake, LetterKind.REMINDER, capsule, member, fields, now)


def queue_moved(
    tx: Transaction, wake: Wake, capsule: Capsule, *, was: Capsule, member: Member, now: datetime
) -> bool:
    """Queue a letter that tells a member of another date."""
    members = capsule_store.members_of(tx, capsule.id)
    fields = _date_fields(capsule) | {
        "was_local": was.opens_local.isoformat(),
        "was_zone": was.zone,
        "is_earlier": capsule.opens_at < was.opens_at,
        "owner": _owner_name(members),
        "dyes": len(members),
        "calendar_uid": f"{capsule.id}@memorycapsule",
    }
    return _queue_numbered(tx, wake, LetterKind.MOVED, capsule, member, fields, now)


def queue_consent(
    tx: Transaction, wake: Wake, capsule: Capsule, request: EarlierDateRequest, member: Member, now: datetime
) -> bool:
    """Queue the letter that asks somebody whether a capsule may open earlier."""
    asker = capsule_store.members.get(tx, request.member_id)
    fields = _date_fields(capsule) | {
        "wish": request.id,
        "wished_local": request.opens_local.isoformat(),
        "wished_zone": request.zone,
        "owner": asker.name,
        "dyes": len(capsule_store.members_of(tx, capsule.id)),
    }
    return _queue_numbered(tx, wake, LetterKind.CONSENT, capsule, member, fields, now)


def date_request_and_member(subject_id: str) -> tuple[str, str]:
    """Return what a link that asks for consent is about: the ids of the request and of the member who is asked."""
    request_id, _colon, member_id = subject_id.partition(":")
    return request_id, member_id


def queue_opened(tx: Transaction, wake: Wake, capsule: Capsule, film: FilmStatus, now: datetime) -> int:
    """
    Queue the `opened` letter of each member, and return how many were queued.

    Members who have one from an earlier call get no other: its dedupe key exists.
    """
    contributions = capsule_store.contributions(tx, capsule.id)
    members = [one.member for one in contributions if one.member.left_at is None]
    fields: dict[str, Any] = {
        "capsule_title": capsule.title,
        # Those who put something in; where nobody did, the letter does not count.
        "members": sum(1 for one in contributions if one.stories) or len(members),
        "photos": sum(contribution.photos for contribution in contributions),
        "clips": sum(contribution.clips for contribution in contributions),
        "voices": sum(contribution.voices for contribution in contributions),
        "stories": sum(contribution.stories for contribution in contributions),
        "film": film,
        "owner": _owner_name(members),
        "dyes": len(members),
        "rotation": 1,
    }
    capsule_store.note_letters_queued(tx, capsule.id, now)
    return sum(_queue_for(tx, wake, LetterKind.OPENED, capsule, member, fields, now) for member in members)


def _had_film(opened: Delivery) -> bool:
    """Return whether an opened letter came with the film; a damaged one did not come."""
    try:
        return bool(opened.fields.get("film") == "ready")
    except DamagedRow:
        return False


def queue_film_ready(tx: Transaction, wake: Wake, capsule: Capsule, now: datetime) -> int:
    """Queue a `film_ready` letter for each member whose opened letter came without the film."""
    members = {member.id: member for member in capsule_store.members_of(tx, capsule.id)}
    fields = {
        "capsule_title": capsule.title,
        "owner": _owner_name(list(members.values())),
        "dyes": len(members),
        "rotation": 1,
    }
    opened = delivery_store.deliveries.by(tx, capsule_id=capsule.id, kind=LetterKind.OPENED)
    waiting = {delivery.member_id for delivery in opened if not _had_film(delivery)}
    return sum(
        _queue_for(tx, wake, LetterKind.FILM_READY, capsule, members[member_id], fields, now)
        for member_id in waiting
        if member_id in members
    )


def queue_opened_again(tx: Transaction, wake: Wake, lost: Delivery, now: datetime) -> bool:
    """Queue the letter that stands in for an opened letter that may not have arrived."""
    member = capsule_store.members.get(tx, str(lost.member_id))
    capsule = capsule_store.capsules.get(tx, member.capsule_id)
    members = capsule_store.members_of(tx, capsule.id)
    fields = {
        "capsule_title": capsule.title,
        "owner": _owner_name(members),
        "dyes": len(members),
        "rotation": 1,
    }
    return _queue_for(tx, wake, LetterKind.OPENED_AGAIN, capsule, member, fields, now)


def queue_code(
    tx: Transaction,
    wake: Wake,
    kind: LetterKind,
    account: Account,
    code: Code,
    *,
    has_link: bool,
    now: datetime,
) -> None:
    """Queue the letter of a code: it has the digits and, with `has_link`, a link that signs in."""
    _queue(
        tx,
        wake,
        kind=kind,
        dedupe_key=f"{kind}:{code.id}:1",
        capsule_id=None,
        fields={
            "recipient": _recipient(code.address, account.name, account.locale),
            "code_id": code.id,
            "has_link": has_link,
            "minutes": int((code.expires_at - code.created_at).total_seconds()) // 60,
            "expires_at": code.expires_at.isoformat(),
            "rotation": 1,
        },
        now=now,
    )


def queue_newest(
    tx: Transaction, wake: Wake, kind: LetterKind, account: Account, fields: dict[str, Any], now: datetime
) -> None:
    """Queue a letter to an account; an earlier one of this kind that still waits is not sent any more."""
    earlier = deliveries_to_account(tx, kind, account.id)
    for delivery in earlier:
        if delivery.finished_at is None:
            delivery_store.suppress(tx, now, id=delivery.id)
    address = account_store.address_of(tx, account.id).address
    _queue(
        tx,
        wake,
        kind=kind,
        dedupe_key=f"{kind}:{account.id}:{len(earlier) + 1}",
        capsule_id=None,
        fields=fields | {"recipient": _recipient(address, account.name, account.locale), "rotation": 1},
        now=now,
    )


def deliveries_to_account(tx: Transaction, kind: LetterKind, account_id: str) -> list[Delivery]:
    """Return the letters of a kind that were queued with `queue_newest`."""
    return delivery_store.with_dedupe_stem(tx, f"{kind}:{account_id}")


def deliveries_with_code(tx: Transaction, code_id: str) -> list[Delivery]:
    """Return the letters that were queued with a code."""
    return [
        one for kind in URGENT_LETTERS for one in delivery_store.with_dedupe_stem(tx, f"{kind}:{code_id}")
    ]  # fmt: skip


def forget_recipients(tx: Transaction, written: Iterable[Delivery], now: datetime) -> None:
    """Suppress the letters that have not left, and forget the recipients of all."""
    for delivery in written:
        if delivery.state is DeliveryState.SENDING:
            continue  # it is on its way at this moment, and its row belongs to who carries it
        is_waiting, fields = delivery.state is DeliveryState.QUEUED, dict[str, Any]()
        # Where the row holds no letter, nothing of that is kept either.
        with contextlib.suppress(DamagedRow):
            fields = delivery.fields
        fields |= {"recipient": _recipient("", None, "en")}
        forgotten = dataclasses.replace(
            delivery,
            address="",
            letter=json.dumps(fields, ensure_ascii=False),
            state=DeliveryState.SUPPRESSED if is_waiting else delivery.state,
            finished_at=now if is_waiting else delivery.finished_at,
        )
        delivery_store.deliveries.save(tx, forgotten)


def _date_fields(capsule: Capsule) -> dict[str, Any]:
    return {
        "capsule_title": capsule.title,
        "opens_local": capsule.opens_local.isoformat(),
        "zone": capsule.zone,
        "opens_at": capsule.opens_at.isoformat(),
        "rotation": 1,
    }


def _queue_numbered(
    tx: Transaction,
    wake: Wake,
    kind: LetterKind,
    capsule: Capsule,
    member: Member,
    fields: dict[str, Any],
    now: datetime,
) -> bool:
    """Queue a letter of a kind that a member may get several times."""
    number = len(delivery_store.of_member(tx, member.id, kind)) + 1
    return _queue_for(tx, wake, kind, capsule, member, fields, now, number=number)


def _queue_for(
    tx: Transaction,
    wake: Wake,
    kind: LetterKind,
    capsule: Capsule,
    member: Member,
    fields: dict[str, Any],
    now: datetime,
    *,
    number: int = 1,
) -> bool:
    account = account_store.accounts.get(tx, member.account_id)
    address = account_store.address_of(tx, account.id).address
    return _queue(
        tx,
        wake,
        kind=kind,
        dedupe_key=f"{kind}:{member.id}:{number}",
        capsule_id=capsule.id,
        member_id=member.id,
        fields={**fields, "recipient": _recipient(address, member.name, account.locale)},
        now=now,
    )


def _queue(
    tx: Transaction,
    wake: Wake,
    *,
    kind: LetterKind,
    dedupe_key: str,
    capsule_id: str | None,
    member_id: str | None = None,
    invitation_id: str | None = None,
    fields: dict[str, Any],
    now: datetime,
) -> bool:
    delivery = Delivery(
        id=str(uuid.uuid4()),
        kind=kind,
        dedupe_key=dedupe_key,
        capsule_id=capsule_id,
        member_id=member_id,
        invitation_id=invitation_id,
        address=fields["recipient"]["address"],
        letter=json.dumps(fields, ensure_ascii=False),
        state=DeliveryState.QUEUED,
        attempt=0,
        tries=0,
        lease=None,
        data_started_at=None,
        next_attempt_at=now,
        queued_at=now.replace(microsecond=0),  # the letter's Date header has whole seconds
        finished_at=None,
        detail=None,
    )
    is_new = delivery_store.deliveries.add_once(tx, delivery)
    if is_new:
        wake(tx, "letters", delivery.id)
    return is_new


def _recipient(address: str, name: str | None, locale: str) -> dict[str, str | None]:
    return {"address": address, "name": name, "locale": locale}


def _owner_name(members: list[Member]) -> str:
    return next((member.name for member in members if member.role is Role.OWNER), "")
