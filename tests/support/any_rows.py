"""Rows for every table and every column, made from the tables' own descriptions: new tables have some, too."""

import random
import uuid
from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    Boolean,
    Connection,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    insert,
)
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

from memorycapsule.domain.film.montages import Omission
from memorycapsule.domain.reasons import KeptReason
from memorycapsule.store.columns import EnumColumn, KeptReasonColumn, OmissionsColumn, StringsColumn

_WORDS = ("봄날의 바다", "El año", "🌊 long", "O'Brien; --", "tab\tand line\n", "")
_FIRST = datetime(2016, 5, 8, 9, 0, 0, 123456)


def fill(connection: Connection, tables: MetaData, *, rows: int, seed: int = 1) -> None:
    """
    Add so many rows to every table; the n-th refers to the n-th of every other, so nothing unique is there twice.

    Some tables get fewer, as `count_in` says. The tables must be empty.
    """
    rng = random.Random(seed)
    ids: dict[str, list[object]] = {}
    for table in tables.sorted_tables:
        made = [_row(table, number, ids, rng) for number in range(count_in(table, rows))]
        connection.execute(insert(table), made)
        ids[table.name] = [next(iter(row.values())) for row in made]


def count_in(table: Table, rows: int) -> int:
    """Return how many of so many rows a table gets: `instance` one, and one whose key is a word, at most all words."""
    words = [len(one.type.enum) for one in table.primary_key if isinstance(one.type, EnumColumn)]
    return 1 if table.name == "instance" else min(rows, *words) if words else rows


def _row(table: Table, number: int, ids: dict[str, list[object]], rng: random.Random) -> dict[str, object]:
    row: dict[str, object] = {}
    # The id comes first: others refer to it.
    for column in sorted(table.columns, key=lambda one: one.name != "id"):
        if column.foreign_keys:
            (key,) = column.foreign_keys
            row[column.name] = ids[key.column.table.name][number]
        elif column.nullable and rng.random() < 0.3:
            row[column.name] = None
        else:
            row[column.name] = _value(column.type, number, rng, is_id=column.name == "id")
    return row


def _value(kind: object, number: int, rng: random.Random, *, is_id: bool) -> object:
    later = timedelta(days=number * 400, microseconds=rng.randrange(10**6))
    match kind:
        case EnumColumn():
            return list(kind.enum)[number % len(kind.enum)]
        case StringsColumn():
            return tuple(_WORDS[: number % 4])
        case OmissionsColumn():
            return (Omission(reason="other", values={"sentence": rng.choice(_WORDS)}, of=""),) * (number % 3)
        case KeptReasonColumn():
            return KeptReason(reason="other", values={"sentence": rng.choice(_WORDS), "count": number})
        case UTCDateTime():
            return _FIRST.replace(tzinfo=UTC) + later
        case DateTime():
            return _FIRST + later
        case Boolean():
            return number % 2 == 0
        case Integer():
            return number + 1
        case Float():
            return rng.random() / 3
        case LargeBinary():
            return rng.randbytes(rng.randrange(1, 200)) + b"\0\xff"
        case String() | AutoString():
            name = str(uuid.UUID(int=rng.getrandbits(128), version=4))
            # The number keeps what must be unique unique, and the length fits the narrowest column.
            return name if is_id else f"{rng.choice(_WORDS)}{number}"
    message = f"no value for {kind!r}"
    raise TypeError(message)
