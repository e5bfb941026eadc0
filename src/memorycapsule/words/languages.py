"""Which languages there are, and which of them somebody reads."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

FOLDER = Path(__file__).parent
#: What everybody reads whose own language is not here.
DEFAULT = "en"
#: What says the language of a terminal, the strongest first (POSIX.1-2024, 8.2).
_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")


@functools.cache
def languages() -> tuple[str, ...]:
    """Return the BCP 47 names of all languages, alphabetically: those of the folders with catalogues."""
    return tuple(sorted({path.parent.name for path in FOLDER.glob("*/*.po")}))


if TYPE_CHECKING:
    Language = str
else:
    #: One of them, for what pydantic checks and OpenAPI lists.
    Language = Literal[languages()]


def known(name: str) -> str | None:
    """
    Return the language that is meant, None for one that is not here.

    `name` is a BCP 47 tag ("ko-KR") or a locale of POSIX ("ko_KR.UTF-8"). As RFC 4647 says (3.4), what a tag says
    beyond our own names is let go from its end: "zh-Hant-TW" finds zh-Hant, or else zh.
    """
    here = {one.lower(): one for one in languages()}
    tag = re.split(r"[.@]", name.lower())[0].replace("_", "-")
    while tag and tag not in here:
        tag = tag.rpartition("-")[0]
    return here.get(tag)


def language_or_default(name: str) -> str:
    """Return the language that is meant, or the default for one that is not here."""
    return known(name) or DEFAULT


def language_of_environment(environment: Mapping[str, str]) -> str:
    """
    Return the language of a terminal, by the first of LC_ALL, LC_MESSAGES and LANG that is set.

    `C`, POSIX, and what is not here are the default.
    """
    return language_or_default(next(filter(None, map(environment.get, _VARIABLES)), ""))


def chosen(*preferences: str | None) -> str:
    """
    Return the first language that we speak among wishes, the strongest first, or else the default.

    A wish is a language tag ("ko-KR") or an Accept-Language header (RFC 9110, 12.5.4).
    """
    for preference in preferences:
        for tag in _by_weight(preference or ""):
            if language := known(tag):
                return language
    return DEFAULT


def region_of(header: str | None, language: str) -> str | None:
    """Return the region (ISO 3166-1) that an Accept-Language header names with a language, None where it has none."""
    for tag in _by_weight(header or ""):
        regions = [
            part.upper()
            for part in tag.split("-")[1:]
            if len(part) == 2 and part.isascii() and part.isalpha()
        ]
        if regions and known(tag) == language:
            return regions[0]
    return None


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
