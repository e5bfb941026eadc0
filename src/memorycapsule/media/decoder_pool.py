"""
The entry of every photo, clip and voice note: `Decoders.prepare`.

Reusable limited children decode photos. Limited runs of ffmpeg convert clips and voice notes. This process itself only
compares bytes and reads headers. Any thread may call.
"""

import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from memorycapsule import processes
from memorycapsule.errors import CapsuleError, MediaRefused, Refusal
from memorycapsule.media import clips, voice_notes
from memorycapsule.media.decoder_process import LARGE_PIXELS, DecodedPhoto, DecoderProcess
from memorycapsule.media.measure import measure_photo
from memorycapsule.media.prepared import Prepared
from memorycapsule.media.sniff import (
    HEAD_BYTES,
    ClipFormat,
    Format,
    Sound,
    Window,
    is_clip,
    is_photo,
    recognise,
)


class Decoders:
    """
    A pool of decoding children, started when first needed.

    `workspace` is a folder of mode 0700 for display clips, as files without a name. `children` is how many photos are
    decoded at the same time, and also how many clips and voice notes. Further callers wait. `most_photo_bytes` and
    `most_clip_bytes` are the sizes of the largest photo, and of the largest clip or voice note.
    """

    def __init__(
        self,
        *,
        workspace: Path,
        children: int = 2,
        most_photo_bytes: int | None = None,
        most_clip_bytes: int | None = None,
    ) -> None:
        self._workspace = workspace
        self._most_photo_bytes, self._most_clip_bytes = most_photo_bytes, most_clip_bytes
        self._slots: queue.LifoQueue[DecoderProcess | None] = queue.LifoQueue()
        for _ in range(children):
            self._slots.put(None)
        self._children = children
        self._is_closed = False
        self._clips = threading.BoundedSemaphore(children)
        # A large photo may take 2 GB: never two of them at once.
        self._large = threading.Lock()
        # A child dies with the *thread* that started it (see `processes`), so one thread starts all of them
        # and lives as long as the pool.
        self._starter = ThreadPoolExecutor(1, "decoder-starter")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def prepare(self, upload: BinaryIO) -> Prepared:
        """
        Make an upload ready to be shown or heard.

        `upload` is a real file (it has a descriptor), read from its beginning whatever its offset; the offset
        stays. Raises MediaRefused, DiskFull, or CapsuleError when the pool is closed or its workspace cannot be
        written.
        """
        window = Window.of(upload)
        format_ = recognise(window.read(0, HEAD_BYTES))
        most_bytes = self._most_photo_bytes if is_photo(format_) else self._most_clip_bytes
        if most_bytes is not None and window.size > most_bytes:
            raise MediaRefused(Refusal.FILE_TOO_LARGE, megabytes=most_bytes / 1_000_000)
        if not is_photo(format_):
            with self._clips:
                return self._prepare_played(window, format_)
        width, height = measure_photo(window, format_)
        photo = self._decode(window, format_, is_large=width * height > LARGE_PIXELS)
        return Prepared(
            kind="photo",
            format=format_,
            width=photo.width,
            height=photo.height,
            taken=photo.taken,
            has_gps=photo.has_gps,
            camera=photo.camera,
            gps_at=photo.gps_at,
            missing=photo.missing,
            duration_seconds=None,
            has_sound=False,
            display=photo.display,
            thumbnail=photo.thumbnail,
            clip=None,
        )

    def close(self) -> None:
        """Wait for photos that are being decoded, and end all children. `prepare` then raises CapsuleError."""
        self._is_closed = True
        for child in [self._slots.get() for _ in range(self._children)]:
            if child is not None:
                child.stop()
            # A thread that still waits for the slot gets it, and finds the pool closed.
            self._slots.put(None)
        self._starter.shutdown()

    def _check_open(self) -> None:
        if self._is_closed:
            raise CapsuleError("program_ending")

    def _prepare_played(self, window: Window, format_: Format | Sound) -> Prepared:
        self._check_open()
        # Recorders write sound alone into an ordinary MP4: only its tracks tell whether it has a picture.
        if format_ == "MTS" or voice_notes.holds_picture(window, format_):
            return self._prepare_clip(window, format_ if is_clip(format_) else "MP4")
        return self._prepare_voice(window, format_)

    def _prepare_voice(self, window: Window, format_: Format | Sound) -> Prepared:
        voice = voice_notes.make_voice(window, format_, workspace=self._workspace)
        facts = voice.facts
        return Prepared(
            kind="voice",
            format=voice_notes.format_name(format_),
            width=0,
            height=0,
            taken=facts.taken,
            has_gps=facts.has_gps,
            camera=facts.camera,
            duration_seconds=facts.seconds,
            has_sound=True,
            display=None,
            thumbnail=None,
            clip=voice.note,
        )

    def _prepare_clip(self, window: Window, format_: ClipFormat) -> Prepared:
        movie = clips.read_clip(window, format_)
        shown = clips.make_display_clip(window, movie, format_, workspace=self._workspace)
        try:
            with clips.extract_poster(shown.file, workspace=self._workspace) as poster:
                photo = self._decode(Window.of(poster), "BMP", is_large=False)
        except BaseException:
            shown.file.close()
            raise
        return Prepared(
            kind="clip",
            format=format_,
            width=movie.width,
            height=movie.height,
            taken=movie.taken,
            has_gps=movie.has_gps,
            camera=movie.camera,
            duration_seconds=clips.length_seconds(shown.file),
            has_sound=shown.has_sound,
            missing=shown.missing,
            display=photo.display,
            thumbnail=photo.thumbnail,
            clip=shown.file,
        )

    def _decode(self, window: Window, format_: Format, *, is_large: bool) -> DecodedPhoto:
        if not is_large:
            return self._decode_in_slot(window, format_, is_large=False)
        with self._large:
            return self._decode_in_slot(window, format_, is_large=True)

    def _decode_in_slot(self, window: Window, format_: Format, *, is_large: bool) -> DecodedPhoto:
        child = self._slots.get()
        try:
            self._check_open()
            if child is not None and child.is_used_up:
                child.stop()
                child = None
            if child is None:
                child = self._starter.submit(DecoderProcess, processes.start).result()
            return child.decode(window.descriptor, format_, is_large=is_large)
        finally:
            self._slots.put(child)
