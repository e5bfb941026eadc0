"""People read the language of the terminal, programs always the same."""

import io
import re

import pytest
import typer

import memorycapsule.cli.distant.client  # noqa: F401 - where some of the errors are
from memorycapsule.cli import main, prompts
from memorycapsule.cli.layout import width_of
from memorycapsule.cli.sentences import spoken, words_of
from memorycapsule.errors import CapsuleError

KOREAN = "ko_KR.UTF-8"


@pytest.mark.parametrize(
    ("variables", "words", "is_korean"),
    [
        ({}, [], False),
        ({"LANG": "C"}, [], False),
        ({"LANG": "fr_FR.UTF-8"}, [], False),
        ({"LANG": KOREAN}, [], True),
        ({"LANG": KOREAN, "LC_ALL": "C.UTF-8"}, [], False),
        ({"LANG": "C", "LC_MESSAGES": "ko_KR"}, [], True),
        ({"LANG": KOREAN}, ["--lang", "en"], False),
        ({"LANG": KOREAN}, ["--lang=en-GB"], False),
        ({}, ["--lang", "ko"], True),
        ({}, ["--lang", "KO_kr"], True),
        ({}, ["--lang", "ko", "--lang", "en"], False),
    ],
)
def test_a_mistake_is_told_in_the_language_of_the_terminal(monkeypatch, capsys, variables, words, is_korean):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    english = "No such command 'lst'. Did you mean 'list'? `capsule --help` shows what it takes.\n"
    korean = "'lst': 이런 명령은 없어요. 혹시 'list'인가요? 쓰는 법은 `capsule --help`로 볼 수 있어요.\n"

    assert main([*words, "lst"]) == 2
    assert capsys.readouterr().err == (korean if is_korean else english)


@pytest.mark.parametrize(
    ("words", "english", "korean"),
    [
        (
            ["create", "x", "--opens", "y", "--film-photos", "no"],
            "has to be a whole number",
            "정수로 적어 주세요.",
        ),
        (["list", "--jsn"], "(Possible options: --as, --json). `capsule list", "--jsn: 이런 옵션은 없어요."),
        (["list", "--qq"], "No such option: --qq. `capsule list --help`", "--qq: 이런 옵션은 없어요."),
        (["list", "a", "b"], "extra argument(s) (a b). `capsule", "(a b)"),
        (["create", "--opens"], "Option '--opens' requires an argument.", "'--opens' 옵션 뒤에는"),
        (["create", "x"], "Missing option '--opens'.", "'--opens' 옵션이 빠졌어요."),
        (["show"], "Missing argument 'CAPSULE'.", "'CAPSULE' 자리가 비어 있어요."),
        (["list", "--json=1"], "Option '--json' does not take a value.", "'--json' 옵션에는"),
        (["mistake"], "No such command 'mistake'.", "'mistake': 이런 명령은 없어요."),
        (["--quiet"], "Missing command.", "명령을 적어 주세요."),
        (["render", "x", "-o", "f", "--fps", "ten"], "Invalid value for '--fps'", "'--fps'에 맞지 않는"),
        (["list", "--lang", "fr"], "“fr” here; --lang takes one of these: en, ko.", "“fr”"),
        (["--lang", "", "list"], "“” here; --lang takes one of these: en, ko.", "“”"),
    ],
    ids=" ".join,
)
def test_what_is_typed_wrongly_is_explained_in_both(monkeypatch, capsys, words, english, korean):
    assert main(words) == 2
    said = capsys.readouterr().err
    assert english in said
    monkeypatch.setenv("LANG", KOREAN)
    assert main(words) == 2
    spoken = capsys.readouterr().err
    assert korean in spoken
    assert spoken != said


@pytest.mark.parametrize(
    "words", [["lst"], ["create", "x"], ["show", "x"], ["story"], ["list", "--lang", "fr"]], ids=" ".join
)
def test_programs_read_the_same_whatever_the_language(capsule, monkeypatch, words):
    english = capsule(*words, "--json")
    monkeypatch.setenv("LANG", KOREAN)
    korean = capsule(*words, "--json")

    assert korean == english
    assert english.error["message"].isascii() or "“" in english.error["message"]


def test_what_only_looks_like_a_language_is_none(initialised):
    assert initialised("create", "--opens", "+1y", "--title", "--lang", "ko").code == 2
    said = initialised("create", "--opens", "+1y", "--message", "--lang", "ko", "--yes")

    # "--lang" was the message, and "ko" the title.
    assert (said.code, "sealed and called" in said.out) == (0, True)


