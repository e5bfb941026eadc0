"""Composing: a queued letter becomes a mail when it is sent, equal byte for byte each time, if it is still wanted."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from memorycapsule.domain.date_requests import DateRequestState
from memorycapsule.domain.deliveries import LETTERS_BEFORE_OPENING, URGENT_LETTERS, Delivery, LetterKind
from memorycapsule.domain.invitations import InvitationState
from memorycapsule.domain.sessions import LinkPurpose
from memorycapsule.mail import letters as mail_letters
from memorycapsule.mail.letters import (
    FilmReadyLetter,
    Letter,
    OpenedAgainLetter,
    OpenedLetter,
    Recipient,
    Sender,
)
from memorycapsule.seal.keys import InstanceKey
from memorycapsule.services import letters
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import date_requests as date_request_store
from memorycapsule.store import invitations as invitation_store
from memorycapsule.store.transactions import Transaction

#: Fixed for ever: ids of letters are derived from it (RFC 9562, version 5).
_NAMESPACE = uuid.UUID("6a1f7a06-5f0e-4f0c-9c39-0b6a3c6f4d11")

#: Letters to members of an open one.
_AFTER_OPENING: Mapping[LetterKind, type[OpenedLetter | FilmReadyLetter | OpenedAgainLetter]] = {
    LetterKind.OPENED: OpenedLetter,
    LetterKind.FILM_READY: FilmReadyLetter,
    LetterKind.OPENED_AGAIN: OpenedAgainLetter,
}


@dataclass(frozen=True, kw_only=True)
class MailComposer:
    """What composing needs besides the rows."""

    key: InstanceKey
    #: What every link begins with, without a slash at its end.
    base_url: str
    sender: Sender


def is_wanted(tx: Transaction, delivery: Delivery, now: datetime) -> bool:
    """
    Say whether a letter is still to be sent.

    It is not when its invitation was answered, revoked or renewed, when its code has expired, its member has left,
    or the request that it asks about is over.
    """
    if not delivery.address:
        return False
    if delivery.kind in URGENT_LETTERS:
        return now < datetime.fromisoformat(delivery.fields["expires_at"])
    if delivery.kind is LetterKind.CONSENT:
        request = date_request_store.date_requests.find(tx, delivery.fields["wish"])
        return request is not None and request.state is DateRequestState.ASKED
    if delivery.member_id is not None:
        member = capsule_store.members.get(tx, delivery.member_id)
        if member.left_at is not None or delivery.kind not in LETTERS_BEFORE_OPENING:
            return member.left_at is None
        return not capsule_store.capsules.get(tx, member.capsule_id).is_open
    if delivery.invitation_id is None:
        return True
    invitation = invitation_store.invitations.get(tx, delivery.invitation_id)
    is_newest = invitation.rotation == delivery.fields["rotation"]
    return invitation.state is InvitationState.INVITED and is_newest


def compose(
    tx: Transaction, composer: MailComposer, delivery: Delivery, now: datetime
) -> Callable[[], bytes]:
    """
    Return what writes a queued letter as it is sent (RFC 5322), to be called after the transaction.

    Raises DamagedRow, UsageProblem, ValueError, TypeError, KeyError or AttributeError, as that does, for a row that
    holds no letter.
    """
    fields = delivery.fields
    rotation = fields.pop("rotation")
    letter: Letter
    if delivery.kind is LetterKind.INVITATION:
        token = letters.issue_link(
            tx, composer.key, LinkPurpose.INVITATION, str(delivery.invitation_id), rotation, now
        )
        instants: dict[str, Any] = {
            name: datetime.fromisoformat(fields.pop(name))
            for name in ("opens_local", "opens_at", "expires_at")
        }
        letter = mail_letters.InvitationLetter(
            recipient=Recipient(**fields.pop("recipient")),
            url=letters.invitation_url(composer.base_url, token),
            **instants,
            **fields,
        )
    elif delivery.kind in URGENT_LETTERS:
        code_id = fields["code_id"]
        digits = composer.key.code(code_id)
        url = None
        if fields["has_link"]:
            token = letters.issue_link(tx, composer.key, LinkPurpose.SIGN_IN, code_id, rotation, now)
            url = letters.sign_in_url(composer.base_url, token)
        letter = mail_letters.CodeLetter(
            recipient=Recipient(**fields["recipient"]),
            digits=f"{digits[:3]} {digits[3:]}",
            minutes=fields["minutes"],
            url=url,
            is_for_address=delivery.kind is LetterKind.ADDRESS,
        )
    elif delivery.kind is LetterKind.NOTICE:
        letter = mail_letters.NoticeLetter(
            recipient=Recipient(**fields.pop("recipient")), url=f"{composer.base_url}/", **fields
        )
    elif delivery.kind in LETTERS_BEFORE_OPENING:
        letter = _compose_before_opening(tx, composer, delivery, fields, rotation, now)
    else:
        token = letters.issue_link(
            tx, composer.key, LinkPurpose.OPENED, str(delivery.member_id), rotation, now
        )
        letter = _AFTER_OPENING[delivery.kind](
            recipient=Recipient(**fields.pop("recipient")),
            url=letters.opened_url(composer.base_url, token, is_for_film=_promises_film(delivery, fields)),
            **fields,
        )
    domain = composer.sender.address.rpartition("@")[2]
    message_id = f"<{delivery.kind}.{uuid.uuid5(_NAMESPACE, delivery.dedupe_key)}@{domain}>"
    return functools.partial(
        mail_letters.write, letter, sender=composer.sender, message_id=message_id, date=delivery.queued_at
    )


def _promises_film(delivery: Delivery, fields: dict[str, Any]) -> bool:
    """Return whether a letter leads to the film, which an opened letter does only where it is ready."""
    return delivery.kind is LetterKind.FILM_READY or fields.get("film") == "ready"


def _compose_before_opening(
    tx: Transaction,
    composer: MailComposer,
    delivery: Delivery,
    fields: dict[str, Any],
    rotation: int,
    now: datetime,
) -> Letter:
    """Return a letter to a member of a sealed capsule."""
    fields |= {
        name: datetime.fromisoformat(fields[name])
        for name in ("opens_local", "opens_at", "was_local", "wished_local")
        if name in fields
    }
    fields["recipient"] = Recipient(**fields["recipient"])
    member_id = str(delivery.member_id)
    if delivery.kind is LetterKind.CONSENT:
        subject = f"{fields.pop('wish')}:{member_id}"
        token = letters.issue_link(tx, composer.key, LinkPurpose.CONSENT, subject, rotation, now)
        return mail_letters.ConsentLetter(url=letters.consent_url(composer.base_url, token), **fields)
    token = letters.issue_link(tx, composer.key, LinkPurpose.VISIT, member_id, rotation, now)
    kind = (
        mail_letters.ReminderLetter if delivery.kind is LetterKind.REMINDER else mail_letters.DateMovedLetter
    )
    return kind(url=letters.visit_url(composer.base_url, token), **fields)
