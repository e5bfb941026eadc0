"""key: how the keys stand, and what replaces one that is lost or known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from memorycapsule.cli.door import Door, door_of
from memorycapsule.cli.options import examples, group
from memorycapsule.cli.output import plain
from memorycapsule.cli.recovery_key import (
    NewRecoveryFileOption,
    RecoveryFileOption,
    RecoveryRecipientOption,
    recovery_key,
    typed_recovery_key,
)
from memorycapsule.errors import (
    CapsuleError,
    ConfigurationProblem,
    KeyMissing,
    PartlyDone,
    WrongKey,
)

if TYPE_CHECKING:
    from memorycapsule.config import Settings
    from memorycapsule.domain.capsules import Capsule
    from memorycapsule.services.keys import KeyStatus
    from memorycapsule.store.transactions import Store


def key_status(ctx: typer.Context) -> None:
    """Say how the keys stand: whether the key file fits, and whether both keys open every capsule."""
    from memorycapsule.services import keys

    door = door_of(ctx)
    settings = door.settings()
    with door.store(settings) as store:
        state, problem = _key_file_state(store, settings)
        found = keys.status(store)
    words = door.out.words
    door.out.answer(
        {
            "key": {
                "file": str(settings.key_file),
                "state": state,
                "fingerprint": found.fingerprint,
                "recovery_recipient": found.recovery_recipient,
                "capsules": found.capsules,
                "without_instance": found.without_instance,
                "without_recovery": found.without_recovery,
            }
        }
    )
    state = door.out.spoken(problem) if problem else words("cli_key_fits")
    door.out.show(words("cli_key_file", file=settings.key_file, state=state))
    fingerprint = "cli_key_fingerprint_other" if problem else "cli_key_fingerprint"
    door.out.show(words(fingerprint, fingerprint=found.fingerprint))
    door.out.show(words("cli_key_recipient", recipient=found.recovery_recipient))
    opens = {"cli_key_opens": found.without_recovery}
    if not problem:
        # A file with another key, or none, opens nothing.
        opens = {"cli_key_instance_opens": found.without_instance} | opens
    for sentence, lacking in opens.items():
        door.out.show(words(sentence, opened=found.capsules - lacking, capsules=found.capsules))
    if problem:
        raise typer.Exit(problem.exit_code)
    if found.without_instance or found.without_recovery:
        raise typer.Exit(ConfigurationProblem.exit_code)


def _key_file_state(store: Store, settings: Settings) -> tuple[str, CapsuleError | None]:
    from memorycapsule.services import keys

    try:
        keys.open_key(store, settings.key_file)
    except KeyMissing as error:
        return "missing", error
    except WrongKey as error:
        return "wrong", error
    return "fits", None


def key_recover(
    ctx: typer.Context,
    recovery_file: RecoveryFileOption = None,
) -> None:
    """
    Make a new instance key with the recovery key, when the old one is lost.

    The recovery key is asked for on the terminal and not shown; otherwise it is read from stdin.
    """
    from memorycapsule import clock
    from memorycapsule.seal.keys import parse_recovery_key
    from memorycapsule.services import keys
    from memorycapsule.work.lock import working_alone

    door = door_of(ctx)
    settings = door.settings()
    with door.store(settings) as store, working_alone(settings.data_dir, store):
        identity = parse_recovery_key(typed_recovery_key(door, recovery_file))
        key = keys.recover(store, settings.key_file, identity, now=clock.now())
        found = _answer_replaced(door, settings, store, key.fingerprint)
    if lacking := found.without_instance:
        opened = found.capsules - lacking
        door.out.warn(
            door.out.words(
                "cli_key_recovered_partly", file=settings.key_file, opened=opened, capsules=found.capsules
            )
        )
        raise typer.Exit(PartlyDone.exit_code)
    door.out.say(door.out.words("cli_key_recovered", file=settings.key_file))


def key_rotate(ctx: typer.Context) -> None:
    """Replace the instance key by a new one; the old file is kept beside it, links that are out stay good."""
    from memorycapsule import clock
    from memorycapsule.services import keys
    from memorycapsule.work.lock import working_alone

    door = door_of(ctx)
    settings = door.settings()
    with door.store(settings) as store, working_alone(settings.data_dir, store):
        key = keys.rotate(store, settings.key_file, now=clock.now())
        _answer_replaced(door, settings, store, key.fingerprint)
    door.out.say(door.out.words("cli_key_rotated", file=settings.key_file))


def key_new_recovery(
    ctx: typer.Context,
    recovery_recipient: RecoveryRecipientOption = None,
    recovery_file: NewRecoveryFileOption = None,
) -> None:
    """
    Replace the recovery key by a new one, when the old one is lost or others may have seen it.

    The new one is shown once. The old one opens nothing any more, save copies of the database from before.
    """
    from memorycapsule.services import keys

    door = door_of(ctx)
    settings = door.settings()
    with door.open(settings) as app:
        recovery = recovery_key(
            door,
            settings,
            recipient=recovery_recipient,
            file=recovery_file,
            usual_file=settings.key_file.with_name(f"recovery-{app.now():%Y%m%d-%H%M%S}.key"),
        )
        left: tuple[Capsule, ...] = ()

        def say(unopened: tuple[Capsule, ...]) -> None:
            nonlocal left
            left = unopened
            capsules = [{"id": one.id, "slug": one.slug, "title": one.title} for one in left]
            door.out.answer({"recovery": recovery.answer, "left": capsules})
            recovery.show(door)

        keys.renew_recovery(app.store, app.vault.key, recovery.recipient, say=say, now=app.now())
    words = door.out.words
    if recovery.file:
        door.out.say(words("cli_init_recovery_file", file=recovery.file))
    if left:
        titles = ", ".join(plain(one.title) for one in left)
        door.out.warn(words("cli_key_renewed_partly", count=len(left), titles=titles))
        raise typer.Exit(PartlyDone.exit_code)
    door.out.say(words("cli_key_renewed"))


def _answer_replaced(door: Door, settings: Settings, store: Store, fingerprint: str) -> KeyStatus:
    from memorycapsule.services import keys

    found = keys.status(store)
    door.out.answer(
        {
            "key": {
                "file": str(settings.key_file),
                "state": "fits",
                "fingerprint": fingerprint,
                "capsules": found.capsules,
                "without_instance": found.without_instance,
                "without_recovery": found.without_recovery,
            }
        }
    )
    return found


def register(app: typer.Typer) -> None:
    """Add these commands to `capsule`."""
    keys = group("The keys that open what is sealed.", "capsule key status")
    keys.command("status", epilog=examples("capsule key status"))(key_status)
    keys.command(
        "recover",
        epilog=examples("capsule key recover", "capsule key recover --recovery-file /media/usb/recovery.key"),
    )(key_recover)
    keys.command("rotate", epilog=examples("capsule key rotate"))(key_rotate)
    keys.command(
        "new-recovery",
        epilog=examples(
            "capsule key new-recovery", "capsule key new-recovery --recovery-file /media/usb/recovery.key"
        ),
    )(key_new_recovery)
    app.add_typer(keys, name="key")
