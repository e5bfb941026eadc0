"""Every place for blobs keeps the same promises: a folder, and buckets of two S3 servers of different code bases."""

import hashlib
import io
import os
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from memorycapsule.errors import Busy, CapsuleError, DiskFull, NotFound
from memorycapsule.media.storage.blobs import Blobs, PutAside
from memorycapsule.media.storage.folder import LocalBlobs
from support.s3_servers import bucket_blobs

DAY, LATER = date(2036, 5, 8), date(2036, 6, 9)


@pytest.fixture(
    scope="module",
    params=["folder", *(pytest.param(name, marks=pytest.mark.slow) for name in ("moto", "s3rver"))],
)
def server(request, s3_server):
    """The S3 server that has the bucket; None for a folder."""
    return None if request.param == "folder" else s3_server(request.param)


@pytest.fixture
def again(server, tmp_path):
    """What opens the same place once more, as another process would."""
    prefix = f"deep/{uuid4()}"
    return lambda: (
        LocalBlobs(tmp_path / "blobs") if server is None else bucket_blobs(server, tmp_path, prefix)
    )


@pytest.fixture
def blobs(again) -> Blobs:
    return again()


def keep(blobs: Blobs, content: bytes) -> str:
    blob_id = str(uuid4())
    blobs.write(blob_id, lambda file: file.write(content))
    return blob_id


def read(blobs: Blobs, blob_id: str) -> bytes:
    with blobs.open(blob_id) as file:
        return file.read()


@pytest.mark.parametrize("size", [0, 1, 70_000, 20_000_000])
def test_a_blob_of_any_size_comes_back_as_it_was_written(blobs, again, size):
    content, blob_id = os.urandom(size), str(uuid4())

    def fill(file) -> None:
        for start in range(0, size, 300_000):
            assert file.write(content[start : start + 300_000]) == len(content[start : start + 300_000])

    stored = blobs.write(blob_id, fill)
    pieces: list[int] = []

    assert read(again(), blob_id) == content
    assert stored.digest == hashlib.sha256(content).hexdigest()
    assert stored.bytes == blobs.size(blob_id) == size
    assert blobs.read_through(blob_id, pieces.append) == stored
    assert sum(pieces) == size
    assert list(blobs) == [blob_id]


def test_a_blob_can_be_read_from_anywhere_in_it(blobs):
    content = os.urandom(3_000_000)
    with blobs.open(keep(blobs, content)) as file:
        assert file.read(10) == content[:10]
        assert file.seek(2_500_000) == 2_500_000
        assert file.read(10) == content[2_500_000:2_500_010]
        assert file.seek(-10, io.SEEK_END) == 2_999_990
        assert file.read() == content[-10:]
        assert file.read() == b""
        assert file.seek(5) == 5
        assert file.read(10) == content[5:15]


def test_a_file_that_is_written_cannot_seek(blobs):
    blob_id = str(uuid4())
    blobs.write(blob_id, lambda file: file.write(str(file.seekable()).encode()))
    assert read(blobs, blob_id) == b"False"


def test_writing_again_replaces_the_whole(blobs):
    blob_id = keep(blobs, b"long before")
    blobs.write(blob_id, lambda file: file.write(b"now"))
    assert read(blobs, blob_id) == b"now"


@pytest.mark.parametrize("sent", [b"half", bytes(20_000_000)])
def test_a_failure_in_the_middle_keeps_nothing_and_stays_what_it_was(blobs, sent):
    def fill(file) -> None:
        file.write(sent)
        raise KeyError("why")

    with pytest.raises(KeyError, match="why"):
        blobs.write(str(uuid4()), fill)
    assert list(blobs) == []


def test_a_failed_rewrite_keeps_what_was_there(blobs):
    blob_id = keep(blobs, b"before")

    def fill(file) -> None:
        file.write(bytes(20_000_000))
        raise OSError(28, "full")

    with pytest.raises(DiskFull):
        blobs.write(blob_id, fill)
    assert read(blobs, blob_id) == b"before"


def test_what_is_missing_where_a_blob_comes_from_is_no_damage_of_the_place(blobs):
    def fill(_file) -> None:
        raise NotFound("the source")

    with pytest.raises(NotFound, match="the source"):
        blobs.write(str(uuid4()), fill)
    with pytest.raises(CapsuleError, match="data_folder_unusable"):
        blobs.write(str(uuid4()), lambda _file: open("/nothing/here"))  # noqa: SIM115, PTH123


def test_a_missing_blob_is_not_found_and_may_be_deleted(blobs):
    blob_id = str(uuid4())
    for ask in (blobs.open, blobs.size, blobs.written_at, blobs.put_into_quarantine, blobs.open_held):
        with pytest.raises(NotFound):
            ask(blob_id)
    with pytest.raises(NotFound):
        blobs.put_into_trash(blob_id, DAY)
    assert not blobs.put_back(blob_id)
    blobs.delete(blob_id)
    blobs.delete_from_quarantine(blob_id)
    blobs.delete_from_trash(blob_id, DAY)


