"""Clips of camcorders and recorders are taken as they come off the card: streams without an index."""

import subprocess
from datetime import datetime

import pytest

from memorycapsule import processes
from memorycapsule.domain.stories import Missing
from memorycapsule.errors import Refusal
from memorycapsule.media import clips
from support.refusals import file_refused

#: What a camcorder writes into its picture: 6 August 2011, 16:05:59, nine hours east of Greenwich.
_RECORDED = "h264_metadata=sei_user_data=17ee8c60-f84d-11d9-8cd6-0800200c9a66+MDPM" + (
    b"\x02\x18\x12\x20\x11\x08\x19\x06\x16\x05\x59".decode()
)
_CAMCORDER = ("-mpegts_m2ts_mode", "1", "-f", "mpegts")


def made(path, *arguments: str, size: str = "320x240", seconds: float = 1.0):
    sources = (
        "-f",
        "lavfi",
        "-i",
        f"testsrc2=s={size}:r=25:d={seconds}",
        "-f",
        "lavfi",
        "-i",
        f"sine=d={seconds}:r=48000",
    )
    subprocess.run(
        [processes.ffmpeg_path(), "-v", "error", "-y", *sources, *arguments, str(path)], check=True
    )  # fmt: skip
    return path


@pytest.mark.slow
def test_a_clip_of_a_camcorder_is_as_it_was_recorded(tmp_path, prepare):
    path = made(
        tmp_path / "00001.MTS",
        *("-vf", "setsar=4/3", "-c:v", "libx264", "-bsf:v", _RECORDED, "-c:a", "ac3", *_CAMCORDER),
        size="360x270",
    )
    prepared = prepare(path)

    assert (prepared.kind, prepared.format) == ("clip", "MTS")
    assert (prepared.width, prepared.height) == (480, 270)
    assert prepared.duration_seconds == pytest.approx(1, abs=0.1)
    assert (prepared.has_sound, prepared.missing) == (True, ())
    assert prepared.taken.local == datetime(2011, 8, 6, 16, 5, 59)
    assert prepared.taken.offset_seconds == 9 * 3600


@pytest.mark.slow
@pytest.mark.parametrize(
    "encoding",
    [
        ("-c:v", "mpeg2video", "-c:a", "mp2"),
        ("-c:v", "libx264", "-c:a", "aac"),
        ("-c:v", "libx265", "-x265-params", "log-level=none", "-c:a", "ac3"),
        ("-c:v", "libx264", "-c:a", "pcm_bluray", "-mpegts_m2ts_mode", "1"),
        ("-c:v", "libx264", "-an"),
    ],
    ids=["MPEG-2", "H.264", "HEVC", "Blu-ray", "silent"],
)
def test_streams_of_recorders_are_taken(tmp_path, prepare, encoding):
    prepared = prepare(made(tmp_path / "clip.ts", *encoding, "-f", "mpegts"))

    assert (prepared.format, prepared.width, prepared.height) == ("MTS", 320, 240)
    assert prepared.duration_seconds == pytest.approx(1, abs=0.15)
    assert prepared.has_sound == ("-an" not in encoding)
    assert prepared.taken is None


@pytest.mark.slow
def test_a_stream_that_is_cut_off_shows_what_there_is(tmp_path, prepare):
    path = made(tmp_path / "clip.mts", "-c:v", "libx264", "-g", "5", "-c:a", "ac3", *_CAMCORDER, seconds=2)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2 + 77])
    prepared = prepare(path)

    assert 0.5 < prepared.duration_seconds < 1.6


@pytest.mark.slow
def test_a_stream_whose_sound_is_unknown_is_silent_and_says_so(tmp_path, prepare):
    path = made(
        tmp_path / "clip.ts", "-c:v", "libx264", "-c:a", "mp2", "-bsf:a", "noise=amount=1", "-f", "mpegts"
    )
    prepared = prepare(path)

    assert (prepared.has_sound, prepared.missing) == (False, (Missing.SOUND,))


@pytest.mark.slow
def test_a_stream_that_is_too_long_is_refused_before_it_is_converted(tmp_path, prepare, monkeypatch):
    path = made(tmp_path / "clip.ts", "-c:v", "mpeg2video", "-an", "-f", "mpegts", seconds=2)
    monkeypatch.setattr(clips, "MOST_SECONDS", 1.0)

    with file_refused(Refusal.CLIP_TOO_LONG):
        prepare(path)


@pytest.mark.parametrize("length", [188, 192])
def test_packets_that_carry_nothing_are_no_clip(tmp_path, prepare, length):
    path = tmp_path / "clip.mts"
    path.write_bytes(200 * (bytes(length - 188) + b"G" + bytes(187)))

    with file_refused(Refusal.CLIP_UNPLAYABLE):
        prepare(path)
