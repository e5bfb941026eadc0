"""Each reason for which a file is refused is said truly, in each language, by each door."""

import string

import pytest

from memorycapsule.daemon.http.html.error_texts import refusal_text
from memorycapsule.errors import Postponed, Refusal
from memorycapsule.words.catalogues import wording
from memorycapsule.words.languages import FOLDER

LANGUAGES = sorted(path.name for path in FOLDER.iterdir() if path.is_dir() and any(path.glob("*.po")))
#: What stands after the name of a file, and what does not.
PREDICATES = ("is ", "says ", "holds ", "takes ", "needs ", "cannot ", "was ", "became ")
SENTENCES = {Refusal.QUOTA_FULL, Refusal.STORIES_TOO_LATE, Refusal.OTHER}


def places(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("refusal", Refusal)
def test_every_reason_has_its_two_sentences(language, refusal):
    said = wording(language).sentences

    assert places(said[f"error_{refusal}"]) == set(refusal.places)
    assert places(said[f"refused_{refusal}"]) <= set(refusal.places)


@pytest.mark.parametrize("refusal", sorted(set(Refusal) - SENTENCES))
def test_what_programs_read_stands_after_the_name_of_the_file(refusal):
    said = wording("en", "errors").sentences[f"error_{refusal}"]

    assert said.startswith(PREDICATES)
    assert said.endswith(".")


def test_no_page_says_a_reason_that_is_none():
    for language in LANGUAGES:
        said = {
            key.removeprefix("refused_") for key in wording(language).sentences if key.startswith("refused_")
        }
        assert said == set(Refusal)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_says_of_a_cover_that_the_machine_was_too_busy(language):
    said = refusal_text(Postponed(), wording(language))

    assert said == wording(language).sentences["error_postponed"]
