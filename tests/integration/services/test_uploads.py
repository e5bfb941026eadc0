"""Uploads: sealed piece by piece, finished once, whatever breaks off in between."""

import dataclasses
import itertools
import json
import random
import threading
from datetime import timedelta

import pytest
from sqlmodel import col

from memorycapsule.domain.sessions import Scope
from memorycapsule.domain.uploads import UploadLimits, UploadMetadata
from memorycapsule.errors import MediaRefused, NotAllowed, NotFound, OffsetMoved, Postponed, Refusal, TooLarge
from memorycapsule.seal.envelopes import seal_bytes
from memorycapsule.services import opening, reading, stories, uploads
from memorycapsule.services.uploads import UploadStage
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import leases
from memorycapsule.store import uploads as upload_store
from memorycapsule.store.rows import UploadRow
from support.cast import OPENS, add_story, another_session, known_blob_ids, make_photo, prepare
from support.moments import NOW

LIMITS = UploadLimits(largest_file=1_000_000, most_per_member=3_000_000)


class Sending:
    """Ben sends one file."""

    def __init__(self, stage, content: bytes, *, file="pier.jpg", story=None, by=None, **about) -> None:
        self.store, self.vault = stage.instance.store, stage.instance.vault
        self.viewer = by or stage.ben.viewer
        self.story = story or add_story(stage.instance, stage.capsule, self.viewer, photos=0)
        self.content = content
        self.id = uploads.begin(
            self.store,
            self.vault,
            self.viewer,
            self.story.id,
            about=UploadMetadata(file=file, **about),
            length=len(content),
            limits=LIMITS,
            now=NOW,
        ).id

    def piece(self, start: int, end: int | None = None, *, now=NOW, by=None):
        return uploads.receive(
            self.store,
            self.vault,
            by or self.viewer,
            self.id,
            start=start,
            piece=self.content[start:end],
            now=now,
        )

    def finish(self, prepare=prepare, now=NOW, lease=None) -> uploads.UploadProgress:
        uploads.finish(self.store, self.vault, prepare, self.id, lease=lease, clock=lambda: now)
        return self.progress()

    def progress(self) -> uploads.UploadProgress:
        return uploads.progress(self.store, self.vault, self.viewer, self.id)

    def media(self) -> list:
        return reading.story(self.store, self.vault, self.viewer, self.story.id).media


def blobs(stage) -> tuple[int, int]:
    with stage.instance.store.reading() as tx:
        return len(known_blob_ids(tx)), len(stage.instance.blob_files())


def test_pieces_become_the_very_file(stage):
    jpeg = make_photo(width=640, height=480)
    cuts = [0, *sorted(random.Random(7).sample(range(1, len(jpeg)), 5)), len(jpeg)]
    sending = Sending(stage, jpeg, position=4)
    for start, end in itertools.pairwise(cuts):
        assert sending.progress().stage is UploadStage.ARRIVING
        assert sending.piece(start, end).received == end
    assert sending.progress().stage is UploadStage.WAITING

    done = sending.finish()

    (shown,) = sending.media()
    assert (done.stage, done.upload.medium_id) == (UploadStage.KEPT, shown.medium.id)
    assert (shown.medium.position, shown.details.file) == (4, "pier.jpg")
    with reading.medium_file(
        sending.store, sending.vault, sending.viewer, shown.medium.id, "original"
    ).stream as original:
        assert original.read() == jpeg
    assert blobs(stage) == (3, 3)  # original, display, thumbnail: the pieces are gone


def test_nothing_that_has_arrived_lies_open(stage):
    sending = Sending(stage, b"MARKER " * 2000, file="MARKER.jpg")
    sending.piece(0, 9000)

    for path in stage.instance.folder.rglob("*"):
        if path.is_file():
            assert b"MARKER" not in path.read_bytes(), path


def test_a_piece_that_was_cut_off_anywhere_is_neither_lost_nor_kept_twice(stage, monkeypatch):
    jpeg = make_photo(width=320, height=240)
    sending = Sending(stage, jpeg)
    sending.piece(0, 1000)

    def dies(*_):
        raise KeyboardInterrupt

    # Between the bytes on the disk and their row.
    with monkeypatch.context() as patched:
        patched.setattr(upload_store.parts, "add", dies)
        with pytest.raises(KeyboardInterrupt):
            sending.piece(1000, 2000)
    assert sending.progress().upload.received == 1000
    assert blobs(stage) == (1, 1)

    # The answer was lost: the sender sends the piece again, and is told where it stands.
    sending.piece(1000, 2000)
    with pytest.raises(OffsetMoved):
        sending.piece(1000, 2000)
    sending.piece(2000)

    # While it is being made a medium, and just before that is written.
    def breaks(_upload):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sending.finish(prepare=breaks)
    with monkeypatch.context() as patched:
        patched.setattr(upload_store, "remove_parts", dies)
        with pytest.raises(KeyboardInterrupt):
            sending.finish()
    assert (sending.progress().stage, sending.media()) == (UploadStage.WAITING, [])
    assert uploads.unfinished_ids(sending.store) == [sending.id]

    assert sending.finish().stage is UploadStage.KEPT
    assert sending.finish().stage is UploadStage.KEPT
    assert len(sending.media()) == 1
    assert uploads.unfinished_ids(sending.store) == []
    assert blobs(stage) == (3, 3)


