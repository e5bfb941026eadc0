"""
Faces: the lettering of a theme's headings, cut down to the very letters that one page needs.

Pages have the fonts of their reader's system, since a whole Korean font weighs more than the photos. What gives
a theme its voice are a few large words, and their letters alone weigh next to nothing.
"""

from __future__ import annotations

import functools
import hashlib
import io
from collections.abc import Iterable

from memorycapsule import themes

#: The font of each theme's headings.
FONTS = {"photocard": "Pretendard-Black.otf", "museum": "GowunBatang-Bold.otf"}
#: Headings with more different letters than that have their last ones in the system's font.
_MOST_LETTERS = 500


def letters_of(texts: Iterable[str]) -> str:
    """Return the letters of headings, each once, in order of appearance."""
    found = dict.fromkeys(letter for text in texts for letter in text if letter.isprintable())
    return "".join(sorted(list(found)[:_MOST_LETTERS]))


def digest_of(letters: str) -> str:
    """Return what stands for these letters in an address."""
    return hashlib.sha256(letters.encode()).hexdigest()[:12]


@functools.lru_cache(maxsize=32)
def cut(font: str, letters: str) -> bytes:
    """
    Return a WOFF of one of the themes' fonts with these letters alone.

    It carries no name: the licence (SIL OFL 1.1) keeps a font's name for whoever made it.
    """
    from fontTools import subset
    from fontTools.ttLib import TTFont

    whole = TTFont(io.BytesIO(themes.font_path(font).read_bytes()), lazy=True)
    options = subset.Options(
        desubroutinize=True,
        hinting=False,
        layout_features=["kern", "palt", "ccmp", "liga"],
        name_IDs=[13, 14],
        notdef_outline=True,
    )
    subsetter = subset.Subsetter(options)
    subsetter.populate(text=letters)
    subsetter.subset(whole)
    whole.flavor = "woff"
    made = io.BytesIO()
    whole.save(made)
    return made.getvalue()


def sheet(digest: str) -> str:
    """Return the style sheet that names the letters beside it."""
    return (
        '@font-face{font-family:"Capsule Heading";font-weight:100 900;font-display:swap;'
        f'src:url("letters.woff?v={digest}") format("woff")}}\n'
    )
