"""member list, role, remove; remind, leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from memorycapsule.cli.commands.invitations import part_named
from memorycapsule.cli.door import door_of, is_interactive
from memorycapsule.cli.foreground import send_now, why_letters_wait
from memorycapsule.cli.options import CapsuleArgument, examples, group
from memorycapsule.cli.output import plain
from memorycapsule.errors import NotFound, UsageProblem

if TYPE_CHECKING:
    from memorycapsule.app import App
    from memorycapsule.domain import capsules
    from memorycapsule.domain.stories import Viewer

MemberArgument = Annotated[
    str,
    typer.Argument(
        metavar="MEMBER", help="Their name, or id (`capsule member list CAPSULE`).", show_default=False
    ),
]


def list_members(ctx: typer.Context, capsule: CapsuleArgument) -> None:
    """List who is in a capsule and how much they have added."""
    from memorycapsule.schemas.members import MemberLine
    from memorycapsule.services import reading

    door = door_of(ctx)
    with door.open() as app:
        view = reading.capsule(app.store, app.vault, door.viewer(app.store), capsule)
    door.out.answer({"members": [MemberLine.of_contribution(one) for one in view.contributions]})
    door.out.table(
        ("NAME", "IS", "STORIES", "PHOTOS", "CLIPS", "VOICES"),
        [
            (
                one.member.name,
                "gone" if one.member.left_at else str(one.member.role),
                *(str(count) for count in (one.stories, one.photos, one.clips, one.voices)),
            )
            for one in view.contributions
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
    from memorycapsule.schemas.members import Member
    from memorycapsule.services import members

    wanted = part_named(part, "contributor, recipient or owner")
    door = door_of(ctx)
    with door.open() as app:
        viewer = door.viewer(app.store)
        found = _member(app, viewer, capsule, member)
        if wanted is Role.OWNER:
            changed = members.hand_over(app.store, viewer, found.capsule_id, found.id, now=app.now())
        else:
            changed = members.change_role(
                app.store, viewer, found.capsule_id, found.id, wanted, now=app.now()
            )
    door.out.answer({"member": Member.of(changed)})
    door.out.say(f"{plain(changed.name)} is {changed.role} now.")


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
    from memorycapsule.schemas.members import Member
    from memorycapsule.services import members

    door = door_of(ctx)
    with door.open() as app:
        viewer = door.viewer(app.store)
        found = _member(app, viewer, capsule, member)
        if not yes and not is_interactive(door):
            raise UsageProblem("Say that you mean it with --yes.")
        if not yes:
            typer.confirm(f"Take {plain(found.name)} out?", default=False, abort=True, err=True)
        gone = members.remove(app.store, app.wake, viewer, found.capsule_id, found.id, now=app.now())
    door.out.answer({"member": Member.of(gone)})
    door.out.say(f"{plain(gone.name)} is out; what they put in stays in.")


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
    from memorycapsule.schemas.members import Member
    from memorycapsule.services import members, reading

    door = door_of(ctx)
    with door.open() as app:
        viewer = door.viewer(app.store)
        found = reading.capsule(app.store, app.vault, viewer, capsule).capsule
        if not yes and not is_interactive(door):
            raise UsageProblem("Say that you mean it with --yes.")
        if not yes:
            what = "with your stories" if with_stories else "without your stories"
            typer.confirm(f"Leave “{plain(found.title)}” {what}?", default=False, abort=True, err=True)
        gone = members.leave(
            app.store, app.vault, app.wake, viewer, found.id, takes_stories=with_stories, now=app.now()
        )
    door.out.answer({"member": Member.of(gone)})
    door.out.say(f"You have left “{plain(found.title)}”.")


def remind(ctx: typer.Context, capsule: CapsuleArgument) -> None:
    """
    Remind those who have not answered or put anything in.

    The invited get their letter again, with the same link; members without a story a letter with a link of their
    own. Nobody gets more than one a day.
    """
    from memorycapsule.schemas.invitations import RemindedAnswer
    from memorycapsule.services import reminders

    door = door_of(ctx)
    with door.open() as app:
        done = reminders.remind(app.store, app.wake, door.viewer(app.store), capsule, now=app.now())
        send_now(app)
        waits = why_letters_wait(app)
    door.out.answer(dict(RemindedAnswer.of(done)))
    if not done.count:
        door.out.say("There is nobody to remind: all have put something in, or had a letter within a day.")
    for invited in done.invitations:
        door.out.say(f"{plain(invited.address)} gets the invitation once more.")
    for one in done.members:
        door.out.say(f"{plain(one.name)} gets a reminder.")
    if waits and done.count:
        door.out.warn(f"The letters wait and are sent as soon as they can be: {plain(waits)}")


def _member(app: App, viewer: Viewer, capsule: str, named: str) -> capsules.Member:
    """Return the member that a name or id means. Raises NotFound, and UsageProblem for a name that two have."""
    from memorycapsule.services import reading

    view = reading.capsule(app.store, app.vault, viewer, capsule)
    there = [one.member for one in view.contributions if one.member.left_at is None]
    wanted = named.strip()
    found = [one for one in there if wanted == one.id]
    found = found or [one for one in there if wanted.casefold() == one.name.casefold()]
    if not found:
        raise NotFound(f"There is no “{plain(named)}” in this capsule; `capsule member list` shows who is.")
    if len(found) > 1:
        raise UsageProblem(f"There are {len(found)} called “{plain(named)}”; use the id instead.")
    return found[0]


def register(app: typer.Typer) -> None:
    """Add these commands to `capsule`."""
    members = group("The people in a capsule.")
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
