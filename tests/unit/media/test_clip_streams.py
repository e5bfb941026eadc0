"""What ffmpeg says of a clip is understood, whatever the codec and however much it says."""

import pytest

from memorycapsule.errors import Refusal
from memorycapsule.media.clip_streams import read_streams
from support.refusals import file_refused

BEGIN = "Input #0, mov,mp4,m4a,3gp,3g2,mj2, from '/dev/fd/7':\n  Metadata:\n    major_brand     : qt  \n"


def described(*streams: str, length: str = "00:00:02.50") -> bytes:
    lines = [f"  Duration: {length}, start: 0.000000, bitrate: 198 kb/s\n"]
    lines += [f"  Stream #0:{place}{one}\n" for place, one in enumerate(streams)]
    return (BEGIN + "".join(lines) + "At least one output file must be specified\n").encode()


def picture(line: str):
    return read_streams(described(f"[0x1](und): Video: {line}")).picture


@pytest.mark.parametrize(
    ("line", "matrix", "primaries", "transfer"),
    [
        ("h264 (High) (avc1 / 0x31637661), yuv420p(tv, bt709, progressive), 960x480, 10 kb/s", "bt709", "bt709", "bt709"),
        ("h264 (High) (avc1 / 0x31637661), yuv420p(progressive), 1920x1080, 22 kb/s, 30 fps", "bt709", "unknown", "unknown"),
        ("h264 (Constrained Baseline) (avc1 / 0x31637661), yuv420p, 640x480 [SAR 1:1 DAR 4:3], 9 kb/s", "smpte170m", "unknown", "unknown"),
        ("h264 (High) (avc1 / 0x31637661), yuv420p(tv, gbr/bt709/bt709, progressive), 1280x720", "bt709", "bt709", "bt709"),
        ("h264 (High) (avc1 / 0x31637661), yuv420p(gbr/unknown/unknown), 640x360", "smpte170m", "unknown", "unknown"),
        ("h264 (High) (avc1 / 0x31637661), yuvj420p(pc, smpte170m/bt709/bt709), 1920x1080", "smpte170m", "bt709", "bt709"),
        ("hevc (Main 10) (hvc1 / 0x31637668), yuv420p10le(tv, bt2020nc/bt2020/arib-std-b67, progressive), 1920x1080, 8 kb/s", "bt2020nc", "bt2020", "arib-std-b67"),
        ("hevc (Main 10) (hvc1 / 0x31637668), yuv420p10le(tv, unknown/unknown/smpte2084), 640x360", "bt2020nc", "bt2020", "smpte2084"),
        ("hevc (Main) (hvc1 / 0x31637668), yuv420p(tv, bt709/smpte432/bt709), 1920x1080", "bt709", "smpte432", "bt709"),
        ("prores (HQ) (apch / 0x68637061), yuv422p10le(tv, bt709, top coded first (swapped)), 1440x1080, 69 kb/s, SAR 4:3 DAR 16:9", "bt709", "bt709", "bt709"),
        ("mjpeg (Baseline) (jpeg / 0x6765706A), yuvj420p(pc, bt470bg/unknown/unknown, top first), 720x576 [SAR 1:1 DAR 5:4]", "bt470bg", "unknown", "unknown"),
        ("mpeg4 (Advanced Simple Profile) (mp4v / 0x7634706D), yuv420p, 352x288 [SAR 1:1 DAR 11:9]", "smpte170m", "unknown", "unknown"),
        ("hevc (Main 10) (hvc1 / 0x31637668), yuv420p10le(tv, bt2020c/bt2020/smpte2084), 640x360", "bt2020nc", "bt2020", "smpte2084"),
        ("hevc (Main 10) (dvh1 / 0x31687664), yuv420p10le(pc, ictcp/bt2020/smpte2084), 1920x1080", "bt2020nc", "bt2020", "smpte2084"),
        ("hevc (Main 10) (dvh1 / 0x31687664), yuv420p10le(pc, ipt-c2/reserved/smpte2084), 1920x1080", "bt2020nc", "bt2020", "smpte2084"),
        ("h264 (High) (avc1 / 0x31637661), yuv420p(tv, chroma-derived-nc/bt709/bt709), 1280x720", "bt709", "bt709", "bt709"),
        ("h264 (High) (avc1 / 0x31637661), yuv420p(tv, ycgco/unknown/unknown), 640x360", "smpte170m", "unknown", "unknown"),
        ("h264 (High) (avc1 / 0x31637661), yuv420p(tv, reserved/reserved/reserved), 640x360", "smpte170m", "reserved", "reserved"),
        ("h264 (avc1 / 0x31637661), none, 720x1280, 9 kb/s", "bt709", "unknown", "unknown"),
    ],
)  # fmt: skip
def test_colours_of_a_picture_are_read_or_guessed_by_its_size(line, matrix, primaries, transfer):
    found = picture(line)

    assert (found.matrix, found.primaries, found.transfer) == (matrix, primaries, transfer)


