"""Prerendering: the film of a sealed capsule is there on the day, and until then nothing of it is to be seen."""

import dataclasses
from datetime import datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from memorycapsule.domain.film.montages import MontageState
from memorycapsule.domain.quiet_hours import parse_quiet_hours
from memorycapsule.domain.stories import Viewer
from memorycapsule.media.cache import Cache
from memorycapsule.seal import envelopes
from memorycapsule.services import capsules, stories
from memorycapsule.services.film import montages
from memorycapsule.services.preservation import rules
from memorycapsule.store import montages as montage_store
from memorycapsule.store import stories as story_store
from memorycapsule.store.cluster import pieces as piece_store
from memorycapsule.work import films, ticks, tmpfs
from memorycapsule.work.prerendering import Prerenderer
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
from support.moments import NOW

pytestmark = pytest.mark.slow


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scene:
    instance: object
    capsule: object
    ben: Viewer
    story: object

    @property
    def shelf(self):
        return self.instance.folder / "cache" / "segments" / self.capsule.id

    def segments(self, ending):
        return {path.name for path in self.shelf.glob(f"*.mp4{ending}")}

    def film(self):
        with self.instance.store.reading() as tx:
            return montage_store.of_opening(tx, self.capsule.id)


def set_up(instance, *, photos=14, **more):
    capsule = make_capsule(instance, **more)
    ben = join(instance, capsule, "Ben")
    story = add_story(instance, capsule, ben.viewer, photos=[make_photo(number) for number in range(photos)])
    return Scene(instance=instance, capsule=capsule, ben=ben.viewer, story=story)


@pytest.fixture
def scene(tmp_path):
    with make_instance(f"sqlite:///{tmp_path}/data/capsule.db", tmp_path / "data") as instance:
        yield set_up(instance)


@pytest.fixture
def long_scene(tmp_path):
    """So many segments that those in the middle have nothing to do with title and end."""
    with make_instance(f"sqlite:///{tmp_path}/data/capsule.db", tmp_path / "data") as instance:
        yield set_up(instance, photos=30, theme="classic")


@pytest.fixture
def context(scene, time):
    return make_context(scene.instance, time)


def tmpfs_folder(context):
    return tmpfs.workspace(context.rendering.tmpfs_places, context.rendering.work_dir)


def finished(context):
    """Do what is due, and return the log's events about how films ended; each has begun, and every tenth is told."""
    with capture_logs() as events:
        ticks.tick(context)
    films = [event for event in events if event["event"].startswith("film.")]
    assert films[0]["event"] == "film.started"
    tenths = [event["percent"] for event in films if event["event"] == "film.progress"]
    assert tenths == sorted({*tenths})
    return [event for event in films if event["event"] not in {"film.started", "film.progress"}]


@pytest.fixture
def scene_on_both(store_url, tmp_path):
    with make_instance(store_url, tmp_path / "data") as instance:
        yield set_up(instance)


@pytest.mark.slow
def test_the_opening_joins_what_is_there_and_encodes_nothing(scene_on_both, time):
    scene = scene_on_both
    context = make_context(scene.instance, time)
    ticks.settle(context)
    prerenderer = Prerenderer(context=context)

    rendered = prerenderer.run()
    assert rendered == len(scene.segments(".age")) > 2
    assert scene.segments("") == set()
    assert all(path.read_bytes().startswith(b"age-encryption.org/v1") for path in scene.shelf.iterdir())
    assert not tmpfs_folder(context).exists()
    assert scene.film() is None, "no row tells of it"
    assert prerenderer.run() == 0
    assert Prerenderer(context=context).run() == 0, "nor is anything made again after a restart"

    time.go_to(OPENS)
    (event,) = finished(context)
    film = scene.film()
    assert (event["event"], event["segments_encoded"]) == ("film.finished", 0)
    assert (film.state, film.report) == (MontageState.READY, ())
    assert len(scene.instance.letters()) == 2
    assert len(scene.segments("")) == rendered
    assert list(scene.shelf.glob("*.age")) == [], "what is open lies there plain"


def node(scene, time, name):
    """The context of a node of several, with a cache and a folder for work of its own."""
    instance = scene.instance
    cache = Cache(instance.folder / name / "cache", 1_000_000_000)
    vault = dataclasses.replace(instance.vault, cache=cache)
    work_dir = instance.folder / "work" / name
    return make_context(instance, time, lease=name, is_alone=False, vault=vault, work_dir=work_dir)


