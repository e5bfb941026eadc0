"""Voice notes become one kind of file that every browser and the film can play."""

import re
import subprocess
from datetime import datetime

import pytest

from memorycapsule.domain.capture_times import CaptureTime
from memorycapsule.errors import Refusal
from memorycapsule.media import voice_notes
from memorycapsule.media.sniff import Window, recognise
from memorycapsule.processes import ffmpeg_path
from support.refusals import file_refused

TONE = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration={}")


def ffmpeg(*arguments):
    done = subprocess.run(
        [ffmpeg_path(), "-hide_banner", "-nostdin", "-y", *arguments], capture_output=True, check=False
    )
    return done.stderr.decode()


def recording(path, *arguments, seconds=2.5, volume=0.2):
    """A recording of a tone, made by ffmpeg; its name says nothing of what it is."""
    tone = [word.format(seconds) for word in TONE]
    report = ffmpeg(*tone, "-af", f"volume={volume}", *arguments, str(path))
    assert path.exists(), report
    return path.rename(path.with_name("IMG_0001.jpg"))


def measured(prepared, tmp_path):
    """How ffmpeg describes a note, and how loud it finds it."""
    prepared.clip.seek(0)
    note = tmp_path / "note"
    note.write_bytes(prepared.clip.read())
    report = ffmpeg("-i", str(note), "-af", "ebur128=framelog=quiet", "-f", "null", "-")
    return (
        report,
        float(re.search(r"I: +(-?[\d.]+) LUFS", report.rpartition("Summary:")[2])[1]),
        note.read_bytes(),
    )


@pytest.mark.parametrize(
    ("name", "arguments", "format_"),
    [
        ("a.m4a", ["-metadata", "creation_time=2026-05-08T10:11:12Z"], "M4A"),
        ("a.mp3", ["-metadata", "title=marker-of-the-title"], "MP3"),
        ("a.ogg", ["-c:a", "libopus"], "Ogg"),
        ("a.webm", ["-c:a", "libopus"], "WebM"),
        ("a.wav", [], "WAV"),
        ("a.flac", [], "FLAC"),
        # As Safari records: fragments, and a length of nothing in the header.
        ("a.mp4", ["-c:a", "aac", "-movflags", "empty_moov+frag_keyframe"], "MP4"),
    ],
)
def test_every_form_that_people_record_becomes_the_same_note(tmp_path, prepare, name, arguments, format_):
    prepared = prepare(recording(tmp_path / name, *arguments))
    report, loud, content = measured(prepared, tmp_path)

    assert (prepared.kind, prepared.format, prepared.display, prepared.thumbnail) == (
        "voice",
        format_,
        None,
        None,
    )
    assert prepared.duration_seconds == pytest.approx(2.5, abs=0.1)
    assert re.search(r"Audio: aac .*48000 Hz, stereo", report)
    assert loud == pytest.approx(-16, abs=1)
    assert content.index(b"moov") < content.index(b"mdat")
    assert b"marker-of-the-title" not in content
    if format_ == "M4A":
        assert prepared.taken == CaptureTime.of_instant(datetime(2026, 5, 8, 10, 11, 12))


def test_a_loud_recording_is_made_quieter(tmp_path, prepare):
    loud = prepare(recording(tmp_path / "a.wav", volume=7.9))

    assert measured(loud, tmp_path)[1] == pytest.approx(-16, abs=1)


def test_a_clip_that_calls_itself_m4a_stays_a_clip(tmp_path, prepare):
    path = tmp_path / "clip.mp4"
    picture = ("-f", "lavfi", "-i", "testsrc=s=64x36:r=10:d=1")
    ffmpeg(*picture, *(word.format(1) for word in TONE), "-brand", "M4A ", "-shortest", str(path))

    prepared = prepare(path)

    assert path.read_bytes()[8:12] == b"M4A "
    assert (prepared.kind, prepared.width, prepared.has_sound) == ("clip", 64, True)


@pytest.mark.parametrize(("ending", "name"), [("webm", "WebM"), ("ogg", "Ogg")])
def test_a_moving_picture_in_a_form_for_sound_is_refused_as_what_it_is(tmp_path, prepare, ending, name):
    path = tmp_path / f"clip.{ending}"
    codecs = {"webm": ("libvpx", "libopus"), "ogg": ("libtheora", "libvorbis")}[ending]
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x36:r=10:d=1", *(word.format(1) for word in TONE),
           "-c:v", codecs[0], "-c:a", codecs[1], str(path))  # fmt: skip
    if not path.exists() or not path.stat().st_size:
        pytest.skip("this ffmpeg cannot make one")

    with file_refused(Refusal.OTHER_VIDEO, format=name):
        prepare(path)


def test_the_cover_of_a_song_is_no_moving_picture(tmp_path, prepare):
    cover, song = tmp_path / "cover.png", tmp_path / "song.mp3"
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x36", "-frames:v", "1", str(cover))
    ffmpeg(*(word.format(1) for word in TONE), "-i", str(cover), "-map", "0", "-map", "1",
           "-c:v", "copy", "-id3v2_version", "3", "-disposition:v", "attached_pic", str(song))  # fmt: skip

    assert prepare(song).kind == "voice"


@pytest.mark.parametrize(
    ("change", "refusals"),
    [
        (lambda data: data[: len(data) // 3], {Refusal.SECONDS_MISSING}),
        (
            lambda data: data[:2000] + bytes(len(data) - 2000),
            {Refusal.SECONDS_MISSING, Refusal.NO_READABLE_SOUND, Refusal.SILENT},
        ),
    ],
)
def test_a_damaged_recording_is_refused(tmp_path, prepare, change, refusals):
    path = recording(tmp_path / "a.m4a", "-movflags", "+faststart", seconds=20)
    path.write_bytes(change(path.read_bytes()))

    with file_refused(*refusals):
        prepare(path)


@pytest.mark.parametrize(
    "head",
    [b"ID3\x04\x00\x00\x00\x00\x00\x00", b"OggS", b"fLaC", b"RIFF\x00\x00\x00\x00WAVE", b"\xff\xfb\x90\x00"],
)
def test_noise_that_begins_like_a_recording_is_refused(tmp_path, prepare, head):
    path = tmp_path / "noise"
    path.write_bytes(head + bytes(number * 7919 % 251 for number in range(50_000)))

    with file_refused(Refusal.NO_READABLE_SOUND):
        prepare(path)


@pytest.mark.parametrize(
    ("seconds", "volume", "refusal"),
    [(0.1, 0.2, Refusal.VOICE_TOO_SHORT), (2, 0, Refusal.SILENT), (2.5, 0.2, Refusal.VOICE_TOO_LONG)],
)
def test_what_nobody_would_listen_to_is_refused(tmp_path, prepare, monkeypatch, seconds, volume, refusal):
    if refusal is Refusal.VOICE_TOO_LONG:
        monkeypatch.setattr(voice_notes, "MOST_SECONDS", 1.0)

    with file_refused(refusal):
        prepare(recording(tmp_path / "a.wav", seconds=seconds, volume=volume))


def test_a_playlist_is_never_followed(tmp_path):
    inner = recording(tmp_path / "a.wav")
    playlist = tmp_path / "list.m3u8"
    playlist.write_text(f"#EXTM3U\n#EXTINF:2,\n{inner}\n")

    with file_refused(Refusal.PLAYLIST), playlist.open("rb") as file:
        recognise(Window.of(file).read(0, 4096))
