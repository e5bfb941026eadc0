"""
Display clips: every clip is converted to one upright H.264 mp4 that all browsers and the film can play.

Only a limited ffmpeg process opens a stranger's clip. It must read it as what its first bytes say (MP4 and MOV, or the
transport stream of camcorders), so that it follows no playlist, and from a descriptor, so that no file name reaches it.
"""

import re
import subprocess
import tempfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from memorycapsule import processes
from memorycapsule.domain.stories import Missing
from memorycapsule.errors import CapsuleError, DiskFull, MediaRefused, Refusal, shortage, system_problem
from memorycapsule.media import boxes
from memorycapsule.media.clip_colours import LUT_BYTES, LUT_SIDE, srgb_lut
from memorycapsule.media.clip_streams import ClipStreams, PictureStream, read_streams
from memorycapsule.media.intake import memory_copy
from memorycapsule.media.metadata.avchd import read_recorded_at
from memorycapsule.media.movie import Movie, Turn, check_size, read_movie
from memorycapsule.media.sniff import ClipFormat, Window

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
#: A clip in which so much is missing, in seconds, may be cut off: two frames.
_SHORT_SECONDS = 2 / FRAMES_PER_SECOND
#: Sound may continue after the picture for so long, in seconds; cameras end both at about the same time.
_MOST_SOUND_ALONE_SECONDS = 0.2
#: What ffmpeg reports on a full disk, and on an exceeded disk quota.
DISK_FULL_MESSAGES = (b"No space left on device", b"Disk quota exceeded")

#: What ffmpeg's progress says as soon as something was decoded.
_HEARD = re.compile(rb"^out_time_us=[1-9]", re.MULTILINE)
#: So many sound tracks are tried. Cameras write two or three.
_MOST_SOUND_TRACKS = 8
#: Both read one kind of file only, and open no other.
_DEMUXERS: dict[ClipFormat, str] = {"MP4": "mov", "MOV": "mov", "MTS": "mpegts"}
_SCALING = "bicubic+accurate_rnd+full_chroma_int"
_FIELD_ORDERS = {"top": "tff", "bottom": "bff"}
#: The filters that turn a picture upright; any other turn is none.
_TURNING: dict[Turn, list[str]] = {
    (0, 1, -1, 0): ["transpose=clock"],
    (0, -1, 1, 0): ["transpose=cclock"],
    (0, 1, 1, 0): ["transpose=cclock_flip"],
    (0, -1, -1, 0): ["transpose=clock_flip"],
    (-1, 0, 0, -1): ["hflip", "vflip"],
    (-1, 0, 0, 1): ["hflip"],
    (1, 0, 0, -1): ["vflip"],
}


@dataclass(frozen=True, kw_only=True)
class _Source:
    """A stranger's clip, and what is known of it."""

    window: Window
    format: ClipFormat
    movie: Movie
    picture: PictureStream

    @property
    def input(self) -> list[str]:
        """Arguments of ffmpeg that open it."""
        # A frame of two fields is made one picture before it is turned, which ffmpeg would do first.
        as_stored = ["-display_rotation:V:0", "0"] if self.picture.first_field else []
        return [*as_stored, *_input(self.window, self.format)]


@dataclass(frozen=True, kw_only=True)
class DisplayClip:
    """A clip as it is shown."""

    #: An unnamed temporary file, at offset 0.
    file: BinaryIO
    has_sound: bool
    #: Its sound, where that cannot be decoded, and its end, where the file is cut off.
    missing: tuple[Missing, ...]


def read_clip(window: Window, format_: ClipFormat) -> Movie:
    """Read a clip's metadata. Raises MediaRefused for a damaged clip and for one longer than MOST_SECONDS."""
    movie = read_movie(window) if _DEMUXERS[format_] == "mov" else _read_transport_stream(window, format_)
    _check_length(movie.duration_seconds)
    return movie


