"""Tiny pictures, clips, songs and films, and looking at what came out."""

import re
import subprocess
import wave
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from memorycapsule.domain.film.direction import Direction, direct
from memorycapsule.domain.film.picture_choice import Picture
from memorycapsule.domain.film.plan import Encoder, FilmStyle, Soundtrack
from memorycapsule.domain.film.sizes import Size
from memorycapsule.processes import ffmpeg_path
from memorycapsule.render.film import render

SIZE = Size(width=160, height=90)
RED, GREEN, BLUE = (200, 40, 40), (40, 160, 60), (40, 60, 200)
QUICK = FilmStyle(
    title_seconds=1.2,
    end_seconds=1.4,
    photo_seconds=1.4,
    entrance_seconds=0.3,
    story_entrance_seconds=0.3,
    backdrop=0.0,
)


def ffmpeg(*arguments):
    done = subprocess.run(
        [ffmpeg_path(), "-nostdin", "-loglevel", "error", *arguments], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@dataclass
class Studio:
    """A folder of pictures, and films made of it."""

    folder: Path

    ffmpeg = staticmethod(ffmpeg)

    @property
    def pictures(self):
        return self.folder / "pictures"

    def photo(self, name, colour=RED, *, width=480, height=270, **more):
        image = np.full((height, width, 3), colour[::-1], np.uint8)
        cv2.imwrite(str(self.pictures / f"{name}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 95])
        return self._picture(name, "jpg", kind="photo", width=width, height=height, **more)

    def clip(
        self, name, colour=GREEN, *, seconds=2.0, width=320, height=180, sound=True, loudness=0.125, **more
    ):
        source = f"sine=frequency=1000:duration={seconds}:sample_rate=48000,volume={loudness * 8}"
        tone = ["-f", "lavfi", "-i", source] if sound else []
        ffmpeg(
            *(
                "-f",
                "lavfi",
                "-i",
                "color=0x{:02x}{:02x}{:02x}:s={}x{}:r=30:d={}".format(*colour, width, height, seconds),
            ),
            *(
                *tone,
                "-c:v",
                "libx264",
                "-preset",
                "ultrafast",
                "-pix_fmt",
                "yuv420p",
                "-c:a",
                "aac",
                "-shortest",
            ),
            str(self.pictures / f"{name}.mp4"),
        )
        more |= {"duration_seconds": seconds, "has_sound": sound}
        return self._picture(name, "mp4", kind="clip", width=width, height=height, **more)

    def _picture(self, name, ending, **more):
        values = {
            "story_id": "story",
            "contributor": "Ada",
            "position": len(list(self.pictures.iterdir())),
            **more,
        }
        return Picture(id=name, file=f"{name}.{ending}", **values)

    def song(self, name, seconds, *, frequency=440, loudness=0.5):
        times = np.arange(round(seconds * 48000)) / 48000
        samples = np.rint(np.sin(2 * np.pi * frequency * times) * loudness * 32767).astype("<i2")
        with wave.open(str(self.pictures / name), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(48000)
            file.writeframes(samples.tobytes())
        return Soundtrack(file=name)

    def plan(
        self,
        pictures,
        *,
        title="Summer",
        style=QUICK,
        soundtrack=None,
        segment_seconds=30.0,
        size=SIZE,
        **more,
    ):
        how = Direction(
            size=size,
            style=style,
            soundtrack=soundtrack or Soundtrack(),
            encoder=Encoder(segment_seconds=segment_seconds),
            length="full",
        )
        return direct(title=title, pictures=pictures, direction=how, **more)

    def film(self, plan, *, name="film.mp4", key=b"key", **more):
        out = self.folder / name
        film = render(
            plan, pictures=self.pictures, out=out, workspace=self.folder / "workspace", key=key, **more
        )
        return film, DecodedFilm(out)


class DecodedFilm:
    """A film, decoded by ffmpeg."""

    def __init__(self, path):
        self.path = path
        done = subprocess.run(
            [ffmpeg_path(), "-hide_banner", "-i", str(path)], capture_output=True, check=False
        )
        self.description = done.stderr.decode()
        data = ffmpeg("-i", str(path), "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
        width, height = map(int, re.search(r"Video: .*?, (\d+)x(\d+)", self.description).groups())
        self.frames = np.frombuffer(data, np.uint8).reshape(-1, height, width, 3)
        sound = ffmpeg("-i", str(path), "-vn", "-f", "s16le", "-ac", "1", "-ar", "48000", "-")
        self.sound = np.frombuffer(sound, "<i2").astype(float) / 32768

    def at(self, seconds):
        """Return the mean colour of the middle of the frame at a time."""
        frame = self.frames[round(seconds * 30)]
        height, width = frame.shape[:2]
        return frame[height // 3 : -height // 3, width // 3 : -width // 3].reshape(-1, 3).mean(axis=0)

    def loudness(self, first, stop):
        """Return the root mean square of the sound between two times."""
        return float(np.sqrt(np.mean(self.sound[round(first * 48000) : round(stop * 48000)] ** 2)))

    def tone(self, first, stop, frequency):
        """Return the strength of one frequency between two times."""
        part = self.sound[round(first * 48000) : round(stop * 48000)]
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)))) / len(part) * 4
        place = round(frequency * len(part) / 48000)
        return float(spectrum[max(0, place - 3) : place + 4].max())


def open_studio(folder):
    (folder / "pictures").mkdir()
    return Studio(folder)


@pytest.fixture
def studio(tmp_path):
    return open_studio(tmp_path)


@pytest.fixture(scope="module")
def shared_studio(tmp_path_factory):
    """A studio for a film that several tests of a file look at."""
    return open_studio(tmp_path_factory.mktemp("studio"))
