"""What is sealed is read by older and by newer programs than the one that sealed it."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from memorycapsule.domain.capture_times import CaptureTime, TakenForm
from memorycapsule.domain.sealed_json import details_from_json, details_to_json
from memorycapsule.domain.stories import MediumDetails

DETAILS = MediumDetails(
    file="a.jpg", sha256="0" * 64, bytes=1, format="JPEG", width=4, height=3,
    taken=CaptureTime(local=datetime(2026, 7, 1, 12, 30, 5, 250_000), offset_seconds=7200), has_gps=True,
    duration_seconds=None, has_sound=False, caption="At the pier",
    camera="0123456789abcdef", gps_at=datetime(2026, 7, 1, 10, 30, 4, 500_000, tzinfo=UTC),
)  # fmt: skip


def test_details_come_back_as_they_were():
    assert details_from_json(details_to_json(DETAILS)) == DETAILS
    assert details_from_json(details_to_json(replace(DETAILS, gps_at=None, taken=None))) == replace(
        DETAILS, gps_at=None, taken=None
    )


def test_details_from_before_cameras_were_told_apart_are_read():
    fields = json.loads(details_to_json(DETAILS))
    old = {name: value for name, value in fields.items() if name not in {"camera", "gps_at"}}

    assert details_from_json(json.dumps(old).encode()) == replace(DETAILS, camera="", gps_at=None)


def test_what_a_later_program_adds_is_passed_over():
    fields = json.loads(details_to_json(DETAILS))

    assert details_from_json(json.dumps(fields | {"mood": "happy"}).encode()) == DETAILS


@pytest.mark.parametrize(
    "taken",
    [CaptureTime.of_instant(datetime(2023, 12, 31, 15, 5)), CaptureTime.of_day(date(2024, 5, 1))],
    ids=["instant", "day"],
)
def test_an_instant_and_a_day_come_back_as_what_they_are(taken):
    known = replace(DETAILS, taken=taken)

    assert details_from_json(details_to_json(known)) == known


@pytest.mark.parametrize(
    ("offset", "seconds", "form"),
    [
        (0, 12.5, TakenForm.INSTANT), (0, None, TakenForm.TIME), (32400, 12.5, TakenForm.TIME),
        (None, None, TakenForm.TIME),
    ],
)  # fmt: skip
def test_utc_of_a_clip_from_before_forms_were_kept_has_no_place(offset, seconds, form):
    fields = json.loads(details_to_json(DETAILS))
    del fields["taken_form"]
    old = fields | {"taken_offset_seconds": offset, "duration_seconds": seconds}

    assert details_from_json(json.dumps(old).encode()).taken == CaptureTime(
        local=datetime(2026, 7, 1, 12, 30, 5, 250_000), offset_seconds=offset, form=form
    )