def make_display_clip(window: Window, movie: Movie, format_: ClipFormat, *, workspace: Path) -> DisplayClip:
    """
    Return the display clip, made in `workspace`.

    H.264 High, yuv420p, BT.709, 30 frames per second, progressive, AAC 48 kHz stereo when it has sound that can be
    decoded, faststart, without metadata. It ends with the picture: later sound is cut off. Raises MediaRefused,
    DiskFull, or CapsuleError when `workspace` cannot be written.
    """
    streams = _describe(window, format_)
    source = _Source(window=window, format=format_, movie=movie, picture=streams.picture)
    if not streams.sound_tracks:
        return _display_clip(_convert(source, None, workspace=workspace), source, has_sound=False)
    try:
        clip = _convert(source, 0, workspace=workspace)
    except MediaRefused as error:
        track = _first_sound(source, streams.sound_tracks)
        if error.refusal != Refusal.CLIP_UNPLAYABLE or track == 0:
            raise
        clip = _convert(source, track, workspace=workspace)
        is_silent = track is None
        return _display_clip(
            clip, source, has_sound=not is_silent, missing=(Missing.SOUND,) if is_silent else ()
        )
    has_sound = read_movie(Window.of(clip)).has_sound
    if not has_sound and streams.sound_tracks > 1 and (track := _first_sound(source, streams.sound_tracks)):
        clip.close()
        clip, has_sound = _convert(source, track, workspace=workspace), True
    return _display_clip(clip, source, has_sound=has_sound)


def _display_clip(
    clip: BinaryIO, source: _Source, *, has_sound: bool, missing: tuple[Missing, ...] = ()
) -> DisplayClip:
    # Recordings of screens may state more than they show, and some programs a box that is too long: both together
    # are a file that was not copied wholly.
    is_short = source.movie.duration_seconds - length_seconds(clip) > _SHORT_SECONDS
    if is_short and _DEMUXERS[source.format] == "mov" and boxes.is_cut_off(source.window):
        missing = (*missing, Missing.END)
    return DisplayClip(file=clip, has_sound=has_sound, missing=missing)


def _convert(source: _Source, sound_track: int | None, *, workspace: Path) -> BinaryIO:
    """Return the picture with one of the sound tracks, or with none, as a display clip at offset 0."""
    movie, picture = source.movie, source.picture
    lut = srgb_lut(picture.primaries, picture.transfer)
    clip = unnamed(workspace)
    try:
        with memory_copy(BytesIO(lut or b""), limit_bytes=LUT_BYTES) as table:
            _run_ffmpeg(
                [
                    *source.input, *(_lut_input(table) if lut else []),
                    # One second more than is accepted, to find a clip that is longer than its header states.
                    "-t", str(MOST_SECONDS + 1),
                    "-filter_complex", _filters(movie, picture, has_lut=lut is not None), "-map", "[shown]",
                    *([] if sound_track is None else ["-map", f"0:a:{sound_track}"]),
                    "-map_metadata", "-1", "-map_chapters", "-1", "-fps_mode", "cfr",
                    "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-profile:v", "high", "-threads", "2",
                    "-g", str(2 * FRAMES_PER_SECOND),
                    # The encoder writes its name and settings into the stream; nothing needs them.
                    "-bsf:v", "filter_units=remove_types=6", "-fflags", "+bitexact", "-flags:a", "+bitexact",
                    "-c:a", "aac", "-b:a", "160k", "-ar", "48000", "-ac", "2",
                    "-movflags", "+faststart", "-f", "mp4", "-y", f"/dev/fd/{clip.fileno()}",
                ],
                descriptors=(source.window.descriptor, table.fileno(), clip.fileno()),
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


def _first_sound(source: _Source, tracks: int) -> int | None:
    """Return the first sound track that can be decoded, or None."""
    for track in range(min(tracks, _MOST_SOUND_TRACKS)):
        heard = _ffmpeg(
            [
                "-v", "error", *source.input, "-t", str(MOST_SECONDS), "-map", f"0:a:{track}",
                "-progress", "pipe:1", "-f", "null", "-",
            ],
            (source.window.descriptor,),
            cpu_seconds=_CPU_SECONDS,
        )  # fmt: skip
        if heard.returncode == 0 and _HEARD.search(heard.stdout):
            return track
    return None


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
                "-ss", str(at_seconds), "-f", "mov", "-i", f"/dev/fd/{clip.fileno()}",
                "-map", "0:v:0", "-frames:v", "1", "-vf", f"scale=flags={_SCALING}",
                "-c:v", "bmp", "-f", "image2pipe", "-y", f"/dev/fd/{poster.fileno()}",
            ],
            descriptors=(clip.fileno(), poster.fileno()),
            cpu_seconds=_CPU_SECONDS,
        )  # fmt: skip
    except BaseException:
        poster.close()
        raise
    return poster


