"""Streams are sealed and unsealed in constant memory."""

import subprocess
import sys
from pathlib import Path

import pytest

MEASURE = """
import sys
from pathlib import Path
from memorycapsule.seal import envelopes

def peak_kilobytes():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

folder, key = Path(sys.argv[1]), envelopes.new_capsule_key()

def there_and_back(name):
    with (folder / name).open("rb") as source, (folder / "sealed").open("wb") as sink:
        envelopes.seal_stream(source, sink, key.recipient)
    with (folder / "sealed").open("rb") as source, (folder / "back").open("wb") as sink:
        envelopes.unseal_stream(source, sink, key.identity)
    assert (folder / "back").stat().st_size == (folder / name).stat().st_size

there_and_back("small")
before = peak_kilobytes()
there_and_back("large")
print(peak_kilobytes() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_64_megabytes_take_no_more_memory_than_one(tmp_path):
    (tmp_path / "small").write_bytes(b"x" * 1_000_000)
    with (tmp_path / "large").open("wb") as file:
        file.truncate(64_000_000)

    grown = subprocess.run(
        [sys.executable, "-c", MEASURE, tmp_path], capture_output=True, check=True, text=True
    )

    assert int(grown.stdout) < 4_000
