"""The page sends a large clip through a tunnel that takes no body of more than 100 MB, in a real browser."""

from datetime import timedelta

import pytest

from support.clip_sounds import large_clip
from support.distant import token_of
from support.household import Household
from support.proxies import tunnel

pytestmark = pytest.mark.slow

CLIP_BYTES = 250_000_000


def test_the_page_sends_a_clip_of_250_megabytes_through_a_tunnel_that_takes_100(chromium, tmp_path):
    house = Household(tmp_path / "household")
    capsule = house.capsule(opens_in=timedelta(days=1000), photos=0)
    token = token_of(house, capsule, "Cleo")
    clip = large_clip(tmp_path / "pier.mp4", CLIP_BYTES)
    with tunnel(tmp_path, house, most_bytes=100_000_000) as line, chromium.new_context() as context:
        context.add_cookies([{"name": "capsule", "value": token, "url": line.url}])
        page = context.new_page()
        page.goto(f"{line.url}/g/c/{capsule}/add")
        page.locator("#title").fill("Pier")
        page.set_input_files("#files", clip)
        page.locator(".tile.kept").wait_for(timeout=120_000)

        (story,) = house.run("story", "list", capsule, token=token)["stories"]
        (medium,) = story["media"]
        assert medium["bytes"] == CLIP_BYTES
        pieces = [(length, status) for method, length, status in line.requests if method == "PATCH"]
    assert {status for _length, status in pieces} == {204}
    assert sum(length for length, _status in pieces) > CLIP_BYTES
    assert max(length for length, _status in pieces) < 6_000_000
