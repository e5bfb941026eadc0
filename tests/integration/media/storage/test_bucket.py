"""What buckets have, and a folder has not; on S3 servers of two code bases."""

from datetime import UTC, datetime, timedelta
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest

from memorycapsule.errors import NotFound, Postponed
from memorycapsule.media.storage.blobs import Blobs
from memorycapsule.media.storage.bucket import BucketAccess, BucketBlobs
from support.receivers import Receiver
from support.s3_servers import bucket_blobs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["moto", "s3rver"])
def server(request, s3_server):
    return s3_server(request.param)


def keep(blobs: Blobs, content: bytes) -> str:
    blob_id = str(uuid4())
    blobs.write(blob_id, lambda file: file.write(content))
    return blob_id


def test_two_instances_in_one_bucket_do_not_see_each_other(server, tmp_path):
    one, other = (
        bucket_blobs(server, tmp_path, prefix)
        for prefix in (f"one-{tmp_path.name}", f"one-{tmp_path.name}-more")
    )
    keep(one, b"x")
    assert list(other) == []
    assert one.place == f"s3://family/one-{tmp_path.name}"


def test_a_bucket_for_which_neither_settings_nor_machine_have_a_key_says_what_to_set(tmp_path, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    # Where a cloud gives its machines the key of their role: this one has none.
    with Receiver() as cloud:
        monkeypatch.setenv("AWS_METADATA_ENDPOINT", cloud.url)
        access = BucketAccess(
            bucket="family",
            prefix="",
            endpoint=cloud.url,
            region="us-east-1",
            access_key_id=None,
            secret_access_key=None,
        )
        with pytest.raises(Postponed, match="blob_storage_without_key"):
            BucketBlobs(access, lock=tmp_path / "blobs.lock").remembered()


def test_a_bucket_that_is_not_there_says_nothing_of_its_blobs(server, tmp_path):
    blobs = bucket_blobs(server, tmp_path, "", bucket="another")
    for ask in (
        lambda: blobs.open(str(uuid4())),
        lambda: blobs.size(str(uuid4())),
        lambda: blobs.delete(str(uuid4())),
        lambda: blobs.write(str(uuid4()), lambda file: file.write(b"x")),
        lambda: list(blobs),
        blobs.remembered,
    ):
        with pytest.raises(Postponed, match="blob_storage_unreachable"):
            ask()


def test_a_hold_whose_process_has_ended_counts_until_a_sweep_finds_it_old(server, tmp_path):
    blobs = bucket_blobs(server, tmp_path, f"held-{uuid4()}")
    blobs._put(f"holds/{uuid4()}", b"")
    deleted = keep(blobs, b"x")
    blobs.delete(deleted)

    blobs.sweep(older_than=datetime.now(UTC) - timedelta(days=1))
    assert blobs.is_held()
    assert blobs.open_held(deleted).read() == b"x"
    blobs.sweep(older_than=datetime.now(UTC) + timedelta(hours=1))
    assert not blobs.is_held()
    with pytest.raises(NotFound):
        blobs.open_held(deleted)


def test_a_signed_address_gives_that_blob_and_parts_of_it_to_whoever_has_it(server, tmp_path):
    blobs = bucket_blobs(server, tmp_path, f"signed-{uuid4()}")
    address = blobs.signed(keep(blobs, b"0123456789"), timedelta(minutes=1))

    assert address.startswith(f"{blobs.origin}/")
    assert blobs.origin == server.endpoint
    with urlopen(Request(address, headers={"Range": "bytes=3-5"}), timeout=10) as answer:
        assert (answer.status, answer.read()) == (206, b"345")
