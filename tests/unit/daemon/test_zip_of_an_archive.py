"""The zip of an archive overrides a private method of its library: this holds what the method must do."""

import importlib.metadata
import io
import re
import tomllib
import zipfile
from datetime import datetime
from pathlib import Path

import pytest

from memorycapsule.daemon.http.guests.archive import make_zip
from memorycapsule.services.archive import Archive, ArchiveFile

PROJECT = Path(__file__).parents[3]
LIBRARY = "zipstream-ng"


@pytest.fixture
def archive(tmp_path) -> Archive:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes((bytes(range(251)) * 2400)[:600_000])
    files = [
        ArchiveFile(
            path="Summer/01 pier/photo.jpg",
            size=600_000,
            local=datetime(2026, 8, 3, 17, 4, 30),
            open=lambda: photo.open("rb"),
        ),
        ArchiveFile(
            path="Summer/읽어 보세요.txt", size=5, local=datetime(2026, 8, 4, 9, 0), content=b"words"
        ),
        ArchiveFile(path="Summer/old.txt", size=0, local=datetime(1969, 7, 20, 20, 17)),
    ]
    return Archive(capsule=None, name="Summer", files=files)


def test_the_library_is_pinned_to_the_version_whose_method_is_overridden():
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["dependencies"]
    (pinned,) = [line for line in declared if re.split(r"[=<>]", line)[0] == LIBRARY]

    assert pinned == f"{LIBRARY}=={importlib.metadata.version(LIBRARY)}"


def test_a_zip_has_the_same_bytes_whenever_it_is_made_and_as_many_as_it_said(archive):
    zipped = make_zip(archive)
    said, first = len(zipped), b"".join(zipped)

    assert len(first) == said
    assert b"".join(make_zip(archive)) == first


def test_a_zip_holds_every_file_whole_with_its_own_date_for_everybody_to_read(archive):
    with zipfile.ZipFile(io.BytesIO(b"".join(make_zip(archive)))) as opened:
        entries = opened.infolist()

        assert opened.testzip() is None
        assert [(one.filename, one.file_size) for one in entries] == [
            (file.path, file.size) for file in archive.files
        ]
        assert opened.read("Summer/읽어 보세요.txt") == b"words"
        assert [one.date_time for one in entries] == [
            (2026, 8, 3, 17, 4, 30), (2026, 8, 4, 9, 0, 0), (1980, 1, 1, 0, 0, 0),
        ]  # fmt: skip
        assert {one.external_attr >> 16 for one in entries} == {0o644}
        assert {one.compress_type for one in entries} == {zipfile.ZIP_STORED}
