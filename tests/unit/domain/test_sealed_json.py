"""What is sealed is read by older and by newer programs than the one that sealed it."""

import json
from dataclasses import replace
from datetime import UTC, datetime

from memorycapsule.domain.sealed_json import details_from_json, details_to_json
from memorycapsule.domain.stories import MediumDetails

DETAILS = MediumDetails(
    file="a.jpg", sha256="0" * 64, bytes=1, format="JPEG", width=4, height=3,
    taken_local=datetime(2026, 7, 1, 12, 30, 5), taken_offset_seconds=7200, has_gps=True,
    duration_seconds=None, has_sound=False, caption="At the pier",
    camera="0123456789abcdef", gps_at=datetime(2026, 7, 1, 10, 30, 4, 500_000, tzinfo=UTC),
)  # fmt: skip


def test_details_come_back_as_they_were():
    assert details_from_json(details_to_json(DETAILS)) == DETAILS
    assert details_from_json(details_to_json(replace(DETAILS, gps_at=None, taken_local=None))) == replace(
        DETAILS, gps_at=None, taken_local=None
    )


def test_details_from_before_cameras_were_told_apart_are_read():
    fields = json.loads(details_to_json(DETAILS))
    old = {name: value for name, value in fields.items() if name not in {"camera", "gps_at"}}

    assert details_from_json(json.dumps(old).encode()) == replace(DETAILS, camera="", gps_at=None)


def test_what_a_later_program_adds_is_passed_over():
    fields = json.loads(details_to_json(DETAILS))

    assert details_from_json(json.dumps(fields | {"mood": "happy"}).encode()) == DETAILS
