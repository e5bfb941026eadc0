"""People: accounts and the addresses that reach them."""

from __future__ import annotations

import uuid
from datetime import datetime

from memorycapsule.domain.people import Account, Address, checked_address, checked_name, normalised_address
from memorycapsule.errors import NotFound, UsageProblem
from memorycapsule.store import accounts as account_store
from memorycapsule.store.transactions import Transaction
from memorycapsule.words.languages import languages


def new_account(
    tx: Transaction, *, name: str, address: str, locale: str, is_admin: bool = False, now: datetime
) -> Account:
    """Add an account with its first address, which nobody has proved yet. Raises UsageProblem."""
    account = Account(
        id=str(uuid.uuid4()), name=checked_name(name), locale=locale, is_admin=is_admin, created_at=now
    )
    account_store.accounts.add(tx, account)
    account_store.addresses.add(
        tx,
        Address(
            id=str(uuid.uuid4()),
            account_id=account.id,
            address=checked_address(address),
            normalised=normalised_address(address),
            verified_at=None,
        ),
    )
    return account


def checked_language(name: str) -> str:
    """Return the name of a language that pages and letters are written in. Raises UsageProblem."""
    if name not in languages():
        raise UsageProblem("language_unknown", language=name, languages=languages())
    return name


def account_id_of(tx: Transaction, address: str) -> str:
    """Return the id of the account with an address. Raises UsageProblem or NotFound."""
    account = account_store.account_with_address(tx, normalised_address(address))
    if account is None:
        raise NotFound("address_unknown", address=checked_address(address))
    return account.id
