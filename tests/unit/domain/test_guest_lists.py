"""Lists of guests, as they are pasted."""

import pytest

from memorycapsule.domain.guest_lists import LONGEST_LIST, Guest, named_guests, parse_guests
from memorycapsule.errors import UsageProblem
from support.refusals import refused


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("a@x.org", [("a@x.org", None)]),
        ("a@x.org, b@x.org;c@x.org\n\nd@x.org e@x.org", [(f"{one}@x.org", None) for one in "abcde"]),
        ("할머니 <y@x.org>", [("y@x.org", "할머니")]),
        ('"Kim, Younghee" <y@x.org>, Ben <ben@x.org>', [("y@x.org", "Kim, Younghee"), ("ben@x.org", "Ben")]),
        ("XX <x@x.org>", [("x@x.org", "XX")]),
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
    longest = "a@x.org" + "," * (LONGEST_LIST - 7)

    assert len(parse_guests(longest).guests) == 1
    with refused(UsageProblem, "guest_list_too_long"):
        parse_guests(longest + ",")


def test_an_entry_of_which_nothing_can_be_shown_is_a_question_mark():
    assert parse_guests("\u202e").unreadable == ("?",)


def test_a_single_guest_is_called_as_is_said_unless_the_list_knows_better():
    known, unknown = parse_guests("할머니 <y@x.org>").guests, parse_guests("y@x.org").guests

    assert [one.name for one in named_guests(unknown, "Younghee")] == ["Younghee"]
    assert named_guests(known, "Younghee") == known
    assert named_guests(unknown, None) == unknown
    assert named_guests((), "Younghee") == ()
    with refused(UsageProblem, "name_for_several"):
        named_guests(parse_guests("a@x.org, b@x.org").guests, "Younghee")