def ahead(scene):
    with scene.instance.store.reading() as tx:
        return piece_store.names_ahead(tx, scene.capsule.id)


@pytest.mark.slow
def test_one_node_goes_on_with_what_another_one_has_rendered_ahead(long_scene, time):
    scene = long_scene
    one, other = node(scene, time, "one"), node(scene, time, "other")
    rendered = Prerenderer(context=one).run()
    assert rendered == len(ahead(scene)) - 1 > 2, "and the plan"
    assert Prerenderer(context=other).run() == 0

    # The last story of a capsule changes its last pictures only, and what is said at the end.
    add_story(scene.instance, scene.capsule, scene.ben, photos=[make_photo(99)])
    again = Prerenderer(context=other).run()
    assert 0 < again < rendered
    assert Prerenderer(context=one).run() == 0
    for path in scene.instance.blob_files():
        assert path.read_bytes().startswith(b"age-encryption.org/v1")

    time.go_to(OPENS)
    (event,) = finished(node(scene, time, "a third one"))
    assert (event["event"], event["segments_encoded"]) == ("film.finished", 0)
    assert list(rules.broken(scene.instance.store)) == []


@pytest.mark.slow
def test_what_other_nodes_find_ahead_goes_with_the_photo_that_it_may_show(scene_on_both, time):
    scene = scene_on_both
    Prerenderer(context=node(scene, time, "one")).run()
    with scene.instance.store.reading() as tx:
        (first, *_rest) = story_store.media_of(tx, scene.story.id)
    files = len(scene.instance.blob_files())
    shared = len(ahead(scene))

    stories.remove_medium(scene.instance.store, scene.instance.vault, scene.ben, first.id, now=NOW)

    assert ahead(scene) == set()
    assert len(scene.instance.blob_files()) == files - shared - len(first.blobs)


@pytest.mark.slow
def test_a_further_film_of_the_same_and_one_after_it_was_unsealed_encode_nothing(scene, context, time):
    time.go_to(OPENS)
    (first,) = finished(context)
    for _ in range(2):
        montages.queue(
            scene.instance.store,
            scene.instance.vault,
            scene.instance.wake,
            scene.instance.ada,
            scene.capsule.id,
            now=OPENS,
        )
        (again,) = finished(context)
        assert first["segments_encoded"] > 2
        assert (again["segments_encoded"], again["seconds"]) == (0, first["seconds"])


@pytest.mark.slow
def test_a_late_story_is_rendered_and_hardly_anything_else(long_scene, time):
    scene, context = long_scene, make_context(long_scene.instance, time)
    prerenderer = Prerenderer(context=context)
    before = prerenderer.run()
    kept = scene.segments(".age")
    story = add_story(scene.instance, scene.capsule, scene.ben, title="And then", photos=2)
    again = prerenderer.run()

    assert 1 <= again < before
    assert len(scene.segments(".age") - kept) == again
    assert kept - scene.segments(".age"), "what the film does not show any more is gone"

    stories.edit(scene.instance.store, scene.instance.vault, scene.ben, story.id, title="Then", now=NOW)
    assert 1 <= prerenderer.run() < before
    time.go_to(OPENS)
    (event,) = finished(context)
    assert event["segments_encoded"] == 0


@pytest.mark.slow
def test_a_story_that_came_after_the_last_night_is_in_the_film(long_scene, time):
    scene, context = long_scene, make_context(long_scene.instance, time)
    Prerenderer(context=context).run()
    add_story(scene.instance, scene.capsule, scene.ben, title="At the last moment", photos=1)
    time.go_to(OPENS)
    (event,) = finished(context)

    assert 1 <= event["segments_encoded"] < len(scene.segments(""))
    assert "At the last moment" in scene.film().plan


@pytest.mark.parametrize(
    "what", ["medium", *(pytest.param(one, marks=pytest.mark.slow) for one in ("story", "capsule"))]
)
def test_what_is_taken_out_takes_the_segments_with_it(scene, context, what):
    Prerenderer(context=context).run()
    store, vault = scene.instance.store, scene.instance.vault
    if what == "capsule":
        stories.remove(store, vault, scene.ben, scene.story.id, now=NOW)
        Prerenderer(context=context).run()
        assert scene.shelf.exists()
        capsules.delete(store, vault, scene.instance.ada, scene.capsule.id, now=NOW)
    elif what == "story":
        stories.remove(store, vault, scene.ben, scene.story.id, now=NOW)
    else:
        with store.reading() as tx:
            medium = story_store.media_of(tx, scene.story.id)[0]
        stories.remove_medium(store, vault, scene.ben, medium.id, now=NOW)

    assert not scene.shelf.exists()


