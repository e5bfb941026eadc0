"""Every row of one database comes into another one, the same, however often the move is cut off; nothing else changes."""

import itertools
import shutil
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, make_url, select, update

from memorycapsule.errors import CapsuleError, ConfigurationProblem, NotInitialised, UsageProblem
from memorycapsule.store import instances as instance_store
from memorycapsule.store import relocation, schema
from memorycapsule.store.rows import metadata
from memorycapsule.store.transactions import Store
from support import any_rows
from support.refusals import refused

pytestmark = pytest.mark.slow

_ROWS = 7


class CutOff(BaseException):
    """The end of a run, at a moment that a test has chosen."""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Two SQLite files: "empty" has all tables and no rows, and "old" has rows in every table."""
    folder = tmp_path_factory.mktemp("files")
    with closing(Store(f"sqlite:///{folder / 'empty'}")) as store:
        schema.upgrade(store)
    shutil.copy(folder / "empty", folder / "old")
    fill(f"sqlite:///{folder / 'old'}")
    return folder


@pytest.fixture
def source(files, tmp_path):
    """The URL of an SQLite file with rows in every table."""
    return f"sqlite:///{shutil.copy(files / 'old', tmp_path / 'old.db')}"


@pytest.fixture
def target(store_url, files):
    """The URL of a database without rows."""
    if store_url.startswith("sqlite:"):
        shutil.copy(files / "empty", file_of(store_url))
    return store_url


def fill(url):
    with closing(Store(url)) as store, store.engine.begin() as connection:
        any_rows.fill(connection, metadata(), rows=_ROWS)


def rows_of(url):
    with closing(Store(url)) as store, store.reading() as tx:
        connection = tx.session.connection()
        return {
            table.name: sorted(repr(tuple(row)) for row in connection.execute(select(table)))
            for table in metadata().sorted_tables
        }


def change(url, statement):
    with closing(Store(url)) as store, store.engine.begin() as connection:
        connection.execute(statement)


def file_of(url):
    return Path(str(make_url(url).database))


def cut_off_after(slices):
    """Return a listener to progress that ends the run after so many slices."""
    numbers = itertools.count(1)

    def listen(_done, _rows):
        if next(numbers) == slices:
            raise CutOff

    return listen


@pytest.fixture
def small_slices(monkeypatch):
    monkeypatch.setattr(relocation, "_ROWS", 3)


def test_every_row_of_every_table_arrives_as_it_is_and_the_old_database_stays_as_it_is(source, store_url):
    before = file_of(source).read_bytes()

    moved = relocation.relocate(source, store_url)

    assert {one.name: one.rows for one in moved} == {
        table.name: any_rows.count_in(table, _ROWS) for table in metadata().sorted_tables
    }
    assert rows_of(store_url) == rows_of(source)
    assert file_of(source).read_bytes() == before


def test_both_kinds_of_database_have_the_same_digests(source, target, tmp_path):
    there = relocation.relocate(source, target)
    back = relocation.relocate(target, f"sqlite:///{tmp_path / 'back.db'}")

    assert back == there


@pytest.mark.usefixtures("small_slices")
def test_a_move_that_is_cut_off_again_and_again_goes_on_and_ends_with_the_same_rows(source, target):
    slices_in_all = sum(-(-any_rows.count_in(table, _ROWS) // 3) for table in metadata().sorted_tables)
    for slices in (1, 2, 30, slices_in_all):
        with pytest.raises(CutOff):
            relocation.relocate(source, target, progress=cut_off_after(slices))
        with closing(Store(target)) as store, store.reading() as tx:
            assert instance_store.find(tx) is None

    relocation.relocate(source, target)

    assert rows_of(target) == rows_of(source)


@pytest.mark.usefixtures("small_slices")
@pytest.mark.parametrize("what", ["changed", "removed", "added"])
def test_what_has_changed_since_the_run_that_was_cut_off_is_copied_as_it_is_now(source, target, what):
    with pytest.raises(CutOff):
        relocation.relocate(source, target, progress=cut_off_after(40))
    buckets = metadata().tables["bucket"]
    with closing(Store(source)) as store, store.reading() as tx:
        one = dict(tx.session.connection().execute(select(buckets)).mappings().first())
    this = (buckets.c.kind == one["kind"]) & (buckets.c.client == one["client"])
    change(
        source,
        {
            "changed": update(buckets).where(this).values(tokens=0.125),
            "removed": delete(buckets).where(this),
            "added": insert(buckets).values(one | {"client": "another"}),
        }[what],
    )

    relocation.relocate(source, target)

    assert rows_of(target) == rows_of(source)


def test_a_database_that_holds_anything_is_left_alone(source, target):
    relocation.relocate(source, target)
    before = rows_of(target)

    with refused(ConfigurationProblem, "relocation_into_used_database"):
        relocation.relocate(source, target)

    assert rows_of(target) == before


def test_two_instances_are_not_mixed_in_one_database(source, target, tmp_path):
    with pytest.raises(CutOff):
        relocation.relocate(source, target, progress=cut_off_after(5))
    other = f"sqlite:///{shutil.copy(file_of(source), tmp_path / 'other.db')}"
    change(other, update(metadata().tables["instance"]).values(id="another"))

    with refused(ConfigurationProblem, "relocation_of_another"):
        relocation.relocate(other, target)


def test_a_database_is_not_moved_to_itself(source):
    before = file_of(source).read_bytes()

    with refused(UsageProblem, "relocation_to_itself"):
        relocation.relocate(
            source, source.replace("/old.db", "/../" + file_of(source).parent.name + "/old.db")
        )

    assert file_of(source).read_bytes() == before


def test_a_database_that_is_not_there_is_not_made(target, tmp_path):
    missing = tmp_path / "missing.db"

    with refused(NotInitialised, "not_initialised"):
        relocation.relocate(f"sqlite:///{missing}", target)

    assert not missing.exists()


@pytest.mark.parametrize("fault", ["a row is lost", "a value is changed"])
def test_a_move_that_loses_or_changes_anything_is_no_move(source, target, monkeypatch, fault):
    copy = relocation._copy

    def faulty(writing, table, rows, **more):
        if table.name == "event":
            rows = rows[:-1] if fault == "a row is lost" else [rows[0] | {"facts": "{}"}, *rows[1:]]
        copy(writing, table, rows, **more)

    monkeypatch.setattr(relocation, "_copy", faulty)

    with refused(CapsuleError, "relocation_differs", table="event"):
        relocation.relocate(source, target)
    with closing(Store(target)) as store, store.reading() as tx:
        assert instance_store.find(tx) is None
