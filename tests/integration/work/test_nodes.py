"""Nodes of one database: each says that it is alive, and leaves to the others what they have in hand."""

import contextlib
import dataclasses
import socket
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import col

from memorycapsule.domain.film.montages import MontageState
from memorycapsule.errors import Busy
from memorycapsule.media.cache import Cache
from memorycapsule.services import keys, opening
from memorycapsule.services.cluster import nodes as node_status
from memorycapsule.services.film import montages, shared_segments
from memorycapsule.services.mailing import deliveries
from memorycapsule.store import leases, relocation
from memorycapsule.store import montages as montage_store
from memorycapsule.store.cluster import nodes
from memorycapsule.store.cluster_rows import NodeRow
from memorycapsule.store.rows import MontageRow
from memorycapsule.work import films, ticks
from memorycapsule.work.cluster.liveness import Liveness
from memorycapsule.work.lock import is_worked_on, working, working_in_database
from support.cast import OPENS, Time, make_capsule, make_context, make_instance
from support.queries import recorded_statements, scans_in
from support.refusals import refused


@pytest.fixture
def instance(store_url, tmp_path):
    with make_instance(store_url, tmp_path / "data") as instance:
        yield instance


@pytest.fixture
def node_of(instance, time):
    """What makes the context of a node with a folder of its own."""

    def make(name, its_time=time):
        return make_context(
            instance, its_time, lease=name, is_alone=False, work_dir=instance.folder / "work" / name
        )

    return make


@pytest.fixture
def film(instance):
    capsule = make_capsule(instance)
    opening.open_if_due(instance.store, instance.wake, capsule.id, OPENS)
    with instance.store.reading() as tx:
        return montage_store.of_opening(tx, capsule.id)


def alive(instance):
    with instance.store.reading() as tx:
        return [(node.id, node.kind) for node in nodes.alive(tx)]


def age(instance, name):
    """Let a node have given its last sign of life a minute ago."""
    with instance.store.transaction() as tx:
        long_ago = leases.instant(tx) - leases.LASTS
        nodes.nodes.change(tx, col(NodeRow.id) == name, seen_at=long_ago)
        montage_store.montages.change(tx, col(MontageRow.lease).startswith(name), leased_until=long_ago)


def test_a_node_is_alive_from_its_first_sign_to_its_end(instance, node_of):
    with working_in_database(node_of("a"), kind="daemon"):
        with working_in_database(node_of("b"), kind="worker"):
            assert sorted(alive(instance)) == [("a", "daemon"), ("b", "worker")]
        assert alive(instance) == [("a", "daemon")]
        assert is_worked_on(node_of("c"), instance.folder)
        assert not is_worked_on(node_of("a"), instance.folder), "it is no other one"
        age(instance, "a")
        assert alive(instance) == []
    with instance.store.reading() as tx:
        assert nodes.nodes.by(tx) == []


def test_a_node_says_with_which_key_it_works(instance, node_of):
    with working_in_database(node_of("a"), kind="daemon"), instance.store.reading() as tx:
        (node,) = nodes.alive(tx)
    assert node.key_fingerprint == instance.vault.key.fingerprint


def test_who_looks_after_the_machines_sees_who_is_alive_and_who_has_another_key(instance, node_of):
    with working_in_database(node_of("a"), kind="daemon"):
        with instance.store.transaction() as tx:
            nodes.see(tx, "b", kind="worker", key_fingerprint="another", host="far away")
        age(instance, "b")
        a, b = node_status.status(instance.store, instance.vault)
    assert (a.node.host, a.is_alive, a.has_our_key) == (socket.gethostname(), True, True)
    assert (b.node.host, b.is_alive, b.has_our_key) == ("far away", False, False)
    assert a.age < leases.LASTS <= b.age


def test_a_sign_of_life_keeps_what_a_node_has_in_hand(instance, node_of, film):
    """Also what it does under several leases at the same time."""
    with Liveness(instance.store, node_id="a", kind="worker", key_fingerprint="f") as liveness:
        assert montages.claim(instance.store, film.id, lease="a-2", now=OPENS)
        age(instance, "a")
        liveness.tell()
        with instance.store.reading() as tx:
            assert montage_store.abandoned(tx, "b") == []
        assert alive(instance) == [("a", "worker")]


