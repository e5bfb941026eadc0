"""
Child processes: finding ffmpeg, and starting programs under limits that die with their parent.

A small launcher (`launcher.py`, run with `python -I -S`) sets the limits and then executes the program, because
`preexec_fn` is unsafe in a process with threads. On Linux the launcher also requests SIGKILL for the parent's death
(prctl(2), PR_SET_PDEATHSIG), so that `kill -9` of the daemon leaves no encoder behind. The kernel sends that signal
when the *thread* that started the child ends. So a long-running child must be started from a thread that lives as long.

Children open strangers' files, so they do not inherit our settings and secrets; see `environment`.
"""

import functools
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LAUNCHER = Path(__file__).resolve().with_name("launcher.py")
#: Niceness of children that read uploads: serving pages comes first.
UPLOAD_NICE = 5


@dataclass(frozen=True, kw_only=True)
class ChildLimits:
    """Limits of a child. `None` keeps the parent's limit, and a lower limit of the parent always stays."""

    #: Address space in bytes (RLIMIT_AS).
    memory_bytes: int | None = None
    #: CPU time in seconds (RLIMIT_CPU).
    cpu_seconds: int | None = None
    #: Added to the parent's niceness, 0..19.
    nice: int = 0


#: ffmpeg may open files only, so that a playlist or a URL leads nowhere else.
FILES_ONLY = ("-protocol_whitelist", "file,pipe")
#: First bytes of accepted music, and ffmpeg's demuxer for it: ID3v2, RFC 3533, RFC 9639, RIFF.
_MUSIC_HEADS = ((b"ID3", "mp3"), (b"OggS", "ogg"), (b"fLaC", "flac"), (b"RIFF", "wav"))


@functools.cache
def ffmpeg_path() -> str:
    """Return the path of the ffmpeg that comes with MoviePy, or of the one that IMAGEIO_FFMPEG_EXE names."""
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def sound_input(path: Path, *, start_seconds: float = 0) -> list[str] | None:
    """
    Return ffmpeg's arguments that open the sound of a stranger's file, from `start_seconds` on.

    The file's content decides the demuxer, so that ffmpeg tries no other. Returns None when the file is neither music
    that a capsule accepts nor a clip. `path` must be absolute, so that ffmpeg takes it for no option.
    """
    demuxer = _demuxer(path)
    if demuxer is None:
        return None
    return [*FILES_ONLY, "-ss", f"{start_seconds:.3f}", "-f", demuxer, "-i", str(path)]


def _demuxer(path: Path) -> str | None:
    with path.open("rb") as file:
        head = file.read(12)
    for magic, demuxer in _MUSIC_HEADS:
        if head.startswith(magic):
            return demuxer
    if head[4:8] == b"ftyp":
        return "mov"
    # A frame of MPEG audio without a tag (ISO/IEC 11172-3, 2.4.1.3): eleven bits of sync.
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        return "mp3"
    return None


def environment() -> dict[str, str]:
    """Return the environment of a child: ours without our settings, tokens and passwords."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("CAPSULE_") and name != "CREDENTIALS_DIRECTORY"
    }


def limited(argv: list[str], limits: ChildLimits) -> list[str]:
    """Return the command line that runs `argv` under `limits`, dying with the process that starts it."""
    return [
        sys.executable,
        "-I",
        "-S",
        str(_LAUNCHER),
        str(limits.memory_bytes or 0),
        str(limits.cpu_seconds or 0),
        str(limits.nice),
        str(os.getpid()),
        *argv,
    ]


def start(argv: list[str], limits: ChildLimits | None = None, **popen: Any) -> subprocess.Popen[bytes]:
    """
    Start `argv` under `limits` and return its Popen; keyword arguments are those of `subprocess.Popen`.

    The child gets `environment()` unless `env` says otherwise.
    """
    popen.setdefault("env", environment())
    return subprocess.Popen(limited(argv, limits or ChildLimits()), **popen)


def run(
    argv: list[str], limits: ChildLimits | None = None, *, timeout_seconds: float, **popen: Any
) -> subprocess.CompletedProcess[bytes]:
    """
    Run `argv` under `limits` to its end, its output captured.

    The child gets `environment()` unless `env` says otherwise. Raises subprocess.TimeoutExpired (after killing
    the child) when it takes longer than `timeout_seconds`.
    """
    popen.setdefault("env", environment())
    return subprocess.run(
        limited(argv, limits or ChildLimits()),
        capture_output=True,
        check=False,
        timeout=timeout_seconds,
        stdin=popen.pop("stdin", subprocess.DEVNULL),
        **popen,
    )
