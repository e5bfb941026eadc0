"""
Preparation: a film's plan, and a folder with the pictures that it names, are made ready for the renderer.

`prepare` does that for a film that is to be rendered now. `plan_sealed` makes the plan alone, while the capsule is
sealed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from memorycapsule.domain.film.direction import select_candidates
from memorycapsule.domain.film.montages import Montage, Omission, content_omissions, omissions_of
from memorycapsule.domain.film.plan import MontagePlan, Source
from memorycapsule.domain.film.sizes import Size
from memorycapsule.domain.film.voices import Voice
from memorycapsule.errors import CapsuleError
from memorycapsule.media.tempo import Tempo, tempo_of
from memorycapsule.services.film import montages, segment_cache
from memorycapsule.services.film.material import (
    SOUNDTRACK_FILE,
    Material,
    open_song,
    plan_film,
    read_material,
)
from memorycapsule.services.film.picture_analysis import PictureAnalyser, copy_into, fetch_medium
from memorycapsule.services.film.segment_cache import PreparedPlan
from memorycapsule.services.vault import Vault, translate_error
from memorycapsule.store.transactions import Store


@dataclass(frozen=True, kw_only=True)
class PreparedFilm:
    """A film that can be rendered: its plan, the plan's file, and the folder of its pictures."""

    plan: MontagePlan
    plan_file: Path
    #: JSON of the digests of pictures that are known already.
    digests_file: Path
    pictures: Path
    #: What could not be used.
    report: tuple[Omission, ...]
    #: Ids of pictures of the plan that the report speaks of, since they cannot be read any more.
    unreadable: frozenset[str] = frozenset()


def prepare(
    store: Store,
    vault: Vault,
    montage: Montage,
    folder: Path,
    *,
    size: Size,
    fps: int,
    face_model: Path | None = None,
) -> PreparedFilm:
    """
    Write the plan of a film into `folder`, and return where everything is.

    A plan from an earlier attempt is used again, so that the segments which that attempt finished still fit. So
    is a plan that was made while the capsule was sealed, if it fits still; its pictures are not there yet, for
    hardly any may be wanted: see `fetch`. A picture that cannot be read is left out and named in the report.
    Raises DiskFull.
    """
    pictures = folder / "pictures"
    pictures.mkdir(mode=0o700, parents=True, exist_ok=True)
    if song := open_song(store, vault, montage):
        copy_into(song, pictures / SOUNDTRACK_FILE)
    digests: dict[str, str] = {}
    unreadable: dict[str, CapsuleError] = {}
    if montage.plan:
        plan, report = MontagePlan.from_json(montage.plan), list(content_omissions(montage.report))
        unreadable = fetch(store, vault, plan.sources, pictures)
        report += omissions_of(unreadable)
    else:
        material = read_material(store, vault, montage, size, fps)
        prepared = segment_cache.find_plan(store, vault, montage.capsule_id)
        if prepared is None or prepared.fingerprint != material.fingerprint:
            analyser = PictureAnalyser(
                store=store, vault=vault, folder=pictures, face_model=face_model, known=prepared
            )
            tempo = tempo_of(pictures / SOUNDTRACK_FILE) if montage.soundtrack_blob else None
            prepared = _plan_pictures(material, analyser, tempo)
        plan, report, digests = prepared.plan, list(prepared.report), prepared.digests
        montages.note_plan(store, montage, plan.to_json(), tuple(report))
    plan_file, digests_file = write_plan(folder, plan, digests)
    return PreparedFilm(
        plan=plan,
        plan_file=plan_file,
        digests_file=digests_file,
        pictures=pictures,
        report=tuple(report),
        unreadable=frozenset(unreadable),
    )


def plan_sealed(
    store: Store,
    vault: Vault,
    montage: Montage,
    *,
    size: Size,
    fps: int,
    known: PreparedPlan | None,
    folder: Path,
    face_model: Path | None,
    check: Callable[[], None],
) -> PreparedPlan:
    """
    Plan a film of a sealed capsule. A picture lies in `folder`, which is in memory, only while it is analysed.

    What is `known` about pictures from an earlier plan is believed. `check` is called between pictures; what it
    raises comes through.
    """
    material = read_material(store, vault, montage, size, fps)
    analyser = PictureAnalyser(
        store=store,
        vault=vault,
        folder=folder,
        face_model=face_model,
        known=known,
        removes_files=True,
        check=check,
    )
    return _plan_pictures(material, analyser, _tempo_of_sealed(store, vault, montage, folder))


def fetch(
    store: Store, vault: Vault, sources: Iterable[Source | Voice], pictures: Path
) -> dict[str, CapsuleError]:
    """
    Put the prepared forms of pictures and voice notes into a folder, unless they are there.

    Returns by their ids why some cannot be read. Raises what is no fault of theirs (`errors.FROM_OUTSIDE`).
    """
    found = {source.id: fetch_medium(store, vault, source.id, pictures / source.file) for source in sources}
    return {one: error for one, error in found.items() if error}


def write_plan(folder: Path, plan: MontagePlan, digests: Mapping[str, str]) -> tuple[Path, Path]:
    """Write what the renderer reads into a folder, and return where plan and digests are. Raises DiskFull."""
    plan_file, digests_file = folder / "plan.json", folder / "digests.json"
    try:
        plan_file.write_text(plan.to_json(), encoding="utf-8")
        digests_file.write_text(json.dumps(dict(digests)), encoding="utf-8")
    except OSError as error:
        raise translate_error(error) from error
    return plan_file, digests_file


def _tempo_of_sealed(store: Store, vault: Vault, montage: Montage, folder: Path) -> Tempo | None:
    if montage.soundtrack_blob is None:
        return None
    song = folder / SOUNDTRACK_FILE
    try:
        with store.reading() as tx:
            source = vault.source_of(tx, montage.soundtrack_blob)
        copy_into(source.open(), song)
        return tempo_of(song)
    finally:
        song.unlink(missing_ok=True)


def _plan_pictures(material: Material, analyser: PictureAnalyser, tempo: Tempo | None) -> PreparedPlan:
    """Plan a film of the pictures that can be used; `tempo` is that of a song of people's own."""
    capsule, direction = material.capsule, material.direction
    if tempo:
        direction = replace(direction, soundtrack=tempo.with_beat(direction.soundtrack))
    analyser.clip_seconds = direction.style.longest_clip_seconds
    # Nothing can have been put in after the opening, so nothing was taken later.
    usable = select_candidates(
        direction, material.pictures, material.texts, analyse=analyser.analyse, now=capsule.opens_at
    )
    plan = plan_film(material, direction, usable)
    wanted = {source.id for source in plan.sources}
    return PreparedPlan(
        fingerprint=material.fingerprint,
        plan=plan,
        digests={one: analyser.digests[one] for one in sorted(wanted)},
        analyses=analyser.analyses,
        report=(*material.report, *omissions_of(analyser.broken)),
    )
