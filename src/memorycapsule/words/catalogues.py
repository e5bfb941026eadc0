"""
What pages say, and which language somebody reads.

The catalogues are gettext's, one folder per language in `words/` and one file per part of the site. Their
identifiers are names of places ("sealed_rule"), not English sentences, so that both languages are catalogues of
equal standing and a word can be bettered in one without losing it in the other.
"""

from __future__ import annotations

import functools
import gettext
import io
from dataclasses import dataclass
from importlib import resources

LANGUAGES = ("en", "ko")


@dataclass(frozen=True, kw_only=True)
class Wording:
    """The words of one language."""

    language: str
    catalogue: gettext.GNUTranslations
    #: All identifiers there are.
    keys: frozenset[str]

    def __call__(self, key: str, **values: object) -> str:
        """Return a sentence with its places filled. Raises KeyError for one that is not in the catalogue."""
        if key not in self.keys:
            raise KeyError(key)
        return self.catalogue.gettext(key).format(**values)

    def counted(self, key: str, count: int, **values: object) -> str:
        """Return the form of a sentence for so many things; its place for them is `{count}`. Raises KeyError."""
        if key not in self.keys:
            raise KeyError(key)
        return self.catalogue.ngettext(key, key, count).format(count=f"{count:,}", **values)


@functools.cache
def wording(language: str) -> Wording:
    """Return the words of `en` or `ko`."""
    from babel.messages import Catalog
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    whole = Catalog(locale=language)
    for part in sorted(
        resources.files("memorycapsule.words").joinpath(language).iterdir(),
        key=lambda part: part.name,
    ):
        for message in read_po(io.BytesIO(part.read_bytes()), locale=language):
            if message.id:
                whole.add(message.id, message.string)
    compiled = io.BytesIO()
    write_mo(compiled, whole)
    compiled.seek(0)
    names = (message.id if isinstance(message.id, str) else message.id[0] for message in whole if message.id)
    return Wording(language=language, catalogue=gettext.GNUTranslations(compiled), keys=frozenset(names))


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
