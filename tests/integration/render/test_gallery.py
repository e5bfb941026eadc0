"""The museum film: works on walls, walks and doorways between them, words on labels, walls and the poster."""

import itertools
from dataclasses import replace

import cv2
import numpy as np
import pytest

from memorycapsule import themes
from memorycapsule.domain.film.direction import StoryText
from memorycapsule.domain.film.plan import Caption, Card, Credit, Photo
from memorycapsule.domain.film.sizes import Size
from memorycapsule.render.planes import new_frame, planes_of
from memorycapsule.render.stages import open_painter
from memorycapsule.render.stages.gallery.words import label_rows
from memorycapsule.render.worker import bgr_from_frame, frames

SIZE = Size(width=320, height=180)
STYLE = replace(themes.load("museum").film, prologue_seconds=0.0)
RED, GREEN, BLUE = (200, 40, 40), (40, 160, 60), (40, 60, 200)
LONG = "그해 여름 우리는 할머니의 시골집에서 오래 머물렀다 " * 7


def gallery(studio, pictures, **more):
    return studio.plan(pictures, style=STYLE, size=SIZE, **more)


def shown(studio, plan, number):
    """Return a frame of the film as red, green and blue."""
    return bgr_from_frame(next(frames(plan, studio.pictures, number, number + 1)))[:, :, ::-1]


def entrance(studio, plan, place, step=1):
    """Return every `step`th frame of a shot's entrance as red, green and blue."""
    placed = plan.timeline[place]
    coming = frames(plan, studio.pictures, placed.first, placed.first + placed.shot.entrance_frames)
    return [bgr_from_frame(frame)[:, :, ::-1] for frame in itertools.islice(coming, None, None, step)]


def still(studio, plan, place, share=0.75):
    """Return a frame of a shot, at a share of its length."""
    placed = plan.timeline[place]
    return shown(studio, plan, placed.first + round(share * (placed.shot.frames - 1)))


def alone(studio, plan, place, share):
    """Return a frame of a shot as red, green and blue, without the shots around it."""
    shot = plan.shots[place]
    painter = open_painter(plan, shot, studio.pictures)
    frame = new_frame(plan.size.width, plan.size.height)
    painter.paint(round(share * (shot.frames - 1)), frame)
    return bgr_from_frame(frame)[:, :, ::-1]


def changed(plan, place, **values):
    """Return the plan with another shot in one place."""
    old = plan.shots[place]
    new = replace(old, **values)
    scenes = tuple(
        replace(scene, shots=tuple(new if shot is old else shot for shot in scene.shots))
        for scene in plan.scenes
    )
    return replace(plan, scenes=scenes)


def luma(picture):
    return picture.astype(float) @ (0.2126, 0.7152, 0.0722)


def where(picture, colour, near=40):
    """Return left, top, right and low edge of all that has about a colour."""
    rows, columns = np.nonzero(np.abs(picture.astype(int) - colour).max(axis=2) < near)
    assert rows.size, "the colour is nowhere to be seen"
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def far(one, other):
    return float(np.abs(one.astype(int) - other).mean())


def two_of_a_room(studio, **more):
    return gallery(studio, [studio.photo("a", RED, **more), studio.photo("b", BLUE, **more)])


def test_a_frame_follows_from_plan_and_number_alone(studio):
    plan = two_of_a_room(studio)
    first = plan.timeline[2].first
    one = [frame.copy() for frame in frames(plan, studio.pictures, first, first + 4)]
    other = [frame.copy() for frame in frames(plan, studio.pictures, first + 2, first + 4)]

    assert np.array_equal(one[2:], other)


