"""What the machine does in a life: time passes, programs start and end, clocks are set, disks fill, mail is refused."""

from __future__ import annotations

import errno
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from memorycapsule.app import App
from memorycapsule.services import instances, opening
from memorycapsule.work import ticks
from simulation.world import Act, World
from support.post_office import DROP, KEEP_AND_DROP, Trouble

#: The program looks at most so often while time passes; a real one looks each minute, and finds nothing to do.
_MOST_LOOKS = 3
#: After a shorter time without anything due it does not look.
_A_WHILE = timedelta(hours=12)
_SPANS = (timedelta(minutes=20), timedelta(hours=3), timedelta(days=1), timedelta(days=3), timedelta(days=9))

#: What a mail server may do for a while, to everybody.
MAIL_TROUBLES = (
    Trouble("GREETING", "421 4.3.2 shutting down"),
    Trouble("GREETING", "554 5.7.1 we do not talk to you"),
    Trouble("GREETING", DROP),
    Trouble("MAIL", "451 4.3.0 later"),
    Trouble("MAIL", "452 4.3.1 no room"),
    Trouble("MAIL", "530 5.7.0 authentication required"),
    Trouble("MAIL", "550 5.7.1 not this sender"),
    Trouble("RCPT", "450 4.2.0 greylisted, come back in five minutes"),
    Trouble("RCPT", "554 5.7.1 relay access denied"),
    Trouble("RCPT", "452 4.5.3 too many recipients today"),
    Trouble("DATA", "451 4.3.0 later"),
    Trouble("DATA", DROP),
    Trouble("LETTER", "451 4.3.0 later"),
    Trouble("LETTER", "554 5.7.1 this looks like spam"),
    Trouble("LETTER", "550 5.4.5 daily sending quota exceeded"),
    Trouble("LETTER", "999 what?"),
    Trouble("LETTER", DROP),
    Trouble("LETTER", KEEP_AND_DROP),
)
#: What is wrong with one address, for good.
ADDRESS_TROUBLES = ("550 5.1.1 no such user", "551 5.1.6 has moved", "552 5.2.2 mailbox full")

#: By how much clocks go wrong; 1970 is where a machine without a battery begins.
WRONG_CLOCKS = (
    timedelta(hours=-2),
    timedelta(days=-10),
    timedelta(days=1, hours=1),
    timedelta(days=10),
    timedelta(days=25),
    timedelta(days=31),
    timedelta(days=730),
    timedelta(days=25_000),
)


def tick_act(*, sweeps: bool = False) -> Act:
    def do(app: App, _now: datetime) -> None:
        until = instances.judge_clock(app.store, app.clock).opens_until
        seen_by_another = opening.due(app.store, until) if until else []
        ticks.tick(app)
        for capsule in seen_by_another:
            # Another program has read what is due, too, and comes a moment later.
            assert opening.open_if_due(app.store, app.wake, capsule.id, until) is None, "I2 opened twice"
        if sweeps:
            ticks.sweep(app)

    return Act(what="tick and sweep" if sweeps else "tick", do=do)


def live(world: World, span: timedelta, note: Callable[[Act], None]) -> None:
    """Let time pass; the program looks when something is due, and at the end. `note` performs and checks an act."""
    end = world.time.true + span
    for looks in range(_MOST_LOOKS):
        next_due = _next_due(world)
        until = end if looks == _MOST_LOOKS - 1 or next_due is None else min(end, next_due)
        world.time.go_on(max(until - world.time.true, timedelta()))
        world.mend_what_is_over()
        is_over = until >= end
        if not is_over or next_due == until or span >= _A_WHILE:
            note(tick_act())
        if is_over:
            return


def _next_due(world: World) -> datetime | None:
    """Return the true time at which the machine's clock shows the next instant that a row waits for."""
    wall = world.time.wall.strftime("%Y-%m-%d %H:%M:%S.%f")
    with world.rows() as rows:
        (found,) = rows.execute(
            "SELECT min(at) FROM (SELECT min(opens_at) AS at FROM capsule WHERE state = 'sealed' AND opens_at > ?1"
            " UNION ALL SELECT min(next_attempt_at) FROM delivery WHERE state = 'queued' AND next_attempt_at > ?1"
            " UNION ALL SELECT min(not_before) FROM montage WHERE state = 'queued' AND not_before > ?1"
            " UNION ALL SELECT mail_paused_until FROM instance WHERE mail_paused_until > ?1)",
            [wall],
        ).fetchone()
    if found is None:
        return None
    return datetime.fromisoformat(found).replace(tzinfo=UTC) - world.time.ahead + timedelta(seconds=1)


