"""
How this program was installed, how a newer one is fetched, and how the one before comes back.

A program is its virtual environment, and with a clone the commit as well. What comes after it is put into the same
place, so the one before is kept beside it: by hard links, since installers replace files and never write into them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from memorycapsule.errors import CapsuleError, ConfigurationProblem, NotFound, system_problem

_PACKAGE = "memorycapsule"
_NOTE = "update.json"


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program that can be brought up to date."""

    kind: Literal["clone", "uv", "pipx"]
    #: Its virtual environment.
    environment: Path
    #: The folder of its sources; None for a tool.
    clone: Path | None = None

    @property
    def command(self) -> Path:
        """What starts it."""
        return self.environment / "bin" / "capsule"

    @property
    def kept(self) -> Path:
        """Where the program before is kept, with a note of what belongs to it."""
        return self._present if self._present.exists() else self._beside("before-update")

    def refuse_cut_off(self) -> None:
        """
        Raise ConfigurationProblem where an update was cut off that can go back: another would lose the way.

        Raises NotFound where what is kept has no note.
        """
        if self._present.exists() and self.note()["can_go_back"]:
            raise ConfigurationProblem("update_cut_off")

    def keep(self, note: Mapping[str, Any]) -> None:
        """Keep this program as it is, until it is settled what becomes of the update. Raises ConfigurationProblem."""
        half = self._beside("half")
        try:
            for old in (half, self._present):
                shutil.rmtree(old, ignore_errors=True)
            # Programs and marks outside of lib are written into where they lie.
            shutil.copytree(self.environment, half, symlinks=True, ignore=self._libraries)
            shutil.copytree(self.environment / "lib", half / "lib", symlinks=True, copy_function=_link)
            (half / _NOTE).write_text(json.dumps({**note, "commit": self._commit()}), encoding="utf-8")
            half.rename(self._present)
        except OSError as error:
            raise ConfigurationProblem("update_not_kept", problem=system_problem(error)) from error

    def settle(self, version: str) -> bool:
        """
        Keep what was there before this update in the place of what was kept before, and say whether it is another one.

        Where nothing newer was found, what was kept before stays. Raises ConfigurationProblem.
        """
        note = self.note()
        is_other = (note["version"], note["commit"]) != (version, self._commit())
        try:
            if is_other:
                shutil.rmtree(self._beside("before-update"), ignore_errors=True)
                self._present.rename(self._beside("before-update"))
            else:
                shutil.rmtree(self._present)
        except OSError as error:
            raise ConfigurationProblem("update_not_kept", problem=system_problem(error)) from error
        return is_other

    def note(self) -> dict[str, Any]:
        """Return what was noted of the program before. Raises NotFound where none is kept."""
        try:
            found: dict[str, Any] = json.loads((self.kept / _NOTE).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise NotFound("update_nothing_kept", folder=self.environment) from error
        return found

    def add_to_note(self, **more: str | bool | None) -> None:
        """Note something more of the program before."""
        path = self.kept / _NOTE
        # A note that was cut off would lose the way back.
        whole = path.with_suffix(".new")
        whole.write_text(json.dumps({**self.note(), **more}), encoding="utf-8")
        whole.replace(path)

    def fetch(self, package: str | None) -> None:
        """
        Fetch the newest version, or `package`: a file of it, or what an installer understands.

        Raises ConfigurationProblem with the installer's last words.
        """
        if self.clone:
            self._git("pull", "--ff-only", "--quiet")
            _run([str(self.clone / "tools" / "setup.sh"), self._layer()], self.clone)
            return
        variables = {"UV_TOOL_DIR": self.environment.parent, "PIPX_HOME": self.environment.parents[1]}
        if linked := self._linked_from():
            variables |= {"UV_TOOL_BIN_DIR": linked, "PIPX_BIN_DIR": linked}
        tool = ["uv", "tool"] if self.kind == "uv" else ["pipx"]
        words = [*tool, "install", "--force", package] if package else [*tool, "upgrade", _PACKAGE]
        _run(words, None, {name: str(value) for name, value in variables.items()})

    def put_back(self) -> None:
        """Put the program before into its place again. Raises NotFound, ConfigurationProblem."""
        commit = self.note()["commit"]
        away = self._beside("after-update")
        try:
            shutil.rmtree(away, ignore_errors=True)
            if self.clone and commit:
                # What somebody has changed in the clone stays.
                self._git("reset", "--quiet", "--keep", commit)
            self.environment.rename(away)
            self.kept.rename(self.environment)
            (self.environment / _NOTE).unlink()
        except OSError as error:
            raise ConfigurationProblem("update_not_kept", problem=system_problem(error)) from error
        shutil.rmtree(away, ignore_errors=True)

    def _layer(self) -> str:
        """Return which layer of requirements is installed in a clone."""
        layers = ("all", "test", "runtime")
        return next((one for one in layers if (self.environment / f".ready-{one}").exists()), "runtime")

    def _linked_from(self) -> Path | None:
        """Return the folder with the link to this program by which the shell finds it."""
        for folder in os.environ.get("PATH", "").split(os.pathsep):
            link = Path(folder) / "capsule"
            if link.is_symlink() and link.resolve() == self.command.resolve():
                return link.parent
        return None

    def _libraries(self, folder: str, _names: list[str]) -> set[str]:
        return {"lib"} if Path(folder) == self.environment else set()

    @property
    def _present(self) -> Path:
        """The program before, as long as an update is under way."""
        return self._beside("before-this-update")

    def _beside(self, name: str) -> Path:
        # Installers take every folder beside the environment of a tool for another tool.
        folder = self.environment.parent if self.clone else self.environment.parents[1]
        return folder / f"{self.environment.name}.{name}"

    def _commit(self) -> str | None:
        return self._git("rev-parse", "HEAD").strip() if self.clone else None

    def _git(self, *words: str) -> str:
        return _run(["git", *words], self.clone)


def installed_program() -> Program:
    """Return how this program was installed. Raises ConfigurationProblem where only somebody else knows."""
    environment = Path(sys.prefix)
    clone = Path(__file__).resolve().parents[3]
    if (clone / ".git").exists() and (clone / "tools" / "setup.sh").exists():
        return Program(kind="clone", environment=environment, clone=clone)
    if (environment / "uv-receipt.toml").exists():
        return Program(kind="uv", environment=environment)
    if (environment / "pipx_metadata.json").exists():
        return Program(kind="pipx", environment=environment)
    raise ConfigurationProblem("update_installed_otherwise", folder=environment)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or no such links there
        shutil.copy2(source, target)


def _run(command: Sequence[str], folder: Path | None, more: Mapping[str, str] | None = None) -> str:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **(more or {})},
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise ConfigurationProblem(
            "update_command_failed", command=command[0], problem=system_problem(error)
        ) from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or str(done.returncode)).splitlines()[-1]
        problem = CapsuleError("other", sentence=said.rstrip("."))
        raise ConfigurationProblem("update_command_failed", command=" ".join(command), problem=problem)
    return done.stdout
