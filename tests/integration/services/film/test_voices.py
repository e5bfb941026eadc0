"""Voice notes in a story: sealed, counted, heard by those who may, and gone when they are removed."""

import io
import json

import pytest

from memorycapsule.errors import MediaRefused, NotFound
from memorycapsule.media.decoder_pool import Decoders
from memorycapsule.media.intake import memory_copy
from memorycapsule.services import cleanup, opening, reading, stories
from memorycapsule.services.mailing import composing
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import stories as story_store
from support.cast import OPENS, add_story, make_composer, make_recording
from support.moments import NOW


@pytest.fixture
def attached(stage, tmp_path):
    """Ben's story with one photo, and a voice note: (story, attached, recording)."""
    instance, recording = stage.instance, make_recording(comment="by the window")
    story = add_story(instance, stage.capsule, stage.ben.viewer, photos=1)
    (tmp_path / "work").mkdir(mode=0o700)
    with (
        Decoders(workspace=tmp_path / "work", children=1) as decoders,
        memory_copy(io.BytesIO(recording), limit_bytes=1 << 20) as upload,
    ):
        done = stories.attach(
            instance.store, instance.vault, decoders.prepare, stage.ben.viewer, story.id,
            file="grandmother.mp3", upload=upload, clock=lambda: NOW,
        )  # fmt: skip
    return story, done, recording


def file_of(stage, viewer, medium, form):
    return reading.medium_file(stage.instance.store, stage.instance.vault, viewer, medium.id, form)


def test_a_voice_note_is_heard_by_its_author_and_there_is_nothing_to_see(stage, attached):
    story, done, recording = attached
    view = reading.story(stage.instance.store, stage.instance.vault, stage.ben.viewer, story.id)
    photo, voice = view.media

    assert (photo.medium.kind, voice.medium.kind) == ("photo", "voice")
    assert (voice.details.file, voice.details.width, voice.details.has_sound) == ("grandmother.mp3", 0, True)
    assert voice.details.duration_seconds == pytest.approx(1, abs=0.1)
    with file_of(stage, stage.ben.viewer, done.medium, "original").stream as original:
        assert original.read() == recording
    note = file_of(stage, stage.ben.viewer, done.medium, "clip")
    with note.stream as stream:
        assert stream.read(12)[4:] == b"ftypM4A "
    assert (note.content_type, note.name, note.is_private) == ("audio/mp4", f"{voice.medium.id}.m4a", True)
    for form in ("display", "thumbnail"):
        with pytest.raises(NotFound):
            file_of(stage, stage.ben.viewer, done.medium, form)


def test_before_the_date_others_learn_that_there_is_one_and_no_more(stage, attached):
    _, done, _ = attached
    seen = reading.capsule(
        stage.instance.store, stage.instance.vault, stage.younghee.viewer, stage.capsule.id
    )
    counts = {one.member.name: (one.stories, one.photos, one.clips, one.voices) for one in seen.contributions}

    assert counts["Ben"] == (1, 1, 0, 1)
    assert seen.stories == []
    for form in ("original", "clip", "display"):
        for viewer in (stage.ada, stage.younghee.viewer, stage.cleo):
            with pytest.raises(NotFound):
                file_of(stage, viewer, done.medium, form)


def test_the_opening_tells_of_it_and_unseals_it(stage, attached):
    instance = stage.instance
    opening.open_due(instance.store, instance.wake, OPENS)
    with instance.store.transaction() as tx:
        opening.queue_letters(tx, instance.wake, stage.capsule.id, "none", OPENS)
        (delivery,) = [
            one for one in delivery_store.all_deliveries(tx) if one.member_id == stage.ben.member.id
        ]
        fields = json.loads(delivery.letter)
        letter = composing.compose(tx, make_composer(instance), delivery, OPENS)()
    assert (fields["photos"], fields["clips"], fields["voices"], fields["stories"]) == (1, 0, 1, 1)
    assert b"1 voice note" in letter

    while cleanup.unseal_opened(instance.store, instance.vault, set(), now=OPENS):
        pass
    with instance.store.reading() as tx:
        medium = story_store.media.get(tx, attached[1].medium.id)
    assert (medium.is_sealed, medium.display_blob, medium.thumbnail_blob) == (False, None, None)
    with file_of(stage, stage.younghee.viewer, medium, "clip").stream as stream:
        assert stream.read(12)[4:] == b"ftypM4A "


def test_a_removed_note_leaves_no_bytes(stage, attached):
    instance, before = stage.instance, stage.instance.blob_files()
    stories.remove_medium(instance.store, instance.vault, stage.ben.viewer, attached[1].medium.id, now=NOW)

    assert len(before - instance.blob_files()) == 2
    view = reading.story(instance.store, instance.vault, stage.ben.viewer, attached[0].id)
    assert [one.medium.kind for one in view.media] == ["photo"]


def test_a_recording_of_nothing_adds_nothing(stage, tmp_path):
    instance = stage.instance
    story = add_story(instance, stage.capsule, stage.ben.viewer, photos=0)
    before = instance.blob_files()
    (tmp_path / "work").mkdir(mode=0o700)
    with (
        Decoders(workspace=tmp_path / "work", children=1) as decoders,
        memory_copy(io.BytesIO(b"ID3\x04" + bytes(2000)), limit_bytes=1 << 20) as upload,
        pytest.raises(MediaRefused),
    ):
        stories.attach(
            instance.store, instance.vault, decoders.prepare, stage.ben.viewer, story.id,
            file="a.mp3", upload=upload, clock=lambda: NOW,
        )  # fmt: skip

    assert instance.blob_files() == before
