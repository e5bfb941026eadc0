"""Hangul: any syllable counts, and nothing else does."""

import pytest

from memorycapsule.domain.hangul import has_hangul


@pytest.mark.parametrize(
    ("text", "has_some"),
    [
        ("가", True),
        ("힣", True),
        ("At 영희's", True),
        ("", False),
        ("Ada", False),
        ("ꥠ힤", False),
        ("ㄱ 漢", False),
    ],
)
def test_a_text_has_hangul_if_any_syllable_is_in_it(text, has_some):
    assert has_hangul(text) is has_some
