"""install-service, uninstall-service, healthcheck: running under systemd, and asking a daemon how it is."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memorycapsule.cli.door import Door, door_of
from memorycapsule.cli.environment import refuse_elsewhere
from memorycapsule.cli.options import examples
from memorycapsule.errors import (
    Busy,
    NotAllowed,
    NotFound,
    NotInitialised,
    Unwell,
    UsageProblem,
    system_problem,
)

if TYPE_CHECKING:
    from memorycapsule.config import Settings
    from memorycapsule.systemd.units import Installation

_TIMEOUT_SECONDS = 5

UserOption = Annotated[bool, typer.Option("--user", help="In your own systemd: for you alone, without root.")]
SystemOption = Annotated[bool, typer.Option("--system", help="In the systemd of this machine; as root.")]


def install_service(
    ctx: typer.Context,
    user: UserOption = False,
    system: SystemOption = False,
    timer: Annotated[
        bool, typer.Option("--timer", help="No daemon: a timer that runs `capsule tick` every 5 minutes.")
    ] = False,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FOLDER", help="Only write the files there, and start nothing."),
    ] = None,
) -> None:
    """
    Have systemd run the service, now and at every start of the machine.

    The units are written for this instance as it is: after its folders or the program have moved, do it again.
    --system runs it as the account that its data folder belongs to, and makes one where that is root.
    """
    door = door_of(ctx)
    is_own = _is_own(user=user, system=system)
    if to is None and not is_own:
        _refuse_without_root()
    install(door, door.settings(), is_own=is_own, by_timer=timer, to=to)


def uninstall_service(ctx: typer.Context, user: UserOption = False, system: SystemOption = False) -> None:
    """
    Stop what `install-service` has started, and remove its units.

    Capsules, keys and the configuration stay as they are.
    """
    from memorycapsule.systemd import installing

    door = door_of(ctx)
    door.refuse_acting_as()
    refuse_elsewhere()
    is_own = _is_own(user=user, system=system)
    if not is_own:
        _refuse_without_root()
    systemd = installing.Systemd(is_own=is_own)
    paths = installing.installed(systemd.folder)
    if not paths:
        raise NotFound("service_missing", folder=systemd.folder)
    _take_away(systemd, paths)
    if not is_own:
        installing.forget_account()
    door.out.answer({"service": {"removed": [str(path) for path in paths]}})
    for path in paths:
        door.out.say(door.out.words("cli_service_removed", file=path))


def healthcheck(ctx: typer.Context) -> None:
    """
    Ask the running daemon whether it is well; exit 1 when it is not, or does not run.

    For whoever restarts what is not: a container's health check, a monitor.
    """
    door = door_of(ctx)
    refuse_elsewhere()
    url, answer = ask_health(door.settings())
    age = answer["heartbeat_age_seconds"]
    door.out.answer({"health": {"url": url, "status": answer["status"], "heartbeat_age_seconds": age}})
    door.out.say(door.out.words("cli_health_good", url=url, seconds=f"{age:.0f}"))


def ask_health(settings: Settings) -> tuple[str, dict[str, Any]]:
    """Return the address of the daemon of a data folder, and what its /healthz says. Raises Unwell."""
    import http.client
    import json
    from urllib.parse import urlsplit

    from memorycapsule.work.lock import holder_local_url, is_held

    url = holder_local_url(settings.data_dir)
    if url is None:
        raise Unwell("daemon_starting" if is_held(settings.data_dir) else "daemon_missing")
    parts = urlsplit(url)
    # No proxy of the environment is asked: the daemon is on this machine.
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/healthz")
        answer = json.loads(connection.getresponse().read())
        status, age = answer["status"], float(answer["heartbeat_age_seconds"])
    except OSError as error:
        raise Unwell("daemon_silent", url=url, problem=system_problem(error)) from error
    except (http.client.HTTPException, ValueError, KeyError, TypeError) as error:
        raise Unwell("daemon_unintelligible", url=url) from error
    finally:
        connection.close()
    if status != "ok":
        raise Unwell("daemon_stuck", url=url, seconds=round(age))
    return url, answer


def install(
    door: Door, settings: Settings, *, is_own: bool, by_timer: bool = False, to: Path | None = None
) -> None:
    """
    Write the units of an instance, start them where systemd runs, and say so.

    With `to` they are only written, into that folder. Raises NotInitialised without an instance, Busy while a daemon
    runs that is no service of ours, and ConfigurationProblem.
    """
    from memorycapsule.systemd import installing
    from memorycapsule.systemd.units import ACCOUNT
    from memorycapsule.work.lock import is_held

    refuse_elsewhere()
    _refuse_uninitialised(settings)
    installation = _installation(settings, is_own=is_own, by_timer=by_timer)
    systemd = installing.Systemd(is_own=is_own)
    folder = to.absolute() if to else systemd.folder
    before = installing.installed(folder)
    if not to and not before and is_held(settings.data_dir):
        raise Busy
    is_handed_over = not to and installation.account == ACCOUNT
    if not to and installation.account:
        _prepare_account(installation)
    written = installing.write(installation, folder)
    starts = not to and systemd.is_running
    if others := [path for path in before if path not in written]:
        installing.remove(others) if to else _take_away(systemd, others)
    if starts:
        systemd.start(installation.to_start)
    door.out.answer(
        {
            "service": {
                "unit": installation.to_start,
                "files": [str(path) for path in written],
                "account": installation.account,
                "started": starts,
            }
        }
    )
    for path in written:
        door.out.say(door.out.words("cli_service_written", file=path))
    if is_handed_over:
        words = " ".join([*installation.program, "..."])
        door.out.say(door.out.words("cli_service_handed_over", account=installation.account, command=words))
    if starts:
        scope = "systemctl --user" if is_own else "systemctl"
        door.out.say(door.out.words("cli_service_started", unit=installation.to_start, command=scope))
        if is_own and not installing.linger():
            door.out.warn(door.out.words("cli_service_no_linger"))
    elif not to:
        door.out.warn(door.out.words("cli_service_not_started", unit=installation.to_start))


def _installation(settings: Settings, *, is_own: bool, by_timer: bool) -> Installation:
    from memorycapsule.systemd.units import Installation

    command = Path(sys.executable).with_name("capsule")
    return Installation(
        settings=settings,
        program=[str(command)] if command.exists() else [sys.executable, "-m", "memorycapsule.cli"],
        account=None if is_own else _account(settings),
        by_timer=by_timer,
    )


def _account(settings: Settings) -> str:
    """Return the account that a data folder belongs to, or the service's own where that is root."""
    from memorycapsule.systemd.units import ACCOUNT

    owner = settings.data_dir.stat().st_uid
    if owner == 0:
        return ACCOUNT
    import pwd

    try:
        return pwd.getpwuid(owner).pw_name
    except KeyError:
        return str(owner)