@pytest.mark.parametrize(("width", "height"), [(480, 270), (270, 480), (1500, 300), (300, 300)])
def test_a_work_hangs_whole_upright_and_in_its_own_shape(studio, width, height):
    picture = studio.photo("a", width=width, height=height)
    quarters = np.zeros((height, width, 3), np.uint8)
    for rows, columns, colour in (
        (slice(0, height // 2), slice(0, width // 2), RED),
        (slice(0, height // 2), slice(width // 2, width), GREEN),
        (slice(height // 2, height), slice(0, width), BLUE),
    ):
        quarters[rows, columns] = colour[::-1]
    cv2.imwrite(str(studio.pictures / "a.jpg"), quarters, [cv2.IMWRITE_JPEG_QUALITY, 98])
    decoded = still(studio, gallery(studio, [picture]), 1)
    red, green, blue = (where(decoded, colour) for colour in (RED, GREEN, BLUE))

    assert red[2] == pytest.approx(green[0], abs=2)
    assert red[1] == pytest.approx(green[1], abs=2)
    assert red[3] == pytest.approx(blue[1], abs=2)
    assert (blue[2] - blue[0]) / (blue[3] - red[1]) == pytest.approx(width / height, rel=0.07)
    assert blue[0] > 0.05 * SIZE.width
    assert blue[2] < 0.95 * SIZE.width


def test_a_tiny_picture_is_enlarged_twice_at_most(studio):
    decoded = alone(studio, gallery(studio, [studio.photo("a", RED, width=30, height=20)]), 1, 1.0)
    left, top, right, low = where(decoded, RED)

    assert 54 <= right - left <= 62
    assert 36 <= low - top <= 42


def test_works_beside_each_other_share_a_centre_line(studio):
    plan = gallery(
        studio, [studio.photo("a", RED), studio.photo("b", BLUE, width=300, height=400)], contributors=[]
    )
    second = plan.shots[2]
    assert isinstance(second, Photo)
    decoded = still(studio, changed(plan, 1, beside=(second.source,)), 1)
    red, blue = where(decoded, RED), where(decoded, BLUE)

    assert red[2] < blue[0]
    assert red[1] + red[3] == pytest.approx(blue[1] + blue[3], abs=2)


def test_a_clip_plays_inside_its_frame(studio):
    plan = gallery(studio, [studio.clip("a", GREEN)])
    # Before the lights go down for the doorway to the last wall.
    decoded = still(studio, plan, 1, 0.55)
    left, top, right, low = where(decoded, GREEN)

    assert (right - left) / (low - top) == pytest.approx(16 / 9, rel=0.05)
    assert right - left < 0.8 * SIZE.width


def test_every_story_has_a_wall_of_another_colour(studio):
    pictures = [studio.photo("a", RED), studio.photo("b", RED, story_id="other")]
    plan = gallery(studio, pictures, stories=[])
    one, other = (still(studio, plan, place)[30:150, :8].mean(axis=(0, 1)) for place in (1, 2))

    assert np.abs(one - other).max() > 20


def test_walls_of_a_room_go_on_into_each_other(studio):
    for frame in entrance(studio, two_of_a_room(studio), 2, step=3):
        # Between the picture rail and the works there is nothing but wall.
        wall = cv2.blur(luma(frame)[10:14].mean(axis=0)[None], (3, 1))[0]
        assert np.abs(np.diff(wall)).max() < 2.5


def test_a_lit_wall_is_as_dark_at_its_edges_as_an_unlit_one(studio):
    decoded = luma(still(studio, two_of_a_room(studio), 1))

    assert decoded[10:150, :2].mean() == pytest.approx(decoded[10:150, -2:].mean(), abs=1.5)


def test_on_a_walk_the_old_work_leaves_to_the_left_as_the_new_one_comes(studio):
    lefts = []
    for decoded in entrance(studio, two_of_a_room(studio, width=300, height=300), 2, step=6):
        hue = decoded[:, :, 2].astype(int) - decoded[:, :, 0] > 60
        columns = np.nonzero(hue.any(axis=0))[0]
        lefts.append(int(columns.min()) if columns.size else SIZE.width)

    assert lefts[0] > 0.9 * SIZE.width
    assert lefts == sorted(lefts, reverse=True)
    assert lefts[-1] < 0.5 * SIZE.width


def test_the_light_rises_on_arrival_and_then_the_picture_has_its_own_colours(studio):
    plan = two_of_a_room(studio)
    placed = plan.timeline[2]
    arrival = placed.first + placed.shot.entrance_frames
    dim, bright = (shown(studio, plan, arrival + more)[60:100, 120:160].mean(axis=(0, 1)) for more in (0, 26))

    assert dim[2] < 0.8 * bright[2]
    assert bright == pytest.approx(BLUE, abs=6)


@pytest.mark.parametrize("way", ["crossfade", "turn", "fan", "walk", "doorway", "outline", "folder"])
def test_every_entrance_begins_with_the_old_and_ends_with_the_new(studio, way):
    plan = changed(two_of_a_room(studio), 2, entrance=way)
    old, new = plan.shots[1:3]
    before, painter = (open_painter(plan, shot, studio.pictures) for shot in (old, new))
    last = new.entrance_frames - 1
    target, spare, alone = (new_frame(SIZE.width, SIZE.height) for _ in range(3))

    painter.enter(0, before, old.frames - last - 1, target, spare)
    before.paint(old.frames - last - 1, alone)
    assert far(target, alone) < 4
    painter.enter(last, before, old.frames - 1, target, spare)
    painter.paint(last, alone)
    assert far(target, alone) < 12


def test_between_two_rooms_it_gets_dark(studio):
    plan = gallery(studio, [studio.photo("a", RED), studio.photo("b", BLUE, story_id="other")])
    brightness = [luma(frame).mean() for frame in entrance(studio, plan, 2)]

    assert plan.timeline[2].shot.entrance == "doorway"
    assert 6 < min(brightness) < 0.15 * brightness[0], "dark, but the doorway is seen all the time"
    assert brightness.index(min(brightness)) not in {0, len(brightness) - 1}


def test_a_walk_out_of_another_place_leads_through_a_doorway(studio):
    plan = changed(two_of_a_room(studio), 1, entrance="walk")
    decoded = [luma(frame).mean() for frame in entrance(studio, plan, 1)]

    assert min(decoded) < 0.2 * decoded[0]


@pytest.mark.parametrize("heading", ["여름", LONG[:200], "W" * 60, "🌻🐈🍉"])
def test_a_label_stays_inside_the_safe_area(studio, heading):
    plan = gallery(studio, [studio.photo("a", RED)])
    words = Caption(
        heading=heading,
        text="이름을 물어본 꽃",
        who="Emma Kim",
        when="2026년 8월 15일",
        dye="#3c5aa6",
        first=1,
        stop=9,
    )
    bare = alone(studio, changed(plan, 1, caption=None), 1, 1.0)
    decoded = alone(studio, changed(plan, 1, caption=words), 1, 1.0)
    rows, columns = np.nonzero(np.abs(luma(decoded) - luma(bare)) > 40)

    assert columns.max() > 0.7 * SIZE.width
    assert rows.min() >= 0.05 * SIZE.height
    assert rows.max() < 0.95 * SIZE.height
    assert columns.min() >= 0.05 * SIZE.width
    assert columns.max() < 0.95 * SIZE.width


@pytest.mark.parametrize("heading", ["", "The sea"])
def test_a_label_is_written_in_42_pixels_of_1080_at_least(heading):
    words = Caption(
        heading=heading, text="A flower", who="Emma Kim", when="15 August", dye="#3c5aa6", first=1, stop=9
    )
    rows = label_rows(words, STYLE, 1080, 900)

    assert len(rows) == (3 if heading else 2)
    assert min(row.line.size for row in rows) >= 42


@pytest.mark.parametrize("who", ["할머니", "Emma Kim-Robertson", "김서연, Emma Kim-Robertson"])
def test_a_label_says_the_whole_day_whoever_gave_the_picture(who):
    words = Caption(
        text="매는 아침마다 돌아왔어요", who=who, when="2022년 12월 31일", dye="#3c5aa6", first=1, stop=9
    )
    text = " ".join(row.line.text for row in label_rows(words, STYLE, 1080, 1500))

    assert who in text
    assert text.endswith("2022년 12월 31일")


@pytest.mark.parametrize("count", [0, 1, 7, 24])
def test_names_stand_in_the_safe_area_and_the_lights_go_down(studio, count):
    people = [
        f"{name} {number}"
        for number, name in zip(range(count), ["박영희", "Alexandra Kim"] * 12, strict=False)
    ]
    plan = gallery(studio, [], contributors=people, end_line="함께한 사람")
    plan = changed(plan, -1, note="창가의 피아노")
    bare = changed(plan, -1, heading="", credits=(), note="")
    rows, columns = np.nonzero(
        np.abs(luma(still(studio, plan, -1, 0.5)) - luma(still(studio, bare, -1, 0.5))) > 25
    )
    late = plan.frames - plan.fade_out_frames - 1

    assert rows.min() >= 0.05 * SIZE.height
    assert rows.max() < 0.93 * SIZE.height
    assert columns.min() >= 0.05 * SIZE.width
    assert columns.max() < 0.95 * SIZE.width
    assert luma(shown(studio, plan, late)).mean() < 0.75 * luma(still(studio, plan, -1, 0.5)).mean()


@pytest.mark.parametrize("text", ["밥을 먹었다.", LONG * 2, "w" * 300])
def test_a_story_without_pictures_is_a_text_on_a_wall(studio, text):
    story = StoryText(story_id="s", title=LONG[:200], text=text, contributor="서연")
    plan = gallery(studio, [], stories=[story])
    place = next(
        number for number, shot in enumerate(plan.shots) if isinstance(shot, Card) and shot.role == "text"
    )
    bare = changed(plan, place, heading="", body="", note="")
    rows, columns = np.nonzero(
        np.abs(luma(still(studio, plan, place)) - luma(still(studio, bare, place))) > 25
    )

    assert rows.min() >= 0.05 * SIZE.height
    assert rows.max() < 0.93 * SIZE.height
    assert columns.min() >= 0.05 * SIZE.width
    assert columns.max() < 0.95 * SIZE.width


@pytest.mark.parametrize(
    "title", ["여름, 시골집에서", LONG[:200], "The summer we kept " * 11, "🌻🐈🍉", "W" * 80]
)
def test_any_title_is_printed_on_the_posters_sheet(studio, title):
    plan = gallery(studio, [], title=title)
    style = replace(plan.style, ink=plan.style.stage.paper, ink_soft=plan.style.stage.paper)
    blank = luma(still(studio, replace(plan, style=style), 0))
    rows, columns = np.nonzero(blank - luma(still(studio, plan, 0)) > 30)

    assert rows.size > 20
    assert rows.min() > 0.15 * SIZE.height
    assert rows.max() < 0.85 * SIZE.height
    assert columns.min() > 0.15 * SIZE.width
    assert columns.max() < 0.85 * SIZE.width


@pytest.mark.parametrize(
    "size", [Size(width=180, height=320), Size(width=200, height=200), Size(width=64, height=36)]
)
def test_films_of_any_shape_have_everything(studio, size):
    credit = Credit(name="박영희", dye="#3c5aa6")
    plan = studio.plan(
        [studio.photo("a", RED), studio.photo("b", BLUE, width=200, height=500)],
        style=STYLE,
        size=size,
        contributors=[credit.name],
        stories=[StoryText(story_id="t", title="부엌", text=LONG, contributor="서연")],
    )
    for shot in plan.shots:
        painter = open_painter(plan, shot, studio.pictures)
        frame = new_frame(size.width, size.height)
        painter.paint(shot.frames // 2, frame)
        assert planes_of(frame).luma.std() > 2


def test_a_film_without_anything_but_a_title_can_be_watched(studio):
    plan = gallery(studio, [], title="")

    assert luma(shown(studio, plan, 3)).mean() > 100
