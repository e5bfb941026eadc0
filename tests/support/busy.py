"""A machine on which what reads files does not start, as one without memory."""

from pathlib import Path

_GUARD = """\
import sys
from pathlib import Path

if any("decoder_child" in word for word in sys.orig_argv):
    with Path(__file__).with_name("starts").open("ab") as starts:
        starts.write(b".")
        starts.flush()
        if starts.tell() <= {most}:
            raise SystemExit(1)
"""


class FailingStarts:
    """The next `count` children that decode photos fail at their start, until `end`."""

    def __init__(self, monkeypatch, folder: Path, count: int = 1_000_000) -> None:
        self._guard = folder / "busy"
        self._guard.mkdir()
        (self._guard / "sitecustomize.py").write_text(_GUARD.format(most=count))
        monkeypatch.setenv("PYTHONPATH", str(self._guard))

    @property
    def starts(self) -> int:
        """How many children have been started."""
        return (self._guard / "starts").stat().st_size

    def end(self) -> None:
        """Let every child start from now on."""
        (self._guard / "sitecustomize.py").unlink()
