"""
Display clips: every clip is converted to one upright H.264 mp4 that all browsers and the film can play.

Only a limited ffmpeg process opens a stranger's clip. It must read it as MP4 or MOV, so that it follows no playlist,
and from a descriptor, so that no file name reaches it.
"""

import re
import subprocess
import tempfile
from pathlib import Path
from typing import BinaryIO

from memorycapsule import processes
from memorycapsule.errors import CapsuleError, DiskFull, MediaRefused, Refusal, is_disk_full, system_problem
from memorycapsule.media.movie import Movie, read_movie
from memorycapsule.media.sniff import Window

#: The longest clip that is accepted, in seconds.
MOST_SECONDS = 600.0
#: A display clip fits 1920 x 1080, or 1080 x 1920 when it stands.
LONG_SIDE, SHORT_SIDE = 1920, 1080
FRAMES_PER_SECOND = 30
#: Where in the clip its poster is taken, in seconds.
POSTER_AT_SECONDS = 1.0
#: Address space of ffmpeg in bytes. 4K HEVC of 10 bits needs about 1.3 GB.
MEMORY_BYTES = 3 << 30
#: CPU time of ffmpeg for anything that it does with a clip, and what it gets more for each second of one that it
#: converts.
_CPU_SECONDS, _CPU_SECONDS_EACH = 120, 40
#: Part of a clip that may be missing from its end before it counts as damaged.
_MOST_MISSING = 0.25
#: Sound may continue after the picture for so long, in seconds; cameras end both at about the same time.
_MOST_SOUND_ALONE_SECONDS = 0.2
#: What ffmpeg reports on a full disk, and on an exceeded disk quota.
DISK_FULL_MESSAGES = (b"No space left on device", b"Disk quota exceeded")

#: PQ and HLG, by ffmpeg's names, in its description of a video stream.
_HDR = re.compile(rb"Stream #0:\d+.*: Video: .*\b(smpte2084|arib-std-b67)\b")
#: HDR to SDR: linear light, BT.709 primaries, highlights drawn together, BT.709 curve.
_TONE_MAP = (
    "zscale=transfer=linear:npl=203,format=gbrpf32le,zscale=primaries=bt709,"
    "tonemap=mobius:desat=0,zscale=transfer=bt709:matrix=bt709:range=limited"
)


def read_clip(window: Window) -> Movie:
    """Read a clip's metadata. Raises MediaRefused for a damaged clip and for one longer than MOST_SECONDS."""
    movie = read_movie(window)
    _check_length(movie.duration_seconds)
    return movie


def make_display_clip(window: Window, movie: Movie, *, workspace: Path) -> BinaryIO:
    """
    Return the display clip as an unnamed temporary file in `workspace`, at offset 0.

    H.264 High, yuv420p, BT.709, 30 frames per second, AAC 48 kHz stereo when it has sound, faststart, without
    metadata. It ends with the picture: later sound is cut off. Raises MediaRefused, DiskFull, or CapsuleError when
    `workspace` cannot be written.
    """
    filters = _filters(movie, is_hdr=_is_hdr(window))
    clip = unnamed(workspace)
    try:
        _run_ffmpeg(
            [
                # One second more than is accepted, to find a clip that is longer than its header states.
                "-i", f"/dev/fd/{window.descriptor}", "-t", str(MOST_SECONDS + 1),
                "-map", "0:V:0", "-map", "0:a:0?", "-map_metadata", "-1", "-map_chapters", "-1",
                "-vf", filters, "-fps_mode", "cfr",
                "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-profile:v", "high", "-threads", "2",
                "-g", str(2 * FRAMES_PER_SECOND),
                # The encoder writes its name and settings into the stream; nothing needs them.
                "-bsf:v", "filter_units=remove_types=6", "-fflags", "+bitexact", "-flags:a", "+bitexact",
                "-c:a", "aac", "-b:a", "160k", "-ar", "48000", "-ac", "2",
                "-movflags", "+faststart", "-f", "mp4", "-y", f"/dev/fd/{clip.fileno()}",
            ],
            descriptors=(window.descriptor, clip.fileno()),
            cpu_seconds=round(_CPU_SECONDS + _CPU_SECONDS_EACH * (movie.duration_seconds or MOST_SECONDS)),
        )  # fmt: skip
        made = read_movie(Window.of(clip))
        _check_nothing_missing(made, movie)
        if made.whole_seconds - made.duration_seconds > _MOST_SOUND_ALONE_SECONDS:
            with clip:
                return _cut(clip, made.duration_seconds, workspace=workspace)
    except BaseException:
        clip.close()
        raise
    clip.seek(0)
    return clip


def length_seconds(clip: BinaryIO) -> float:
    """Return the length of a display clip; the header of the upload may state a wrong one, or none."""
    return read_movie(Window.of(clip)).duration_seconds


