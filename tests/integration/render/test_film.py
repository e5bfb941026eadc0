"""Whole films, tiny and short, decoded and looked at."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from memorycapsule.domain.film.direction import StoryText
from memorycapsule.domain.film.plan import Card, Photo
from memorycapsule.domain.film.sizes import Size
from memorycapsule.errors import PlanRefused, RenderFailed
from support.servers import wait_until

RED, GREEN, BLUE = (200, 40, 40), (40, 160, 60), (40, 60, 200)


def middle(plan, number):
    """Return the time in the middle of a shot."""
    placed = plan.timeline[number]
    return (placed.first + placed.stop) / 2 / plan.fps


class Shown:
    """A film of two photos and a clip between, with music; its progress, and what is seen and heard."""

    def __init__(self, studio):
        pictures = [
            studio.photo("one", RED),
            studio.photo("two", BLUE),
            studio.clip("three", GREEN, seconds=3.0),
            studio.photo("four", RED),
        ]
        self.plan = studio.plan(pictures, soundtrack=studio.song("song.wav", 20, frequency=440))
        self.progress = []
        self.film, self.decoded = studio.film(self.plan, on_progress=self.progress.append)


@pytest.fixture(scope="module")
def shown(shared_studio):
    return Shown(shared_studio)


def test_a_film_shows_its_pictures_at_their_times_and_ends_in_black_and_silence(shown):
    plan, film, decoded, progress = shown.plan, shown.film, shown.decoded, shown.progress

    assert "h264 (High)" in decoded.description
    assert "yuv420p(tv, bt709" in decoded.description
    assert "30 fps" in decoded.description
    assert "aac (LC)" in decoded.description
    assert "48000 Hz, stereo" in decoded.description
    assert len(decoded.frames) == film.frames == plan.frames
    assert abs(len(decoded.sound) / 48000 - film.seconds) <= 1024 / 48000
    for number, colour in ((1, RED), (2, BLUE), (3, GREEN), (4, RED)):
        assert decoded.at(middle(plan, number)) == pytest.approx(colour, abs=6)
    assert decoded.frames[-1].max() < 8
    assert decoded.loudness(film.seconds - 0.1, film.seconds) < 0.01
    assert progress == sorted(progress)
    assert (progress[0] >= 0, progress[-1]) == (True, 1.0)
    assert film.left_out == ()
    assert film.poster[:2] == b"\xff\xd8"
    moov, mdat = (decoded.path.read_bytes().find(word) for word in (b"moov", b"mdat"))
    assert moov < mdat, "a browser would have to load the whole film first"


def test_a_crossfade_mixes_both_pictures_half_and_half_in_its_middle(shown):
    second = shown.plan.timeline[2]
    half = (second.first + (second.shot.entrance_frames - 1) / 2) / shown.plan.fps

    assert shown.decoded.at(half) == pytest.approx(np.mean([RED, BLUE], axis=0), abs=14)


@pytest.mark.slow
def test_no_frame_is_black_or_doubled_before_the_end(studio):
    pictures = [studio.photo(f"p{number}", colour) for number, colour in enumerate((RED, GREEN, BLUE) * 2)]
    plan = studio.plan(pictures, segment_seconds=1.0)
    film, decoded = studio.film(plan)

    assert film.segments_encoded > 2
    assert len(decoded.frames) == plan.frames
    body = decoded.frames[: plan.frames - plan.fade_out_frames].reshape(
        plan.frames - plan.fade_out_frames, -1
    )
    assert body.mean(axis=1).min() > 12


@pytest.mark.slow
def test_portrait_pictures_stand_whole_over_a_darker_fill(studio):
    plan = studio.plan([studio.photo("tall", (180, 180, 180), width=270, height=480)])
    _, decoded = studio.film(plan)
    frame = decoded.frames[round(middle(plan, 1) * 30)]

    assert frame[45, 80].mean() == pytest.approx(180, abs=6)
    assert 40 < frame[45, 6].mean() < 110
    assert 40 < frame[45, -6].mean() < 110


def test_a_clip_is_heard_and_the_music_steps_back(shown):
    plan, decoded = shown.plan, shown.decoded
    clip = plan.timeline[3]
    first, stop = clip.first / 30 + 0.6, clip.stop / 30 - 0.6
    before = plan.timeline[1].first / 30 + 0.3

    assert decoded.tone(first, stop, 1000) > 0.05
    assert decoded.tone(before, before + 0.4, 1000) < 0.01
    assert decoded.tone(first, stop, 440) < 0.5 * decoded.tone(before, before + 0.4, 440)


@pytest.mark.parametrize(
    "seconds", [pytest.param(0.5, marks=pytest.mark.slow), 3.0, pytest.param(600.0, marks=pytest.mark.slow)]
)
def test_a_song_of_any_length_plays_to_the_end(studio, seconds):
    plan = studio.plan([studio.photo("a"), studio.photo("b")], soundtrack=studio.song("song.wav", seconds))
    film, decoded = studio.film(plan)

    assert film.left_out == ()
    assert abs(len(decoded.sound) / 48000 - film.seconds) <= 1024 / 48000
    for first in np.arange(0.9, film.seconds - 2.4, 0.25):
        assert decoded.tone(first, first + 0.25, 440) > 0.08, f"no music at {first} s"
    assert decoded.loudness(film.seconds - 0.1, film.seconds) < 0.02


@pytest.mark.slow
def test_a_silent_song_makes_a_silent_film(studio):
    plan = studio.plan([studio.photo("a")], soundtrack=studio.song("song.wav", 3, loudness=0))
    film, decoded = studio.film(plan)

    assert film.left_out == ()
    assert decoded.loudness(0, film.seconds) < 0.001


@pytest.mark.slow
@pytest.mark.parametrize("data", [b"", b"ID3 not a song", b"\xff\xfb\x90" * 2000])
def test_a_song_that_cannot_be_played_gives_way_to_the_themes_own(studio, data):
    (studio.pictures / "song.mp3").write_bytes(data)
    plan = studio.plan([studio.photo("a")], soundtrack=studio.song("other.wav", 1))
    plan = plan.from_json(plan.to_json().replace("other.wav", "song.mp3"))
    film, decoded = studio.film(plan)

    assert [item.id for item in film.left_out] == ["soundtrack"]
    assert decoded.loudness(0.5, film.seconds - 1.5) > 0.001


def test_broken_pictures_are_left_out_and_the_film_is_made(studio):
    good, cut_short, noise = (
        studio.photo("good", RED),
        studio.photo("cut", GREEN),
        studio.photo("noise", BLUE),
    )
    gone, clip = studio.photo("gone"), studio.clip("clip")
    whole = (studio.pictures / "cut.jpg").read_bytes()
    (studio.pictures / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (studio.pictures / "noise.jpg").write_bytes(b"\xff\xd8" + bytes(5000) + b"\xff\xd9")
    (studio.pictures / "gone.jpg").unlink()
    (studio.pictures / "clip.mp4").write_bytes((studio.pictures / "clip.mp4").read_bytes()[:300])
    film, decoded = studio.film(studio.plan([good, cut_short, noise, gone, clip]))

    assert {item.id for item in film.left_out} == {"cut", "noise", "gone", "clip"}
    assert {item.id: item.error.reason for item in film.left_out} == {
        "cut": "film_photo_unreadable",
        "noise": "film_photo_unreadable",
        "gone": "film_photo_unreadable",
        "clip": "film_clip_unreadable",
    }
    assert [shot.source.id for shot in film.plan.shots if isinstance(shot, Photo)] == ["good"]
    assert len(decoded.frames) == film.frames == film.plan.frames


@pytest.mark.slow
def test_a_film_without_any_usable_picture_has_title_texts_and_names(studio):
    broken = studio.photo("broken")
    (studio.pictures / "broken.jpg").write_bytes(b"")
    stories = [StoryText(story_id="story", title="Harvest", contributor="Ada")]
    film, decoded = studio.film(studio.plan([broken], stories=stories))

    assert [shot.role for shot in film.plan.shots if isinstance(shot, Card)] == ["title", "text", "end"]
    assert len(decoded.frames) == film.frames


@pytest.mark.slow
@pytest.mark.parametrize("title", ["🎂🎉", "가나다 Summer " * 16, "", "a" * 200])
def test_any_title_makes_a_film(studio, title):
    film, decoded = studio.film(studio.plan([], title=title, contributors=["영희"]))

    assert len(decoded.frames) == film.frames


@pytest.mark.slow
def test_the_title_is_seen_and_the_file_carries_it(studio):
    _, decoded = studio.film(studio.plan([studio.photo("a")], title="여름; #1 = \\ 'Summer'"))
    bright = decoded.frames[25].mean(axis=2)

    assert (bright > 180).any()
    assert "여름; #1 = \\ 'Summer'" in decoded.description
    assert "location" not in decoded.description


@pytest.mark.slow
def test_segments_are_used_again_and_only_what_changed_is_encoded(studio):
    pictures = [
        studio.photo(f"p{number}", colour)
        for number, colour in enumerate((RED, GREEN, BLUE, RED, GREEN, BLUE))
    ]
    plan = studio.plan(pictures, segment_seconds=1.5)
    first, one = studio.film(plan)
    second, two = studio.film(plan)
    studio.photo("p5", (90, 90, 90))
    third, _ = studio.film(plan)
    other_key, _ = studio.film(plan, key=b"another")

    assert (second.segments_encoded, second.segments_reused) == (0, first.segments_encoded)
    assert (one.frames == two.frames).all()
    assert 1 <= third.segments_encoded < first.segments_encoded
    assert other_key.segments_reused == 0


@pytest.mark.slow
def test_nothing_is_left_beside_the_film(studio):
    studio.film(studio.plan([studio.photo("a")]))

    assert {path.name for path in studio.folder.iterdir()} == {"pictures", "workspace", "film.mp4"}
    assert {path.name for path in (studio.folder / "workspace").iterdir()} == {"segments"}


@pytest.mark.slow
def test_a_film_of_another_size_has_that_size(studio):
    _, decoded = studio.film(studio.plan([studio.photo("a")], size=Size(width=90, height=160)))

    assert decoded.frames.shape[1:3] == (160, 90)


def test_a_place_that_cannot_be_written_is_said_before_anything_is_done(studio):
    plan = studio.plan([studio.photo("a")])

    with pytest.raises(RenderFailed, match=r"^film_unwritable$"):
        studio.film(plan, name="no/such/folder/film.mp4")
    assert not (studio.folder / "workspace").exists()


def command(studio, plan, *more):
    studio.folder.joinpath("plan.json").write_text(plan.to_json(), encoding="utf-8")
    out, workspace = studio.folder / "film.mp4", studio.folder / "workspace"
    return [
        *(sys.executable, "-m", "memorycapsule.render", str(studio.folder / "plan.json"), str(out)),
        *("--pictures", str(studio.pictures), "--workspace", str(workspace), *more),
    ]


@pytest.mark.slow
def test_the_program_says_progress_and_film_a_line_each(studio):
    poster = studio.folder / "poster.jpg"
    plan = studio.plan([studio.photo("a")])
    done = subprocess.run(command(studio, plan, "--poster", str(poster)), capture_output=True, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]

    assert done.returncode == 0
    assert done.stderr == b""
    assert all(set(line) == {"progress"} for line in lines[:-1])
    assert lines[-1]["film"]["frames"] == plan.frames
    assert poster.read_bytes()[:2] == b"\xff\xd8"


def test_the_program_refuses_another_plan_with_a_sentence(studio):
    plan = studio.plan([studio.photo("a")])
    arguments = command(studio, plan)
    Path(arguments[3]).write_text("{}", encoding="utf-8")
    done = subprocess.run(arguments, capture_output=True, check=False)

    assert done.returncode == PlanRefused.exit_code
    assert json.loads(done.stdout)["error"]["code"] == PlanRefused.code


def descendants(pid):
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
        found += [int(child), *descendants(int(child))]
    return found


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_film_leaves_no_children_and_goes_on_where_it_was(studio, blow):
    pictures = [
        studio.photo(f"p{number}", (number * 9 % 256, 90, 90), width=960, height=540) for number in range(30)
    ]
    plan = studio.plan(pictures, segment_seconds=3.0, size=Size(width=640, height=360))
    with subprocess.Popen(command(studio, plan), stdout=subprocess.PIPE) as program:
        for line in program.stdout:
            if json.loads(line).get("progress", 0) > 0.4:
                break
        children = descendants(program.pid)
        program.send_signal(blow)
        program.wait()

    assert len(children) >= 4, "worker and encoder, twice"
    wait_until(lambda: not any(is_alive(child) for child in children), 5, "all children have ended")
    finished = len(list((studio.folder / "workspace" / "segments").glob("*.mp4")))
    film, decoded = studio.film(plan, key=b"")

    assert finished >= 1
    assert film.segments_reused == finished
    assert film.segments_encoded >= 1
    assert len(decoded.frames) == plan.frames
    assert not list((studio.folder / "workspace" / "segments").glob("*.half"))


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 40])
def test_films_of_one_and_of_forty_pictures(studio, count):
    plan = studio.plan([studio.photo(f"p{number}", (200 - number * 4, 80, 90)) for number in range(count)])
    film, decoded = studio.film(plan)

    assert len(decoded.frames) == film.frames


@pytest.mark.slow
def test_the_program_takes_its_key_from_a_descriptor(studio):
    plan = studio.plan([studio.photo("a")])
    reading, writing = os.pipe()
    os.write(writing, b"key")
    os.close(writing)
    done = subprocess.run(
        command(studio, plan, "--key-fd", str(reading)), pass_fds=(reading,), capture_output=True, check=False
    )
    os.close(reading)
    film, _ = studio.film(plan, key=b"key")

    assert done.returncode == 0
    assert (film.segments_encoded, film.segments_reused) == (0, 1)


@pytest.mark.slow
def test_a_film_of_clips_alone_is_cut_inside_clips_without_a_seam(studio):
    colours = [RED, GREEN, BLUE, RED, GREEN]
    clips = [studio.clip(f"c{number}", colour, seconds=2.5) for number, colour in enumerate(colours)]
    plan = studio.plan(clips, segment_seconds=1.0)
    film, decoded = studio.film(plan)

    assert film.segments_encoded > 3
    assert len(decoded.frames) == plan.frames
    for number, colour in enumerate(colours, start=1):
        placed = plan.timeline[number]
        for frame in range(placed.first + 10, placed.stop - 10, 5):
            assert decoded.at(frame / plan.fps) == pytest.approx(colour, abs=8)
