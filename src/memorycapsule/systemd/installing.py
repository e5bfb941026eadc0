"""Putting our units where systemd finds them, and taking them away again."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Iterable
from pathlib import Path

import platformdirs

from memorycapsule.errors import CapsuleError, ConfigurationProblem, system_problem
from memorycapsule.systemd.units import ACCOUNT, MARK, NAMES, Installation, unit_files

_SYSTEM_UNITS = Path("/etc/systemd/system")
_SYSUSERS = Path("/etc/sysusers.d") / f"{ACCOUNT}.conf"
#: There only where systemd is what this machine was started by (sd_booted(3)).
_BOOTED = Path("/run/systemd/system")


class Systemd:
    """The systemd of the whole machine, or that of the person who asks."""

    def __init__(self, *, is_own: bool) -> None:
        self._is_own = is_own
        self._scope = ["--user"] if is_own else []
        #: Where its units lie.
        self.folder = platformdirs.user_config_path("systemd") / "user" if is_own else _SYSTEM_UNITS

    @property
    def is_running(self) -> bool:
        """Whether it can be asked to start something."""
        if not self._is_own:
            return _BOOTED.is_dir()
        runtime = os.environ.get("XDG_RUNTIME_DIR")
        return bool(runtime) and (Path(str(runtime)) / "systemd" / "private").exists()

    def start(self, unit: str) -> None:
        """Have a unit run now, by its text of now, and at every start. Raises ConfigurationProblem."""
        self._ask("daemon-reload")
        self._ask("enable", unit)
        self._ask("restart", unit)

    def stop(self, units: Iterable[str]) -> None:
        """Stop units, and let them start no more. Raises ConfigurationProblem."""
        self._ask("disable", "--now", *units)

    def pause(self, unit: str) -> None:
        """Stop a unit until `resume`, or until the machine starts again. Raises ConfigurationProblem."""
        self._ask("stop", unit)

    def resume(self, unit: str) -> None:
        """Start a unit that was paused. Raises ConfigurationProblem."""
        self._ask("start", unit)

    def forget(self) -> None:
        """Have it look which units there are. Raises ConfigurationProblem."""
        self._ask("daemon-reload")

    def _ask(self, *words: str) -> None:
        _run("systemctl", *self._scope, *words)


def installed(folder: Path) -> list[Path]:
    """Return the units of ours that lie in a folder."""
    return [path for path in (folder / name for name in NAMES) if path.exists() and _is_ours(path)]


def write(installation: Installation, folder: Path) -> list[Path]:
    """
    Write the units into a folder, and return their paths.

    Raises ConfigurationProblem where a file of that name is not ours, or is that of another instance, and before
    anything is written.
    """
    texts = {folder / name: text for name, text in unit_files(installation).items()}
    for path, text in texts.items():
        if path.exists() and not _is_ours(path):
            raise ConfigurationProblem("service_file_of_others", file=path)
        if path.exists() and _instance_of(path.read_text(encoding="utf-8")) != _instance_of(text):
            raise ConfigurationProblem("service_of_other_instance", file=path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            path.write_text(text, encoding="utf-8")
            # Units are no secret; systemd warns of those that others cannot read.
            path.chmod(0o644)
    except OSError as error:
        raise ConfigurationProblem(
            "service_unwritten", folder=folder, problem=system_problem(error)
        ) from error
    return list(texts)


def remove(paths: Iterable[Path]) -> None:
    """Remove units of ours. Raises ConfigurationProblem."""
    for path in paths:
        try:
            path.unlink()
        except OSError as error:
            raise ConfigurationProblem(
                "service_unwritten", folder=path.parent, problem=system_problem(error)
            ) from error


def make_account() -> None:
    """Make the account of the service (sysusers.d(5)), if it is not there. Raises ConfigurationProblem."""
    try:
        _SYSUSERS.parent.mkdir(exist_ok=True)
        _SYSUSERS.write_text(f'{MARK}\nu {ACCOUNT} - "MemoryCapsule" /var/lib/{ACCOUNT}\n', encoding="utf-8")
    except OSError as error:
        raise ConfigurationProblem(
            "service_unwritten", folder=_SYSUSERS.parent, problem=system_problem(error)
        ) from error
    _run("systemd-sysusers", str(_SYSUSERS))


def forget_account() -> None:
    """Remove the file that makes the account; the account stays, since files belong to it."""
    if _SYSUSERS.exists() and _is_ours(_SYSUSERS):
        _SYSUSERS.unlink()


def hand_over(paths: Iterable[Path], account: str) -> None:
    """Give files, and folders with all that is in them, to an account. Raises ConfigurationProblem."""
    entry = pwd.getpwnam(account)
    try:
        for path in paths:
            os.chown(path, entry.pw_uid, entry.pw_gid, follow_symlinks=False)
            for folder, folders, files in os.walk(path):
                for name in (*folders, *files):
                    os.chown(Path(folder) / name, entry.pw_uid, entry.pw_gid, follow_symlinks=False)
    except OSError as error:
        raise ConfigurationProblem("service_unwritten", folder=path, problem=system_problem(error)) from error


def refuse_out_of_reach(paths: Iterable[Path], account: str) -> None:
    """
    Raise ConfigurationProblem for a path with a folder above it that an account may not enter.

    One that is not there yet may enter what everybody may.
    """
    try:
        entry = pwd.getpwnam(account)
    except KeyError:
        user, groups = None, set[int]()
    else:
        user, groups = entry.pw_uid, set(os.getgrouplist(account, entry.pw_gid))
    for path in paths:
        for folder in path.parents:
            status = folder.stat()
            shift = 6 if status.st_uid == user else 3 if status.st_gid in groups else 0
            if not status.st_mode >> shift & 1:
                raise ConfigurationProblem("service_out_of_reach", path=path, folder=folder, account=account)


def linger() -> bool:
    """Have this person's services run while nobody is logged in; say whether that was allowed."""
    try:
        _run("loginctl", "enable-linger")
    except ConfigurationProblem:
        return False
    return True


def _instance_of(text: str) -> str:
    """Return which configuration the command line of a unit names, or nothing where it has none."""
    line = next((line for line in text.splitlines() if line.startswith("ExecStart=")), "")
    return line.partition(" --config ")[2].rpartition(" ")[0]


def _is_ours(path: Path) -> bool:
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.readline().rstrip("\n") == MARK


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise ConfigurationProblem(
            "service_command_failed", command=" ".join(command), problem=system_problem(error)
        ) from error
    if done.returncode:
        said = done.stderr.strip().splitlines() or [str(done.returncode)]
        problem = CapsuleError("other", sentence=said[-1].rstrip("."))
        raise ConfigurationProblem("service_command_failed", command=" ".join(command), problem=problem)
