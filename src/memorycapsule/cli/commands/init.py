"""init: from nothing to an instance, in steps of which each can be done again."""

from __future__ import annotations

import errno
import getpass
import os
import re
import shlex
import shutil
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memorycapsule.cli import prompts
from memorycapsule.cli.commands.access import show_link
from memorycapsule.cli.door import Door, door_of, is_interactive
from memorycapsule.cli.options import examples
from memorycapsule.cli.recovery_key import (
    NewRecoveryFileOption,
    RecoveryKey,
    RecoveryRecipientOption,
    recovery_key,
    refuse_both,
)
from memorycapsule.errors import (
    ConfigurationProblem,
    NotInitialised,
    UsageProblem,
    system_problem,
)

if TYPE_CHECKING:
    from memorycapsule.config import Settings
    from memorycapsule.store.transactions import Store

#: What hands the samples of `capsule proxy` to the proxies that may be on a machine.
_PROXIES = {
    "nginx": "{program} proxy nginx | sudo tee /etc/nginx/conf.d/capsule.conf && sudo nginx -s reload",
    "caddy": "{program} proxy caddy | sudo tee -a /etc/caddy/Caddyfile && sudo systemctl reload caddy",
}
#: So many ports are looked at for one that is free.
_PORTS_TRIED = 20


