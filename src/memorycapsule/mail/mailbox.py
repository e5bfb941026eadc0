"""The local mailbox: a folder of `.eml` files that stands in when no SMTP server is set."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from datetime import UTC, datetime
from email.parser import BytesHeaderParser
from email.policy import default
from typing import TYPE_CHECKING, Self

from memorycapsule.errors import CapsuleError, system_problem
from memorycapsule.mail.outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

_NAME_TIME = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"\.?(\d{8}T\d{6}Z)-[a-z0-9._-]*-[0-9a-f]{16}\.eml(\.part)?")


class Mailbox:
    """
    Keeps each letter as one file, readable by its owner only: the letters hold live private links.

    A file is called `20360508T000003Z-ben_example.org-1f0c5a….eml` after the letter's own Date, its recipient
    and its Message-ID, so a folder sorts by time and the same letter never makes a second file.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing stays open between letters."""

    def deliver(
        self,
        letter: bytes,
        *,
        sender: str,  # noqa: ARG002 - the signature is SmtpSession's
        recipient: str,
        on_data: Callable[[], None],  # noqa: ARG002 - the signature is SmtpSession's
    ) -> Outcome:
        """
        Write the letter, all of it or nothing (temporary file, fsync, rename, fsync of the folder).

        `on_data` is never called: it marks the moment from which a crash leaves doubt, and here there is
        none, since delivering the same Message-ID again finds the file and changes nothing.
        """
        headers = BytesHeaderParser(policy=default).parsebytes(letter)
        message_id, date = headers["Message-ID"], headers["Date"]
        if not message_id or date is None or date.datetime is None:
            raise ValueError("a letter has a Message-ID and a Date")
        mark = hashlib.sha256(str(message_id).strip().encode()).hexdigest()[:16]
        readable = re.sub(r"[^a-z0-9._-]+", "_", recipient.lower())[:40]
        name = f"{date.datetime.astimezone(UTC):{_NAME_TIME}}-{readable}-{mark}.eml"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.chmod(0o700)
            if not any(self._folder.glob(f"[0-9]*-{mark}.eml")):
                self._write(name, letter)
        except OSError as error:
            problem = CapsuleError("mailbox_not_written", problem=system_problem(error))
            return Outcome(state="retry", detail=problem)
        return Outcome(state="sent", detail=CapsuleError("mailbox_kept", file=name))

    def empty_older_than(self, instant: datetime) -> int:
        """
        Remove the letters dated before `instant` (aware) and what a crash left of them; say how many files.

        Files that do not look like letters of ours are left alone. Raises CapsuleError when the folder cannot be
        read or written.
        """
        try:
            return self._remove_older_than(f"{instant.astimezone(UTC):{_NAME_TIME}}")
        except OSError as error:
            raise CapsuleError(
                "old_letters_stay", folder=self._folder, problem=system_problem(error)
            ) from error

    def _remove_older_than(self, oldest: str) -> int:
        if not self._folder.is_dir():
            return 0
        removed = 0
        for path in self._folder.iterdir():
            match = _NAME.fullmatch(path.name)
            if match and match[1] < oldest:
                path.unlink(missing_ok=True)
                removed += 1
        return removed

    def _write(self, name: str, letter: bytes) -> None:
        # Named like the letter, so that what a crash leaves is overwritten by the next attempt.
        part = self._folder / f".{name}.part"
        try:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, opened with its mode
                file.write(letter)
                file.flush()
                os.fsync(file.fileno())
            part.rename(self._folder / name)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
