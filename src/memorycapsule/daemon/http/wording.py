"""What pages say: one catalogue per language in `words/`, and which language somebody reads."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

LANGUAGES = ("en", "ko")


@dataclass(frozen=True, kw_only=True)
class Wording:
    """The words of one language."""

    language: str
    words: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """Return a sentence with its places filled."""
        return self.words[key].format(**values)


@functools.cache
def wording(language: str) -> Wording:
    """Return the words of `en` or `ko`."""
    text = resources.files(__package__).joinpath("words", f"{language}.toml").read_text(encoding="utf-8")
    return Wording(language=language, words=tomllib.loads(text))


def chosen(*wishes: str | None) -> str:
    """
    Return the first language that we speak among wishes, the strongest first, else English.

    A wish is a language tag ("ko-KR") or an Accept-Language header (RFC 9110, 12.5.4).
    """
    for wish in wishes:
        for tag in _by_weight(wish or ""):
            language = tag.partition("-")[0]
            if language in LANGUAGES:
                return language
    return "en"


def _by_weight(header: str) -> list[str]:
    weighted = []
    for part in header.lower().split(",")[:20]:
        tag, _, rest = part.partition(";")
        try:
            weight = float(rest.strip().removeprefix("q=")) if rest.strip().startswith("q=") else 1.0
        except ValueError:
            weight = 0.0
        if weight > 0:
            weighted.append((weight, tag.strip()))
    return [tag for _, tag in sorted(weighted, key=lambda pair: -pair[0])]
