"""A third language needs a folder of catalogues and no code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.pseudo_language import with_language

TESTS = Path(__file__).with_name("in_a_third_language.py")


@pytest.mark.slow
def test_a_third_language_needs_a_folder_and_no_code(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(TESTS)],
        cwd=TESTS.parents[3],
        env={**os.environ, "PYTHONPATH": str(with_language("pl", tmp_path)), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
