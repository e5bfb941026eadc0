"""Addresses and names: what people type is either fit for letters and pages, or refused in one sentence."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorycapsule.domain.people import (
    LONGEST_NAME,
    checked_address,
    checked_name,
    normalised_address,
    printable,
    shown_address,
    storable,
)
from memorycapsule.errors import UsageProblem
from support.refusals import refused


@pytest.mark.parametrize(
    ("typed", "sent", "found_by"),
    [
        ("ben@example.org", "ben@example.org", "ben@example.org"),
        (
            "  Ben.Smith+capsule@Example.ORG ",
            "Ben.Smith+capsule@example.org",
            "ben.smith+capsule@example.org",
        ),
        ("ben@example.org.", "ben@example.org", "ben@example.org"),
        ("ben@müller.example", "ben@xn--mller-kva.example", "ben@xn--mller-kva.example"),
        ("ben@한국.example", "ben@xn--3e0b707e.example", "ben@xn--3e0b707e.example"),
        ("ben@XN--3E0B707E.example", "ben@xn--3e0b707e.example", "ben@xn--3e0b707e.example"),
        ("oma@straße.de", "oma@xn--strae-oqa.de", "oma@xn--strae-oqa.de"),
        ("oma@STRASSE.de", "oma@strasse.de", "oma@strasse.de"),
        ("a@faß.de", "a@xn--fa-hia.de", "a@xn--fa-hia.de"),
        ("a@FAẞ.de", "a@xn--fa-hia.de", "a@xn--fa-hia.de"),
        ("x@κλαρα-σωλις.ευ", "x@xn----ylba7abgd9bnh0e.xn--qxa6a", "x@xn----ylba7abgd9bnh0e.xn--qxa6a"),
        ("y@نامه\u200cای.com", "y@xn--mgba3gch31f060k.com", "y@xn--mgba3gch31f060k.com"),
        ("kim@예시.한국.", "kim@xn--vv4b11d.xn--3e0b707e", "kim@xn--vv4b11d.xn--3e0b707e"),
        ("kim@예시。한국", "kim@xn--vv4b11d.xn--3e0b707e", "kim@xn--vv4b11d.xn--3e0b707e"),
        ("kim@\u110b\u1168\u1109\u1175.kr", "kim@xn--vv4b11d.kr", "kim@xn--vv4b11d.kr"),
        ("ben@ｅｘａｍｐｌｅ.org", "ben@example.org", "ben@example.org"),
        ("ben@r3---sn.example", "ben@r3---sn.example", "ben@r3---sn.example"),
        ("o'neill@example.org", "o'neill@example.org", "o'neill@example.org"),
        ("ben@localhost", "ben@localhost", "ben@localhost"),
    ],
)
def test_an_address_is_kept_as_typed_and_found_however_written(typed, sent, found_by):
    assert checked_address(typed) == sent
    assert normalised_address(typed) == found_by
    assert normalised_address(sent) == found_by


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "@",
        "ben",
        "ben@",
        "@example.org",
        "ben@@example.org",
        "ben@a@example.org",
        "ben @example.org",
        "ben@exam ple.org",
        "ben@-example.org",
        "ben@example-.org",
        "ben@.org",
        "ben@example..org",
        "ben@exam_ple.org",
        "Ben <ben@example.org>",
        "ben@example.org, cleo@example.org",
        "ben@example.org;cleo@example.org",
        "ben@example.org\nBcc: everybody@example.org",
        "ben@example.org\r\n\r\nbody",
        "be\nn@example.org",
        "ben\0@example.org",
        "ben@example.org\0",
        "ben\u202e@example.org",
        "벤 킴@example.org",
        "벤@",
        "ben@☃.example",
        "ben@a_ü.example",
        "ben@ü..example",
        "ben@-ü.example",
        "ben@" + "ü" * 300 + ".example",
        '"ben smith"@example.org',
        "ben@[127.0.0.1]",
        "a" * 65 + "@example.org",
        "ben@" + "a" * 64 + ".org",
        "ben@" + ".".join(["a" * 60] * 5),
    ],
)
def test_what_is_no_address_is_refused_in_one_line(typed):
    with pytest.raises(UsageProblem) as raised:
        checked_address(typed)

    assert raised.value.reason == "address_malformed"
    assert raised.value.values["address"].isprintable()


@pytest.mark.parametrize(
    "typed", ["할머니@example.org", "jürgen@example.org", "оля.п@пример.рф", "花子+2@example.org"]
)
def test_letters_of_other_scripts_before_the_sign_are_named_as_what_is_the_matter(typed):
    with refused(UsageProblem, "address_not_ascii"):
        checked_address(typed)


@pytest.mark.parametrize(
    ("kept", "shown"),
    [
        ("oma@xn--strae-oqa.de", "oma@straße.de"),
        ("oma@strasse.de", "oma@strasse.de"),
        ("kim@xn--vv4b11d.xn--3e0b707e", "kim@예시.한국"),
        ("ben@xn--zz-.example", "ben@xn--zz-.example"),
        ("ben@xn--ls8h.example", "ben@xn--ls8h.example"),
    ],
)
def test_an_address_is_shown_as_people_write_it(kept, shown):
    assert shown_address(kept) == shown


def test_an_address_has_254_characters_at_most():
    """RFC 5321, 4.5.3.1.3, counts 256 with the brackets around it."""
    host = ".".join(["a" * 63] * 3)
    longest = "b" * (253 - len(host)) + "@" + host

    assert len(checked_address(longest)) == 254
    with pytest.raises(UsageProblem):
        checked_address("b" + longest)


@given(typed=st.text(max_size=60) | st.emails())
def test_a_checked_address_is_one_plain_line_whose_check_changes_nothing(typed):
    try:
        address = checked_address(typed)
    except UsageProblem:
        return
    assert address.isascii()
    assert address.isprintable()
    assert " " not in address
    assert checked_address(address) == address
    assert normalised_address(address) == normalised_address(typed)


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("Ada", "Ada"),
        ("  Ada \t of\nLovelace ", "Ada of Lovelace"),
        (unicodedata.normalize("NFD", "영희"), "영희"),
        (unicodedata.normalize("NFD", "Zoë"), "Zoë"),
        ("Ada\u202eeda", "Adaeda"),
        ("\u2066Ada\u2069", "Ada"),
        ("A\x00d\x1b[31ma", "Ad[31ma"),
        ("Ada\udcff", "Ada"),
        ("Ada\u2028Bcc: x", "Ada Bcc: x"),
        # A family is one picture of joined people.
        ("👩\u200d👧", "👩\u200d👧"),
    ],
)
def test_a_name_is_one_line_that_cannot_turn_others_around(typed, shown):
    assert checked_name(typed) == shown


def test_a_long_name_is_shortened_visibly():
    assert checked_name("x" * 300) == "x" * (LONGEST_NAME - 1) + "…"
    assert checked_name("x" * LONGEST_NAME) == "x" * LONGEST_NAME


@pytest.mark.parametrize(
    "typed", ["", " ", "\n\t", "\0", "\u202e", "\u200b", "\u200d\u200d", "\ufeff", "\u0301", "\udcff"]
)
def test_a_name_of_which_nothing_would_be_seen_is_refused(typed):
    with refused(UsageProblem, "name_empty"):
        checked_name(typed)


@given(text=st.text(alphabet=st.characters(), max_size=200), longest=st.integers(min_value=1, max_value=100))
def test_what_is_printed_is_short_storable_and_on_one_line(text, longest):
    line = printable(text, longest)

    assert len(line) <= longest
    assert len(line.splitlines()) <= 1
    line.encode()
    assert not any(unicodedata.category(character) == "Cc" for character in line)
    assert not any(
        unicodedata.bidirectional(character) in {"RLO", "LRO", "RLE", "LRE", "PDF"} for character in line
    )


@given(text=st.text(alphabet=st.characters(), max_size=200))
def test_what_is_kept_can_be_stored_anywhere(text):
    kept = storable(text)

    assert "\0" not in kept
    assert kept.encode().decode() == kept
    assert storable(kept) == kept
