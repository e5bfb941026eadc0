"""What is kept of a photo, clip or voice note besides its original."""

from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Literal

from memorycapsule.domain.capture_times import CaptureTime
from memorycapsule.domain.stories import Missing

#: Longest side of the thumbnail, in pixels.
THUMBNAIL_SIDE = 480

Kind = Literal["photo", "clip", "voice"]


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A medium made ready to be shown or heard: upright, sRGB, without any metadata."""

    kind: Kind
    #: "JPEG", "PNG", "WebP", "AVIF", "HEIC", "TIFF", "BMP", "GIF", "MP4", "MOV" or "MTS"; of a voice note "M4A", "MP3",
    #: "Ogg", "WebM", "WAV", "FLAC", "MP4" or "MOV".
    format: str
    #: Size in pixels as a person sees it, after any turn; 0 for a voice note.
    width: int
    height: int
    #: None when the file does not state it.
    taken: CaptureTime | None
    #: The original holds a usable latitude and longitude. The derivatives never do.
    has_gps: bool
    #: Length of a clip or voice note; None for a photo.
    duration_seconds: float | None
    has_sound: bool
    #: JPEG, of `framing.display_size`. For a clip: its poster; None for a voice note.
    display: bytes | None
    #: JPEG, at most THUMBNAIL_SIDE on its long side; None for a voice note.
    thumbnail: bytes | None
    #: H.264 mp4, of a voice note AAC m4a, in an unnamed temporary file at offset 0; None for a photo.
    clip: BinaryIO | None
    #: A digest that identifies the camera without naming it; '' for an unknown one.
    camera: str = ""
    #: Capture time by the satellites' clock, aware UTC; None when the file does not state it.
    gps_at: datetime | None = None
    #: What could not be read of the file.
    missing: tuple[Missing, ...] = ()
