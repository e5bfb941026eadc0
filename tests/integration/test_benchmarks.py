"""The benchmarks run; what they find is for people to judge."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_the_benchmark_of_films_compares_all_ways_and_says_how_they_compare():
    done = subprocess.run(
        [
            *(sys.executable, str(BENCHMARKS / "film.py")),
            *("--size", "320x180", "--photos", "2", "--rounds", "1"),
        ],
        env={**os.environ, "CAPSULE_TEST_PHOTOS": "none"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    rows = [line.split(" |")[0] for line in done.stdout.splitlines() if line.startswith("| ")]
    assert rows == [
        "| way",
        "| limit, usual setting",
        "| ours, usual setting",
        "| ffmpeg zoompan + xfade, usual setting",
        "| MoviePy, usual setting",
        "| limit, default setting",
        "| ours, default setting",
    ]
    assert "times as fast as MoviePy: wall " in done.stdout
    assert "of the limit, default setting: wall " in done.stdout
    assert "Pipe or PyAV" in done.stdout or "pyav: " in done.stdout


@pytest.mark.slow
def test_the_benchmark_of_progress_compares_it_with_the_list_of_films():
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "film_progress.py"), "3"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("GET progress costs ") == 2


@pytest.mark.slow
def test_the_benchmark_of_tempi_judges_every_kind_of_song():
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "tempo.py"), "--seconds", "40", "--every", "23"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "| all but the slower or faster | " in done.stdout
    assert "no steady beat: a tempo was found in 0 of " in done.stdout


def test_the_model_of_many_machines_agrees_with_the_simulation_where_many_films_wait():
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "scale.py"), "--members", "1000000", "10000000"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ")[2:] for line in done.stdout.splitlines()[-2:]]
    pairs = [[float(number) for number in cell.strip(" |").split(", ")] for row in rows for cell in row]
    assert len(pairs) == 6
    assert all(0.9 <= played / model <= 1.1 for model, played in pairs), pairs
