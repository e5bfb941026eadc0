"""Lettering: no empty boxes, words kept whole, headings balanced."""

import ast
import itertools
import os
import re
import subprocess
import sys
import unicodedata

import cv2
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
        ("👨‍👩‍👧", "👨‍👩‍👧"),
        ("👍🏽❤️", "👍🏽❤"),
        ("ไทย", "ไทย"),
        ("می‌خواهم", "می‌خواهم"),
        ("\u202eabc\u202c", "abc"),
        ("\U0010ffff\ue000", "〓"),
        (unicodedata.normalize("NFD", "한글"), "한글"),
        ("really?", "really?"),
    ],
)
def test_what_no_font_has_is_replaced_by_a_sign_and_what_is_no_letter_is_left_out(text, kept):
    assert typesetting.clean(text) == kept


def test_a_letter_without_any_font_is_replaced_by_a_sign_and_named(tmp_path):
    """In a process of its own, on a machine without fonts."""
    program = (
        "from memorycapsule.render import typesetting\n"
        "text = '𠮷野家の夏 𒀀𒀀'\n"
        "print(ascii([typesetting.clean(text), typesetting.missing_letters(text)]))"
    )
    nowhere = {"XDG_DATA_DIRS": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **nowhere},
        capture_output=True,
        text=True,
        check=True,
    )

    assert ast.literal_eval(done.stdout) == ["〓野家の夏 〓〓", "𠮷𒀀"]


SCRIPTS = {
    "Arabic": "أول سنة لنا معاً",
    "Persian": "می‌خواهم بمانم",
    "Urdu": "ہماری پہلی گرمی",
    "Hebrew": "שנת הלימודים",
    "Thai": "ที่บ้านคุณปู่",
    "Hindi": "हमारी पहली गर्मी",
    "Bengali": "আমাদের প্রথম বছর",
    "Tamil": "எங்கள் முதல் கோடை",
    "Telugu": "మా మొదటి వేసవి",
    "Kannada": "ನಮ್ಮ ಮೊದಲ ಬೇಸಿಗೆ",
    "Malayalam": "ഞങ്ങളുടെ ആദ്യ വേനൽ",
    "Gujarati": "અમારો પહેલો ઉનાળો",
    "Punjabi": "ਸਾਡੀ ਪਹਿਲੀ ਗਰਮੀ",
    "Odia": "ଆମର ପ୍ରଥମ ଗ୍ରୀଷ୍ମ",
    "Sinhala": "අපේ පළමු ගිම්හානය",
    "Khmer": "រដូវក្តៅដំបូង",
    "Lao": "ລະດູຮ້ອນທຳອິດ",
    "Burmese": "ပထမနွေရာသီ",
    "Georgian": "ჩვენი პირველი ზაფხული",
    "Armenian": "Մեր առաջին ամառը",
    "Amharic": "የመጀመሪያው ክረምት",
}


@pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS)
def test_every_letter_of_these_scripts_is_drawn(text):
    assert typesetting.clean(text) == unicodedata.normalize("NFC", text)
    assert typesetting.missing_letters(text) == ""
    for word in text.split():
        assert inked(word).any()


@pytest.mark.parametrize(
    ("text", "joined"),
    [("أول سنة لنا معاً", "سنة"), ("می‌خواهم بمانم", "بمانم"), ("ہماری پہلی گرمی", "پہلی")],
)
def test_arabic_begins_at_the_right_and_joins_its_letters(text, joined):
    parts = [part.text for part, _x in typesetting.parts_of(typesetting.line_of(text, FONT, 48))]

    assert typesetting.line_of(text, FONT, 48).is_rtl
    assert parts[::-1] == re.split("( )", text), (
        "the first word is at the right end, and no letter stands alone"
    )
    assert typesetting.measure(joined, FONT, 48) < sum(typesetting.measure(one, FONT, 48) for one in joined)


def test_a_letter_that_joins_none_before_it_stands_as_it_is_at_the_right_end():
    def cut(ink):
        columns = np.flatnonzero(ink.any(axis=0))
        return ink[:, columns[0] : columns[-1] + 1].astype(int)

    alef, word = cut(inked("أ")), cut(inked("أول"))

    assert np.abs(alef - word[:, -alef.shape[1] :]).mean() < 12
    assert np.abs(alef - word[:, : alef.shape[1]]).mean() > 24


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("שנת הלימודים 2026", "2026 הלימודים שנת"),
        ("שלום (abc)", "(abc) שלום"),
        ("שלום [1]", "[1] שלום"),
        ("Summer שנת שלום!", "Summer שלום שנת!"),
        ("أول ١٢٣", "١٢٣ أول"),
    ],
)
def test_runs_of_two_directions_stand_in_the_order_of_reading(text, seen):
    parts = typesetting.parts_of(typesetting.line_of(text, FONT, 48))

    assert "".join(part.text for part, _x in parts) == seen


@pytest.mark.parametrize(
    "text", ["שלום (abc) [1]", "(שלום)", "أول (٢٠٢٦) سنة", "Summer by the sea", "हमारी (गर्मी)"]
)
def test_the_parts_of_a_line_make_the_same_picture_as_the_line(text):
    line = typesetting.line_of(text, FONT, 48)
    whole, parts = (np.zeros((120, line.width + 60), np.uint8) for _ in range(2))
    typesetting.draw(line, whole, 20, 80)
    for part, x in typesetting.parts_of(line):
        typesetting.draw(part, parts, 20 + x, 80)

    # Letters are set on whole pixels one by one, so edges may lie a pixel beside.
    assert cv2.absdiff(whole, parts).mean() < 4


def test_the_lines_of_a_paragraph_begin_where_the_paragraph_does():
    lines = typesetting.wrap("שלום abc def ghi jkl mno\nabc שלום", FONT, 40, 240)

    assert len(lines) > 2
    assert [line.is_rtl for line in lines] == [True] * (len(lines) - 1) + [False]


def test_marks_stay_with_their_letters_where_a_word_is_cut():
    lines = typesetting.wrap("ที่ปู่น้ำ" * 12, FONT, 40, 200)

    assert len(lines) > 3
    assert not any(unicodedata.category(line.text[0]).startswith("M") for line in lines)


@pytest.mark.parametrize("sequence", ["🇰🇷", "👨‍👩‍👧", "👍🏽", "🏳️‍🌈"])
def test_emoji_of_several_characters_are_one_picture(sequence):
    text = typesetting.clean(sequence)

    assert [part.text for part, _x in typesetting.parts_of(typesetting.line_of(text, FONT, 48))] == [text]
    assert typesetting.measure(text, FONT, 48) < 1.3 * typesetting.measure("🎂", FONT, 48)


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