@pytest.mark.parametrize(
    "blob_id", ["../../etc/passwd", "", "x" * 36, "F3AA105F-5F68-4C53-BE2B-98FAE6443169"]
)
def test_an_id_that_is_no_uuid_never_becomes_a_path(blobs, blob_id):
    for ask in (blobs.open, blobs.size, blobs.delete, blobs.put_back, blobs.delete_from_quarantine):
        with pytest.raises(ValueError):
            ask(blob_id)


def test_a_blob_knows_when_it_was_written(blobs):
    written = blobs.written_at(keep(blobs, b"x"))
    assert written.tzinfo == UTC
    assert abs(written - datetime.now(UTC)) < timedelta(minutes=1)


def test_what_lies_in_the_trash_is_no_blob_and_comes_back_for_whoever_asks(blobs):
    asked_for = {ask: keep(blobs, b"four") for ask in ("open", "size", "written_at")}
    for blob_id in asked_for.values():
        blobs.put_into_trash(blob_id, DAY)

    assert list(blobs) == []
    assert sorted(blobs.trash(), key=lambda one: one.id) == [
        PutAside(id=blob_id, bytes=4, day=DAY) for blob_id in sorted(asked_for.values())
    ]
    assert blobs.size(asked_for["size"]) == 4
    assert blobs.written_at(asked_for["written_at"]).tzinfo == UTC
    assert read(blobs, asked_for["open"]) == b"four"
    assert list(blobs.trash()) == []
    assert set(blobs) == set(asked_for.values())


def test_the_newest_of_several_days_comes_back(blobs):
    blob_id = keep(blobs, b"old")
    blobs.put_into_trash(blob_id, DAY)
    blobs.write(blob_id, lambda file: file.write(b"new"))
    blobs.put_into_trash(blob_id, LATER)

    assert blobs.put_back(blob_id)
    assert read(blobs, blob_id) == b"new"
    assert [one.day for one in blobs.trash()] == [DAY]


def test_only_what_came_into_the_trash_on_a_day_is_deleted_from_it(blobs):
    first, second = keep(blobs, b"x"), keep(blobs, b"y")
    blobs.put_into_trash(first, DAY)
    blobs.put_into_trash(second, LATER)
    for blob_id in (first, second):
        blobs.delete_from_trash(blob_id, DAY)

    assert [one.id for one in blobs.trash()] == [second]
    with pytest.raises(NotFound):
        blobs.open(first)


def test_nobody_is_given_what_lies_in_quarantine(blobs):
    blob_id = keep(blobs, b"chan")
    blobs.put_into_quarantine(blob_id)

    assert list(blobs.quarantine()) == [PutAside(id=blob_id, bytes=4)]
    assert list(blobs) == list(blobs.trash()) == []
    assert not blobs.put_back(blob_id)
    with pytest.raises(NotFound):
        blobs.open(blob_id)
    blobs.delete_from_quarantine(blob_id)
    assert list(blobs.quarantine()) == []


@pytest.mark.parametrize("where", ["in its place", "in the trash", "in quarantine"])
def test_a_deleted_blob_is_gone_wherever_it_lay(blobs, where):
    blob_id = keep(blobs, b"x")
    if where == "in the trash":
        blobs.put_into_trash(blob_id, DAY)
    elif where == "in quarantine":
        blobs.put_into_quarantine(blob_id)
    blobs.delete(blob_id)

    assert [*blobs, *blobs.trash(), *blobs.quarantine()] == []
    with pytest.raises(NotFound):
        blobs.open_held(blob_id)


@pytest.mark.parametrize("is_in_trash", [False, True])
def test_what_others_delete_while_somebody_holds_the_blobs_stays_until_the_end(blobs, again, is_in_trash):
    blob_id, other = keep(blobs, b"needed"), again()
    if is_in_trash:
        blobs.put_into_trash(blob_id, DAY)
    with blobs.holding():
        assert other.is_held()
        other.delete(blob_id)
        other.delete(str(uuid4()))
        assert list(other) == list(other.trash()) == []
        assert other.sweep(older_than=datetime.now(UTC)) == 0
        with blobs.open_held(blob_id) as file:
            assert file.read() == b"needed"

    assert not other.is_held()
    with pytest.raises(NotFound):
        blobs.open_held(blob_id)


def test_one_process_of_a_machine_holds_the_blobs_at_a_time(blobs, again):
    with blobs.holding(), pytest.raises(Busy), again().holding(tries=1):
        pass
    with again().holding(tries=1):
        pass


def test_what_is_remembered_is_what_was_said_last(blobs, again):
    assert blobs.remembered() is None
    blobs.remember('{"event": 1}')
    blobs.remember('{"event": 2}')
    assert again().remembered() == '{"event": 2}'
    assert list(blobs) == []


def test_many_blobs_are_all_found(blobs):
    kept = {keep(blobs, b"x") for _number in range(30)}
    assert sorted(blobs) == sorted(kept)
    listed = list(blobs.listed())
    assert [one.id for one in listed] == sorted(kept)
    assert {one.bytes for one in listed} == {1}
    assert all(abs(one.written_at - datetime.now(UTC)) < timedelta(minutes=5) for one in listed)
