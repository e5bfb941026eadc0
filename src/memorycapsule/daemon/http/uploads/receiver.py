"""
Receiving: files on their way in, in memory that does not grow with how many come at the same time.

What arrives of a file is sealed and kept piece by piece; how large a piece may become depends on how many files
are arriving. Files that are whole are decoded by one small crew, whoever sent them.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from memorycapsule.app import App
from memorycapsule.config import bytes_of
from memorycapsule.daemon.http.protocol.sessions import first_to_see
from memorycapsule.domain.stories import Viewer
from memorycapsule.domain.uploads import Upload, UploadLimits
from memorycapsule.errors import CapsuleError
from memorycapsule.journal import journal
from memorycapsule.services import uploads

if TYPE_CHECKING:
    from memorycapsule.media.decoders import Decoders

Done = TypeVar("Done")

#: So many files arrive at the same time, further ones wait in the network; what all of them hold in memory, and the
#: largest piece of one.
_AT_ONCE = 48
_HELD_BYTES = 48_000_000
_LARGEST_PIECE = 5_000_000
#: Whoever sends nothing for so long makes room for others; what has come is kept.
_PATIENCE_SECONDS = 30.0
#: The disk takes one piece after the other anyway.
_KEEPERS = 4


class UploadReceiver:
    """Takes files in, for everybody who sends some; `close` ends it."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.limits = UploadLimits(
            largest_file=bytes_of(app.settings.uploads.largest_file),
            most_per_member=bytes_of(app.settings.uploads.most_per_member),
        )
        # Not the threads that make pages: those must never wait for uploads.
        self._keepers = ThreadPoolExecutor(_KEEPERS, "keeper")
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._arriving = 0
        self._crew = _ReceiverThreads(app)

    async def aside(self, work: Callable[..., Done], *given: Any) -> Done:
        """Do what uploads need of the store, where pages do not wait for it; return or raise what `work` does."""
        return await asyncio.get_running_loop().run_in_executor(self._keepers, work, *given)

    async def take(
        self,
        looking: Callable[[], list[Viewer]],
        upload_id: str,
        *,
        start: int,
        arriving: AsyncIterator[bytes],
    ) -> Upload:
        """
        Keep what arrives of a file from `start` on, and return how far it has come.

        `looking` says who may be sending it. When it breaks off (`arriving` raises), what has arrived is kept all
        the same. Raises what `uploads.receive` raises, and TimeoutError when nothing comes any more.
        """
        async with self._room:
            self._arriving += 1
            try:
                return await self._take(looking, upload_id, start, arriving)
            finally:
                self._arriving -= 1

    async def _take(
        self,
        looking: Callable[[], list[Viewer]],
        upload_id: str,
        start: int,
        arriving: AsyncIterator[bytes],
    ) -> Upload:
        app = self._app

        def keep(viewer: Viewer, at: int, piece: bytes) -> Upload:
            return uploads.receive(
                app.store, app.vault, viewer, upload_id, start=at, piece=piece, now=app.now()
            )

        def begin() -> tuple[Viewer, Upload]:
            return first_to_see(looking(), lambda viewer: (viewer, keep(viewer, start, b"")))

        viewer, upload = await self.aside(begin)
        held: list[bytes] = []
        count = 0
        try:
            while True:
                chunk = await asyncio.wait_for(anext(arriving, None), _PATIENCE_SECONDS)
                if chunk is None:
                    break
                held.append(chunk)
                count += len(chunk)
                if count >= min(_LARGEST_PIECE, _HELD_BYTES // self._arriving):
                    piece, held, count = b"".join(held), [], 0
                    upload = await self.aside(keep, viewer, upload.received, piece)
        finally:
            if count:
                upload = await self.aside(keep, viewer, upload.received, b"".join(held))
        return upload

    def finish(self, upload_id: str) -> Future[None]:
        """Have a file that is whole made into a medium; the answer is ready when that is over."""
        return self._crew.finish(upload_id)

    def resume(self) -> None:
        """Take up what had arrived whole when the program ended."""
        for upload_id in uploads.waiting(self._app.store):
            self._crew.finish(upload_id)

    def close(self) -> None:
        """End the crew; a file that it has not come to is taken up at the next start."""
        self._keepers.shutdown()
        self._crew.close()


class _ReceiverThreads:
    """
    A few threads that finish files, and the children that decode for them; they begin with the first file.

    Not an executor of concurrent.futures: Python waits for its threads at the end, and a long clip would keep the
    daemon from ending. Whatever is cut off is still whole, and begun again at the next start.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._waiting: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._futures: dict[str, Future[None]] = {}
        self._threads: list[threading.Thread] = []
        self._decoders: Decoders | None = None
        self._is_closed = False

    def finish(self, upload_id: str) -> Future[None]:
        with self._lock:
            if self._is_closed:
                raise CapsuleError("The program is ending; this file is safe, and put in when it is back.")
            if upload_id in self._futures:
                return self._futures[upload_id]
            self._begin()
            future: Future[None] = Future()
            self._futures[upload_id] = future
            self._waiting.put(upload_id)
            return future

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            for _ in self._threads:
                self._waiting.put(None)
        if self._decoders is not None:
            self._decoders.close()

    def _begin(self) -> None:
        if self._threads:
            return
        self._decoders = self._app.decoders()
        for number in range(self._app.settings.media.decoders):
            thread = threading.Thread(target=self._work, name=f"finisher-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _work(self) -> None:
        assert self._decoders is not None
        while (upload_id := self._waiting.get()) is not None:
            if self._is_closed:
                return
            try:
                uploads.finish(
                    self._app.store, self._app.vault, self._decoders.prepare, upload_id, clock=self._app.now
                )
            except Exception as error:  # noqa: BLE001 - one file must not end the crew; it is taken up again later
                journal.error("upload.unfinished", error=type(error).__name__)
                journal.debug("upload.unfinished", exc_info=error)
            with self._lock:
                future = self._futures.pop(upload_id)
            future.set_result(None)
