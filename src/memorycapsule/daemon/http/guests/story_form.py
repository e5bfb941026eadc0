"""
The form for a story as it comes from a browser without scripts: words, and files in the form itself.

It is read while it arrives, and its files are kept like uploads.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Future
from uuid import UUID

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from memorycapsule.app import App
from memorycapsule.daemon.http.guests import story_fields
from memorycapsule.daemon.http.guests.access import StoryAccess, own_story
from memorycapsule.daemon.http.protocol import multipart
from memorycapsule.daemon.http.protocol.costs import LARGEST_FORM_BYTES
from memorycapsule.daemon.http.uploads import tus
from memorycapsule.daemon.http.uploads.receiver import UploadReceiver
from memorycapsule.domain.stories import StoryWords, Viewer, checked_words
from memorycapsule.domain.uploads import UploadMetadata
from memorycapsule.errors import NotAllowed, TooLarge
from memorycapsule.services import stories
from memorycapsule.services.album.story_views import StoryView

#: All files of a form together.
LARGEST_FORM_WITH_FILES_BYTES = 500_000_000
_FIELDS = frozenset({"story", "title", "text"}) | story_fields.MARKS


class StoryForm:
    """
    A form while it arrives: what it has brought so far.

    `viewer` is the session that has access to the capsule; when the form adds to a story, the one of the browser's
    `viewers` that sees that story takes its place.
    """

    def __init__(
        self, app: App, receiver: UploadReceiver, viewers: Sequence[Viewer], viewer: Viewer, capsule_id: str
    ) -> None:
        self._app = app
        self._receiver = receiver
        self._viewers = viewers
        self._viewer = viewer
        self._capsule_id = capsule_id
        #: The story that the form adds to, None for a new one.
        self._story: StoryView | None = None
        #: The story that files and words go into, None until there is one.
        self._story_id: str | None = None
        #: The typed fields by their names.
        self._fields: dict[str, str] = {}
        #: How many files have come.
        self._files = 0
        #: The names of files that were larger than what is taken, and why; the form went on without them.
        self.too_large: list[tuple[str, TooLarge]] = []
        #: Why no file was taken at all; the words that follow the files were read all the same.
        self.closed: NotAllowed | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing has come that can be kept."""
        return not self._files and not self._fields.get("title") and not self._fields.get("text")

    @property
    def fields(self) -> dict[str, str]:
        """The typed fields that have come, and their marks."""
        return dict(self._fields)

    @property
    def typed(self) -> dict[str, str]:
        """The words that have come."""
        return {name: self._fields[name] for name in ("title", "text") if self._fields.get(name)}

    @property
    def new_marks(self) -> dict[str, str]:
        """The marks of title and text, of those that have come and are saved."""
        saved = checked_words(self._fields.get("title"), self._fields.get("text"))
        return {name: mark for name, mark in story_fields.marks_of(saved).items() if name in self._fields}

    def saved_story(self) -> StoryAccess | None:
        """Return the story that files and words go into as it is now, None while there is none."""
        if self._story_id is None:
            return None
        return own_story(self._app, self._viewers, UUID(self._capsule_id), self._story_id)

    async def receive(self, request: Request) -> None:
        """
        Keep files and fields as they arrive, and wait a while for the files to be decoded.

        Raises what ends a form early; a story of which nothing has come is gone then.
        """
        try:
            finishing = await self._receive_fields(request)
        except (ClientDisconnect, HTTPException, TimeoutError, TooLarge):
            await run_in_threadpool(self.discard_empty_story)
            raise
        if finishing:
            await asyncio.wait(
                [asyncio.wrap_future(one) for one in finishing], timeout=tus.FINISH_WAIT_SECONDS
            )

    def discard_empty_story(self) -> None:
        """Remove a story that was made for a file of which nothing has come."""
        if self._story_id and not self._story and not self._files:
            app = self._app
            stories.remove(app.store, app.vault, self._viewer, self._story_id, now=app.now())

    def save_words(self) -> str:
        """
        Put the typed words into the story, and return its id; a field that has not come stays as it is.

        Raises EditedElsewhere, UsageProblem, and NotAllowed once the capsule is closed.
        """
        app, title, text = self._app, self._fields.get("title"), self._fields.get("text")
        if text is not None:
            text = text.replace("\r\n", "\n")  # forms end lines so (HTML standard, 4.10.21.5)
        if self._story_id is None:
            return self._new_story(title=title, text=text)
        was = self._story.words if self._story else StoryWords(title="", text="")
        typed = {"title": title, "text": text}
        saved = {"title": was.title, "text": was.text}
        if any(value is not None and value.strip() != saved[name] for name, value in typed.items()):
            seen = story_fields.marks(self._fields, self._story) if self._story else None
            stories.edit(
                app.store,
                app.vault,
                self._viewer,
                self._story_id,
                title=title,
                text=text,
                seen=seen,
                now=app.now(),
            )
        return self._story_id

    async def _receive_fields(self, request: Request) -> list[Future[None]]:
        """Return the futures of the files, which end when those are decoded."""
        stream = multipart.stream_fields(request)
        typed = 0
        finishing = []
        async for part, chunk in stream:
            if part.file:
                upload_id = await self._receive_or_skip_file(request, part.file, stream, chunk)
                if upload_id:
                    self._files += 1
                    finishing.append(self._receiver.finish(upload_id))
            elif chunk is not None and part.name in _FIELDS:
                typed += len(chunk)
                if typed > LARGEST_FORM_BYTES:
                    raise HTTPException(413)
                self._fields[part.name] = self._fields.get(part.name, "") + chunk.decode(errors="replace")
            elif part.name == "story":
                await run_in_threadpool(self._find_story)
        return finishing

    def _find_story(self) -> None:
        story_id = self._fields.pop("story", "")
        if story_id:
            self._viewer, _view, self._story = own_story(
                self._app, self._viewers, UUID(self._capsule_id), story_id
            )
            self._story_id = story_id

    async def _receive_or_skip_file(
        self,
        request: Request,
        name: str,
        stream: AsyncIterator[tuple[multipart.FormPart, bytes | None]],
        chunk: bytes | None,
    ) -> str | None:
        """Keep a file as `_receive_file` does; read over one that is not taken, since words follow it in the form."""
        current = chunk

        async def rest() -> AsyncIterator[tuple[multipart.FormPart, bytes | None]]:
            nonlocal current
            async for part, current in stream:
                yield part, current

        try:
            return await self._receive_file(request, name, rest(), chunk)
        except (NotAllowed, TooLarge) as error:
            if isinstance(error, TooLarge):
                self.too_large.append((name, error))
            else:
                self.closed = error
            while current is not None:
                _part, current = await anext(stream)
            return None

    async def _receive_file(
        self,
        request: Request,
        name: str,
        stream: AsyncIterator[tuple[multipart.FormPart, bytes | None]],
        chunk: bytes | None,
    ) -> str | None:
        """Keep a file of a form, whose first chunk is `chunk`; return the id of its upload, None for an empty file."""
        # A form does not say how long its files are, only how long it is itself.
        length = int(request.headers.get("content-length") or LARGEST_FORM_WITH_FILES_BYTES)
        upload_id = await run_in_threadpool(self._begin_upload, name, length)

        async def chunks() -> AsyncIterator[bytes]:
            current = chunk
            while current is not None:
                yield current
                _part, current = await anext(stream)

        await self._receiver.receive(lambda: [self._viewer], upload_id, start=0, chunks=chunks())
        concluded = await run_in_threadpool(self._receiver.conclude, self._viewer, upload_id)
        return None if concluded.refusal else upload_id

    def _begin_upload(self, name: str, length: int) -> str:
        if self._story_id is None:
            self._story_id = self._new_story(title=None, text=None)
        upload = self._receiver.begin(
            self._viewer,
            self._story_id,
            # Files keep the order of the form, whichever is finished first.
            about=UploadMetadata(file=name, position=next_position(self._story) + self._files),
            length=min(length, self._receiver.limits.largest_file),
        )
        return upload.id

    def _new_story(self, *, title: str | None, text: str | None) -> str:
        app = self._app
        story = stories.add(
            app.store, app.vault, self._viewer, self._capsule_id, title=title, text=text, now=app.now()
        )
        return story.id


def next_position(story: StoryView | None) -> int:
    """Return the position of a further file of a story; None is a story that is not there yet."""
    return max((one.medium.position for one in story.media), default=-1) + 1 if story else 0
