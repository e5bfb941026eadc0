"""Lists of people to invite, as they are typed or pasted."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from memorycapsule.domain.people import LONGEST_NAME, checked_address, normalised_address, printable
from memorycapsule.errors import UsageProblem

#: Nobody invites more people at once by hand; whoever has more does it in two goes.
LONGEST_LIST = 20_000
_NAMED = re.compile(r"(?P<name>.*?)\s*<(?P<address>[^<>]*)>\s*")
#: Commas and semicolons end an entry as lines do, unless they stand in quotation marks: "Kim, Younghee" <y@…>.
_BETWEEN = re.compile(r"[\n,;]+(?=(?:[^\"]*\"[^\"]*\")*[^\"]*\Z)")


@dataclass(frozen=True, kw_only=True)
class Guest:
    """Somebody to be invited."""

    address: str
    #: How they are called, where the list says so.
    name: str | None


@dataclass(frozen=True, kw_only=True)
class GuestList:
    """What was understood of a list, and what was not."""

    guests: tuple[Guest, ...]
    #: The entries that hold no address, each on one line.
    unreadable: tuple[str, ...]
    #: What is the matter with the first of them that is nearly an address; None where there is none.
    problem: UsageProblem | None = None


def parse_guests(text: str) -> GuestList:
    """
    Return whom a list names: addresses alone or as `Name <address>`, on lines or between commas or semicolons.

    Several addresses with mere spaces between them are several people. Nobody is named twice. Raises UsageProblem
    for a list of more than 20,000 characters.
    """
    if len(text) > LONGEST_LIST:
        raise UsageProblem("guest_list_too_long")
    guests: dict[str, Guest] = {}
    unreadable = []
    problem = None
    for entry in _entries(text):
        named = _NAMED.fullmatch(entry)
        name, typed = (named["name"].strip("\"' "), named["address"]) if named else ("", entry)
        typed = typed.strip().removeprefix("mailto:")
        try:
            guest = Guest(address=checked_address(typed), name=printable(name, LONGEST_NAME) or None)
        except UsageProblem as error:
            if error.reason != "address_malformed":
                problem = problem or error
            unreadable.append(printable(entry, LONGEST_NAME) or "?")
        else:
            guests.setdefault(normalised_address(typed), guest)
    return GuestList(guests=tuple(guests.values()), unreadable=tuple(unreadable), problem=problem)


def _entries(text: str) -> list[str]:
    entries: list[str] = []
    for part in _BETWEEN.split(text):
        pieces = part.split()
        several = len(pieces) > 1 and all("@" in piece and "<" not in piece for piece in pieces)
        entries += pieces if several else [part.strip()]
    return [entry for entry in entries if entry]


def named_guests(guests: tuple[Guest, ...], name: str | None) -> tuple[Guest, ...]:
    """
    Return the guests, and call a single one `name` where the list does not say how.

    Raises UsageProblem for a name beside several guests: it is for one person.
    """
    if not name or not guests:
        return guests
    if len(guests) > 1:
        raise UsageProblem("name_for_several")
    return tuple(replace(guest, name=guest.name or name) for guest in guests)
