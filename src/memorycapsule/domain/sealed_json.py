"""
The JSON inside what is sealed: a story's words, what is known about a medium, and what a sender said about a file.

What is sealed outlives the program that sealed it, and no migration can reach inside. So it says its version, later
names are added with a default, and names that this program does not know are passed over.
"""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime
from typing import Any

from memorycapsule.domain.capture_times import CaptureTime, TakenForm
from memorycapsule.domain.stories import MediumDetails, Missing, StoryWords
from memorycapsule.domain.uploads import UploadMetadata
from memorycapsule.errors import CapsuleError

SEALED_VERSION = 1


def words_to_json(words: StoryWords) -> bytes:
    return _to_json(dataclasses.asdict(words))


def words_from_json(plain: bytes) -> StoryWords:
    """Read what `words_to_json` wrote. Raises CapsuleError when it is damaged."""
    return StoryWords(**_known(StoryWords, _stored(plain)))


def details_to_json(details: MediumDetails) -> bytes:
    fields = dataclasses.asdict(details)
    taken = details.taken
    del fields["taken"]
    fields["taken_local"] = taken.local.isoformat() if taken else None
    fields["taken_offset_seconds"] = taken.offset_seconds if taken else None
    fields["taken_form"] = taken.form if taken else None
    fields["gps_at"] = details.gps_at.isoformat() if details.gps_at else None
    return _to_json(fields)


def details_from_json(plain: bytes) -> MediumDetails:
    """Read what `details_to_json` wrote. Raises CapsuleError when it is damaged."""
    stored = _stored(plain)
    fields = _known(MediumDetails, stored)
    if fields.get("gps_at"):
        fields["gps_at"] = datetime.fromisoformat(fields["gps_at"])
    return MediumDetails(taken=_taken(stored), **_with_missing(fields))


def _taken(stored: dict[str, Any]) -> CaptureTime | None:
    local, offset = stored["taken_local"], stored["taken_offset_seconds"]
    if local is None:
        return None
    # Before forms were kept, UTC without a place was written as an offset of zero. Only clips and voice notes had it.
    is_old_instant = offset == 0 and stored["duration_seconds"] is not None
    form = stored.get("taken_form") or (TakenForm.INSTANT if is_old_instant else TakenForm.TIME)
    # Of a form that only a later program knows, the time is what can be told.
    known = TakenForm(form) if form in set(TakenForm) else TakenForm.TIME
    return CaptureTime(local=datetime.fromisoformat(local), offset_seconds=offset, form=known)


def metadata_to_json(about: UploadMetadata) -> bytes:
    return _to_json(dataclasses.asdict(about))


def metadata_from_json(plain: bytes) -> UploadMetadata:
    """Read what `metadata_to_json` wrote. Raises CapsuleError when it is damaged."""
    return UploadMetadata(**_with_missing(_known(UploadMetadata, _stored(plain))))


def _with_missing(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields with what is missing as this program knows it; words of a later one are passed over."""
    words = fields.get("missing", ())
    return {**fields, "missing": tuple(one for one in Missing if one in words)}


def _to_json(fields: dict[str, Any]) -> bytes:
    return json.dumps({"v": SEALED_VERSION, **fields}, ensure_ascii=False).encode()


def _known(
    value: type[StoryWords | MediumDetails | UploadMetadata], stored: dict[str, Any]
) -> dict[str, Any]:
    names = {field.name for field in dataclasses.fields(value)}
    return {name: one for name, one in stored.items() if name in names}


def _stored(plain: bytes) -> dict[str, Any]:
    try:
        return dict(json.loads(plain))
    except (ValueError, TypeError) as error:
        raise CapsuleError("contents_damaged") from error
