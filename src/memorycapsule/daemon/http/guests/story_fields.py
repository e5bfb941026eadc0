"""
The fields of a form for a story, and the marks that go with them.

A form brings back the mark of what each field was when it was shown. So what somebody else, or the same person in
another tab, has saved meanwhile is never overwritten by a field that was not touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from memorycapsule.domain.stories import StoryWords, mark_of
from memorycapsule.services.album.story_views import StoryView

_CAPTION = "caption-"
#: Goes before the name of a field, for the mark of what it was when the form was shown.
_SEEN = "seen-"
#: The marks of title and text.
MARKS = frozenset({f"{_SEEN}title", f"{_SEEN}text"})


@dataclass(frozen=True, kw_only=True)
class StoryField:
    """A field of the form for a story."""

    value: str
    #: The mark of what is saved, which the form brings back.
    mark: str
    #: What was saved elsewhere while something else was typed here; None where that is not so.
    elsewhere: str | None


def fields(story: StoryView, typed: Mapping[str, str]) -> dict[str, StoryField]:
    """Return the fields of the form by their names."""
    saved = {"title": story.words.title, "text": story.words.text}
    saved |= {f"{_CAPTION}{one.medium.id}": one.details.caption or "" for one in story.media}
    found = {}
    for name, current in saved.items():
        mark, seen = mark_of(current), typed.get(f"{_SEEN}{name}")
        value = typed.get(name, current)
        is_changed = name in typed and mark_of(value) not in {seen, mark}
        found[name] = StoryField(
            value=value if is_changed else current,
            mark=mark,
            elsewhere=current if is_changed and seen not in {None, mark} else None,
        )
    return found


def marks_of(words: StoryWords) -> dict[str, str]:
    """Return the marks of title and text by the names of their fields."""
    return {"title": mark_of(words.title), "text": mark_of(words.text)}


def captions(form: Mapping[str, str], story: StoryView) -> dict[str, str]:
    """Return the captions that a form holds, by the ids of the story's media."""
    return _of_media(form, _CAPTION, story)


def marks(form: Mapping[str, str], story: StoryView) -> dict[str, str]:
    """Return the marks that a form holds, as `stories.edit` takes them."""
    found = {name: form[f"{_SEEN}{name}"] for name in ("title", "text") if f"{_SEEN}{name}" in form}
    return found | _of_media(form, f"{_SEEN}{_CAPTION}", story)


def _of_media(form: Mapping[str, str], prefix: str, story: StoryView) -> dict[str, str]:
    """Return what a form holds for the story's media under names that begin with `prefix`, by their ids."""
    typed = {one.medium.id: form.get(f"{prefix}{one.medium.id}") for one in story.media}
    return {medium_id: value for medium_id, value in typed.items() if value is not None}
