"""What the database is asked, and how it finds the answer."""

import contextlib
import json
import re
from collections.abc import Iterator
from typing import Any

from sqlalchemy import event

from memorycapsule.store.rows import metadata
from memorycapsule.store.transactions import Store

Statement = tuple[str, Any]


@contextlib.contextmanager
def recorded_statements(store: Store) -> Iterator[list[Statement]]:
    """The statements that the database is asked meanwhile, with their parameters."""
    found: list[Statement] = []

    def note(_connection, _cursor, statement, parameters, _context, is_many):
        found.append((statement, parameters[0] if is_many else parameters))

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(store.engine, "before_cursor_execute", note)


def scans_in(store: Store, statements: list[Statement]) -> set[tuple[str, str]]:
    """
    Return which tables are read from end to end to answer statements: the table, and the statement.

    What is left to the planner's mood is not counted: Postgres may not read a whole table here where an index would do.
    """
    once = {text: parameters for text, parameters in statements if _is_plannable(text)}
    scans = set()
    with store.engine.connect() as connection:
        if not store.is_sqlite:
            connection.exec_driver_sql("SET enable_seqscan = off")
        for text, parameters in once.items():
            if store.is_sqlite:
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", parameters)
                found = _scans_of_sqlite(text, [detail for *_numbers, detail in plan])
            else:
                plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {text}", parameters)
                tree = plan.scalar_one()
                found = _scans_of_postgres((json.loads(tree) if isinstance(tree, str) else tree)[0]["Plan"])
            scans |= {(table, text) for table in found}
    return scans


def _is_plannable(statement: str) -> bool:
    return statement.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE", "WITH"))


def _scans_of_sqlite(statement: str, details: list[str]) -> Iterator[str]:
    is_sorted_first = any("TEMP B-TREE" in detail for detail in details)
    if "LIMIT" in statement and "WHERE" not in statement and not is_sorted_first:
        return  # the first rows of an index
    for detail in details:
        # The least or greatest value is called a search, even where all are read for it. And an index on some of the
        # rows is read from end to end because all of them are wanted.
        found = re.match(r"(?:SCAN|SEARCH(?! \w+ USING)) (\w+)(?: USING (?:COVERING )?INDEX (\w+))?", detail)
        if found and found[2] not in _partial_indexes():
            # Joined to itself, a table is called delivery_1.
            yield re.sub(r"_\d+$", "", found[1])


def _scans_of_postgres(plan: dict[str, Any], above: str = "") -> Iterator[str]:
    kind = plan["Node Type"]
    is_all = kind in {"Seq Scan", "Index Scan", "Index Only Scan"} and "Index Cond" not in plan
    is_first_rows = above == "Limit" and kind != "Seq Scan" and "Filter" not in plan
    if is_all and not is_first_rows and plan.get("Index Name") not in _partial_indexes():
        yield plan["Relation Name"]
    for part in plan.get("Plans", ()):
        yield from _scans_of_postgres(part, kind)


def _partial_indexes() -> set[str]:
    return {
        str(index.name)
        for table in metadata().tables.values()
        for index in table.indexes
        if index.dialect_kwargs.get("sqlite_where") is not None
    }
