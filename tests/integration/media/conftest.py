import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from memorycapsule.media.decoder_pool import Decoders
from memorycapsule.media.prepared import Prepared


@dataclass(frozen=True)
class Sample:
    path: Path
    facts: dict[str, Any]


@pytest.fixture(scope="session")
def samples(photos) -> dict[str, Sample]:
    """Every sample file by its name in facts.json."""
    facts = json.loads((photos / "facts.json").read_text())
    return {fact["file"]: Sample(photos / fact["file"], fact) for fact in facts["files"] + facts["bad"]}


@pytest.fixture(scope="session")
def decoders(tmp_path_factory) -> Iterator[Decoders]:
    with Decoders(workspace=tmp_path_factory.mktemp("workspace")) as pool:
        yield pool


@pytest.fixture
def prepare(decoders):
    """Prepare the file at a path; clips are closed when the test is over."""
    with ExitStack() as clips:

        def prepare(path: Path) -> Prepared:
            with path.open("rb") as upload:
                prepared = decoders.prepare(upload)
            if prepared.clip is not None:
                clips.enter_context(prepared.clip)
            return prepared

        yield prepare


@pytest.fixture
def prepared(tmp_path, prepare):
    """Prepare a file of these bytes."""

    def prepared(content: bytes) -> Prepared:
        path = tmp_path / "picture"
        path.write_bytes(content)
        return prepare(path)

    return prepared


def _lanczos(length: int) -> np.ndarray:
    """Weights of a Lanczos-3 reduction to two samples: how the colours of facts.json were made."""
    half = length / 2
    rows = []
    for centre in (0.5 * half, 1.5 * half):
        place = (np.arange(length) + 0.5 - centre) / half
        weights = np.where(abs(place) < 3, np.sinc(place) * np.sinc(place / 3), 0)
        rows.append(weights / weights.sum())
    return np.array(rows)


@pytest.fixture(scope="session")
def quarters():
    """Mean colours (RGB) of the four quarters of an encoded picture or of BGR pixels, shape (4, 3)."""

    def quarters(picture) -> np.ndarray:
        pixels = picture
        if isinstance(picture, bytes):
            pixels = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
        height, width = pixels.shape[:2]
        # Rows first keeps the work small.
        rows = np.tensordot(_lanczos(height), pixels[..., ::-1].astype(np.float32), (1, 0))
        return np.einsum("bw,awc->abc", _lanczos(width), rows).reshape(4, 3)

    return quarters
