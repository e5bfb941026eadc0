"""The languages are the folders there are, and everybody gets the one that they read."""

import pytest

from memorycapsule.words.languages import (
    chosen,
    known,
    language_of_environment,
    language_or_default,
    languages,
    region_of,
)


def test_the_languages_are_the_folders():
    assert languages() == ("en", "ko")


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("ko", "ko"),
        ("KO", "ko"),
        ("ko-KR", "ko"),
        ("ko_KR.UTF-8", "ko"),
        ("ko_KR.eucKR", "ko"),
        ("ko_KR@cjknarrow", "ko"),
        ("ko-Kore-KR-x-twain", "ko"),
        ("en_US", "en"),
        ("kok_IN", None),
        ("fr", None),
        ("C", None),
        ("C.UTF-8", None),
        ("POSIX", None),
        ("", None),
        ("-", None),
        ("../en", None),
    ],
)
def test_a_language_is_known_by_the_names_of_bcp_47_and_of_posix(name, language):
    assert known(name) == language
    assert language_or_default(name) == (language or "en")


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({}, "en"),
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "C"}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "en_US"}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
        ({"LANG": "ko_KR.UTF-8", "LC_MESSAGES": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "C", "LC_ALL": "ko_KR"}, "ko"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": "", "LC_MESSAGES": ""}, "ko"),
        ({"LC_TIME": "ko_KR.UTF-8", "LANGUAGE": "ko"}, "en"),
    ],
)
def test_the_language_of_a_terminal_is_that_of_the_strongest_variable(variables, language):
    assert language_of_environment(variables) == language


def test_the_first_language_that_we_speak_is_taken():
    assert chosen(None, "de-DE, ko;q=0.3, en;q=0.2") == "ko"
    assert chosen("xx", "fr", "ko") == "ko"
    assert chosen("en;q=0, ko;q=nonsense") == "en"
    assert chosen() == "en"


@pytest.mark.parametrize(
    ("header", "language", "region"),
    [
        ("ko-KR,ko;q=0.9,en-US;q=0.8", "ko", "KR"),
        ("ko-KR,ko;q=0.9,en-GB;q=0.8", "en", "GB"),
        ("en, en-NZ;q=0.5", "en", "NZ"),
        ("ko", "ko", None),
        ("fr-CA", "en", None),
        (None, "en", None),
        ("en-419, en-x1", "en", None),
    ],
)
def test_a_browser_may_say_in_which_region_its_reader_lives(header, language, region):
    assert region_of(header, language) == region
