"""The disk fails beneath everything, SQLite included: strace has system calls of a real command return an error."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from faults.operations import Operation, words_of
from faults.runs import Result, Scene, gone_on, in_words, looked_at
from support.post_office import PostOffice

#: Which calls fail, with which error, from the so-many-th on (`+`) or once.
INJECTIONS = (
    ("fsync,fdatasync", "EIO", "1"),
    ("fsync,fdatasync", "EIO", "3+"),
    ("fsync,fdatasync", "ENOSPC", "2+"),
    ("pwrite64", "ENOSPC", "1+"),
    ("pwrite64", "ENOSPC", "4+"),
    ("pwrite64", "EIO", "3"),
)


def why_not() -> str | None:
    """Return why strace cannot be used here, None where it can."""
    strace = shutil.which("strace")
    if strace is None:
        return "strace is not installed here, so no system call is made to fail."
    with tempfile.TemporaryDirectory() as folder:
        tried = subprocess.run(
            [strace, "-f", "-o", "/dev/null", "-e", "trace=fsync", "-e", "inject=fsync:error=EIO", "true"],
            cwd=folder, capture_output=True, check=False,
        )  # fmt: skip
    return None if tried.returncode == 0 else "strace may not trace here, so no system call is made to fail."


def try_injection(scene: Scene, operation: Operation, calls: str, error: str, when: str) -> Result:
    """Run an operation as a command with failing system calls, go on with it, and look."""
    with PostOffice() as post:
        house = scene.house(operation, post)
        program = Path(sys.executable).with_name("capsule")
        with (house.path / "said").open("ab") as said:
            ran = subprocess.run(
                [
                    "strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}",
                    "-e", f"inject={calls}:error={error}:when={when}",
                    str(program), "--json", *words_of(operation, house),
                ],
                env=house.environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said, check=False,
                timeout=120,
            )  # fmt: skip
        broken = list(in_words(house, ran.returncode))
        broken += gone_on(operation, house)
        broken += looked_at(operation, house, post)
    return Result(operation=f"{operation.name}, {calls} {when}", number=0, fault=error, broken=tuple(broken))
