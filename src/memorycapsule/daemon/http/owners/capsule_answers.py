"""What is wrong with the answers in the forms that make and change a capsule, by the names of their fields."""

from __future__ import annotations

from memorycapsule.daemon.http.html.error_texts import error_text
from memorycapsule.domain.capsules import checked_message, checked_title, parse_film_photos
from memorycapsule.errors import UsageProblem
from memorycapsule.words.catalogues import Wording

#: The field of the form that an answer stands in, by the reason why it cannot be taken.
_FIELDS = {
    "title_empty": "title",
    "title_too_long": "title",
    "message_too_long": "message",
    "film_photos_impossible": "film_photos",
}


def answer_problems(words: Wording, *, title: str, message: str, film_photos: str) -> dict[str, str]:
    """Return a sentence for each field whose answer cannot be taken."""
    problems = {}
    for check, answer in (
        (checked_title, title),
        (checked_message, message),
        (parse_film_photos, film_photos),
    ):
        try:
            check(answer)
        except UsageProblem as error:
            problems[_FIELDS[error.reason]] = error_text(error, words)
    return problems
