"""init: from nothing to an instance, in steps of which each can be done again."""

from __future__ import annotations

import getpass
import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memorycapsule.cli import prompts
from memorycapsule.cli.commands.access import show_link
from memorycapsule.cli.door import Door, door_of, is_interactive
from memorycapsule.cli.options import examples
from memorycapsule.errors import (
    CapsuleError,
    ConfigurationProblem,
    NotInitialised,
    UsageProblem,
    system_problem,
)

if TYPE_CHECKING:
    from memorycapsule.config import Settings
    from memorycapsule.store.transactions import Store

_RECOVERY_TITLE = "MemoryCapsule recovery key: print it, keep it far from the machine"


@dataclass(frozen=True, kw_only=True)
class _Recovery:
    """The recovery key of a new instance."""

    recipient: str
    #: The private half, when it is to be shown once.
    identity: str | None = field(default=None, repr=False)
    #: Where the private half has been written.
    file: Path | None = None


def init(
    ctx: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    admin: Annotated[
        str | None, typer.Option("--admin", metavar="EMAIL", help="Your address: the admin's.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="What the others call you.")
    ] = None,
    recovery_recipient: Annotated[
        str | None,
        typer.Option("--recovery-recipient", metavar="age1...", help="Use an age key that you have already."),
    ] = None,
    recovery_file: Annotated[
        Path | None,
        typer.Option(
            "--recovery-file", metavar="FILE", help="Write the recovery key there instead of showing it."
        ),
    ] = None,
) -> None:
    """
    Set up an instance.

    That is a data folder, a database, keys and a configuration. The recovery key is shown once. It opens
    the capsules when the instance key is lost: keep it on paper, elsewhere.
    """
    from memorycapsule.work.lock import FolderLock

    if recovery_recipient and recovery_file:
        raise UsageProblem("recovery_both")
    door = door_of(ctx)
    settings = door.settings(file_must_exist=False)
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
        recovery = _recovery(door, settings, recovery_recipient, recovery_file)
        _write_config(settings, answers.settings)
        _make(door, settings, address, name or answers.name or address.partition("@")[0], recovery)
    _tell(door, settings, address, recovery, _set_up_url(door, settings))
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


def _recovery(door: Door, settings: Settings, recipient: str | None, file: Path | None) -> _Recovery:
    from memorycapsule.seal.envelopes import recipient_of, valid_recipient
    from memorycapsule.seal.keys import new_recovery_key, parse_recovery_key, write_key_file

    if recipient:
        return _Recovery(recipient=valid_recipient(recipient))
    if file is None and not door.out.as_json and not sys.stdout.isatty():
        # Whatever reads along there may keep it for ever, as a log does.
        file = settings.key_file.with_name("recovery.key")
    if file is None:
        identity, public = new_recovery_key()
        return _Recovery(recipient=public, identity=identity)
    file = file.expanduser().absolute()
    if file.resolve().is_relative_to(settings.data_dir.resolve()):
        raise UsageProblem("recovery_key_inside")
    if file.exists():
        # Of a run that was cut off, or a key that somebody has already: it is taken as it is.
        try:
            return _Recovery(recipient=recipient_of(parse_recovery_key(file.read_text("utf-8"))), file=file)
        except (OSError, UnicodeDecodeError, UsageProblem) as error:
            raise ConfigurationProblem("init_no_recovery_key", file=file) from error
    identity, public = new_recovery_key()
    write_key_file(file, identity, title=_RECOVERY_TITLE)
    return _Recovery(recipient=public, file=file)


def _write_config(settings: Settings, answers: dict[str, Any]) -> None:
    from memorycapsule.config import write_config

    path = settings.config_file
    assert path is not None
    if not path.exists():
        write_config(path, answers)


def _make(door: Door, settings: Settings, address: str, name: str, recovery: _Recovery) -> None:
    """Make key and database, and last the row that makes it an instance."""
    from memorycapsule import clock
    from memorycapsule.domain.people import checked_name
    from memorycapsule.seal.keys import InstanceKey
    from memorycapsule.services import instances
    from memorycapsule.store import schema

    checked_name(name)
    # A key that is there already, of a run that was cut off or brought along, is never replaced.
    exists = settings.key_file.exists()
    key = InstanceKey.load(settings.key_file) if exists else InstanceKey.create(settings.key_file)
    with door.store(settings, checked=False) as store:
        schema.upgrade(store)
        if settings.database_path:
            settings.database_path.chmod(0o600)
        if recovery.identity and not door.out.as_json:
            # Before the instance exists: rather a key too many on paper than one that nobody has seen.
            door.out.show(f"{door.out.words('cli_init_recovery_key')}\n\n  {recovery.identity}\n")
        instances.initialise(
            store,
            key,
            admin_address=address,
            admin_name=name,
            locale=settings.locale,
            recovery_recipient=recovery.recipient,
            now=clock.now(),
        )


def _set_up_url(door: Door, settings: Settings) -> str | None:
    """Return the link that signs the admin in for the first time; None while nobody knows the daemon's address."""
    from memorycapsule.domain.sessions import LinkPurpose
    from memorycapsule.services import letters, signing_in

    if settings.public_url is None and settings.daemon.port == 0:
        return None
    with door.open(settings) as app:
        handed = signing_in.hand_over_link(
            app.store, app.vault.key, door.viewer(app.store), purpose=LinkPurpose.SET_UP, now=app.now()
        )
        return letters.set_up_url(app.base_url, handed.token)


def _tell(door: Door, settings: Settings, address: str, recovery: _Recovery, set_up_url: str | None) -> None:
    door.out.answer(
        {
            "instance": {
                "admin": address,
                "config_file": str(settings.config_file),
                "data_dir": str(settings.data_dir),
                "key_file": str(settings.key_file),
                "database": settings.shown()["store_url"],
            },
            "recovery": {
                "recipient": recovery.recipient,
                "key": recovery.identity,
                "file": str(recovery.file) if recovery.file else None,
            },
            "set_up_url": set_up_url,
        }
    )
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
    from memorycapsule.services import deliveries

    try:
        with door.open(settings) as app:
            deliveries.send_trial(
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
