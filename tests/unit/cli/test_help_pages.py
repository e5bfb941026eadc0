"""Help is there in each language, laid out by columns of a terminal."""

from pathlib import Path

import pytest

import memorycapsule
from memorycapsule import cli
from memorycapsule.cli.layout import width_of

FOLDER = Path(memorycapsule.__file__).parent / "words"


def commands() -> list[list[str]]:
    """What one types to see each page of help."""
    names = [line[12:-1] for line in cli.help_catalogue().splitlines() if line.startswith('msgid "help ')]
    return [[] if name == "capsule" else name.split() for name in names if name.islower() and "-" not in name]


def test_the_english_catalogue_is_what_the_commands_say():
    assert (FOLDER / "en" / "help.po").read_text() == cli.help_catalogue()


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_korean_help_says_nothing_in_english_and_fits_the_terminal(capsys, monkeypatch, words):
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.main([*words, "--help"]) == 0
    english = capsys.readouterr().out
    assert cli.main(["--lang", "ko", *words, "--help"]) == 0
    korean = capsys.readouterr().out
    monkeypatch.setenv("LANG", "ko_KR.UTF-8")
    assert cli.main([*words, "-h"]) == 0
    assert capsys.readouterr().out == korean

    explained, typed = korean.split("\n  예:\n") if "\n  예:\n" in korean else (korean, "")
    assert "\n  Examples:\n" + typed == "\n  Examples:\n" + english.partition("\n  Examples:\n")[2]
    assert max(map(width_of, explained.splitlines())) <= 80
    said = [line.strip() for line in english.partition("\n  Examples:\n")[0].splitlines() if ". " in line]
    assert [line for line in said if line in korean] == []
    assert not {"Usage:", "Options:", "Arguments:", "Commands:", "required", "default:"} & set(korean.split())
    assert "사용법: capsule" in korean
    assert korean.count("--") == english.count("--")


def test_what_has_to_be_given_and_what_is_usual_is_said_too(capsys):
    cli.main(["render", "--lang", "ko", "--help"])
    said = " ".join(capsys.readouterr().out.split())

    assert "만들 필름, mp4. [필수]" in said
    assert "10에서 60. [기본: 30]" in said


def test_a_text_in_two_columns_begins_below_itself(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "52")
    cli.main(["--lang", "ko", "--help"])
    said = capsys.readouterr().out.splitlines()

    (place,) = [place for place, line in enumerate(said) if line.strip().startswith("--show-completion")]
    begin = said[place].index("지금")
    assert said[place + 1][:begin].isspace()
    assert not said[place + 1][begin].isspace()


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_help_says_no_types_cuts_nothing_and_ends_with_examples(capsys, monkeypatch, words):
    monkeypatch.setenv("COLUMNS", "60")
    assert cli.main([*words, "--help"]) == 0
    said = capsys.readouterr().out

    assert not {"<str>", "<int>", "<list[str]>", "<list[Path]>", "{", "}"} & set(
        said.replace("{", " { ").split()
    )
    assert "..." not in said.replace("FILE|FOLDER...", "").replace("[FILE|FOLDER]...", "").replace(
        "EMAIL...", ""
    ).replace("COMMAND ...", "").replace("age1...", "").replace("MEDIUM=TEXT...", "")
    assert "\n  Examples:\n    " in said
    explained = said.partition("\n  Examples:\n")[0]
    assert max(map(width_of, explained.splitlines())) <= 60


@pytest.mark.parametrize(
    ("words", "same"),
    [
        (["help"], ["--help"]),
        (["help", "create"], ["create", "--help"]),
        (["help", "story", "add"], ["story", "add", "--help"]),
        (["story", "help", "add"], ["story", "add", "--help"]),
        (["story", "help"], ["story", "--help"]),
        (["version"], ["--version"]),
        (["-V"], ["--version"]),
        (["version", "--json"], ["--version", "--json"]),
        (["--json", "version"], ["--version", "--json"]),
    ],
    ids=" ".join,
)
def test_help_and_version_are_understood_as_words(capsys, words, same):
    assert cli.main(words) == 0
    said = capsys.readouterr().out
    assert cli.main(same) == 0

    assert capsys.readouterr().out == said
    assert said
