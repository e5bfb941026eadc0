"""Accounts and the addresses that reach them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from memorycapsule.errors import UsageProblem

LONGEST_NAME = 80

_LOCAL_PART = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}")  # the HTML standard's e-mail state
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
#: No domain is longer, in characters of any script; what is cut off here is refused.
_LONGEST_DOMAIN = 254


@dataclass(frozen=True, kw_only=True)
class Account:
    """A person."""

    id: str
    name: str
    #: The language of letters and pages, by its BCP 47 name.
    locale: str
    #: Whether this is the account that ran `init`.
    is_admin: bool
    created_at: datetime
    #: When its person deleted it; what they had put in stays, under the names it was given.
    deleted_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Address:
    """An e-mail address of an account."""

    id: str
    account_id: str
    #: As it was typed, for sending.
    address: str
    #: As `normalised_address` gives it, for finding; unique.
    normalised: str
    #: When its owner proved, by a mailed code, that it reaches them.
    verified_at: datetime | None


def checked_address(text: str) -> str:
    """
    Return an e-mail address fit for sending: trimmed, its domain in lower case and ASCII (IDNA 2008, UTS 46).

    The local part follows the HTML standard's definition of a valid e-mail address, since that is what forms
    in browsers accept. Raises UsageProblem for anything else.
    """
    local, at, domain = text.strip().rpartition("@")
    host = _ascii_domain(domain.strip())
    is_host = host and all(_LABEL.fullmatch(label) for label in host.split("."))
    if not (at and is_host) or len(local) + len(host) > 253:
        raise UsageProblem("address_malformed", address=printable(text, 60))
    if not _LOCAL_PART.fullmatch(local):
        if _is_of_other_letters(local):
            raise UsageProblem("address_not_ascii", address=printable(text, 60))
        raise UsageProblem("address_malformed", address=printable(text, 60))
    return f"{local}@{host}"


def _is_of_other_letters(local: str) -> bool:
    """Say whether only letters of other scripts are the matter (RFC 6531): few servers deliver to those."""
    in_latin = re.sub(r"[^\x00-\x7f]", "a", local)
    others = [one for one in local if not one.isascii()]
    return _LOCAL_PART.fullmatch(in_latin) is not None and all(
        unicodedata.category(one)[0] in "LMN" for one in others
    )


def _ascii_domain(domain: str) -> str:
    """Return a domain as mail servers know it, '' for what is none; ß, ς and joiners stay what they are."""
    if domain.isascii():
        return domain.rstrip(".").lower()
    from idna import IDNAError, encode

    try:
        encoded = encode(domain[:_LONGEST_DOMAIN], uts46=True, std3_rules=True, transitional=False)
    except IDNAError:
        return ""
    return encoded.decode("ascii").rstrip(".")


def shown_address(address: str) -> str:
    """
    Return a checked address as people write it: straße.de for xn--strae-oqa.de.

    A domain that would not lead back to the same address stays in ASCII.
    """
    local, at, domain = address.rpartition("@")
    if "xn--" not in domain:
        return address
    from idna import IDNAError, decode

    try:
        shown = decode(domain)
    except IDNAError:
        return address
    return f"{local}{at}{shown}" if _ascii_domain(shown) == domain else address


def masked_address(address: str) -> str:
    """Return a checked address so that its owner recognises it and nobody else learns it: y…@example.org."""
    local, _, domain = shown_address(address).rpartition("@")
    return f"{local[:1]}…@{domain}"


def normalised_address(text: str) -> str:
    """Return the form of an address that is the same however people write it. Raises UsageProblem."""
    return checked_address(text).lower()


def printable(text: str, longest: int) -> str:
    """
    Return `text` on one line, composed (NFC), without control and direction-changing characters, shortened.

    For names and titles that other people will read: a name cannot turn the line it stands in around. Empty
    when nothing of it would be seen.
    """
    composed = unicodedata.normalize("NFC", text)
    kept = "".join(
        " " if character.isspace() else character
        for character in composed
        if unicodedata.category(character) not in {"Cc", "Cs"} or character.isspace()
    )
    visible = "".join(character for character in kept if character not in _DIRECTION_CHARACTERS)
    line = " ".join(visible.split())
    if not any(unicodedata.category(character)[0] in "LNPS" for character in line):
        return ""  # marks and joiners with nothing to stand on
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def storable(text: str) -> str:
    """
    Return `text` composed (NFC), with � for what no UTF-8 file or database can hold.

    That is half a surrogate pair, as in a file name of other bytes than UTF-8 (PEP 383), and NUL.
    """
    return re.sub("[\0\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", unicodedata.normalize("NFC", text))


#: Characters that reorder the text around them (Unicode Bidirectional Algorithm, UAX #9, 2).
_DIRECTION_CHARACTERS = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def checked_name(text: str) -> str:
    """Return a name fit for showing to others. Raises UsageProblem when nothing of it can be shown."""
    name = printable(text, LONGEST_NAME)
    if not name:
        raise UsageProblem("name_empty")
    return name
