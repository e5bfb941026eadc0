"""
The picture and sound streams of a clip, as ffmpeg describes its input.

The colours may stand in the container or in the coded picture only, and so may the order of fields. A transport stream
has no index at all. ffmpeg knows all of it, and says it in one line for each stream.
"""

import re
from dataclasses import dataclass

from memorycapsule.errors import MediaRefused, Refusal

_STREAM = re.compile(r"^  Stream #0:\d+[^\n]*?: (Video|Audio): ([^\n]*)$", re.MULTILINE)
_LENGTH = re.compile(r"^  Duration: (\d+):(\d\d):(\d\d\.\d+)", re.MULTILINE)
#: The codec, then the pixel format with its parenthesis, then the size: `h264 (High), yuv420p(tv, bt709), 64x36 [SAR`.
_PICTURE = re.compile(
    r"(\w+)[^\n]*?, (\w+)(?:\(((?:[^()]|\(swapped\))*)\))?, (\d+)x(\d+)(?: \[SAR (\d+):(\d+))?"
)
_FIELDS = re.compile(r"(top|bottom) (?:coded )?first")
#: Matrix, primaries and transfer; one name stands for all three.
_COLOURS = re.compile(
    r"([\w-]+)/([\w-]+)/([\w-]+)|(?<![\w-])(bt709|smpte170m|smpte240m|bt470bg|gbr)(?![\w-])"
)
_UNKNOWN = frozenset({"unknown", "reserved"})
#: Matrices that ffmpeg converts from. Others are rare and near one of these, or say nothing ("gbr" of a YUV picture).
_MATRICES = frozenset({"bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "bt2020nc"})
_HDR = frozenset({"smpte2084", "arib-std-b67"})
#: Codecs whose frames do not tell whether they hold two fields: the stream alone tells.
_WITHOUT_FLAGS = frozenset({"mjpeg", "jpeg2000"})


@dataclass(frozen=True, kw_only=True)
class PictureStream:
    """The picture of a clip, as stored: before any turn."""

    width: int
    height: int
    #: Width of a pixel over its height; 1 when the stream does not state it.
    pixel_aspect: float
    #: Names of ITU-T H.273's code points, as ffmpeg has them; `matrix` is never unknown.
    matrix: str
    primaries: str
    transfer: str
    #: Which field comes first, "top" or "bottom"; '' for a progressive stream, and for one that does not tell.
    first_field: str
    #: Whether each frame tells itself if it holds two fields.
    has_frame_flags: bool


@dataclass(frozen=True, kw_only=True)
class ClipStreams:
    """What ffmpeg says of a clip."""

    picture: PictureStream
    #: How many sound tracks it has, of whatever kind.
    sound_tracks: int
    #: Length, or 0 when ffmpeg knows none.
    seconds: float


def read_streams(description: bytes) -> ClipStreams:
    """Read ffmpeg's description of its input. Raises MediaRefused when it has no moving picture of a known size."""
    text = description.decode(errors="replace")
    streams = _STREAM.findall(text)
    picture = next((line for kind, line in streams if kind == "Video" and "(attached pic)" not in line), None)
    found = _PICTURE.match(picture) if picture else None
    if found is None:
        raise MediaRefused(Refusal.CLIP_UNPLAYABLE)
    length = _LENGTH.search(text)
    return ClipStreams(
        picture=_picture(found),
        sound_tracks=sum(kind == "Audio" for kind, _ in streams),
        seconds=int(length[1]) * 3600 + int(length[2]) * 60 + float(length[3]) if length else 0.0,
    )


def _picture(found: re.Match[str]) -> PictureStream:
    codec, _, attributes, width, height, across, down = found.groups()
    fields = _FIELDS.search(attributes or "")
    matrix, primaries, transfer = _colours(attributes or "")
    if matrix not in _MATRICES:
        matrix = _likely_matrix(int(width), int(height), primaries, transfer)
    if transfer in _HDR and primaries in _UNKNOWN:
        primaries = "bt2020"
    return PictureStream(
        width=int(width),
        height=int(height),
        pixel_aspect=int(across) / int(down) if across and int(across) and int(down) else 1.0,
        matrix=matrix,
        primaries=primaries,
        transfer=transfer,
        first_field=fields[1] if fields else "",
        has_frame_flags=codec not in _WITHOUT_FLAGS,
    )


def _colours(attributes: str) -> tuple[str, str, str]:
    found = _COLOURS.search(attributes)
    if found is None:
        return "unknown", "unknown", "unknown"
    if found[4]:
        return found[4], found[4], found[4]
    return found[1], found[2], found[3]


def _likely_matrix(width: int, height: int, primaries: str, transfer: str) -> str:
    """Return the matrix of a picture that names none, as players take it: BT.601 is that of standard definition."""
    if transfer in _HDR or primaries == "bt2020":
        return "bt2020nc"
    return "bt709" if max(width, height) >= 1280 or min(width, height) >= 720 else "smpte170m"
