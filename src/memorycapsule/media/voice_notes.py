"""
Voice notes: every recording is converted to one m4a that all browsers and the film can play, at one loudness.

Only a limited ffmpeg process opens a stranger's recording, with the one demuxer that its first bytes ask for, and from
a descriptor. It is decoded twice: once to measure whether it is whole, its length and its loudness, and once to make
the note.
"""

import re
import subprocess
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from memorycapsule import processes
from memorycapsule.domain.capture_times import CaptureTime
from memorycapsule.errors import DiskFull, MediaRefused, Refusal
from memorycapsule.media.clips import DISK_FULL_MESSAGES, unnamed
from memorycapsule.media.movie import Movie, Recording, read_recording
from memorycapsule.media.sniff import HEAD_BYTES, Format, Sound, Window
from memorycapsule.processes.music_heads import music_options

#: The longest note that is accepted, in seconds.
MOST_SECONDS = 900.0
#: One shorter than this was a slip of the finger.
LEAST_SECONDS = 0.3
#: What a note is brought to (LUFS), as the film does with songs, and how far it is changed at most (decibels).
_LUFS = -16.0
_LEAST_GAIN, _MOST_GAIN = -20.0, 24.0
#: Its highest peak, of full scale.
_PEAK = 0.89
#: A recording whose peak (decibels of full scale) is lower is silent: the microphone was off.
_SILENT_PEAK = -66.0
#: Part of a recording that may be missing from its end before it counts as damaged.
_MOST_MISSING = 0.25
_KBIT = 128
_MEMORY_BYTES = 1 << 30
_CPU_SECONDS = 120

