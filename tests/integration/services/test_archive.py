"""Everything of an open capsule: each original, word and film once, under names that every computer takes."""

from datetime import timedelta

import pytest

from memorycapsule.domain.file_names import safe_name
from memorycapsule.errors import NotFound, Sealed
from memorycapsule.services import archive, opening, stories
from support.cast import OPENS, add_story, attach, make_photo
from support.moments import NOW


def all_of(stage, viewer=None, language="en"):
    instance = stage.instance
    return archive.of_capsule(
        instance.store, instance.vault, viewer or stage.ben.viewer, stage.capsule.id, language=language
    )


def open_it(stage):
    opening.open_if_due(stage.instance.store, stage.instance.wake, stage.capsule.id, OPENS)


def content(kept) -> bytes:
    if kept.open is None:
        return kept.content
    with kept.open() as stream:
        return stream.read()


def test_originals_come_as_they_were_given_in_a_folder_for_each_story(stage):
    first, second = make_photo(), make_photo()
    story = add_story(
        stage.instance, stage.capsule, stage.ben.viewer, title="바다", text="It rained.", photos=0
    )
    for jpeg, file in ((first, "IMG.jpg"), (second, "img.JPG")):
        attach(stage.instance, stage.ben.viewer, story, jpeg, file=file)
    add_story(
        stage.instance, stage.capsule, stage.younghee.viewer, title="a/b: c?", now=NOW + timedelta(hours=1)
    )
    open_it(stage)

    files = {kept.path: kept for kept in all_of(stage).files}

    assert content(files["Summer at the Sea/01 바다/IMG.jpg"]) == first
    assert content(files["Summer at the Sea/01 바다/img (2).JPG"]) == second
    assert b"It rained." in content(files["Summer at the Sea/01 바다/story.txt"])
    assert "Summer at the Sea/02 a b c/photo-0.jpg" in files
    assert all(kept.size == len(content(kept)) for kept in files.values())


def test_the_page_inside_shows_what_people_wrote_and_runs_none_of_it(stage):
    story = add_story(
        stage.instance,
        stage.capsule,
        stage.ben.viewer,
        title="<script>x</script>",
        text="<img src=x>",
        photos=0,
    )
    attach(stage.instance, stage.ben.viewer, story, make_photo(), file='"><script>.jpg')
    open_it(stage)

    (page,) = [kept for kept in all_of(stage).files if kept.path.endswith("/index.html")]
    html = page.content.decode()

    assert "<script" not in html
    assert "&lt;script&gt;x&lt;/script&gt;" in html
    assert "<img src=x>" not in html
    assert all("script.jpg" in kept.path for kept in all_of(stage).files if kept.path.endswith(".jpg"))


def test_before_the_date_and_to_strangers_there_is_nothing(stage):
    add_story(stage.instance, stage.capsule, stage.ben.viewer)
    with pytest.raises(Sealed):
        all_of(stage)
    open_it(stage)
    with pytest.raises(NotFound):
        all_of(stage, stage.cleo)


def test_a_story_called_like_its_own_text_takes_nothing_of_its_place(stage):
    story = stories.add(
        stage.instance.store, stage.instance.vault, stage.ben.viewer, stage.capsule.id,
        title="films", text="x", now=OPENS.replace(year=2000),
    )  # fmt: skip
    attach(stage.instance, stage.ben.viewer, story, make_photo(), file="story.txt")
    open_it(stage)

    paths = [kept.path for kept in all_of(stage).files]

    assert len(paths) == len(set(paths))
    assert "Summer at the Sea/01 films/story (2).txt" in paths


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "etc passwd"),
        ("C:\\a\\b.jpg", "C a b.jpg"),
        ("할머니 팔순.jpg", "할머니 팔순.jpg"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("evil\u202egpj.exe", "evilgpj.exe"),
        (" . ", "file"),
        ("trailing. ", "trailing"),
        ("x" * 300 + ".heic", "x" * 54 + ".heic"),
        ("a\0b\nc", "ab c"),
    ],
)
def test_any_name_becomes_one_that_every_computer_takes(given, kept):
    assert safe_name(given) == kept