def init(
    ctx: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    admin: Annotated[
        str | None, typer.Option("--admin", metavar="EMAIL", help="Your address: the admin's.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="What the others call you.")
    ] = None,
    recovery_recipient: RecoveryRecipientOption = None,
    recovery_file: NewRecoveryFileOption = None,
) -> None:
    """
    Set up an instance.

    That is a data folder, a database, keys and a configuration. The recovery key is shown once. It opens
    the capsules when the instance key is lost: keep it on paper, elsewhere.
    """
    from memorycapsule.work.lock import FolderLock

    door = door_of(ctx)
    settings = door.settings(file_must_exist=False)
    refuse_both(recovery_recipient, recovery_file)
    answers = None
    if is_interactive(door) and not yes:
        _refuse_second(door, settings)
        answers = prompts.ask(
            door.out.words,
            settings,
            _checks(door),
            admin=admin,
            folder=_usual_folder(settings),
            port=_free_port(settings),
        )
    written = answers.settings if answers else _usual_settings(settings)
    settings = door.settings(written, file_must_exist=False)
    _refuse_second(door, settings)
    address = _checked_admin(admin or (answers.admin if answers else _usual_address()))
    _make_folder(settings.data_dir)
    with FolderLock(settings.data_dir):
        recovery = recovery_key(
            door,
            settings,
            recipient=recovery_recipient,
            file=recovery_file,
            usual_file=settings.key_file.with_name("recovery.key"),
        )
        _write_config(settings, written)
        set_up_url = _make(door, settings, address, name or address.partition("@")[0], recovery)
    _tell(door, settings, address, recovery, set_up_url)


def _checks(door: Door) -> prompts.Checks:
    """Return how answers are tried on this machine."""
    from memorycapsule.app import send_trial_letter

    def with_answers(found: dict[str, Any]) -> Settings:
        return door.settings(found, file_must_exist=False)

    def free_bytes(folder: str) -> int:
        settings = with_answers({"data_dir": folder})
        _refuse_second(door, settings)
        return _room(settings.data_dir)

    return prompts.Checks(
        settings=with_answers,
        mail=lambda found, address: send_trial_letter(with_answers(found), address),
        port=lambda port: _refuse_used_port(with_answers({"daemon.port": port})),
        folder=free_bytes,
    )


def _usual_folder(settings: Settings) -> Path:
    """Return where the data of this configuration belongs: that of a whole machine is no person's."""
    from memorycapsule.config import sources

    is_of_machine = settings.config_file == sources.SYSTEM_CONFIG_FILE
    return sources.SYSTEM_DATA_DIR if is_of_machine else settings.data_dir


def _usual_settings(settings: Settings) -> dict[str, Any]:
    """Return what a new configuration says where nobody is asked."""
    assert settings.config_file is not None
    folder = _usual_folder(settings)
    is_open = settings.origins["data_dir"] == "default" and not settings.config_file.exists()
    return {"data_dir": str(folder)} if is_open and folder != settings.data_dir else {}


def _room(folder: Path) -> int:
    """
    Return how many bytes are free where a folder is or would be made.

    Raises ConfigurationProblem where it cannot be made, UsageProblem where photos and films would have no room.
    """
    from memorycapsule import disk

    there = next(one for one in (folder, *folder.parents) if one.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        problem = system_problem(OSError(errno.EACCES if there.is_dir() else errno.ENOTDIR, ""))
        raise ConfigurationProblem("init_no_folder", folder=folder, problem=problem)
    free = disk.free_bytes(there)
    if free < disk.LOW_BYTES:
        raise UsageProblem("folder_too_small", megabytes=free // 10**6, needed=disk.LOW_BYTES // 10**6)
    return free


def _free_port(settings: Settings) -> int:
    """Return the port of the settings, or the next one that no other program listens on."""
    port = settings.daemon.port
    near = range(port, min(port + _PORTS_TRIED, 65_536))
    return next((one for one in near if _port_problem(settings.daemon.host, one) is None), port)


def _refuse_used_port(settings: Settings) -> None:
    """Raise ConfigurationProblem when the daemon could not listen, as the daemon itself would."""
    port = settings.daemon.port
    if problem := _port_problem(settings.daemon.host, port):
        is_taken = problem.errno == errno.EADDRINUSE
        raise ConfigurationProblem(
            "daemon_port_taken" if is_taken else "daemon_port_forbidden", port=port, setting="daemon.port"
        )


def _port_problem(host: str, port: int) -> OSError | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        return error
    return None


def _refuse_second(door: Door, settings: Settings) -> None:
    """
    Raise ConfigurationProblem when there is an instance already, or what is left of one.

    A half-made one is no instance. Nothing has been written yet when this is called.
    """
    from memorycapsule.app import refuse_unused_data

    path = settings.database_path
    # An empty file is not opened, since opening it would make a database of it.
    if path is None or (path.exists() and path.stat().st_size):
        with door.store(settings, checked=False) as store:
            if _has_instance(store):
                raise ConfigurationProblem("init_already", folder=settings.data_dir)
    refuse_unused_data(settings)


def _has_instance(store: Store) -> bool:
    from memorycapsule.services import keys
    from memorycapsule.store import schema

    try:
        schema.check(store)
        keys.status(store)
    except NotInitialised:
        return False
    return True


def _checked_admin(address: str) -> str:
    from memorycapsule.domain.people import checked_address

    return checked_address(address)


def _usual_address() -> str:
    """Return the address that the environment suggests: $EMAIL, as many programs read it, or the login name."""
    if given := os.environ.get("EMAIL"):
        return given
    try:
        login = getpass.getuser()
    except (OSError, KeyError):  # a container's user id without a name
        login = "admin"
    return f"{re.sub(r'[^a-z0-9._-]', '', login.lower()) or 'admin'}@localhost"


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid == os.getuid():
            folder.chmod(0o700)
    except OSError as error:
        raise ConfigurationProblem("init_no_folder", folder=folder, problem=system_problem(error)) from error


def _write_config(settings: Settings, answers: dict[str, Any]) -> None:
    from memorycapsule.config import write_config

    path = settings.config_file
    assert path is not None
    if not path.exists():
        write_config(path, answers)


def _make(door: Door, settings: Settings, address: str, name: str, recovery: RecoveryKey) -> str | None:
    """
    Make key and database, and last the row that makes it an instance, once the recovery key has been said.

    Returns the link that signs the admin in for the first time; None while nobody knows the daemon's address.
    """
    from memorycapsule import clock
    from memorycapsule.domain.people import checked_name
    from memorycapsule.seal.keys import InstanceKey
    from memorycapsule.services import instances, letters
    from memorycapsule.store import schema

    checked_name(name)
    # A key that is there already, of a run that was cut off or brought along, is never replaced.
    exists = settings.key_file.exists()
    key = InstanceKey.load(settings.key_file) if exists else InstanceKey.create(settings.key_file)
    set_up_url: str | None = None

    def say(token: str) -> None:
        nonlocal set_up_url
        if settings.public_url or settings.daemon.port != 0:
            set_up_url = letters.set_up_url(settings.public_url or settings.public_base_url, token)
        _answer(door, settings, address, recovery, set_up_url)
        recovery.show(door)

    with door.store(settings, checked=False) as store:
        schema.upgrade(store, with_engine=settings.cluster)
        if settings.database_path:
            settings.database_path.chmod(0o600)
        instances.initialise(
            store,
            key,
            admin_address=address,
            admin_name=name,
            locale=settings.locale,
            recovery_recipient=recovery.recipient,
            say=say,
            clock=clock.Clock(),
        )
    return set_up_url


def _answer(
    door: Door, settings: Settings, address: str, recovery: RecoveryKey, set_up_url: str | None
) -> None:
    door.out.answer(
        {
            "instance": {
                "admin": address,
                "config_file": str(settings.config_file),
                "data_dir": str(settings.data_dir),
                "key_file": str(settings.key_file),
                "database": settings.shown()["store_url"],
            },
            "recovery": recovery.answer,
            "set_up_url": set_up_url,
        }
    )


def _tell(
    door: Door, settings: Settings, address: str, recovery: RecoveryKey, set_up_url: str | None
) -> None:
    words = door.out.words
    door.out.say(words("cli_init_places", folder=settings.data_dir, file=settings.config_file))
    door.out.say(words("cli_init_key", file=settings.key_file))
    if recovery.file:
        door.out.say(words("cli_init_recovery_file", file=recovery.file))
    if address.endswith("@localhost"):
        door.out.warn(words("cli_init_local_address", address=address))
    if set_up_url and not door.out.is_quiet:
        show_link(
            door,
            words("cli_init_set_up_link"),
            set_up_url,
            with_drawing=not settings.public_url_is_loopback,
        )
    door.out.say(words("cli_init_next"))
    _tell_how_it_stays(door, settings)


def _tell_how_it_stays(door: Door, settings: Settings) -> None:
    """Say what starts it by itself on this machine, and what leads guests to it."""
    words, program = door.out.words, _program()
    if door.config_file or "CAPSULE_CONFIG" in os.environ:
        program = f"{program} --config {shlex.quote(str(settings.config_file))}"
    if shutil.which("systemctl"):
        scope = "--system" if os.getuid() == 0 else "--user"
        door.out.say(words("cli_init_service", command=f"{program} install-service {scope}"))
    if settings.public_url and not settings.public_url_is_loopback:
        for proxy, command in _PROXIES.items():
            if shutil.which(proxy, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"):
                told = command.format(program=program)
                door.out.say(words("cli_init_proxy", proxy=proxy, url=settings.public_url, command=told))


def _program() -> str:
    """Return what one types for this program: its name where the shell finds it, otherwise its path."""
    path = Path(sys.executable).with_name("capsule")
    found = shutil.which(path.name)
    return path.name if found and Path(found).resolve() == path.resolve() else shlex.quote(str(path))


def register(app: typer.Typer) -> None:
    """Add this command to `capsule`."""
    app.command(
        "init",
        epilog=examples(
            "capsule init",
            "capsule init --yes --admin you@example.org --recovery-file /media/usb/recovery.key",
        ),
    )(init)
