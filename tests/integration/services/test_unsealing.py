"""Nothing is decrypted while a transaction is open: it takes long, and others wait for the database meanwhile."""

import contextlib
import sys

import pytest
from sqlalchemy import event

from memorycapsule.domain.film.montages import queued_montage
from memorycapsule.domain.film.sizes import Size
from memorycapsule.domain.uploads import UploadLimits, UploadMetadata
from memorycapsule.seal import envelopes
from memorycapsule.services import cleanup, opening, reading, stories, uploads
from memorycapsule.services.film import material
from support.cast import OPENS, add_story, attach, make_photo, prepare
from support.moments import NOW

DECRYPTING = {
    function.__code__: function.__name__
    for function in (envelopes.unseal_bytes, envelopes.unseal_stream, envelopes.unwrap)
}
PHOTO = make_photo(731)
LIMITS = UploadLimits(largest_file=1_000_000, most_per_member=3_000_000)


@contextlib.contextmanager
def watched(store):
    """What is decrypted meanwhile, as (function, how many transactions are open)."""
    seen, is_open = [], []

    def note(frame, what, _argument):
        if what == "call" and frame.f_code in DECRYPTING:
            seen.append((DECRYPTING[frame.f_code], len(is_open)))

    def begin(_connection):
        is_open.append(True)

    def end(_connection):
        is_open.pop()

    for name, listener in (("begin", begin), ("commit", end), ("rollback", end)):
        event.listen(store.engine, name, listener)
    sys.setprofile(note)
    try:
        yield seen
    finally:
        sys.setprofile(None)
        for name, listener in (("begin", begin), ("commit", end), ("rollback", end)):
            event.remove(store.engine, name, listener)


def read(stage, story, _medium):
    reading.capsule(stage.instance.store, stage.instance.vault, stage.ben.viewer, stage.capsule.id)
    reading.stories(stage.instance.store, stage.instance.vault, stage.ben.viewer, stage.capsule.id)
    reading.story(stage.instance.store, stage.instance.vault, stage.ben.viewer, story.id)


def look_at(stage, _story, medium):
    store, vault, viewer = stage.instance.store, stage.instance.vault, stage.ben.viewer
    reading.medium(store, vault, viewer, medium.id)
    reading.medium_file(store, vault, viewer, medium.id, "original").stream.close()


def edit(stage, story, medium):
    store, vault, viewer = stage.instance.store, stage.instance.vault, stage.ben.viewer
    stories.edit(store, vault, viewer, story.id, title="Anew", captions={medium.id: "At noon"}, now=NOW)


def attach_again(stage, story, _medium):
    assert attach(stage.instance, stage.ben.viewer, story, PHOTO).is_duplicate


def remove(stage, story, _medium):
    stories.remove(stage.instance.store, stage.instance.vault, stage.ben.viewer, story.id, now=NOW)


def upload(stage, story, _medium):
    store, vault, viewer, photo = stage.instance.store, stage.instance.vault, stage.ben.viewer, PHOTO
    about = UploadMetadata(file="pier.jpg")
    sent = uploads.begin(
        store, vault, viewer, story.id, about=about, length=len(photo), limits=LIMITS, now=NOW
    )
    uploads.receive(store, vault, viewer, sent.id, start=0, piece=photo, now=NOW)
    uploads.finish(store, vault, prepare, sent.id, clock=lambda: NOW)
    (progress,) = uploads.of_story(store, vault, viewer, story.id)
    assert progress.stage is uploads.UploadStage.DUPLICATE


def unseal(stage, _story, _medium):
    opening.open_due(stage.instance.store, stage.instance.wake, OPENS)
    assert cleanup.unseal_opened(stage.instance.store, stage.instance.vault, set(), now=OPENS) > 1


def plan(stage, _story, _medium):
    film = queued_montage(
        montage_id="",
        capsule_id=stage.capsule.id,
        member_id=None,
        story_ids=(),
        soundtrack_blob=None,
        now=NOW,
    )
    size = Size(width=320, height=180)
    assert material.fingerprint(stage.instance.store, stage.instance.vault, film, size=size, fps=10)


@pytest.mark.parametrize(
    "work", [read, look_at, edit, attach_again, remove, upload, unseal, plan], ids=lambda work: work.__name__
)
def test_nothing_is_decrypted_inside_a_transaction(stage, work):
    story = add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=[PHOTO])
    (medium,) = reading.story(stage.instance.store, stage.instance.vault, stage.ben.viewer, story.id).media

    with watched(stage.instance.store) as decrypted:
        work(stage, story, medium.medium)

    assert decrypted
    assert [name for name, transactions in decrypted if transactions] == []


@pytest.mark.parametrize("is_open", [False, True], ids=["before the date", "after it"])
def test_a_large_file_is_unsealed_once_for_all_its_pieces(stage, is_open):
    """A browser asks for a clip piece by piece."""
    large = PHOTO + bytes(2_000_000)
    story = add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=0)
    medium = attach(stage.instance, stage.ben.viewer, story, large).medium
    if is_open:
        opening.open_due(stage.instance.store, stage.instance.wake, OPENS)
    with watched(stage.instance.store) as seen:
        for start in range(0, len(large), 500_000):
            file = reading.medium_file(
                stage.instance.store, stage.instance.vault, stage.ben.viewer, medium.id, "original"
            )
            with file.stream:
                file.stream.seek(start)
                assert file.stream.read(500_000) == large[start : start + 500_000]

    assert [what for what, _ in seen].count("unseal_stream") == 1
