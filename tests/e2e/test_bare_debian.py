"""On a Debian with nothing else on it, the commands of the README are all that is needed."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.nightly]

PROJECT = Path(__file__).parents[2]
#: What `tools/bare_debian.py` ends with where it cannot be tried; its last line says why.
SKIPPED = 77


def test_by_the_readme_alone_a_daemon_answers_through_nginx_and_a_test_letter_arrives():
    done = subprocess.run(
        [sys.executable, "tools/bare_debian.py"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    if done.returncode == SKIPPED:
        pytest.skip(done.stdout.strip().splitlines()[-1])

    print(done.stdout)
    assert done.returncode == 0, done.stderr
    for way in ("clone", "pipx", "uv"):
        assert f"{way}: installed, answering through nginx, and a test letter delivered" in done.stdout
    assert done.stdout.count("and back to") == 3
