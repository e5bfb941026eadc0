"""Picture analysis: pictures of a film are fetched, looked at in a limited child, and digested."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from memorycapsule.domain.film.picture_analysis import PictureAnalysis
from memorycapsule.domain.film.picture_choice import Picture
from memorycapsule.errors import CapsuleError, DiskFull
from memorycapsule.media.picture_analysis import analyse_pictures
from memorycapsule.services.film.material import VOICE_ENDING
from memorycapsule.services.film.segment_cache import PreparedPlan
from memorycapsule.services.vault import Vault, translate_error
from memorycapsule.store.transactions import Store

#: So many photos of a sealed capsule lie in memory to be looked at; they are about 1 MB each.
_LOOKED_AT_ONCE = 8


@dataclass(kw_only=True)
class Sight:
    """Looks at pictures, each once, and remembers their digests; what is known from an earlier plan is believed."""

    store: Store
    vault: Vault
    #: Where pictures lie to be looked at.
    folder: Path
    face_model: Path | None
    known: PreparedPlan | None
    #: Whether a picture is removed again at once.
    leaves_nothing: bool = False
    check: Callable[[], None] = lambda: None
    clip_seconds: float = 0.0
    digests: dict[str, str] = field(default_factory=dict)
    looks: dict[str, PictureAnalysis] = field(default_factory=dict)
    #: Sentences about pictures that cannot be read, by their ids.
    broken: dict[str, str] = field(default_factory=dict)

    def look_at(self, pictures: Sequence[Picture]) -> tuple[dict[str, PictureAnalysis], dict[str, str]]:
        """Return what was seen, and what is broken, of all pictures so far."""
        unknown = []
        for picture in pictures:
            if self.known and picture.id in self.known.digests:
                self.digests[picture.id] = self.known.digests[picture.id]
                if picture.id in self.known.looks:
                    self.looks[picture.id] = self.known.looks[picture.id]
            else:
                unknown.append(picture)
        for few in _few_at_a_time(unknown) if self.leaves_nothing else [unknown]:
            self.check()
            self._look_at(few)
        return self.looks, self.broken

    def _look_at(self, pictures: Sequence[Picture]) -> None:
        try:
            for picture in pictures:
                path = self.folder / picture.file
                if sentence := fetch_medium(self.store, self.vault, picture.id, path):
                    self.broken[picture.id] = sentence
                else:
                    with path.open("rb") as stream:
                        self.digests[picture.id] = _digest(stream)
            whole = [picture for picture in pictures if picture.id not in self.broken]
            self.looks |= analyse_pictures(
                self.folder,
                whole,
                clip_seconds=self.clip_seconds,
                face_model=self.face_model,
                on_progress=lambda _share: self.check(),
            )
        finally:
            if self.leaves_nothing:
                for picture in pictures:
                    (self.folder / picture.file).unlink(missing_ok=True)


def _few_at_a_time(pictures: Sequence[Picture]) -> Iterator[list[Picture]]:
    """Yield the pictures in small groups, clips alone: little lies in plain at a time."""
    photos = [picture for picture in pictures if picture.kind == "photo"]
    for first in range(0, len(photos), _LOOKED_AT_ONCE):
        yield photos[first : first + _LOOKED_AT_ONCE]
    for picture in pictures:
        if picture.kind == "clip":
            yield [picture]


def fetch_medium(store: Store, vault: Vault, medium_id: str, to: Path) -> str | None:
    """Put a picture's prepared form into the folder, unless it is there; a sentence if it cannot be."""
    if to.exists():
        return None
    try:
        copy_into(vault.open_medium(store, medium_id, _form(to.name)), to)
    except DiskFull:
        raise
    except CapsuleError as error:
        return _left_out(medium_id, to.name, error)
    return None


def copy_into(source: BinaryIO, to: Path) -> None:
    half = to.with_name(f"{to.name}.half")
    try:
        with source, half.open("wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
        half.replace(to)
    except OSError as error:
        raise translate_error(error) from error


def _digest(stream: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := stream.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()


def _form(file: str) -> str:
    return "clip_blob" if file.endswith((".mp4", VOICE_ENDING)) else "display_blob"


def _left_out(medium_id: str, file: str, error: CapsuleError) -> str:
    kind = {".mp4": "clip", VOICE_ENDING: "voice note"}.get(Path(file).suffix, "photo")
    return f"The {kind} {medium_id} was left out of the film: {error.message}"
