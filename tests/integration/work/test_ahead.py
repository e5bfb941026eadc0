"""Rendering ahead: the film of a sealed capsule is there on the day, and until then nothing of it is to be seen."""

import dataclasses

import pytest
from structlog.testing import capture_logs

from cast import OPENS, add_story, join, make_capsule, make_instance, make_photo, make_workshop
from memorycapsule.domain.montages import MontageState
from memorycapsule.domain.stories import Viewer
from memorycapsule.services import montages, stories
from memorycapsule.store import montages as montage_store
from memorycapsule.work import memory, ticks
from memorycapsule.work.ahead import Ahead
from moments import NOW


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scene:
    instance: object
    capsule: object
    ben: Viewer
    story: object

    @property
    def shelf(self):
        return self.instance.folder / "cache" / "segments" / self.capsule.id

    def pieces(self, ending):
        return {path.name for path in self.shelf.glob(f"*.mp4{ending}")}

    def film(self):
        with self.instance.store.reading() as tx:
            return montage_store.opening_film(tx, self.capsule.id)


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
    """So many pieces that those in the middle have nothing to do with title and end."""
    with make_instance(f"sqlite:///{tmp_path}/data/capsule.db", tmp_path / "data") as instance:
        yield set_up(instance, photos=30, theme="classic")


@pytest.fixture
def workshop(scene, time):
    return make_workshop(scene.instance, time)


def memory_folder(workshop):
    return memory.place(workshop.memory_places, workshop.work_dir)


def finished(workshop):
    """Do what is due, and return what was said of films."""
    with capture_logs() as said:
        ticks.tick(workshop)
    return [words for words in said if words["event"].startswith("film.")]


@pytest.fixture
def scene_on_both(store_url, tmp_path):
    with make_instance(store_url, tmp_path / "data") as instance:
        yield set_up(instance)


@pytest.mark.slow
def test_the_opening_joins_what_is_there_and_encodes_nothing(scene_on_both, time):
    scene = scene_on_both
    workshop = make_workshop(scene.instance, time)
    ticks.settle(workshop)
    ahead = Ahead(workshop=workshop)

    rendered = ahead.work()
    assert rendered == len(scene.pieces(".age")) > 2
    assert scene.pieces("") == set()
    assert all(path.read_bytes().startswith(b"age-encryption.org/v1") for path in scene.shelf.iterdir())
    assert not memory_folder(workshop).exists()
    assert scene.film() is None, "no row tells of it"
    assert ahead.work() == 0
    assert Ahead(workshop=workshop).work() == 0, "nor is anything made again after a restart"

    time.go_to(OPENS)
    (said,) = finished(workshop)
    film = scene.film()
    assert (said["event"], said["segments_encoded"]) == ("film.finished", 0)
    assert (film.state, film.report) == (MontageState.READY, ())
    assert len(scene.instance.letters()) == 2
    assert len(scene.pieces("")) == rendered
    assert list(scene.shelf.glob("*.age")) == [], "what is open lies there plain"


@pytest.mark.slow
def test_a_further_film_of_the_same_and_one_after_it_was_unsealed_encode_nothing(scene, workshop, time):
    time.go_to(OPENS)
    (first,) = finished(workshop)
    for _ in range(2):
        montages.queue(
            scene.instance.store,
            scene.instance.vault,
            scene.instance.wake,
            scene.instance.ada,
            scene.capsule.id,
            now=OPENS,
        )
        (again,) = finished(workshop)
        assert first["segments_encoded"] > 2
        assert (again["segments_encoded"], again["seconds"]) == (0, first["seconds"])


@pytest.mark.slow
def test_a_late_story_is_rendered_and_hardly_anything_else(long_scene, time):
    scene, workshop = long_scene, make_workshop(long_scene.instance, time)
    ahead = Ahead(workshop=workshop)
    before = ahead.work()
    kept = scene.pieces(".age")
    story = add_story(scene.instance, scene.capsule, scene.ben, title="And then", photos=2)
    again = ahead.work()

    assert 1 <= again < before
    assert len(scene.pieces(".age") - kept) == again
    assert kept - scene.pieces(".age"), "what the film does not show any more is gone"

    stories.edit(scene.instance.store, scene.instance.vault, scene.ben, story.id, title="Then", now=NOW)
    assert 1 <= ahead.work() < before
    time.go_to(OPENS)
    (said,) = finished(workshop)
    assert said["segments_encoded"] == 0


@pytest.mark.slow
def test_a_story_that_came_after_the_last_night_is_in_the_film(long_scene, time):
    scene, workshop = long_scene, make_workshop(long_scene.instance, time)
    Ahead(workshop=workshop).work()
    add_story(scene.instance, scene.capsule, scene.ben, title="At the last moment", photos=1)
    time.go_to(OPENS)
    (said,) = finished(workshop)

    assert 1 <= said["segments_encoded"] < len(scene.pieces(""))
    assert "At the last moment" in scene.film().plan


def hooked(workshop, hook):
    """A workshop in which `hook` is called with a number each time it is looked whether something else is due."""
    asked = []

    def is_stopping():
        asked.append(None)
        return bool(hook(len(asked)))

    return dataclasses.replace(workshop, is_stopping=is_stopping)


@pytest.mark.slow
def test_an_opening_interrupts_it_and_uses_what_there_is(scene, workshop, time):
    begun = []

    def come(_number):
        if not begun and len(scene.pieces(".age")) == 1:
            begun.append("an opening")
            time.go_to(OPENS)
        return False

    Ahead(workshop=hooked(workshop, come)).work()
    assert begun == ["an opening"]
    assert len(scene.pieces(".age")) == 1
    assert not memory_folder(workshop).exists()

    (said,) = finished(workshop)
    assert said["segments_encoded"] == len(scene.pieces("")) - 1
