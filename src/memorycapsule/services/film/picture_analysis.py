"""Picture analysis: the pictures of a film are fetched, analysed in a limited child, and digested."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from memorycapsule.domain.film.picture_analysis import PictureAnalysis
from memorycapsule.domain.film.picture_choice import Picture
from memorycapsule.errors import FROM_OUTSIDE, CapsuleError
from memorycapsule.media.picture_analysis import analyse_pictures
from memorycapsule.services.film.material import VOICE_ENDING
from memorycapsule.services.film.segment_cache import PreparedPlan
from memorycapsule.services.vault import Vault, translate_error
from memorycapsule.store.transactions import Store

#: So many photos of a sealed capsule lie in memory at a time; they are about 1 MB each.
_BATCH_PHOTOS = 8


@dataclass(kw_only=True)
class PictureAnalyser:
    """Analyses each picture once and remembers its digest. What an earlier plan knows of a picture is believed."""

    store: Store
    vault: Vault
    #: Where pictures lie while they are analysed.
    folder: Path
    face_model: Path | None
    known: PreparedPlan | None
    #: Whether a picture is removed again as soon as it is analysed.
    removes_files: bool = False
    check: Callable[[], None] = lambda: None
    clip_seconds: float = 0.0
    digests: dict[str, str] = field(default_factory=dict)
    analyses: dict[str, PictureAnalysis] = field(default_factory=dict)
    #: Why pictures cannot be read, by their ids.
    broken: dict[str, CapsuleError] = field(default_factory=dict)

    def analyse(
        self, pictures: Sequence[Picture]
    ) -> tuple[dict[str, PictureAnalysis], dict[str, CapsuleError]]:
        """Return the analyses of all pictures so far, and why some are broken, by the pictures' ids."""
        unknown = []
        for picture in pictures:
            if self.known and picture.id in self.known.digests:
                self.digests[picture.id] = self.known.digests[picture.id]
                if picture.id in self.known.analyses:
                    self.analyses[picture.id] = self.known.analyses[picture.id]
            else:
                unknown.append(picture)
        for batch in _small_batches(unknown) if self.removes_files else [unknown]:
            self.check()
            self._analyse(batch)
        return self.analyses, self.broken

    def _analyse(self, pictures: Sequence[Picture]) -> None:
        try:
            for picture in pictures:
                path = self.folder / picture.file
                if error := fetch_medium(self.store, self.vault, picture.id, path):
                    self.broken[picture.id] = error
                else:
                    with path.open("rb") as stream:
                        self.digests[picture.id] = _digest(stream)
            whole = [picture for picture in pictures if picture.id not in self.broken]
            self.analyses |= analyse_pictures(
                self.folder,
                whole,
                clip_seconds=self.clip_seconds,
                face_model=self.face_model,
                on_progress=lambda _share: self.check(),
            )
        finally:
            if self.removes_files:
                for picture in pictures:
                    (self.folder / picture.file).unlink(missing_ok=True)


def _small_batches(pictures: Sequence[Picture]) -> Iterator[list[Picture]]:
    """Yield the pictures in small batches, clips alone: little lies in plain at a time."""
    photos = [picture for picture in pictures if picture.kind == "photo"]
    for first in range(0, len(photos), _BATCH_PHOTOS):
        yield photos[first : first + _BATCH_PHOTOS]
    for picture in pictures:
        if picture.kind == "clip":
            yield [picture]


def fetch_medium(store: Store, vault: Vault, medium_id: str, to: Path) -> CapsuleError | None:
    """
    Write the prepared form of a medium to `to`, unless it is there; the name's ending tells which form.

    Returns None, or what the report says when the medium cannot be read. Raises what is no fault of the medium.
    """
    if to.exists():
        return None
    try:
        copy_into(vault.open_medium(store, medium_id, _form(to.name)), to)
    except FROM_OUTSIDE:
        raise
    except CapsuleError as error:
        return _left_out(medium_id, to.name, error)
    return None


def copy_into(source: BinaryIO, to: Path) -> None:
    """Write a stream to a file and close it: all of it is there afterwards, or nothing. Raises DiskFull."""
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


def _left_out(medium_id: str, file: str, error: CapsuleError) -> CapsuleError:
    if file.endswith(".mp4"):
        return CapsuleError("film_clip_unread", medium=medium_id, problem=error)
    if file.endswith(VOICE_ENDING):
        return CapsuleError("film_voice_unread", medium=medium_id, problem=error)
    return CapsuleError("film_photo_unread", medium=medium_id, problem=error)
