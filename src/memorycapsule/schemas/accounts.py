"""Accounts, their addresses and their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field

from memorycapsule.schemas.model import Id, Instant, Model
from memorycapsule.words.languages import Language

if TYPE_CHECKING:
    from memorycapsule.domain import people
    from memorycapsule.services import accounts


class Account(Model):
    id: Id
    name: str = Field(examples=["Younghee"])
    locale: Language = Field(description="The language of letters and pages.")

    @classmethod
    def of(cls, found: people.Account) -> Self:
        return cls(id=found.id, name=found.name, locale=found.locale)


class Address(Model):
    id: Id
    email: str = Field(examples=["younghee@example.org"])
    verified_at: Instant | None = Field(description="When it was proved by a mailed code or link.")

    @classmethod
    def of(cls, found: people.Address) -> Self:
        return cls(id=found.id, email=found.address, verified_at=found.verified_at)


class Deletion(Model):
    """What deleting an account would do."""

    in_the_way: list[Id] = Field(
        description="Sealed capsules that it owns with others in them: they are handed over first."
    )
    goes_along: list[Id] = Field(
        description="Sealed capsules that it is alone in: they would be deleted with it."
    )
    stays: int = Field(description="In how many others what it has put in stays.", examples=[3])

    @classmethod
    def of(cls, found: accounts.Deletion) -> Self:
        return cls(
            in_the_way=[one.id for one in found.in_the_way],
            goes_along=[one.id for one in found.goes_along],
            stays=found.stays,
        )
