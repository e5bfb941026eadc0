"""
A renderer that makes ten frames, in this process: for tests of what lies around a film.

Everything else of a film is real: its plan, its rows, its blobs, its letters. The film itself is the same file each time.
"""

import functools
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from memorycapsule.processes import ffmpeg_path
from memorycapsule.render.survey import Survey
from memorycapsule.services.film import picture_analysis
from memorycapsule.work import films
from support.cast import make_photo


@functools.cache
def ten_frames() -> bytes:
    """Return one second of grey, 160 by 90, as MP4."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        subprocess.run(
            [
                ffmpeg_path(), "-v", "error", "-f", "lavfi", "-i", "color=gray:size=160x90:rate=10:duration=1",
                "-pix_fmt", "yuv420p", str(path),
            ],
            check=True,
        )  # fmt: skip
        return path.read_bytes()


@functools.cache
def poster() -> bytes:
    return make_photo(0, width=160, height=90)


@contextmanager
def rendering_ten_frames() -> Iterator[None]:
    """Have films of this process, and of its forks, made so; no child is started for them."""
    ten_frames(), poster()

    def render(job, *, key, on_progress):
        on_progress(0.5)
        job.out.write_bytes(ten_frames())
        job.poster.write_bytes(poster())
        return {"seconds": 1.0, "segments_encoded": 1, "segments_reused": 0, "left_out": {}}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(films, "survey", lambda job, *, key, on_progress: Survey(segments=(), always_needed=()))
        patch.setattr(films, "run_renderer", render)
        patch.setattr(picture_analysis, "analyse_pictures", lambda *_arguments, **_named: {})
        yield