@pytest.mark.parametrize(
    ("size", "matrix"),
    [
        ("1280x534", "bt709"),
        ("534x1280", "bt709"),
        ("1279x719", "smpte170m"),
        ("960x720", "bt709"),
        ("720x576", "smpte170m"),
        ("720x720", "bt709"),
    ],
)
def test_a_picture_of_1280_or_720_is_high_definition_whichever_way_it_stands(size, matrix):
    assert picture(f"h264 (High) (avc1 / 0x31637661), yuv420p(progressive), {size}, 22 kb/s").matrix == matrix


@pytest.mark.parametrize(
    ("line", "first", "has_frame_flags"),
    [
        ("h264 (High) (avc1 / 0x31637661), yuv420p(top first), 352x288 [SAR 1:1 DAR 11:9]", "top", True),
        ("h264 (High) (avc1 / 0x31637661), yuv420p(tv, bt709, bottom first), 352x288", "bottom", True),
        ("dvvideo (dvcp / 0x70637664), yuv420p(bottom coded first (swapped)), 720x576 [SAR 16:15 DAR 4:3]", "bottom", True),
        ("mjpeg (Baseline) (jpeg / 0x6765706A), yuvj420p(pc, top first), 720x576", "top", False),
        ("h264 (High) (avc1 / 0x31637661), yuv420p(progressive), 352x288", "", True),
        ("mpeg4 (Simple Profile) (mp4v / 0x7634706D), yuv420p, 352x288", "", True),
    ],
)  # fmt: skip
def test_the_order_of_fields_is_read(line, first, has_frame_flags):
    found = picture(line)

    assert (found.first_field, found.has_frame_flags) == (first, has_frame_flags)


def test_pixels_that_are_no_squares_are_read():
    line = (
        "h264 (High) (HDMV / 0x564D4448), yuv420p(tv, bt709, top first), 1440x1080 [SAR 4:3 DAR 16:9], 25 fps"
    )
    found = read_streams(
        described(f"[0x1011]: Video: {line}", "[0x1100]: Audio: ac3 (AC-3 / 0x332D4341), 48000 Hz, stereo")
    )

    assert (found.picture.width, found.picture.height) == (1440, 1080)
    assert found.picture.pixel_aspect == pytest.approx(4 / 3)
    assert (found.sound_tracks, found.seconds) == (1, 2.5)


def test_a_cover_is_no_picture_of_a_clip_and_what_a_title_says_is_no_stream():
    title = "  Metadata:\n    title           : Stream #0:0: Video: h264 (High), yuv420p(gbr), 64x36\n"
    streams = described(
        "[0x1](und): Audio: aac (LC) (mp4a / 0x6134706D), 48000 Hz, stereo",
        "[0x0]: Video: mjpeg (Baseline), yuvj420p(pc), 300x300, 90k tbr (attached pic)",
        "[0x2](und): Video: h264 (High) (avc1 / 0x31637661), yuv420p(tv, bt709), 960x540, 88 kb/s",
        length="N/A",
    )
    found = read_streams(title.encode() + streams)

    assert (found.picture.width, found.picture.height) == (960, 540)
    assert (found.sound_tracks, found.seconds) == (1, 0.0)


@pytest.mark.parametrize("said", [b"", described(), described("[0x1]: Video: none (xyz1 / 0x317A7978)")])
def test_a_clip_of_which_nothing_is_known_cannot_be_played(said):
    with file_refused(Refusal.CLIP_UNPLAYABLE):
        read_streams(said)
