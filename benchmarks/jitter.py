"""How evenly a film's pictures move: measured on decoded frames, in pixels."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from memorycapsule.processes import ffmpeg_path

_POINTS = 120
_LEAST_POINTS = 12
#: Of the motion that people call smooth.
_DEGREE = 3


def jitter(film: Path, width: int, height: int, first: int, stop: int) -> float | None:
    """
    Return the rms deviation of a picture's motion from a smooth path over frames `first` up to `stop`.

    Points are followed from the middle frame to every other by Lucas and Kanade's method, and a polynomial of
    degree three in time is laid through the path of each. What deviates from it is reduced, frame by frame,
    to a shift and a zoom common to all points: the picture's own stumbling, without the noise of encoder and
    tracker, which every point has for itself. None when there is too little to follow.
    """
    return of_frames(decoded(film, width, height, first, stop))


def of_frames(frames: Sequence[NDArray[np.uint8]]) -> float | None:
    """Return the same for grey frames, each of shape (height, width)."""
    height = frames[0].shape[0]
    middle = frames[len(frames) // 2]
    corners = cv2.goodFeaturesToTrack(middle, _POINTS, 0.02, max(8, height // 24))
    if corners is None or len(corners) < _LEAST_POINTS:
        return None
    paths = np.empty((len(frames), len(corners), 2))
    good = np.ones(len(corners), bool)
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 60, 1e-4)
    start = len(frames) // 2
    for order in (range(start, len(frames)), range(start, -1, -1)):
        # A pan crosses half the frame: each search begins where the one before it ended.
        place, speed = corners.copy(), np.zeros_like(corners)
        for number in order:
            guess = place + speed
            found, state, _ = cv2.calcOpticalFlowPyrLK(
                middle,
                frames[number],
                corners,
                guess.copy(),
                winSize=(31, 31),
                maxLevel=3,
                criteria=criteria,
                flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
            )
            speed, place = (found - place if number != start else speed), found
            paths[number], good = found[:, 0], good & (state[:, 0] == 1)
    inside = (paths >= 16) & (paths < np.array(middle.shape[::-1]) - 16)
    good &= inside.all(axis=(0, 2))
    if good.sum() < _LEAST_POINTS:
        return None
    times = np.linspace(-1, 1, len(frames))
    powers = np.vander(times, _DEGREE + 1)
    flat = paths.reshape(len(frames), -1)
    off = (flat - powers @ np.linalg.lstsq(powers, flat)[0]).reshape(paths.shape)
    # Points that lose their way, at an edge or in a repeating pattern, are no measure of the picture.
    own = np.sqrt((off**2).mean(axis=(0, 2)))
    good &= own <= 3 * np.median(own[good]) if good.any() else good
    if good.sum() < _LEAST_POINTS:
        return None
    return _common(paths[:, good], off[:, good])


def _common(paths: NDArray[np.float64], off: NDArray[np.float64]) -> float:
    total = 0.0
    for places, away in zip(paths, off, strict=True):
        around = places - places.mean(axis=0)
        shift = away.mean(axis=0)
        zoom = (around * away).sum() / (around**2).sum()
        total += ((shift + zoom * around) ** 2).sum(axis=1).mean()
    return float(np.sqrt(total / len(paths)))


def decoded(film: Path, width: int, height: int, first: int, stop: int) -> list[NDArray[np.uint8]]:
    """Return frames `first` up to `stop` of a film, grey."""
    command = [
        *(ffmpeg_path(), "-nostdin", "-loglevel", "error", "-i", str(film)),
        *("-vf", rf"select=between(n\,{first}\,{stop - 1})", "-fps_mode", "passthrough"),
        *("-f", "rawvideo", "-pix_fmt", "gray", "pipe:1"),
    ]
    data = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    return list(np.frombuffer(data, np.uint8).reshape(-1, height, width))
