"""People read the language of the terminal, programs always the same."""

import pytest

import memorycapsule.cli.distant.client  # noqa: F401 - where some of the errors are
from memorycapsule.cli import main
from memorycapsule.cli.sentences import error_key, message_of, words_of
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
            "valid integer, unable",
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


def kinds(kind: type[CapsuleError]) -> set[type[CapsuleError]]:
    return {kind}.union(*map(kinds, kind.__subclasses__()))


def test_what_an_error_says_by_itself_is_said_in_both():
    # What a program of ours never hands to a person on a terminal needs no words there.
    silent = {"_ProtocolError", "StageFailed", "PlanRefused", "NoTmpfs", "DamagedEnvelope"}
    spoken = {kind for kind in kinds(CapsuleError) if kind.__name__ not in silent}
    english, korean = words_of("en"), words_of("ko")

    assert {kind.__name__ for kind in spoken if error_key(kind) not in english.keys} == set()
    assert {kind.__name__ for kind in spoken if english(error_key(kind)) != kind.default_message()} == set()
    assert all(message_of(kind(), korean) == korean(error_key(kind)) for kind in spoken)
    assert message_of(CapsuleError("Of its own."), korean) == "Of its own."
