"""What the service manager is told of a running service, as long as it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from memorycapsule.app import App
from memorycapsule.daemon.heartbeat import Heartbeat
from memorycapsule.services import opening
from memorycapsule.systemd.manager import ServiceManager
from memorycapsule.words.catalogues import wording
from memorycapsule.words.dates import date_in_words
from memorycapsule.work import ticks


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
    """Have the heartbeat tell the manager when the next capsule opens, as often as it looks for what is due."""
    said = ""

    def look() -> None:
        nonlocal said
        # The socket has room for a few words only, and those that matter more must find it.
        if (line := status_line(app)) != said:
            manager.status(line)
            said = line

    if manager.is_there:
        heartbeat.add("status", look, every_seconds=app.settings.daemon.heartbeat_seconds)


class Watchdog:
    """
    What the manager hears as long as the heart beats, if it watches: that all is well.

    `age_seconds` says how old the pulse of the service is, the job that opens capsules where it has that; above
    `stuck_after_seconds` it is stuck.
    """

    def __init__(
        self, manager: ServiceManager, *, age_seconds: Callable[[], float], stuck_after_seconds: float
    ) -> None:
        self._manager = manager
        self._age_seconds = age_seconds
        self._stuck_after_seconds = stuck_after_seconds
        # A loop keeps no task alive by itself.
        self._feeding: asyncio.Task[None] | None = None
        #: How often it is to be told; None where nobody watches.
        self.every_seconds = manager.watchdog_seconds / 2 if manager.watchdog_seconds else None

    def tell(self) -> None:
        """Tell the manager that all is well, if it is."""
        if self._age_seconds() < self._stuck_after_seconds:
            self._manager.all_is_well()

    async def feed(self) -> None:
        """Tell it again and again at half its period until this is cancelled; return at once where nobody watches."""
        while self.every_seconds is not None:
            self.tell()
            await asyncio.sleep(self.every_seconds)

    def begin(self) -> None:
        """Feed it in the loop that serves the pages, so a loop that hangs says nothing either."""
        self._feeding = asyncio.create_task(self.feed())
