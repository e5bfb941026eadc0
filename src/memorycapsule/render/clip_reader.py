"""The frames of a prepared clip, decoded one after another by an ffmpeg of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np

from memorycapsule import processes
from memorycapsule.domain.film.plan import Clip
from memorycapsule.errors import Postponed, RenderFailed
from memorycapsule.render import ffmpeg
from memorycapsule.render.planes import Bytes, new_frame


class ClipReader:
    """
    Reads the frames of a clip's shot as NV12, scaled to fill `width` x `height` (both even).

    The first frame is read at once. When the clip ends early, its last frame is repeated. Raises RenderFailed when
    the clip has no frame, Postponed when its decoder is ended from outside.
    """

    def __init__(self, pictures: Path, shot: Clip, width: int, height: int, fps: int) -> None:
        path = pictures / shot.source.file
        self._decoder = ffmpeg.start(
            ffmpeg.decode_arguments(path, shot, width, height, fps),
            limits=ffmpeg.DECODER,
            stdout=subprocess.PIPE,
        )
        self._frame = new_frame(width, height)
        self._next = 0
        if not self._advance():
            self.close()
            raise RenderFailed("film_clip_lost", file=path.name)

    def frame(self, index: int) -> Bytes:
        """Return frame `index` of the shot, not to be written to. Callers ask for indices in rising order."""
        while self._next <= index and self._advance():
            pass
        return self._frame

    def _advance(self) -> bool:
        assert self._decoder.stdout is not None
        data = self._decoder.stdout.read(self._frame.size)
        if len(data) < self._frame.size:
            if processes.is_ended_from_outside(self._decoder.wait(), is_ffmpeg=True):
                raise Postponed("film_worker_stopped")
            return False
        self._frame = np.frombuffer(data, np.uint8).reshape(self._frame.shape)
        self._next += 1
        return True

    def close(self) -> None:
        """End the decoder."""
        self._decoder.kill()
        self._decoder.communicate()
