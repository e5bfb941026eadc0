"""Why a file was refused, in the reader's language."""

from __future__ import annotations

import re

from memorycapsule.words.catalogues import Wording

#: What `media` says of a file, and what a page says; the first that fits.
_WORDS = (
    (r"is empty", "refused_empty"),
    (r"date has come", "refused_too_late"),
    (r"raw camera file", "refused_raw"),
    (r"archive", "refused_archive"),
    (r"is an? .* video;", "refused_other_video"),
    (r"save it as a|export it as a", "refused_other_picture"),
    (r"is larger than|is too large|says it is \d|no room", "refused_too_large"),
    (r"is longer than", "refused_too_long"),
    (r"damaged|cannot be read|cannot be played|takes too long", "refused_damaged"),
)


def translate_refusal(sentence: str, words: Wording) -> str:
    """Return what a page says of a file that `media` refused with the English `sentence` ("is a PDF, not ...")."""
    return words(next((key for pattern, key in _WORDS if re.search(pattern, sentence)), "refused_other"))
