"""What the camera says about a photo is kept with it, sealed."""

import io
from dataclasses import replace
from datetime import UTC, datetime

from memorycapsule.services import reading, stories
from support.cast import add_story, make_photo, prepare
from support.moments import NOW

CAMERA = "0123456789abcdef"
GPS_AT = datetime(2026, 7, 1, 10, 30, 4, 500_000, tzinfo=UTC)


def test_camera_and_satellites_are_kept_with_the_photo_and_sealed(stage):
    def prepared(upload):
        return replace(prepare(upload), camera=CAMERA, gps_at=GPS_AT)

    story = add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=0)
    stories.attach(
        stage.instance.store, stage.instance.vault, prepared, stage.ben.viewer, story.id,
        file="a.jpg", upload=io.BytesIO(make_photo()), clock=lambda: NOW,
    )  # fmt: skip
    (shown,) = reading.story(stage.instance.store, stage.instance.vault, stage.ben.viewer, story.id).media

    assert (shown.details.camera, shown.details.gps_at) == (CAMERA, GPS_AT)
    assert CAMERA.encode() not in shown.medium.details
