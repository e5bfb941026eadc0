"""What keeps a picture from being read for the moment leaves it in its film: the film waits."""

import pytest

from memorycapsule.errors import ConfigurationProblem
from memorycapsule.services.film.picture_analysis import fetch_medium
from memorycapsule.store import stories as story_store
from memorycapsule.store.transactions import Store
from support.cast import add_story
from support.refusals import refused


@pytest.fixture
def away(tmp_path):
    """A database that nobody can reach."""
    store = Store(f"sqlite:///{tmp_path}/nowhere/capsule.db")
    yield store
    store.close()


def test_a_photo_is_not_left_out_of_a_film_because_the_database_cannot_be_reached(stage, away, tmp_path):
    story = add_story(stage.instance, stage.capsule, stage.instance.ada)
    with stage.instance.store.reading() as tx:
        (medium,) = story_store.media_of(tx, story.id)

    with refused(ConfigurationProblem, "database_not_opened"):
        fetch_medium(away, stage.instance.vault, medium.id, tmp_path / "photo.jpg")

    assert fetch_medium(stage.instance.store, stage.instance.vault, medium.id, tmp_path / "photo.jpg") is None
