"""init: from nothing to an instance, in steps of which each can be done again."""

from __future__ import annotations

import getpass
import os
import re
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
    CapsuleError,
    ConfigurationProblem,
    NotInitialised,
    system_problem,
)

if TYPE_CHECKING:
    from memorycapsule.config import Settings
    from memorycapsule.store.transactions import Store


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
    _refuse_second(door, settings)
    asks = is_interactive(door) and not yes
    answers = prompts.Answers()
    if asks:

        def check(found: dict[str, Any]) -> object:
            return door.settings(found, file_must_exist=False)

        answers = prompts.ask(door.out.words, settings, check, admin=admin, name=name)
    settings = door.settings(answers.settings, file_must_exist=False)
    address = _checked_admin(admin or answers.admin or _usual_address())
    _make_folder(settings.data_dir)
    with FolderLock(settings.data_dir):
        recovery = recovery_key(
            door,
            settings,
            recipient=recovery_recipient,
            file=recovery_file,
            usual_file=settings.key_file.with_name("recovery.key"),
        )
        _write_config(settings, answers.settings)
        set_up_url = _make(
            door, settings, address, name or answers.name or address.partition("@")[0], recovery
        )
    _tell(door, settings, address, recovery, set_up_url)
    if asks and settings.mail_is_real:
        _try_mail(door, settings, address)


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


def _try_mail(door: Door, settings: Settings, address: str) -> None:
    from memorycapsule.services.mailing import trials

    try:
        with door.open(settings) as app:
            trials.send_trial(
                app.mailing.composer, app.mailing.connect, address, locale=settings.locale, now=app.now()
            )
    except CapsuleError as error:
        reason = door.out.spoken(error)
        door.out.warn(door.out.words("cli_init_test_failed", reason=reason))
    else:
        door.out.say(door.out.words("cli_init_test_sent", address=address))


def register(app: typer.Typer) -> None:
    """Add this command to `capsule`."""
    app.command(
        "init",
        epilog=examples(
            "capsule init",
            "capsule init --yes --admin you@example.org --recovery-file /media/usb/recovery.key",
        ),
    )(init)
