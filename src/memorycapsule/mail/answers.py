"""
What an answer of a mail server is about: us, this recipient, or a moment. The whole table stands here.

An answer about us would come for every other letter as well, so all of them wait and nobody is blamed. An answer about
a recipient ends that one letter. Some refusals for good say neither; two of them in a row are about us (`refusal_of`
tells whether two are the same). Codes are those of RFC 5321 and RFC 4954, enhanced codes those of RFC 3463, RFC 7505
and, where providers made their own, theirs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from memorycapsule.errors import CapsuleError

#: An enhanced code stands first in a line, or, as qmail writes it, in brackets: "(#5.1.1)".
_ENHANCED = re.compile(r"(?:^|\(#?)\s*([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])", re.MULTILINE)
_REPLY = re.compile(r"([2-5]\d\d)(?:[ -]|\Z)(.*)", re.DOTALL)

#: 421 and 454: the server closes, or cannot log us in, at present. 500 to 504, 521: it does not speak with us as we
#: do. 530, 534, 535, 538: it wants a login, or another one.
_CODES_ABOUT_US = frozenset({421, 454, 500, 501, 502, 503, 504, 521, 530, 534, 535, 538})
#: Subject and detail of enhanced codes that are about us: our address as a sender (1.7 and 1.8), our daily number of
#: recipients (1.90 at Microsoft, 4.5 at Google), and the server's own state (3.x, but not 3.0 and 3.4, which some use
#: for a letter).
_ENHANCED_ABOUT_US = frozenset({(1, 7), (1, 8), (1, 90), (3, 1), (3, 2), (3, 3), (3, 5), (4, 5)})
#: 7.x: security and policy, such as "relay access denied" or "blocked using a list".
_POLICY = 7
#: 1.x: the address. 1.0 does not say whose; some servers give it where they do not take ours.
_ADDRESS = 1
_SOME_ADDRESS = (1, 0)
#: 2.0 to 2.4 are states of a mailbox; what providers added above is about senders (2.252: "send as denied").
_MAILBOX, _LAST_OF_MAILBOX = 2, 4
_NO_SUCH_MAILBOX = 550
#: Where such a word stands, a reply that names the recipient does not say that the address is wrong.
_MAY_BE_ABOUT_US = re.compile(
    r"relay|authenti|log ?in|sender|spam|block|black ?list|reputation|quota|limit|too many|policy|denied|not allowed",
    re.IGNORECASE,
)


#: Exim, and others that give no enhanced code, refuse to send on for us in such words: "relay not permitted".
_NO_RELAYING = re.compile(r"\brelay(?:ing)?\b", re.IGNORECASE)


class About(StrEnum):
    """What an answer that is no yes is about."""

    US = "us"  #: every other letter would be answered alike
    RECIPIENT = "recipient"  #: this address takes no mail
    UNCLEAR = "unclear"  #: refused for good; the letter, the recipient or us
    LATER = "later"  #: refused for now, as by greylisting


@dataclass(frozen=True, kw_only=True)
class RefusalCodes:
    """The codes of a refusal for good: what makes two of them the same."""

    code: int
    enhanced: tuple[int, int] | None


def about(command: str, code: int, text: str, *, sender: str, recipient: str) -> About:
    """
    Return what the answer to a command is about.

    `command` is GREETING, EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA or PAYLOAD (the end of the letter); `code` and `text`
    are the server's, `text` without the code. An answer that is neither 4yz nor 5yz makes no sense and is about us.
    """
    if command not in {"RCPT", "DATA", "PAYLOAD"} or code in _CODES_ABOUT_US:
        return About.US
    match code // 100:
        case 4:
            return About.LATER
        case 5:
            return _about_for_good(command, code, text, sender=sender, recipient=recipient)
        case _:
            return About.US


def _about_for_good(command: str, code: int, text: str, *, sender: str, recipient: str) -> About:
    names_recipient = recipient.lower() in text.lower()
    if sender.lower() in text.lower() and not names_recipient:
        return About.US
    enhanced = _enhanced(code, text)
    if enhanced is not None:
        subject, detail = enhanced
        if subject == _POLICY or enhanced in _ENHANCED_ABOUT_US:
            return About.US
        if subject == _MAILBOX and detail > _LAST_OF_MAILBOX:
            return About.US
        if subject == _ADDRESS and not (enhanced == _SOME_ADDRESS and _MAY_BE_ABOUT_US.search(text)):
            return About.RECIPIENT
    elif command == "RCPT" and not names_recipient and _NO_RELAYING.search(text):
        return About.US
    if (
        command == "RCPT"
        and code == _NO_SUCH_MAILBOX
        and names_recipient
        and not _MAY_BE_ABOUT_US.search(text)
    ):
        return About.RECIPIENT
    return About.UNCLEAR


def refusal_of(detail: CapsuleError | None) -> RefusalCodes | None:
    """Return the codes of a refusal for good that the log of deliveries kept, or None if it keeps something else."""
    if detail is None or detail.reason != "mail_server_replied":
        return None
    found = _REPLY.match(str(detail.values["reply"]))
    if found is None or found[1][0] != "5":
        return None
    return RefusalCodes(code=int(found[1]), enhanced=_enhanced(int(found[1]), found[2]))


def _enhanced(code: int, text: str) -> tuple[int, int] | None:
    """Return subject and detail of the enhanced code in a reply, if it has one of its own class."""
    found = _ENHANCED.search(text)
    if found is None or int(found[1]) != code // 100:
        return None
    return int(found[2]), int(found[3])
