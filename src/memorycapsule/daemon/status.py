"""What the service manager is told of a running service, as long as it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from memorycapsule.app import App
from memorycapsule.daemon.heartbeat import Heartbeat
from memorycapsule.services import opening
from memorycapsule.systemd.manager import ServiceManager
from memorycapsule.words.catalogues import wording
from memorycapsule.words.dates import date_in_words
from memorycapsule.work import ticks

_STATUS_SECONDS = 60.0


def status_line(app: App) -> str:
    """Say in one line when the next capsule opens, or why none does; no title is in it."""
    language = app.settings.locale
    words = wording(language, "service")
    if ticks.clock_doubt(app):
        return words("service_clock_doubted")
    capsule = opening.next_to_open(app.store)
    if capsule is None:
        return words("service_nothing_sealed")
    if capsule.is_due(app.now()):
        return words("service_opening_now")
    return words("service_next_opening", date=date_in_words(capsule.opens_local, capsule.zone, language))


def keep_status(heartbeat: Heartbeat, app: App, manager: ServiceManager) -> None:
    """Have the heartbeat tell the manager now and then when the next capsule opens."""
    if manager.is_there:
        heartbeat.add("status", lambda: manager.status(status_line(app)), every_seconds=_STATUS_SECONDS)


@dataclass(frozen=True, kw_only=True)
class Pulse:
    """The job by which a service is judged: the one that opens capsules, where it has that."""

    #: How many seconds ago its last run ended.
    age_seconds: Callable[[], float]
    #: Above this age it is stuck.
    stuck_after_seconds: float

    def tell(self, manager: ServiceManager) -> None:
        """Tell the manager that all is well, if it is."""
        if self.age_seconds() < self.stuck_after_seconds:
            manager.all_is_well()


async def feed_watchdog(manager: ServiceManager, pulse: Pulse) -> None:
    """
    Tell the manager again and again that all is well, at half its period, and not while the heart is stuck.

    It runs in the loop that serves the pages, so a loop that hangs says nothing either. Returns at once where nobody
    watches, and otherwise when it is cancelled.
    """
    while manager.watchdog_seconds is not None:
        pulse.tell(manager)
        await asyncio.sleep(manager.watchdog_seconds / 2)
