"""How `make site` builds the pages of this folder: Sphinx reads them by MyST, and furo shows them."""

from __future__ import annotations

import gettext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sphinx

import memorycapsule

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "MemoryCapsule"
release = memorycapsule.__version__
html_title = project

extensions = ["myst_parser"]
html_theme = "furo"
html_show_sphinx = False
html_show_copyright = False
html_show_sourcelink = False
html_copy_source = False
exclude_patterns = ["package.md"]  # what an index of packages shows of this one

language = "en"
#: What one types holds two hyphens, and a dash would be something else.
smartquotes = False
#: Headings have the anchors that they have where a forge shows the same pages.
myst_heading_anchors = 4
nitpicky = True

#: The words around a page that Sphinx has in English alone, by the folder of the pages that are in another language.
WORDS = {
    "ko": {
        "Back to top": "맨 위로",
        "Home": "처음",
        "Next": "다음",
        "On this page": "이 페이지에서",
        "Previous": "이전",
    }
}


class Translations(gettext.NullTranslations):
    """What Sphinx says around a page in one language, and in words of our own where it has none."""

    def __init__(self, spoken: str) -> None:
        super().__init__()
        self._words = WORDS.get(spoken, {})
        folder = Path(sphinx.__file__).parent / "locale"
        self._sphinx = gettext.translation("sphinx", folder, [spoken], fallback=True)

    def gettext(self, message: str) -> str:
        """Return a message in this language."""
        return self._words.get(message) or self._sphinx.gettext(message)


def speak(app: Sphinx, pagename: str, _template: str, context: dict[str, Any], _doctree: object) -> None:
    """Have what stands around a page, such as its navigation, be in the language of the page."""
    folder = pagename.partition("/")[0]
    context["language"] = folder if folder in WORDS else language
    app.builder.templates.environment.install_gettext_translations(Translations(context["language"]))


def setup(app: Sphinx) -> None:
    """Have Sphinx ask for the language of each page."""
    app.connect("html-page-context", speak)
