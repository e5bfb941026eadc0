"""Every statement of a page for readers was run, in both languages, and printed what the page says."""

import functools
import itertools
import re
import shlex

import pytest
import typer.core
import typer.main

import memorycapsule
from integration.docs.pages import LANGUAGES, PROJECT, Page, Statement, is_printed, pages, read_page
from integration.docs.shells import Shell
from integration.docs.stages import set_photos, set_stage
from memorycapsule.cli import app

#: Of these at least ten statements run.
GUIDES = (
    "first-hour", "organiser", "member",
    "home-server", "school", "server-died", "another-machine", "postgres", "updating",
)  # fmt: skip
PAGES = pages()
#: What stands before a program in a line for a shell.
BEFORE = {"sudo", "memory-capsule", "exec", "nohup"}
#: Stands for a statement that one of two pages lacks.
NONE = Statement(line=0, text="", prints="")
_HANGUL = re.compile(r"[가-힣]")


@pytest.mark.slow
@pytest.mark.parametrize("page", [one for one in PAGES if one.statements], ids=lambda page: page.name)
def test_what_a_page_shows_was_run_and_printed_that(page: Page, tmp_path, request):
    def database() -> str:
        return request.getfixturevalue("postgres").create_database()

    home = tmp_path / "home"
    set_photos(home)
    problems = []
    with Shell(home, language=page.language, database=database) as shell:
        set_stage(shell, page.stage)
        for statement in page.statements:
            problem = shell.say(statement)
            if problem is not None:
                problems.append(
                    f"{page.path.relative_to(PROJECT)}:{statement.line}: $ {statement.text}\n{problem}"
                )

    assert not problems, "\n".join(["What these statements did is not what the page says:", *problems])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("guide", GUIDES)
def test_a_guide_holds_ten_statements_that_run(guide: str, language: str):
    assert len(read_page(PROJECT / "docs" / language / f"{guide}.md").statements) >= 10


@pytest.mark.parametrize(
    "page", [one for one in PAGES if one.language == "ko"], ids=lambda page: page.path.stem
)
def test_a_page_shows_the_same_statements_in_both_languages(page: Page):
    """What people call things may be Korean there."""
    (english,) = [one for one in PAGES if one.language == "en" and one.path.name == page.path.name]

    assert page.stage == english.stage
    assert [
        (one.text, other.text)
        for one, other in itertools.zip_longest(english.statements, page.statements, fillvalue=NONE)
        if not is_translated(one.text, other.text)
    ] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_shows_are_commands_and_options_that_are_there(page: Page):
    """Also what is shown and not run."""
    typed = [one for text in (*(one.text for one in page.statements), *page.shown) for one in commands(text)]

    assert [problem for words in typed if (problem := unknown(words))] == []


def is_translated(english: str, korean: str) -> bool:
    """Whether a statement is the same in Korean, but for words that are Korean."""
    pairs = itertools.zip_longest(shlex.split(english, comments=True), shlex.split(korean, comments=True))
    return all(one == other or (one and other and _HANGUL.search(other)) for one, other in pairs)


def commands(text: str) -> list[list[str]]:
    """What `capsule` is given in a line for a shell, however often."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    parts: list[list[str]] = [[]]
    for word in lexer:
        if set(word) <= set("|;&<>()"):
            parts.append([])
        else:
            parts[-1].append(word)
    return [part[at + 1 :] for part in parts for at in [place_of_capsule(part)] if at is not None]


def place_of_capsule(words: list[str]) -> int | None:
    """Where the program is named: alone, or after `sudo -u ... ` and the like; not where it is a word of another one."""
    places = [at for at, word in enumerate(words) if word.rpartition("/")[2] == "capsule"]
    begins = places and all("=" in word or word[:1] == "-" or word in BEFORE for word in words[: places[0]])
    return places[0] if begins else None


@functools.cache
def program() -> typer.core.TyperGroup:
    return typer.main.get_command(app)


def unknown(words: list[str]) -> str | None:
    """What is wrong with the words after `capsule`: a command or an option that is not there; None when nothing is."""
    command = program()
    options = {"-h", "--help", *(name for one in command.params for name in one.opts)}
    left = iter(words)
    for word in left:
        if word.startswith("-"):
            takes_value = any(word in one.opts and not one.is_flag for one in command.params)
            if word.partition("=")[0] not in options:
                return f"{word} in: capsule {shlex.join(words)}"
            if takes_value:
                next(left, None)
        elif children := getattr(command, "commands", None):
            if word not in children:
                return f"{word} in: capsule {shlex.join(words)}"
            command = children[word]
            options |= {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    return None


def test_what_is_not_there_is_noticed():
    assert unknown(["--lang", "ko", "story", "add", "summer", "--title", "--to", "x.jpg", "--json"]) is None
    assert unknown(["story", "bury", "summer"]) == "bury in: capsule story bury summer"
    assert unknown(["list", "--all"]) == "--all in: capsule list --all"
    assert commands("sudo -u memory-capsule capsule list --json | jq . # capsule x") == [["list", "--json"]]
    assert commands("A=b capsule tick && capsule status > told.txt") == [["tick"], ["status"]]
    assert commands("mkdir capsule") == []


@pytest.mark.parametrize(
    ("expected", "printed", "is_right"),
    [
        ("It opens\nsoon.", "It opens soon.\n", True),
        ("It opens ...", "It opens on Thursday,\n 8 May 2036", True),
        ("...\nlast", "first\nsecond\nlast", True),
        ("...", "", True),
        ("http://...", "http://127.0.0.1/g/i/abc", True),
        ("", "Something", False),
        ("It opens", "It opens soon", False),
        ("soon", "It opens soon", False),
        ("a ... c", "a b", False),
    ],
)
def test_what_a_page_says_is_compared_with_what_was_printed(expected: str, printed: str, is_right: bool):
    assert is_printed(expected, printed) is is_right


def test_a_statement_that_prints_something_else_is_told(tmp_path):
    page = tmp_path / "en" / "page.md"
    page.parent.mkdir()
    page.write_text("```console\n$ capsule --version\ncapsule 0.0\n$ capsule list\n$ capsule tick\n```\n")
    home = tmp_path / "home"
    home.mkdir()
    with Shell(home, language="en") as shell:
        version, listed, ticked = [shell.say(one) for one in read_page(page).statements]

    assert version == f"capsule {memorycapsule.__version__}\n"
    assert "capsule init" in listed
    assert ticked == "(The statement before ended with 7, and no `$ echo $?` says so.)"


def test_homes_and_disks_of_a_page_are_never_those_of_this_machine(tmp_path):
    page = tmp_path / "en" / "page.md"
    page.parent.mkdir()
    page.write_text(
        "```console\n$ mkdir /srv/photos/kept\n$ echo file:///srv/photos > ~/place\n$ cat ~/place\n"
        "file:///srv/photos\n```\n\n<!-- another machine -->\n```console\n$ ls ~\n$ ls /srv/photos\nkept\n```\n"
    )
    with Shell(tmp_path / "home", language="en") as shell:
        said = [shell.say(one) for one in read_page(page).statements]

    assert said == [None] * 5
    assert (tmp_path / "home/place").read_text() == f"file://{tmp_path}/srv/photos\n"
