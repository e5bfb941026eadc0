"""The desktop of the window theme: its frames, looked at one by one."""

import itertools
from dataclasses import replace

import cv2
import numpy as np
import pytest

from memorycapsule import themes
from memorycapsule.domain.film.direction import StoryText
from memorycapsule.domain.film.plan import Caption, Card, Clip, Credit, Move, Photo, sources_of
from memorycapsule.domain.film.sizes import Size
from memorycapsule.render.planes import new_frame, planes_of
from memorycapsule.render.stages import open_painter
from memorycapsule.render.stages.desktop.layout import words_of
from memorycapsule.render.worker import bgr_from_frame

STYLE = themes.load("window").film
SIZE = Size(width=640, height=360)
RED, GREEN, BLUE, YELLOW = (200, 40, 40), (30, 120, 40), (40, 60, 200), (230, 210, 40)
#: Left and right, above and below.
QUARTERS = {RED: (0, 0), GREEN: (1, 0), BLUE: (0, 1), YELLOW: (1, 1)}
#: Words keep away from every edge by so much of width and height.
SAFE = 0.05


@pytest.fixture
def desktop(studio):
    """A folder of pictures, and single frames of plans made of them."""

    class Desktop:
        folder = studio

        def quarters(self, name, width, height):
            image = np.zeros((height, width, 3), np.uint8)
            for colour, (right, below) in QUARTERS.items():
                image[
                    below * height // 2 : (1 + below) * height // 2,
                    right * width // 2 : (1 + right) * width // 2,
                ] = colour[::-1]
            picture = studio.photo(name, width=width, height=height)
            cv2.imwrite(str(studio.pictures / picture.file), image, [cv2.IMWRITE_JPEG_QUALITY, 98])
            return picture

        def plan(self, pictures, *, size=SIZE, **more):
            return studio.plan(pictures, style=STYLE, size=size, **more)

        def painter(self, plan, shot):
            return open_painter(plan, shot, studio.pictures)

        def paint(self, plan, shot, *indices):
            painter = self.painter(plan, shot)
            frames = []
            for index in indices:
                frames.append(new_frame(plan.size.width, plan.size.height))
                painter.paint(index, frames[-1])
            painter.close()
            return frames[0] if len(frames) == 1 else frames

        def entering(self, plan, before, shot):
            old, new = self.painter(plan, before), self.painter(plan, shot)
            frames = []
            spare = new_frame(plan.size.width, plan.size.height)
            for index in range(shot.entrance_frames):
                frames.append(new_frame(plan.size.width, plan.size.height))
                new.enter(index, old, before.frames - shot.entrance_frames + index, frames[-1], spare)
            old.close()
            new.close()
            return frames

    return Desktop()


def the(kind, plan):
    """Return the first shot of a kind, or the first card of a role."""
    return next(shot for shot in plan.shots if (shot.role if isinstance(shot, Card) else shot.kind) == kind)


