"""reschedule, consent."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from memorycapsule.cli.commands.capsules import opens_in_words, when_in_words
from memorycapsule.cli.door import door_of, is_interactive
from memorycapsule.cli.options import CapsuleArgument, examples
from memorycapsule.cli.output import plain
from memorycapsule.errors import UsageProblem

if TYPE_CHECKING:
    from memorycapsule.schemas.date_requests import Wish


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
    from memorycapsule import clock
    from memorycapsule.domain.opening_dates import parse_opening_date

    door = door_of(ctx)
    with door.instance() as there:
        found, now = there.capsule(capsule), clock.now()
        date = parse_opening_date(when, zone or found.zone, now)
        if is_interactive(door) and not yes:
            words = when_in_words(date.local, date.zone, date.at, now)
            typer.confirm(f"It is to open on {words}. Is that right?", default=True, abort=True, err=True)
        done = there.reschedule(found.id, date)
    door.out.answer(dict(done))
    opens = opens_in_words(done.capsule, clock.now())
    if done.wish:
        people = "one person" if done.waits_for == 1 else f"{done.waits_for} people"
        door.out.say(
            f"Asked by letter; it needs a yes from {people} still. Until the last one the old date holds: {opens}."
        )
    else:
        door.out.say(f"“{plain(done.capsule.title)}” opens on {opens}. Everybody is told by letter.")


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
    if yes and no:
        raise UsageProblem("An answer is either --yes or --no.")
    door = door_of(ctx)
    with door.instance() as there:
        wish = there.consent(capsule, is_given=yes) if yes or no else there.waiting_wish(capsule)
        people = [] if wish is None or door.out.as_json else there.members(capsule)
    door.out.answer({"wish": wish})
    if wish is None:
        door.out.say("Nobody has asked whether this capsule may open earlier.")
    else:
        asker = next((one.name for one in people if one.id == wish.asked_by), "Somebody")
        door.out.say(_told(wish, asker))


def _told(wish: Wish, asker: str) -> str:
    from memorycapsule.words.dates import date_in_words

    wished = date_in_words(datetime.fromisoformat(wish.opens_local), wish.zone, "en")
    match wish.state:
        case "granted":
            return f"Everybody has said yes: it opens on {wished}."
        case "refused":
            return "You have said no; the date stays as it is."
    said = {
        None: "You have not answered; silence is no",
        True: "You have said yes",
        False: "You have said no",
    }
    silent = wish.concerned - wish.said_yes
    return (
        f"{plain(asker)} asks to open it on {wished}. {said[wish.answer]}; "
        f"{silent} of {wish.concerned} have yet to say yes."
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
