"""Uploads over HTTP on a small disk that fills up: refused in those words, nothing half in, and they go on later."""

import pytest

from integration.http.conftest import make_scene
from integration.http.test_uploads import TUS, begin, browser_of, send_piece
from memorycapsule.disk import MARGIN_BYTES
from memorycapsule.services.preservation import verification
from support.cast import make_photo
from support.small_disks import small_disk

pytestmark = pytest.mark.slow
KB, MB = 1024, 1024 * 1024
#: The bytes that are left; a fixed part of the rows is in CI, the rest runs at night.
LEFT = (0, pytest.param(64 * KB, marks=pytest.mark.nightly), pytest.param(MB, marks=pytest.mark.nightly))
FULL = "The disk is full"


@pytest.fixture
def small(tmp_path):
    with small_disk(tmp_path / "small", megabytes=40) as small:
        yield small


@pytest.fixture
def scene(small):
    with make_scene(small.folder) as scene:
        yield scene


def stage_of(browser, address):
    return browser.get(address).json()["stage"]


@pytest.mark.parametrize("left", [*LEFT, MARGIN_BYTES])
def test_a_file_is_refused_when_it_is_announced_and_taken_once_there_is_room(scene, small, left):
    photo = make_photo(width=640, height=480)
    with browser_of(scene, scene.ben.token) as sender:
        small.fill(but_bytes=left)
        refused = begin(sender, scene.story.id, photo)
        assert refused.status_code == 507
        assert FULL in refused.text

        small.empty()
        address = begin(sender, scene.story.id, photo).headers["location"]
        assert send_piece(sender, address, 0, photo).status_code == 204
        assert stage_of(sender, address) == "kept"


@pytest.mark.parametrize("left", LEFT)
@pytest.mark.parametrize("came", ["nothing", "a half"])
def test_a_piece_that_finds_no_room_is_refused_and_the_file_goes_on_where_it_was(scene, small, left, came):
    photo = make_photo(width=640, height=480)
    with browser_of(scene, scene.ben.token) as sender:
        address = begin(sender, scene.story.id, photo).headers["location"]
        start = 0
        if came == "a half":
            start = len(photo) // 2
            assert send_piece(sender, address, 0, photo[:start]).status_code == 204
        small.fill(but_bytes=left)
        refused = send_piece(sender, address, start, photo[start:])
        assert refused.status_code == 507
        assert FULL in refused.text

        small.empty()
        assert int(sender.head(address, headers=TUS).headers["upload-offset"]) == start
        assert send_piece(sender, address, start, photo[start:]).status_code == 204
        assert stage_of(sender, address) == "kept"
        medium = sender.get(address).json()["medium"]
        assert sender.get(f"/g/m/{medium}/original").content == photo
    damage = verification.verify(scene.instance.store, scene.instance.vault, deep=True).damage
    assert not damage


@pytest.mark.parametrize("left", LEFT)
def test_what_is_only_looked_at_can_be_looked_at(scene, small, left):
    small.fill(but_bytes=left)

    for path in ("/", f"/g/c/{scene.capsule.id}", f"/g/c/{scene.capsule.id}/add"):
        assert scene.browser(scene.ben.token).get(path).status_code == 200, path
    assert scene.browser().get("/healthz").status_code == 200
