"""The photo card film: cards on a summer table, looked at frame by frame."""

import itertools
from dataclasses import replace

import cv2
import numpy as np
import pytest

from memorycapsule import themes
from memorycapsule.domain.film.direction import Direction, StoryText, direct
from memorycapsule.domain.film.plan import Caption, Card, Credit, Photo, Source
from memorycapsule.domain.film.sizes import Size
from memorycapsule.render.painting import entrance_share
from memorycapsule.render.planes import new_frame
from memorycapsule.render.stages import open_painter
from memorycapsule.render.worker import bgr_from_frame, frames
from support.effort import calls_in

STYLE = themes.load("photocard").film
SIZE = Size(width=320, height=180)
RED, GREEN, BLUE = (200, 40, 40), (40, 160, 60), (40, 60, 200)


@pytest.fixture
def plan(studio):
    """Return a function that plans a photo card film."""

    def planned(pictures=(), *, title="Summer", size=SIZE, style=STYLE, **more):
        how = Direction(size=size, theme="photocard", style=style, length="full")
        return direct(title=title, pictures=pictures, direction=how, **more)

    return planned


def painted(studio, plan, shot, index):
    """Return one frame of a shot, as red, green and blue."""
    painter = open_painter(plan, shot, studio.pictures)
    frame = new_frame(plan.size.width, plan.size.height)
    try:
        painter.paint(index, frame)
    finally:
        painter.close()
    return bgr_from_frame(frame)[:, :, ::-1].astype(int)


def film_frames(studio, plan, numbers):
    return [next(frames(plan, studio.pictures, number, number + 1)).copy() for number in numbers]


def near(frame, colour, off=24):
    """Return where a frame has about a colour."""
    return np.abs(frame - np.array(colour)).max(axis=2) < off


def of_kind(plan, kind, role=None):
    return [
        placed
        for placed in plan.timeline
        if placed.shot.kind == kind and getattr(placed.shot, "role", None) == role
    ]


