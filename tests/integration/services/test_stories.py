"""Stories: sealed on arrival, whole or not at all, changed by their author only and until the date only."""

import errno
import io
import os
import subprocess
import sys
import threading
from datetime import timedelta

import pytest

from memorycapsule.disk import MARGIN_BYTES
from memorycapsule.domain.capsules import Role
from memorycapsule.domain.uploads import UploadLimits
from memorycapsule.errors import (
    CapsuleError,
    DiskFull,
    MediaRefused,
    NotAllowed,
    NotFound,
    Refusal,
    Sealed,
    UsageProblem,
)
from memorycapsule.media.decoder_pool import Decoders
from memorycapsule.services import opening, reading, stories
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import stories as story_store
from support import cast
from support.cast import OPENS, add_story, another_session, attach, join, known_blob_ids, make_photo, prepare
from support.moments import NOW
from support.refusals import file_refused, refused


def stored(instance, capsule):
    """How many stories, media and blob rows a capsule has, and how many blob files there are."""
    with instance.store.reading() as tx:
        return (
            len(story_store.of_capsule(tx, capsule.id)),
            len(story_store.media_of_capsule(tx, capsule.id)),
            len(known_blob_ids(tx)),
            len(instance.blob_files()),
        )


def edit(stage, viewer, story, now=NOW, **words):
    return stories.edit(stage.instance.store, stage.instance.vault, viewer, story.id, now=now, **words)


def remove(stage, viewer, story, now=NOW):
    stories.remove(stage.instance.store, stage.instance.vault, viewer, story.id, now=now)


def media_of(stage, story):
    with stage.instance.store.reading() as tx:
        return story_store.media_of(tx, story.id)


def test_a_photo_comes_back_byte_for_byte_for_its_author(stage):
    jpeg = make_photo(comment="pier")
    story = add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=[jpeg])

    view = reading.story(stage.instance.store, stage.instance.vault, stage.ben.viewer, story.id)
    (shown,) = view.media
    with reading.medium_file(
        stage.instance.store, stage.instance.vault, stage.ben.viewer, shown.medium.id, "original"
    ).stream as original:
        assert original.read() == jpeg
    assert (view.words.title, view.words.text) == ("At the pier", "We stayed until dark.")
    assert (shown.details.file, shown.details.width, shown.details.height) == ("photo-0.jpg", 64, 48)
    assert stage.instance.events(stage.capsule.id)[-2:] == ["story.added", "medium.attached"]


def test_real_decoders_prepare_what_is_attached(stage, tmp_path):
    instance = stage.instance
    story = add_story(instance, stage.capsule, stage.ben.viewer, photos=0)
    path = tmp_path / "a.jpg"
    path.write_bytes(make_photo(width=640, height=480))
    (tmp_path / "work").mkdir(mode=0o700)
    with Decoders(workspace=tmp_path / "work", children=1) as decoders:

        def attach_file(name, file):
            with file.open("rb") as upload:
                return stories.attach(
                    instance.store, instance.vault, decoders.prepare, stage.ben.viewer, story.id, file=name,
                    upload=upload, clock=lambda: NOW,
                )  # fmt: skip

        attached = attach_file("a.jpg", path)
        before = stored(instance, stage.capsule)
        refused = tmp_path / "b.jpg"
        refused.write_bytes(path.read_bytes()[:300])
        with pytest.raises(MediaRefused):
            attach_file("b.jpg", refused)

    assert (attached.details.width, attached.details.height, attached.details.format) == (640, 480, "JPEG")
    assert stored(instance, stage.capsule) == before == (1, 1, 3, 3), "a refused file leaves nothing"


def test_the_same_file_twice_in_a_story_is_one_photo(stage):
    jpeg, another = make_photo(), make_photo()
    story = add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=[jpeg])
    before = stored(stage.instance, stage.capsule)

    again = attach(stage.instance, stage.ben.viewer, story, jpeg, file="copy.jpg")

    assert again.is_duplicate
    assert again.details.file == "photo-0.jpg", "the first one stays"
    assert stored(stage.instance, stage.capsule) == before
    assert not attach(stage.instance, stage.ben.viewer, story, another).is_duplicate
    second = add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=[jpeg])
    assert len(media_of(stage, second)) == 1, "another story has its own"


