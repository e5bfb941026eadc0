"""A film that several nodes render together: each segment once, the same as from one node, and nothing is left behind."""

import io
import threading
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlmodel import col
from structlog.testing import capture_logs

from memorycapsule.daemon.jobs import film_contexts
from memorycapsule.domain.film.montages import MontageState
from memorycapsule.domain.film.pieces import Piece, PieceState
from memorycapsule.services import opening
from memorycapsule.services.film import montages, segment_cache, shared_segments
from memorycapsule.services.preservation import rules
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import leases
from memorycapsule.store import montages as montage_store
from memorycapsule.store.cluster import pieces as piece_store
from memorycapsule.store.cluster_rows import PieceRow
from memorycapsule.store.rows import MontageRow
from memorycapsule.work import films
from memorycapsule.work.cluster import film_pieces
from support.cast import (
    OPENS,
    adapted,
    add_story,
    join,
    make_capsule,
    make_context,
    make_instance,
    make_photo,
)
from support.servers import wait_until


@pytest.fixture
def instance(store_url, tmp_path):
    with make_instance(store_url, tmp_path / "data") as instance:
        yield instance


def opened(instance, *, photos=0):
    capsule = make_capsule(instance)
    ben = join(instance, capsule, "Ben")
    if photos:
        add_story(
            instance,
            capsule,
            ben.viewer,
            photos=[make_photo(seed, width=64, height=48) for seed in range(photos)],
        )
    opening.open_if_due(instance.store, instance.wake, capsule.id, OPENS)
    with instance.store.reading() as tx:
        return montage_store.of_opening(tx, capsule.id)


@pytest.fixture
def node_of(instance, time):
    """What makes the context of a node with a folder of its own."""
    time.go_to(OPENS)

    def make(name):
        return make_context(
            instance, time, lease=name, is_alone=False, work_dir=instance.folder / "work" / name
        )

    return make


def offered(instance, film, by, *names):
    """A film that a node has claimed, and the segments that it offers."""
    taken = montages.claim(instance.store, film.id, lease=by, now=OPENS)
    shared_segments.offer(instance.store, instance.wake, taken, names, names)
    return taken


def claim(instance, by, **more) -> Piece | None:
    found = shared_segments.claim(instance.store, by, **more)
    return found and found[0]


def expire(instance, name):
    """Let a node have given its last sign of life a minute ago."""
    with instance.store.transaction() as tx:
        long_ago = leases.instant(tx) - leases.LASTS
        montage_store.montages.change(tx, col(MontageRow.lease) == name, leased_until=long_ago)
        piece_store.pieces.change(tx, col(PieceRow.lease) == name, leased_until=long_ago)


def test_each_piece_is_claimed_once_and_by_the_one_that_makes_the_film_when_its_node_is_gone(instance):
    """It may be the piece that killed the node: others would follow one by one."""
    film = offered(instance, opened(instance), "owner", "one", "two")

    assert [claim(instance, by).name for by in ("a", "b")] == ["one", "two"]
    assert claim(instance, "c") is None
    expire(instance, "a")
    assert claim(instance, "c") is None
    assert claim(instance, "owner", of=film).name == "one"
    assert claim(instance, "owner", of=film) is not None, "it has nothing in hand when it asks"
    assert claim(instance, "d") is None


def test_pieces_of_openings_go_first_and_those_of_films_that_fewest_work_on(instance):
    first, second = opened(instance), opened(instance)
    further = montages.queue(
        instance.store, instance.vault, instance.wake, instance.ada, first.capsule_id, now=OPENS
    )
    offered(instance, further, "x", "further")
    offered(instance, first, "y", "first 1", "first 2", "first 3")
    offered(instance, second, "z", "second 1")

    order = [claim(instance, str(number)) for number in range(5)]
    assert [piece.name for piece in order] == ["first 1", "second 1", "first 2", "first 3", "further"]


def test_with_a_film_waiting_only_pieces_of_openings_are_asked_for(instance):
    film = opened(instance)
    further = montages.queue(
        instance.store, instance.vault, instance.wake, instance.ada, film.capsule_id, now=OPENS
    )
    offered(instance, further, "x", "further")

    assert claim(instance, "a", only_openings=True) is None
    assert claim(instance, "a").name == "further"


def test_threads_of_one_node_have_pieces_and_folders_of_their_own(instance, node_of):
    offered(instance, opened(instance), "owner", "one", "two", "three")
    contexts = film_contexts(node_of("a"), 3)

    claimed = [claim(instance, context.run.lease).name for context in contexts]
    assert claimed == ["one", "two", "three"]
    assert len({context.rendering.work_dir for context in contexts}) == 3
    with instance.store.transaction() as tx:
        leases.prolong(tx, "a")
    assert claim(instance, "b") is None


def test_what_another_node_replaces_while_it_is_forgotten_is_forgotten_as_it_is_then(instance):
    capsule = make_capsule(instance)
    old, new = (instance.vault.keep_open(capsule.id, io.BytesIO(word), OPENS) for word in (b"old", b"new"))
    ahead = Piece(
        id="ahead", capsule_id=capsule.id, montage_id=None, attempt=0, name="one", number=0,
        state=PieceState.DONE, blob_id=old.id,
    )  # fmt: skip
    forgotten = []

    def forget():
        with instance.store.transaction() as tx:
            forgotten.extend(piece_store.forget_ahead(tx, capsule.id))

    forgetting = threading.Thread(target=forget)
    with instance.store.transaction() as tx:
        for blob in (old, new):
            capsule_store.blobs.add(tx, blob)
        piece_store.pieces.add(tx, ahead)
    with instance.store.transaction() as tx:
        piece_store.pieces.change(tx, col(PieceRow.id) == ahead.id, blob_id=new.id)
        forgetting.start()
        wait_until(lambda: is_anybody_kept_waiting(instance.store), 30, "who forgets waits")
    forgetting.join()

    assert forgotten == [new.id]