@contextlib.contextmanager
def living(instance, *names):
    """Signs of life of nodes that stay, told by hand."""
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(Liveness(instance.store, node_id=name, kind="worker", key_fingerprint="f"))
            for name in names
        ]


def let_the_database_be_away(instance):
    """As after two minutes in which nobody reached it."""
    with instance.store.transaction() as tx:
        long_ago = leases.instant(tx) - 2 * leases.LASTS
        nodes.nodes.change(tx, seen_at=long_ago)
        montage_store.montages.change(tx, col(MontageRow.lease).is_not(None), leased_until=long_ago)


def left_by_others(instance, name):
    with instance.store.reading() as tx:
        return [one.id for one in montage_store.abandoned(tx, name)]


def test_when_the_database_was_away_who_comes_back_first_leaves_the_others_a_lease_to_come_back(
    instance, film
):
    with living(instance, "a", "b") as (a, b):
        assert montages.claim(instance.store, film.id, lease="a", now=OPENS)
        let_the_database_be_away(instance)
        assert left_by_others(instance, "b") == [], "nobody has come back yet"
        b.tell()
        assert left_by_others(instance, "b") == []
        a.tell()
        with instance.store.transaction() as tx:
            nodes.nodes.change(tx, back_at=leases.instant(tx) - leases.LASTS)
        assert left_by_others(instance, "b") == [], "the lease was prolonged"


def test_who_does_not_come_back_with_the_database_is_given_up(instance, film):
    with living(instance, "b") as (b,):
        with instance.store.transaction() as tx:
            nodes.see(tx, "killed", kind="worker", key_fingerprint="f")
        assert montages.claim(instance.store, film.id, lease="killed", now=OPENS)
        let_the_database_be_away(instance)
        b.tell()
        with instance.store.transaction() as tx:
            nodes.nodes.change(tx, back_at=leases.instant(tx) - leases.LASTS)
        assert left_by_others(instance, "b") == [film.id]


def test_a_node_that_was_stopped_alone_keeps_nobody_from_what_others_have_left(instance, film):
    with living(instance, "a", "b", "c") as (_a, b, _c):
        assert montages.claim(instance.store, film.id, lease="a", now=OPENS)
        age(instance, "a")
        age(instance, "b")
        b.tell()
        assert left_by_others(instance, "c") == [film.id]


def test_a_command_after_a_node_that_was_killed_takes_its_work_up_at_once(instance, node_of, film):
    """Nobody else may be there who could, and its next run would be as new."""
    with instance.store.transaction() as tx:
        nodes.see(tx, "killed", kind="command", key_fingerprint="f")
    assert montages.claim(instance.store, film.id, lease="killed", now=OPENS)
    let_the_database_be_away(instance)
    with working(node_of("here"), instance.folder):
        assert left_by_others(instance, "here") == [film.id]


def test_signs_of_life_and_looks_for_what_is_abandoned_read_no_table_from_end_to_end(instance, node_of):
    here = node_of("here")
    with recorded_statements(instance.store) as statements, working_in_database(here, kind="worker"):
        montages.requeue_abandoned(instance.store, "here", OPENS)
        deliveries.settle_abandoned(instance.store, "here", OPENS)
        shared_segments.claim(instance.store, "here")

    assert {table for table, _statement in scans_in(instance.store, statements)} <= {"node", "instance"}


def test_a_node_leaves_a_film_to_the_one_that_renders_it_until_that_one_is_gone(instance, node_of, film):
    here = node_of("here")
    with working_in_database(node_of("there"), kind="worker"):
        assert montages.claim(instance.store, film.id, lease="there", now=OPENS)
        with working(here, instance.folder):
            assert films.make_waiting(here, only=film.id).made == ()
            with instance.store.reading() as tx:
                assert montage_store.montages.get(tx, film.id).attempt == 1

            age(instance, "there")
            stopping = dataclasses.replace(here.run, is_stopping=iter([False, True]).__next__)
            films.make_waiting(dataclasses.replace(here, run=stopping), only="none")
            with instance.store.reading() as tx:
                assert montage_store.montages.get(tx, film.id).state is MontageState.QUEUED


