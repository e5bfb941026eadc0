"""reschedule, consent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from memorycapsule.cli.commands.capsules import opens_in_words, when_in_words
from memorycapsule.cli.door import door_of, is_interactive
from memorycapsule.cli.foreground import send_now
from memorycapsule.cli.options import CapsuleArgument, examples
from memorycapsule.cli.output import plain
from memorycapsule.errors import UsageProblem

if TYPE_CHECKING:
    from memorycapsule.services.rescheduling import DateRequestView


def reschedule(
    ctx: typer.Context,
    capsule: CapsuleArgument,
    when: Annotated[
        str, typer.Argument(metavar="WHEN", help="The new date, as for `create`.", show_default=False)
    ],
    zone: Annotated[
        str | None, typer.Option("--zone", metavar="ZONE", help="Time zone of the date (the capsule's own).")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether the date is right.")] = False,
) -> None:
    """
    Move a capsule's date: later at once, earlier when everybody has said yes.

    Everybody is told of a later date by letter. For an earlier one everybody is asked by letter, also those who
    have left and whose story is in it; until the last yes the old date holds, and silence is no.
    """
    from memorycapsule.domain.opening_dates import parse_opening_date
    from memorycapsule.schemas.capsules import Capsule
    from memorycapsule.schemas.date_requests import AskedWish
    from memorycapsule.services import reading, rescheduling

    door = door_of(ctx)
    with door.open() as app:
        viewer = door.viewer(app.store)
        found = reading.capsule(app.store, app.vault, viewer, capsule).capsule
        date = parse_opening_date(when, zone or found.zone, app.now())
        if is_interactive(door) and not yes:
            words = when_in_words(date.local, date.zone, date.at, app.now())
            typer.confirm(f"It is to open on {words}. Is that right?", default=True, abort=True, err=True)
        done = rescheduling.reschedule(app.store, app.wake, viewer, found.id, date, now=app.now())
        send_now(app)
        moved = Capsule.of_view(reading.capsule(app.store, app.vault, viewer, found.id))
    door.out.answer(
        {
            "capsule": moved,
            "wish": AskedWish.of(done.request) if done.request else None,
            "waits_for": done.waits_for,
        }
    )
    if done.request:
        people = "one person" if done.waits_for == 1 else f"{done.waits_for} people"
        door.out.say(
            f"Asked by letter; it needs a yes from {people} still. Until the last one the old date holds: "
            f"{opens_in_words(moved, app.now())}."
        )
    else:
        door.out.say(
            f"“{plain(moved.title)}” opens on {opens_in_words(moved, app.now())}. "
            "Everybody is told by letter."
        )


def consent(
    ctx: typer.Context,
    capsule: CapsuleArgument,
    yes: Annotated[bool, typer.Option("--yes", help="It may open earlier.")] = False,
    no: Annotated[bool, typer.Option("--no", help="It stays with the date that holds.")] = False,
) -> None:
    """
    Answer whether a capsule may open earlier.

    Without --yes or --no it tells what is asked. Everybody answers for themselves: with their own CAPSULE_TOKEN,
    or on the page that the letter leads to.
    """
    from memorycapsule.schemas.date_requests import Wish
    from memorycapsule.services import rescheduling

    if yes and no:
        raise UsageProblem("An answer is either --yes or --no.")
    door = door_of(ctx)
    with door.open() as app:
        viewer = door.viewer(app.store)
        view: DateRequestView | None
        if yes or no:
            view = rescheduling.consent(app.store, app.wake, viewer, capsule, is_given=yes, now=app.now())
            send_now(app)
        else:
            view = rescheduling.waiting_request(app.store, viewer, capsule, app.now())
    door.out.answer({"wish": Wish.of_view(view) if view else None})
    if view is None:
        door.out.say("Nobody has asked whether this capsule may open earlier.")
    else:
        door.out.say(_told(view))


def _told(view: DateRequestView) -> str:
    from memorycapsule.words.dates import date_in_words

    wished = date_in_words(view.request.opens_local, view.request.zone, "en")
    match view.request.state:
        case "granted":
            return f"Everybody has said yes: it opens on {wished}."
        case "refused":
            return "You have said no; the date stays as it is."
    said = {
        None: "You have not answered; silence is no",
        True: "You have said yes",
        False: "You have said no",
    }
    silent = sum(1 for one in view.answers if not one.is_given)
    return (
        f"{plain(view.asker.name)} asks to open it on {wished}. {said[view.is_given]}; "
        f"{silent} of {len(view.answers)} have yet to say yes."
    )


def register(app: typer.Typer) -> None:
    """Add these commands to `capsule`."""
    app.command(
        "reschedule",
        epilog=examples(
            'capsule reschedule the-summer-we-kept "2037-05-08 09:00"',
            'capsule reschedule the-summer-we-kept "in 12 years" --zone Asia/Seoul',
        ),
    )(reschedule)
    app.command(
        "consent",
        epilog=examples(
            "capsule consent the-summer-we-kept",
            "CAPSULE_TOKEN=3f0c… capsule consent the-summer-we-kept --yes",
        ),
    )(consent)
