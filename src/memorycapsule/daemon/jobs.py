"""Which jobs a heartbeat has, by the queues that a process works on."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Collection
from datetime import timedelta

from memorycapsule.app import App
from memorycapsule.daemon.heartbeat import Heartbeat
from memorycapsule.errors import Busy
from memorycapsule.journal import journal
from memorycapsule.services.wakes import Work
from memorycapsule.work import films, notices, notifying, rehearsals, ticks
from memorycapsule.work.cluster.queues import Queue
from memorycapsule.work.prerendering import Prerenderer
from memorycapsule.work.worker_context import WorkerContext

_SCRUB_SECONDS = timedelta(minutes=10).total_seconds()
_SWEEP_SECONDS = timedelta(hours=1).total_seconds()
_TIDY_SECONDS = 60.0
_RIGHT_SECONDS = 30.0
_SLOW_STATEMENT_SECONDS = 1.0
_RIGHT = "right"


def add_jobs(
    heartbeat: Heartbeat, app: App, queues: Collection[Queue], *, films_at_once: int = 1
) -> Callable[[Work], None]:
    """Add the jobs of the queues, and return what wakes those that a wake is for."""
    beat = app.settings.daemon.heartbeat_seconds
    names: dict[Work, list[str]] = {"letters": [], "films": [], "cleanup": []}
    if Queue.OPEN in queues:
        heartbeat.add("open", lambda: ticks.open_due(app), every_seconds=beat)
        _add_upkeep(heartbeat, app, beat)
        names["cleanup"].append("tidy")
    if Queue.MAIL in queues:
        heartbeat.add("letters", lambda: ticks.send_letters(app), every_seconds=beat, slow_seconds=math.inf)
        names["letters"].append("letters")
        for road in app.notifying.roads:
            # Each has a thread of its own: a receiver that hangs keeps nobody waiting.
            work = functools.partial(notifying.notify, app, road)
            heartbeat.add(f"notify-{road}", work, every_seconds=beat)
    if Queue.FILM in queues:
        for number, context in enumerate(film_contexts(app, films_at_once), 1):
            name = f"films-{number}" if number > 1 else "films"
            make = functools.partial(films.make_waiting, context)
            heartbeat.add(name, make, every_seconds=beat, slow_seconds=math.inf)
            names["films"].append(name)
        ahead = app.in_turn("ahead", Prerenderer(context=app).run)
        heartbeat.add("ahead", ahead, every_seconds=beat, slow_seconds=math.inf)
        heartbeat.add("trim", lambda: ticks.trim_cache(app), every_seconds=max(beat, _TIDY_SECONDS))

    def wake(work: Work) -> None:
        for name in names[work]:
            heartbeat.wake(name)

    return wake


def tell_of_slow_statements(app: App) -> None:
    """Have each statement logged that takes longer than a second."""

    def told(operation: str, seconds: float) -> None:
        if seconds > _SLOW_STATEMENT_SECONDS:
            journal.warning("statement.slow", operation=operation, took_seconds=round(seconds, 3))

    app.store.time_statements(told)


def film_contexts(context: WorkerContext, count: int) -> list[WorkerContext]:
    """
    Return contexts for so many films at a time, each with a lease and a folder of its own.

    What one has in hand must neither look abandoned to another one, nor be written over by it.
    """
    run, rendering = context.run, context.rendering
    return [
        context,
        *(
            dataclasses.replace(
                context,
                run=dataclasses.replace(run, lease=f"{run.lease}-{number}"),
                rendering=dataclasses.replace(rendering, work_dir=rendering.work_dir / str(number)),
            )
            for number in range(2, count + 1)
        ),
    ]


def pulse_of(queues: Collection[Queue]) -> str:
    """Return the job whose runs say that the heart beats: the one that opens capsules, where there is one."""
    return "open" if Queue.OPEN in queues else _RIGHT


def keep_right(heartbeat: Heartbeat, renew: Callable[[], None], end: Callable[[], None]) -> None:
    """
    Have the heartbeat look whether this program may still work in the database.

    `renew` takes the right again where a restart of the server took it away, and `end` is called when another program
    was first.
    """

    def look() -> None:
        try:
            renew()
        except Busy as error:
            journal.error("daemon.not_alone", reason=error.reason)
            end()

    heartbeat.add(_RIGHT, look, every_seconds=_RIGHT_SECONDS)


def _add_upkeep(heartbeat: Heartbeat, app: App, beat: float) -> None:
    upkeep: dict[str, tuple[Callable[[], object], float]] = {
        "tidy": (ticks.CleanUp(context=app).run, max(beat, _TIDY_SECONDS)),
        "scrub": (lambda: ticks.scrub(app), _SCRUB_SECONDS),
        "notices": (lambda: notices.tell(app), max(beat, _TIDY_SECONDS)),
        "rehearse": (lambda: rehearsals.rehearse_due(app), _SWEEP_SECONDS),
        "sweep": (lambda: ticks.sweep_daily(app), _SWEEP_SECONDS),
    }
    for name, (work, seconds) in upkeep.items():
        heartbeat.add(name, app.in_turn(name, work), every_seconds=seconds)
