"""What a film cannot write: said before it is made, since a sign stands there in its place."""

from __future__ import annotations

import re

#: Latin, Greek and Cyrillic letters, Hangul, kana and the common punctuation: every film can write those.
_WRITABLE = re.compile(
    r"[\s!-~\u00a1-\u024f\u0391-\u03ff\u0401-\u044f\u2018-\u201d\u2026\u3041-\u30ff\uac00-\ud7a3]*"
)


def missing_letters(*texts: str | None) -> str:
    """Return the letters in texts that no font on this machine can draw, each once, in their order."""
    text = "".join(one for one in texts if one)
    if _WRITABLE.fullmatch(text):
        return ""
    # Fonts are opened by what draws, which is slow to load.
    from memorycapsule.render import typesetting

    return typesetting.missing_letters(text)
