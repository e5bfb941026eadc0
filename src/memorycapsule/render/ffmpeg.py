"""ffmpeg: its command lines, and how it is started: under limits, ending with us, never writing to a terminal."""

from __future__ import annotations

import functools
import re
import subprocess
from pathlib import Path
from typing import Any

from memorycapsule import processes
from memorycapsule.domain.film.plan import Clip, MontagePlan
from memorycapsule.errors import CapsuleError, DiskFull, Postponed, RenderFailed

#: Limits of an ffmpeg that decodes a prepared file.
DECODER = processes.ChildLimits(memory_bytes=2 << 30)
_NO_LIMITS = processes.ChildLimits()
#: Keeps glibc from giving frame buffers back to the kernel and faulting them in again: 13% faster.
_MALLOC = (
    "glibc.malloc.mmap_threshold=268435456:glibc.malloc.trim_threshold=1073741824:glibc.malloc.arena_max=1"
)
_QUIET = ["-hide_banner", "-nostdin", "-nostats", "-loglevel", "error"]
#: The tags of BT.709, limited range.
_BT709 = ["-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]
#: Scaled to fill, with the film's colours.
_FILLING = "force_original_aspect_ratio=increase:flags=bicubic:out_color_matrix=bt709:out_range=tv"
_FILES_ONLY = processes.FILES_ONLY


def start(
    arguments: list[str], *, limits: processes.ChildLimits = _NO_LIMITS, **popen: Any
) -> subprocess.Popen[bytes]:
    """
    Start ffmpeg with `arguments`; further keyword arguments are those of `subprocess.Popen`.

    Its stderr is discarded unless `stderr` says otherwise.
    """
    popen.setdefault("stderr", subprocess.DEVNULL)
    popen.setdefault("stdin", subprocess.DEVNULL)
    return processes.start([processes.ffmpeg_path(), *_QUIET, *arguments], limits, env=environment(), **popen)


def environment() -> dict[str, str]:
    """Return the environment of children that handle frames: `processes.environment`, and how malloc keeps memory."""
    return {**processes.environment(), "GLIBC_TUNABLES": _MALLOC}


def run(arguments: list[str], *, failure: RenderFailed) -> bytes:
    """
    Run ffmpeg to its end and return its stdout.

    Raises DiskFull, Postponed when it hangs or was ended from outside, or `failure` for everything else.
    """
    done = processes.run([processes.ffmpeg_path(), *_QUIET, *arguments], DECODER)
    if done.returncode:
        raise translate_error(done.returncode, done.stderr, failure)
    return done.stdout


def translate_error(code: int, stderr: bytes, failure: RenderFailed) -> CapsuleError:
    """Return the error that the end of an ffmpeg and its stderr mean: DiskFull, Postponed, or `failure`."""
    if b"No space left on device" in stderr:
        return DiskFull()
    is_stopped = processes.is_ended_from_outside(code, is_ffmpeg=True)
    return Postponed("film_worker_stopped") if is_stopped else failure


@functools.cache
def version() -> str:
    """Return ffmpeg's own name of its version and build."""
    done = processes.run([processes.ffmpeg_path(), "-version"])
    return done.stdout.decode(errors="replace").split("Copyright")[0].strip()


def encode_arguments(plan: MontagePlan, out: Path) -> list[str]:
    """
    Return the arguments that turn raw NV12 frames on stdin into a segment; one thread, closed groups of
    pictures.
    """
    encoder = plan.encoder
    x264 = f"{encoder.x264_params}:open-gop=0:chromaloc=1"
    return [
        *("-thread_queue_size", "1", "-filter_threads", "1"),
        *(*_FILES_ONLY, "-f", "rawvideo", "-pix_fmt", "nv12"),
        *("-video_size", f"{plan.size.width}x{plan.size.height}"),
        *("-framerate", str(plan.fps), *_BT709, "-i", "pipe:0"),
        *(
            "-c:v",
            "libx264",
            "-preset",
            encoder.preset,
            "-crf",
            str(encoder.crf),
            "-threads",
            "1",
            "-pix_fmt",
            "nv12",
        ),
        *("-x264-params", x264, "-g", str(max(1, round(encoder.keyframe_seconds * plan.fps))), *_BT709),
        *(
            "-profile:v",
            "high",
            "-an",
            "-video_track_timescale",
            str(512 * plan.fps),
            "-f",
            "mp4",
            "-y",
            str(out),
        ),
    ]


def decode_arguments(path: Path, shot: Clip, width: int, height: int, fps: int) -> list[str]:
    """Return the arguments that write a clip's frames, filling `width` x `height`, as raw NV12 to stdout."""
    filters = ",".join(
        [
            f"fps={fps}",
            f"scale={width}:{height}:{_FILLING}",
            # Faces are in the upper part.
            f"crop={width}:{height}:(iw-ow)/2:(ih-oh)*0.25",
            "format=nv12",
        ]
    )
    return [
        *(
            "-threads",
            "1",
            "-filter_threads",
            "1",
            *_clip_input(path, shot),
        ),
        *("-an", "-sn", "-dn", "-vf", filters, "-frames:v", str(shot.frames), "-f", "rawvideo", "pipe:1"),
    ]


def probe_arguments(path: Path, shot: Clip, fps: int) -> list[str]:
    """
    Return the arguments that write the first frame of a clip's shot, tiny, to stdout.

    The output is empty for a clip that cannot be decoded, and for one whose picture ends before the shot begins (a
    clip may have more sound than picture).
    """
    return [
        *("-xerror", "-threads", "1", *_clip_input(path, shot)),
        *("-an", "-sn", "-dn", "-vf", f"fps={fps},scale=16:16,format=gray"),
        *("-frames:v", "1", "-f", "rawvideo", "pipe:1"),
    ]


def _clip_input(path: Path, shot: Clip) -> list[str]:
    # Prepared clips are mp4, whatever else their content may claim.
    return [*_FILES_ONLY, "-ss", f"{shot.start_seconds:.3f}", "-f", "mov", "-i", str(path)]


def sound_arguments(path: Path, seconds: float, start_seconds: float, out: Path) -> list[str]:
    """
    Return the arguments that write at most `seconds` of a file's sound as bare 16-bit 48 kHz stereo samples.

    Raises RenderFailed when the file holds none of the music that a capsule accepts, nor a clip.
    """
    source = processes.sound_input(path, start_seconds=start_seconds)
    if source is None:
        raise RenderFailed("film_sound_unreadable")
    return [
        *source,
        *("-vn", "-sn", "-dn", "-map", "0:a:0", "-t", f"{seconds:.3f}"),
        *("-ar", "48000", "-ac", "2", "-c:a", "pcm_s16le", "-f", "s16le", "-y", str(out)),
    ]


def aac_arguments(kbit: int, out: Path) -> list[str]:
    """Return the arguments that encode 16-bit 48 kHz stereo samples on stdin as AAC."""
    return [
        *(*_FILES_ONLY, "-f", "s16le", "-ar", "48000", "-ac", "2", "-i", "pipe:0"),
        # The other coder takes half as long again, and at our rates is further from the original.
        *("-c:a", "aac", "-aac_coder", "fast", "-b:a", f"{kbit}k", "-f", "mp4", "-y", str(out)),
    ]


def join_arguments(segments: Path, sound: Path, metadata: Path, out: Path) -> list[str]:
    """
    Return the arguments that join segments (named in a concat list) and sound without encoding anything
    again.
    """
    return [
        # ffmpeg skips a segment that it cannot read; the number of joined frames is written to stdout.
        *("-progress", "pipe:1", *_FILES_ONLY, "-f", "concat", "-safe", "0", "-i", str(segments)),
        *(*_FILES_ONLY, "-f", "mov", "-i", str(sound)),
        *(*_FILES_ONLY, "-f", "ffmetadata", "-i", str(metadata)),
        *("-map", "0:v:0", "-map", "1:a:0", "-c", "copy", "-map_metadata", "2", "-map_chapters", "2"),
        *("-movflags", "+faststart", "-f", "mp4", "-y", str(out)),
    ]


def metadata(title: str, date: str) -> str:
    """Return an ffmetadata file with the film's title and date."""
    return f";FFMETADATA1\ntitle={_escaped(title)}\ndate={_escaped(date)}\n"


def chapter(title: str, first: int, stop: int, fps: int) -> str:
    """Return a chapter for `metadata`; frames of the film."""
    return f"[CHAPTER]\nTIMEBASE=1/{fps}\nSTART={first}\nEND={stop}\ntitle={_escaped(title)}\n"


def _escaped(text: str) -> str:
    return re.sub(r"([=;#\\])", r"\\\1", " ".join(text.split()))
