"""
Header values that nothing typed can break.

Not `email.headerregistry`: its output is parsed and folded again, and a typed name such as
`=?utf-8?q?=0D=0ABcc:_eve?=` comes out of that as a header of its own, one with `"><x>` as another address
(seen with CPython 3.11.7). Here typed text is harmless as it stands or base64, and nothing looks inside again.
"""

from __future__ import annotations

import base64
import re

from memorycapsule.domain.people import checked_address

#: RFC 5322 atoms and the spaces between them, short enough for one line.
_HARMLESS = re.compile(r"[A-Za-z0-9!#$%&'*+/^_`{|}~-]+( [A-Za-z0-9!#$%&'*+/^_`{|}~-]+){0,9}")
_HARMLESS_LENGTH = 60
#: RFC 2047 section 2: a line with an encoded word has at most 76 characters: `Subject: =?utf-8?b?` + 52 + `?=`.
_WORD_BYTES = 39


def mailbox_header(name: str, address: str) -> str:
    """
    The value of From or To: one mailbox, its name encoded. `name` is one printable line or empty.

    Raises UsageProblem unless the address is a plain one.
    """
    mailbox = checked_address(address)
    if not name:
        return mailbox
    phrase = encoded_words(name)
    fold = " " if len(phrase) + len(mailbox) <= _HARMLESS_LENGTH else "\r\n "
    return f"{phrase}{fold}<{mailbox}>"


def encoded_words(text: str) -> str:
    """
    One printable line as a phrase or unstructured value (RFC 2047): as it is when only atoms, else in words
    of base64, folded, none of which splits a character.
    """
    if len(text) <= _HARMLESS_LENGTH and _HARMLESS.fullmatch(text):
        return text
    words, word = [], b""
    for character in text:
        encoded = character.encode()
        if len(word) + len(encoded) > _WORD_BYTES:
            words.append(word)
            word = b""
        word += encoded
    words.append(word)
    return "\r\n ".join(f"=?utf-8?b?{base64.b64encode(word).decode()}?=" for word in words)
