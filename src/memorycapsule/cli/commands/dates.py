"""reschedule, consent."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from memorycapsule.cli.commands.capsules import opens_in_words, tell_clock_change, when_in_words
from memorycapsule.cli.door import door_of, is_interactive
from memorycapsule.cli.options import CapsuleArgument, examples
from memorycapsule.cli.output import plain
from memorycapsule.cli.prompts import confirm
from memorycapsule.errors import UsageProblem
from memorycapsule.words.catalogues import Wording

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
    have left and whose story is in it; until the last yes the old date holds, and silence is no. Alone in a
    capsule, an earlier date holds at once, so that without a terminal it wants --yes.
    """
    from memorycapsule import clock

    door = door_of(ctx)
    words = door.out.words
    with door.instance() as there:
        found, now = there.capsule(capsule), clock.now()
        date = there.parse_date(when, zone or found.zone)
        tell_clock_change(date, door.out)
        if (
            not yes
            and not is_interactive(door)
            and date.at < found.opens_at
            and len(found.contributions) == 1
        ):
            # Nobody else would be asked, and what has opened stays open.
            raise UsageProblem("earlier_needs_yes")
        if is_interactive(door) and not yes:
            moment = when_in_words(date.local, date.zone, date.at, now, door.out)
            confirm(words, words("cli_move_ask", when=moment), default=True)
        done = there.reschedule(found.id, date)
    door.out.answer(dict(done))
    opens = opens_in_words(done.capsule, clock.now(), door.out)
    if done.wish:
        door.out.say(words.counted("cli_move_asked", done.waits_for, opens=opens))
    else:
        door.out.say(words("cli_move_done", title=plain(done.capsule.title), opens=opens))


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
        raise UsageProblem("consent_both")
    door = door_of(ctx)
    with door.instance() as there:
        wish = there.consent(capsule, is_given=yes) if yes or no else there.waiting_request(capsule)
        people = [] if wish is None or door.out.as_json else there.members(capsule)
    door.out.answer({"wish": wish})
    if wish is None:
        door.out.say(door.out.words("cli_consent_nobody"))
    else:
        asker = next(
            (one.name for one in people if one.id == wish.asked_by), door.out.words("cli_consent_somebody")
        )
        door.out.say(_in_words(wish, asker, door.out.words))


def _in_words(wish: Wish, asker: str, words: Wording) -> str:
    from memorycapsule.words.dates import date_in_words

    wished = date_in_words(datetime.fromisoformat(wish.opens_local), wish.zone, words.language)
    match wish.state:
        case "granted":
            return words("cli_consent_granted", when=wished)
        case "refused":
            return words("cli_consent_refused")
    keys = {None: "cli_consent_silent", True: "cli_consent_yes", False: "cli_consent_no"}
    return words(
        "cli_consent_asked",
        name=plain(asker),
        when=wished,
        answer=words(keys[wish.answer]),
        silent=wish.concerned - wish.said_yes,
        all=wish.concerned,
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
