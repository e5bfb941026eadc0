"""Everything of an open capsule: each original, word and film once, under names that every computer takes."""

import dataclasses
import io
import re
import tempfile
from datetime import timedelta
from urllib.parse import unquote

import cv2
import numpy as np
import pillow_heif
import pytest

from memorycapsule.domain.file_names import safe_name, with_ending
from memorycapsule.errors import NotFound, Sealed
from memorycapsule.media.decoder_pool import Decoders
from memorycapsule.services import archive, opening, stories
from memorycapsule.store import stories as story_store
from support.cast import OPENS, add_story, attach, make_photo
from support.clip_sounds import clip_with_tones
from support.moments import NOW
from support.photo_files import by_pillow, textured


def all_of(stage, viewer=None, language="en"):
    instance = stage.instance
    return archive.of_capsule(
        instance.store, instance.vault, viewer or stage.ben.viewer, stage.capsule.id, language=language
    )


@pytest.fixture
def put_in(stage, tmp_path):
    """Put a file into a story as its decoder prepares it."""
    with Decoders(workspace=tmp_path, children=1) as decoders:

        def put_in(story, content: bytes, file: str) -> None:
            with tempfile.TemporaryFile() as upload:
                upload.write(content)
                upload.seek(0)
                stories.attach(
                    stage.instance.store,
                    stage.instance.vault,
                    decoders.prepare,
                    stage.ben.viewer,
                    story.id,
                    file=file,
                    upload=upload,
                    clock=lambda: NOW,
                )

        yield put_in


def _heic(pixels) -> bytes:
    height, width = pixels.shape[:2]
    out = io.BytesIO()
    pillow_heif.from_bytes("RGB", (width, height), pixels.tobytes()).save(out)
    return out.getvalue()


def _forget_display(stage):
    """Leave out of every medium what earlier versions did not keep."""
    instance = stage.instance
    with instance.store.transaction() as tx:
        for story in story_store.of_capsule(tx, stage.capsule.id):
            for medium in story_store.media_of(tx, story.id):
                unsealer = instance.vault.unsealer(tx, stage.capsule.id)
                older = dataclasses.replace(
                    unsealer.details_of(medium), display_bytes=0, display_width=0, display_height=0
                )
                sealed = instance.vault.sealed_details(stage.capsule, older)
                story_store.media.save(tx, dataclasses.replace(medium, details=sealed))


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


def test_every_picture_is_shown_by_what_it_is_and_not_by_its_name(stage, put_in):
    story = add_story(stage.instance, stage.capsule, stage.ben.viewer, title="x", photos=0)
    pixels = textured(96, 64)
    heic, tiff, jpeg = _heic(pixels), by_pillow(pixels, "TIFF"), by_pillow(pixels, "JPEG")
    for file, original in (
        ("IMG_1.heic", heic),
        ("scan.tif", tiff),
        ("", by_pillow(pixels, "PNG")),
        ("b.HEIC", jpeg),
    ):
        put_in(story, original, file)
    cut = by_pillow(textured(), "WEBP", quality=90)
    put_in(story, cut[: int(len(cut) * 0.9)], "cut.webp")
    open_it(stage)

    files = {kept.path.removeprefix("Summer at the Sea/"): kept for kept in all_of(stage).files}
    page = files["index.html"].content.decode()
    shown = re.findall(r'<a href="([^"]+)"><img loading=lazy src="([^"]+)"', page)

    assert shown == [
        ("01%20x/IMG_1.heic", "01%20x/shown/IMG_1.jpg"),
        ("01%20x/scan.tif", "01%20x/shown/scan.jpg"),
        ("01%20x/file.png", "01%20x/file.png"),
        ("01%20x/b.jpg", "01%20x/b.jpg"),
        ("01%20x/cut.webp", "01%20x/shown/cut.jpg"),
    ]
    assert "part of the picture is missing" in page
    assert content(files["01 x/IMG_1.heic"]) == heic
    for _original, picture in shown:
        kept = files[unquote(picture)]
        pixels = cv2.imdecode(np.frombuffer(content(kept), np.uint8), cv2.IMREAD_COLOR)
        assert pixels.shape in {(64, 96, 3), (240, 320, 3)}
        assert kept.size == len(content(kept))


@pytest.mark.slow
def test_a_clip_that_no_browser_plays_is_shown_by_its_mp4(stage, put_in, tmp_path):
    story = add_story(stage.instance, stage.capsule, stage.ben.viewer, title="x", photos=0)
    camcorder = ("-c:v", "libx264", "-mpegts_m2ts_mode", "1", "-f", "mpegts")
    original = clip_with_tones(tmp_path / "clip", 440, encoding=camcorder).read_bytes()
    phone = clip_with_tones(tmp_path / "clip.mp4", 440).read_bytes()
    put_in(story, original, "00001.MTS")
    put_in(story, phone, "phone.mp4")
    open_it(stage)

    files = {kept.path.removeprefix("Summer at the Sea/"): kept for kept in all_of(stage).files}
    page = files["index.html"].content.decode()
    shown = re.findall(r'<video controls preload=none src="([^"]+)"></video><a href="([^"]+)">', page)

    assert shown == [
        ("01%20x/shown/00001.mp4", "01%20x/00001.MTS"),
        ("01%20x/phone.mp4", "01%20x/phone.mp4"),
    ]
    assert content(files["01 x/00001.MTS"]) == original
    played = files["01 x/shown/00001.mp4"]
    assert content(played)[4:8] == b"ftyp"
    assert played.size == len(content(played))


def test_a_display_copy_whose_length_was_not_kept_is_measured(stage, put_in):
    """As of photos that came in with an earlier version."""
    story = add_story(stage.instance, stage.capsule, stage.ben.viewer, title="x", photos=0)
    put_in(story, by_pillow(textured(96, 64), "TIFF"), "a.tif")
    _forget_display(stage)
    open_it(stage)

    (kept,) = [kept for kept in all_of(stage).files if "/shown/" in kept.path]

    assert kept.size == len(content(kept)) > 500


@pytest.mark.parametrize(
    ("name", "format_", "kept"),
    [
        ("a.jpg", "JPEG", "a.jpg"),
        ("a.JPEG", "JPEG", "a.JPEG"),
        ("file", "JPEG", "file.jpg"),
        ("IMG_1.heic", "JPEG", "IMG_1.jpg"),
        ("IMG_1.png", "HEIC", "IMG_1.heic"),
        ("IMG_1.HIF", "HEIC", "IMG_1.HIF"),
        ("holiday 2024.08", "TIFF", "holiday 2024.08.tif"),
        ("clip.MOV", "MP4", "clip.MOV"),
        ("clip.jpg", "MP4", "clip.mp4"),
        ("00001.m2ts", "MTS", "00001.m2ts"),
        ("clip.mpg", "MTS", "clip.mts"),
        ("note.aac", "M4A", "note.m4a"),
        (".jpg", "PNG", ".jpg.png"),
        ("story.txt", "JPEG", "story.txt"),
        ("x", "a format of another version", "x"),
    ],
)
def test_a_name_ends_as_the_format_does(name, format_, kept):
    assert with_ending(name, format_) == kept


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
