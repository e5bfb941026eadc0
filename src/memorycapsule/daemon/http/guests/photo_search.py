"""Photo search: by author, by month, and by the words that stand about a photo."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from memorycapsule.daemon.http.guests.photo_layout import PlacedPhoto, ShownPhoto
from memorycapsule.words.catalogues import Wording
from memorycapsule.words.dates import day_in_words, month_in_words


@dataclass(frozen=True, kw_only=True)
class PhotoQuery:
    """What somebody searches for; an empty field matches every photo."""

    #: The id of the member who added the photo.
    by: str = ""
    #: When the photo was taken, such as '2019-08'.
    month: str = ""
    #: Each of them must stand somewhere in the texts about a photo, in whatever order and case.
    words: str = ""

    @property
    def parameters(self) -> dict[str, str]:
        """What is asked for, as the parameters of an address; empty where nothing is."""
        asked = {"by": self.by, "month": self.month, "find": self.words}
        return {name: value for name, value in asked.items() if value}


@dataclass(frozen=True, kw_only=True)
class Month:
    """A month in which photos were taken."""

    #: As `PhotoQuery` has it.
    value: str
    #: Without its year.
    name: str
    count: int


def matching(pictures: Sequence[PlacedPhoto], query: PhotoQuery) -> Sequence[PlacedPhoto]:
    """Return the pictures of whom and of when is asked for, in their order; words are for `saying`."""
    if not (query.by or query.month):
        return pictures
    return [
        one
        for one in pictures
        if query.by in {"", one.story.member_id} and query.month in {"", one.medium.month}
    ]


def saying(pictures: Iterable[ShownPhoto], query: PhotoQuery, *, language: str) -> set[str]:
    """Return the ids of those pictures about which all words of a query stand."""
    words = _normalised(query.words).split()
    return {
        one.view.medium.id
        for one in pictures
        for text in [_text_about(one, language)]
        if all(word in text for word in words)
    }


def months(pictures: Iterable[PlacedPhoto], language: str) -> dict[int, list[Month]]:
    """Return by year the months in which pictures were taken, in order; pictures without a day are in none."""
    counts = Counter(month for one in pictures if (month := one.medium.month))
    by_year: dict[int, list[Month]] = {}
    for value, count in sorted(counts.items()):
        name = month_in_words(int(value[5:]), language)
        by_year.setdefault(int(value[:4]), []).append(Month(value=value, name=name, count=count))
    return by_year


def month_in_full(value: str, words: Wording) -> str:
    """Return the name of a month of `PhotoQuery`, with its year."""
    return words("months_of", year=int(value[:4]), month=month_in_words(int(value[5:]), words.language))


def _text_about(picture: ShownPhoto, language: str) -> str:
    details, story = picture.view.details, picture.story
    day = day_in_words(picture.dated_local.date(), language) if picture.dated_local else ""
    return _normalised(
        "\n".join(
            [details.caption or "", details.file, story.author.name, story.words.title, story.words.text, day]
        )
    )


def _normalised(text: str) -> str:
    # Some computers write a Hangul syllable as its letters.
    return unicodedata.normalize("NFC", text).casefold()
