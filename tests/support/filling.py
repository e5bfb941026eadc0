"""An instance that holds much: copies of what somebody has there, made within seconds."""

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Select,
    String,
    cast,
    func,
    insert,
    literal,
    select,
    text,
)

from memorycapsule.store.rows import metadata
from memorycapsule.store.transactions import Store
from support.everyday import Everyday

#: Of ten capsules, eight are sealed.
SEALED_OF_TEN = 8
#: What belongs to a capsule, and in which order it can be written.
TABLES = (
    *("account", "address", "capsule", "key_envelope", "member", "session", "invitation", "story"),
    *("blob", "medium", "montage", "delivery", "event"),
)
#: Texts that no two rows may share.
UNIQUE = {"address.normalised", "delivery.dedupe_key", "session.digest"}


def fill(store: Store, day: Everyday, count: int, *, after: int = 0) -> None:
    """
    Copy Ben's two capsules `count` times, four sealed ones for each open one, each with an account of its own.

    `after` is how many there are already.
    Every column of every row is as the program has written it; only the beginnings of ids differ, and what must be
    unique. The copies share no files, since none of them is read.
    """
    sealed = after + count * SEALED_OF_TEN // 10
    for capsule_id, first, last in (
        (day.sealed.id, after + 1, sealed),
        (day.opened.id, sealed + 1, after + count),
    ):
        with store.transaction() as tx:
            connection = tx.session.connection()
            if store.is_sqlite:
                connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
            numbers = select(literal(first, BigInteger).label("number")).cte("numbers", recursive=True)
            more = select(numbers.c.number + 1).where(numbers.c.number < last)
            numbers = numbers.union_all(more)
            for name in TABLES:
                table = metadata().tables[name]
                columns = [one for one in table.columns if not (name == "event" and one.name == "id")]
                wanted = [_copied(store, one, numbers.c.number) for one in columns]
                rows = select(*wanted).select_from(table.join(numbers, literal(value=True)))
                chosen = rows.where(table.primary_key.columns[0].in_(_keys(day, name, capsule_id)))
                connection.execute(insert(table).from_select([one.name for one in columns], chosen))
    if not store.is_sqlite:
        # A server looks at its tables by itself within a minute.
        with store.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))


def _keys(day: Everyday, name: str, capsule_id: str) -> Select:
    """Return the keys of the rows of a table that are to be copied with a capsule."""
    tables = metadata().tables
    table = tables[name]
    key = select(table.primary_key.columns[0])
    if name == "account":
        return key.where(table.c.id == day.ben_id)
    if name == "address":
        return key.where(table.c.account_id == day.ben_id)
    if name == "session":
        return key.where(table.c.account_id == day.ben_id, table.c.capsule_id.is_(None))
    if name == "capsule":
        return key.where(table.c.id == capsule_id)
    return key.where(table.c.capsule_id == capsule_id)


def _copied(store: Store, column: Column, number: ColumnElement[int]) -> ColumnElement:
    """Return a column of the copy with this number."""
    # Scattered, as ids are: multiplied by an odd number, 32 bits stay as many.
    scattered = number * literal(2654435761, BigInteger) % literal(4294967296, BigInteger)
    hexadecimal = func.printf("%08x", scattered) if store.is_sqlite else func.to_hex(scattered)
    start = cast(hexadecimal if store.is_sqlite else func.lpad(hexadecimal, 8, "0"), String)
    whole = cast(column, String)
    if f"{column.table.name}.{column.name}" in UNIQUE:
        return (start + whole).label(column.name)
    if column.primary_key or column.foreign_keys or column.name in {"capsule_id", "subject_id"}:
        return (start + func.substr(whole, 9)).label(column.name)
    return column