@pytest.mark.parametrize("start", [999, 1001])
def test_a_piece_that_leaves_a_gap_or_overlaps_is_refused_and_nothing_of_it_is_kept(stage, start):
    jpeg = make_photo(width=320, height=240)
    sending = Sending(stage, jpeg)
    sending.piece(0, 1000)

    with pytest.raises(OffsetMoved):
        sending.piece(start, 1500)
    assert sending.progress().upload.received == 1000
    assert blobs(stage) == (1, 1)

    sending.piece(1000)
    sending.finish()
    (shown,) = sending.media()
    with reading.medium_file(
        sending.store, sending.vault, sending.viewer, shown.medium.id, "original"
    ).stream as original:
        assert original.read() == jpeg


def test_finishing_at_the_same_time_makes_one_medium(stage):
    sending = Sending(stage, make_photo())
    sending.piece(0)
    both = threading.Barrier(2)

    def at_once(upload):
        both.wait(10)
        return prepare(upload)

    threads = [threading.Thread(target=sending.finish, args=(at_once,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (sending.progress().stage, len(sending.media())) == (UploadStage.KEPT, 1)
    assert blobs(stage) == (3, 3)


def test_of_two_nodes_one_reads_a_file(stage_on_both):
    sending = Sending(stage_on_both, make_photo())
    sending.piece(0)
    read = []

    def read_while_another_tries(upload):
        read.append("one node")
        sending.finish(lambda upload: read.append("another node") or prepare(upload), lease="another node")
        return prepare(upload)

    assert sending.finish(read_while_another_tries, lease="one node").stage is UploadStage.KEPT
    assert (read, len(sending.media()), blobs(stage_on_both)) == (["one node"], 1, (3, 3))


def test_a_file_whose_node_is_gone_is_read_by_another_one_in_the_end(stage_on_both):
    sending = Sending(stage_on_both, make_photo())
    sending.piece(0)
    with sending.store.transaction() as tx:
        assert upload_store.claim(tx, sending.id, "a node that is killed")
    assert sending.finish(lease="another node").stage is UploadStage.WAITING

    with sending.store.transaction() as tx:
        expired = leases.instant(tx) - timedelta(seconds=1)
        upload_store.uploads.change(tx, col(UploadRow.id) == sending.id, leased_until=expired)

    assert sending.finish(lease="another node").stage is UploadStage.KEPT
    assert blobs(stage_on_both) == (3, 3)


def test_a_file_that_could_not_be_read_is_not_kept_from_others(stage_on_both):
    sending = Sending(stage_on_both, make_photo())
    sending.piece(0)

    def is_busy(_upload):
        raise Postponed("machine_exhausted")

    with pytest.raises(Postponed):
        sending.finish(is_busy, lease="one node")

    assert sending.finish(lease="another node").stage is UploadStage.KEPT


def test_the_same_file_is_recognised_and_another_kind_refused(stage):
    jpeg = make_photo()
    first = Sending(stage, jpeg)
    again = Sending(stage, jpeg, story=first.story, file="again.jpg")
    other = Sending(stage, b"%PDF-1.7", story=first.story, file="MARKER.pdf")
    for one in (first, again, other):
        one.piece(0)
    first.finish()

    def refuses(_upload):
        raise MediaRefused(Refusal.PDF)

    duplicate, refused = again.finish(), other.finish(prepare=refuses)

    assert (duplicate.stage, duplicate.upload.medium_id) == (
        UploadStage.DUPLICATE,
        first.progress().upload.medium_id,
    )
    assert (refused.stage, refused.refusal.refusal) == (UploadStage.REFUSED, Refusal.PDF)
    assert b"pdf" not in refused.upload.refusal
    assert len(first.media()) == 1
    assert blobs(stage) == (3, 3)

    stories.remove_medium(first.store, first.vault, first.viewer, duplicate.upload.medium_id, now=NOW)
    assert first.progress().stage is UploadStage.REMOVED
    assert uploads.unfinished_ids(first.store) == []


def test_only_the_session_that_began_goes_on(stage):
    sending = Sending(stage, make_photo())
    strangers = [
        stage.instance.ada,
        stage.cleo,
        another_session(stage.instance, stage.ben.member.account_id, is_proved=True),
    ]
    for stranger in strangers:
        with pytest.raises(NotFound):
            sending.piece(0, by=stranger)
        with pytest.raises(NotFound):
            uploads.progress(sending.store, sending.vault, stranger, sending.id)
        with pytest.raises(NotFound):
            uploads.cancel(sending.store, sending.vault, stranger, sending.id, now=NOW)
    for stranger in strangers[:2]:
        with pytest.raises(NotFound):
            Sending(stage, b"x", story=sending.story, by=stranger)
    reader = dataclasses.replace(stage.ben.viewer, scope=Scope.READ)
    with pytest.raises(NotAllowed):
        sending.piece(0, by=reader)


def test_how_much_may_come(stage):
    story = add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=0)
    with pytest.raises(TooLarge):
        Sending(stage, bytes(1_000_001), story=story)
    assert Sending(stage, b"", story=story).progress().stage is UploadStage.REFUSED
    held = [Sending(stage, bytes(1_000_000), story=story) for _ in range(3)]
    with pytest.raises(TooLarge) as raised:
        Sending(stage, b"x", story=story)
    assert (raised.value.reason, raised.value.values) == (Refusal.QUOTA_FULL, {"gigabytes": 0.003})

    # Each of them is told with all that was left out, however often its page is looked at, and takes no room.
    left_out = uploads.of_story(held[0].store, held[0].vault, held[0].viewer, story.id)
    refused = [one.refusal for one in left_out if one.stage is UploadStage.REFUSED]
    assert [(one.refusal, dict(one.values)) for one in refused] == [
        (Refusal.FILE_TOO_LARGE, {"megabytes": 1}),
        (Refusal.EMPTY, {}),
        (Refusal.QUOTA_FULL, {"gigabytes": 0.003}),
    ]
    uploads.cancel(held[0].store, held[0].vault, held[0].viewer, held[0].id, now=NOW)
    small = Sending(stage, b"123", story=story)
    with pytest.raises(TooLarge):
        uploads.receive(small.store, small.vault, small.viewer, small.id, start=0, piece=b"1234", now=NOW)


def test_nothing_comes_in_after_the_date(stage):
    late, whole = Sending(stage, make_photo()), Sending(stage, make_photo())
    whole.piece(0)

    with pytest.raises(NotAllowed):
        late.piece(0, now=OPENS)
    with pytest.raises(NotAllowed):
        whole.finish(now=OPENS)
    assert whole.progress().stage is UploadStage.WAITING, "the clock may be ahead"
    opening.open_due(stage.instance.store, stage.instance.wake, OPENS)
    done = whole.finish(now=OPENS)

    assert done.stage is UploadStage.REFUSED
    assert done.refusal.refusal is Refusal.STORIES_TOO_LATE


def test_a_whole_file_outlives_a_clock_that_is_past_the_date(stage):
    whole = Sending(stage, make_photo())
    whole.piece(0)

    with pytest.raises(NotAllowed):
        whole.finish(now=OPENS + timedelta(days=2190))

    assert whole.finish().stage is UploadStage.KEPT


def test_a_refusal_that_an_older_version_sealed_is_read_and_sealed_anew(stage):
    """Older versions sealed a bare sentence; no migration has the key."""
    sending = Sending(stage, b"")
    with sending.store.transaction() as tx:
        upload = upload_store.uploads.get(tx, sending.id)
        capsule = capsule_store.capsules.get(tx, upload.capsule_id)
        old = seal_bytes(b"is a PDF, not a photo or clip.", capsule.recipient)
        upload_store.uploads.save(tx, dataclasses.replace(upload, refusal=old))

    for read in (
        sending.progress,
        lambda: uploads.of_story(sending.store, sending.vault, sending.viewer, sending.story.id)[0],
    ):
        shown = read()
        assert shown.stage is UploadStage.REFUSED
        assert shown.refusal.refusal is Refusal.OTHER
        assert shown.refusal.values == {"sentence": "is a PDF, not a photo or clip."}

    with sending.store.reading() as tx:
        kept = upload_store.uploads.get(tx, sending.id)
        plain = sending.vault.unsealer(tx, kept.capsule_id).refusal_of(kept)
    assert json.loads(plain) == {
        "code": "other",
        "values": {"sentence": "is a PDF, not a photo or clip."},
    }
    assert (kept.changed_at, kept.about) == (upload.changed_at, upload.about)


def test_what_nobody_finishes_is_forgotten_after_a_week(stage):
    cut, kept = Sending(stage, make_photo()), Sending(stage, make_photo())
    cut.piece(0, 100)
    kept.piece(0)
    kept.finish()
    before = blobs(stage)

    assert uploads.expire(cut.store, cut.vault, now=NOW + timedelta(days=6)) == 0
    assert uploads.expire(cut.store, cut.vault, now=NOW + timedelta(days=8)) == 2

    assert len(kept.media()) == 1
    assert blobs(stage) == (before[0] - 1, before[1] - 1)
    with pytest.raises(NotFound):
        cut.piece(100)


def test_what_is_whole_waits_however_long_to_become_a_medium(stage):
    """Its sender was told that it has arrived, and the machine may have been off, or busy, ever since."""
    sending = Sending(stage, make_photo())
    sending.piece(0)

    assert uploads.expire(sending.store, sending.vault, now=NOW + timedelta(days=400)) == 0

    assert sending.finish(now=NOW + timedelta(days=1)).stage is UploadStage.KEPT


def test_a_story_takes_what_is_still_coming_along(stage):
    sending = Sending(stage, make_photo())
    sending.piece(0)
    stories.remove(sending.store, sending.vault, sending.viewer, sending.story.id, now=NOW)

    uploads.finish(sending.store, sending.vault, prepare, sending.id, clock=lambda: NOW)

    assert blobs(stage) == (0, 0)
