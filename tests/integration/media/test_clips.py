"""Clips become one kind of file that every browser and the film can play."""

import io
import os
import re
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from memorycapsule import processes
from memorycapsule.domain.stories import Missing
from memorycapsule.errors import CapsuleError, DiskFull, MediaRefused, Refusal
from memorycapsule.media import clips
from support.clip_sounds import clip_with_tones
from support.refusals import file_refused


def described(clip) -> str:
    """How ffmpeg describes a clip."""
    clip.seek(0)
    done = subprocess.run(
        [processes.ffmpeg_path(), "-hide_banner", "-i", "-"],
        input=clip.read(),
        capture_output=True,
        check=False,
    )
    return done.stderr.decode()


def made(path, *arguments: str):
    """A clip made by ffmpeg."""
    subprocess.run([processes.ffmpeg_path(), "-v", "error", "-y", *arguments, str(path)], check=True)
    return path


def grey(path, transfer: str, level: int):
    """A 10-bit HEVC clip of one grey; `level` is the limited-range code, 64..940."""
    return made(
        path, "-f", "lavfi", "-i", "color=black:s=64x36:r=30:d=0.2",
        "-vf", f"format=yuv420p10le,geq=lum={level}:cb=512:cr=512",
        "-c:v", "libx265", "-x265-params",
        f"log-level=none:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc", "-tag:v", "hvc1",
    )  # fmt: skip


def test_a_display_clip_plays_everywhere_and_says_nothing(samples, prepare):
    prepared = prepare(samples["video/iphone6_rot90_h264.mov"].path)
    description = described(prepared.clip)
    prepared.clip.seek(0)
    content = prepared.clip.read()

    assert re.search(
        r"Video: h264 \(High\).*yuv420p\(tv, bt709, progressive\), 320x568.* 30 fps", description
    )
    assert re.search(r"Audio: aac .*48000 Hz, stereo", description)
    assert content.index(b"moov") < content.index(b"mdat")
    assert not re.search(rb"Apple|iPhone|2019|\+32\.0929|quicktime|x264 - core", content)


@pytest.mark.slow
def test_a_poster_is_a_frame_of_the_clip(samples, prepare):
    prepared = prepare(samples["video/iphone6_rot90_h264.mov"].path)
    prepared.clip.seek(0)
    done = subprocess.run(
        [processes.ffmpeg_path(), "-v", "error", "-i", "-", "-ss", "1", "-frames:v", "1", "-f", "image2pipe", "-c:v", "png", "-"],
        input=prepared.clip.read(), capture_output=True, check=True,
    )  # fmt: skip
    frame = cv2.imdecode(np.frombuffer(done.stdout, np.uint8), cv2.IMREAD_COLOR).astype(int)
    poster = cv2.imdecode(np.frombuffer(prepared.display, np.uint8), cv2.IMREAD_COLOR).astype(int)

    assert np.abs(frame - poster).mean() < 4


@pytest.mark.slow
def test_a_large_standing_clip_fits_a_standing_screen(tmp_path, prepare):
    path = made(
        tmp_path / "clip.mp4", "-f", "lavfi", "-i", "testsrc=s=1440x2560:r=10:d=0.3", "-preset", "ultrafast"
    )
    prepared = prepare(path)

    assert (prepared.width, prepared.height) == (1440, 2560)
    assert "1080x1920" in described(prepared.clip)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("transfer", "shadow", "paper"),
    [("arib-std-b67", 64 + 200, 64 + 657), ("smpte2084", 64 + 200, 64 + 509)],
    ids=["HLG", "PQ"],
)
def test_an_hdr_clip_keeps_paper_bright_and_shadows_dark(tmp_path, prepare, transfer, shadow, paper):
    """Paper white is 75% of HLG and 58% of PQ (ITU-R BT.2408, table 1)."""
    dark, bright = (
        cv2.imdecode(
            np.frombuffer(prepare(grey(tmp_path / f"{level}.mov", transfer, level)).display, np.uint8), 1
        ).mean()
        for level in (shadow, paper)
    )

    assert dark < 90
    assert 200 < bright <= 255


def test_a_clip_that_is_too_long_is_refused(samples, prepare, monkeypatch):
    monkeypatch.setattr(clips, "MOST_SECONDS", 1.0)
    with file_refused(Refusal.CLIP_TOO_LONG):
        prepare(samples["video/iphone6_rot90_h264.mov"].path)


def test_a_full_disk_is_called_so_and_not_a_damaged_clip(samples, monkeypatch, tmp_path):
    """/dev/full stands for the full disk; ffmpeg finds it as it would any other."""
    upload = samples["video/no_audio_360p.mov"].path.open("rb")
    with upload, Path("/dev/full").open("r+b", buffering=0) as full:
        monkeypatch.setattr(clips, "unnamed", lambda _: full)
        window = clips.Window.of(upload)
        with pytest.raises(DiskFull):
            clips.make_display_clip(window, clips.read_clip(window, "MP4"), "MP4", workspace=tmp_path)


def test_nothing_with_a_name_is_ever_in_the_workspace(samples, tmp_path):
    with samples["bad/one_frame.mp4"].path.open("rb") as upload:
        window = clips.Window.of(upload)
        shown = clips.make_display_clip(window, clips.read_clip(window, "MP4"), "MP4", workspace=tmp_path)
        with shown.file as clip:
            assert isinstance(clip, io.IOBase)
            assert clip.tell() == 0
            assert list(tmp_path.iterdir()) == []


