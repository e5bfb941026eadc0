"""Helpers of importing files: copies in memory, and the check of a film's song."""

import os
import re
import tempfile
from typing import BinaryIO, cast, get_args

from memorycapsule import processes
from memorycapsule.errors import CapsuleError, MediaRefused, Refusal, shortage, system_problem
from memorycapsule.media.movie import Movie, read_recording
from memorycapsule.media.sniff import HEAD_BYTES, Format, Sound, Window, recognise
from memorycapsule.processes.music_heads import MusicFormat, music_options

_CHUNK_BYTES = 1 << 20
#: Address space, in bytes, and time, in seconds, for decoding a song of at most MOST_SONG_SECONDS.
_SONG_MEMORY_BYTES = 1 << 30
_SONG_CPU_SECONDS = 120
MOST_SONG_SECONDS = 2 * 3600

_MOVIES = frozenset({"m4a", "MP4", "MOV"})
_MUSIC = frozenset(get_args(MusicFormat))
_POSITION = re.compile(rb"^out_time_us=(\d+)$", re.MULTILINE)


def memory_copy(source: BinaryIO, *, limit_bytes: int) -> BinaryIO:
    """
    Copy `source`, from its offset on, into a file that exists in memory only, and return that at offset 0.

    Where the system has no such files (macOS), it is a temporary file without a name. Raises MediaRefused above
    `limit_bytes`, DiskFull, Postponed, or CapsuleError when `source` cannot be read or the copy cannot be written.
    """
    try:
        copy = _in_memory()
        try:
            _copy(source, copy, limit_bytes)
        except BaseException:
            copy.close()
            raise
    except OSError as error:
        other = CapsuleError("file_uncopied", problem=system_problem(error))
        raise (shortage(error) or other) from error
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
    options = _input_options(window)
    try:
        done = processes.run(
            [
                processes.ffmpeg_path(), "-v", "error", "-nostdin", "-protocol_whitelist", "file,pipe",
                "-threads", "1", *options, "-i", f"/dev/fd/{window.descriptor}",
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


def _input_options(window: Window) -> list[str]:
    """Return ffmpeg's options for the container. Raises MediaRefused for anything but sound alone."""
    head = window.read(0, HEAD_BYTES)
    if not head:
        raise MediaRefused(Refusal.EMPTY)
    try:
        found = recognise(head)
    except MediaRefused as error:
        if error.refusal == Refusal.COPY_PROTECTED:
            raise
        # What it says is meant for photos and clips.
        raise MediaRefused(Refusal.NO_SONG) from error
    if found in _MOVIES:
        _check_song_of_movie(window, found)
        return ["-f", "mov"]
    options = music_options(head) if found in _MUSIC else None
    if options is None:
        raise MediaRefused(Refusal.NO_SONG)
    return options


def _check_song_of_movie(window: Window, found: Format | Sound) -> None:
    """Raise MediaRefused for a moving picture and for protected music. What is damaged is left to the decoder."""
    try:
        recording = read_recording(window)
    except MediaRefused as error:
        if error.refusal == Refusal.COPY_PROTECTED:
            raise
        return
    # Recorders write sound alone into an ordinary MP4, too. A cover may stand in an M4A as a picture.
    if found != "m4a" and isinstance(recording, Movie):
        raise MediaRefused(Refusal.NO_SONG)
