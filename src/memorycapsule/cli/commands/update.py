"""
update: a newer version of this program, in steps of which each can be undone.

The program changes beneath its own feet. So everything that comes after is done by children, which are the program that
is there then, and nothing is loaded here any more.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memorycapsule import __version__
from memorycapsule.cli.door import Door, door_of, is_interactive
from memorycapsule.cli.environment import refuse_elsewhere
from memorycapsule.cli.installation import Program, installed_program
from memorycapsule.cli.options import examples
from memorycapsule.cli.prompts import confirm
from memorycapsule.errors import (
    CapsuleError,
    ConfigurationProblem,
    NotAllowed,
    Unexpected,
    UsageProblem,
    system_problem,
)

if TYPE_CHECKING:
    from memorycapsule.config import Settings

#: How long a daemon may take to say that it is well.
_DEADLINE_SECONDS = 120
#: What SQLite keeps beside a database.
_SIDES = ("", "-wal", "-shm")


def update(
    ctx: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[DIR]", help="The folder of backups.", show_default=False),
    ] = None,
    package: Annotated[
        str | None,
        typer.Option(
            "--package", metavar="FILE", help="Not the newest version, but this wheel.", show_default=False
        ),
    ] = None,
    back: Annotated[bool, typer.Option("--back", help="Take the version before again.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """
    Bring this program up to date: back up, fetch, bring the database along, start the service again.

    What does not work is undone by itself, and --back goes back later on. It works for a clone, and for what uv or
    pipx has installed.
    """
    door = door_of(ctx)
    door.refuse_acting_as()
    refuse_elsewhere()
    settings = door.settings()
    if settings.cluster:
        raise NotAllowed("update_of_cluster")
    if back == (folder is not None):
        raise UsageProblem("update_folder_or_back")
    program = installed_program()
    if package and (back or program.clone):
        raise UsageProblem("update_package_of_tool")
    run = _Updating(door, settings, program)
    if back:
        _go_back(run, is_asked=not yes)
        return
    program.refuse_cut_off()
    words = door.out.words
    door.out.note(words("cli_update_backs_up", folder=folder))
    assert folder is not None
    run.make_own(folder)
    run.answer_of("backup", str(folder))
    with run.standing_still():
        door.out.note(words("cli_update_fetches"))
        at = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
        revision = run.revision()
        run.program.keep(
            {"version": __version__, "at": at, "revision": revision, "copy": None, "can_go_back": True}
        )
        try:
            run.program.fetch(package)
            database = run.answer_of("db", "upgrade")["database"]
            copy = database["copy"]
            # Of a Postgres no copy is made: what is there after a migration is for the newer program alone.
            can_go_back = bool(copy) or database["from"] == database["revision"]
            run.program.add_to_note(copy=copy, can_go_back=can_go_back)
            version = run.answer_of("--version")["version"]
            run.start()
        except (CapsuleError, OSError, LookupError, KeyboardInterrupt) as error:
            problem = _problem_of(error)
            run.note_what_was_cut_off()
            if not run.program.note()["can_go_back"]:
                raise CapsuleError("update_not_undone", problem=problem) from error
            run.stop()
            run.put_back()
            if isinstance(error, KeyboardInterrupt):
                raise
            raise CapsuleError("update_undone", version=__version__, problem=problem) from error
    is_other = run.program.settle(version)
    door.out.answer({"update": {"from": __version__, "version": version, "changed": is_other, "copy": copy}})
    key = "cli_update_done" if is_other else "cli_update_same"
    door.out.say(words(key, before=__version__, version=version))


def _problem_of(error: BaseException) -> CapsuleError:
    if isinstance(error, CapsuleError):
        return error
    return system_problem(error) if isinstance(error, OSError) else Unexpected()


def _go_back(run: _Updating, *, is_asked: bool) -> None:
    """Take the program before again, and the database that it knows. Raises NotFound, ConfigurationProblem."""
    run.note_what_was_cut_off()
    door, note = run.door, run.program.note()
    if not note["can_go_back"]:
        raise ConfigurationProblem("update_back_postgres")
    if note["copy"] and is_asked:
        if not is_interactive(door):
            raise UsageProblem("update_back_needs_yes", at=note["at"])
        confirm(door.out.words, door.out.words("cli_update_ask_back", at=note["at"]), default=False)
    with run.standing_still():
        run.put_back()
        run.start()
    answer = {"from": __version__, "version": note["version"], "changed": True, "copy": note["copy"]}
    door.out.answer({"update": answer})
    door.out.say(door.out.words("cli_update_back", version=note["version"]))
    if note["copy"]:
        door.out.say(door.out.words("cli_update_back_database", at=note["at"]))


class _Updating:
    """One update: the program, and what runs it."""

    def __init__(self, door: Door, settings: Settings, program: Program) -> None:
        from memorycapsule.store.schema import copies_of
        from memorycapsule.systemd import installing, units

        # Loaded before the update, which puts another version's files in its place.
        self._copies_of = copies_of
        self.door, self.settings, self.program = door, settings, program
        self._systemd = installing.Systemd(is_own=os.geteuid() != 0)
        files = {path.name for path in installing.installed(self._systemd.folder)}
        found = [unit for unit in (units.TIMER, units.SERVICE) if unit in files]
        self._unit = found[0] if found and self._systemd.is_running else None
        self._has_daemon = self._unit == units.SERVICE
        # What root changes the program for may be an account that could not read what root writes.
        owner = settings.data_dir.stat()
        is_for_other = os.geteuid() == 0 and owner.st_uid != 0
        self._owner = (owner.st_uid, owner.st_gid) if is_for_other else None

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Let no daemon work meanwhile. Raises ConfigurationProblem for one that is no service of ours."""
        from memorycapsule.work.lock import is_held

        self.stop()
        if is_held(self.settings.data_dir):
            raise ConfigurationProblem("update_beside_daemon")
        try:
            yield
        except BaseException:
            # Whatever came of it, openings go on.
            if self._unit:
                self._systemd.resume(self._unit)
            raise

    def stop(self) -> None:
        if self._unit:
            self._systemd.pause(self._unit)

    def start(self) -> None:
        """Start the service, and wait until it says that it is well. Raises CapsuleError."""
        if not self._unit:
            return
        self._systemd.resume(self._unit)
        until = time.monotonic() + _DEADLINE_SECONDS
        while self._has_daemon:
            try:
                self.answer_of("healthcheck")
            except CapsuleError:
                if time.monotonic() > until:
                    raise
                time.sleep(1)
            else:
                return

    def make_own(self, folder: Path) -> None:
        """Make a folder of backups for whom the data folder belongs to. Raises ConfigurationProblem."""
        if self._owner and not folder.exists():
            try:
                folder.mkdir(mode=0o700, parents=True)
                os.chown(folder, *self._owner)
            except OSError as error:
                problem = system_problem(error)
                raise ConfigurationProblem("service_unwritten", folder=folder, problem=problem) from error

    def revision(self) -> str:
        """Return what the database is at. Raises CapsuleError where that does not fit the program that is there."""
        return str(self.answer_of("db", "check")["database"]["revision"])

    def note_what_was_cut_off(self) -> None:
        """Note the copy of an upgrade of the database that was whole and yet was not told of. Raises NotFound."""
        note, database = self.program.note(), self.settings.database_path
        try:
            revision = self.revision()
        except CapsuleError:
            return  # It happens whole or not at all, and the newer program does not find it.
        if revision == note["revision"] or note["copy"]:
            return
        copies = self._copies_of(database) if database else []
        copy = str(copies[-1]) if copies else None
        self.program.add_to_note(copy=copy, can_go_back=copy is not None)

    def put_back(self) -> None:
        """Put the program before into its place, and the database as it was before that one was changed."""
        copy = self.program.note()["copy"]
        database = self.settings.database_path
        self.program.put_back()
        if not copy or not database:
            return
        status = database.stat()
        stamp = f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
        for side in _SIDES:
            path = database.with_name(database.name + side)
            if path.exists():
                path.rename(path.with_name(f"{database.name}.after-update-{stamp}{side}"))
        # A copy is kept, as that of every upgrade.
        shutil.copy2(copy, database)
        os.chown(database, status.st_uid, status.st_gid)

    def answer_of(self, *words: str) -> dict[str, Any]:
        """Return what a command of the program that is there now answers. Raises CapsuleError."""
        command: Sequence[str] = [str(self.program.command), "--json", "--lang", self.door.out.language]
        if self.settings.config_file and self.settings.config_file.exists():
            command = [*command, "--config", str(self.settings.config_file)]
        user, group = self._owner or (None, None)
        done = subprocess.run(
            [*command, *words],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            user=user,
            group=group,
            extra_groups=[] if self._owner else None,
        )
        try:
            answer: dict[str, Any] = json.loads(done.stdout)
        except ValueError:
            answer = {}
        if done.returncode or not answer:
            said = answer.get("error", {}).get("message") or (done.stderr.strip().splitlines() or ["?"])[-1]
            problem = CapsuleError("other", sentence=said.rstrip("."))
            raise CapsuleError("update_step_failed", command=" ".join(("capsule", *words)), problem=problem)
        return answer


def register(app: typer.Typer) -> None:
    """Add this command to `capsule`."""
    app.command("update", epilog=examples("capsule update /media/usb/capsule", "capsule update --back"))(
        update
    )
