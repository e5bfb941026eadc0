"""What the pages for organisers and guests quote, in bold and in quotations, is what pages and letters say."""

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

import memorycapsule
from integration.docs.pages import LANGUAGES, PROJECT

WORDS = Path(memorycapsule.__file__).parent / "words"
#: What pages and letters say; commands and errors have catalogues of their own.
CATALOGUES = (
    "account", "common", "contributing", "dates", "films", "guests", "letters", "managing", "opened", "photos",
)  # fmt: skip
PAGES = [
    PROJECT / "docs" / language / f"{name}.md" for language in LANGUAGES for name in ("organiser", "member")
]
_VALUE = re.compile(r"\\\{.*?\\\}")


def said_in(language: str) -> re.Pattern[str]:
    """What pages and letters say in a language: each line and each text, with anything for a value."""
    lines = set()
    for name in CATALOGUES:
        with (WORDS / language / f"{name}.po").open("rb") as file:
            for message in read_po(file):
                texts = message.string if isinstance(message.string, tuple) else (message.string,)
                for text in texts if message.id else ():
                    lines |= {*text.splitlines(), " ".join(text.splitlines())}
    # A line of values alone would stand for anything.
    telling = [line for line in lines if re.sub(r"\{.*?\}|\W", "", line)]
    return re.compile("|".join(_VALUE.sub(".+", re.escape(line)) for line in telling))


def quoted_in(page: str) -> list[str]:
    """What a page quotes: what is bold, and the lines of quotations."""
    prose = re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)
    lines = [line.strip() for line in re.findall(r"^>(.*)$", prose, re.MULTILINE)]
    return [*re.findall(r"\*\*(.+?)\*\*", prose), *(line for line in lines if line)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.stem}")
def test_what_a_page_quotes_is_what_people_see(page: Path):
    said = said_in(page.parent.name)
    quoted = quoted_in(page.read_text())

    assert len(quoted) > 10
    assert [one for one in quoted if not said.fullmatch(one)] == []


def test_what_nobody_sees_is_noticed():
    said = said_in("en")

    assert said.fullmatch("Add photos")
    assert said.fullmatch("Younghee, it is time.")
    assert not said.fullmatch("Add a photo")
