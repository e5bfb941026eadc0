"""Counts in words: people, and what a capsule holds."""

from __future__ import annotations

from collections.abc import Sequence

from memorycapsule.words.catalogues import Wording, wording

#: As far as this, each number of people has words of its own.
_SPELLED_OUT = 10
_MEGABYTE, _GIGABYTE = 1_000_000, 1_000_000_000


def people_in_words(people: int, language: str) -> str:
    """
    Count people: 'seven people', '12 people'; '일곱 사람', '12명'. A Korean answer always ends in a
    consonant, so 이, 과 and 은 may follow it.
    """
    words = wording(language, "counts")
    return words(f"people_{people}") if people <= _SPELLED_OUT else words.counted("people", people)


def contents_in_words(*, photos: int, clips: int, stories: int, locale: str, voices: int = 0) -> str:
    """
    Count what a capsule holds: '143 photos, 2 clips, 3 voice notes and 9 stories'; '사진 143장, 영상 2개,
    음성 3개, 이야기 9편'.

    Kinds with nothing in them are left out; nothing at all is an empty string. A Korean answer with stories
    ends in a consonant, so 이 and 은 may follow it.
    """
    words = wording(locale, "counts")
    kinds = {
        "contents_photos": photos,
        "contents_clips": clips,
        "contents_voices": voices,
        "contents_stories": stories,
    }
    return _listed([words.counted(key, count) for key, count in kinds.items() if count], words)


def size_in_words(size: int) -> str:
    """Say a number of bytes in the largest unit that they fill: '2 GB', '1.5 GB', '340 MB', '0.3 MB'."""
    unit, name = (_GIGABYTE, "GB") if size >= _GIGABYTE else (_MEGABYTE, "MB")
    # Rounded down, so that nobody is promised more than there is.
    tenths = size * 10 // unit
    return f"{tenths // 10:,} {name}" if tenths >= 100 or tenths % 10 == 0 else f"{tenths / 10:.1f} {name}"


def _listed(parts: Sequence[str], words: Wording) -> str:
    """Join parts as CLDR joins lists: from the end, with words of its own for two, the last and the first."""
    if len(parts) < 2:
        return "".join(parts)
    *others, before, last = parts
    if not others:
        return words("list_pair", first=before, rest=last)
    rest = words("list_end", first=before, rest=last)
    for part in reversed(others[1:]):
        rest = words("list_middle", first=part, rest=rest)
    return words("list_start", first=others[0], rest=rest)