def _filters(movie: Movie, picture: PictureStream, *, has_lut: bool) -> str:
    long_side, short_side = max(movie.width, movie.height), min(movie.width, movie.height)
    scale = min(1.0, LONG_SIDE / long_side, SHORT_SIDE / short_side)
    width, height = (max(2, round(side * scale / 2) * 2) for side in (movie.width, movie.height))
    # Progressive frames pass untouched, and a stream may hold both kinds.
    steps = ["bwdif=mode=send_frame:parity=auto:deint=interlaced"]
    if picture.first_field:
        if not picture.has_frame_flags:
            steps = [f"setfield={_FIELD_ORDERS[picture.first_field]}", "bwdif=mode=send_frame"]
        steps += _TURNING.get(movie.turn, [])
    # Frames may name a matrix that ffmpeg converts from as little as from none.
    steps += [f"fps={FRAMES_PER_SECOND}", f"setparams=colorspace={picture.matrix}"]
    # One filter shrinks and changes the matrix. Between two of them ffmpeg would guess the matrix anew.
    resize = f"scale={width}:{height}:flags={_SCALING}"
    to_bt709 = "out_color_matrix=bt709:out_range=tv"
    if has_lut:
        # Shrinking first makes the dear conversion of colours cheaper.
        steps += [
            f"{resize},format=gbrpf32le[coded];[1:v]format=gbrpf32le[table];[coded][table]haldclut=clut=first",
            f"scale=flags={_SCALING}:{to_bt709}",
        ]
    else:
        steps.append(f"{resize}:{to_bt709}")
    steps += [
        "format=yuv420p,setsar=1",
        "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709:field_mode=prog",
    ]
    return f"[0:V:0]{','.join(steps)}[shown]"


def _describe(window: Window, format_: ClipFormat) -> ClipStreams:
    # Without an output ffmpeg describes its input, then ends with an error.
    described = _ffmpeg(
        ["-v", "info", *_input(window, format_)], (window.descriptor,), cpu_seconds=_CPU_SECONDS
    )
    return read_streams(described.stderr)


def _read_transport_stream(window: Window, format_: ClipFormat) -> Movie:
    """Return what is known of a stream without an index. It states no length that could be relied on."""
    streams = _describe(window, format_)
    _check_length(streams.seconds)
    picture = streams.picture
    width = round(picture.width * picture.pixel_aspect)
    check_size(width, picture.height)
    return Movie(
        width=width,
        height=picture.height,
        duration_seconds=0.0,
        whole_seconds=0.0,
        has_sound=streams.sound_tracks > 0,
        taken=read_recorded_at(window),
        has_gps=False,
    )


def _input(window: Window, format_: ClipFormat) -> list[str]:
    return ["-f", _DEMUXERS[format_], "-i", f"/dev/fd/{window.descriptor}"]


def _lut_input(table: BinaryIO) -> list[str]:
    return [
        "-f", "rawvideo", "-pixel_format", "rgb48le", "-video_size", f"{LUT_SIDE}x{LUT_SIDE}",
        "-i", f"/dev/fd/{table.fileno()}",
    ]  # fmt: skip


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
                "-f", "mov", "-i", f"/dev/fd/{clip.fileno()}", "-t", f"{seconds:.6f}", "-map", "0", "-c", "copy",
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
                "-protocol_whitelist", "file,pipe", "-threads", "2", *arguments,
            ],
            processes.ChildLimits(
                memory_bytes=MEMORY_BYTES, cpu_seconds=cpu_seconds, nice=processes.UPLOAD_NICE
            ),
            pass_fds=descriptors,
        )  # fmt: skip
    except processes.OutOfCpu as error:
        raise MediaRefused(Refusal.CONVERTING_TOO_LONG) from error


def unnamed(workspace: Path) -> BinaryIO:
    """Return an empty file without a name. Raises DiskFull, Postponed, or CapsuleError when it cannot be made."""
    try:
        return tempfile.TemporaryFile(dir=workspace)
    except OSError as error:
        problem = system_problem(error)
        other = CapsuleError("workspace_unwritable", folder=str(workspace), problem=problem)
        raise (shortage(error) or other) from error