def test_duplicates_are_told_apart_by_nothing_that_others_could_recognise(stage):
    """Marks are keyed: who has the photo but not the instance key cannot ask the database for it."""
    import hashlib

    jpeg = make_photo()
    story = add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=[jpeg])

    (medium,) = media_of(stage, story)
    assert medium.duplicate_mark != hashlib.sha256(jpeg).hexdigest()
    assert medium.duplicate_mark == stage.instance.key.mark(hashlib.sha256(jpeg).hexdigest())


def test_the_same_file_attached_twice_at_the_same_moment_is_one_photo(stage):
    instance, jpeg = stage.instance, make_photo()
    story = add_story(instance, stage.capsule, stage.ben.viewer, photos=0)
    together, results = threading.Barrier(2), []

    def prepare_together(upload):
        prepared = cast.prepare(upload)
        together.wait()  # both have looked for a duplicate and found none
        return prepared

    def run():
        attached = stories.attach(
            instance.store, instance.vault, prepare_together, stage.ben.viewer, story.id, file="a.jpg",
            upload=io.BytesIO(jpeg), clock=lambda: NOW,
        )  # fmt: skip
        results.append(attached.is_duplicate)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(results) == [False, True]
    assert stored(instance, stage.capsule) == (1, 1, 3, 3)


class FullDisk(io.BytesIO):
    """An upload in whose midst the disk becomes full, the second time it is read."""

    def read(self, size=-1):
        if self.tell() == 0:
            self.passes = getattr(self, "passes", 0) + 1
        if self.passes > 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().read(size)


def test_a_disk_that_becomes_full_while_a_photo_is_sealed_leaves_nothing(stage):
    story = add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=1)
    before = stored(stage.instance, stage.capsule)

    with pytest.raises(DiskFull):
        stories.attach(
            stage.instance.store, stage.instance.vault, cast.prepare, stage.ben.viewer, story.id, file="a.jpg",
            upload=FullDisk(make_photo()), clock=lambda: NOW,
        )  # fmt: skip

    assert stored(stage.instance, stage.capsule) == before


#: Attaches photos in a file system of 3 MB of its own until it is full; says what is left there.
FILL_A_DISK = """
import sys
from pathlib import Path

sys.path[:0] = sys.argv[2:]
from support.cast import add_story, attach, known_blob_ids, make_capsule, make_instance, make_photo
from memorycapsule.errors import DiskFull
from memorycapsule.store import capsules, stories

folder = Path(sys.argv[1])
with make_instance(f"sqlite:///{folder}/data/capsule.db", folder / "data") as instance:
    capsule = make_capsule(instance)
    story = add_story(instance, capsule, instance.ada, photos=0)
    attached = 0
    try:
        for number in range(1000):
            attach(instance, instance.ada, story, make_photo(number, width=1200, height=1200))
            attached += 1
    except DiskFull as error:
        print(error.code)
    with instance.store.reading() as tx:
        rows = {blob_id for blob_id in known_blob_ids(tx)}
        media = len(stories.media_of(tx, story.id))
    files = {path.name for path in instance.blob_files()}
    assert files == rows, (files ^ rows)
    assert len(rows) == 3 * media == 3 * attached > 0, (rows, media, attached)
print("whole")
"""


@pytest.mark.slow
def test_a_full_disk_leaves_no_half_photo(tmp_path):
    probe = subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip("This machine gives no namespace in which to mount a small file system.")
    mounted = tmp_path / "small"
    mounted.mkdir()
    mount = f'mount -t tmpfs -o size={MARGIN_BYTES + 3_000_000} none "{mounted}" && exec "$0" "$@"'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", mount, sys.executable, "-c", FILL_A_DISK, str(mounted), *sys.path],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.stdout.splitlines()[-1:] == ["whole"], done.stdout + done.stderr
    assert "disk_full" in done.stdout