def _prepare_account(installation: Installation) -> None:
    """Make the account where it is the service's own, give it what belongs to root, and see that it reaches all."""
    from memorycapsule.systemd import installing
    from memorycapsule.systemd.units import ACCOUNT
    from memorycapsule.work.lock import FolderLock

    settings, account = installation.settings, installation.account
    assert account is not None
    files = installation.config_files
    if account != ACCOUNT:
        installing.refuse_out_of_reach([settings.data_dir, *installation.program_paths, *files[:-1]], account)
        return
    # What else lies in a folder of this name is ours as well, such as a recovery key.
    own = {settings.data_dir, *(path.parent if path.parent.name == ACCOUNT else path for path in files)}
    installing.refuse_out_of_reach([*own, *installation.program_paths], account)
    installing.make_account()
    with FolderLock(settings.data_dir):
        installing.hand_over(own, account)


def _take_away(systemd: Any, paths: list[Path]) -> None:
    from memorycapsule.systemd import installing

    if systemd.is_running:
        systemd.stop([path.name for path in paths])
    installing.remove(paths)
    if systemd.is_running:
        systemd.forget()


def _is_own(*, user: bool, system: bool) -> bool:
    if user == system:
        raise UsageProblem("service_of_whom")
    return user


def _refuse_without_root() -> None:
    if os.geteuid() != 0:
        raise NotAllowed("service_needs_root")


def _refuse_uninitialised(settings: Settings) -> None:
    path = settings.database_path
    if not settings.data_dir.is_dir() or (path is not None and not path.exists()):
        raise NotInitialised


def register(app: typer.Typer) -> None:
    """Add these commands to `capsule`."""
    app.command(
        "install-service",
        epilog=examples(
            "capsule install-service --user",
            "sudo capsule install-service --system",
            "capsule install-service --user --timer",
        ),
    )(install_service)
    app.command("uninstall-service", epilog=examples("capsule uninstall-service --user"))(uninstall_service)
    app.command("healthcheck", epilog=examples("capsule healthcheck"))(healthcheck)
