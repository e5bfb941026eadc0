"""Key files: private, never overwritten, and every way of being wrong has a sentence."""

import os
import stat

import pytest

from memorycapsule.errors import ConfigurationProblem, KeyMissing
from memorycapsule.seal import keys
from memorycapsule.seal.keys import InstanceKey
from support.fault_points import watching
from support.refusals import refused
from support.sentences import sentence


def test_a_created_key_is_loaded_again(tmp_path):
    path = tmp_path / "new" / "folder" / "instance.key"

    created = InstanceKey.create(path)

    assert InstanceKey.load(path) == created
    assert InstanceKey.load(path).fingerprint == created.fingerprint


def test_only_its_owner_may_read_a_key_file_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        InstanceKey.create(tmp_path / "keys" / "instance.key")
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "keys" / "instance.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_a_key_is_never_overwritten(tmp_path):
    path = tmp_path / "instance.key"
    created = InstanceKey.create(path)

    with pytest.raises(ConfigurationProblem, match=r"^key_there_already ") as refused:
        InstanceKey.create(path)

    assert refused.value.values == {"file": path}
    assert InstanceKey.load(path) == created


def test_a_dangling_link_is_not_followed(tmp_path):
    (tmp_path / "instance.key").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ConfigurationProblem):
        InstanceKey.create(tmp_path / "instance.key")

    assert not (tmp_path / "elsewhere").exists()


def test_a_key_file_has_its_name_only_once_its_bytes_are_on_the_disk(tmp_path):
    path, was_there = tmp_path / "instance.key", []

    def look(point):
        if point.startswith("fsync"):
            was_there.append(path.exists())

    with watching(look):
        InstanceKey.create(path)

    assert was_there == [False, False, True, True]
    assert [one.name for one in tmp_path.iterdir()] == ["instance.key"]


def test_a_folder_that_cannot_be_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")

    with refused(ConfigurationProblem, "key_not_written", file=tmp_path / "file" / "instance.key"):
        InstanceKey.create(tmp_path / "file" / "instance.key")


def test_a_missing_key_says_what_to_do(tmp_path):
    path = tmp_path / "instance.key"

    with pytest.raises(KeyMissing, match=r"^instance_key_missing ") as refused:
        InstanceKey.load(path)

    assert "capsule key recover" in sentence(refused.value)
    assert refused.value.values == {"file": path}


@pytest.mark.parametrize(
    "content", [b"", b"# only a comment\n", b"AGE-SECRET-KEY-1NOTREALLY\n", b"\xff\xfe\x00", b"age1"]
)
def test_a_file_that_is_no_key_says_what_to_do(tmp_path, content):
    path = tmp_path / "instance.key"
    path.write_bytes(content)

    with pytest.raises(KeyMissing) as refused:
        InstanceKey.load(path)

    assert "capsule key recover" in sentence(refused.value)
    assert refused.value.values == {"file": path}


def test_a_folder_in_place_of_the_key_is_refused(tmp_path):
    with pytest.raises(KeyMissing, match=r"^instance_key_unreadable "):
        InstanceKey.load(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_an_unreadable_key_says_whose_it_must_be(tmp_path):
    path = tmp_path / "instance.key"
    InstanceKey.create(path)
    path.chmod(0)

    with pytest.raises(KeyMissing, match=r"^instance_key_closed "):
        InstanceKey.load(path)


def test_a_recovery_file_is_a_key_file_too(tmp_path):
    private, _ = keys.new_recovery_key()

    keys.write_key_file(tmp_path / "recovery.txt", private, title="MemoryCapsule recovery key")

    assert keys.parse_recovery_key((tmp_path / "recovery.txt").read_text()) == private