def quarters(studio, name, width, height):
    """Save a picture whose four quarters are red, green, blue and yellow."""
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, : width // 2] = RED[::-1]
    image[: height // 2, width // 2 :] = GREEN[::-1]
    image[height // 2 :, : width // 2] = BLUE[::-1]
    image[height // 2 :, width // 2 :] = (40, 200, 220)
    picture = studio.photo(name, width=width, height=height)
    cv2.imwrite(str(studio.pictures / picture.file), image, [cv2.IMWRITE_JPEG_QUALITY, 98])
    return picture


@pytest.mark.parametrize(("width", "height"), [(480, 320), (300, 420), (640, 360), (180, 700)])
def test_a_picture_is_shown_whole_and_upright_in_its_own_shape(studio, plan, width, height):
    film = plan([quarters(studio, "one", width, height)], style=replace(STYLE, tilt=0.0, labels="first"))
    (placed,) = of_kind(film, "photo")
    frame = painted(studio, film, placed.shot, placed.shot.frames // 2)

    places = {
        name: np.argwhere(near(frame, colour))
        for name, colour in (("red", RED), ("green", GREEN), ("blue", BLUE), ("yellow", (220, 200, 40)))
    }
    middles = {name: place.mean(axis=0) for name, place in places.items()}
    assert middles["red"][0] < middles["blue"][0]
    assert middles["red"][1] < middles["green"][1]
    assert middles["green"][0] < middles["yellow"][0]
    whole = np.concatenate(list(places.values()))
    tall, wide = whole.max(axis=0) - whole.min(axis=0) + 1
    assert wide / tall == pytest.approx(width / height, rel=0.06)
    counts = [len(place) for place in places.values()]
    assert max(counts) / min(counts) < 1.12, "nothing is cut off on one side"


@pytest.mark.parametrize(("width", "height"), [(480, 320), (300, 420)])
def test_words_never_cover_a_picture(studio, plan, width, height):
    text = "Grandma said the sea would remember us, and we came back every year to check whether it was true."
    film = plan([quarters(studio, "one", width, height)], style=replace(STYLE, tilt=0.0), title="")
    (placed,) = of_kind(film, "photo")
    caption = replace(placed.shot.caption, text=text, when="15 August 2026", first=1, stop=placed.shot.frames)
    frame = painted(studio, film, replace(placed.shot, caption=caption), placed.shot.frames // 2)
    high = [np.ptp(np.flatnonzero(near(frame, colour).any(axis=1))) + 1 for colour in (RED, BLUE)]

    assert near(frame, (0x15, 0x30, 0x5F), 60).any(), "the words are there"
    assert high[1] == pytest.approx(high[0], abs=2)


def test_beside_a_portrait_picture_is_sky_and_no_copy_of_it(studio, plan):
    film = plan([studio.photo("tall", RED, width=270, height=480)])
    (placed,) = of_kind(film, "photo")
    frame = painted(studio, film, placed.shot, placed.shot.frames // 2)

    sky = near(frame, (0xD8, 0xEB, 0xFF), 40)
    assert sky[:, :60].mean() > 0.99
    assert sky[:, -60:].mean() > 0.99


def test_small_pictures_are_never_enlarged_more_than_twice(studio, plan):
    film = plan([quarters(studio, "tiny", 40, 30)], style=replace(STYLE, tilt=0.0))
    (placed,) = of_kind(film, "photo")
    frame = painted(studio, film, placed.shot, 0)
    columns = np.flatnonzero((near(frame, RED) | near(frame, GREEN)).any(axis=0))

    assert 60 < columns[-1] - columns[0] + 1 <= 82


def test_pictures_side_by_side_are_all_seen_in_order(studio, plan):
    film = plan([studio.photo(name, RED, width=270, height=400) for name in ("a", "b", "c")])
    (placed, *_) = of_kind(film, "photo")
    sources = []
    for name, colour in (("x", RED), ("y", GREEN), ("z", BLUE)):
        studio.photo(name, colour, width=270, height=400)
        sources.append(Source(id=name, file=f"{name}.jpg", width=270, height=400))
    shot = replace(placed.shot, source=sources[0], beside=tuple(sources[1:]))
    frame = painted(studio, film, shot, shot.frames // 2)

    middles = [np.argwhere(near(frame, colour))[:, 1].mean() for colour in (RED, GREEN, BLUE)]
    areas = [near(frame, colour).sum() for colour in (RED, GREEN, BLUE)]
    assert middles == sorted(middles)
    assert max(areas) / min(areas) < 1.25, "they overlap a little only"


def test_a_card_drifts_without_jitter(studio, plan):
    film = plan(
        [studio.photo("one", (60, 60, 60))],
        style=replace(STYLE, tilt=0.0, labels="first"),
        size=Size(width=640, height=360),
    )
    (placed,) = of_kind(film, "photo")
    painter = open_painter(film, placed.shot, studio.pictures)
    frame = new_frame(640, 360)
    edges = []
    for index in range(placed.shot.entrance_frames, placed.shot.frames):
        painter.paint(index, frame)
        # Where the white edge becomes the dark picture, along a row through the middle, to a part of a pixel.
        row = frame[170, 20:320].astype(float)
        first = int(np.argmax(row < 140)) - 6
        edges.append(first + np.clip((row[first : first + 12] - 68) / (235 - 68), 0, 1).sum())
    at = np.arange(len(edges))
    smooth = np.polyval(np.polyfit(at, edges, 3), at)

    assert 1.5 < abs(edges[-1] - edges[0]) < 12
    assert np.sqrt(np.mean((np.array(edges) - smooth) ** 2)) < 0.05


def test_a_panorama_goes_by_from_one_end_to_the_other(studio, plan):
    film = plan([quarters(studio, "wide", 1500, 250)])
    (placed,) = of_kind(film, "photo")
    early, late = (painted(studio, film, placed.shot, index) for index in (0, placed.shot.frames - 1))

    assert near(early, RED).sum() > 4 * near(early, GREEN).sum()
    assert near(late, GREEN).sum() > 4 * near(late, RED).sum()


def test_a_clip_plays_inside_its_card(studio, plan):
    film = plan([studio.clip("clip", GREEN, seconds=3.0)])
    (placed,) = of_kind(film, "clip")
    frame = painted(studio, film, placed.shot, placed.shot.frames // 2)

    rows, columns = np.nonzero(near(frame, GREEN))
    assert (columns.max() - columns.min()) / (rows.max() - rows.min()) == pytest.approx(320 / 180, rel=0.06)
    assert frame[rows.min() - 3, 160].min() > 235, "a white edge"


@pytest.mark.parametrize("entrance", ["turn", "fan", "crossfade", "walk"])
@pytest.mark.parametrize("kind", ["photo", "clip", "panorama"])
def test_an_entrance_begins_with_the_old_and_ends_with_the_new(studio, plan, entrance, kind):
    going = studio.photo("one", RED, width=400, height=300)
    coming = {
        "photo": lambda: studio.photo("two", BLUE, width=300, height=400),
        "clip": lambda: studio.clip("two", BLUE, seconds=3.0),
        "panorama": lambda: studio.photo("two", BLUE, width=1500, height=250),
    }[kind]()
    film = plan(
        [going, coming],
        style=replace(STYLE, entrance=entrance, fan_every=0, labels="first"),
    )
    before, after = (placed for placed in film.timeline if not isinstance(placed.shot, Card))
    stop = after.first + after.shot.entrance_frames + 1
    shown = [frame.copy() for frame in frames(film, studio.pictures, after.first, stop)]
    red, blue = (
        [near(bgr_from_frame(frame)[:, :, ::-1].astype(int), colour).sum() for frame in shown]
        for colour in (RED, BLUE)
    )
    still = [
        painted(studio, film, before.shot, before.shot.frames - after.shot.entrance_frames),
        painted(studio, film, after.shot, after.shot.entrance_frames),
    ]

    first, last = (
        np.abs(bgr_from_frame(frame)[:, :, ::-1].astype(int) - one).mean()
        for frame, one in zip((shown[0], shown[-2]), still, strict=True)
    )
    assert first < 8
    assert last < 8
    assert red[-2] < 0.1 * max(red)
    assert blue[0] < 0.1 * max(blue)
    steps = [np.abs(one.astype(int) - other.astype(int)).mean() for one, other in itertools.pairwise(shown)]
    assert min(steps[:-1]) > 0, "no frame is doubled"


def test_words_come_in_the_middle_low_inside_the_safe_area_and_large_enough(studio, plan):
    words = Caption(
        heading="가장 긴 여름의 이야기가 " * 8,
        text="and more of it " * 8,
        who="박영희",
        when="2026년 8월 15일",
        dye="#d6506f",
        first=2,
        stop=90,
    )
    film = plan(
        [studio.photo("one", (20, 20, 20))], size=Size(width=640, height=360), style=replace(STYLE, tilt=0.0)
    )
    (placed,) = of_kind(film, "photo")
    bare = painted(studio, film, replace(placed.shot, caption=replace(words, first=80)), 50)
    captioned = painted(studio, film, replace(placed.shot, caption=words), 50)
    rows, columns = np.nonzero(np.abs(captioned - bare).max(axis=2) > 60)

    assert rows.min() > 360 * 0.5
    assert rows.max() < 360 * 0.95
    assert columns.min() > 640 * 0.05
    assert columns.max() < 640 * 0.95
    assert abs(columns.min() + columns.max() - 639) <= 640 * 0.02
    short = painted(studio, film, replace(placed.shot, caption=replace(words, heading="H", text="")), 50)
    ink = near(short, (0x15, 0x30, 0x5F), 60)[360 * 3 // 4 :, 200:440]
    # A capital H is 0.7 of its size high, and words have at least 42 of 1080 pixels.
    assert np.ptp(np.flatnonzero(ink.any(axis=1))) + 1 >= 0.7 * 0.039 * 360 - 1


def test_words_have_gone_at_both_ends_of_their_shot(studio, plan):
    film = plan([studio.photo("one", (20, 20, 20), caption="Words")])
    (placed,) = of_kind(film, "photo")
    shot = placed.shot
    bare = replace(shot, caption=replace(shot.caption, first=shot.frames + 1))

    for index in (0, shot.caption.stop):
        assert np.array_equal(painted(studio, film, shot, index), painted(studio, film, bare, index))
    assert not np.array_equal(painted(studio, film, shot, 40), painted(studio, film, bare, 40))


@pytest.mark.parametrize(
    "title",
    [
        "여름, 시골집에서",
        "The summer we kept",
        "A long title, " * 14,
        "할머니" * 66,
        "🌻🏡👨‍👩‍👧🍉",
        "",
        "제주",
    ],
)
@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.slow
def test_a_title_of_any_length_stays_inside_the_frame_and_free_of_the_cards(studio, plan, title, count):
    pictures = [studio.photo(f"p{number}", (250, 250, 250), width=300, height=400) for number in range(count)]
    film = plan(
        pictures,
        title=title,
        stories=[] if count else [StoryText(story_id="s", title="S", contributor="Ada")],
    )
    (placed,) = of_kind(film, "card", "title")
    frame = painted(studio, film, placed.shot, placed.shot.frames - 1)
    rows, columns = np.nonzero(near(frame, (0x1A, 0x56, 0xC8), 30)[:, :316])

    if title:
        assert len(rows) > 150
        assert columns.min() >= 320 * 0.02
        assert columns.max() < 320 * 0.98
        assert rows.min() >= 180 * 0.02
    else:
        assert count == 0 or len(rows) == 0


@pytest.mark.slow
def test_a_title_of_one_endless_word_is_wrapped_in_few_sizes(studio, plan):
    film = plan(title="여름밤의추억과별과바다" * 18, size=Size(width=1920, height=1080))
    (placed,) = of_kind(film, "card", "title")

    # Letters that are too large were once wrapped, too: half a minute, and a hundred times as many calls.
    assert calls_in(lambda: painted(studio, film, placed.shot, 0)) < 1_000_000


def test_the_title_stands_still_while_its_cards_come_in(studio, plan):
    film = plan([studio.photo(f"p{number}", RED) for number in range(3)], title="We")
    (placed,) = of_kind(film, "card", "title")
    shown = [painted(studio, film, placed.shot, index) for index in (5, 60, 100)]

    for frame in shown[1:]:
        assert np.array_equal(frame[:60, :100], shown[0][:60, :100])
    areas = [near(frame, RED).sum() for frame in shown]
    assert areas[0] == 0
    assert areas[2] > 2500


def test_a_story_without_pictures_is_written_on_a_card_inside_the_safe_area(studio, plan):
    story = StoryText(
        story_id="s", title="보라색 꽃", text="자전거 사이로 자랐다. " * 30, contributor="박영희"
    )
    film = plan(stories=[story])
    (placed, *_) = of_kind(film, "card", "text")
    frame = painted(studio, film, placed.shot, placed.shot.frames // 2)
    ink = (frame.sum(axis=2) < 450) & ~near(frame, (0x3C, 0x5A, 0xA6), 30)
    rows, columns = np.nonzero(ink)

    assert len(rows) > 500
    assert rows.min() > 9
    assert rows.max() < 171
    assert columns.min() > 16
    assert columns.max() < 304


@pytest.mark.parametrize("people", [1, 9, 24])
@pytest.mark.parametrize("pictures", [0, 2, 9])
def test_the_end_names_everybody_inside_the_safe_area(studio, plan, people, pictures):
    names = [f"박영희 {number}" for number in range(people)]
    given = [studio.photo(f"p{number}", GREEN) for number in range(pictures)]
    film = plan(
        given,
        contributors=names,
        end_line="함께한 사람",
        size=Size(width=640, height=360),
        stories=[StoryText(story_id="t", title="T", contributor=names[0])],
    )
    placed = of_kind(film, "card", "end")[-1]
    frame = painted(studio, film, placed.shot, placed.shot.frames - 1)
    rows, columns = np.nonzero(near(frame, (0x15, 0x30, 0x5F), 70))

    assert len(rows) > 30
    assert rows.min() > 360 * 0.05
    assert rows.max() < 360 * 0.95
    assert columns.max() < 640 * 0.95
    assert (near(frame, GREEN).sum() > 600) == (pictures > 0)


def test_frames_are_the_same_wherever_one_begins(studio, plan):
    film = plan([studio.photo("one", RED), studio.photo("two", BLUE, story_id="other"), studio.clip("three")])
    numbers = [placed.first + 7 for placed in film.timeline]
    once = dict(zip(numbers, film_frames(studio, film, numbers), strict=True))

    for number, frame in enumerate(frames(film, studio.pictures, 0, film.frames)):
        if number in once:
            assert np.array_equal(frame, once[number]), number


@pytest.mark.parametrize(
    "size", [Size(width=90, height=160), Size(width=128, height=128), Size(width=16, height=16)]
)
def test_frames_of_any_shape_are_painted(studio, plan, size):
    film = plan(
        [studio.photo("one", RED), studio.photo("wide", BLUE, width=1500, height=250)],
        size=size,
        contributors=["Ada"],
        end_line="Together",
        stories=[StoryText(story_id="x", title="Words", text="More", contributor="Ada")],
    )
    for placed in film.timeline:
        frame = painted(studio, film, placed.shot, placed.shot.frames // 2)
        assert frame.shape == (size.height, size.width, 3)


def test_a_card_of_another_stage_can_be_followed_by_cards_on_the_table(studio, plan):
    film = plan([studio.photo("one", RED)])
    (placed,) = of_kind(film, "photo")
    prologue, title = film.timeline[0], film.timeline[1]
    painter = open_painter(film, placed.shot, studio.pictures)
    target, spare = new_frame(320, 180), new_frame(320, 180)
    for before in (prologue, title):
        other = open_painter(film, before.shot, studio.pictures)
        last = painter.entrance_frames - 1
        painter.enter(last, other, before.shot.frames - 1, target, spare)
        alone = painted(studio, film, placed.shot, last)
        assert entrance_share(last, painter.entrance_frames) > 0.99
        assert np.abs(bgr_from_frame(target)[:, :, ::-1].astype(int) - alone).mean() < 8


def test_a_photo_without_words_and_a_card_without_people_need_nothing_else(studio, plan):
    film = plan([studio.photo("one", RED)])
    (placed,) = of_kind(film, "photo")
    assert isinstance(placed.shot, Photo)
    for shot in (
        replace(placed.shot, caption=None),
        Card(frames=30, entrance_frames=0, role="end", credits=(Credit(name="", dye="#3c5aa6"),)),
        Card(frames=30, entrance_frames=0, role="text"),
    ):
        assert painted(studio, film, shot, 10).mean() > 100
