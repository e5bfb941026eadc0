"""The folder in memory: on a tmpfs, only ours, with room, and wiped."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from memorycapsule.work import tmpfs

SHM = Path("/dev/shm")
#: Temporary folders may lie in memory; the program's own lie on a disk.
DISK = Path(__file__).parent


@pytest.fixture
def folder(tmp_path):
    folder = tmpfs.workspace((SHM,), tmp_path)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_it_lies_in_memory_and_is_only_ours(folder, tmp_path):
    assert folder.parent == SHM
    assert not folder.exists()
    tmpfs.create(folder)
    (folder / "picture").write_bytes(b"plain")

    assert folder.stat().st_mode & 0o777 == 0o700
    assert tmpfs.workspace((SHM,), tmp_path) == folder
    tmpfs.create(folder)
    assert list(folder.iterdir()) == [], "made again, it is empty"
    tmpfs.remove_leftovers((SHM, tmp_path), tmp_path)
    assert not folder.exists()


def test_every_data_folder_has_its_own(folder, tmp_path):
    assert tmpfs.workspace((SHM,), tmp_path / "another") != folder


def test_a_disk_is_no_memory(tmp_path):
    assert not tmpfs.is_on_tmpfs(DISK)
    assert tmpfs.is_on_tmpfs(SHM)
    with pytest.raises(tmpfs.NoTmpfs):
        tmpfs.workspace((DISK, DISK / "nowhere"), tmp_path)


def test_with_little_memory_free_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=tmpfs.LEAST_FREE_BYTES - 1))

    with pytest.raises(tmpfs.NoTmpfs):
        tmpfs.workspace((SHM,), tmp_path)


@pytest.mark.parametrize("trap", ["open to others", "a link"])
def test_what_somebody_else_put_there_is_not_used_and_not_touched(folder, tmp_path, trap):
    if trap == "a link":
        (tmp_path / "precious").write_text("kept")
        folder.symlink_to(tmp_path)
    else:
        folder.mkdir(mode=0o755)
        folder.chmod(0o755)
    try:
        with pytest.raises(tmpfs.NoTmpfs):
            tmpfs.workspace((SHM,), tmp_path)
        with pytest.raises(tmpfs.NoTmpfs):
            tmpfs.create(folder)
        tmpfs.remove_leftovers((SHM,), tmp_path)
        assert folder.exists()
        assert trap != "a link" or (tmp_path / "precious").exists()
    finally:
        folder.unlink() if trap == "a link" else folder.rmdir()
