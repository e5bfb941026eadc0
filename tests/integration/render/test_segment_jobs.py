"""Segments of a film, made by themselves: they are what the whole film would have made."""

import hashlib
import shutil

import pytest

from memorycapsule.domain.film.plan import Clip, Photo
from memorycapsule.errors import RenderFailed
from memorycapsule.render.segment_jobs import render_segment, survey

COLOURS = [(200, 40, 40), (40, 160, 60), (40, 60, 200), (200, 160, 60)]


@pytest.fixture
def plan(studio):
    return plan_of(studio, COLOURS)


def plan_of(studio, colours):
    pictures = [studio.photo(f"p{number}", colour) for number, colour in enumerate(colours)]
    return studio.plan([*pictures, studio.clip("clip", seconds=1.5)], segment_seconds=1.5)


def digests_of(studio):
    return {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in studio.pictures.iterdir()}


def make(studio, plan, segment, digests, pictures=None):
    folder = studio.folder / "workspace" / "segments"
    folder.mkdir(parents=True, exist_ok=True)
    return render_segment(
        plan,
        segment.name,
        pictures=pictures or studio.pictures,
        out=folder / f"{segment.name}.mp4",
        digests=digests,
        key=b"key",
        on_progress=lambda _: None,
    )


def test_a_film_is_joined_of_segments_made_one_by_one_each_from_its_own_pictures(studio, plan):
    digests = digests_of(studio)
    found = survey(plan, pictures=studio.folder / "nowhere", digests=digests, key=b"key")
    files = {source.id: source.file for source in plan.sources}
    assert len(found.segments) > 2
    for segment in found.segments:
        own = studio.folder / "own"
        own.mkdir()
        for picture in segment.pictures:
            shutil.copy(studio.pictures / files[picture], own)
        assert make(studio, plan, segment, digests, own) == []
        shutil.rmtree(own)
    for name in set(files) - set(found.always_needed):
        (studio.pictures / files[name]).unlink()
    film, decoded = studio.film(plan, digests=digests)

    assert (film.segments_encoded, film.segments_reused) == (0, len(found.segments))
    assert film.left_out == ()
    assert len(decoded.frames) == plan.frames
    assert "clip" in found.always_needed, "it is heard"
    assert {
        source.id for shot in plan.shots if isinstance(shot, Photo | Clip) for source in [shot.source]
    } == {picture for segment in found.segments for picture in segment.pictures}


def test_a_survey_reads_pictures_whose_digests_are_not_given(studio, plan):
    with_digests = survey(plan, pictures=studio.folder, digests=digests_of(studio), key=b"key")

    assert survey(plan, pictures=studio.pictures, digests={}, key=b"key") == with_digests
    assert (
        survey(plan, pictures=studio.pictures, digests={}, key=b"another").segments != with_digests.segments
    )


def test_a_broken_picture_is_named_and_nothing_is_made(studio, plan):
    digests = digests_of(studio)
    (studio.pictures / "p1.jpg").write_bytes(b"\xff\xd8 broken")
    found = survey(plan, pictures=studio.pictures, digests=digests, key=b"key")
    segment = next(segment for segment in found.segments if "p1" in segment.pictures)

    (left_out,) = make(studio, plan, segment, digests)
    assert left_out.id == "p1"
    assert (left_out.error.reason, left_out.error.values) == ("film_photo_unreadable", {"file": "p1.jpg"})
    assert list((studio.folder / "workspace" / "segments").iterdir()) == []


def test_a_segment_that_the_film_does_not_have_is_refused(studio, plan):
    found = survey(plan, pictures=studio.pictures, digests={}, key=b"key")

    with pytest.raises(RenderFailed):
        make(studio, plan, found.segments[0], digests_of(studio) | {"p0": "another"})


@pytest.mark.slow
def test_only_pictures_of_missing_segments_are_probed_and_a_broken_one_moves_the_cuts(studio):
    plan = plan_of(studio, COLOURS * 2)
    film, _ = studio.film(plan)
    digests = digests_of(studio)
    found = survey(plan, pictures=studio.pictures, digests=digests, key=b"key")
    segment = next(
        segment for segment in found.segments if "p6" in segment.pictures and "p0" not in segment.pictures
    )
    assert "p0" not in found.always_needed
    for name in ("p0", "p6"):
        (studio.pictures / f"{name}.jpg").write_bytes(b"\xff\xd8 broken since then")
    (studio.folder / "workspace" / "segments" / f"{segment.name}.mp4").unlink()
    again, decoded = studio.film(plan, digests=digests)

    assert [item.id for item in again.left_out] == ["p6"], "p0 stands in what is there"
    assert 1 <= again.segments_encoded < film.segments_encoded
    assert len(decoded.frames) == again.frames == again.plan.frames
