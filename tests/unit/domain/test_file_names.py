"""Names of files: those that systems leave in every folder are known."""

import pytest

from memorycapsule.domain.file_names import is_system_file


@pytest.mark.parametrize("name", ["Thumbs.db", "THUMBS.DB", ".DS_Store", "desktop.ini", "._IMG_0001.jpg"])
def test_files_that_systems_leave_behind_are_known(name):
    assert is_system_file(name)


@pytest.mark.parametrize("name", ["IMG_0001.jpg", ".hidden.jpg", "_IMG.jpg", ""])
def test_a_persons_files_are_never_taken_for_system_files(name):
    assert not is_system_file(name)
