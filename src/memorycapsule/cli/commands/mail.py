"""mail outbox, retry, test."""

from __future__ import annotations

from typing import Annotated

import typer

from memorycapsule.cli.commands.invitations import LocaleOption
from memorycapsule.cli.door import door_of
from memorycapsule.cli.foreground import send_now
from memorycapsule.cli.options import examples, group
from memorycapsule.cli.output import plain
from memorycapsule.domain.deliveries import DeliveryState
from memorycapsule.domain.people import shown_address
from memorycapsule.errors import PartlyDone, UsageProblem


def outbox(ctx: typer.Context) -> None:
    """List the letters, the oldest first: waiting, sent, rejected, and those of which nobody knows."""
    from memorycapsule.schemas.outbox import Letter, MailPause
    from memorycapsule.services import instances, reading

    door = door_of(ctx)
    with door.open() as app:
        letters = reading.outbox(app.store, door.viewer(app.store))
        instance = instances.check_key(app.store, app.vault.key)
        until, waits = instance.mail_paused_until, instance.why_letters_wait(app.now())
        paused = MailPause.of(until, waits) if until and waits else None
    door.out.answer({"letters": [Letter.of(one) for one in letters], "paused": paused})
    if not letters:
        door.out.show(door.out.words("cli_outbox_empty"))
        return
    rows = [
        (
            one.id,
            door.out.named("letter", one.kind),
            shown_address(one.address),
            door.out.named("delivery", one.state),
            f"{one.finished_at or one.next_attempt_at:%Y-%m-%d %H:%M} UTC",
            door.out.spoken(one.detail.error) if one.detail else "",
        )
        for one in letters
    ]
    door.out.table(door.out.headings("id", "letter", "to", "state", "when", "detail"), rows)
    if until and waits:
        door.out.warn(
            door.out.words(
                "cli_outbox_paused", until=f"{until:%Y-%m-%d %H:%M}", reason=door.out.spoken(waits)
            )
        )
    if unknown := sum(one.state is DeliveryState.UNKNOWN for one in letters):
        door.out.note(door.out.words.counted("cli_outbox_unknown", unknown))


def retry(
    ctx: typer.Context,
    letter: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="This letter, even if it may have arrived.", show_default=False),
    ] = None,
    unknown: Annotated[
        bool, typer.Option("--unknown", help="All that may not have arrived, and no others.")
    ] = False,
    rejected: Annotated[
        bool, typer.Option("--rejected", help="All that were rejected, and no others.")
    ] = False,
) -> None:
    """
    Send letters again: one by its id, otherwise all that wait or were rejected.

    A letter that may have arrived is sent again only by its id or with --unknown: whoever got it has it twice
    then. Exit 5 when not all were taken.
    """
    from memorycapsule.schemas.outbox import Letter
    from memorycapsule.services import reading
    from memorycapsule.services.mailing import retrying

    if sum((letter is not None, unknown, rejected)) > 1:
        raise UsageProblem("retry_both")
    only = DeliveryState.UNKNOWN if unknown else DeliveryState.REJECTED if rejected else None
    door = door_of(ctx)
    with door.open() as app:
        viewer = door.viewer(app.store)
        again = retrying.send_again(app.store, app.wake, viewer, letter, only=only, now=app.now())
        is_done_here = send_now(app)
        now = {one.id: one for one in reading.outbox(app.store, viewer, [one.id for one in again])}
    tried = [now[one.id] for one in again]
    door.out.answer({"letters": [Letter.of(one) for one in tried]})
    if not tried:
        door.out.say(door.out.words(f"cli_retry_none_{only}" if only else "cli_retry_nothing"))
    for one in tried:
        sentence = door.out.words(
            "cli_retry_done",
            letter=door.out.named("letter", one.kind),
            address=plain(shown_address(one.address)),
            state=door.out.named("delivery", one.state),
        )
        door.out.say(f"{sentence} ({door.out.spoken(one.detail.error)})" if one.detail else sentence)
    if not is_done_here and tried:
        door.out.note(door.out.words("cli_retry_by_daemon"))
    elif any(one.state is not DeliveryState.SENT for one in tried):
        raise typer.Exit(PartlyDone.exit_code)


def send_test(
    ctx: typer.Context,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Who gets it.", show_default=False)],
    locale: LocaleOption = None,
) -> None:
    """Send a test letter now, to see that mail works; exit 7 and one sentence when it does not."""
    from memorycapsule.schemas.outbox import detail_fields
    from memorycapsule.services import people
    from memorycapsule.services.mailing import retrying, trials

    door = door_of(ctx)
    with door.open() as app:
        language = people.checked_language(locale) if locale else app.settings.locale
        detail = trials.send_trial(
            app.mailing.composer.sender,
            app.mailing.connect,
            address,
            base_url=app.base_url,
            locale=language,
            now=app.now(),
        )
        retrying.end_pause(app.store)
        is_real = app.settings.mail_is_real
    letter = {"to": address, "state": "sent", **detail_fields(detail), "is_real": is_real}
    door.out.answer({"letter": letter})
    key = "cli_test_taken" if is_real else "cli_test_in_folder"
    door.out.say(door.out.words(key, detail=door.out.spoken(detail)))


def register(app: typer.Typer) -> None:
    """Add these commands to `capsule`."""
    family = group("Letters on their way.", "capsule mail outbox", "capsule mail test you@example.org")
    family.command("outbox", epilog=examples("capsule mail outbox", "capsule mail outbox --json"))(outbox)
    family.command("retry", epilog=examples("capsule mail retry", "capsule mail retry --unknown"))(retry)
    family.command(
        "test",
        epilog=examples("capsule mail test you@example.org", "capsule mail test you@example.org --locale ko"),
    )(send_test)
    app.add_typer(family, name="mail")
