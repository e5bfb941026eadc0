"""The sample photos and clips come out as their facts say, and the broken ones harm nothing."""

import subprocess
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest

from memorycapsule import processes
from memorycapsule.errors import MediaRefused, Refusal
from memorycapsule.media.metadata.exif import camera_mark
from support.refusals import file_refused

#: One of each kind, for every run; the rest are in the slow table.
QUICK = [
    "iphonexs_two_images_empty_icc.heic",
    "galaxys1_o6_gps.jpg",
    "nikon_d5000_gps_altitude_only.jpg",
    "canon7d_adobergb.jpg",
    "cmyk_photo.jpg",
    "gray_o6_face.jpg",
    "palette_chart.png",
    "rgba16_tiny.png",
    "animated.gif",
    "iphonex_o6_gps.webp",
    "photo_deflate.tif",
    "hopper.bmp",
    "orientation/Landscape_5.jpg",
    "orientation/Portrait_8.jpg",
    "dates/seoul_offset_0900.jpg",
    "dates/zero_date.jpg",
    "bad/heic_inside.jpg",
    "bad/exif_orientation_9.jpg",
    "bad/icc_garbage.jpg",
    "video/iphone6_rot90_h264.mov",
    "bad/one_frame.mp4",
]
#: What is visibly broken, and what is wrong with it.
BROKEN = {
    "bad/truncated_60pct.jpg": Refusal.PICTURE_INCOMPLETE,
    "bad/zeros_second_half.jpg": Refusal.PICTURE_INCOMPLETE,
    "bad/bitflips_middle.jpg": Refusal.PICTURE_SCRAMBLED,
    "bad/truncated_50pct.png": Refusal.PICTURE_INCOMPLETE,
    "bad/truncated_50pct.heic": Refusal.PICTURE_INCOMPLETE,
    "bad/truncated_with_index.mp4": Refusal.SECONDS_MISSING,
    "bad/truncated_no_index.mp4": Refusal.INDEX_MISSING,
    "bad/bomb_900_scans.jpg": Refusal.TOO_MANY_SCANS,
    "bad/playlist_named.mp4": Refusal.PLAYLIST,
    "bad/silence_3s.mp3": Refusal.SILENT,
}
WIDE_GAMUT = {"Display P3", "Adobe RGB (1998)", "DCI-P3 D65 Gamut with sRGB Transfer"}


def first_frame(clip, facts) -> np.ndarray:
    """BGR pixels of the first frame, as ffmpeg reads it."""
    done = subprocess.run(
        [processes.ffmpeg_path(), "-v", "error", "-i", "-", "-frames:v", "1", "-f", "image2pipe", "-c:v", "png", "-"],
        input=clip.read(), capture_output=True, check=True,
    )  # fmt: skip
    return cv2.imdecode(np.frombuffer(done.stdout, np.uint8), cv2.IMREAD_COLOR)


#: Facts tell of EXIF's DateTimeOriginal in its own form alone: when others were taken, by another form or place.
ELSEWHERE = {
    "applevisionpro_spatial_two_images.heic": "2024-04-22T14:38:09+02:00",
    "bad/exif_date_iso.jpg": "2021-03-04T10:11:12",
    "cmyk_many_icc_segments.jpg": "2014-12-18T17:36:40-02:00",
    "cmyk_photo.jpg": "2009-03-06T22:15:00+01:00",
    "dates/blank_date.jpg": "2003-09-10T20:59:18",
    "dates/gps_date_only.jpg": "2023-11-15T12:30:00+00:00",
    "palette_chart.png": "2007-02-13T06:34:38",
    "photo_deflate.tif": "2013-07-01T13:44:41+04:00",
}


def taken(facts) -> tuple[datetime | None, int | None]:
    """When the facts say it was taken: wall time and offset in seconds."""
    text, offset = facts.get("exif_datetime_original"), facts.get("exif_offset_original")
    if facts["kind"] == "video":
        text = facts.get("creation_date_local") or facts.get("creation_date_utc", "0000") + "+00:00"
        text, offset = text[:19], text[19:]
        if text.startswith("0000"):
            return None, None
    elif elsewhere := ELSEWHERE.get(facts["file"]):
        text, offset = elsewhere[:19].replace("-", ":").replace("T", " "), elsewhere[19:]
    elif not facts["exif_datetime_valid"]:
        return None, None
    aware = datetime.strptime(text + (offset or ""), "%Y:%m:%d %H:%M:%S" + ("%z" if offset else ""))
    return aware.replace(tzinfo=None), int(aware.utcoffset().total_seconds()) if offset else None