def is_anybody_kept_waiting(store):
    """SQLite has one writer at a time: whoever comes second sees nothing that the first one has not finished."""
    if store.is_sqlite:
        return True
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with store.reading() as tx:
        return tx.session.execute(text(waiting)).scalar_one() == 1


def test_a_piece_of_a_film_that_is_made_no_more_is_neither_claimed_nor_kept(instance, tmp_path):
    film = opened(instance)
    offered(instance, film, "owner", "one", "two")
    piece = claim(instance, "a")
    expire(instance, "owner")
    montages.requeue_abandoned(instance.store, "b", OPENS)
    assert claim(instance, "b") is None
    assert not shared_segments.is_held(instance.store, piece)

    offered(instance, film, "b", "one", "two")
    (tmp_path / "segment.mp4").write_bytes(b"late")
    files = instance.blob_files()
    kept = shared_segments.keep(instance.store, instance.vault, piece, tmp_path / "segment.mp4", now=OPENS)
    assert (kept, instance.blob_files()) == (False, files)


def test_segments_go_a_week_after_their_film_and_with_their_capsule(instance, tmp_path):
    film = opened(instance)
    taken = offered(instance, film, "owner", "one")
    (tmp_path / "segment.mp4").write_bytes(b"packets")
    shared_segments.keep(
        instance.store,
        instance.vault,
        claim(instance, "a"),
        tmp_path / "segment.mp4",
        now=OPENS,
    )
    (tmp_path / "there").mkdir()
    shared_segments.fetch(
        instance.store, instance.vault, film.capsule_id, ["one", "none"], tmp_path / "there"
    )
    assert [path.read_bytes() for path in (tmp_path / "there").iterdir()] == [b"packets"]

    week = shared_segments.KEPT_FOR
    assert shared_segments.expire(instance.store, instance.vault, now=OPENS + 2 * week) == 0, (
        "it is made still"
    )
    with instance.store.transaction() as tx:
        montage_store.change_attempt(tx, film.id, taken.attempt, state=MontageState.FAILED, finished_at=OPENS)
    assert shared_segments.expire(instance.store, instance.vault, now=OPENS + week) == 0
    after = OPENS + week + timedelta(seconds=1)
    assert shared_segments.expire(instance.store, instance.vault, now=after) == 1
    assert instance.blob_files() == set() or list(instance.blob_files()) == []


@pytest.mark.slow
def test_two_nodes_make_one_film_and_its_segments_are_those_of_one_node(instance, node_of, time):
    film = opened(instance, photos=24)
    owner, helper = node_of("owner"), node_of("helper")
    rendering = threading.Thread(target=films.make_waiting, args=(owner,))
    rendering.start()
    helped = 0
    while rendering.is_alive():
        helped += film_pieces.help_others(helper, only_openings=True)
        rendering.join(0.05)

    with instance.store.reading() as tx:
        made = montage_store.montages.get(tx, film.id)
        pieces = piece_store.pieces.by(tx, montage_id=film.id)
    assert (made.state, made.attempt, made.report) == (MontageState.READY, 1, ())
    assert {piece.state for piece in pieces} == {PieceState.DONE}
    assert 0 < helped < len(pieces)
    assert list(rules.broken(instance.store)) == []

    # The same film, by a node that works alone and knows nothing of the segments.
    instance.vault.cache.clear(film.capsule_id)
    alone = make_context(instance, time)
    again = montages.queue(
        instance.store, instance.vault, instance.wake, instance.ada, film.capsule_id, now=OPENS
    )
    assert films.make(alone, again.id)
    for piece in pieces:
        with instance.store.reading() as tx:
            source = instance.vault.source_of(tx, piece.blob_id)
        path = instance.vault.cache.find(film.capsule_id, segment_cache.file_name(piece.name))
        with source.open() as shared:
            assert shared.read() == path.read_bytes()


@pytest.mark.slow
def test_what_was_rendered_of_a_film_whose_node_is_gone_is_not_rendered_again(instance, node_of):
    film = opened(instance, photos=24)

    def dies_after_two_pieces():
        with instance.store.reading() as tx:
            done = piece_store.pieces.by(tx, montage_id=film.id, state=PieceState.DONE)
        if len(done) >= 2:
            raise KeyboardInterrupt
        return False

    owner = adapted(node_of("owner"), is_stopping=dies_after_two_pieces)
    with pytest.raises(KeyboardInterrupt):
        films.make_waiting(owner)
    expire(instance, "owner")
    with capture_logs() as logs:
        made = films.make_waiting(node_of("other"))

    with instance.store.reading() as tx:
        offered_at_first = piece_store.pieces.by(tx, montage_id=film.id, attempt=1)
    (finished,) = [line for line in logs if line["event"] == "film.finished"]
    assert made.made == (film.id,)
    assert (finished["attempt"], finished["segments_encoded"]) == (2, len(offered_at_first) - 2)