#: By format: ffmpeg's demuxer, and the name that people know.
_DEMUXERS: dict[str, tuple[str, str]] = {
    "mp3": ("mp3", "MP3"),
    "m4a": ("mov", "M4A"),
    "MP4": ("mov", "MP4"),
    "MOV": ("mov", "MOV"),
    "ogg": ("ogg", "Ogg"),
    "flac": ("flac", "FLAC"),
    "wav": ("wav", "WAV"),
    "webm": ("matroska", "WebM"),
}
_STEREO = "aformat=sample_rates=48000:channel_layouts=stereo"
#: Where ffmpeg's description of its input ends.
_MAPPING = b"\nStream mapping:"
_VIDEO = re.compile(rb"^ *Stream #0:\d+[^\n]*: Video: (?![^\n]*\(attached pic\))", re.MULTILINE)
_MADE_AT = re.compile(rb"^ +creation_time +: (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)", re.MULTILINE)
_POSITION = re.compile(rb"^out_time_us=(\d+)$", re.MULTILINE)
_LOUDNESS = re.compile(rb"^ +I: +(-?[\d.]+|nan|-?inf) LUFS", re.MULTILINE)
_PEAK_LEVEL = re.compile(rb"^ +Peak: +(-?[\d.]+|-?inf) dBFS", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class VoiceNoteFacts:
    """What is known of a recording, decoded and from its metadata."""

    seconds: float
    #: Decibels that bring it to the usual loudness.
    gain: float
    taken: CaptureTime | None
    has_gps: bool
    camera: str


@dataclass(frozen=True, kw_only=True)
class PreparedVoiceNote:
    """A note, and what is known of its recording."""

    facts: VoiceNoteFacts
    #: AAC m4a in an unnamed temporary file at offset 0.
    note: BinaryIO


def format_name(format_: Format | Sound) -> str:
    """Return the name of a recording's format that people know."""
    return _DEMUXERS[format_][1]


def make_voice(window: Window, format_: Format | Sound, *, workspace: Path) -> PreparedVoiceNote:
    """
    Return the note of a recording, made in `workspace`.

    AAC 48 kHz stereo, faststart, at about -16 LUFS, without metadata. Raises MediaRefused when it cannot be
    played, is silent, longer than MOST_SECONDS or has moving pictures; DiskFull; CapsuleError when `workspace`
    cannot be written.
    """
    facts = _measure(window, format_)
    note = unnamed(workspace)
    try:
        filters = f"{_STEREO},volume={facts.gain:.2f}dB,alimiter=limit={_PEAK}:level=disabled:latency=1"
        done = _ffmpeg(
            [
                *_input(window, format_), "-map", "0:a:0", "-map_metadata", "-1", "-map_chapters", "-1",
                "-t", str(MOST_SECONDS + 0.5), "-af", filters,
                "-fflags", "+bitexact", "-flags:a", "+bitexact", "-c:a", "aac", "-b:a", f"{_KBIT}k",
                "-movflags", "+faststart", "-f", "ipod", "-y", f"/dev/fd/{note.fileno()}",
            ],
            (window.descriptor, note.fileno()),
        )  # fmt: skip
        _check_made(done)
    except BaseException:
        note.close()
        raise
    note.seek(0)
    return PreparedVoiceNote(facts=facts, note=note)


def _check_made(done: subprocess.CompletedProcess[bytes]) -> None:
    if done.returncode != 0:
        if any(message in done.stderr for message in DISK_FULL_MESSAGES):
            raise DiskFull
        raise MediaRefused(Refusal.NO_READABLE_SOUND)


def _measure(window: Window, format_: Format | Sound) -> VoiceNoteFacts:
    """Decode all of a recording and measure it. Raises MediaRefused."""
    metadata = _metadata(window, format_)
    done = _ffmpeg(
        [
            # One second more than is accepted, to find a recording that is too long.
            *_input(window, format_), "-map", "0:a:0", "-t", str(MOST_SECONDS + 1),
            "-af", f"{_STEREO},ebur128=framelog=quiet:peak=sample",
            "-progress", "pipe:1", "-f", "null", "-",
        ],
        (window.descriptor,),
    )  # fmt: skip
    described = done.stderr.partition(_MAPPING)[0]
    if _VIDEO.search(described):
        raise MediaRefused(Refusal.OTHER_VIDEO, format=format_name(format_))
    positions = _POSITION.findall(done.stdout)
    seconds = int(positions[-1]) / 1_000_000 if positions else 0.0
    if done.returncode != 0 or seconds <= 0:
        raise MediaRefused(Refusal.NO_READABLE_SOUND)
    _check_length(seconds, metadata.whole_seconds if metadata else 0.0)
    return VoiceNoteFacts(
        seconds=seconds,
        gain=_gain(done.stderr),
        taken=metadata.taken if metadata else _made_at(described),
        has_gps=bool(metadata and metadata.has_gps),
        camera=metadata.camera if metadata else "",
    )


def _metadata(window: Window, format_: Format | Sound) -> Recording | None:
    """Return the metadata of an m4a, MP4 or MOV; None for every other format."""
    if _DEMUXERS[format_][0] != "mov":
        return None
    metadata = read_recording(window)
    if metadata.whole_seconds > MOST_SECONDS + 1:
        raise MediaRefused(Refusal.VOICE_TOO_LONG, minutes=MOST_SECONDS / 60)
    return metadata


def holds_picture(window: Window, format_: Format | Sound) -> bool:
    """Return whether an MP4, MOV or M4A has a moving picture. Raises MediaRefused when it is damaged."""
    return _DEMUXERS[format_][0] == "mov" and isinstance(read_recording(window), Movie)


def _check_length(seconds: float, stated: float) -> None:
    if seconds > MOST_SECONDS + 0.5:
        raise MediaRefused(Refusal.VOICE_TOO_LONG, minutes=MOST_SECONDS / 60)
    if seconds < LEAST_SECONDS:
        raise MediaRefused(Refusal.VOICE_TOO_SHORT)
    missing = stated - seconds
    if missing > max(0.5, _MOST_MISSING * stated):
        raise MediaRefused(Refusal.SECONDS_MISSING, missing=missing, stated=stated)


def _made_at(described: bytes) -> CaptureTime | None:
    found = _MADE_AT.search(described)
    try:
        return CaptureTime.of_instant(datetime.fromisoformat(found[1].decode())) if found else None
    except ValueError:
        return None


def _gain(report: bytes) -> float:
    """Return the decibels that bring a recording to the usual loudness. Raises MediaRefused for silence."""
    summary = report.rpartition(b"Summary:")[2]
    loud, peak = _measured(_LOUDNESS, summary), _measured(_PEAK_LEVEL, summary)
    if peak < _SILENT_PEAK:
        raise MediaRefused(Refusal.SILENT)
    # A recording that is too short or too faint to be measured is brought to a usual peak.
    wanted = _LUFS - loud if loud > -70.0 else -6.0 - peak
    return min(max(wanted, _LEAST_GAIN), _MOST_GAIN)


def _measured(pattern: re.Pattern[bytes], summary: bytes) -> float:
    found = pattern.search(summary)
    value = float(found[1]) if found else float("-inf")
    return value if value == value else float("-inf")  # noqa: PLR0124 - NaN alone differs from itself


def _input(window: Window, format_: Format | Sound) -> list[str]:
    demuxer = _DEMUXERS[format_][0]
    # Music may begin behind what does not belong there.
    options = music_options(window.read(0, HEAD_BYTES)) if demuxer == format_ else None
    return [*(options or ["-f", demuxer]), "-i", f"/dev/fd/{window.descriptor}"]


def _ffmpeg(arguments: list[str], descriptors: tuple[int, ...]) -> subprocess.CompletedProcess[bytes]:
    """Run ffmpeg under limits, on descriptors only. Raises MediaRefused when it takes too much work, and Postponed."""
    try:
        return processes.run(
            [
                processes.ffmpeg_path(), "-hide_banner", "-nostdin", "-nostats", "-v", "info",
                "-protocol_whitelist", "file,pipe", "-threads", "1", *arguments,
            ],
            processes.ChildLimits(
                memory_bytes=_MEMORY_BYTES, cpu_seconds=_CPU_SECONDS, nice=processes.UPLOAD_NICE
            ),
            pass_fds=descriptors,
        )  # fmt: skip
    except processes.OutOfCpu as error:
        raise MediaRefused(Refusal.LISTENING_TOO_LONG) from error
