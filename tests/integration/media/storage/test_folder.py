"""Blobs are written whole or not at all."""

import errno
import hashlib
import os
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from memorycapsule.errors import CapsuleError, DiskFull, NotFound
from memorycapsule.media.storage.folder import LocalBlobs, ids_in


@pytest.fixture
def blobs(tmp_path):
    return LocalBlobs(tmp_path / "blobs")


def names(blobs: LocalBlobs) -> list[str]:
    return [path.name for path in blobs._root.rglob("*") if path.is_file()]


def test_a_blob_comes_back_as_it_was_written(blobs):
    blob_id = str(uuid4())
    content = os.urandom(3_000_000)

    def fill(file) -> None:
        for start in range(0, len(content), 70_000):
            file.write(content[start : start + 70_000])

    stored = blobs.write(blob_id, fill)
    with blobs.open(blob_id) as file:
        assert file.read() == content

    assert stored.digest == hashlib.sha256(content).hexdigest()
    assert stored.bytes == blobs.size(blob_id) == len(content)
    assert list(blobs) == [blob_id]


def test_only_the_owner_can_look(blobs):
    blob_id = str(uuid4())
    blobs.write(blob_id, lambda file: file.write(b"x"))
    path = blobs._root / blob_id[:2] / blob_id[2:4] / blob_id

    assert path.stat().st_mode & 0o777 == 0o600
    for folder in (path.parent, path.parent.parent, blobs._root):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_writing_again_replaces_the_whole(blobs):
    blob_id = str(uuid4())
    blobs.write(blob_id, lambda file: file.write(b"long before"))
    blobs.write(blob_id, lambda file: file.write(b"now"))
    with blobs.open(blob_id) as file:
        assert file.read() == b"now"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_leaves_nothing_behind(blobs, code):
    def fill(file) -> None:
        file.write(b"half")
        raise OSError(code, os.strerror(code))

    with pytest.raises(DiskFull):
        blobs.write(str(uuid4()), fill)

    assert names(blobs) == []


def test_another_failure_leaves_nothing_behind_and_stays_what_it_was(blobs):
    def fill(file) -> None:
        file.write(b"half")
        raise KeyError("why")

    with pytest.raises(KeyError, match="why"):
        blobs.write(str(uuid4()), fill)

    assert names(blobs) == []


def test_a_failed_rewrite_keeps_what_was_there(blobs):
    blob_id = str(uuid4())
    blobs.write(blob_id, lambda file: file.write(b"before"))

    def fill(file) -> None:
        file.write(b"half")
        raise OSError(errno.ENOSPC, "full")

    with pytest.raises(DiskFull):
        blobs.write(blob_id, fill)
    with blobs.open(blob_id) as file:
        assert file.read() == b"before"


@pytest.mark.parametrize("act", ["open", "size", "written_at", "delete", "write"])
def test_what_the_system_does_not_let_us_do_is_said_in_one_sentence(blobs, act):
    """A file stands where a folder should: the same for every user, root included."""
    blob_id = str(uuid4())
    (blobs._root / blob_id[:2]).write_bytes(b"")
    arguments = (blob_id, lambda _: None) if act == "write" else (blob_id,)
    with pytest.raises(CapsuleError, match="data_folder_unusable"):
        getattr(blobs, act)(*arguments)


def test_a_missing_blob_is_not_found_and_may_be_deleted(blobs):
    blob_id = str(uuid4())
    for ask in (blobs.open, blobs.size):
        with pytest.raises(NotFound):
            ask(blob_id)
    blobs.delete(blob_id)


@pytest.mark.parametrize(
    "blob_id",
    [
        "../../etc/passwd",
        "",
        "x" * 36,
        "F3AA105F-5F68-4C53-BE2B-98FAE6443169",
        "{1f64b5e6-fcb5-4f11-8dad-e3e24babc0f7}",
    ],
)
def test_an_id_that_is_no_uuid_never_becomes_a_path(blobs, blob_id):
    with pytest.raises(ValueError):
        blobs.open(blob_id)


def test_sweeping_removes_old_halves_only(blobs):
    kept, half = str(uuid4()), str(uuid4())
    blobs.write(kept, lambda file: file.write(b"whole"))
    folder = blobs._root / half[:2] / half[2:4]
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{half}.part"
    part.write_bytes(b"half")
    os.utime(part, (1000, 1000))

    assert blobs.sweep(older_than=datetime.fromtimestamp(999, UTC)) == 0
    assert set(blobs) == {kept}
    assert blobs.sweep(older_than=datetime.fromtimestamp(1001, UTC)) == 1
    assert names(blobs) == [kept]


def test_files_of_other_programs_among_them_are_no_blobs(blobs):
    blob_id = str(uuid4())
    blobs.write(blob_id, lambda file: file.write(b"x"))
    folder = blobs._path(blob_id).parent
    for name in ("Thumbs.db", ".nfs0001", f".{uuid4()}.part"):
        (folder / name).write_bytes(b"not ours")

    assert list(blobs) == [blob_id]


def test_looking_for_blobs_makes_no_folder(tmp_path):
    assert list(ids_in(tmp_path / "nothing here")) == []
    assert list(tmp_path.iterdir()) == []
