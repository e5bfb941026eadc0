"""
What is said in each language.

The catalogues are gettext's, one folder per language beside this module and one file per area. Their identifiers
are names of places ("sealed_rule"), not English sentences, so that all languages are of equal standing and a word
can be bettered in one without losing it in the others.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from memorycapsule.words import cldr
from memorycapsule.words.languages import FOLDER, language_or_default
from memorycapsule.words.po import PoUnreadable, read_po


@dataclass(frozen=True, kw_only=True)
class Wording:
    """The words of one language."""

    language: str
    sentences: Mapping[str, str]
    #: The forms of what counts something.
    forms: Mapping[str, tuple[str, ...]]
    #: Which form goes with a number.
    plural: Callable[[int], int]

    def __call__(self, key: str, /, **values: object) -> str:
        """Return a sentence with its places filled. Raises KeyError for one that is not in the catalogue."""
        return self.sentences[key].format(**values)

    def counted(self, key: str, count: int, /, **values: object) -> str:
        """Return the form of a sentence for so many things; its place for them is `{count}`. Raises KeyError."""
        return self.forms[key][self.plural(count)].format(count=cldr.number(count, self.language), **values)

    @property
    def keys(self) -> frozenset[str]:
        """Return all identifiers there are."""
        return frozenset(self.sentences) | frozenset(self.forms)


def wording(language: str, *areas: str) -> Wording:
    """
    Return the words of a language, or of the default for one that is not here.

    `areas` names the catalogues that are wanted, all of them when there is none. A short run of the command line
    reads no more than it says. Raises PoUnreadable.
    """
    return read_language(FOLDER / language_or_default(language), *areas)


@functools.cache
def read_language(folder: Path, *areas: str) -> Wording:
    """Read the catalogues of a language, which bears the name of their folder. Raises PoUnreadable."""
    paths = [folder / f"{area}.po" for area in areas] or sorted(folder.glob("*.po"))
    files = [(path, read_po(path)) for path in paths]
    sentences: dict[str, str] = {}
    forms: dict[str, tuple[str, ...]] = {}
    for path, file in files:
        if twice := sorted((sentences.keys() | forms.keys()) & (file.sentences.keys() | file.counted.keys())):
            raise PoUnreadable(f"{path}: {twice[0]!r} stands in another catalogue of this language, too.")
        if file.plural_forms != files[0][1].plural_forms:
            raise PoUnreadable(f"{path}: its Plural-Forms are not those of {files[0][0].name}.")
        sentences.update(file.sentences)
        forms.update(file.counted)
    return Wording(language=folder.name, sentences=sentences, forms=forms, plural=files[0][1].plural)
