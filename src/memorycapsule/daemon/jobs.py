"""Which jobs a heartbeat has, by the queues that a process works on."""

from __future__ import annotations

import dataclasses
import functools
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta

from memorycapsule.app import App
from memorycapsule.daemon.heartbeat import Heartbeat
from memorycapsule.services.wakes import Work
from memorycapsule.work import films, notices, rehearsals, ticks
from memorycapsule.work.cluster.queues import Queue
from memorycapsule.work.prerendering import Prerenderer

_SCRUB_SECONDS = timedelta(minutes=10).total_seconds()
_SWEEP_SECONDS = timedelta(hours=1).total_seconds()
_TIDY_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Jobs:
    """What was added to a heartbeat."""

    #: Wakes the jobs that a wake is for.
    wake: Callable[[Work], None]
    #: What the jobs claim rows under.
    leases: tuple[str, ...]


def add_jobs(heartbeat: Heartbeat, app: App, queues: Collection[Queue], *, films_at_once: int = 1) -> Jobs:
    """Add the jobs of the queues."""
    beat = app.settings.daemon.heartbeat_seconds
    names: dict[Work, list[str]] = {"letters": [], "films": [], "cleanup": []}
    leases = [app.run.lease]
    if Queue.OPEN in queues:
        heartbeat.add("open", lambda: ticks.open_due(app), every_seconds=beat)
        _add_upkeep(heartbeat, app, beat)
        names["cleanup"].append("tidy")
    if Queue.MAIL in queues:
        heartbeat.add("letters", lambda: ticks.send_letters(app), every_seconds=beat)
        names["letters"].append("letters")
    if Queue.FILM in queues:
        for number in range(films_at_once):
            name = f"films-{number + 1}" if number else "films"
            # Whoever makes several films at a time claims each of them under a lease of its own.
            lease = str(uuid.uuid4()) if number else app.run.lease
            one = dataclasses.replace(app, run=dataclasses.replace(app.run, lease=lease))
            heartbeat.add(name, functools.partial(films.make_waiting, one), every_seconds=beat)
            names["films"].append(name)
            leases.append(lease)
        heartbeat.add("ahead", app.in_turn("ahead", Prerenderer(context=app).run), every_seconds=beat)

    def wake(work: Work) -> None:
        for name in names[work]:
            heartbeat.wake(name)

    return Jobs(wake=wake, leases=tuple(dict.fromkeys(leases)))


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
