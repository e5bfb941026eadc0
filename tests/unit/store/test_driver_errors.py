"""What the drivers of both databases say, in our own words: by their codes, and by their sentences."""

import sqlite3

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError, SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from memorycapsule.errors import (
    CapsuleError,
    ConfigurationProblem,
    DiskFull,
    NotFound,
    NotInitialised,
    Overloaded,
)
from memorycapsule.store.transactions import translating_errors


def raised(error):
    """What comes out of a transaction in which a driver raised `error`."""
    with pytest.raises(Exception) as raised, translating_errors():
        raise error
    return raised.value


def sqlite(words, *, code=None, kind=OperationalError):
    said = sqlite3.OperationalError(words)
    if code is not None:
        said.sqlite_errorcode = code
    return kind("SELECT 1", {}, said)


def postgres(kind, words="something"):
    return OperationalError("SELECT 1", {}, kind(words))


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (sqlite("odd", code=sqlite3.SQLITE_FULL), DiskFull, DiskFull().reason),
        (sqlite("Database or disk is full"), DiskFull, DiskFull().reason),
        (postgres(psycopg.errors.DiskFull), DiskFull, DiskFull().reason),
        (sqlite("odd", code=sqlite3.SQLITE_BUSY), Overloaded, "database_busy"),
        (sqlite("database is LOCKED"), Overloaded, "database_busy"),
        (postgres(psycopg.errors.TooManyConnections), Overloaded, "database_busy"),
        (PoolTimeout("QueuePool limit of size 5 overflow 35 reached"), Overloaded, "database_busy"),
        (sqlite("no such table: capsule"), NotInitialised, NotInitialised().reason),
        (
            ProgrammingError("SELECT 1", {}, psycopg.errors.UndefinedTable('relation "x" does not exist')),
            NotInitialised,
            NotInitialised().reason,
        ),
        (sqlite("unable to open database file"), ConfigurationProblem, "database_not_opened"),
        (
            sqlite("disk I/O error", code=sqlite3.SQLITE_IOERR_FSYNC),
            ConfigurationProblem,
            "database_disk_failed",
        ),
        (sqlite("attempt to write a readonly database"), ConfigurationProblem, "database_read_only"),
        (sqlite("file is not a database"), ConfigurationProblem, "database_damaged"),
        (sqlite("database disk image is malformed"), ConfigurationProblem, "database_damaged"),
        (postgres(psycopg.OperationalError, "refused"), ConfigurationProblem, "database_unreachable"),
        (ProgrammingError("SELECT 1", {}, psycopg.Error("syntax")), CapsuleError, "database_refused"),
        (DBAPIError("SELECT 1", {}, psycopg.Error("x does not exist")), CapsuleError, "database_refused"),
        (SQLAlchemyError("odd"), CapsuleError, "database_failed"),
    ],
)
def test_each_failure_is_one_of_ours(error, kind, reason):
    found = raised(error)

    assert (type(found), found.reason) == (kind, reason)
    assert found.__cause__ is error


def test_of_a_statement_that_came_to_no_driver_no_value_is_told():
    error = StatementError(
        "no date", "INSERT ...", {"address": "ben@example.org"}, ValueError("ben@example.org")
    )

    assert raised(error).values == {"answer": "StatementError"}


@pytest.mark.parametrize(
    "error", [postgres(psycopg.OperationalError, "{}"), DBAPIError("SELECT 1", {}, psycopg.Error("{}"))]
)
@pytest.mark.parametrize(
    ("said", "reason", "values"),
    [
        (" connection refused\nDETAIL: Key (ben@example.org)", "other", {"sentence": "connection refused"}),
        (" \n ", "no_answer", {}),
    ],
)
def test_of_what_a_server_says_the_first_line_is_told_and_no_row(error, said, reason, values):
    error.orig.args = (said,)
    answer = raised(error).values["answer"]

    assert (answer.reason, dict(answer.values)) == (reason, values)


def test_what_the_library_says_itself_is_told():
    assert raised(SQLAlchemyError("odd")).values["answer"] == "odd"


def test_our_own_errors_pass():
    error = NotFound("story_unknown")

    assert raised(error) is error
