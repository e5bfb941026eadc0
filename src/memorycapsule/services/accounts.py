"""Accounts: what a person changes about themselves, up to leaving altogether."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from memorycapsule.domain.capsules import Capsule, Contribution, Member
from memorycapsule.domain.deliveries import LetterKind
from memorycapsule.domain.events import Event
from memorycapsule.domain.people import (
    Account,
    Address,
    checked_address,
    checked_name,
    normalised_address,
)
from memorycapsule.domain.sessions import CodePurpose, LinkPurpose
from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import NotAllowed, NotFound, TooMany, UsageProblem
from memorycapsule.seal.keys import InstanceKey
from memorycapsule.services import letters, people, signing_in
from memorycapsule.services.vault import Vault
from memorycapsule.services.wakes import Wake
from memorycapsule.store import accounts as account_store
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import events as event_store
from memorycapsule.store import invitations as invitation_store
from memorycapsule.store.transactions import Store, Transaction


@dataclass(frozen=True, kw_only=True)
class AccountView:
    """An account as its person sees it."""

    account: Account
    #: Letters go to the first.
    addresses: list[Address]
    #: Where a code is on its way to, to prove a new address.
    asked_address: str | None


@dataclass(frozen=True, kw_only=True)
class Deletion:
    """What deleting an account would do."""

    #: Sealed capsules that it owns with others in them: as long as there are any, it cannot be deleted.
    in_the_way: list[Capsule]
    #: Sealed capsules that it is alone in.
    goes_along: list[Capsule]
    #: In how many others what it has put in stays.
    stays: int


def show(store: Store, viewer: Viewer, *, now: datetime) -> AccountView:
    """Return the viewer's own account. Raises NotAllowed for a token, and for a session of one capsule."""
    viewer.check_account()
    with store.reading() as tx:
        waiting = account_store.usable_codes(tx, viewer.account_id, CodePurpose.ADDRESS, now)
        return AccountView(
            account=account_store.accounts.get(tx, viewer.account_id),
            addresses=account_store.addresses_of(tx, viewer.account_id),
            asked_address=waiting[0].address if waiting else None,
        )


def edit(
    store: Store, viewer: Viewer, *, name: str | None = None, locale: str | None = None, now: datetime
) -> Account:
    """Change name and language; None leaves a thing as it is. Raises UsageProblem, NotAllowed."""
    viewer.check_account()
    if locale is not None:
        people.checked_language(locale)
    with store.transaction() as tx:
        account = account_store.accounts.get(tx, viewer.account_id, lock=True)
        changed = dataclasses.replace(
            account,
            name=account.name if name is None else checked_name(name),
            locale=account.locale if locale is None else locale,
        )
        account_store.accounts.save(tx, changed)
        event_store.record(tx, Event(kind="account.edited", at=now, subject_id=account.id))
    return changed


def request_address(
    store: Store, key: InstanceKey, wake: Wake, viewer: Viewer, address: str, *, now: datetime
) -> str:
    """
    Mail a code to an address that the viewer would like to add, and return the address as the letter has it.

    An address of somebody else gets its letter like any other: only who reads it there learns more. Raises
    UsageProblem for what is no address or the viewer's already, ReauthenticationNeeded, TooMany.
    """
    viewer.check_account()
    viewer.check_fresh(now)
    wanted = normalised_address(address)
    with store.transaction() as tx:
        found = account_store.addresses.one(tx, normalised=wanted)
        if found is not None and found.account_id == viewer.account_id:
            raise UsageProblem("address_yours_already")
        to = checked_address(address)
        if not signing_in.mail_code(tx, key, wake, viewer.account_id, to, CodePurpose.ADDRESS, now):
            raise TooMany("address_codes_mailed")
    return to


def add_address(store: Store, key: InstanceKey, viewer: Viewer, digits: str, *, now: datetime) -> Address:
    """
    Add the address that the digits were mailed to; letters go there from now on.

    Raises NotAllowed when the digits do not fit, or the address belongs to another account.
    """
    viewer.check_account()
    with store.transaction() as tx:
        live = account_store.usable_codes(tx, viewer.account_id, CodePurpose.ADDRESS, now)
        code = signing_in.match_code(tx, key, live, digits)
        if code is not None:
            return _prove_address(tx, viewer, code.id, code.address, now)
    raise NotAllowed("code_wrong")


def _prove_address(tx: Transaction, viewer: Viewer, code_id: str, typed: str, now: datetime) -> Address:
    code = account_store.codes.get(tx, code_id)
    account_store.codes.save(tx, dataclasses.replace(code, used_at=now))
    address = Address(
        id=str(uuid.uuid4()),
        account_id=viewer.account_id,
        address=typed,
        normalised=normalised_address(typed),
        verified_at=now,
    )
    if not account_store.addresses.add_once(tx, address):
        raise NotAllowed("address_of_other_account")
    event_store.record(tx, Event(kind="address.added", at=now, subject_id=viewer.account_id))
    return address


