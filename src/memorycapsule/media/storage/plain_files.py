"""
Plain files: what was unsealed a moment ago, kept for whoever asks for another part of it.

A browser asks for a clip piece by piece, and an age file can only be unsealed from its beginning. So what was unsealed
for the first piece stays for a minute: in memory or on the disk, without a name, as it was made.
"""

from __future__ import annotations

import io
import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import BinaryIO

#: So many are kept at most; up to 64 MB of each may lie in memory.
_MOST = 3
_SECONDS = 60.0


class PlainFiles:
    """Unnamed files by the ids of the blobs whose plain bytes they hold; for all threads."""

    def __init__(self, seconds: float = _SECONDS) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        #: The one that was asked for last stands last.
        self._kept: dict[str, _PlainBytes] = {}

    def __len__(self) -> int:
        with self._lock:
            return len(self._kept)

    def opened(self, blob_id: str, unseal: Callable[[], BinaryIO]) -> BinaryIO:
        """
        Return the plain bytes of a blob as a seekable file of the caller's own.

        `unseal` makes them. It is called once, also where several ask at the same time; what it raises passes, and
        nothing is kept then.
        """
        with self._lock:
            kept = self._kept.pop(blob_id, None) or _PlainBytes()
            kept.used_at = time.monotonic()
            self._kept[blob_id] = kept
            for oldest in list(self._kept)[:-_MOST]:
                del self._kept[oldest]
        with kept.filling:
            if kept.bytes is None:
                try:
                    kept.bytes = _Descriptor(unseal())
                except BaseException:
                    self._forget(blob_id, kept)
                    raise
                self._forget_after(self._seconds, blob_id, kept)
            return io.BufferedReader(_PlainFile(kept.bytes))

    def _forget_after(self, seconds: float, blob_id: str, kept: _PlainBytes) -> None:
        # Weakly: what makes room for others is closed at once, not when its minute is over.
        timer = threading.Timer(seconds, self._forget_if_unused, (blob_id, weakref.ref(kept)))
        timer.daemon = True
        timer.start()

    def _forget_if_unused(self, blob_id: str, there: weakref.ref[_PlainBytes]) -> None:
        kept = there()
        if kept is None:
            return
        left = kept.used_at + self._seconds - time.monotonic()
        if left > 0:
            self._forget_after(left, blob_id, kept)
        else:
            self._forget(blob_id, kept)

    def _forget(self, blob_id: str, kept: _PlainBytes) -> None:
        with self._lock:
            if self._kept.get(blob_id) is kept:
                del self._kept[blob_id]


class _PlainBytes:
    """The bytes of one blob, once they are there."""

    def __init__(self) -> None:
        self.filling = threading.Lock()
        self.bytes: _Descriptor | None = None
        self.used_at = 0.0


class _Descriptor:
    """An open file that is closed with its last reader."""

    def __init__(self, file: BinaryIO) -> None:
        with file:
            file.flush()
            self.number = os.dup(file.fileno())

    def __del__(self) -> None:
        if hasattr(self, "number"):
            os.close(self.number)


class _PlainFile(io.RawIOBase):
    """A reader with a place of its own in a file that others read, too."""

    def __init__(self, descriptor: _Descriptor) -> None:
        self._descriptor: _Descriptor | None = descriptor
        self._place = 0

    def fileno(self) -> int:
        if self._descriptor is None:
            raise ValueError("the file is closed")
        return self._descriptor.number

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        read = os.pread(self.fileno(), len(buffer), self._place)
        buffer[: len(read)] = read
        self._place += len(read)
        return len(read)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: os.fstat(self.fileno()).st_size}
        self._place = max(0, start[whence] + offset)
        return self._place

    def close(self) -> None:
        self._descriptor = None
        super().close()
