"""What is said is harmless on a terminal and whole in JSON."""

import io
import json
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorycapsule.cli.commands.stories import free_path, safe_name
from memorycapsule.cli.output import Output, as_json, plain


@given(st.text(st.characters()))
def test_nothing_that_people_type_commands_a_terminal(text):
    shown = plain(text)

    assert not any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in shown)
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")


@given(st.text(st.characters()))
def test_json_keeps_every_text_as_it_was(text):
    line = as_json({"file": text})

    assert json.loads(line) == {"file": text}
    assert "\n" not in line
    line.encode("utf-8")


def test_ordinary_texts_stay_as_they_are():
    for text in ("The summer we kept", "여름, 시골집에서", "Zoë's café", "Việt Nam"):
        assert plain(text) == text
    assert plain("one\ntwo\t\x1b[0m", keeps_lines=True) == "one\ntwo\t\\x1b[0m"
    assert plain(b"\xff.jpg".decode(errors="surrogateescape")) == "\\xff.jpg"


def test_a_tower_of_marks_is_cut():
    assert len(plain("a" + "\u0301" * 50)) == 5


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_terminal_that_lacks_letters_is_no_error(monkeypatch, encoding):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    Output().say("여름 “summer”")
    Output(as_json=True).answer({"title": "여름"})
    stream.flush()
    said = stream.buffer.getvalue().decode(encoding).splitlines()

    assert "summer" in said[0]
    assert json.loads(said[1])["title"] == "여름"


def test_columns_line_up_in_any_script(capsys):
    Output().table(("A", "B"), [("여름", "x"), ("summer", "y"), ("é" + "e\u0301", "z")])
    lines = capsys.readouterr().out.splitlines()

    assert lines == ["A        B", "여름     x", "summer   y", "ée\u0301       z"]


def test_one_object_and_no_second(capsys):
    out = Output(as_json=True)
    out.answer({"first": 1})
    out.answer({"second": 2})

    assert json.loads(capsys.readouterr().out) == {"schema": 1, "first": 1}


def test_without_a_terminal_progress_is_a_line_now_and_then(capsys):
    with Output().progress("Putting in", 10) as bar:
        for _ in range(10):
            bar.advance()

    assert capsys.readouterr().err == ""


@given(st.text(st.characters()))
def test_a_saved_files_name_is_always_a_name(text):
    name = safe_name(text)

    assert "/" not in name
    assert "\\" not in name
    assert name not in {".", ".."}
    assert len(name.encode()) <= 255


def test_a_name_that_is_taken_gets_a_number(tmp_path):
    for expected in ("a.jpg", "a (2).jpg", "a (3).jpg"):
        path = free_path(tmp_path, "a.jpg")
        path.touch()
        assert path.name == expected
