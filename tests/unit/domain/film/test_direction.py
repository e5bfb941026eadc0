"""Directing and choosing: fair, stable, chronological, and never without an end."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memorycapsule.domain.film.direction import (
    Direction,
    StoryText,
    direct,
    picture_limit,
    reading_seconds,
    without_pictures,
)
from memorycapsule.domain.film.framing import fitted_size
from memorycapsule.domain.film.picture_choice import Picture, choose_pictures
from memorycapsule.domain.film.plan import (
    Caption,
    Card,
    Clip,
    FilmStyle,
    GalleryStage,
    MontagePlan,
    Photo,
    Soundtrack,
)
from memorycapsule.domain.film.sizes import Size

DAY = datetime(2026, 5, 8, tzinfo=UTC)


def picture(name, *, story="a", by="Ada", day=0, **more):
    values = {"kind": "photo", "file": f"{name}.jpg", "width": 2560, "height": 1707, "position": 0, **more}
    taken = None if day is None else DAY + timedelta(days=day)
    return Picture(id=name, story_id=story, contributor=by, taken_at=taken, **values)


def gathered(counts):
    """Return pictures: (contributor, story) -> how many."""
    return [
        picture(f"{by}-{story}-{number}", story=f"{by}-{story}", by=by, day=number)
        for (by, story), count in counts.items()
        for number in range(count)
    ]


counts = st.dictionaries(
    st.tuples(st.sampled_from("ABCDE"), st.sampled_from("xyz")), st.integers(1, 12), max_size=8
)


@given(counts, st.integers(0, 40), st.integers(0, 5))
def test_nobody_gets_fewer_than_another_unless_they_gave_fewer(given_counts, limit, seed):
    pictures = gathered(given_counts)
    gave = Counter(item.contributor for item in pictures)
    got = Counter(item.contributor for item in choose_pictures(pictures, limit, seed))

    assert sum(got.values()) == min(limit, len(pictures))
    for one in gave:
        for other in gave:
            assert got[one] == gave[one] or got[one] >= got[other] - 1


@given(counts, st.tuples(st.sampled_from("ABCDEF"), st.integers(1, 12)), st.integers(1, 40))
def test_a_new_story_replaces_at_most_its_share(given_counts, new, limit):
    pictures = gathered(given_counts)
    before = {item.id for item in choose_pictures(pictures, limit)}
    added = gathered({(new[0], "new"): new[1]})
    after = {item.id for item in choose_pictures([*pictures, *added], limit)}
    brought = {item.id for item in added} & after

    assert after - brought <= before, "a picture that was left out came in"
    assert len(before - after) <= len(brought)


def test_the_choice_is_chronological_and_undated_pictures_come_last():
    pictures = [
        picture("late", day=9),
        picture("none-2", day=None, position=2),
        picture("early", day=1),
        picture("none-1", day=None, position=1),
    ]

    assert [item.id for item in choose_pictures(pictures, None)] == ["early", "late", "none-1", "none-2"]


def test_as_many_stories_as_pictures_allowed_is_no_riddle():
    pictures = [picture(f"p{number}", story=f"s{number}") for number in range(7)]

    assert len(choose_pictures(pictures, 7)) == 7
    assert len(choose_pictures(pictures, 6)) == 6


names = st.text(st.sampled_from("AB가나 🎂é"), min_size=1, max_size=30)


@settings(max_examples=40)
@given(
    title=st.text(max_size=300),
    pictures=counts.map(gathered),
    texts=st.lists(st.text(max_size=2000), max_size=4),
    people=st.lists(names, max_size=60),
    length=st.one_of(st.none(), st.just("short"), st.just("full"), st.floats(1, 900)),
)
def test_whatever_is_put_in_becomes_a_plan_that_adds_up(title, pictures, texts, people, length):
    stories = [
        StoryText(story_id=f"t{number}", title="", text=text, contributor="Ada")
        for number, text in enumerate(texts)
    ]
    how = Direction(length=length)
    plan = direct(title=title, pictures=pictures, stories=stories, contributors=people, direction=how)

    assert plan.frames == plan.timeline[-1].stop > 0
    assert MontagePlan.from_json(plan.to_json()) == plan
    shown = {
        name.name
        for shot in plan.shots
        if isinstance(shot, Card) and shot.role == "end"
        for name in shot.credits
    }
    assert shown >= set(people)


def test_without_pictures_the_film_is_title_texts_and_names():
    words = StoryText(story_id="a", title="A letter", text="We were here.", contributor="Ada")
    plan = direct(title="Summer", pictures=[], stories=[words], contributors=["Ben"])

    assert [shot.role for shot in plan.shots] == ["title", "text", "end"]
    assert [credit.name for credit in plan.shots[-1].credits] == ["Ben", "Ada"]


def test_a_story_title_stands_on_its_first_picture_and_long_enough_to_read():
    title = "The day when everybody came and nobody wanted to leave before midnight"
    plan = direct(
        title="Summer",
        pictures=[picture("one", day=1), picture("two", day=2)],
        stories=[StoryText(story_id="a", title=title, contributor="Ada")],
    )
    first, second = [shot for shot in plan.shots if isinstance(shot, Photo)]

    assert (first.caption.heading, first.caption.who) == (title, "Ada")
    assert (first.caption.stop - first.caption.first) / plan.fps >= reading_seconds(title)
    assert second.caption is None


def test_stories_follow_their_first_picture_or_the_order_a_person_chose():
    pictures = [
        picture("b1", story="b", day=1),
        picture("a1", story="a", day=2),
        picture("b2", story="b", day=3),
    ]
    stories = [StoryText(story_id=name, title=name, contributor="Ada") for name in "ab"]

    def order(**how):
        plan = direct(title="", pictures=pictures, stories=stories, direction=Direction(**how))
        return [shot.source.id for shot in plan.shots if isinstance(shot, Photo)]

    assert order() == ["b1", "b2", "a1"]
    assert order(keeps_story_order=True) == ["a1", "b1", "b2"]


@pytest.mark.parametrize("seconds", [30, 60, 180])
def test_a_wished_length_is_met_within_a_tenth(seconds):
    pictures = [picture(f"p{number}", day=number) for number in range(200)]
    plan = direct(title="Summer", pictures=pictures, direction=Direction(length=float(seconds)))

    assert plan.seconds == pytest.approx(seconds, rel=0.1)


def test_full_takes_everything_and_the_usual_film_takes_sixty():
    pictures = [picture(f"p{number}", day=number) for number in range(100)]

    assert sum(isinstance(shot, Photo) for shot in direct(title="", pictures=pictures).shots) == 60
    everything = direct(title="", pictures=pictures, direction=Direction(length="full"))
    assert sum(isinstance(shot, Photo) for shot in everything.shots) == 100


def test_a_long_clip_is_shown_from_its_middle_and_no_longer_than_the_style_allows():
    clip = picture("c", kind="clip", file="c.mp4", duration_seconds=60.0, has_sound=True)
    (shot,) = [shot for shot in direct(title="", pictures=[clip]).shots if isinstance(shot, Clip)]

    assert shot.frames == 300
    assert shot.start_seconds == pytest.approx(25)


def test_words_of_a_short_clip_can_be_read():
    text = "The first words that she ever said into this camera"
    clip = picture("c", kind="clip", file="c.mp4", duration_seconds=1.0, caption=text, day=0)
    how = Direction(soundtrack=Soundtrack(beat_seconds=0.0))
    plan = direct(title="", pictures=[clip, picture("p", day=1)], direction=how)
    (shot,) = [shot for shot in plan.shots if isinstance(shot, Clip)]

    assert shot.start_seconds == 0
    assert (shot.caption.stop - shot.caption.first) / plan.fps > reading_seconds(text) + 0.8


def test_a_clip_is_seen_alone_for_two_seconds_however_short_it_is():
    how = Direction(soundtrack=Soundtrack(beat_seconds=0.0))
    clip = picture("c", kind="clip", file="c.mp4", duration_seconds=0.4, day=0)
    plan = direct(title="", pictures=[clip, picture("p", day=1)], direction=how)
    (shot,) = [shot for shot in plan.shots if isinstance(shot, Clip)]

    alone = shot.frames - shot.entrance_frames - how.frames(how.style.entrance_seconds)
    assert alone == 2 * plan.fps


@pytest.mark.parametrize(
    ("width", "height", "fit"),
    [
        (2560, 1440, "cover"),
        (2560, 1707, "cover"),
        (2560, 1920, "cover"),
        (1707, 2560, "inset"),
        (200, 150, "inset"),
    ],
)
def test_only_pictures_that_lose_little_fill_the_frame(width, height, fit):
    plan = direct(title="", pictures=[picture("p", width=width, height=height)])
    (shot,) = [shot for shot in plan.shots if isinstance(shot, Photo)]

    assert shot.fit == fit


@given(
    st.integers(40, 6000),
    st.integers(40, 6000),
    st.text(max_size=5),
    st.sampled_from([(1920, 1080), (320, 180)]),
)
def test_the_frame_never_leaves_the_picture_nor_stretches_it(width, height, name, size):
    how = Direction(size=Size(width=size[0], height=size[1]))
    plan = direct(title="", pictures=[picture(name, width=width, height=height)], direction=how)
    (shot,) = [shot for shot in plan.shots if isinstance(shot, Photo)]
    aspect = width / height if shot.fit == "cover" else plan.size.aspect

    for rect in (shot.move.start, shot.move.end):
        assert rect.x >= -1e-9
        assert rect.y >= -1e-9
        assert rect.x + rect.width <= 1 + 1e-9
        assert rect.y + rect.height <= 1 + 1e-9
        assert rect.width * aspect / rect.height == pytest.approx(plan.size.aspect)


def test_the_same_input_gives_the_same_plan():
    pictures = gathered({("Ada", "x"): 5, ("Ben", "y"): 9})

    assert direct(title="S", pictures=pictures) == direct(title="S", pictures=list(reversed(pictures)))


def test_the_words_of_a_broken_picture_pass_to_the_next():
    story = StoryText(story_id="a", title="Harvest", contributor="Ada")
    plan = direct(title="S", pictures=[picture("one", day=1), picture("two", day=2)], stories=[story])
    left = without_pictures(plan, frozenset({"one"}))
    (shot,) = [shot for shot in left.shots if isinstance(shot, Photo)]

    assert shot.source.id == "two"
    assert isinstance(shot.caption, Caption)
    assert shot.caption.heading == "Harvest"
    assert "one" not in {source.id for source in left.sources}


def test_a_story_whose_only_picture_is_broken_keeps_its_title_on_a_card():
    story = StoryText(story_id="a", title="Harvest", contributor="Ada")
    left = without_pictures(direct(title="S", pictures=[picture("one")], stories=[story]), frozenset({"one"}))

    assert [(shot.role, shot.heading) for shot in left.shots] == [
        ("title", "S"),
        ("text", "Harvest"),
        ("end", ""),
    ]
    assert left.sources == ()


def long_stories(count, letters=2000):
    return [
        StoryText(
            story_id=f"t{number}",
            title=f"Story {number}",
            text=("word " * letters)[:letters],
            contributor=f"Person {number}",
        )
        for number in range(count)
    ]


def text_cards(plan):
    return [shot for shot in plan.shots if isinstance(shot, Card) and shot.role == "text"]


def test_a_few_stories_without_pictures_are_told_in_up_to_three_pages():
    assert len(text_cards(direct(title="S", pictures=[], stories=long_stories(2)))) == 6


@pytest.mark.parametrize("pictures", [0, 10, 100])
def test_thirty_long_stories_without_pictures_make_no_long_film_and_none_is_missing(pictures):
    given_pictures = [picture(f"p{number}", day=number) for number in range(pictures)]
    plan = direct(title="S", pictures=given_pictures, stories=long_stories(30))

    assert [card.heading for card in text_cards(plan)] == [f"Story {number}" for number in range(30)]
    assert all(card.body.endswith("…") for card in text_cards(plan))
    assert plan.seconds < 6 * 60


def test_full_tells_every_page():
    plan = direct(title="S", pictures=[], stories=long_stories(30), direction=Direction(length="full"))

    assert len(text_cards(plan)) == 90


def test_stories_without_pictures_take_the_room_of_pictures_but_no_more_than_half():
    pictures = [picture(f"p{number}", day=number) for number in range(100)]
    how = Direction(limit=60)

    def shown(stories):
        plan = direct(title="S", pictures=pictures, stories=stories, direction=how)
        count = sum(isinstance(shot, Photo) for shot in plan.shots)
        assert count == picture_limit(how, pictures, stories)
        return count

    assert shown([]) == 60
    assert 30 < shown(long_stories(1)) < 60
    assert shown(long_stories(30)) == 30


def test_a_wished_length_is_met_with_stories_without_pictures_too():
    pictures = [picture(f"p{number}", day=number) for number in range(200)]
    how = Direction(length=120.0)
    plan = direct(title="S", pictures=pictures, stories=long_stories(4), direction=how)

    assert plan.seconds == pytest.approx(120, rel=0.1)


def test_two_people_of_one_name_have_a_share_a_dye_and_a_credit_each():
    moms = [
        picture(f"{person}-{number}", story=person, by="Mom", contributor_id=person, day=number)
        for person in ("one", "two")
        for number in range(9)
    ]
    dad = [picture(f"dad-{number}", story="dad", by="Dad", day=number) for number in range(9)]
    chosen = Counter(item.contributor_key for item in choose_pictures([*moms, *dad], 9))
    stories = [
        StoryText(story_id=person, title=person, contributor="Mom", contributor_id=person)
        for person in ("one", "two")
    ]
    plan = direct(
        title="S", pictures=moms, stories=stories, contributors=[("one", "Mom"), ("two", "Mom"), "Dad"]
    )
    thanked = plan.shots[-1].credits
    captions = {
        shot.caption.heading: shot.caption.dye
        for shot in plan.shots
        if isinstance(shot, Photo) and shot.caption
    }

    assert chosen == {"one": 3, "two": 3, "Dad": 3}
    assert [credit.name for credit in thanked] == ["Mom", "Mom", "Dad"]
    assert len({credit.dye for credit in thanked}) == 3
    assert [captions["one"], captions["two"]] == [credit.dye for credit in thanked[:2]]


@pytest.mark.parametrize(
    ("original", "sides", "fitted"),
    [
        ((30000, 800), (2560,), (2560, 68)),
        ((1200, 800), (2560,), (1200, 800)),
        ((1, 9000), (2560,), (1, 2560)),
        ((3840, 2160), (1920, 1080), (1920, 1080)),
        ((2160, 3840), (1920, 1080), (1080, 1920)),
        ((2000, 2000), (1920, 1080), (1080, 1080)),
    ],
)
def test_a_prepared_picture_is_as_large_as_its_limits_allow_and_never_enlarged(original, sides, fitted):
    assert fitted_size(*original, *sides) == fitted


def test_a_panorama_that_was_prepared_small_is_not_panned():
    width, height = fitted_size(30000, 800, 2560)
    plan = direct(title="", pictures=[picture("p", width=width, height=height)])

    assert [shot.fit for shot in plan.shots if isinstance(shot, Photo)] == ["inset"]


def test_where_nobody_is_named_the_film_says_its_own_name_at_the_end():
    how = Direction(style=FilmStyle(stage=GalleryStage()), soundtrack=Soundtrack(title="Rooms"))
    alone = direct(title="Summer", pictures=[picture("one", by="")], direction=how)
    named = direct(title="Summer", pictures=[picture("one")], end_line="By", direction=how)

    assert (alone.shots[-1].heading, alone.shots[-1].note) == ("Summer", "Rooms")
    assert named.shots[-1].heading == "By"


def test_in_a_gallery_one_walks_to_words_as_to_works():
    style = FilmStyle(stage=GalleryStage(), entrance="walk", story_entrance="doorway")
    plan = direct(
        title="S", pictures=[picture("one")], stories=long_stories(1), direction=Direction(style=style)
    )

    assert [shot.entrance for shot in text_cards(plan)] == ["doorway", "walk", "walk"]
    assert plan.shots[-1].entrance == "doorway"
    on_a_screen = direct(title="S", pictures=[picture("one")], stories=long_stories(1))
    assert {shot.entrance for shot in text_cards(on_a_screen)} == {"crossfade"}


def test_a_long_title_does_not_take_a_short_film():
    pictures = [picture(f"p{number}", day=number) for number in range(20)]
    title = "The summer in which everything began, told by all who were there " * 3
    plan = direct(title=title, pictures=pictures, direction=Direction(length=30.0))

    assert plan.seconds == pytest.approx(30, rel=0.1)
