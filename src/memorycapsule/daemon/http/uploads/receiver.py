"""
The upload receiver: it takes in many files at the same time, in memory of a fixed size.

It seals and keeps each file piece by piece. The more files arrive, the smaller are the pieces. `Finishers` decode
those that are whole.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Annotated, Any, TypeVar

from fastapi import Depends
from starlette.requests import Request

from memorycapsule.app import App
from memorycapsule.daemon.http.protocol.sessions import first_with_access
from memorycapsule.daemon.http.uploads.finishers import Finishers
from memorycapsule.domain.stories import Viewer
from memorycapsule.domain.uploads import Upload, UploadMetadata
from memorycapsule.errors import Refusal, TooLarge
from memorycapsule.services import uploads
from memorycapsule.services.uploads import UploadEnd, UploadStage

Result = TypeVar("Result")

#: How many files arrive at the same time; further ones wait in the network.
_MOST_ARRIVING = 48
#: How many bytes all arriving files together hold in memory, and the largest piece of one.
_BUFFER_BYTES = 48_000_000
_LARGEST_PART_BYTES = 5_000_000
#: A sender that sends nothing for so long makes room for others; what has arrived is kept.
_IDLE_SECONDS = 30.0
#: Threads that keep pieces; the disk takes one piece after the other anyway.
_STORE_THREADS = 4


class UploadReceiver:
    """Takes in the files of everybody who sends some; `close` ends it."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.limits = app.upload_limits
        # Not the threads that make pages: those must never wait for uploads.
        self._store_threads = ThreadPoolExecutor(_STORE_THREADS, "upload-store")
        self._slots = asyncio.Semaphore(_MOST_ARRIVING)
        self._arriving = 0
        self._finishers = Finishers(app)

    async def run_in_thread(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """Call `work` in a thread that no page waits for; return or raise what it returns or raises."""
        # What it logs and asks for bears the id of the request.
        run = contextvars.copy_context().run
        return await asyncio.get_running_loop().run_in_executor(self._store_threads, run, work, *arguments)

    def begin(self, viewer: Viewer, story_id: str, *, about: UploadMetadata, length: int) -> Upload:
        """Announce a file; raises what `uploads.begin` raises."""
        app = self._app
        try:
            upload = uploads.begin(
                app.store,
                app.vault,
                viewer,
                story_id,
                about=about,
                length=length,
                limits=self.limits,
                now=app.now(),
            )
        except TooLarge as error:
            self._tell_refused(Refusal(error.reason))
            raise
        return self._noted(upload)

    def conclude(self, viewer: Viewer, upload_id: str) -> Upload:
        """Note that the file of a form has arrived whole, as `uploads.conclude` does."""
        app = self._app
        return self._noted(uploads.conclude(app.store, app.vault, viewer, upload_id, now=app.now()))

    def _noted(self, upload: Upload) -> Upload:
        # Before a file has arrived, nothing else is known to be wrong with it.
        if upload.refusal is not None:
            self._tell_refused(Refusal.EMPTY)
        return upload

    def _tell_refused(self, refusal: Refusal) -> None:
        self._app.tally.upload_over(UploadEnd(stage=UploadStage.REFUSED, refusal=refusal))

    async def receive(
        self,
        viewers: Callable[[], Sequence[Viewer]],
        upload_id: str,
        *,
        start: int,
        chunks: AsyncIterator[bytes],
    ) -> Upload:
        """
        Keep the bytes of a file from `start` on as they arrive, and return how far the file has come.

        `viewers` finds who may be sending the file. When `chunks` raises, what has arrived before is kept all the
        same. Raises what `uploads.receive` raises, and TimeoutError when nothing comes any more.
        """
        async with self._slots:
            self._arriving += 1
            try:
                return await self._receive(viewers, upload_id, start, chunks)
            finally:
                self._arriving -= 1

    async def _receive(
        self,
        viewers: Callable[[], Sequence[Viewer]],
        upload_id: str,
        start: int,
        chunks: AsyncIterator[bytes],
    ) -> Upload:
        app = self._app

        def keep(viewer: Viewer, at: int, piece: bytes) -> Upload:
            return uploads.receive(
                app.store, app.vault, viewer, upload_id, start=at, piece=piece, now=app.now()
            )

        def begin() -> tuple[Viewer, Upload]:
            return first_with_access(viewers(), lambda viewer: (viewer, keep(viewer, start, b"")))

        viewer, upload = await self.run_in_thread(begin)
        buffer: list[bytes] = []
        count = 0
        try:
            while True:
                chunk = await asyncio.wait_for(anext(chunks, None), _IDLE_SECONDS)
                if chunk is None:
                    break
                buffer.append(chunk)
                count += len(chunk)
                if count >= min(_LARGEST_PART_BYTES, _BUFFER_BYTES // self._arriving):
                    piece, buffer, count = b"".join(buffer), [], 0
                    upload = await self.run_in_thread(keep, viewer, upload.received, piece)
        finally:
            if count:
                upload = await self.run_in_thread(keep, viewer, upload.received, b"".join(buffer))
        return upload

    def finish(self, upload_id: str) -> Future[None]:
        """Have a file that is whole made into a medium; the future is done when that is over."""
        return self._finishers.finish(upload_id)

    def resume(self) -> None:
        """Finish the files that had arrived whole when the program ended."""
        for upload_id in uploads.unfinished_ids(self._app.store):
            self._finishers.finish(upload_id)

    def close(self) -> None:
        """End the threads; the next start finishes the files that they have not come to."""
        self._store_threads.shutdown()
        self._finishers.close()


async def _receiver(request: Request) -> UploadReceiver:
    receiver: UploadReceiver = request.app.state.receiver
    return receiver


ReceiverDep = Annotated[UploadReceiver, Depends(_receiver)]
