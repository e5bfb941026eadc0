"""invite, join."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from memorycapsule.cli.door import door_of
from memorycapsule.cli.options import CapsuleArgument, examples
from memorycapsule.cli.output import Output, plain
from memorycapsule.domain.people import shown_address
from memorycapsule.errors import UsageProblem

if TYPE_CHECKING:
    from memorycapsule.cli.instance import AnyInstance

LocaleOption = Annotated[
    str | None,
    typer.Option("--locale", metavar="LANGUAGE", help="The language of letters and pages, like ko."),
]


def invite(
    ctx: typer.Context,
    capsule: CapsuleArgument,
    addresses: Annotated[
        list[str], typer.Argument(metavar="EMAIL...", help="Whom to invite.", show_default=False)
    ],
    role: Annotated[
        str,
        typer.Option(
            "--role", metavar="ROLE", help="contributor, or recipient: only receives it on the day."
        ),
    ] = "contributor",
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="How the letter speaks to them.")
    ] = None,
    locale: LocaleOption = None,
    resend: Annotated[
        bool, typer.Option("--resend", help="Make a new link and send another letter.")
    ] = False,
    revoke: Annotated[bool, typer.Option("--revoke", help="Take the invitation back.")] = False,
) -> None:
    """
    Invite people by mail.

    Each gets a link of their own; you see it too, to hand it over in another way. An address that waits for
    an answer already keeps its link and gets no second letter, unless --resend.
    """
    from memorycapsule.domain.invitations import parse_invited_role

    if resend and revoke:
        raise UsageProblem("invite_both")
    part = parse_invited_role(role)
    door = door_of(ctx)
    with door.instance() as there:
        if revoke:
            _revoke(there, capsule, addresses, door.out)
            return
        invited = there.invite(
            capsule, addresses=addresses, role=part, name=name, locale=locale, again=resend
        )
        waits = there.why_letters_wait()
    door.out.answer({"invitations": invited})
    for one in invited:
        key = "cli_invite_done" if one.is_new else "cli_invite_known"
        door.out.say(door.out.words(key, address=plain(shown_address(one.email))) + f"\n  {one.url}")
    if waits and any(one.is_new for one in invited):
        door.out.warn(door.out.words("cli_letter_waits", reason=door.out.spoken(waits)))


def _revoke(there: AnyInstance, capsule: str, addresses: list[str], out: Output) -> None:
    revoked = there.revoke(capsule, addresses)
    out.answer({"invitations": revoked})
    for one in revoked:
        out.say(out.words("cli_revoke_done", address=plain(shown_address(one.email))))


def join(
    ctx: typer.Context,
    token: Annotated[
        str, typer.Argument(metavar="TOKEN|URL", help="From the invitation.", show_default=False)
    ],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="What the others call you.")
    ] = None,
    locale: LocaleOption = None,
) -> None:
    """
    Accept an invitation.

    The answer holds the joiner's own token: with CAPSULE_TOKEN set to it, the other commands act as this member.
    """
    from memorycapsule.schemas.invitations import JoinedAnswer
    from memorycapsule.services import invitations

    door = door_of(ctx)
    with door.open() as app:
        joined = invitations.join(app.store, _token_in(token), name=name, locale=locale, now=app.now())
    door.out.answer(dict(JoinedAnswer.of(joined)))
    name, title = plain(joined.member.name), plain(joined.capsule.title)
    door.out.say(door.out.words("cli_join_done", name=name, title=title, token=joined.token))


def _token_in(text: str) -> str:
    """Return the token of a link, or the text itself."""
    return text.strip().partition("?")[0].rstrip("/").rpartition("/")[2]


def register(app: typer.Typer) -> None:
    """Add these commands to `capsule`."""
    app.command(
        "invite",
        epilog=examples(
            "capsule invite the-summer-we-kept younghee@example.org --name 할머니 --locale ko",
            "capsule invite the-summer-we-kept ben@example.org --revoke",
        ),
    )(invite)
    app.command(
        "join",
        epilog=examples(
            "capsule join https://photos.example.org/g/i/Ff3…", "capsule join Ff3… --name Younghee --json"
        ),
    )(join)