def test_a_capsules_first_days_in_korean(capsule, monkeypatch, tmp_path):
    monkeypatch.setenv("LANG", KOREAN)
    made = capsule("init", "--yes", "--admin", "ada@example.org", "--name", "Ada")
    assert (
        f"데이터는 {tmp_path / 'data'} 폴더에, 설정은 {tmp_path / 'config.toml'} 파일에 있어요." in made.out
    )
    assert capsule("list").out.startswith("아직 캡슐이 없어요. `capsule create")

    created = capsule("create", "여름", "--opens", "2036-05-08 09:00")
    assert created.out.startswith("‘여름’ 캡슐을 봉했어요. 짧은 이름: 여름\n")
    assert "여는 날: 2036년 5월 8일 목요일 오전 9시 (UTC 2036-05-08 00:00, " in created.out
    assert capsule("story", "add", "여름", "--title", "그네").out.startswith("이야기를 잘 싸 두었어요.\n")

    shown = capsule("show", "여름")
    assert "봉해져 있어요. 여는 날: 2036년 5월 8일 목요일 오전 9시" in shown.out
    assert "\n함께하는 사람\n  Ada (만든 사람): 이야기 1편\n" in shown.out
    found = capsule("doctor")
    assert "✓ 데이터베이스: 이 프로그램에 맞아요.\n" in found.out
    assert "! public_url: 편지 속 링크가 이 컴퓨터에서만 열려요." in found.out
    assert "편지 속 링크가 이 컴퓨터에서만 열려요" not in capsule("doctor", "--lang", "en").out
    refused = capsule("delete", "여름")
    assert (refused.code, refused.err) == (2, "지우면 되돌릴 수 없어요. 정말이면 --yes를 붙여 주세요.\n")


def test_tables_stand_in_columns_of_the_terminal(summer, monkeypatch):
    summer("create", "할머니의 여름", "--opens", "in 3 years")
    monkeypatch.setenv("LANG", KOREAN)
    lines = summer("list").out.splitlines()

    (heading, *rows) = lines
    begin = width_of(heading.partition("여는 날")[0])
    assert len(rows) == 2
    for row in rows:
        before = re.split(r"20\d\d년", row)[0]
        assert width_of(before) == begin


@pytest.mark.parametrize(
    "words",
    [
        ["list"],
        ["show", "summer"],
        ["show", "winter"],
        ["doctor"],
        ["member", "list", "summer"],
        ["story", "list", "summer"],
        ["story", "add", "summer", "nothing.jpg"],
        ["mail", "outbox"],
        ["token", "list"],
        ["key", "status"],
        ["db", "check"],
        ["open", "summer"],
        ["montage", "list"],
        ["consent", "summer"],
        ["delete", "summer"],
        ["edit", "summer"],
        ["invite", "summer", "a@example.org", "--locale", "fr"],
        ["member", "role", "summer", "Nobody", "recipient"],
        ["create", "X", "--opens", "+1y", "--soundtrack", "nothing.mp3"],
        ["render", "nothing.jpg", "-o", "film.mp4"],
        ["--as", "ben@example.org", "list"],
        ["tick", "--dry-run"],
        ["login-link", "nobody"],
        ["mail", "test", "nobody"],
    ],
    ids=" ".join,
)
def test_json_is_the_same_in_every_language(summer, monkeypatch, tmp_path, words):
    monkeypatch.chdir(tmp_path)

    def answered(*more: str) -> tuple[int, str]:
        said = summer(*words, "--json", *more)
        # How much of the disk is free may differ from one run to the next.
        return said.code, re.sub(r"\d+\.\d GB", "", said.out)

    english = answered()
    monkeypatch.setenv("LANG", KOREAN)

    assert answered() == english
    assert answered("--lang", "ko") == english
    assert not re.search("[가-힣]", english[1])


@pytest.mark.parametrize(
    ("language", "typed", "default", "is_yes"),
    [
        ("en", "y", False, True),
        ("en", "YES", False, True),
        ("en", "", True, True),
        ("en", "", False, False),
        ("en", "n", True, False),
        ("en", "예\ny", False, True),
        ("ko", "예", False, True),
        ("ko", "네", False, True),
        ("ko", "y", False, True),
        ("ko", "ㅛ", False, True),
        ("ko", "아니요", True, False),
        ("ko", "n", True, False),
        ("ko", "", True, True),
        ("ko", "", False, False),
        ("ko", "글쎄요\n네", False, True),
    ],
)
def test_yes_may_be_typed_in_the_language(monkeypatch, capsys, language, typed, default, is_yes):
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{typed}\n"))
    words = words_of(language)
    if is_yes:
        prompts.confirm(words, "?", default=default)
    else:
        with pytest.raises(typer.Abort):
            prompts.confirm(words, "?", default=default)

    said = capsys.readouterr().err
    ending = {("en", True): "[Y/n]:", ("en", False): "[y/N]:"}.get((language, default), "[네/아니요, ")
    assert said.startswith(f"? {ending}")
    assert ("Error: invalid input\n" in said or "로 적어 주세요.\n" in said) is ("\n" in typed)


def kinds(kind: type[CapsuleError]) -> set[type[CapsuleError]]:
    return {kind}.union(*map(kinds, kind.__subclasses__()))


def test_what_an_error_says_by_itself_is_said_in_both():
    # What a program of ours never hands to a person on a terminal needs no words there.
    silent = {"StageFailed"}
    # A file is never refused without saying why.
    silent |= {"MediaRefused"}
    known = {kind for kind in kinds(CapsuleError) if kind.__name__ not in silent}
    english, korean = words_of("en"), words_of("ko")

    assert {kind.__name__ for kind in known if f"error_{kind.code}" not in english.keys} == set()
    for kind in known:
        own = f"cli_error_{kind.code}"
        assert spoken(kind(), korean) == korean(own if own in korean.keys else f"error_{kind.code}")
    assert spoken(CapsuleError("other", sentence="Of its own."), korean) == "Of its own."
