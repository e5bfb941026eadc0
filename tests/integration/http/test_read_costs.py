"""What pages read: as many statements for 300 media as for 3, and no key where no story is shown."""

import contextlib
import dataclasses
import uuid

import pytest
from sqlalchemy import event

from memorycapsule.app import App
from memorycapsule.seal.keys import InstanceKey
from memorycapsule.services import cleanup
from memorycapsule.store import albums as album_store
from memorycapsule.store import stories as story_store

FEW, MANY = 3, 300
#: Pages of the owner, before the date.
OWNERS_PAGES = ("people", "cards", "settings", "date", "delete")


@contextlib.contextmanager
def counted_statements(store):
    """The statements that the database is asked meanwhile."""
    statements = []

    def note(_connection, _cursor, statement, *_more):
        statements.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(store.engine, "before_cursor_execute", note)


def fill(scene, count: int) -> None:
    """Ben's story gets copies of its photo until it has so many media; their bytes are shared."""
    with scene.instance.store.transaction() as tx:
        (medium, *others) = story_store.media_of(tx, scene.story.id)
        for number in range(1 + len(others), count):
            copy = dataclasses.replace(
                medium, id=str(uuid.uuid4()), position=number, duplicate_mark=f"copy {number}"
            )
            story_store.media.add(tx, copy)
        # Nothing is put into an open capsule but here.
        album_store.forget(tx, scene.capsule.id)


def statements_of(scene, browser, path: str) -> int:
    # What the program remembers after a first visit is no cost of the page.
    assert browser.get(path).status_code == 200
    with counted_statements(scene.instance.store) as statements:
        assert browser.get(path).status_code == 200
    assert statements
    return len(statements)


def costs(scene, pages) -> dict[str, int]:
    return {path: statements_of(scene, browser, path) for path, browser in pages.items()}


def test_before_the_date_pages_ask_as_much_of_few_media_as_of_many(scene):
    ada, ben = scene.ada(), scene.browser(scene.ben.token)
    pages = {"/": ada, f"/g/c/{scene.capsule.id}": ben, f"/g/c/{scene.capsule.id}/leave": ben}
    pages |= {f"/c/{scene.capsule.id}/{name}": ada for name in OWNERS_PAGES}

    fill(scene, FEW)
    with_few = costs(scene, pages)
    fill(scene, MANY)

    assert costs(scene, pages) == with_few


@pytest.mark.parametrize("is_unsealed", [False, True], ids=["still sealed", "unsealed"])
def test_after_the_opening_pages_ask_as_much_of_few_media_as_of_many(scene, is_unsealed):
    def unseal():
        while is_unsealed and cleanup.unseal_opened(
            scene.instance.store, scene.instance.vault, set(), now=scene.time.now
        ):
            pass

    ben, capsule = scene.browser(scene.ben.token), f"/g/c/{scene.capsule.id}"
    places = ("/film/progress", "", "/film", "/photos", "/photos?find=marker", "/photos.json", "/letters.css")
    pages = {f"{capsule}{place}": ben for place in places}
    pages["/"] = scene.ada()

    scene.open()
    unseal()
    fill(scene, FEW)
    with_few = costs(scene, pages)
    fill(scene, MANY)

    assert costs(scene, pages) == with_few
    # Whose session it is; which capsule, whose part in it, its films: what is read together is one transaction.
    assert with_few[f"{capsule}/film/progress"] <= 9
    # The same, its members, its album, and the stories and photos that the page shows; a key while they are sealed.
    assert with_few[f"{capsule}/photos"] <= 12


def test_pages_without_stories_need_no_key_of_the_capsule(scene, tmp_path):
    """With another instance key nothing can be unsealed, and nobody notices where no story is shown."""
    locked = dataclasses.replace(scene.instance.vault, key=InstanceKey.create(tmp_path / "other.key"))
    scene.app = App(**{**vars(scene.app), "vault": locked})
    ada, ben = scene.ada(), scene.browser(scene.ben.token)

    for path in ("/", *(f"/c/{scene.capsule.id}/{name}" for name in OWNERS_PAGES)):
        assert ada.get(path).status_code == 200, path
    assert ben.get(f"/g/c/{scene.capsule.id}").status_code == 500, "it shows Ben's own story"
    scene.open()
    assert ben.get(f"/g/c/{scene.capsule.id}/film/progress").json()["films"][0]["state"] == "queued"
