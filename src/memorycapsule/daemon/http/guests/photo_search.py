"""Finding photos among many: whose they are, in which month they were taken, and what is written about them."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from memorycapsule.daemon.http.guests.photo_layout import PlacedPhoto, taken_local
from memorycapsule.services.reading import CapsuleView
from memorycapsule.words.catalogues import Wording
from memorycapsule.words.dates import day_in_words, month_in_words


@dataclass(frozen=True, kw_only=True)
class PhotoQuery:
    """What somebody looks for; what is empty does not matter to them."""

    #: A member's id.
    by: str = ""
    #: Such as '2019-08'.
    month: str = ""
    #: All of them must be written somewhere about a photo, in whatever order and case.
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class Month:
    """A month in which photos were taken."""

    #: As `PhotoQuery` has it.
    value: str
    #: Without its year.
    name: str
    count: int


def matching(
    view: CapsuleView, pictures: Iterable[PlacedPhoto], wanted: PhotoQuery, *, language: str
) -> Sequence[PlacedPhoto]:
    """Return the pictures that are wanted, in their order."""
    left = [
        one
        for one in pictures
        if wanted.by in {"", one.story.author.id} and wanted.month in {"", _month_of(view, one)}
    ]
    words = _plain(wanted.words).split()
    return [one for one in left if _says(_written(view, one, language), words)] if words else left


def months(view: CapsuleView, pictures: Iterable[PlacedPhoto], language: str) -> dict[int, list[Month]]:
    """Return the months in which pictures were taken by year, the first first; those without a day are in none."""
    counts = Counter(month for one in pictures if (month := _month_of(view, one)))
    by_year: dict[int, list[Month]] = {}
    for value, count in sorted(counts.items()):
        name = month_in_words(int(value[5:]), language)
        by_year.setdefault(int(value[:4]), []).append(Month(value=value, name=name, count=count))
    return by_year


def month_in_full(value: str, words: Wording) -> str:
    """Name a month of `PhotoQuery` with its year."""
    return words("months_of", year=int(value[:4]), month=month_in_words(int(value[5:]), words.language))


def _month_of(view: CapsuleView, picture: PlacedPhoto) -> str:
    taken = taken_local(view, picture.view)
    return f"{taken.year:04}-{taken.month:02}" if taken else ""


def _says(written: str, words: Sequence[str]) -> bool:
    return all(word in written for word in words)


def _written(view: CapsuleView, picture: PlacedPhoto, language: str) -> str:
    taken = taken_local(view, picture.view)
    details, story = picture.view.details, picture.story
    day = day_in_words(taken.date(), language) if taken else ""
    return _plain(
        "\n".join(
            [details.caption or "", details.file, story.author.name, story.words.title, story.words.text, day]
        )
    )


def _plain(text: str) -> str:
    # Some computers write a Hangul syllable as its letters.
    return unicodedata.normalize("NFC", text).casefold()
