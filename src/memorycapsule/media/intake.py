"""Helpers of importing files: copies in memory, and the check of a film's song."""

import os
import re
import tempfile
from typing import BinaryIO, cast

from memorycapsule import processes
from memorycapsule.errors import CapsuleError, DiskFull, MediaRefused, Refusal, is_disk_full, system_problem
from memorycapsule.media import boxes
from memorycapsule.media.sniff import HEAD_BYTES, Window, recognise

_CHUNK_BYTES = 1 << 20
#: Address space, in bytes, and time, in seconds, for decoding a song of at most MOST_SONG_SECONDS.
_SONG_MEMORY_BYTES = 1 << 30
_SONG_CPU_SECONDS = 120
MOST_SONG_SECONDS = 2 * 3600

_DEMUXERS = {
    "mp3": "mp3",
    "m4a": "mov",
    "MP4": "mov",
    "MOV": "mov",
    "ogg": "ogg",
    "flac": "flac",
    "wav": "wav",
}
_POSITION = re.compile(rb"^out_time_us=(\d+)$", re.MULTILINE)


def memory_copy(source: BinaryIO, *, limit_bytes: int) -> BinaryIO:
    """
    Copy `source`, from its offset on, into a file that exists in memory only, and return that at offset 0.

    Where the system has no such files (macOS), it is a temporary file without a name. Raises MediaRefused above
    `limit_bytes`, DiskFull, or CapsuleError when `source` cannot be read or the copy cannot be written.
    """
    try:
        copy = _in_memory()
        try:
            _copy(source, copy, limit_bytes)
        except BaseException:
            copy.close()
            raise
    except OSError as error:
        if is_disk_full(error):
            raise DiskFull from error
        raise CapsuleError("file_uncopied", problem=system_problem(error)) from error
    return copy


def _in_memory() -> BinaryIO:
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("upload", os.MFD_CLOEXEC), "w+b")
    return cast("BinaryIO", tempfile.TemporaryFile())


def _copy(source: BinaryIO, copy: BinaryIO, limit_bytes: int) -> None:
    copied = 0
    while chunk := source.read(min(_CHUNK_BYTES, limit_bytes + 1 - copied)):
        copied += len(chunk)
        if copied > limit_bytes:
            raise MediaRefused(Refusal.FILE_TOO_LARGE, megabytes=limit_bytes / 1_000_000)
        copy.write(chunk)
    copy.flush()
    copy.seek(0)


def probe_soundtrack(upload: BinaryIO) -> float:
    """
    Decode an mp3, m4a, ogg, flac or wav file, and return the seconds of sound in it.

    `upload` is a real file (it has a descriptor); its offset stays. Raises MediaRefused or Postponed.
    """
    window = Window.of(upload)
    demuxer = _demuxer(window)
    try:
        done = processes.run(
            [
                processes.ffmpeg_path(), "-v", "error", "-nostdin", "-protocol_whitelist", "file,pipe",
                "-threads", "1", "-f", demuxer, "-i", f"/dev/fd/{window.descriptor}",
                "-map", "0:a:0", "-t", str(MOST_SONG_SECONDS), "-progress", "pipe:1", "-f", "null", "-",
            ],
            processes.ChildLimits(memory_bytes=_SONG_MEMORY_BYTES, cpu_seconds=_SONG_CPU_SECONDS),
            pass_fds=(window.descriptor,),
        )  # fmt: skip
    except processes.OutOfCpu as error:
        raise MediaRefused(Refusal.DECODING_TOO_LONG) from error
    positions = _POSITION.findall(done.stdout)
    seconds = int(positions[-1]) / 1_000_000 if positions else 0.0
    if done.returncode != 0 or seconds <= 0:
        raise MediaRefused(Refusal.NO_READABLE_SOUND)
    return seconds


def _demuxer(window: Window) -> str:
    """Return ffmpeg's name for the container. Raises MediaRefused for anything but sound alone."""
    head = window.read(0, HEAD_BYTES)
    if not head:
        raise MediaRefused(Refusal.EMPTY)
    try:
        found = recognise(head)
    except MediaRefused as error:
        # What it says is meant for photos and clips.
        raise MediaRefused(Refusal.NO_SONG) from error
    if found not in _DEMUXERS:
        raise MediaRefused(Refusal.NO_SONG)
    # Recorders write sound alone into an ordinary MP4, too.
    if found in {"MP4", "MOV"} and _holds_picture(window):
        raise MediaRefused(Refusal.NO_SONG)
    return _DEMUXERS[found]


def _holds_picture(window: Window) -> bool:
    moov = boxes.find_top_level(window, b"moov") or b""
    tracks = [box.body for box in boxes.children(moov) if box.kind == b"trak"]
    return any((boxes.first(track, b"mdia", b"hdlr") or b"")[8:12] == b"vide" for track in tracks)
