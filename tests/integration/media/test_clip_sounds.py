"""A sound track that cannot be decoded costs the sound, and not the clip."""

import subprocess

import numpy as np
import pytest

from memorycapsule import processes
from memorycapsule.domain.stories import Missing
from memorycapsule.errors import Refusal
from support.clip_sounds import clip_with_tones, with_unknown_codec, without_samples
from support.refusals import file_refused

LOW, HIGH = 440, 1760


def pitch(clip) -> int:
    """The strongest tone of a clip, in hertz."""
    samples = subprocess.run(
        [
            processes.ffmpeg_path(), "-v", "error", "-f", "mov", "-i", "-",
            "-map", "0:a:0", "-ac", "1", "-ar", "8000", "-f", "s16le", "-",
        ],
        input=clip.read(), capture_output=True, check=True,
    ).stdout  # fmt: skip
    heard = np.frombuffer(samples, "<i2").astype(float)
    return round(float(np.fft.rfftfreq(len(heard), 1 / 8000)[np.abs(np.fft.rfft(heard)).argmax()]))


@pytest.fixture
def with_two(tmp_path) -> bytes:
    """A MOV with two sound tracks."""
    return clip_with_tones(tmp_path / "two.mov", LOW, HIGH).read_bytes()


def prepared_from(prepare, folder, content: bytes):
    path = folder / "clip.mov"
    path.write_bytes(content)
    return prepare(path)


@pytest.mark.slow
def test_the_first_sound_track_is_heard_when_it_can_be(tmp_path, prepare, with_two):
    prepared = prepared_from(prepare, tmp_path, with_unknown_codec(with_two, 1, b"apac"))

    assert (prepared.has_sound, prepared.missing) == (True, ())
    assert pitch(prepared.clip) == pytest.approx(LOW, abs=5)


@pytest.mark.slow
@pytest.mark.parametrize("codec", [b"apac", b"ac-4", b"mha1", b"enca", b"xyz1"])
def test_the_next_sound_track_is_heard_when_the_first_cannot_be(tmp_path, prepare, with_two, codec):
    prepared = prepared_from(prepare, tmp_path, with_unknown_codec(with_two, 0, codec))

    assert (prepared.has_sound, prepared.missing) == (True, ())
    assert pitch(prepared.clip) == pytest.approx(HIGH, abs=5)


@pytest.mark.slow
def test_the_next_sound_track_is_heard_when_the_first_is_damaged(tmp_path, prepare):
    path = clip_with_tones(tmp_path / "noise.mov", LOW, HIGH, encoding=("-bsf:a:0", "noise=amount=1"))
    prepared = prepare(path)

    assert (prepared.has_sound, prepared.missing) == (True, ())
    assert pitch(prepared.clip) == pytest.approx(HIGH, abs=5)


@pytest.mark.slow
def test_the_next_sound_track_is_heard_when_the_first_holds_nothing(tmp_path, prepare, with_two):
    prepared = prepared_from(prepare, tmp_path, without_samples(with_two, 0))

    assert (prepared.has_sound, prepared.missing) == (True, ())
    assert pitch(prepared.clip) == pytest.approx(HIGH, abs=5)


@pytest.mark.slow
@pytest.mark.parametrize("codecs", [(b"apac",), (b"apac", b"mha1")], ids=["one track", "both tracks"])
def test_a_clip_is_silent_and_says_so_when_no_sound_track_can_be_heard(tmp_path, prepare, codecs):
    content = clip_with_tones(tmp_path / "some.mov", *(LOW, HIGH)[: len(codecs)]).read_bytes()
    for track, codec in enumerate(codecs):
        content = with_unknown_codec(content, track, codec)
    prepared = prepared_from(prepare, tmp_path, content)

    assert (prepared.has_sound, prepared.missing) == (False, (Missing.SOUND,))
    assert prepared.duration_seconds == pytest.approx(1, abs=0.1)


@pytest.mark.slow
def test_a_clip_whose_sound_is_noise_is_silent_and_says_so(tmp_path, prepare):
    prepared = prepare(clip_with_tones(tmp_path / "noise.mov", LOW, encoding=("-bsf:a", "noise=amount=1")))

    assert (prepared.has_sound, prepared.missing) == (False, (Missing.SOUND,))


@pytest.mark.slow
def test_a_clip_without_a_sound_track_misses_nothing(tmp_path, prepare):
    prepared = prepare(clip_with_tones(tmp_path / "silent.mp4"))

    assert (prepared.has_sound, prepared.missing) == (False, ())


@pytest.mark.slow
def test_a_clip_whose_picture_cannot_be_decoded_is_refused_however_good_its_sound_is(tmp_path, prepare):
    path = clip_with_tones(tmp_path / "clip.mov", LOW)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"avc1", b"xyz1").replace(b"avcC", b"dapa"))

    with file_refused(Refusal.CLIP_UNPLAYABLE):
        prepare(path)
