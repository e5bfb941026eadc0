"""Tempo: steady beats are found exactly, everything else has none."""

import numpy as np
import pytest

from memorycapsule.media.tempo import RATE, find_tempo

pytestmark = pytest.mark.slow

MINUTES = 3


def tone(frequency, seconds=0.25):
    time = np.arange(round(seconds * RATE)) / RATE
    wave = sum(np.sin(2 * np.pi * frequency * partial * time) / partial**2 for partial in range(1, 6))
    return np.exp(-time / 0.06) * np.clip(time / 0.003, 0, 1) * wave


def silence(seconds):
    return np.zeros(round(seconds * RATE), np.float32)


def strike(samples, at, sound, loudness=0.3):
    first = round(at * RATE)
    part = samples[first : first + len(sound)]
    part += loudness * sound[: len(part)]


def clicks(beats_per_minute, first, seconds=MINUTES * 60):
    samples = silence(seconds)
    for at in np.arange(first, seconds - 0.3, 60 / beats_per_minute):
        strike(samples, at, tone(1000))
    return samples


def furthest(tempo, true_beats):
    """Return how far (seconds) the true beats lie from those that were found."""
    beats = np.rint((true_beats - tempo.first_beat_seconds) / tempo.beat_seconds)
    return np.abs(tempo.first_beat_seconds + beats * tempo.beat_seconds - true_beats).max()


@pytest.mark.parametrize("first", [0.0, 0.31])
@pytest.mark.parametrize("beats_per_minute", [60, 65, 75, 87.3, 99.7, 112.5, 128, 139])
def test_clicks_are_found_exactly_over_three_minutes(beats_per_minute, first):
    found = find_tempo(clicks(beats_per_minute, first))

    assert 60 / found.beat_seconds == pytest.approx(beats_per_minute, rel=0.003)
    assert furthest(found, np.arange(first, MINUTES * 60, 60 / beats_per_minute)) < 0.03


@pytest.mark.parametrize(("played", "counted"), [(45, 90), (168, 84), (200, 100)])
def test_very_slow_and_very_fast_ones_are_counted_as_a_foot_would_tap(played, counted):
    assert 60 / find_tempo(clicks(played, 0.2, 90)).beat_seconds == pytest.approx(counted, rel=0.003)


@pytest.mark.parametrize("beats_per_bar", [3, 4])
def test_a_bar_begins_with_the_bass(beats_per_bar):
    samples, beat, random = silence(60), 60 / 84, np.random.default_rng(5)
    for number in range(80):
        is_first = (number + 1) % beats_per_bar == 0
        note = 220 * 2 ** (int(random.integers(0, 12)) / 12)
        strike(samples, 0.1 + number * beat, tone(note, 0.6), 0.2)
        if is_first:
            strike(samples, 0.1 + number * beat, tone(62, 0.6), 0.5)
    found = find_tempo(samples)

    assert found.beats_per_bar == beats_per_bar
    assert (found.first_beat_seconds - 0.1) / beat == pytest.approx(beats_per_bar - 1, abs=0.05)


def test_people_who_play_to_a_click_are_steady():
    samples, random = silence(120), np.random.default_rng(7)
    for number in range(190):
        if random.random() > 0.2:
            strike(samples, 0.5 + number * 0.62 + random.normal(0, 0.01), tone(330))
    found = find_tempo(samples)

    assert found.beat_seconds == pytest.approx(0.62, rel=0.003)
    assert furthest(found, 0.5 + 0.62 * np.arange(190)) < 0.03


def noise(random):
    return random.normal(0, 0.1, 60 * RATE).astype(np.float32)


def speech(random):
    """Syllables of irregular length and loudness, with pauses between words."""
    samples, at = silence(90), 0.0
    while at < 89:
        seconds = random.uniform(0.1, 0.3)
        voice = tone(random.uniform(100, 220), seconds)
        strike(samples, at, voice * np.hanning(len(voice)), random.uniform(0.1, 0.4))
        at += seconds * random.uniform(0.7, 1.2) + (random.random() < 0.15) * random.uniform(0.3, 1.2)
    return samples


def free_tempo(random):
    """A pianist who lingers and hurries by 8 percent."""
    samples, at = silence(90), 0.2
    while at < 89:
        strike(samples, at, tone(220 * 2 ** (int(random.integers(0, 18)) / 12)))
        at += 60 / (80 * (1 + 0.08 * np.sin(at / 7)) + random.normal(0, 2)) / 2
    return samples


def slowing_down(_):
    samples, at, beat = silence(90), 0.2, 0.5
    while at < 89:
        strike(samples, at, tone(440))
        at, beat = at + beat, beat * 1.003
    return samples


def one_long_note(_):
    return 0.3 * np.sin(2 * np.pi * 440 * np.arange(60 * RATE) / RATE).astype(np.float32)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sound", [noise, speech, free_tempo, slowing_down, one_long_note])
def test_what_has_no_steady_beat_has_no_tempo(sound, seed):
    assert find_tempo(sound(np.random.default_rng(seed))) is None


@pytest.mark.parametrize(
    "samples", [silence(0), silence(0.5), silence(60), np.full(60 * RATE, 0.3, np.float32), clicks(120, 0, 4)]
)
def test_silence_and_moments_have_no_tempo(samples):
    assert find_tempo(samples) is None
