"""The parent's side of one limited child that decodes photos; `decoder_child` is the child's side."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from memorycapsule import processes
from memorycapsule.domain.capture_times import CaptureTime, TakenForm
from memorycapsule.domain.refusals import refusal_of
from memorycapsule.domain.stories import Missing
from memorycapsule.errors import CapsuleError, MediaRefused, Postponed, Refusal
from memorycapsule.media import decoder_child
from memorycapsule.media.measure import MOST_PIXELS, MOST_SIDE
from memorycapsule.media.sniff import Format
from memorycapsule.processes.hangs import HangWatch

#: A photo of more pixels than this is large: only one is decoded at a time, with more memory and time.
LARGE_PIXELS = 64_000_000
#: Address space in bytes for a photo, and for a large one. Measured: an idle child has 0.34 GB, one with a JPEG
#: of 12 megapixels 0.36 GB, with a HEIC of 200 megapixels 1.25 GB.
MEMORY_BYTES = 1200 << 20
LARGE_MEMORY_BYTES = 2048 << 20
#: CPU time of the child for one photo, in seconds; what its start takes does not count.
CPU_SECONDS = 90
LARGE_CPU_SECONDS = 240
#: A child is replaced after so many photos, so that leaks in it stay small.
FILES_PER_CHILD = 50

_MOST_HEADER_BYTES = 1 << 16
_MOST_PART_BYTES = 64 << 20
_LONGEST_CAMERA = 64
#: The variables that a child inherits: none of our settings and secrets.
_ENVIRONMENT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG", "TMPDIR", "IMAGEIO_FFMPEG_EXE")


@dataclass(frozen=True, kw_only=True)
class DecodedPhoto:
    """A photo as the child decoded it; for the values see `Prepared`."""

    width: int
    height: int
    taken: CaptureTime | None
    has_gps: bool
    camera: str
    gps_at: datetime | None
    missing: tuple[Missing, ...]
    display: bytes
    thumbnail: bytes


class DecoderProcess:
    """A decoder process. One thread uses it at a time. It ends after a failure or FILES_PER_CHILD photos."""

    def __init__(self, start: Callable[..., subprocess.Popen[bytes]] = processes.start) -> None:
        self._socket, child_end = socket.socketpair()
        try:
            self._process = start(
                [sys.executable, "-P", "-m", "memorycapsule.media.decoder_child", str(child_end.fileno())],
                processes.ChildLimits(memory_bytes=LARGE_MEMORY_BYTES, nice=processes.UPLOAD_NICE),
                pass_fds=(child_end.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_environment(),
            )
        except BaseException:
            self._socket.close()
            raise
        finally:
            child_end.close()
        self._files = 0
        self._is_started = False
        self._watch = self._new_watch()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_used_up(self) -> bool:
        """Whether the next photo needs a fresh child."""
        return self._files >= FILES_PER_CHILD or self._process.poll() is not None

    def decode(self, descriptor: int, format_: Format, *, is_large: bool) -> DecodedPhoto:
        """
        Decode the file behind `descriptor`.

        Raises MediaRefused for the child's reason, or when it crashed, used up its CPU time or sent nonsense. Raises
        Postponed when it did not start, hung or was ended from outside. The child has then ended.
        """
        self._files += 1
        self._watch = self._new_watch()
        request = {
            "format": format_,
            "memory_bytes": LARGE_MEMORY_BYTES if is_large else MEMORY_BYTES,
            "cpu_seconds": LARGE_CPU_SECONDS if is_large else CPU_SECONDS,
        }
        try:
            self._await_start()
            socket.send_fds(self._socket, [json.dumps(request).encode()], [descriptor])
            return self._checked(self._header())
        except (OSError, EOFError) as error:
            raise self._reason_of_end() from error
        except (ValueError, LookupError, TypeError) as error:
            self.stop()
            raise MediaRefused(Refusal.DECODING_BROKE_DOWN) from error
        except BaseException:
            self.stop()
            raise

    def _new_watch(self) -> HangWatch:
        # A child that a photo has taken over could lift its own limit of CPU time.
        return HangWatch(self._process.pid, counts_work=True)

    def stop(self) -> None:
        """End the child and wait until it is gone from the process table."""
        self._socket.close()
        self._process.kill()
        self._process.wait()

    def _await_start(self) -> None:
        """Wait until the child can take a photo. Raises Postponed when it ends before: that is no photo's fault."""
        if self._is_started:
            return
        try:
            self._receive(len(decoder_child.READY))
        except (OSError, EOFError) as error:
            self.stop()
            raise Postponed from error
        self._is_started = True

    def _reason_of_end(self) -> CapsuleError:
        """Return why the child has closed its end of the socket, or is closing it."""
        try:
            processes.wait(self._process, self._watch).check(processes.ChildLimits())
        except processes.OutOfCpu:
            return MediaRefused(Refusal.DECODING_TOO_LONG)
        except Postponed as error:
            return error
        finally:
            self.stop()
        return MediaRefused(Refusal.DECODING_BROKE_DOWN)

    def _header(self) -> dict[str, Any]:
        length = int.from_bytes(self._receive(4), "big")
        if length > _MOST_HEADER_BYTES:
            raise ValueError
        header: dict[str, Any] = json.loads(self._receive(length))
        if "postponed" in header:
            raise Postponed
        if "refused" in header:
            refused = refusal_of(header["refused"])
            if refused.refusal is Refusal.OTHER:
                raise ValueError  # no stranger's file writes what people read
            raise refused
        return header

    def _checked(self, header: dict[str, Any]) -> DecodedPhoto:
        """Check every value, and read the pictures. Raises ValueError, LookupError or TypeError for a false answer."""
        width, height, (display_bytes, thumbnail_bytes) = header["width"], header["height"], header["parts"]
        camera, gps_at = header["camera"], header["gps_at"]
        numbers = (width, height, display_bytes, thumbnail_bytes)
        if not all(isinstance(number, int) for number in numbers):
            raise TypeError
        if not isinstance(camera, str) or len(camera) > _LONGEST_CAMERA:
            raise TypeError
        if not (0 < width <= MOST_SIDE and 0 < height <= MOST_SIDE and width * height <= MOST_PIXELS):
            raise ValueError
        if not (0 < display_bytes <= _MOST_PART_BYTES and 0 < thumbnail_bytes <= _MOST_PART_BYTES):
            raise ValueError
        return DecodedPhoto(
            width=width,
            height=height,
            taken=_taken(header["taken"]),
            has_gps=header["has_gps"] is True,
            camera=camera,
            gps_at=None if gps_at is None else datetime.fromisoformat(gps_at).astimezone(UTC),
            missing=tuple(Missing(what) for what in header["missing"]),
            display=self._receive(display_bytes),
            thumbnail=self._receive(thumbnail_bytes),
        )

    def _receive(self, count: int) -> bytes:
        """Read exactly `count` bytes. Raises Postponed when the child hangs, or EOFError when it has ended."""
        received = bytearray(count)
        view = memoryview(received)
        while view:
            self._watch.check()
            self._socket.settimeout(self._watch.look_seconds)
            try:
                count = self._socket.recv_into(view)
            except TimeoutError:
                continue
            if not count:
                raise EOFError
            view = view[count:]
        return bytes(received)


def _taken(fields: dict[str, Any] | None) -> CaptureTime | None:
    """Check a time of the child. Raises ValueError, LookupError or TypeError for a false one."""
    if fields is None:
        return None
    offset = fields["offset_seconds"]
    if not (offset is None or isinstance(offset, int)):
        raise TypeError
    return CaptureTime(
        local=datetime.fromisoformat(fields["local"]).replace(tzinfo=None),
        offset_seconds=offset,
        form=TakenForm(fields["form"]),
    )


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    return kept | {
        # Must be set before cv2 is imported: the last guard behind `measure`.
        "OPENCV_IO_MAX_IMAGE_PIXELS": str(MOST_PIXELS),
        "OPENCV_LOG_LEVEL": "SILENT",
        # Each thread would reserve address space, which is what is limited.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
