"""Themes: complete, legible, and one loader for them."""

import pytest

from memorycapsule import themes
from memorycapsule.errors import UsageProblem
from memorycapsule.render.overlays import bgr
from support.refusals import refused


def luminance(colour):
    parts = [value / 255 for value in reversed(bgr(colour))]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """WCAG 2.2, 1.4.3."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_four_themes_are_there():
    assert themes.names() == ("classic", "museum", "photocard", "window")


@pytest.mark.parametrize("name", themes.names())
def test_a_theme_has_names_fonts_music_and_legible_cards(name):
    theme = themes.load(name)

    assert set(theme.titles) == {"en", "ko"}
    assert theme.soundtrack.is_file()
    assert themes.font_path(theme.film.heading_font).is_file()
    assert themes.font_path(theme.film.text_font).is_file()
    for ground in (theme.film.ground, theme.film.ground_low):
        assert contrast(theme.film.ink, ground) > 4.5
        assert contrast(theme.film.ink_soft, ground) > 4.5


@pytest.mark.parametrize("name", ["", "nope", "../themes/classic", "fonts"])
def test_an_unknown_theme_is_refused_naming_the_others(name):
    with refused(UsageProblem, "theme_unknown", theme=name, themes=themes.names()):
        themes.load(name)