@pytest.mark.parametrize(
    "prepare", [lambda upload: 1 / 0, lambda upload: (_ for _ in ()).throw(MediaRefused(Refusal.PDF))]
)
def test_whatever_goes_wrong_while_preparing_leaves_nothing(stage, prepare):
    story = add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=0)
    with pytest.raises((ZeroDivisionError, MediaRefused)):
        stories.attach(
            stage.instance.store, stage.instance.vault, prepare, stage.ben.viewer, story.id, file="a.jpg",
            upload=io.BytesIO(make_photo()), clock=lambda: NOW,
        )  # fmt: skip
    assert stored(stage.instance, stage.capsule) == (1, 0, 0, 0)


def test_a_photo_that_is_ready_only_after_the_date_is_not_attached(stage):
    """Decoding takes time, and the date may come meanwhile."""
    times = iter([OPENS - timedelta(seconds=1)])
    story = add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=0)
    with refused(NotAllowed, "stories_too_late"):
        stories.attach(
            stage.instance.store, stage.instance.vault, cast.prepare, stage.ben.viewer, story.id, file="a.jpg",
            upload=io.BytesIO(make_photo()), clock=lambda: next(times, OPENS),
        )  # fmt: skip
    assert stored(stage.instance, stage.capsule) == (1, 0, 0, 0)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\Ada\\beach.jpg", "beach.jpg"),
        ("b\udcff.jpg", "b\ufffd.jpg"),
        ("a\0b.jpg", "a\ufffdb.jpg"),
        ("\u1112\u1161\u11ab.jpg", "한.jpg"),
        ("x" * 4000, "x" * 4000),
        ("-rf; $(reboot).jpg", "-rf; $(reboot).jpg"),
        ("", ""),
    ],
)
def test_a_hostile_name_is_only_a_name(stage, name, kept):
    story = add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=0)

    assert attach(stage.instance, stage.ben.viewer, story, make_photo(), file=name).details.file == kept
    view = reading.story(stage.instance.store, stage.instance.vault, stage.ben.viewer, story.id)
    assert view.media[0].details.file == kept


def test_words_that_are_too_long_are_refused(stage):
    with pytest.raises(UsageProblem):
        add_story(stage.instance, stage.capsule, stage.ben.viewer, title="x" * 201)
    with pytest.raises(UsageProblem):
        add_story(stage.instance, stage.capsule, stage.ben.viewer, text="x" * 50_001)
    assert stored(stage.instance, stage.capsule) == (0, 0, 0, 0)


def test_a_recipient_adds_nothing(stage):
    dan = join(stage.instance, stage.capsule, "Dan", role=Role.RECIPIENT)
    with refused(NotAllowed, "contributors_only"):
        add_story(stage.instance, stage.capsule, dan.viewer)


def test_stories_and_photos_keep_their_order(stage):
    first, second = (add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=2) for _ in range(2))

    assert (first.position, second.position) == (0, 1)
    assert [medium.position for medium in media_of(stage, second)] == [0, 1]


def test_an_author_edits_and_removes_until_the_date(stage):
    ben, just_before = stage.ben.viewer, OPENS - timedelta(microseconds=1)
    story = add_story(stage.instance, stage.capsule, ben, photos=2)
    kept = add_story(stage.instance, stage.capsule, ben, photos=1)

    edit(stage, ben, story, now=just_before, text="Until very dark.")
    view = reading.story(stage.instance.store, stage.instance.vault, ben, story.id)
    assert (view.words.title, view.words.text) == ("At the pier", "Until very dark.")
    stories.remove_medium(
        stage.instance.store, stage.instance.vault, ben, view.media[0].medium.id, now=just_before
    )
    assert stored(stage.instance, stage.capsule) == (2, 2, 6, 6)
    remove(stage, ben, story, now=just_before)

    assert stored(stage.instance, stage.capsule) == (1, 1, 3, 3)
    assert media_of(stage, kept)
    with pytest.raises(NotFound):
        edit(stage, ben, story, title="again")