def remove_address(store: Store, viewer: Viewer, address_id: str, *, now: datetime) -> Address:
    """Remove an address; the last one stays. Raises NotFound, NotAllowed, ReauthenticationNeeded."""
    viewer.check_account()
    viewer.check_fresh(now)
    with store.transaction() as tx:
        own = account_store.addresses_of(tx, viewer.account_id)
        found = next((one for one in own if one.id == address_id), None)
        if found is None:
            raise NotFound("own_address_unknown")
        if not any(one.verified_at for one in own if one.id != address_id):
            raise NotAllowed("last_address")
        account_store.remove_address(tx, address_id)
        event_store.record(tx, Event(kind="address.removed", at=now, subject_id=viewer.account_id))
    return found


def preview_deletion(store: Store, viewer: Viewer) -> Deletion:
    """Return what deleting the viewer's account would do, changing nothing. Raises NotAllowed as `show` does."""
    viewer.check_account()
    with store.reading() as tx:
        in_the_way, goes_along, stays = [], [], 0
        for member in capsule_store.memberships_of(tx, viewer.account_id):
            if member.left_at is not None:
                continue
            capsule = capsule_store.capsules.get(tx, member.capsule_id)
            if not member.is_owner or capsule.is_open:
                stays += 1
            elif _other_contributions(tx, capsule, member):
                in_the_way.append(capsule)
            else:
                goes_along.append(capsule)
    return Deletion(in_the_way=in_the_way, goes_along=goes_along, stays=stays)


def delete(store: Store, vault: Vault, viewer: Viewer, *, now: datetime) -> None:
    """
    Delete the viewer's account: it leaves every capsule, and its name and addresses are forgotten.

    What it had put in stays, under the names it has there; a sealed capsule that it is alone in is deleted with it.
    Raises ReauthenticationNeeded, and NotAllowed for the admin and while it owns a sealed capsule with others in it.
    """
    viewer.check_account()
    viewer.check_fresh(now)
    with store.transaction() as tx:
        account = account_store.accounts.get(tx, viewer.account_id, lock=True)
        if account.is_admin:
            raise NotAllowed("admin_account_stays")
        for member in capsule_store.memberships_of(tx, account.id):
            capsule = capsule_store.capsules.get(tx, member.capsule_id, lock=True)
            if member.is_owner and member.left_at is None and not capsule.is_open:
                if _other_contributions(tx, capsule, member):
                    raise NotAllowed("owns_sealed_capsule", title=capsule.title)
                blob_ids = capsule_store.remove_with_contents(tx, capsule.id)
                tx.after_commit(_forgetting(vault, capsule.id, blob_ids))
            else:
                _leave(tx, member, now)
        _forget_person(tx, account, now)
        event_store.record(tx, Event(kind="account.deleted", at=now, subject_id=account.id))


def _other_contributions(tx: Transaction, capsule: Capsule, owner: Member) -> list[Contribution]:
    """Return everybody else who is in a capsule, or has left a story in it."""
    return [one for one in capsule_store.contributions(tx, capsule.id) if one.member.id != owner.id]


def _forgetting(vault: Vault, capsule_id: str, blob_ids: list[str]) -> Callable[[], None]:
    def forget() -> None:
        vault.delete_blobs(blob_ids)
        vault.cache.clear(capsule_id)

    return forget


def _leave(tx: Transaction, member: Member, now: datetime) -> None:
    if member.left_at is None:
        capsule_store.members.save(tx, dataclasses.replace(member, left_at=now))
        event_store.record(
            tx, Event(kind="member.left", at=now, capsule_id=member.capsule_id, subject_id=member.id)
        )
    for purpose in (LinkPurpose.OPENED, LinkPurpose.VISIT):
        account_store.withdraw_links(tx, purpose, member.id)
    written = delivery_store.deliveries.by(tx, member_id=member.id)
    for invitation in invitation_store.of_member(tx, member.id):
        written += delivery_store.deliveries.by(tx, invitation_id=invitation.id)
        # Unique as long as there is one; nobody can be invited under this.
        unnamed = dataclasses.replace(
            invitation.ended(now) if invitation.is_acted_for else invitation,
            address="",
            normalised=f"forgotten {invitation.id}",
            name=None,
        )
        invitation_store.invitations.save(tx, unnamed)
    letters.forget_recipients(tx, written, now)


def _forget_person(tx: Transaction, account: Account, now: datetime) -> None:
    account_store.remove_addresses(tx, account.id)
    codes = account_store.forget_codes(tx, account.id)
    written = letters.deliveries_to_account(tx, LetterKind.NOTICE, account.id)
    written += [one for code_id in codes for one in letters.deliveries_with_code(tx, code_id)]
    letters.forget_recipients(tx, written, now)
    account_store.end_sessions(tx, account.id, now)
    account_store.accounts.save(tx, dataclasses.replace(account, name="", deleted_at=now))
