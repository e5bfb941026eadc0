"""Text that is not UTF-8 is recognised, so that people know what to convert."""

import io
import sys

import pytest

from memorycapsule.cli.typed import encoding_of, read_text
from memorycapsule.errors import UsageProblem


@pytest.mark.parametrize(
    ("text", "codec", "name"),
    [
        ("할머니께, 사랑해요", "cp949", "CP949"),
        ("할머니 I love you so much", "cp949", "CP949"),
        ("안녕", "cp949", "CP949"),
        ("おばあちゃんへ", "cp932", "Shift_JIS"),
        ("夏休みの写真を送ります。", "cp932", "Shift_JIS"),
        ("おばあちゃんへ", "euc_jp", "EUC-JP"),
        ("亲爱的奶奶，我很想你", "gb18030", "GB18030"),
        ("Дорогая бабушка", "cp1251", "Windows-1251"),
        ("café à la crème", "latin1", "Windows-1252"),
        ("Grüße", "cp1252", "Windows-1252"),
        ("hello", "utf-16", "UTF-16"),
    ],
)
def test_an_old_encoding_is_called_by_its_name(text, codec, name):
    assert encoding_of(text.encode(codec)) == name


def test_what_nobody_can_tell_is_given_no_name():
    assert encoding_of(b"\xff\x98\xff\x81") == ""


@pytest.mark.parametrize("errors", ["strict", "surrogateescape", "replace"])
def test_bytes_that_are_not_utf_8_are_refused_however_python_reads(monkeypatch, errors):
    data = io.BytesIO("할머니께".encode("cp949"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(data, "ascii", errors))

    with pytest.raises(UsageProblem) as refused:
        read_text()

    assert (refused.value.reason, refused.value.values) == ("story_text_not_utf_8_but", {"encoding": "CP949"})


def test_utf_8_is_read_in_every_locale_and_its_mark_left_out(monkeypatch):
    data = io.BytesIO("\ufeff할머니께\r\n사랑해요".encode())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(data, "latin-1"))

    assert read_text() == "할머니께\n사랑해요"
