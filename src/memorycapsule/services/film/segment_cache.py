"""
Segment cache: finished segments, kept so that no film encodes them again, and the plans of films to come.

While a capsule is sealed, so are its segments (`<name>.mp4.age`, age files to the capsule's key); once it is open,
they are plain (`<name>.mp4`). Anything may be missing at any time; then it is made again.
"""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from memorycapsule.domain.capsules import Capsule
from memorycapsule.domain.film.montages import Omission
from memorycapsule.domain.film.picture_analysis import PictureAnalysis
from memorycapsule.domain.film.plan import MontagePlan
from memorycapsule.errors import CapsuleError
from memorycapsule.journal import journal
from memorycapsule.seal import envelopes
from memorycapsule.services.vault import Vault, translate_error
from memorycapsule.store.transactions import Store

_SEALED = ".age"
PLAN = "plan.json.age"
_VERSION = 3


@dataclass(frozen=True, kw_only=True)
class PreparedPlan:
    """The plan of a sealed capsule's film, as it would be if the capsule were opened now."""

    #: Digest of all that the plan was made of: another one means that it does not fit any more.
    fingerprint: str
    plan: MontagePlan
    #: SHA-256 of its pictures by their ids.
    digests: dict[str, str]
    #: What the analysis found in them, by their ids.
    analyses: dict[str, PictureAnalysis]
    #: What could not be used.
    report: tuple[Omission, ...]


def sealed_name(name: str) -> str:
    """Return what the cache calls the sealed file of a segment."""
    return file_name(name) + _SEALED


def file_name(name: str) -> str:
    """Return what the renderer calls the file of a segment."""
    return f"{name}.mp4"


def key_of(vault: Vault, capsule_id: str) -> bytes:
    """Return the key that names the segments of a capsule: names tell nobody else what is seen."""
    return vault.key.token("segments", capsule_id, 1).encode()


def fetch(store: Store, vault: Vault, capsule_id: str, names: Iterable[str], folder: Path) -> None:
    """
    Put those segments of an open capsule that are in the cache into `folder`, unless they are there already.

    What is damaged is dropped and left to be made again. Raises DiskFull.
    """
    identity = ""
    for name in names:
        to = folder / file_name(name)
        if to.exists():
            continue
        half = to.with_name(f"{to.name}.half")
        try:
            if plain := vault.cache.find(capsule_id, to.name):
                half.unlink(missing_ok=True)
                _link(plain, half)
            elif sealed := vault.cache.find(capsule_id, to.name + _SEALED):
                if not identity:
                    with store.reading() as tx:
                        unsealer = vault.unsealer(tx, capsule_id)
                    identity = unsealer.identity
                with sealed.open("rb") as source, half.open("wb") as sink:
                    envelopes.unseal_stream(source, sink, identity)
            else:
                continue
            half.replace(to)
        except FileNotFoundError:
            continue  # removed in this very moment
        except envelopes.DamagedEnvelope:
            half.unlink(missing_ok=True)
            vault.cache.drop(capsule_id, [to.name + _SEALED])
        except OSError as error:
            half.unlink(missing_ok=True)
            raise translate_error(error) from error


def keep_open(vault: Vault, capsule_id: str, folder: Path) -> None:
    """Keep all segments of an open capsule that lie in `folder`, and drop its sealed ones."""
    for path in sorted(folder.glob("*.mp4")):
        vault.cache.keep_file(capsule_id, path.name, path)
    vault.cache.drop(capsule_id, sealed_names(vault, capsule_id))


def sealed_names(vault: Vault, capsule_id: str) -> set[str]:
    """Return the names of a capsule's sealed files in the cache."""
    return {name for name in vault.cache.names(capsule_id) if name.endswith(_SEALED)}


def keep_sealed(vault: Vault, capsule: Capsule, name: str, segment: Path, pinned: Collection[str]) -> bool:
    """
    Keep a segment of a sealed capsule, and say whether there was room.

    The cache drops no segments of the capsules whose ids are in `pinned` for it.
    """
    with segment.open("rb") as source:
        return vault.cache.keep(
            capsule.id,
            sealed_name(name),
            lambda sink: envelopes.seal_stream(source, sink, capsule.recipient),
            pinned=pinned,
        )


def has_sealed(vault: Vault, capsule_id: str, name: str) -> bool:
    """Say whether a segment of a sealed capsule is there; it counts as used then."""
    return vault.cache.find(capsule_id, sealed_name(name)) is not None


def keep_only(vault: Vault, capsule_id: str, names: Iterable[str]) -> None:
    """Drop all segments of a sealed capsule but the named ones."""
    wanted = {sealed_name(name) for name in names} | {PLAN}
    vault.cache.drop(capsule_id, vault.cache.names(capsule_id) - wanted)


def keep_plan(vault: Vault, capsule: Capsule, prepared: PreparedPlan, pinned: Collection[str]) -> bool:
    """Keep the plan of a sealed capsule's film, sealed, and say whether there was room."""
    fields = {
        "v": _VERSION,
        "fingerprint": prepared.fingerprint,
        "plan": prepared.plan.to_json(),
        "digests": prepared.digests,
        "analyses": {one: asdict(analysis) for one, analysis in prepared.analyses.items()},
        "report": [asdict(omission) for omission in prepared.report],
    }
    plain = json.dumps(fields, ensure_ascii=False).encode()
    return vault.cache.keep(
        capsule.id,
        PLAN,
        lambda sink: envelopes.seal_stream(io.BytesIO(plain), sink, capsule.recipient),
        pinned=pinned,
    )


def find_plan(store: Store, vault: Vault, capsule_id: str) -> PreparedPlan | None:
    """Return the plan that was prepared for a capsule's film; None if there is none that can be used."""
    path = vault.cache.find(capsule_id, PLAN)
    if path is None:
        return None
    with store.reading() as tx:
        unsealer = vault.unsealer(tx, capsule_id)
    try:
        fields = json.loads(envelopes.unseal_bytes(path.read_bytes(), unsealer.identity))
        if fields["v"] != _VERSION:
            return None
        return PreparedPlan(
            fingerprint=fields["fingerprint"],
            plan=MontagePlan.from_json(fields["plan"]),
            digests=fields["digests"],
            analyses={one: PictureAnalysis(**analysis) for one, analysis in fields["analyses"].items()},
            report=tuple(Omission(**omission) for omission in fields["report"]),
        )
    except (CapsuleError, OSError, ValueError, KeyError, TypeError) as error:
        # Damaged, or of another version of the program.
        journal.info("plan.unusable", capsule=capsule_id, error=type(error).__name__)
        return None


def _link(source: Path, to: Path) -> None:
    try:
        to.hardlink_to(source)
    except FileNotFoundError:
        raise
    except OSError:  # another file system, or one without hard links
        to.write_bytes(source.read_bytes())
