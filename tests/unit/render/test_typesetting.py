"""Lettering: no empty boxes, words kept whole, headings balanced."""

import itertools
import unicodedata

import numpy as np
import pytest

from memorycapsule.domain.film.plan import Caption, Card, Credit, FilmStyle
from memorycapsule.domain.film.sizes import Size
from memorycapsule.render import typesetting
from memorycapsule.render.overlays import caption_overlay, card_overlay
from support.effort import calls_in

FONT = "Pretendard-Bold.otf"


def inked(text, size=48):
    text = typesetting.clean(text)
    mask = np.zeros((size * 2, max(1, typesetting.measure(text, FONT, size)) + size), np.uint8)
    typesetting.draw(
        typesetting.Line(text=text, font=FONT, size=size, width=0), mask, size // 4, size + size // 3
    )
    return mask


@pytest.mark.parametrize(
    "text",
    [
        "여름, 시골집에서",
        "뷁쀍",
        "Grüße, été, Žižek",
        "漢字",
        "いろは",
        "Привет",
        "🎂",
        "❤️",
        "🇰🇷",
        "함께한 사람들",
        "…",
        "·",
    ],
)
def test_what_can_be_drawn_is_neither_a_box_nor_a_question_mark(text):
    unknown = [inked(mark) for mark in ("?", "\ufffd")]

    for letter in typesetting.clean(text).replace(" ", ""):
        drawn = inked(letter)
        assert drawn.any(), f"nothing is drawn for {letter!r}"
        assert not any(drawn.shape == mark.shape and (drawn == mark).all() for mark in unknown), letter


def test_different_letters_look_different():
    assert not np.array_equal(inked("가"), inked("나"))
    assert not np.array_equal(inked("🎂"), inked("🎈"))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a\x00b\x1b[31m", "ab[31m"),
        ("👨‍👩‍👧", "👨👩👧"),
        ("👍🏽", "👍"),
        ("ไทย", ""),
        ("\U0010ffff\ue000", ""),
        (unicodedata.normalize("NFD", "한글"), "한글"),
        ("really?", "really?"),
    ],
)
def test_what_no_font_has_is_left_out(text, kept):
    assert typesetting.clean(text) == kept


def test_lines_are_never_wider_than_allowed_and_lose_no_word():
    text = "여름 방학에 시골집에서 보낸 열흘 and the long way back to the city " * 4
    lines = typesetting.wrap(text, FONT, 40, 500)

    assert all(line.width <= 500 for line in lines)
    assert " ".join(line.text for line in lines).split() == text.split()


def test_a_word_wider_than_a_line_is_cut_and_complete():
    word = "가나다라마바사아자차카타파하" * 10
    lines = typesetting.wrap(word, FONT, 40, 300)

    assert all(line.width <= 300 for line in lines)
    assert "".join(line.text for line in lines) == word


def test_each_line_of_a_cut_word_is_as_full_as_can_be():
    word = "Donaudampfschifffahrtsgesellschaft" * 6
    lines = typesetting.wrap(word, FONT, 40, 300)

    for line, following in itertools.pairwise(lines):
        assert line.width <= 300 < typesetting.measure(line.text + following.text[0], FONT, 40)


def test_a_word_without_end_is_looked_at_a_few_times_for_each_line():
    word = "여름밤의추억과별과바다" * 180
    lines = typesetting.wrap(word, FONT, 43, 900)

    assert len(lines) > 80
    assert calls_in(lambda: typesetting.wrap(word, FONT, 43, 900)) < 5 * len(lines) * len(word)


def test_a_heading_is_balanced():
    text = "The summer we kept in the house by the sea with all our"
    plain, balanced = (typesetting.wrap(text, FONT, 40, 640, balanced=flag) for flag in (False, True))

    assert len(balanced) == len(plain)
    assert max(line.width for line in balanced) - min(line.width for line in balanced) < 200


@pytest.mark.parametrize(
    "title", ["🎂🎉❤️", "a" * 200, "가" * 200, "word " * 40, "여름 Summer 🎂 été", "", "\x00", "ไทย"]
)
def test_every_title_makes_a_card_inside_the_frame(title):
    size = Size(width=640, height=360)
    card = Card(frames=60, entrance_frames=0, role="title", heading=title, note="2016 - 2026")
    overlay = card_overlay(size, FilmStyle(), card)
    ink = overlay.luma_through < 255

    assert ink.any()
    assert not ink[:12].any()
    assert not ink[-12:].any()
    assert not ink[:, :32].any()
    assert not ink[:, -32:].any()


@pytest.mark.parametrize("count", [1, 5, 6, 13, 24])
def test_all_names_of_a_page_are_inside_the_frame(count):
    size = Size(width=640, height=360)
    people = tuple(Credit(name=f"박영희 Younghee {number}", dye="#efbd45") for number in range(count))
    ink = (
        card_overlay(
            size, FilmStyle(), Card(frames=60, entrance_frames=0, role="end", credits=people)
        ).luma_through
        < 255
    )

    assert ink.any()
    assert not ink[:8].any()
    assert not ink[-8:].any()
    assert not ink[:, :16].any()
    assert not ink[:, -16:].any()


def test_a_caption_of_nothing_is_nothing():
    caption = Caption(heading="\x00", dye="#efbd45", first=1, stop=10)

    assert caption_overlay(Size(width=320, height=180), FilmStyle(), caption) is None


def test_a_heading_is_broken_where_its_author_divided_it():
    lines = typesetting.wrap("여름, 시골집에서 · The summer we kept", FONT, 120, 1400, balanced=True)

    assert [line.text for line in lines] == ["여름, 시골집에서 ·", "The summer we kept"]
