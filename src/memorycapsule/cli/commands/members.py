"""member list, role, remove; remind, leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from memorycapsule.cli.door import door_of, is_interactive
from memorycapsule.cli.options import CapsuleArgument, examples, group
from memorycapsule.cli.output import plain
from memorycapsule.cli.prompts import confirm
from memorycapsule.domain.people import shown_address
from memorycapsule.errors import NotFound, UsageProblem

if TYPE_CHECKING:
    from memorycapsule.cli.instance import AnyInstance
    from memorycapsule.schemas.members import MemberLine

MemberArgument = Annotated[
    str,
    typer.Argument(
        metavar="MEMBER", help="Their name, or id (`capsule member list CAPSULE`).", show_default=False
    ),
]


def list_members(ctx: typer.Context, capsule: CapsuleArgument) -> None:
    """List who is in a capsule and how much they have added."""
    door = door_of(ctx)
    with door.instance() as there:
        found = there.members(capsule)
    door.out.answer({"members": found})
    door.out.table(
        door.out.headings("name", "is", "stories", "photos", "clips", "voices"),
        [
            (
                one.name,
                door.out.words("cli_member_gone") if one.left_at else door.out.named("role", one.role),
                *(str(count) for count in (one.stories, one.photos, one.clips, one.voices)),
            )
            for one in found
        ],
    )


def role(
    ctx: typer.Context,
    capsule: CapsuleArgument,
    member: MemberArgument,
    part: Annotated[
        str,
        typer.Argument(metavar="ROLE", help="contributor, recipient, or owner.", show_default=False),
    ],
) -> None:
    """
    Change what a member is: contributor, recipient, or owner.

    A capsule has one owner: making somebody else the owner hands it over, and you go on as a contributor.
    """
    from memorycapsule.domain.capsules import Role

    try:
        wanted = Role(part)
    except ValueError as error:
        raise UsageProblem("part_unknown", part=part) from error
    door = door_of(ctx)
    with door.instance() as there:
        found = _member(there, capsule, member)
        if wanted is Role.OWNER:
            changed = there.hand_over(capsule, found.id)
        else:
            changed = there.change_role(capsule, found.id, wanted)
    door.out.answer({"member": changed})
    role = door.out.named("role", changed.role)
    door.out.say(door.out.words("cli_role_changed", name=plain(changed.name), role=role))


def remove(
    ctx: typer.Context,
    capsule: CapsuleArgument,
    member: MemberArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """
    Take a member out of a capsule.

    Their stories stay in it, they get no more letters, and their links end. Inviting them again brings them back.
    """
    door = door_of(ctx)
    with door.instance() as there:
        found = _member(there, capsule, member)
        if not yes and not is_interactive(door):
            raise UsageProblem("needs_yes")
        if not yes:
            question = door.out.words("cli_remove_ask", name=plain(found.name))
            confirm(door.out.words, question, default=False)
        gone = there.remove_member(capsule, found.id)
    door.out.answer({"member": gone})
    door.out.say(door.out.words("cli_remove_done", name=plain(gone.name)))


def leave(
    ctx: typer.Context,
    capsule: CapsuleArgument,
    with_stories: Annotated[
        bool, typer.Option("--with-stories", help="Take your stories along, for good.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """
    Leave a capsule.

    Your stories stay in it unless you take them along; you get no more letters. The owner hands over first.
    """
    door = door_of(ctx)
    with door.instance() as there:
        found = there.capsule(capsule)
        if not yes and not is_interactive(door):
            raise UsageProblem("needs_yes")
        if not yes:
            key = "cli_leave_ask_with_stories" if with_stories else "cli_leave_ask"
            confirm(door.out.words, door.out.words(key, title=plain(found.title)), default=False)
        gone = there.leave(found.id, takes_stories=with_stories)
    door.out.answer({"member": gone})
    door.out.say(door.out.words("cli_leave_done", title=plain(found.title)))


def remind(ctx: typer.Context, capsule: CapsuleArgument) -> None:
    """
    Remind those who have not answered or put anything in.

    The invited get their letter again, with the same link; members without a story a letter with a link of their
    own. Nobody gets more than one a day.
    """
    door = door_of(ctx)
    with door.instance() as there:
        done = there.remind(capsule)
        waits = there.why_letters_wait()
    door.out.answer(dict(done))
    if not (done.invitations or done.members):
        door.out.say(door.out.words("cli_remind_nobody"))
    for invited in done.invitations:
        door.out.say(door.out.words("cli_remind_invited", address=plain(shown_address(invited.email))))
    for one in done.members:
        door.out.say(door.out.words("cli_remind_member", name=plain(one.name)))
    if waits and (done.invitations or done.members):
        door.out.warn(door.out.words("cli_letters_wait", reason=door.out.spoken(waits)))


def _member(there: AnyInstance, capsule: str, named: str) -> MemberLine:
    """Return the member that a name or id means. Raises NotFound, and UsageProblem for a name that two have."""
    members = [one for one in there.members(capsule) if one.left_at is None]
    wanted = named.strip()
    found = [one for one in members if wanted == one.id]
    found = found or [one for one in members if wanted.casefold() == one.name.casefold()]
    if not found:
        raise NotFound("member_name_unknown", name=named)
    if len(found) > 1:
        raise UsageProblem("member_name_ambiguous", name=named, people=len(found))
    return found[0]


def register(app: typer.Typer) -> None:
    """Add these commands to `capsule`."""
    members = group(
        "The people in a capsule.",
        "capsule member list the-summer-we-kept",
        "capsule member role the-summer-we-kept Ben owner",
    )
    members.command("list", epilog=examples("capsule member list the-summer-we-kept"))(list_members)
    members.command(
        "role",
        epilog=examples(
            "capsule member role the-summer-we-kept Ben recipient",
            "capsule member role the-summer-we-kept Ben owner",
        ),
    )(role)
    members.command("remove", epilog=examples("capsule member remove the-summer-we-kept Ben --yes"))(remove)
    app.add_typer(members, name="member")
    app.command("remind", epilog=examples("capsule remind the-summer-we-kept"))(remind)
    app.command(
        "leave",
        epilog=examples(
            "capsule leave the-summer-we-kept", "capsule leave the-summer-we-kept --with-stories --yes"
        ),
    )(leave)
