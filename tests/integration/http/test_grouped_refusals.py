"""Files that were left out: each reason once with all its files, the limit, and the room that is left."""

import re

import pytest

from memorycapsule.domain.uploads import UploadLimits, UploadMetadata
from memorycapsule.errors import TooLarge
from memorycapsule.services import uploads
from memorycapsule.words.counts import size_in_words

LIMITS = UploadLimits(largest_file=3_000_000, most_per_member=20_000_000_000)


def announce(scene, file: str, length: int, limits: UploadLimits = LIMITS) -> None:
    uploads.begin(
        scene.instance.store,
        scene.instance.vault,
        scene.ben.viewer,
        scene.story.id,
        about=UploadMetadata(file=file),
        length=length,
        limits=limits,
        now=scene.time.now,
    )


def pages_of(scene) -> list[str]:
    browser = scene.browser(scene.ben.token)
    return [
        browser.get(f"/g/c/{scene.capsule.id}/{page}?story={scene.story.id}").text
        for page in ("thanks", "add")
    ]


def test_a_reason_is_said_once_for_all_its_files_with_the_limit(scene):
    for number in range(28):
        with pytest.raises(TooLarge):
            announce(scene, f"IMG_{number:04}.jpg", 4_000_000)
    announce(scene, "empty.jpg", 0)

    for page in pages_of(scene):
        shown = re.sub(r'data-reason="[^"]*"', "", page)
        assert shown.count("This is larger than 3 MB, so we left it out.") == 1
        assert all(f"IMG_{number:04}.jpg" in page for number in range(28))
        assert "empty.jpg" in page
    thanks = pages_of(scene)[0]
    assert "We left 29 files out" in thanks
    assert re.search(r"<summary>28 files</summary>", thanks)


def test_the_room_that_is_left_is_said_where_it_matters(scene):
    for page in pages_of(scene):
        assert "There is room for" not in page
    with pytest.raises(TooLarge):
        announce(scene, "film.mov", 1_000, UploadLimits(largest_file=3_000_000, most_per_member=500))

    for page in pages_of(scene):
        assert "There is no more room for it" in page
        assert "too large" not in page.partition('<script type="application/json"')[0]
        assert "There is room for 19 GB more; each person can put in 20 GB." in page


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (0, "0 MB"),
        (340_000, "0.3 MB"),
        (3_000_000, "3 MB"),
        (999_999_999, "999 MB"),
        (1_000_000_000, "1 GB"),
        (1_590_000_000, "1.5 GB"),
        (19_990_000_000, "19 GB"),
        (20_000_000_000, "20 GB"),
        (2_000_000_000_000, "2,000 GB"),
    ],
)
def test_a_size_is_said_in_a_unit_that_it_fills_and_never_more_than_it_is(size, said):
    assert size_in_words(size) == said
