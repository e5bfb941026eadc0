"""Tables and texts fit terminals from 40 to 200 columns, and no word is broken."""

import pytest

from memorycapsule.cli.layout import fitted, table, width_of

ROWS = {
    "English": [
        ("CAPSULE", "TITLE", "OPENS", "DATE", "PEOPLE", "YOU ARE"),
        ("summer", "Summer", "in 9 years 365 days", "Sunday, 30 November 2036", "1", "owner"),
        (
            "the-summer-in-which-grandmother-was-youn",
            "The summer in which grandmother was young and we all went to the sea",
            "in 13 years 159 days",
            "Tuesday, 8 May 2040",
            "12",
            "contributor",
        ),
        ("3f0c", "", "open", "Monday, 1 January 2024", "", ""),
    ],
    "Korean": [
        ("캡슐", "제목", "열리기까지", "여는 날", "사람", "나는"),
        ("여름", "여름 방학에 외할머니 댁에서 보낸 날들과 바닷가에서", "2년 364일 남음", "2029년 11월 30일 금요일", "3", "만든 사람"),
        ("a-2", "A", "117일 남음", "2027년 3월 28일 일요일", "1", "함께하는 사람"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("language", ROWS)
@pytest.mark.parametrize("width", [40, 52, 60, 72, 80, 100, 120, 160, 200])
def test_a_table_fits_and_breaks_no_word(language, width):
    columns, *rows = ROWS[language]
    lines = list(table(columns, rows, width))

    assert (
        max(map(width_of, lines)) <= width or max(width_of(word) for row in rows for word in row[0]) > width
    )
    said = {word for line in lines for word in line.split()}
    assert {word for row in rows for cell in row for word in cell.split()} <= said


def test_where_nobody_looks_every_row_is_one_line():
    columns, *rows = ROWS["English"]

    assert len(list(table(columns, rows, None))) == 1 + len(rows)


def test_a_long_line_goes_on_below_itself():
    text = "People\n  f641d586 (untitled), by grandmother: 12 photos and 3 clips"

    assert fitted(text, 40).split("\n") == [
        "People",
        "  f641d586 (untitled), by grandmother:",
        "    12 photos and 3 clips",
    ]
    assert fitted(text, None) == text
    assert fitted("http://127.0.0.1:8484/g/i/" + "x" * 60, 40).count("\n") == 0


def test_a_command_in_backticks_is_not_broken():
    assert fitted("Nothing opens unless cron calls `capsule tick`.", 40).split("\n") == [
        "Nothing opens unless cron calls",
        "`capsule tick`.",
    ]
    assert fitted("As Bob: `export CAPSULE_TOKEN=1234567890123456789`", 40).split("\n") == [
        "As Bob:",
        "`export CAPSULE_TOKEN=1234567890123456789`",
    ]


def test_what_follows_a_sign_goes_on_below_its_first_word():
    assert fitted("✓ clock: nothing speaks against it.", 20).split("\n") == [
        "✓ clock: nothing",
        "  speaks against it.",
    ]
