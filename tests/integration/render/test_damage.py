"""What is broken in the middle of a film's making: odd clips, bad segments, a worker that talks nonsense."""

import shutil
from dataclasses import replace

import pytest

from memorycapsule.domain.film.plan import Clip
from memorycapsule.errors import RenderFailed
from memorycapsule.render.worker_pool import WorkerPool

pytestmark = pytest.mark.slow

GREEN = (40, 160, 60)


def odd_clip(studio, name, *, picture_seconds, sound_seconds):
    """Return a clip whose sound goes on when its picture is over."""
    usual = studio.clip(name, GREEN, seconds=picture_seconds, sound=False)
    whole = studio.pictures / f"{name}.mp4"
    silent = whole.rename(studio.folder / "silent.mp4")
    tone = f"sine=frequency=1000:duration={sound_seconds}:sample_rate=48000"
    studio.ffmpeg("-i", str(silent), "-f", "lavfi", "-i", tone, "-c:v", "copy", "-c:a", "aac", str(whole))
    return replace(usual, duration_seconds=float(sound_seconds), has_sound=True)


@pytest.fixture(scope="module")
def shown(shared_studio):
    """A film of a photo and odd clips: the film, and what is seen."""
    studio = shared_studio
    outside = studio.clip("outside")
    shutil.move(studio.pictures / "outside.mp4", studio.folder / "outside.mp4")
    (studio.pictures / "outside.mp4").write_text(f"ffconcat version 1.0\nfile {studio.folder}/outside.mp4\n")
    pictures = [
        studio.photo("a"),
        odd_clip(studio, "over", picture_seconds=2, sound_seconds=20),
        outside,
        odd_clip(studio, "holds", picture_seconds=2, sound_seconds=4),
    ]
    return studio.film(studio.plan(pictures))


def test_a_clip_whose_picture_is_over_before_its_shot_begins_is_left_out_and_the_film_is_made(shown):
    film, decoded = shown

    assert {item.id for item in film.left_out} == {"over", "outside"}
    assert len(decoded.frames) == film.frames == film.plan.frames


def test_a_clip_whose_picture_ends_within_its_shot_holds_its_last_frame(shown):
    film, decoded = shown
    (placed,) = [placed for placed in film.plan.timeline if isinstance(placed.shot, Clip)]

    assert placed.shot.source.id == "holds"
    assert decoded.at(placed.first / 30 + 3) == pytest.approx(GREEN, abs=8)


def test_a_playlist_called_a_clip_reaches_no_other_file(shown):
    film, _ = shown

    assert "outside" in {item.id for item in film.left_out}


@pytest.mark.parametrize(
    "damage",
    [
        "empty",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("cut short", "zeros", "another file", "gone")
        ),
    ],
)
def test_a_bad_segment_is_made_again(studio, damage):
    plan = studio.plan([studio.photo(f"p{number}") for number in range(2)], segment_seconds=1.5)
    first, _ = studio.film(plan)
    bad = min((studio.folder / "workspace" / "segments").iterdir())
    data = bad.read_bytes()
    contents = {
        "empty": b"",
        "cut short": data[: len(data) // 2],
        "zeros": bytes(len(data)),
        "another file": b"no film" * 9,
    }
    bad.write_bytes(contents[damage]) if damage in contents else bad.unlink()
    second, decoded = studio.film(plan)

    assert first.segments_encoded > 1
    assert (second.segments_encoded, second.segments_reused) == (1, first.segments_encoded - 1)
    assert len(decoded.frames) == plan.frames


def test_segments_that_cannot_be_joined_are_made_again_by_the_next_try(studio):
    plan = studio.plan([studio.photo(f"p{number}") for number in range(4)], segment_seconds=1.5)
    first, _ = studio.film(plan)
    segments = studio.folder / "workspace" / "segments"
    for bad in segments.iterdir():
        # Whole boxes, and nothing in them.
        bad.write_bytes(b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\x08moov")
    with pytest.raises(RenderFailed):
        studio.film(plan)
    second, decoded = studio.film(plan)

    assert second.segments_encoded == first.segments_encoded
    assert len(decoded.frames) == plan.frames


def test_one_bad_segment_among_good_ones_is_no_short_film(studio):
    plan = studio.plan([studio.photo(f"p{number}") for number in range(4)], segment_seconds=1.5)
    first, _ = studio.film(plan)
    for bad in sorted((studio.folder / "workspace" / "segments").iterdir())[:1]:
        bad.write_bytes(b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\x08moov")
    with pytest.raises(RenderFailed):
        studio.film(plan)
    second, decoded = studio.film(plan)

    assert second.segments_encoded == first.segments_encoded
    assert len(decoded.frames) == plan.frames


def test_a_child_that_says_what_is_no_json_is_not_waited_for(studio):
    with WorkerPool(pictures=studio.pictures, workers=1) as pool:
        # Any module that prints plain words.
        child = pool._start("this")

        assert pool._messages.get(timeout=30) == (child, None)
        # Only the reader thread reads and closes the child's stdout.
        pool._readers[child].join()
        pool._children[child].stdin.close()
        assert pool._children[child].wait() == 0