@pytest.fixture
def converted():
    """How long ffmpeg shows a display clip: the whole, and its picture in frames."""

    def converted(clip) -> tuple[float, int]:
        hours, minutes, seconds = re.search(r"Duration: (\d+):(\d+):([\d.]+)", described(clip)).groups()
        clip.seek(0)
        counted = subprocess.run(
            [processes.ffmpeg_path(), "-v", "error", "-i", "-", "-map", "0:v:0", "-progress", "-", "-f", "null", os.devnull],
            input=clip.read(), capture_output=True, check=True,
        ).stdout  # fmt: skip
        whole = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        return whole, int(re.findall(rb"frame=(\d+)", counted)[-1])

    return converted


@pytest.mark.parametrize("flags", ["empty_moov+frag_keyframe+default_base_moof", "frag_keyframe"])
def test_a_clip_in_fragments_is_as_long_as_it_shows(tmp_path, prepare, converted, flags):
    """As browsers record: the header says 0 seconds, or those of the first fragment."""
    path = made(
        tmp_path / "clip.mp4", "-f", "lavfi", "-i", "testsrc=s=64x36:r=30:d=3",
        "-f", "lavfi", "-i", "sine=d=3:r=48000", "-g", "15", "-movflags", flags,
    )  # fmt: skip
    prepared = prepare(path)

    assert prepared.duration_seconds == pytest.approx(3, abs=0.1)
    assert converted(prepared.clip)[1] == pytest.approx(90, abs=2)


def test_a_clip_in_fragments_that_is_too_long_is_refused_when_it_shows(tmp_path, prepare, monkeypatch):
    path = made(
        tmp_path / "clip.mp4", "-f", "lavfi", "-i", "testsrc=s=64x36:r=30:d=4", "-movflags", "empty_moov"
    )
    monkeypatch.setattr(clips, "MOST_SECONDS", 2.0)
    with file_refused(Refusal.CLIP_TOO_LONG):
        prepare(path)


@pytest.mark.parametrize(("picture", "sound"), [(2, 15), (3, 1)])
def test_a_display_clip_ends_with_its_picture_whatever_the_sound_does(
    tmp_path, prepare, converted, picture, sound
):
    path = made(
        tmp_path / "clip.mp4", "-f", "lavfi", "-i", f"testsrc=s=64x36:r=30:d={picture}",
        "-f", "lavfi", "-i", f"sine=d={sound}:r=48000",
    )  # fmt: skip
    prepared = prepare(path)
    whole, frames = converted(prepared.clip)

    assert prepared.duration_seconds == pytest.approx(picture, abs=0.1)
    assert whole == pytest.approx(picture, abs=0.15)
    assert frames == pytest.approx(30 * picture, abs=2)
    assert prepared.has_sound


def test_a_workspace_that_cannot_be_written_is_named(samples, tmp_path):
    missing = tmp_path / "missing"
    with samples["bad/one_frame.mp4"].path.open("rb") as upload:
        window = clips.Window.of(upload)
        with pytest.raises(CapsuleError, match=f"workspace_unwritable .*{missing}"):
            clips.make_display_clip(window, clips.read_clip(window, "MP4"), "MP4", workspace=missing)


def test_ffmpeg_learns_no_secret_from_a_hostile_clip(samples, tmp_path, monkeypatch):
    """A program in ffmpeg's place writes down what it is told."""
    spy = tmp_path / "spy"
    spy.write_text(f"#!/bin/sh\nenv > {tmp_path / 'told'}\nexit 1\n")
    spy.chmod(0o755)
    monkeypatch.setenv("CAPSULE_SMTP__PASSWORD", "hunter2")
    monkeypatch.setattr(processes, "ffmpeg_path", lambda: str(spy))
    with samples["bad/one_frame.mp4"].path.open("rb") as upload:
        window = clips.Window.of(upload)
        with pytest.raises(MediaRefused):
            clips.make_display_clip(window, clips.read_clip(window, "MP4"), "MP4", workspace=tmp_path)

    assert "PATH=" in (tmp_path / "told").read_text()
    assert "hunter2" not in (tmp_path / "told").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(("kept", "missing"), [(100, ()), (98, (Missing.END,)), (85, (Missing.END,))])
def test_a_clip_whose_file_is_cut_off_says_that_its_end_is_missing(tmp_path, prepare, kept, missing):
    clip = clip_with_tones(tmp_path / "clip.mp4", 440, seconds=4, encoding=("-movflags", "+faststart"))
    whole = clip.read_bytes()
    clip.write_bytes(whole[: len(whole) * kept // 100])

    assert prepare(clip).missing == missing


@pytest.mark.slow
def test_a_clip_in_which_a_program_states_too_long_a_box_is_whole(tmp_path, prepare):
    clip = clip_with_tones(tmp_path / "clip.mp4", 440, encoding=("-movflags", "+faststart"))
    whole = clip.read_bytes()
    at = whole.index(b"mdat") - 4
    length = int.from_bytes(whole[at : at + 4], "big")
    clip.write_bytes(whole[:at] + (length + 1000).to_bytes(4, "big") + whole[at + 4 :])

    assert prepare(clip).missing == ()