def test_it_works_in_quiet_hours_by_the_wall_clock_only(scene, context, time):
    at_night = adapted(context, quiet_hours=parse_quiet_hours("01:00-06:00"), zone="Asia/Seoul")
    prerenderer = Prerenderer(context=at_night)
    for hour, is_quiet in ((12, False), (15, False), (21, False), (16, True)):
        time.go_to(datetime.fromisoformat(f"{NOW.date()} {hour:02}:30+00:00"))
        assert (prerenderer.run() > 0) is is_quiet, hour

    assert Prerenderer(context=adapted(context, quiet_hours=None)).run() == 0


def hooked(context, hook):
    """A context in which `hook` is called with a number each time it is looked whether something else is due."""
    asked = []

    def is_stopping():
        asked.append(None)
        return bool(hook(len(asked)))

    return adapted(context, is_stopping=is_stopping)


@pytest.mark.slow
def test_it_ends_with_the_quiet_hours(scene, context, time):
    hours = adapted(context, quiet_hours=parse_quiet_hours("01:00-06:00"))
    time.go_to(NOW.replace(hour=2))

    def go_on(_number):
        if len(scene.segments(".age")) == 1:
            time.go_to(NOW.replace(hour=6))

    Prerenderer(context=hooked(hours, go_on)).run()
    assert len(scene.segments(".age")) in {1, 2}, "one may have been nearly done"
    assert not tmpfs_folder(context).exists()

    time.go_on(hours=20)
    assert Prerenderer(context=hours).run() >= 1


@pytest.mark.parametrize(
    "what",
    [
        "an opening",
        *(pytest.param(one, marks=pytest.mark.slow) for one in ("a film", "a film in hand", "the end")),
    ],
)
def test_whatever_is_due_interrupts_it_and_it_goes_on_afterwards(scene, context, time, what):
    store, vault, wake = scene.instance.store, scene.instance.vault, scene.instance.wake
    other = make_capsule(scene.instance, title="Other", opens=NOW.replace(year=NOW.year + 1))
    if what != "an opening":
        other = make_capsule(scene.instance, title="Open", opens="+1d")
        time.go_on(days=1)
        ticks.tick(context)
    begun = []

    def come(_number):
        if begun or len(scene.segments(".age")) != 1:
            return False
        begun.append(what)
        if what == "an opening":
            time.go_to(OPENS)
        elif what != "the end":
            film = montages.queue(store, vault, wake, scene.instance.ada, other.id, now=time.now)
            if what == "a film in hand":
                montages.claim(store, film.id, lease="this run", now=time.now)
        return what == "the end"

    Prerenderer(context=hooked(context, come)).run()
    assert begun == [what]
    assert len(scene.segments(".age")) == 1
    assert not tmpfs_folder(context).exists()

    if what == "an opening":
        (event,) = finished(context)
        assert event["segments_encoded"] == len(scene.segments("")) - 1
    else:
        ticks.tick(context)
        assert Prerenderer(context=context).run() > 1
        time.go_to(OPENS)
        assert [event["segments_encoded"] for event in finished(context)] == [0]


@pytest.mark.slow
def test_what_is_taken_out_while_its_segment_is_made_is_not_kept(scene, context):
    removed = []

    def remove(_number):
        if not removed and scene.segments(".age"):
            stories.remove(scene.instance.store, scene.instance.vault, scene.ben, scene.story.id, now=NOW)
            removed.append(scene.story)

    Prerenderer(context=hooked(context, remove)).run()

    assert removed
    assert scene.segments(".age") == set()


def test_without_a_tmpfs_nothing_is_prerendered(scene, context):
    disk = Path(__file__).parent  # temporary folders may lie in memory
    with capture_logs() as events:
        prerenderer = Prerenderer(context=adapted(context, tmpfs_places=(disk,)))
        assert (prerenderer.run(), prerenderer.run()) == (0, 0)

    assert [event["event"] for event in events] == ["ahead.impossible"]
    assert not scene.shelf.exists()


