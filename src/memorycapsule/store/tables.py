"""From rows to the domain's values and back, the same way for every table."""

import dataclasses
import functools
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import ColumnElement, Update, bindparam, delete, func, insert, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql import Select, select
from sqlmodel import SQLModel

from memorycapsule.errors import DamagedRow, NotFound
from memorycapsule.store.transactions import Transaction

Value = TypeVar("Value")


@functools.cache
def _insert_once(dialect: str, row: type[SQLModel], key: str) -> Any:
    """
    Return an INSERT that passes over conflicts, and returns the key of what it has added.

    Each dialect has its own, loaded only when it is used.
    """
    table: Any = getattr(row, "__table__")  # noqa: B009 - its type does not say that it has one
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as into_postgres

        return into_postgres(table).on_conflict_do_nothing().returning(table.c[key])
    from sqlalchemy.dialects.sqlite import insert as into_sqlite

    return into_sqlite(table).on_conflict_do_nothing().returning(table.c[key])


class Table(Generic[Value]):
    """One table, as values of one class; row and value have the same field names."""

    def __init__(self, value: type[Value], row: type[SQLModel], key: str = "id") -> None:
        self._value = value
        self._row = row
        self._key = getattr(row, key)
        self._key_name = key
        self._fields = [field.name for field in dataclasses.fields(cast("Any", value))]
        self._columns = [getattr(row, name) for name in self._fields]
        # Made once: putting a statement together takes longer than SQLite takes to answer it.
        self._rows = select(*self._columns)
        # These without SQLAlchemy's mapping of objects, which would take as long again.
        self._plain = plain = getattr(row, "__mapper__").columns  # noqa: B009 - its type does not say that it has one
        self._selections: dict[tuple[frozenset[str], frozenset[str], tuple[str, ...]], Select[Any]] = {}
        self._every_row = select(*(plain[name] for name in self._fields))
        self._row_of_key = self._every_row.where(plain[key] == bindparam("key"))
        self._column_names = {name: plain[name].name for name in self._fields}

    def _fields_of(self, value: Value) -> dict[str, Any]:
        return {name: getattr(value, name) for name in self._fields}

    def add(self, tx: Transaction, value: Value, **beside: Any) -> None:
        """Add a row, with the fields of it that the value lacks. One that breaks a constraint fails the transaction."""
        tx.session.add(self._row(**(self._fields_of(value) | beside)))
        tx.session.flush()

    def add_once(self, tx: Transaction, value: Value) -> bool:
        """Add a row unless one with the same unique key is there; say whether it was added."""
        # Not counted: psycopg does not say how many rows an INSERT of this kind added.
        into = _insert_once(tx.session.get_bind().dialect.name, self._row, self._key_name)
        columns = {self._column_names[name]: one for name, one in self._fields_of(value).items()}
        return tx.session.execute(into, columns).first() is not None

    def insert(self, tx: Transaction, **fields: Any) -> None:
        """Add a row of these fields, which may be reckoned by the database."""
        tx.session.execute(insert(self._row).values(**fields))

    def save(self, tx: Transaction, value: Value) -> None:
        """Write a value over the row with its key. Raises NotFound when there is none."""
        fields = self._fields_of(value)
        # Not written over itself: SQLite would look for the rows that refer to it.
        key = fields.pop(self._key_name)
        if not self.change(tx, self._key == key, **fields):
            raise NotFound

    def change(self, tx: Transaction, *where: Any, **fields: Any) -> int:
        """Change the rows for which all of `where` hold, and return how many there were."""
        statement = update(self._row).where(*where).values(**fields)
        done = tx.session.execute(statement, execution_options={"synchronize_session": False})
        return int(cast("Any", done).rowcount)

    def taking(self, *where: Any, **fields: Any) -> Update:
        """Return what changes the one row for which all of `where` hold, for `take`; both may leave values open."""
        return (
            update(getattr(self._row, "__table__"))  # noqa: B009 - its type does not say that it has one
            .where(*where)
            .values({self._plain[name]: one for name, one in fields.items()})
            .returning(*(self._plain[name] for name in self._fields))
            .execution_options(synchronize_session=False)
        )

    def take(self, tx: Transaction, statement: Update, **bound: Any) -> Value | None:
        """Change a row as `taking` says, and return it as it is now; None if there is none. Raises DamagedRow."""
        found = self.beside(tx, statement, **bound)
        return found[0][0] if found else None

    def remove(self, tx: Transaction, *where: Any) -> int:
        """Remove the rows for which all of `where` hold, and return how many there were."""
        statement = delete(self._row).where(*where)
        done = tx.session.execute(statement, execution_options={"synchronize_session": False})
        return int(cast("Any", done).rowcount)

    def find(self, tx: Transaction, key: str, *, lock: bool = False) -> Value | None:
        """Return the value with this key, or None; `lock` keeps others from changing it while this writes."""
        if not (key.isascii() and key.isprintable()):
            return None  # no key of ours; drivers have errors of their own for such
        found = self.all(tx, self._row_of_key, lock=lock, key=key)
        return found[0] if found else None

    def get(self, tx: Transaction, key: str, *, lock: bool = False) -> Value:
        """Return the value with this key. Raises NotFound."""
        found = self.find(tx, key, lock=lock)
        if found is None:
            raise NotFound
        return found

    @property
    def plain_key(self) -> ColumnElement[str]:
        """The column of the key without SQLAlchemy's mapping, which makes a statement slower."""
        return cast("ColumnElement[str]", self._plain[self._key_name])

    def rows(self) -> Select[Any]:
        """Return a selection of all rows, to be narrowed."""
        return self._rows

    def all(
        self, tx: Transaction, statement: Select[Any], *, lock: bool = False, **bound: Any
    ) -> list[Value]:
        """
        Return the values that `statement` selects, with `bound` for what it leaves open.

        Raises DamagedRow where a row holds none.
        """
        if lock and tx.may_write:
            statement = statement.with_for_update()  # SQLite has the whole write lock already
        return [value for value, *_ in self.beside(tx, statement, **bound)]

    def beside(self, tx: Transaction, statement: Select[Any] | Update, **bound: Any) -> list[tuple[Any, ...]]:
        """
        Return what `statement` selects: a row of this table, as its value, and columns of others beside it.

        Raises DamagedRow where a row holds no value.
        """
        try:
            count = len(self._fields)
            return [
                (self._value(**dict(zip(self._fields, row[:count], strict=True))), *row[count:])
                for row in tx.session.execute(statement, bound)
            ]
        except SQLAlchemyError:
            raise
        except (ValueError, LookupError, TypeError) as error:
            # No program of ours has written what a column of such a row holds.
            raise DamagedRow("database_damaged") from error

    def by(self, tx: Transaction, *order: str, lock: bool = False, **equal: Any) -> list[Value]:
        """Return the values whose fields equal `equal`, in the `order` of fields; `-` before one turns it round."""
        without = frozenset(name for name, one in equal.items() if one is None)
        bound = {name: one for name, one in equal.items() if name not in without}
        return self.all(tx, self._selection(frozenset(bound), without, order), lock=lock, **bound)

    def _selection(
        self, given: frozenset[str], without: frozenset[str], order: tuple[str, ...]
    ) -> Select[Any]:
        """Return what selects by fields whose values are `given` later, or that are `without` one."""
        made = self._selections.get((given, without, order))
        if made is None:
            equal = [self._plain[name] == bindparam(name) for name in sorted(given)]
            empty = [self._plain[name].is_(None) for name in sorted(without)]
            ordered = [
                self._plain[name[1:]].desc() if name.startswith("-") else self._plain[name] for name in order
            ]
            made = self._every_row.where(*equal, *empty).order_by(*ordered)
            self._selections[given, without, order] = made
        return made

    def counts(self, tx: Transaction, field: str, *where: Any) -> dict[Any, int]:
        """Return how many of the rows there are with each value of a field for which all of `where` hold."""
        by = getattr(self._row, field)
        statement = select(by, func.count()).where(*where).group_by(by)
        return dict(tx.session.execute(statement).all())

    def one(self, tx: Transaction, **equal: Any) -> Value | None:
        """Return the one value whose fields equal `equal`, or None."""
        found = self.by(tx, **equal)
        return found[0] if found else None
