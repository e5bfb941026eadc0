"""notify outbox, test."""

from __future__ import annotations

import typer

from memorycapsule.cli.door import door_of
from memorycapsule.cli.options import examples, group
from memorycapsule.errors import ConfigurationProblem, PartlyDone

#: So many of the newest are listed.
_MOST_LINES = 100


def outbox(ctx: typer.Context) -> None:
    """List the newest notifications, the oldest first: waiting, sent, and those that were dropped."""
    from memorycapsule.schemas.notifications import Notification, RoadPause
    from memorycapsule.services.roads import listing

    door = door_of(ctx)
    with door.open() as app:
        found = listing.newest(app.store, door.viewer(app.store), _MOST_LINES)
        paused = listing.paused(app.store, app.notifying.roads, app.now())
    door.out.answer(
        {
            "notifications": [Notification.of(one) for one in found],
            "paused": [RoadPause.of(one) for one in paused],
        }
    )
    if not found:
        door.out.show(door.out.words("cli_notifications_none"))
    else:
        rows = [
            (
                door.out.named("road", one.road),
                one.type,
                one.capsule_id or "",
                door.out.named("notification", one.state),
                f"{one.finished_at or one.next_attempt_at:%Y-%m-%d %H:%M} UTC",
                door.out.spoken(one.detail.error) if one.detail else "",
            )
            for one in found
        ]
        door.out.table(door.out.headings("road", "what", "capsule", "state", "when", "detail"), rows)
    for one in paused:
        if one.pause_reason and one.paused_until:
            until, reason = f"{one.paused_until:%Y-%m-%d %H:%M}", door.out.spoken(one.pause_reason.error)
            road = door.out.named("road", one.road)
            door.out.warn(door.out.words("cli_road_paused", road=road, until=until, reason=reason))


def send_test(ctx: typer.Context) -> None:
    """
    Send a test message by every road that is set, to see that it leads somewhere.

    Slack, ntfy, a webhook: the section [notify] of the settings. Exit 7 when none took it, 5 when not all did.
    """
    from memorycapsule.schemas.notifications import TriedRoad
    from memorycapsule.services.roads import trials

    door = door_of(ctx)
    with door.open() as app:
        notifying = app.notifying
        problems = trials.send_tests(
            app.store, notifying.roads, notifying.post, notifying.teller, now=app.now()
        )
    door.out.answer({"roads": [TriedRoad.of(road, problem) for road, problem in problems.items()]})
    for road, problem in problems.items():
        named = door.out.named("road", road)
        if problem is None:
            door.out.say(door.out.words("cli_road_took_test", road=named))
        else:
            door.out.warn(door.out.words("cli_road_failed", road=named, reason=door.out.spoken(problem)))
    failed = sum(problem is not None for problem in problems.values())
    if failed:
        raise typer.Exit(PartlyDone.exit_code if failed < len(problems) else ConfigurationProblem.exit_code)


def register(app: typer.Typer) -> None:
    """Add these commands to `capsule`."""
    family = group("Slack, ntfy and webhooks.", "capsule notify test", "capsule notify outbox")
    family.command("outbox", epilog=examples("capsule notify outbox", "capsule notify outbox --json"))(outbox)
    family.command("test", epilog=examples("capsule notify test", "capsule notify test --json"))(send_test)
    app.add_typer(family, name="notify")