@pytest.mark.slow
def test_the_cache_keeps_what_is_wanted_first_and_it_ends_there(scene, context, time):
    later = make_capsule(scene.instance, title="Later", opens=NOW.replace(year=NOW.year + 1))
    ben = join(scene.instance, later, "Ben")
    add_story(scene.instance, later, ben.viewer, photos=14)
    Prerenderer(context=context).run()
    shelf = scene.shelf.with_name(later.id)
    sizes = {one: sum(path.stat().st_size for path in one.iterdir()) for one in (scene.shelf, shelf)}
    scene.instance.vault.cache.clear(scene.capsule.id)

    room = sizes[scene.shelf] + sizes[shelf] // 2
    vault = dataclasses.replace(scene.instance.vault, cache=Cache(scene.shelf.parent, room))
    small = Prerenderer(context=adapted(context, vault=vault))
    small.run()
    assert sum(path.stat().st_size for path in scene.shelf.iterdir()) == pytest.approx(
        sizes[scene.shelf], rel=0.02
    )
    there = sum(path.stat().st_size for path in scene.shelf.parent.rglob("*") if path.is_file())
    assert there <= room
    assert small.run() == 0, "it does not try again and again"

    vault = dataclasses.replace(scene.instance.vault, cache=Cache(scene.shelf.parent, 0))
    assert Prerenderer(context=adapted(context, vault=vault)).run() == 0


@pytest.mark.parametrize("how", ["not a picture", pytest.param("damaged", marks=pytest.mark.slow)])
def test_a_broken_picture_is_left_out_and_named_after_the_opening(scene, context, time, how):
    with scene.instance.store.reading() as tx:
        medium = story_store.media_of(tx, scene.story.id)[3]
    path = scene.instance.vault.blobs._path(medium.display_blob)
    if how == "damaged":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        path.write_bytes(envelopes.seal_bytes(b"\xff\xd8 no picture", scene.capsule.recipient))
    with capture_logs() as events:
        assert Prerenderer(context=context).run() > 2
    assert medium.id not in str(events)
    time.go_to(OPENS)
    (of_film,) = finished(context)

    assert of_film["segments_encoded"] == 0
    film = scene.film()
    assert film.state is MontageState.DEGRADED
    (lack,) = film.report
    assert lack.of == medium.id
    assert medium.id in lack.values.values() or lack.values["file"].startswith(medium.id)


@pytest.mark.parametrize(
    "what",
    [pytest.param("plan", marks=pytest.mark.slow), "segment", pytest.param("all", marks=pytest.mark.slow)],
)
def test_what_rots_in_the_cache_is_made_again(scene, context, time, what):
    Prerenderer(context=context).run()
    plan = scene.shelf / "plan.json.age"
    segments = sorted(scene.shelf.glob("*.mp4.age"))
    for path in {"plan": [plan], "segment": segments[:1], "all": [plan, *segments]}[what]:
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2] + b"?" + data[len(data) // 2 + 1 :])
    time.go_to(OPENS)
    (event,) = finished(context)

    assert event["segments_encoded"] == {"plan": 0, "segment": 1, "all": len(segments)}[what]
    assert scene.film().state is MontageState.READY


@pytest.mark.slow
def test_a_film_that_cannot_be_joined_leaves_nothing_that_would_spoil_the_next_try(scene, context, time):
    time.go_to(OPENS)
    finished(context)
    segment = min(scene.shelf.glob("*.mp4"))
    data = segment.read_bytes()
    end = data.rindex(b"moov")
    segment.unlink()
    segment.write_bytes(data[: end + 4] + bytes(len(data) - end - 4))
    further = montages.queue(
        scene.instance.store,
        scene.instance.vault,
        scene.instance.wake,
        scene.instance.ada,
        scene.capsule.id,
        now=OPENS,
    )
    assert not films.make(context, further.id)
    assert not scene.shelf.exists()
    time.go_on(minutes=5)
    assert films.make(context, further.id)


def test_it_says_neither_words_nor_how_long_the_film_is(scene, context):
    with capture_logs() as events:
        Prerenderer(context=context).run()

    assert events == [{"event": "ahead.done", "log_level": "info", "capsule": scene.capsule.id}]


def test_a_start_wipes_what_a_killed_run_left_and_segments_of_capsules_that_are_gone(scene, context):
    folder = tmpfs_folder(context)
    tmpfs.create(folder)
    (folder / "plain.jpg").write_bytes(b"plain")
    gone = scene.shelf.with_name("gone")
    gone.mkdir(parents=True)
    (gone / "segment.mp4").write_bytes(b"segment")
    ticks.settle(context)

    assert not folder.exists()
    assert not gone.exists()