def test_a_film_that_kills_one_node_after_the_other_waits_longer_each_time(instance, film):
    """The first time it goes on at once: machines are restarted, too. What it waits for is told."""
    waits, now = [], OPENS
    with living(instance, "other"):
        for node in ("a", "b", "c", "d", "e"):
            assert montages.claim(instance.store, film.id, lease=node, now=now)
            age(instance, node)
            montages.requeue_abandoned(instance.store, "other", now)
            with instance.store.reading() as tx:
                again = montage_store.montages.get(tx, film.id)
            waits.append(int((again.not_before - now).total_seconds()))
            now = again.not_before
    assert waits == [0, 60, 120, 240, 480]
    assert (again.failures, [one.reason for one in again.report]) == (0, ["renderer_stopped"])


def test_a_node_removes_what_nodes_that_are_gone_left_behind_and_nothing_else(instance, node_of):
    work = instance.folder / "work"
    with working_in_database(node_of("a"), kind="worker"), working_in_database(node_of("b"), kind="worker"):
        (work / "a" / "film").mkdir()
        (work / "killed" / "film").mkdir(parents=True)
        films.remove_leftovers(node_of("b"))
        assert sorted(folder.name for folder in work.iterdir()) == ["a", "b"]
        assert (work / "a" / "film").exists()
    assert list(work.iterdir()) == []


def test_what_lies_in_a_shared_folder_stays_while_its_node_lives_although_the_database_has_not_heard_of_it(
    instance, node_of
):
    here, there = node_of("here", Time(datetime.now(UTC))), node_of("there")
    capsule = make_capsule(instance)

    def write_while_the_other_starts(file):
        file.write(b"half")
        ticks.settle(here)

    with working_in_database(there, kind="daemon"), working_in_database(here, kind="worker"):
        unfinished = there.rendering.work_dir / "film"
        unfinished.mkdir()
        age(instance, "there")
        assert there.vault.cache.keep(capsule.id, "segment", write_while_the_other_starts)
        assert unfinished.exists()


def test_each_node_trims_the_cache_of_its_machine_also_of_what_others_have_kept_there(instance, node_of):
    one, two = (Cache(instance.folder / "shared", 1000) for _ in range(2))
    for size in (10, 600):
        for cache, shelf in ((one, "a"), (two, "b")):
            assert cache.keep(shelf, str(size), lambda file, size=size: file.write(b"x" * size))
    assert one.trim(), "it knows of its own files only"
    node = node_of("here")
    ticks.trim_cache(dataclasses.replace(node, vault=dataclasses.replace(node.vault, cache=one)))
    assert sum(path.stat().st_size for path in (instance.folder / "shared").glob("*/*")) <= 1000


def test_the_row_of_a_node_that_was_killed_long_ago_is_forgotten(instance, node_of):
    with instance.store.transaction() as tx:
        nodes.see(tx, "killed", kind="worker", key_fingerprint="f")
        nodes.see(tx, "killed today", kind="worker", key_fingerprint="f")
        long_ago = leases.instant(tx) - timedelta(days=2)
        nodes.nodes.change(tx, col(NodeRow.id) == "killed", seen_at=long_ago)
    with working_in_database(node_of("a"), kind="daemon"):
        pass
    with instance.store.reading() as tx:
        assert [node.id for node in nodes.nodes.by(tx)] == ["killed today"]


def test_the_key_is_replaced_only_when_no_other_node_has_been_seen_for_a_minute(instance, node_of, tmp_path):
    with working_in_database(node_of("a"), kind="daemon"):
        with refused(Busy, "nodes_alive", count=1):
            keys.rotate(instance.store, instance.key_file, now=OPENS)
        with refused(Busy, "nodes_alive", count=1):
            keys.recover(instance.store, instance.key_file, instance.recovery_identity, now=OPENS)
        with refused(Busy, *in_use(instance)):
            relocation.relocate(instance.store.url, f"sqlite:///{tmp_path / 'new.db'}")
        before = keys.status(instance.store).fingerprint

        age(instance, "a")
        fresh = keys.rotate(instance.store, instance.key_file, now=OPENS)

    assert before == instance.key.fingerprint
    assert keys.status(instance.store).fingerprint == fresh.fingerprint != before


def in_use(instance):
    """The reason why a database is not moved while a node works: it holds the right to, or at least says so."""
    return ("nodes_alive" if instance.store.is_sqlite else "database_in_use",)
