"""
The threads that decode files which have arrived whole, the same for all senders.

A file that cannot be read because the machine is in the way is kept, and tried again after a pause; so is one for which
the disk had no room. It is refused only when that fails while this program reads nothing else, on a quiet machine.
"""

from __future__ import annotations

import heapq
import threading
from collections import deque
from concurrent.futures import Future
from time import monotonic
from typing import TYPE_CHECKING

from memorycapsule.errors import CapsuleError, DiskFull, Postponed
from memorycapsule.journal import current_request, journal, on_behalf_of
from memorycapsule.processes.hangs import is_machine_quiet
from memorycapsule.services import uploads
from memorycapsule.services.uploads import UploadEnd

if TYPE_CHECKING:
    from collections.abc import Callable

    from memorycapsule.app import App
    from memorycapsule.media.decoder_pool import Decoders

#: How long a file waits for its next try, in seconds; twice as long after each one, up to the second.
RETRY_SECONDS, MOST_RETRY_SECONDS = 60.0, 3600.0


class Finishers:
    """
    A few threads that finish files, and the children that decode for them; they start with the first file.

    This is no executor of concurrent.futures: Python waits for its threads at the end, and a long clip would keep
    the daemon from ending. A file that is cut off stays whole; the next start finishes it.
    """

    def __init__(self, app: App, *, is_quiet: Callable[[], bool] = is_machine_quiet) -> None:
        self._app = app
        self._is_quiet = is_quiet
        self._changed = threading.Condition()
        self._futures: dict[str, Future[None]] = {}
        self._waiting: deque[str] = deque()
        #: Which request brought the last piece of each; None after a restart.
        self._requests: dict[str, str | None] = {}
        #: When files are tried again, and after how many tries each.
        self._later: list[tuple[float, str]] = []
        self._tries: dict[str, int] = {}
        self._is_trying_again = False
        #: How many files are in hand, and how many have ever been.
        self._in_hand = 0
        self._begun = 0
        self._threads: list[threading.Thread] = []
        self._decoders: Decoders | None = None
        self._is_closed = False

    def finish(self, upload_id: str) -> Future[None]:
        """Have a file made into a medium; the future is done when that is over, or has to wait for another try."""
        with self._changed:
            if self._is_closed:
                raise CapsuleError("program_ending_upload_safe")
            if upload_id in self._futures:
                return self._futures[upload_id]
            future: Future[None] = Future()
            if upload_id in self._tries:
                future.set_result(None)
                return future
            self._start_threads()
            self._futures[upload_id] = future
            self._requests.setdefault(upload_id, current_request())
            self._waiting.append(upload_id)
            self._changed.notify()
            return future

    def close(self) -> None:
        """End the threads, but for a file in hand."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        if self._decoders is not None:
            self._decoders.close()

    def _start_threads(self) -> None:
        if self._threads:
            return
        self._decoders = self._app.decoders()
        for number in range(self._app.settings.media.decoders):
            thread = threading.Thread(target=self._work, name=f"finisher-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _work(self) -> None:
        while (upload_id := self._take()) is not None:
            with on_behalf_of(self._requests.get(upload_id)):
                self._try(upload_id)

    def _take(self) -> str | None:
        """Wait for the next file and return it; None at the end. Only one at a time is tried again."""
        with self._changed:
            while not self._is_closed:
                pause = None
                if self._later and not self._is_trying_again:
                    pause = self._later[0][0] - monotonic()
                    if pause <= 0:
                        self._is_trying_again = True
                        return self._taken(heapq.heappop(self._later)[1])
                if self._waiting:
                    return self._taken(self._waiting.popleft())
                self._changed.wait(pause)
            return None

    def _taken(self, upload_id: str) -> str:
        self._in_hand += 1
        self._begun += 1
        return upload_id

    def _try(self, upload_id: str) -> None:
        assert self._decoders is not None
        app = self._app
        with self._changed:
            was_alone, begun = self._in_hand == 1, self._begun
        is_over, started = True, monotonic()
        try:
            # Where nobody else works in the database, nobody else can be at it.
            lease = None if app.run.is_alone else app.run.lease
            self._tell(
                uploads.finish(
                    app.store, app.vault, self._decoders.prepare, upload_id, lease=lease, clock=app.now
                )
            )
        except Postponed:
            with self._changed:
                is_alone = was_alone and begun == self._begun
            is_over = self._put_off(upload_id, is_alone=is_alone)
        except DiskFull:
            # Nothing is wrong with the file: it is finished within a minute of the room being there again.
            journal.warning("upload.waits_for_room", upload=upload_id)
            self._let_go(upload_id, is_over=False, counts=False)
            return
        except Exception as error:  # noqa: BLE001 - one file must not end the thread; it is finished later
            journal.error("upload.unfinished", error=type(error).__name__)
            journal.debug("upload.unfinished", exc_info=error)
            is_over = False
        else:
            journal.info("upload.finished", upload=upload_id, took_seconds=round(monotonic() - started, 1))
        self._let_go(upload_id, is_over=is_over)

    def _put_off(self, upload_id: str, *, is_alone: bool) -> bool:
        """Note that a file is to be tried again, or refuse it; return whether that was its last try."""
        app = self._app
        is_last = upload_id in self._tries and is_alone and self._is_quiet()
        journal.warning("upload.given_up" if is_last else "upload.postponed", upload=upload_id)
        if self._is_closed:
            # The program ends, and perhaps its children were ended with it.
            return False
        try:
            end = uploads.give_up if is_last else uploads.postpone
            self._tell(end(app.store, app.vault, upload_id, now=app.now()))
        except Exception as error:  # noqa: BLE001 - as above
            journal.error("upload.unfinished", error=type(error).__name__)
            return False
        return is_last

    def _tell(self, end: UploadEnd | None) -> None:
        if end is not None:
            self._app.tally.upload_over(end)

    def _let_go(self, upload_id: str, *, is_over: bool, counts: bool = True) -> None:
        with self._changed:
            self._in_hand -= 1
            if upload_id in self._tries:
                self._is_trying_again = False
            if is_over:
                self._tries.pop(upload_id, None)
                self._requests.pop(upload_id, None)
            else:
                tries = self._tries[upload_id] = self._tries.get(upload_id, 0) + 1 if counts else 1
                pause = min(RETRY_SECONDS * 2 ** (tries - 1), MOST_RETRY_SECONDS)
                heapq.heappush(self._later, (monotonic() + pause, upload_id))
            future = self._futures.pop(upload_id, None)
            self._changed.notify_all()
        if future is not None:
            future.set_result(None)
