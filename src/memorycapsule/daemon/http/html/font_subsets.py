"""
Font subsets: the font of a theme's headings, with only those characters that one capsule's pages need.

Pages use the fonts of the reader's system, because a whole Korean font is larger than the photos. The look of a
theme needs its own font in a few large words only, and their characters alone take next to no bytes.
"""

from __future__ import annotations

import functools
import hashlib
import io
from collections.abc import Iterable

from memorycapsule import themes

#: The font of each theme's headings.
FONTS = {"photocard": "Pretendard-Black.otf", "museum": "GowunBatang-Bold.otf"}
#: Characters of headings beyond this number are shown in the system's font.
_MOST_CHARACTERS = 500


def characters_of(texts: Iterable[str]) -> str:
    """Return the characters of headings, each once, sorted; of too many, those that appear first."""
    found = dict.fromkeys(character for text in texts for character in text if character.isprintable())
    return "".join(sorted(list(found)[:_MOST_CHARACTERS]))


def digest_of(characters: str) -> str:
    """Return what stands for these characters in an address: 12 hexadecimal digits."""
    return hashlib.sha256(characters.encode()).hexdigest()[:12]


@functools.lru_cache(maxsize=32)
def subset_font(font: str, characters: str) -> bytes:
    """
    Return one of the themes' fonts as WOFF, with these characters alone.

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
    subsetter.populate(text=characters)
    subsetter.subset(whole)
    whole.flavor = "woff"
    made = io.BytesIO()
    whole.save(made)
    return made.getvalue()


def style_sheet(digest: str) -> str:
    """Return the style sheet that names the font beside it."""
    return (
        '@font-face{font-family:"Capsule Heading";font-weight:100 900;font-display:swap;'
        f'src:url("letters.woff?v={digest}") format("woff")}}\n'
    )
