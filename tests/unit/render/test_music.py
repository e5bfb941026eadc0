"""A song as a film needs it: loudness, peaks, loops."""

import numpy as np
import pytest

from memorycapsule.domain.film.plan import Soundtrack
from memorycapsule.render import loudness
from memorycapsule.render.music import Music

RATE = 48_000


def stereo(values):
    return np.repeat(np.rint(np.clip(values, -1, 1) * 32767).astype(np.int16)[:, None], 2, axis=1)


def sine(seconds, level=0.5, frequency=440):
    return level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE)


def played(song, seconds, **track):
    total = round(seconds * RATE)
    return Music(song, Soundtrack(**track), total).at(np.arange(total))


def test_a_full_scale_sine_in_one_ear_has_the_loudness_that_the_standard_says():
    """BS.1770-5, 2.1: a 0 dB FS, 997 Hz sine wave in one channel reads -3.01 LKFS."""
    one = np.stack([stereo(sine(5, 1.0, 997))[:, 0], np.zeros(5 * RATE, np.int16)], axis=1)

    assert loudness.integrated(loudness.powers(one)) == pytest.approx(-3.01, abs=0.05)


def test_quiet_passages_do_not_count():
    song = stereo(np.concatenate([sine(10, 0.2), sine(20, 0.002)]))
    loud = stereo(sine(10, 0.2))

    assert loudness.integrated(loudness.powers(song)) == pytest.approx(
        loudness.integrated(loudness.powers(loud)), abs=0.2
    )


@pytest.mark.parametrize("song", [np.zeros((5 * RATE, 2), np.int16), stereo(sine(0.25, 0.0))])
def test_a_silent_song_stays_silent(song):
    assert loudness.integrated(loudness.powers(song)) == loudness.SILENCE
    assert not played(song, 10, beat_seconds=0.5).any()


def test_drums_over_a_whisper_are_raised_without_peaks_too_high():
    values = sine(20, 0.02)
    values[:: RATE // 2] = 0.9
    values[24_100 :: RATE // 2] = -0.99
    music = played(stereo(values), 20)

    assert np.abs(music).max() <= 0.891
    assert loudness.integrated(loudness.powers(stereo(music[:, 0]))) > -30


def test_a_song_without_a_beat_begins_again_at_its_end():
    song = stereo(sine(3, 0.3))
    music = played(song, 9)

    for first in (3, 6):
        assert np.array_equal(music[first * RATE + 2000 : (first + 1) * RATE], music[2000:RATE])


def test_a_song_with_a_beat_begins_again_after_whole_bars():
    rise = stereo(np.linspace(0.1, 0.5, 10 * RATE))
    music = played(rise, 30, beat_seconds=0.7, first_beat_seconds=0.4)
    bars, seam = 3 * 4 * 0.7, 0.1

    for turn in (1, 2):
        start = round((0.4 + turn * bars) * RATE)
        again = music[start + round(seam * RATE) : start + 5 * RATE]
        assert np.allclose(again, music[round((0.4 + seam) * RATE) :][: len(again)], atol=1e-4)


def test_at_the_seam_nothing_clicks_and_nothing_dips():
    random = np.random.default_rng(3)
    song = stereo(random.normal(0, 0.1, 10 * RATE))
    music = played(song, 30, beat_seconds=0.5, first_beat_seconds=0.3)
    levels = np.sqrt((music[: 28 * RATE, 0].reshape(-1, 960) ** 2).mean(axis=1))

    assert levels.min() > 0.85 * levels.mean()
    assert levels.max() < 1.15 * levels.mean()


def test_a_song_that_ends_in_silence_waits_for_the_next_bar():
    song = stereo(np.concatenate([sine(4.3, 0.3), np.zeros(round(2.1 * RATE))]))
    music = np.abs(played(song, 20, beat_seconds=0.5)[:, 0])

    assert music[round(4.4 * RATE) : round(5.9 * RATE)].max() < 1e-3
    assert music[round(6.05 * RATE) : round(6.3 * RATE)].max() > 0.1


def test_a_song_that_dies_away_begins_again_over_the_last_of_its_sound():
    tail = sine(2, 0.3) * 10 ** np.linspace(0, -3, 2 * RATE)
    song = stereo(np.concatenate([sine(8, 0.3), tail]))
    music = played(song, 18, beat_seconds=0.25)
    again = slice(round(9.01 * RATE), round(9.4 * RATE))

    assert np.allclose(
        music[again],
        music[again.start - 9 * RATE : again.stop - 9 * RATE] + played(song, 10)[again],
        atol=2e-3,
    )


@pytest.mark.parametrize("beat_seconds", [0.5, 40.0])
def test_a_bar_longer_than_the_song_is_no_bar(beat_seconds):
    music = played(stereo(sine(1.5, 0.3)), 6, beat_seconds=beat_seconds)

    for first in (1.6, 3.1, 4.6):
        assert np.abs(music[round(first * RATE) :][:RATE]).max() > 0.1
