"""Where a bucket may be read with signed addresses, browsers are sent there, for what is open and nothing else."""

from dataclasses import replace
from urllib.parse import urlsplit
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest

from memorycapsule.services import cleanup
from memorycapsule.services.preservation import moving
from support.cast import OPENS
from support.s3_servers import S3Server, bucket_blobs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with S3Server("s3rver", tmp_path_factory.mktemp("s3rver")) as server:
        yield server


@pytest.fixture(params=[True, False], ids=["with addresses", "without"])
def has_addresses(request):
    return request.param


@pytest.fixture
def stored(scene, server, tmp_path, has_addresses):
    """The scene, with its files in a bucket."""
    there = bucket_blobs(server, tmp_path, f"scene-{uuid4()}")
    moving.copy(scene.instance.store, scene.instance.vault.blobs, there)
    vault = replace(scene.app.vault, blobs=there, has_addresses=has_addresses)
    scene.app, scene.instance = replace(scene.app, vault=vault), replace(scene.instance, vault=vault)
    scene.sites.clear()
    return scene


def open_whole(scene):
    scene.open()
    while cleanup.unseal_opened(scene.instance.store, scene.instance.vault, set(), now=OPENS):
        pass


def the_policy(browser, scene):
    return browser.get(f"/g/c/{scene.capsule.id}/photos").headers["content-security-policy"]


def test_an_open_photo_is_read_at_the_bucket_where_that_is_wanted(stored, server, has_addresses):
    open_whole(stored)
    with stored.browser(stored.ben.token) as ben:
        answer = ben.get(f"/g/m/{stored.medium_id}/display", follow_redirects=False)
        if not has_addresses:
            assert (answer.status_code, answer.content[:2]) == (200, b"\xff\xd8")
            part = ben.get(f"/g/m/{stored.medium_id}/display", headers={"Range": "bytes=1-3"})
            assert (part.status_code, part.content) == (206, answer.content[1:4])
            return
        assert answer.status_code == 307
        assert answer.headers["cache-control"] == "private, max-age=240"
        address = answer.headers["location"]
        assert address.startswith(server.endpoint)
        with urlopen(Request(address, headers={"Range": "bytes=0-1"}), timeout=10) as there:
            assert (there.status, there.read()) == (206, b"\xff\xd8")
        # A signature is for one method, and whoever saves a file wants its name.
        assert ben.head(f"/g/m/{stored.medium_id}/display", follow_redirects=False).status_code == 200
        assert ben.get(f"/g/m/{stored.medium_id}/original", follow_redirects=False).status_code == 200


def test_the_policy_of_pages_names_that_one_origin_for_pictures_and_films(stored, server, has_addresses):
    open_whole(stored)
    with stored.browser(stored.ben.token) as ben:
        policy = dict(part.strip().split(" ", 1) for part in the_policy(ben, stored).split(";"))
    more = f" {server.endpoint}" if has_addresses else ""
    assert policy["img-src"] == policy["media-src"] == f"'self' blob:{more}"
    assert urlsplit(server.endpoint).netloc not in str({**policy, "img-src": "", "media-src": ""})


def test_what_is_sealed_comes_from_us_for_its_author_and_for_nobody_else(stored):
    with stored.browser(stored.ben.token) as ben, stored.browser(stored.cleo.token) as cleo:
        own = ben.get(f"/g/m/{stored.medium_id}/display", follow_redirects=False)
        assert (own.status_code, own.headers["cache-control"]) == (200, "private, no-store")
        assert cleo.get(f"/g/m/{stored.medium_id}/display", follow_redirects=False).status_code == 404


def test_nobody_else_is_given_an_address(stored):
    open_whole(stored)
    with stored.browser(stored.cleo.token) as cleo, stored.browser() as nobody:
        for browser in (cleo, nobody):
            answer = browser.get(f"/g/m/{stored.medium_id}/display", follow_redirects=False)
            assert answer.status_code in {303, 401, 404}
            assert "X-Amz-Signature" not in str(answer.headers)


def test_a_film_is_played_from_the_bucket_and_saved_from_us(stored, server, has_addresses):
    open_whole(stored)
    film = stored.finish_film()
    with stored.browser(stored.ben.token) as ben:
        played = ben.get(f"/g/f/{film}/film.mp4", follow_redirects=False)
        saved = ben.get(f"/g/f/{film}/film.mp4?keep=true", follow_redirects=False)
    assert saved.status_code == 200
    assert "attachment" in saved.headers["content-disposition"]
    assert played.status_code == (307 if has_addresses else 200)
    if has_addresses:
        with urlopen(played.headers["location"], timeout=10) as there:
            assert there.read() == saved.content
