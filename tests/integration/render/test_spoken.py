"""Voice notes in the finished sound: there at their second, over quiet music, one at a time."""

from dataclasses import replace

import numpy as np
import pytest

from memorycapsule.domain.film.direction import StoryText
from memorycapsule.domain.film.picture_choice import VoiceNote
from memorycapsule.domain.film.plan import Clip
from memorycapsule.render import sound
from memorycapsule.render.segment_jobs import survey
from memorycapsule.render.worker_pool import SoundResult

pytestmark = pytest.mark.slow

MUSIC, VOICE, OTHER = 440, 2000, 3100


def note(studio, name, seconds, *, frequency=VOICE, loudness=0.1):
    studio.ffmpeg(
        "-f", "lavfi", "-i", f"sine=frequency={frequency}:duration={seconds}:sample_rate=48000,volume={loudness * 8}",
        "-c:a", "aac", "-b:a", "128k", "-f", "ipod", str(studio.pictures / f"{name}.m4a"),
    )  # fmt: skip
    return VoiceNote(id=name, file=f"{name}.m4a", duration_seconds=seconds)


def story_with(*notes, story="story"):
    return StoryText(story_id=story, title="", contributor="Ada", notes=notes)


def film_of(studio, notes, pictures=None, **more):
    song = studio.song("song.wav", 25, frequency=MUSIC)
    return studio.plan(
        pictures or [studio.photo("a"), studio.photo("b")],
        stories=[story_with(*notes)],
        soundtrack=song,
        **more,
    )


def sound_of(studio, plan):
    out = studio.folder / "sound.m4a"
    made = sound.make(plan, studio.pictures, studio.folder, out)
    data = studio.ffmpeg("-i", str(out), "-f", "s16le", "-ac", "1", "-ar", "48000", "-")
    return made, np.frombuffer(data, "<i2").astype(float) / 32768


def tone(samples, first, stop, frequency):
    """The strength of one frequency between two times (seconds)."""
    part = samples[round(first * 48000) : round(stop * 48000)]
    window = np.hanning(len(part))
    turn = np.exp(-2j * np.pi * frequency * np.arange(len(part)) / 48000)
    return float(2 * np.abs(np.sum(part * window * turn)) / window.sum())


def test_a_note_is_heard_at_its_second_and_the_music_is_low_under_it(studio):
    plan = film_of(studio, [note(studio, "n", 6.0)])
    (spoken,) = plan.placed_voices
    first, stop = spoken.first / plan.fps, spoken.stop / plan.fps
    made, samples = sound_of(studio, plan)

    assert made == SoundResult(song_usable=True, unplayable_notes=())
    assert len(samples) / 48000 == pytest.approx(plan.seconds, abs=0.05)
    for at in (first + 0.1, (first + stop) / 2, stop - 0.4):
        assert tone(samples, at, at + 0.3, VOICE) > 0.05
    for at in (first - 0.35, stop + 0.1):
        assert tone(samples, at, at + 0.25, VOICE) < 0.002
    alone = tone(samples, first - 1.2, first - 0.7, MUSIC)
    assert tone(samples, first + 1, stop - 1, MUSIC) == pytest.approx(0.25 * alone, rel=0.1)


def test_quiet_and_loud_notes_are_as_loud_and_follow_each_other(studio):
    notes = [note(studio, "n", 2.0, loudness=0.06), note(studio, "o", 2.0, frequency=OTHER, loudness=0.12)]
    plan = film_of(studio, notes)
    _, samples = sound_of(studio, plan)
    (one, other) = [(spoken.first / plan.fps, spoken.stop / plan.fps) for spoken in plan.placed_voices]

    assert tone(samples, one[0] + 0.5, one[1] - 0.5, VOICE) == pytest.approx(
        tone(samples, other[0] + 0.5, other[1] - 0.5, OTHER), rel=0.25
    )
    assert tone(samples, *one, OTHER) < 0.002
    assert tone(samples, *other, VOICE) < 0.002


def test_a_clip_steps_back_while_somebody_speaks(studio):
    clip = studio.clip("c", seconds=6.0)
    plan = film_of(studio, [note(studio, "n", 2.0)], [clip])
    placed = next(placed for placed in plan.timeline if isinstance(placed.shot, Clip))
    (spoken,) = plan.placed_voices
    _, samples = sound_of(studio, plan)
    under = tone(samples, spoken.first / 30 + 0.3, spoken.stop / 30 - 0.3, 1000)
    alone = tone(samples, spoken.stop / 30 + 0.8, placed.stop / 30 - 0.8, 1000)

    assert alone > 0.05
    assert under == pytest.approx(0.18 * alone, rel=0.15)


def test_a_note_that_is_too_long_is_gone_when_the_next_story_is_there(studio):
    late = replace(studio.clip("z", seconds=2.0, sound=False), story_id="next")
    clip = studio.clip("c", seconds=3.0, sound=False)
    plan = film_of(studio, [note(studio, "n", 20.0)], [clip, late])
    (spoken,) = plan.placed_voices
    _, samples = sound_of(studio, plan)
    gone = spoken.stop / plan.fps

    assert spoken.voice.fade_frames > 0
    before, fading = (tone(samples, gone - at, gone - at + 0.1, VOICE) for at in (1.0, 0.1))
    assert 0 < fading < 0.5 * before
    assert tone(samples, gone + 0.05, gone + 0.5, VOICE) < 0.002


def test_a_note_that_cannot_be_played_is_left_out_and_named(studio):
    (studio.pictures / "bad.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(500))
    gone = VoiceNote(id="gone", file="gone.m4a", duration_seconds=2.0)
    notes = [VoiceNote(id="bad", file="bad.m4a", duration_seconds=2.0), gone, note(studio, "n", 2.0)]
    plan = film_of(studio, notes)
    film, _decoded = studio.film(plan)

    assert [left.id for left in film.left_out] == ["bad", "gone"]
    assert {left.error.reason for left in film.left_out} == {"film_voice_unplayable"}
    assert film.seconds == plan.seconds


def test_what_is_seen_does_not_depend_on_what_is_said(studio):
    """A note is wanted for the sound alone: segments are named and made without it."""
    pictures = [studio.photo("a"), studio.photo("b")]
    short = note(studio, "n", 0.5)
    silent, spoken = (film_of(studio, notes, pictures) for notes in ([], [short]))
    assert spoken.placed_voices

    surveys = [survey(plan, pictures=studio.pictures, digests={}, key=b"key") for plan in (silent, spoken)]
    assert surveys[0].segments == surveys[1].segments
    assert set(surveys[1].always_needed) - set(surveys[0].always_needed) == {"n"}
    assert "n" not in {one for segment in surveys[1].segments for one in segment.pictures}
