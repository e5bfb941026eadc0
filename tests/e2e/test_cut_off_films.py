"""`capsule render`, killed while it encodes: the same command goes on from there and makes the same film."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from integration.cli.instances import bitmap
from memorycapsule.processes import ffmpeg_path
from support.servers import wait_until

pytestmark = pytest.mark.slow


def start(album: Path, film: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            Path(sys.executable).with_name("capsule"), "--json", "render", album, "-o", film,
            "--theme", "classic", "--size", "480x270", "--length", "full",
        ],
        env={**os.environ, "CAPSULE_DATA_DIR": str(album.parent / "data")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip


def made(child: subprocess.Popen[bytes]) -> dict[str, int]:
    output, _ = child.communicate(timeout=300)
    assert child.returncode == 0, output
    return json.loads(output)["film"]


def packets(film: Path) -> bytes:
    """Digests of all packets of picture and sound, as they are stored."""
    return subprocess.check_output(
        [ffmpeg_path(), "-v", "error", "-i", film, "-map", "0", "-c", "copy", "-f", "streamhash", "-"]
    )


def test_a_killed_film_goes_on_from_its_finished_segments(tmp_path):
    album = tmp_path / "album"
    album.mkdir()
    for number in range(12):
        bitmap(album / f"{number}.bmp", number)
    film, undisturbed = tmp_path / "film.mp4", tmp_path / "undisturbed.mp4"
    unfinished = tmp_path / ".film.mp4.unfinished"

    killed = start(album, film)
    wait_until(lambda: any(unfinished.glob("segments/*.mp4")), 120, "a segment is finished")
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    kept = len(list(unfinished.glob("segments/*.mp4")))
    second = made(start(album, film))
    whole = made(start(album, undisturbed))

    assert killed.returncode == -signal.SIGKILL
    assert 0 < kept < whole["segments"]["encoded"]
    assert second["segments"] == {"encoded": whole["segments"]["encoded"] - kept, "reused": kept}
    assert packets(film) == packets(undisturbed)
    assert not unfinished.exists()
