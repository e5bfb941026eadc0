"""Lists of guests, as they are pasted."""

import pytest

from memorycapsule.domain.guest_lists import Guest, parse_guests
from memorycapsule.errors import UsageProblem


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("a@x.org", [("a@x.org", None)]),
        ("a@x.org, b@x.org;c@x.org\n\nd@x.org e@x.org", [(f"{one}@x.org", None) for one in "abcde"]),
        ("할머니 <y@x.org>", [("y@x.org", "할머니")]),
        ('"Kim, Younghee" <y@x.org>, Ben <ben@x.org>', [("y@x.org", "Kim, Younghee"), ("ben@x.org", "Ben")]),
        ("<a@x.org>,\nmailto:b@x.org", [("a@x.org", None), ("b@x.org", None)]),
        ("A@X.org, a@x.org", [("A@x.org", None)]),
        ("Eve\r\nBcc: <eve@x.org>", [("eve@x.org", "Bcc:")]),
        (" \n,;", []),
    ],
)
def test_who_is_meant(typed, found):
    assert [(one.address, one.name) for one in parse_guests(typed).guests] == found


def test_what_is_no_address_is_named_and_the_rest_is_understood():
    found = parse_guests("grandma, a@x.org\nb@\u202ex <c@>")

    assert found.guests == (Guest(address="a@x.org", name=None),)
    assert found.unreadable == ("grandma", "b@x <c@>")


def test_a_list_has_an_end():
    with pytest.raises(UsageProblem):
        parse_guests("a," * 10_001)
