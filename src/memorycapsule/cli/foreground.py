"""Letters and films that a command would like done at once, where no daemon does them anyway."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from memorycapsule.cli.bars import Bar
from memorycapsule.cli.output import Output
from memorycapsule.errors import Busy, CapsuleError

if TYPE_CHECKING:
    from memorycapsule.app import App
    from memorycapsule.domain.film.montages import Montage
    from memorycapsule.domain.stories import Viewer

_POLL_SECONDS = 0.5


def send_now(app: App) -> bool:
    """Send the letters that are due unless a daemon does, and say whether this was done here."""
    from memorycapsule.work import ticks
    from memorycapsule.work.lock import is_worked_on, working

    if is_worked_on(app, app.settings.data_dir):
        return False
    try:
        with working(app, app.settings.data_dir):
            ticks.settle(app)
            ticks.send_letters(app)
    except Busy:
        return False
    return True


def why_letters_wait(app: App) -> CapsuleError | None:
    """Return why no letter leaves at this moment, or None."""
    from memorycapsule.services import instances

    return instances.check_key(app.store, app.vault.key).why_letters_wait(app.now())


def finish_film(app: App, viewer: Viewer, montage_id: str, out: Output) -> Montage:
    """Render a film here, or wait for whoever else does it, the daemon or another node; returns it as it ended."""
    from memorycapsule.domain.film.montages import MontageState
    from memorycapsule.work import films, ticks
    from memorycapsule.work.lock import is_worked_on, working

    data_dir = app.settings.data_dir
    with out.progress(out.words("cli_progress_film"), 1.0) as bar:
        while not (found := _montage_of(app, viewer, montage_id)).state.is_over:
            if found.state is not MontageState.RENDERING or not is_worked_on(app, data_dir):
                try:
                    with working(app, data_dir), _watched(app, viewer, montage_id, bar):
                        ticks.settle(app)
                        films.make_waiting(app, only=montage_id)
                        ticks.send_letters(app)
                        ticks.CleanUp(context=app).run()
                        ticks.trim_cache(app)
                except Busy:
                    pass
                else:
                    found = _montage_of(app, viewer, montage_id)
                    if found.state is not MontageState.RENDERING:
                        break
            bar.reach(found.progress)
            threading.Event().wait(_POLL_SECONDS)
    return found


@contextmanager
def _watched(app: App, viewer: Viewer, montage_id: str, bar: Bar) -> Iterator[None]:
    """Move the bar as the film's row does; the renderer's child belongs to this thread, so another one looks."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_POLL_SECONDS):
            bar.reach(_montage_of(app, viewer, montage_id).progress)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _montage_of(app: App, viewer: Viewer, montage_id: str) -> Montage:
    from memorycapsule.services import reading

    with app.store.reading() as tx:
        return reading.montage(tx, viewer, montage_id)[0]