def differences(sample, prepared, quarters) -> list[str]:
    """What is not as the facts say, in words."""
    facts = sample.facts
    found = []
    if (prepared.width, prepared.height) != (facts["width"], facts["height"]):
        found.append(f"size {prepared.width}x{prepared.height}")
    said = prepared.taken and (prepared.taken.local.replace(microsecond=0), prepared.taken.offset_seconds)
    if (said or (None, None)) != taken(facts):
        found.append(f"taken {prepared.taken}, not {taken(facts)}")
    if "has_gps" in facts and prepared.has_gps != facts["has_gps"]:
        found.append(f"has_gps {prepared.has_gps}")
    if prepared.kind == "clip":
        # The facts count the whole file; what is shown ends with the picture, in thirtieths of a second.
        if abs(prepared.duration_seconds - facts["duration_s"]) > 0.1:
            found.append(f"duration {prepared.duration_seconds}")
        if prepared.has_sound != facts["has_audio"]:
            found.append(f"has_sound {prepared.has_sound}")
    if "mean_rgb_2x2" in facts:
        picture = first_frame(prepared.clip, facts) if prepared.clip else prepared.display
        off = np.abs(quarters(picture) - facts["mean_rgb_2x2"]).max()
        if off > (25 if facts.get("icc") in WIDE_GAMUT else 6):
            found.append(f"colour off by {off:.0f}")
    return [f"{facts['file']}: {difference}" for difference in found]


@pytest.mark.parametrize("name", QUICK)
def test_a_sample_comes_out_as_its_facts_say(samples, prepare, quarters, name):
    sample = samples[name]

    assert differences(sample, prepare(sample.path), quarters) == []


@pytest.mark.slow
def test_every_good_sample_comes_out_as_its_facts_say(samples, prepare, quarters):
    good = [
        sample
        for sample in samples.values()
        if sample.facts["expect"] == "accept" and sample.facts["kind"] in {"image", "video"}
    ]
    found = [line for sample in good for line in differences(sample, prepare(sample.path), quarters)]

    assert len(good) > 90
    assert found == []


@pytest.fixture(scope="module")
def refused(samples, decoders):
    """What each broken sample is refused with, by its name; those that may be taken, and are, are not there."""
    found = {}
    for name, sample in samples.items():
        if name in BROKEN or (name.startswith("bad/") and sample.facts["expect"] != "accept"):
            try:
                with sample.path.open("rb") as upload:
                    prepared = decoders.prepare(upload)
            except MediaRefused as refusal:
                found[name] = refusal
            else:
                if prepared.clip is not None:
                    prepared.clip.close()
    return found


@pytest.mark.slow
def test_every_broken_sample_is_refused_or_taken(samples, refused):
    """Those marked `reject` are refused; the rest of `bad/` may be either, but nothing crashes."""
    to_be_refused = {
        name
        for name, sample in samples.items()
        if name.startswith("bad/") and sample.facts["expect"] == "reject"
    }

    assert to_be_refused
    assert to_be_refused - refused.keys() == set()


@pytest.mark.parametrize(("name", "refusal"), BROKEN.items())
@pytest.mark.slow
def test_what_is_visibly_broken_is_never_taken_without_a_word(refused, name, refusal):
    with file_refused(refusal):
        raise refused[name]


def test_a_jpeg_that_only_lacks_its_closing_bytes_is_taken(samples, prepare, quarters):
    whole, cut = prepare(samples["bad/own_base.jpg"].path), prepare(samples["bad/no_eoi.jpg"].path)

    assert np.abs(quarters(whole.display) - quarters(cut.display)).max() < 3


def test_cameras_and_the_time_of_the_satellites_come_with_the_photo(samples, prepare):
    pixel, iphone, undated = (
        prepare(samples[name].path)
        for name in ("pixel1_gps.jpg", "display_p3_from_iphone7.jpg", "iphone4_gps.jpg")
    )
    clip = prepare(samples["video/iphone6_rot90_h264.mov"].path)

    assert pixel.gps_at == datetime(2018, 7, 25, 14, 34, 23, tzinfo=UTC)
    assert iphone.gps_at == datetime(2019, 3, 21, 16, 4, 21, 10_000, tzinfo=UTC)
    # A time of day without its day is none.
    assert undated.gps_at is None
    assert pixel.camera == camera_mark("Google", "Pixel")
    assert clip.camera == camera_mark("Apple", "iPhone 6")
    assert len({pixel.camera, iphone.camera, undated.camera, clip.camera}) == 4


@pytest.mark.slow
def test_the_two_hundred_megapixel_heic_is_taken(samples, prepare):
    prepared = prepare(samples["galaxys24ultra_200mp.heic"].path)

    assert (prepared.width, prepared.height) == (12240, 16320)
    assert cv2.imdecode(np.frombuffer(prepared.display, np.uint8), cv2.IMREAD_COLOR).shape == (2560, 1920, 3)