@pytest.mark.parametrize("what", ["medium", "story"])
def test_what_is_taken_out_takes_along_what_was_rendered_of_it(stage, what):
    instance = stage.instance
    cache = instance.vault.cache
    story = add_story(instance, stage.capsule, stage.ben.viewer)
    for shelf in (stage.capsule.id, "another capsule"):
        assert cache.keep(shelf, "segment.mp4.age", lambda sink: sink.write(b"frames"))
    edit(stage, stage.ben.viewer, story, title="At sea")
    assert cache.names(stage.capsule.id), "other words are rendered anew and uncover nobody"

    if what == "story":
        remove(stage, stage.ben.viewer, story)
    else:
        (medium,) = media_of(stage, story)
        stories.remove_medium(instance.store, instance.vault, stage.ben.viewer, medium.id, now=NOW)

    assert cache.names(stage.capsule.id) == set()
    assert cache.names("another capsule") == {"segment.mp4.age"}


@pytest.mark.parametrize("is_open", [False, True], ids=["due", "open"])
def test_after_the_date_nothing_changes(stage, is_open):
    ben = stage.ben.viewer
    story = add_story(stage.instance, stage.capsule, ben)
    (medium,) = media_of(stage, story)
    if is_open:
        opening.open_due(stage.instance.store, stage.instance.wake, OPENS)
    before = stored(stage.instance, stage.capsule)

    for change in (
        lambda: add_story(stage.instance, stage.capsule, ben, now=OPENS),
        lambda: attach(stage.instance, ben, story, make_photo(), now=OPENS),
        lambda: edit(stage, ben, story, now=OPENS, text="late"),
        lambda: remove(stage, ben, story, now=OPENS),
        lambda: stories.remove_medium(stage.instance.store, stage.instance.vault, ben, medium.id, now=OPENS),
    ):
        with refused(NotAllowed, "stories_too_late"):
            change()
    assert stored(stage.instance, stage.capsule) == before


def test_nobody_else_changes_a_story_and_nobody_learns_that_it_is_there(stage):
    story = add_story(stage.instance, stage.capsule, stage.ben.viewer)
    (medium,) = media_of(stage, story)
    before = stored(stage.instance, stage.capsule)
    impostor = another_session(stage.instance, stage.ben.viewer.account_id)

    for viewer in (stage.ada, stage.younghee.viewer, stage.cleo, impostor):
        for change in (
            lambda viewer=viewer: attach(stage.instance, viewer, story, make_photo()),
            lambda viewer=viewer: edit(stage, viewer, story, text="mine"),
            lambda viewer=viewer: remove(stage, viewer, story),
            lambda viewer=viewer: stories.remove_medium(
                stage.instance.store, stage.instance.vault, viewer, medium.id, now=NOW
            ),
        ):
            with pytest.raises(NotFound):
                change()
    assert stored(stage.instance, stage.capsule) == before


def test_another_session_of_the_author_changes_stories_once_it_has_proved_the_address(stage):
    story = add_story(stage.instance, stage.capsule, stage.ben.viewer)
    proved = another_session(stage.instance, stage.ben.viewer.account_id, is_proved=True)

    edit(stage, proved, story, title="From the laptop")

    view = reading.story(stage.instance.store, stage.instance.vault, stage.ben.viewer, story.id)
    assert view.words.title == "From the laptop"


def test_a_session_of_another_capsule_reaches_nothing_here(stage):
    elsewhere = join(stage.instance, cast.make_capsule(stage.instance, title="Other"), "Ben")
    story = add_story(stage.instance, stage.capsule, stage.ben.viewer)

    with pytest.raises(NotFound):
        edit(stage, elsewhere.viewer, story, title="x")
    with pytest.raises(NotFound):
        add_story(stage.instance, stage.capsule, elsewhere.viewer)