def box_of(mask):
    """Return left, top, right and low of what is set."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def where(frame, colour, tolerance=26):
    rgb = bgr_from_frame(frame)[:, :, ::-1].astype(int)
    return (np.abs(rgb - colour) < tolerance).all(axis=2)


def changed(one, other):
    """Return where the luma of two frames differs."""
    return planes_of(one).luma != planes_of(other).luma


def is_safe(mask, size=SIZE):
    left, top, right, low = box_of(mask)
    return (
        left >= SAFE * size.width
        and right <= (1 - SAFE) * size.width
        and top >= SAFE * size.height
        and low <= (1 - SAFE) * size.height
    )


def test_every_frame_is_a_function_of_its_number(desktop):
    plan = desktop.plan([desktop.quarters("a", 480, 320)])
    for shot in plan.shots[1:]:
        once, late = desktop.paint(plan, shot, 5, 20)
        assert np.array_equal(once, desktop.paint(plan, shot, 5))
        assert np.array_equal(late, desktop.paint(plan, shot, 20))


@pytest.mark.parametrize("size", [(480, 320), (320, 480), (900, 300), (300, 300), (60, 40)])
def test_a_picture_is_seen_whole_upright_and_unstretched(desktop, size):
    plan = desktop.plan([desktop.quarters("a", *size)])
    frame = desktop.paint(plan, the("photo", plan), 0)
    boxes = {colour: box_of(where(frame, colour)) for colour in QUARTERS}

    left, top, *_ = boxes[RED]
    *_, right, low = boxes[YELLOW]
    assert (right - left) / (low - top) == pytest.approx(size[0] / size[1], rel=0.05)
    assert right - left <= 2 * size[0]
    for colour, (is_right, is_below) in QUARTERS.items():
        x, y, until_x, until_y = boxes[colour]
        assert x == pytest.approx(left + is_right * (right - left) / 2, abs=3)
        assert y == pytest.approx(top + is_below * (low - top) / 2, abs=3)
        assert until_x - x == pytest.approx((right - left) / 2, abs=4)
        assert until_y - y == pytest.approx((low - top) / 2, abs=4)


def test_only_the_picture_moves_and_at_most_three_per_cent_of_it_go(desktop):
    plan = desktop.plan([desktop.quarters("a", 480, 320)])
    shot = the("photo", plan)
    first, last = desktop.paint(plan, shot, 0, shot.frames - 1)
    left, top, *_ = box_of(where(first, RED))
    *_, right, low = box_of(where(first, YELLOW))

    moved = changed(first, last)
    assert moved.any()
    moved[top - 1 : low + 1, left - 1 : right + 1] = False
    assert not moved.any()
    # Each quarter is still there, by nearly as much as at first.
    for colour in QUARTERS:
        assert where(last, colour).sum() == pytest.approx(where(first, colour).sum(), rel=0.04)


def test_a_long_picture_is_gone_over_from_end_to_end(desktop):
    plan = desktop.plan([desktop.quarters("a", 1200, 200)])
    shot = the("photo", plan)
    first, last = desktop.paint(plan, shot, 0, shot.frames - 1)

    assert where(first, RED).sum() > 1.2 * where(first, GREEN).sum()
    assert where(last, GREEN).sum() > 1.2 * where(last, RED).sum()


@pytest.mark.parametrize("way", ["outline", "folder"])
def test_an_entrance_begins_with_the_old_window_and_ends_with_the_new(desktop, way):
    plan = desktop.plan([desktop.quarters("a", 480, 320), desktop.quarters("b", 320, 480)])
    # Only the entrance moves.
    before, shot = (
        replace(one, move=Move(start=one.move.start, end=one.move.start))
        for one in plan.shots
        if isinstance(one, Photo)
    )
    shot = replace(shot, entrance=way, entrance_frames=27)
    frames = desktop.entering(plan, before, shot)
    old = desktop.paint(plan, before, before.frames - 27)
    new = desktop.paint(plan, shot, 26)

    assert changed(frames[0], old).mean() < 0.01
    assert np.array_equal(frames[-1], new)
    steps = sum(changed(one, other).mean() > 0.002 for one, other in itertools.pairwise(frames))
    assert 5 <= steps <= 10


def test_the_old_window_stays_until_the_new_one_is_there(desktop):
    plan = desktop.plan([desktop.quarters("a", 480, 320), desktop.quarters("b", 320, 480)])
    before, shot = (one for one in plan.shots if isinstance(one, Photo))
    frames = desktop.entering(plan, before, replace(shot, entrance="outline", entrance_frames=15))
    new = desktop.paint(plan, shot, 14)
    for frame in frames:
        is_new = changed(frame, new).mean() < 0.02
        assert is_new or where(frame, RED).sum() > 0.8 * where(frames[0], RED).sum()


@pytest.mark.parametrize("way", ["crossfade", "turn", "fan", "walk", "doorway", "outline", "folder"])
def test_every_shot_may_follow_any_other_by_any_entrance(desktop, way):
    pictures = [desktop.quarters("a", 480, 320), desktop.folder.clip("c", seconds=2.0)]
    letter = StoryText(story_id="t", title="Letter", text="It rained.", contributor="Bo")
    plan = desktop.plan(pictures, stories=[letter])
    shots = [the(kind, plan) for kind in ("title", "photo", "clip", "text", "end")]
    for before, shot in zip(shots, shots[1:] + shots[:1], strict=True):
        shot = replace(shot, entrance=way, entrance_frames=8)
        frames = desktop.entering(plan, before, shot)
        new = desktop.paint(plan, shot, 7)
        old = desktop.paint(plan, before, before.frames - 1)
        difference = [np.abs(frames[-1].astype(int) - one).mean() for one in (old, new)]
        assert difference[0] >= difference[1]


def test_the_title_drops_in_letter_by_letter_and_stands_in_the_safe_area(desktop):
    plan = desktop.plan([], title="여름, 시골집에서", contributors=["Ada", "Bo"])
    card = the("title", plan)
    frames = desktop.paint(plan, card, 0, card.entrance_frames + 20, card.frames - 20, card.frames - 1)
    # The button of the task bar has the same colour.
    letters = [where(frame, (255, 211, 77))[: round(0.9 * SIZE.height)] for frame in frames]
    first, amid, _, last = (one.sum() for one in letters)

    assert first < 0.1 * last
    assert amid < last
    assert np.array_equal(frames[-1], frames[-2])
    assert is_safe(letters[-1])


@pytest.mark.parametrize(
    "title", ["🎂🌞🐸", "word " * 40, "가" * 200, "Summer", "집", "The summer we kept · 우리가 간직한 여름"]
)
def test_any_title_is_shown(desktop, title):
    plan = desktop.plan([], title=title)
    card = the("title", plan)
    empty = replace(card, heading="")
    shown = changed(desktop.paint(plan, card, card.frames - 1), desktop.paint(plan, empty, card.frames - 1))

    assert shown.mean() > 0.005


def test_windows_stand_in_the_safe_area_whatever_is_written_on_them(desktop):
    words = "A long sentence about a day nobody wanted to end. " * 3
    plan = desktop.plan([desktop.quarters("a", 480, 320), desktop.quarters("b", 300, 480)])
    photos = [shot for shot in plan.shots if isinstance(shot, Photo)]
    caption = Caption(heading=words, text=words, who=words, when="8 May 2036", dye="#d6506f", first=1, stop=9)
    for shot in (*photos, replace(photos[0], beside=(photos[1].source, photos[0].source))):
        for variant in (None, caption, replace(caption, heading="", who="Ada"), replace(caption, text="")):
            windows = desktop.painter(plan, replace(shot, caption=variant)).windows
            assert len(windows) == len(sources_of(shot))
            for window in windows:
                assert window.x >= SAFE * SIZE.width
                assert window.right <= (1 - SAFE) * SIZE.width
                assert window.y >= 0.025 * SIZE.height
                assert window.low <= (1 - SAFE) * SIZE.height
            assert not any(
                one.x < other.right and other.x < one.right and one.y < other.low and other.y < one.low
                for place, one in enumerate(windows)
                for other in windows[place + 1 :]
            )


def test_pictures_beside_each_other_are_all_seen(desktop):
    plan = desktop.plan([desktop.quarters("a", 320, 480), desktop.quarters("b", 300, 480)])
    (pair,) = (shot for shot in plan.shots if isinstance(shot, Photo))
    frame = desktop.paint(plan, pair, 10)
    _, labels = cv2.connectedComponents(where(frame, BLUE).astype(np.uint8))

    assert sum((labels == number).sum() > 400 for number in range(1, labels.max() + 1)) == 2


def test_a_window_is_named_by_story_or_day_and_never_by_an_id(desktop):
    picture = replace(desktop.quarters("a", 480, 320), id="8f14e45f-ceea", contributor="")
    plan = desktop.plan([picture])
    shot = replace(the("photo", plan), caption=None)
    caption = Caption(
        heading="나비", text="담 주인", who="지호", when="2023년 9월 25일", dye="#3c5aa6", first=1, stop=9
    )

    assert words_of(plan, shot).names == ("photo",)
    assert words_of(replace(plan, language="ko"), shot).names == ("사진",)
    assert words_of(plan, replace(shot, beside=(shot.source,))).names == ("photo", "photo 2")
    named = words_of(plan, replace(shot, caption=caption))
    assert (named.names, named.text, named.label) == (("나비",), "담 주인", "지호 · 2023년 9월 25일")
    dated = words_of(plan, replace(shot, caption=replace(caption, heading="")))
    assert (dated.names, dated.label) == (("2023년 9월 25일",), "지호")


def test_a_clip_plays_in_its_window_above_the_strip_of_a_player(desktop):
    plan = desktop.plan([desktop.folder.clip("c", (40, 60, 200), seconds=2.0)])
    shot = the("clip", plan)
    assert isinstance(shot, Clip)
    first, last = desktop.paint(plan, shot, 2, shot.frames - 1)
    played = (47, 158, 98)

    assert where(first, BLUE).sum() > 0.2 * SIZE.width * SIZE.height
    assert where(last, played)[: SIZE.height // 2].sum() == where(first, played)[: SIZE.height // 2].sum()
    assert where(last, played).sum() > where(first, played).sum()


def test_a_story_without_pictures_is_a_letter_in_an_editor(desktop):
    letter = StoryText(
        story_id="t", title="할머니 편지", text="그해 여름에는 비가 많이 왔다. " * 8, contributor="영희"
    )
    plan = desktop.plan([], stories=[letter])
    card = the("text", plan)
    frame = desktop.paint(plan, card, 20)
    (window,) = desktop.painter(plan, card).windows

    assert where(frame, (255, 255, 255)).mean() > 0.2
    assert window.x >= SAFE * SIZE.width
    assert window.low <= (1 - SAFE) * SIZE.height


@pytest.mark.parametrize("count", [0, 1, 24])
def test_the_last_screen_is_dark_with_amber_words_in_the_safe_area(desktop, count):
    people = tuple(
        Credit(name=f"할머니와 할아버지 {number}", dye="#3c5aa6", count=number) for number in range(count)
    )
    card = Card(
        frames=60, entrance_frames=0, role="end", heading="함께 담은 사람들", note="Song", credits=people
    )
    plan = replace(desktop.plan([]), language="ko")
    frame = desktop.paint(plan, card, 30)
    rgb = bgr_from_frame(frame)[:, :, ::-1].astype(int)

    assert rgb[4, 4] == pytest.approx((13, 11, 24), abs=4)
    assert is_safe(rgb[:, :, 0] > 60)
    english = desktop.paint(replace(plan, language="en"), replace(card, heading="Put together by"), 30)
    assert changed(frame, english)[: SIZE.height // 2].any()


@pytest.mark.parametrize(
    "size", [Size(width=64, height=36), Size(width=180, height=320), Size(width=320, height=90)]
)
def test_films_of_any_shape_are_painted(desktop, size):
    letter = StoryText(
        story_id="t", title="Letter", text="It rained a lot that summer. " * 5, contributor="Bo"
    )
    pictures = [
        desktop.quarters("a", 480, 320),
        desktop.quarters("dot", 1, 1),
        desktop.quarters("line", 3, 900),
    ]
    plan = desktop.plan(pictures, stories=[letter], size=size, end_line="By")
    for shot in plan.shots[1:]:
        desktop.paint(plan, shot, 0, shot.frames - 1)
