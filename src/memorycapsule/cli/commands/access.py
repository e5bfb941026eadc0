"""login-link, token create, list, end: ways in for people and for programs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from memorycapsule.cli.door import Door, door_of
from memorycapsule.cli.options import examples, group
from memorycapsule.cli.output import plain
from memorycapsule.errors import UsageProblem

if TYPE_CHECKING:
    from memorycapsule.domain.sessions import Scope


def login_link(
    ctx: typer.Context,
    address: Annotated[
        str | None,
        typer.Argument(metavar="[EMAIL]", help="Whom it lets in; you, without it.", show_default=False),
    ] = None,
) -> None:
    """
    Show a link that signs somebody in, once, within 15 minutes.

    It is for the host: when no mail arrives, or for a telephone beside you. Somebody else's link proves
    nothing about their address, so it shows them no more than a link that was passed on.
    """
    from memorycapsule.schemas.sessions import SignInLink
    from memorycapsule.services import letters, signing_in

    door = door_of(ctx)
    with door.open() as app:
        handed = signing_in.hand_over_link(
            app.store, app.vault.key, door.viewer(app.store), address, now=app.now()
        )
        url = letters.sign_in_url(app.base_url, handed.token)
        is_near = app.settings.public_url_is_loopback
    door.out.answer({"login": SignInLink(url=url, expires_at=handed.expires_at)})
    until = f"{handed.expires_at.astimezone():%H:%M}"
    show_link(door, door.out.words("cli_login_link", until=until), url, with_drawing=not is_near)


def show_link(door: Door, text: str, url: str, *, with_drawing: bool) -> None:
    """Show a link to a person, on a terminal also as a drawing for a telephone's camera."""
    if door.out.as_json:
        return
    door.out.show(f"{text}\n\n  {url}\n")
    if with_drawing and sys.stdout.isatty():
        import segno

        segno.make(url, micro=False).terminal(compact=True)


def create_token(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.", show_default=False)],
    scope: Annotated[
        str, typer.Option("--scope", metavar="SCOPE", help="read, or contribute: that, and add stories.")
    ] = "contribute",
) -> None:
    """Make a token for a program, for CAPSULE_TOKEN or the API. It is shown this once."""
    door = door_of(ctx)
    wanted = _scope(scope)
    with door.instance() as there:
        made = there.create_token(name=name, scope=wanted)
    door.out.answer({"token": made})
    door.out.say(door.out.words("cli_token_made", name=plain(made.name)))
    door.out.show(made.secret)


def list_tokens(ctx: typer.Context) -> None:
    """List your tokens; never their secrets."""
    door = door_of(ctx)
    with door.instance() as there:
        found = there.tokens()
    door.out.answer({"tokens": found})
    if not found:
        door.out.show(door.out.words("cli_tokens_none"))
        return
    door.out.table(
        door.out.headings("id", "name", "may", "since", "last_used"),
        [
            (
                one.id,
                one.name,
                door.out.named("scope", one.scope),
                f"{one.created_at:%Y-%m-%d}",
                f"{one.seen_at:%Y-%m-%d}" if one.seen_at else "",
            )
            for one in found
        ],
    )


def end_token(
    ctx: typer.Context,
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="Its name or id.", show_default=False)],
) -> None:
    """End a token: whoever has it can do nothing with it any more."""
    door = door_of(ctx)
    with door.instance() as there:
        ended = there.end_token(token)
    door.out.answer({"token": ended})
    door.out.say(door.out.words("cli_token_ended", name=plain(ended.name)))


def _scope(text: str) -> Scope:
    from memorycapsule.domain.sessions import Scope

    try:
        return Scope(text.strip().lower())
    except ValueError:
        raise UsageProblem("scope_option_unknown") from None


def register(app: typer.Typer) -> None:
    """Add these commands to `capsule`."""
    app.command(
        "login-link", epilog=examples("capsule login-link", "capsule login-link younghee@example.org")
    )(login_link)
    family = group(
        "Tokens for programs that act for you.",
        'capsule token create "photo frame" --scope read',
        "capsule token list",
    )
    family.command(
        "create",
        epilog=examples("capsule token create laptop", "capsule token create calendar --scope read --json"),
    )(create_token)
    family.command("list", epilog=examples("capsule token list"))(list_tokens)
    family.command("end", epilog=examples("capsule token end laptop"))(end_token)
    app.add_typer(family, name="token")