def extract_poster(clip: BinaryIO, *, workspace: Path) -> BinaryIO:
    """Return one frame of a display clip as a BMP: POSTER_AT_SECONDS in, or the first of a short one."""
    at_seconds = POSTER_AT_SECONDS if length_seconds(clip) > 1.5 * POSTER_AT_SECONDS else 0.0
    poster = unnamed(workspace)
    try:
        _run_ffmpeg(
            [
                "-ss", str(at_seconds), "-i", f"/dev/fd/{clip.fileno()}",
                "-map", "0:v:0", "-frames:v", "1",
                "-c:v", "bmp", "-f", "image2pipe", "-y", f"/dev/fd/{poster.fileno()}",
            ],
            descriptors=(clip.fileno(), poster.fileno()),
            cpu_seconds=_CPU_SECONDS,
        )  # fmt: skip
    except BaseException:
        poster.close()
        raise
    return poster


def _filters(movie: Movie, *, is_hdr: bool) -> str:
    long_side, short_side = max(movie.width, movie.height), min(movie.width, movie.height)
    scale = min(1.0, LONG_SIDE / long_side, SHORT_SIDE / short_side)
    width, height = (max(2, round(side * scale / 2) * 2) for side in (movie.width, movie.height))
    steps = [f"fps={FRAMES_PER_SECOND}"]
    # Shrinking first makes the dear tone mapping cheaper. ffmpeg has already turned the picture upright.
    steps.append(f"scale={width}:{height}:flags=bicubic")
    steps.append(_TONE_MAP if is_hdr else "scale=out_color_matrix=bt709:out_range=tv")
    steps.append("format=yuv420p,setsar=1")
    steps.append("setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709")
    return ",".join(steps)


def _is_hdr(window: Window) -> bool:
    """Return whether the transfer curve is one of HDR; it may stand in the container or in the coded stream only."""
    # Without an output ffmpeg describes its input, then ends with an error.
    described = _ffmpeg(
        ["-v", "info", "-i", f"/dev/fd/{window.descriptor}"], (window.descriptor,), cpu_seconds=_CPU_SECONDS
    )
    return _HDR.search(described.stderr) is not None


def _check_length(seconds: float) -> None:
    if seconds > MOST_SECONDS:
        raise MediaRefused(Refusal.CLIP_TOO_LONG, minutes=MOST_SECONDS / 60)


def _cut(clip: BinaryIO, seconds: float, *, workspace: Path) -> BinaryIO:
    """
    Return the first `seconds` of a display clip, at offset 0.

    ffmpeg's `-shortest` cannot do that while converting: it learns only at the end of the file that no picture follows.
    """
    shorter = unnamed(workspace)
    try:
        _run_ffmpeg(
            [
                "-i", f"/dev/fd/{clip.fileno()}", "-t", f"{seconds:.6f}", "-map", "0", "-c", "copy",
                "-map_metadata", "-1", "-fflags", "+bitexact",
                "-movflags", "+faststart", "-f", "mp4", "-y", f"/dev/fd/{shorter.fileno()}",
            ],
            descriptors=(clip.fileno(), shorter.fileno()),
            cpu_seconds=_CPU_SECONDS,
        )  # fmt: skip
    except BaseException:
        shorter.close()
        raise
    shorter.seek(0)
    return shorter


def _check_nothing_missing(made: Movie, movie: Movie) -> None:
    # The last frame may be shown a little longer than it was.
    _check_length(made.duration_seconds - 0.5)
    missing = movie.duration_seconds - made.duration_seconds
    if missing > max(0.5, _MOST_MISSING * movie.duration_seconds):
        raise MediaRefused(Refusal.SECONDS_MISSING, missing=missing, stated=movie.duration_seconds)


def _run_ffmpeg(arguments: list[str], *, descriptors: tuple[int, ...], cpu_seconds: int) -> None:
    """Run ffmpeg. Raises MediaRefused when it fails, DiskFull, or Postponed."""
    done = _ffmpeg(["-v", "error", *arguments], descriptors, cpu_seconds=cpu_seconds)
    if done.returncode != 0:
        if any(message in done.stderr for message in DISK_FULL_MESSAGES):
            raise DiskFull
        raise MediaRefused(Refusal.CLIP_UNPLAYABLE)


def _ffmpeg(
    arguments: list[str], descriptors: tuple[int, ...], *, cpu_seconds: int
) -> subprocess.CompletedProcess[bytes]:
    """Run ffmpeg under limits, on descriptors only. Raises MediaRefused when it takes too much work, and Postponed."""
    try:
        return processes.run(
            [
                processes.ffmpeg_path(), "-hide_banner", "-nostdin",
                "-protocol_whitelist", "file,pipe", "-threads", "2", "-f", "mov", *arguments,
            ],
            processes.ChildLimits(
                memory_bytes=MEMORY_BYTES, cpu_seconds=cpu_seconds, nice=processes.UPLOAD_NICE
            ),
            pass_fds=descriptors,
        )  # fmt: skip
    except processes.OutOfCpu as error:
        raise MediaRefused(Refusal.CONVERTING_TOO_LONG) from error


def unnamed(workspace: Path) -> BinaryIO:
    """Return an empty file without a name. Raises DiskFull, or CapsuleError when `workspace` cannot be written."""
    try:
        return tempfile.TemporaryFile(dir=workspace)
    except OSError as error:
        if is_disk_full(error):
            raise DiskFull from error
        raise CapsuleError(
            "workspace_unwritable", folder=str(workspace), problem=system_problem(error)
        ) from error
