"""Pieces: the segments of one film that several machines render together."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PieceState(StrEnum):
    """The state of a piece."""

    QUEUED = "queued"  #: waits for a worker
    RENDERING = "rendering"  #: a worker holds it
    DONE = "done"  #: it is in the shared store
    LEFT = "left"  #: it cannot be rendered alone; whoever joins the film makes it


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One segment of one attempt at a film; or what was rendered ahead of a sealed capsule's film."""

    id: str
    capsule_id: str
    #: None for what was rendered ahead.
    montage_id: str | None
    #: The attempt at the film that it belongs to; none but the current one is worked on. 0 for none.
    attempt: int
    #: The segment's name, by all that it shows.
    name: str
    #: Its place in the film, from 0.
    number: int
    state: PieceState
    #: The run of the program that renders it.
    lease: str | None = None
    #: Where it is kept, once it is done.
    blob_id: str | None = None
