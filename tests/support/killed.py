"""A machine that kills what it has no memory for: programs of a name get SIGKILL as they start."""

from pathlib import Path

_GUARD = """\
import os
import signal
import sys

if sys.orig_argv[1:3] == ["-m", {module!r}]:
    os.kill(os.getpid(), signal.{signal})
"""


class KilledStarts:
    """Every `python -m module` that is started is ended by a signal at once, until `end`."""

    def __init__(self, monkeypatch, folder: Path, module: str, *, by: str = "SIGKILL") -> None:
        folder = folder / "killed"
        folder.mkdir()
        self._guard = folder / "sitecustomize.py"
        self._guard.write_text(_GUARD.format(module=module, signal=by))
        monkeypatch.setenv("PYTHONPATH", str(folder))

    def end(self) -> None:
        """Let every program start from now on."""
        self._guard.unlink()
