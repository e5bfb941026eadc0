"""A tunnel that takes no body of more than 100 MB, as some that are rented do: files of any size come through it."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

from support.cast import make_photo
from support.clip_sounds import large_clip
from support.distant import distantly, token_of
from support.household import Household
from support.proxies import Tunnel, tunnel, tunnel_to
from support.servers import free_port

pytestmark = pytest.mark.slow

MOST_BYTES = 100_000_000
CLIP_BYTES = 250_000_000


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Household:
    return Household(tmp_path_factory.mktemp("household"))


@pytest.fixture(scope="module")
def line(house, tmp_path_factory) -> Iterator[Tunnel]:
    with tunnel(tmp_path_factory.mktemp("tunnel"), house, most_bytes=MOST_BYTES) as line:
        yield line


@pytest.fixture(scope="module")
def cleos(house) -> str:
    """The token of Cleo, who is in the capsule `summer`."""
    house.capsule(opens_in=timedelta(days=1000), photos=0)
    return token_of(house, "summer", "Cleo")


def test_the_command_sends_a_clip_of_250_megabytes_through_a_tunnel_that_takes_100(
    house, line, cleos, tmp_path
):
    clip = large_clip(tmp_path / "pier.mp4", CLIP_BYTES)

    done = distantly(line.url, cleos, "story", "add", "summer", "--title", "Pier", clip, home=tmp_path)

    assert done.returncode == 0, done.stderr
    (medium,) = json.loads(done.stdout)["media"]
    assert medium["bytes"] == CLIP_BYTES
    pieces = [(length, status) for method, length, status in line.requests if method == "PATCH"]
    assert {status for _length, status in pieces} == {204}
    assert sum(length for length, _status in pieces) > CLIP_BYTES
    assert max(length for length, _status in pieces) < 6_000_000


def test_a_piece_that_the_tunnel_refuses_is_lost_alone_and_the_upload_goes_on(line, house, cleos):
    """Also shows that the tunnel does refuse what is too large."""
    (story,) = (one["id"] for one in house.run("story", "list", "summer", token=cleos)["stories"])
    said = {"filename": "pier.jpg", "story": story}
    metadata = ",".join(f"{key} {base64.b64encode(text.encode()).decode()}" for key, text in said.items())
    who = {"authorization": f"Bearer {cleos}", "tus-resumable": "1.0.0"}
    piece = {"content-type": "application/offset+octet-stream", "upload-offset": "0"}
    with httpx.Client(base_url=line.url, headers=who, timeout=60) as client:
        begun = client.post(
            "/api/v1/uploads", headers={"upload-length": str(CLIP_BYTES), "upload-metadata": metadata}
        )
        place = begun.headers["location"]
        refused = client.patch(place, content=bytes(MOST_BYTES + 1), headers=piece)
        taken = client.patch(place, content=bytes(1_000_000), headers=piece)

    assert (begun.status_code, refused.status_code) == (201, 413)
    assert (taken.status_code, taken.headers["upload-offset"]) == (204, "1000000")


def test_a_proxy_that_takes_less_than_a_piece_is_named(line, cleos, tmp_path):
    photo = tmp_path / "pier.jpg"
    photo.write_bytes(make_photo(width=640, height=480) + bytes(2_000_000))
    with tunnel_to(line.inner, tmp_path, free_port(), most_bytes=1_000_000) as narrow:
        done = distantly(narrow.url, cleos, "story", "add", "summer", "--title", "Pier", photo, home=tmp_path)

    assert (done.returncode, json.loads(done.stdout)["error"]["reason"]) == (1, "distant_body_refused")
    assert "refuses requests as large as this one (2 MB)" in json.loads(done.stdout)["error"]["message"]
