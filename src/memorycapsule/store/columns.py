"""What columns of the tables are made of: the types that translate, and the fields that many tables have."""

import json
from dataclasses import asdict
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, ForeignKey, LargeBinary, String, Text, TypeDecorator
from sqlalchemy.engine import Dialect
from sqlmodel import Field, SQLModel

from memorycapsule.domain.film.montages import Omission
from memorycapsule.domain.reasons import KeptReason

# Constraints have names from the first revision on: Alembic's batch mode on SQLite needs them.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class EnumColumn(TypeDecorator[StrEnum]):
    """A StrEnum kept as its value, so that the database can be read without the program."""

    impl = String(20)
    cache_ok = True

    def __init__(self, enum: type[StrEnum]) -> None:
        super().__init__()
        self.enum = enum

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        del dialect
        return None if value is None else self.enum(value).value

    def process_result_value(self, value: Any, dialect: Dialect) -> StrEnum | None:
        del dialect
        return None if value is None else self.enum(value)


class StringsColumn(TypeDecorator[tuple[str, ...]]):
    """A tuple of strings kept as a JSON list."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        del dialect
        return json.dumps(list(value or ()), ensure_ascii=False)

    def process_result_value(self, value: Any, dialect: Dialect) -> tuple[str, ...]:
        del dialect
        return tuple(json.loads(value or "[]"))


class OmissionsColumn(TypeDecorator[tuple[Omission, ...]]):
    """A film's report kept as a JSON list."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        del dialect
        return json.dumps([asdict(omission) for omission in value or ()], ensure_ascii=False)

    def process_result_value(self, value: Any, dialect: Dialect) -> tuple[Omission, ...]:
        del dialect
        return tuple(Omission(**line) for line in json.loads(value or "[]"))


class KeptReasonColumn(TypeDecorator[KeptReason]):
    """What happened, kept as a JSON object."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        del dialect
        return None if value is None else json.dumps(asdict(value), ensure_ascii=False)

    def process_result_value(self, value: Any, dialect: Dialect) -> KeptReason | None:
        del dialect
        return None if value is None else KeptReason(**json.loads(value))


def enumerated(enum: type[StrEnum], *, index: bool = False) -> Any:
    return Field(sa_column=Column(EnumColumn(enum), nullable=False, index=index))


def reference(to: str, *, column: str | None = None, optional: bool = False, index: bool = True) -> Any:
    """Return a field with the id of another table's row; `column` names the column if it is not named as the field."""
    return Field(sa_column=Column(column, String(36), ForeignKey(f"{to}.id"), nullable=optional, index=index))


def words(*, optional: bool = False) -> Any:
    return Field(sa_column=Column(Text, nullable=optional))


def raw() -> Any:
    return Field(sa_column=Column(LargeBinary, nullable=False))


def kept_reason() -> Any:
    return Field(sa_column=Column(KeptReasonColumn, nullable=True))


def key() -> Any:
    return Field(sa_column=Column(String(36), primary_key=True))
