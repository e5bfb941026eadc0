"""
Files sent to a distant daemon in parts (tus 1.0.0), going on after any cut where the last part ended.

Where a file is being sent to is written down in the user's state folder, so that the same command, run again
after a power cut, goes on as well.
"""

from __future__ import annotations

import base64
import hashlib
import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import platformdirs

from memorycapsule.cli.bars import Bar
from memorycapsule.cli.distant.client import Client, Unreachable
from memorycapsule.cli.files import StoredMedium, open_regular, readable_name
from memorycapsule.cli.output import plain
from memorycapsule.cli.sentences import sentence_of
from memorycapsule.domain.refusals import refusal_or_other
from memorycapsule.errors import CapsuleError, MediaRefused, NotFound, OffsetMoved, Postponed, Refusal
from memorycapsule.schemas.stories import Medium

AT_ONCE = 3
_PART_BYTES = 5_000_000
_TUS = {"tus-resumable": "1.0.0"}
#: A file that is all there is looked at by the daemon; a long clip takes its time.
_POLL_SECONDS = 2.0
#: So many cuts one after another, without a single part arriving in between, are the end.
_MOST_CUTS = 3
#: The daemon forgets unfinished files after a week.
_NOTED_SECONDS = 8 * 24 * 3600


class TusUploader:
    """Sends files to one story; may be used by several threads."""

    def __init__(self, client: Client, story_id: str, *, bar: Bar, stop: threading.Event) -> None:
        self._client = client
        self._story_id = story_id
        self._bar = bar
        self._stop = stop
        #: Where this run began to send: such a file was not there before, even when it is asked about again.
        self._begun: set[str] = set()
        self._notes = _Notes(platformdirs.user_state_path("memorycapsule") / "sending")

    def send(self, path: Path, position: int | None) -> StoredMedium | None:
        """
        Send a file and return the medium that it became; None when stopped in the middle of it.

        Raises MediaRefused, Postponed, Unreachable, and what uploads are refused with.
        """
        self._bar.take_up(plain(path.name))
        with open_regular(path) as file:
            about = os.fstat(file.fileno())
            note = self._notes.of(
                self._client.url, self._story_id, path.resolve(), about.st_size, about.st_mtime_ns
            )
            place = self._known(note) or self._begin(path, about.st_size, position, note)
            if not self._send_rest(place, file, about.st_size):
                return None
        return self._outcome(place, note, is_old=place not in self._begun)

    def _known(self, note: Path) -> str | None:
        """Return where this file was being sent to, if the daemon still knows of it."""
        place = self._notes.read(note)
        if place is None:
            return None
        try:
            stage = self._client.ask("GET", place).json()["stage"]
        except NotFound:
            return None
        # What was refused may be welcome today, and what was taken out is wanted again.
        return place if stage not in {"refused", "removed"} else None

    def _begin(self, path: Path, size: int, position: int | None, note: Path) -> str:
        fields = {"filename": readable_name(path), "story": self._story_id}
        if position is not None:
            fields["position"] = str(position)
        metadata = ",".join(
            f"{key} {base64.b64encode(text.encode()).decode()}" for key, text in fields.items()
        )
        try:
            answer = self._client.ask(
                "POST",
                "/uploads",
                headers={**_TUS, "upload-length": str(size), "upload-metadata": metadata},
                stop=self._stop,
            )
        except CapsuleError as error:
            if error.code != "too_large":
                raise
            # Too large, no room left: of this file, not of the import.
            told: dict[str, Any] = {"code": error.reason, "values": dict(error.values)}
            raise refusal_or_other(told, sentence_of(error)) from error
        place = str(answer.headers["location"])
        self._begun.add(place)
        self._notes.write(note, place)
        return place

    def _send_rest(self, place: str, file: BinaryIO, size: int) -> bool:
        """Send what is not there yet; False when stopped."""
        start, cuts = self._arrived(place), 0
        self._bar.advance(start)
        while start < size:
            if self._stop.is_set():
                return False
            file.seek(start)
            part = file.read(min(_PART_BYTES, size - start))
            if not part:
                raise MediaRefused(Refusal.FILE_BECAME_SHORTER)
            try:
                answer = self._client.ask_once(
                    "PATCH",
                    place,
                    content=part,
                    headers={
                        **_TUS,
                        "upload-offset": str(start),
                        "content-type": "application/offset+octet-stream",
                    },
                )
                arrived = int(answer.headers["upload-offset"])
            except CapsuleError as error:
                cuts += 1
                if not isinstance(error, Unreachable | OffsetMoved) or cuts > _MOST_CUTS:
                    raise
                # Some of the part may have come through; only the other side knows.
                arrived = self._arrived(place)
            if arrived > start:
                cuts = 0
            self._bar.advance(arrived - start)
            start = arrived
        return True

    def _arrived(self, place: str) -> int:
        return int(self._client.ask("GET", place, stop=self._stop).json()["received"])

    def _outcome(self, place: str, note: Path, *, is_old: bool) -> StoredMedium | None:
        while True:
            state = self._client.ask("GET", place, stop=self._stop).json()
            match state["stage"]:
                case "kept" | "duplicate":
                    return StoredMedium(
                        medium=self._client.get(Medium, f"/media/{state['medium']}", "medium"),
                        is_duplicate=is_old or state["stage"] == "duplicate",
                    )
                case "postponed":
                    raise Postponed("upload_postponed")
                case "refused":
                    self._notes.forget(note)
                    raise refusal_or_other(state, state["reason"])
                case "removed":
                    self._notes.forget(note)
                    raise MediaRefused(Refusal.FILE_TAKEN_OUT)
            if self._stop.wait(_POLL_SECONDS):
                return None


class _Notes:
    """Where files are being sent to: one small file for each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in folder.iterdir():
            with suppress(FileNotFoundError):  # another run tidies as well
                if time.time() - old.stat().st_mtime > _NOTED_SECONDS:
                    old.unlink()

    def of(self, *parts: object) -> Path:
        """Return the note of a file, whose name says nothing of it."""
        return self._folder / hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape")).hexdigest()

    def read(self, note: Path) -> str | None:
        try:
            return note.read_text(encoding="ascii") or None
        except FileNotFoundError:
            return None

    def write(self, note: Path, place: str) -> None:
        half = note.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        half.write_text(place, encoding="ascii")
        half.replace(note)

    def forget(self, note: Path) -> None:
        note.unlink(missing_ok=True)