def test_the_admin_adds_in_a_members_name_and_can_do_nothing_else_with_it(stage):
    """Grandmother's shoebox, scanned."""
    story = add_story(stage.instance, stage.capsule, stage.ada, photos=1, in_name_of="YoungHee@example.org")
    attach(stage.instance, stage.ada, story, make_photo())
    (medium, _) = media_of(stage, story)

    assert (story.member_id, story.attached_by) == (stage.younghee.member.id, stage.ada.account_id)
    with pytest.raises(NotFound):
        reading.story(stage.instance.store, stage.instance.vault, stage.ada, story.id)
    with pytest.raises(NotFound):
        reading.medium_file(stage.instance.store, stage.instance.vault, stage.ada, medium.id, "thumbnail")
    for change in (
        lambda: edit(stage, stage.ada, story, text="mine"),
        lambda: remove(stage, stage.ada, story),
        lambda: stories.remove_medium(
            stage.instance.store, stage.instance.vault, stage.ada, medium.id, now=NOW
        ),
    ):
        with pytest.raises(Sealed):
            change()
    proved = another_session(stage.instance, stage.younghee.viewer.account_id, is_proved=True)
    view = reading.story(stage.instance.store, stage.instance.vault, proved, story.id)
    assert len(view.media) == 2
    with pytest.raises(NotFound):
        reading.story(stage.instance.store, stage.instance.vault, stage.younghee.viewer, story.id)


def test_only_the_admin_adds_in_anothers_name_and_only_for_members(stage):
    with refused(NotAllowed, "only_admin_adds_for_others"):
        add_story(stage.instance, stage.capsule, stage.ben.viewer, in_name_of="younghee@example.org")
    with refused(NotFound, "not_member"):
        add_story(stage.instance, stage.capsule, stage.ada, in_name_of="cleo@example.org")
    with refused(NotFound, "address_unknown"):
        add_story(stage.instance, stage.capsule, stage.ada, in_name_of="nobody@example.org")
    with pytest.raises(UsageProblem):
        add_story(stage.instance, stage.capsule, stage.ada, in_name_of="nobody")


def test_bytes_are_on_the_disk_before_a_row_refers_to_them(stage):
    """I7, seen from the reader: whatever a row names is there, whole and as it was stored."""
    import hashlib

    add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=3)
    with stage.instance.store.reading() as tx:
        blobs = [capsule_store.blobs.get(tx, blob_id) for blob_id in known_blob_ids(tx)]
    for blob in blobs:
        with stage.instance.vault.blobs.open(blob.id) as stream:
            stored_bytes = stream.read()
        assert (len(stored_bytes), hashlib.sha256(stored_bytes).hexdigest()) == (
            blob.bytes,
            blob.stored_digest,
        )
        assert stored_bytes.startswith(b"age-encryption.org/v1\n")
        assert blob.sealed


def test_errors_are_ours(stage):
    with pytest.raises(CapsuleError):
        add_story(stage.instance, stage.capsule, stage.cleo)


def test_a_file_that_comes_whole_is_held_against_the_same_limits_as_an_announced_one(stage):
    story = add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=0)
    photo, another = make_photo(901), make_photo(902)

    def attach_within(content, **limits):
        given = {"largest_file": 10**9, "most_per_member": 10**9} | limits
        return stories.attach(
            stage.instance.store,
            stage.instance.vault,
            prepare,
            stage.ben.viewer,
            story.id,
            file="pier.jpg",
            upload=io.BytesIO(content),
            limits=UploadLimits(**given),
            clock=lambda: NOW,
        )

    with file_refused(Refusal.FILE_TOO_LARGE):
        attach_within(photo, largest_file=len(photo) - 1)
    attach_within(photo, most_per_member=2 * len(photo))
    with file_refused(Refusal.QUOTA_FULL):
        attach_within(another, most_per_member=len(photo) + len(another) - 1)
    assert attach_within(photo, most_per_member=1).is_duplicate, "nothing more is kept of it"