def tick(world: World, chance: random.Random) -> Act:
    return tick_act(sweeps=chance.random() < 0.5)


def restart(world: World, chance: random.Random) -> Act:
    world.stop()
    return tick_act(sweeps=True)


def reboot(world: World, chance: random.Random) -> Act:
    world.stop()
    world.time.reboot(off=chance.choice(_SPANS))
    world.mend_what_is_over()
    return tick_act(sweeps=True)


def long_absence(world: World, chance: random.Random) -> Act:
    """The machine stands in a cupboard for months."""
    world.stop()
    world.time.reboot(off=timedelta(days=chance.randint(20, 300)))
    world.mend_what_is_over()
    return tick_act(sweeps=True)


def wrong_clock(world: World, chance: random.Random) -> Act | None:
    """The clock is set wrongly: beneath the program, while it is ended, or with the machine."""
    if world.time.ahead:
        return None
    how = chance.choice(("beneath", "restart", "reboot"))
    if how != "beneath":
        world.stop()
    ahead = chance.choice((*WRONG_CLOCKS, datetime(1970, 1, 1, 1, tzinfo=UTC) - world.time.true))
    world.fail("clock", chance.choice(_SPANS), ahead)
    if how == "reboot":
        world.time.reboot(off=timedelta(hours=1))
    world.diary.note(world, f"the clock goes {ahead} wrong ({how})")
    return tick_act(sweeps=True)


def cable_out(world: World, chance: random.Random) -> Act:
    """No network: the mail server cannot be reached, and no time server."""
    world.fail("cable", chance.choice(_SPANS))
    world.stop()
    world.time.reboot(off=timedelta(minutes=5))
    return tick_act()


def bad_mail(world: World, chance: random.Random) -> Act:
    trouble = chance.choice(MAIL_TROUBLES)
    # A server that keeps letters and says nothing does so for a moment only.
    left = chance.choice((1, 2, 1_000_000))
    world.fail("mail", chance.choice(_SPANS), Trouble(trouble.at, trouble.says, left=left))
    return tick_act()


def greylisting(world: World, _chance: random.Random) -> Act:
    """The server asks everybody to come back in five minutes, for some days."""
    world.fail("mail", timedelta(days=12), Trouble("RCPT", "450 4.2.0 greylisted, come back in five minutes"))
    return tick_act()


def bad_address(world: World, chance: random.Random) -> Act | None:
    with world.rows() as rows:
        found = [one for (one,) in rows.execute("SELECT DISTINCT address FROM address ORDER BY 1")]
    address = chance.choice(found)
    world.post.troubles.append(Trouble("RCPT", chance.choice(ADDRESS_TROUBLES), address=address))
    world.counts["faults"] += 1
    return tick_act()


def bad_disk(world: World, chance: random.Random) -> Act:
    world.fail("disk", chance.choice(_SPANS), chance.choice((errno.ENOSPC, errno.ENOSPC, errno.EIO)))
    return tick_act(sweeps=True)


def new_zone_rules(world: World, chance: random.Random) -> Act:
    world.stop()
    world.rules += 1
    world.counts["faults"] += 1
    return tick_act()


def trust_clock(world: World, chance: random.Random) -> Act | None:
    """The owner looks at the clock, sets it right, and says so."""
    if world.time.ahead:
        world.mend("clock")

    def do(app: App, _now: datetime) -> None:
        instances.trust_clock(app.store, app.clock)

    return Act(what="doctor --trust-clock", do=do)


#: How often each is done, about.
USUAL = {
    "tick": (tick, 14),
    "restart": (restart, 5),
    "reboot": (reboot, 4),
    "long_absence": (long_absence, 1),
    "wrong_clock": (wrong_clock, 6),
    "cable_out": (cable_out, 3),
    "bad_mail": (bad_mail, 12),
    "bad_address": (bad_address, 1),
    "greylisting": (greylisting, 1),
    "bad_disk": (bad_disk, 6),
    "new_zone_rules": (new_zone_rules, 1),
    "trust_clock": (trust_clock, 1),
}

#: Those that break something.
FAULTS = frozenset(
    {"wrong_clock", "cable_out", "bad_mail", "bad_address", "greylisting", "bad_disk", "new_zone_rules"}
)
