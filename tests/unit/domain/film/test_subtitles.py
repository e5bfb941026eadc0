"""Subtitles: every word of a film at its time, and nothing that people wrote is markup."""

import itertools
import re

from memorycapsule.domain.film.direction import Direction, StoryText, direct
from memorycapsule.domain.film.picture_choice import Picture
from memorycapsule.domain.film.subtitles import Cue, captions, chapters, webvtt


def film(*titles: str):
    pictures = [
        Picture(
            id=f"{title}{number}", kind="photo", file="a.jpg", width=4, height=3, story_id=title, position=number,
            contributor="Ada", caption=f"words {number}",
        )
        for title in titles
        for number in range(2)
    ]  # fmt: skip
    stories = [StoryText(story_id=title, title=title, contributor="Ada") for title in titles]
    bare = StoryText(story_id="bare", title="A letter", text="Dear all", contributor="Ben")
    return direct(
        title="Summer",
        pictures=pictures,
        stories=[*stories, bare],
        end_line="By",
        direction=Direction(keeps_story_order=True),
    )


def test_chapters_follow_each_other_from_the_first_frame_to_the_end_card():
    plan = film("One", "Two")
    found = chapters(plan)

    assert [cue.text for cue in found] == ["Summer", "One", "Two", "A letter"]
    assert found[0].start_seconds == 0
    assert all(a.stop_seconds == b.start_seconds for a, b in itertools.pairwise(found))
    assert found[-1].stop_seconds == plan.seconds


def test_captions_say_all_words_in_order_while_they_can_be_read():
    plan = film("One")
    found = captions(plan)
    texts = [cue.text for cue in found]

    assert texts[0] == "Summer"
    assert texts[1].startswith("One\nwords 0\nAda")
    assert "A letter\nDear all\nBen" in texts
    assert texts[-1].startswith("By\nAda, Ben")
    assert [cue.start_seconds for cue in found] == sorted(cue.start_seconds for cue in found)
    assert all(cue.start_seconds < cue.stop_seconds <= plan.seconds for cue in found)


def test_whatever_people_write_stays_text_of_its_own_cue():
    hostile = "<b>&\n\n00:00:01.000 --> 00:00:02.000\nmine"
    text = webvtt([Cue(start_seconds=3661.5, stop_seconds=3662, text=hostile)])

    assert text.startswith("WEBVTT\n\n01:01:01.500 --> 01:01:02.000\n")
    assert len(re.findall("-->", text)) == 1
    assert "\n\n" not in text.split("\n", 2)[2].strip()
    assert "&lt;b&gt;&amp;" in text


def test_an_empty_cue_is_left_out():
    assert webvtt([Cue(start_seconds=0, stop_seconds=1, text=" \n")]) == "WEBVTT\n"
