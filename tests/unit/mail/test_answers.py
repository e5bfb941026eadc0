"""What answers of mail servers are about, in the words of servers that exist."""

import pytest

from memorycapsule.errors import CapsuleError
from memorycapsule.mail.answers import About, about, refusal_of

US, RECIPIENT, UNCLEAR, LATER = About.US, About.RECIPIENT, About.UNCLEAR, About.LATER


@pytest.mark.parametrize(
    ("command", "answer", "subject"),
    [
        # Before a recipient is named, an answer cannot be about one.
        ("MAIL", "451 4.3.0 later", US),
        ("MAIL", "552 5.3.4 too big", US),
        ("MAIL", "550 5.1.1 no", US),
        # Policy, whatever its words, and wherever qmail puts the code.
        ("RCPT", "554 5.7.1 <ben@example.org>: Relay access denied", US),
        ("RCPT", "550 5.7.1 Sender not authorised", US),
        ("RCPT", "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", US),
        ("RCPT", "550 5.7.509 Access denied, sending domain does not pass DMARC", US),
        ("RCPT", "530 5.7.0 Authentication required", US),
        ("RCPT", "530 log in first", US),
        ("RCPT", "454 4.7.1 <ben@example.org>: Relay access denied", US),
        ("RCPT", "421 4.7.0 too many, closing", US),
        ("PAYLOAD", "554 5.7.1 rejected as spam", US),
        ("PAYLOAD", "454 Throttling failure: Daily message quota exceeded", US),
        # Without an enhanced code, the word alone says that it is about sending on for us.
        ("RCPT", "550 relay not permitted", US),
        ("RCPT", "550 Relaying denied. Proper authentication required.", US),
        # Our quota, our right to send.
        ("PAYLOAD", "550-5.4.5 Daily user sending limit exceeded.\n550 5.4.5 For more see", US),
        ("PAYLOAD", "554 5.2.252 SendAsDenied; capsule@example.org not allowed to send as other", US),
        ("RCPT", "550 5.1.90 Your message can't be sent because you've reached your daily limit", US),
        ("RCPT", "550 5.1.8 <capsule@example.org>: Sender address rejected: Domain not found", US),
        ("RCPT", "550 5.1.0 <capsule@example.org>: Sender address rejected: User unknown", US),
        ("RCPT", "550 <capsule@example.org> is not known here", US),
        # The enhanced code of an answer of several lines may stand in any of them.
        ("RCPT", "550-Sorry.\n550 5.7.1 Your address is on a list", US),
        # The server itself, and answers without sense.
        ("RCPT", "554 5.3.2 system not accepting mail", US),
        ("RCPT", "503 5.5.1 Error: need MAIL command", US),
        ("DATA", "250 what?", US),
        # The mailbox.
        ("RCPT", "550 5.1.1 <ben@example.org>: User unknown", RECIPIENT),
        ("RCPT", "550-5.1.1 The account that you tried to reach does not exist.\n550 5.1.1 Try", RECIPIENT),
        ("RCPT", "553 5.1.3 bad address", RECIPIENT),
        ("RCPT", "556 5.1.10 null MX", RECIPIENT),
        ("PAYLOAD", "550 5.1.1 no such person", RECIPIENT),
        ("RCPT", "550 5.1.0 Address unknown", RECIPIENT),
        ("RCPT", "550-Sorry, this is not about 5.7.1.\n550 5.1.1 No such person", RECIPIENT),
        ("RCPT", "550 <BEN@example.org>: no mailbox here by that name (#5.1.1)", RECIPIENT),
        ("RCPT", "550 <BEN@example.org> User unknown", RECIPIENT),
        # One is not enough to know. 5.1.0 is "other address status", which may be that of ours.
        ("RCPT", "550 5.1.0 Authentication required", UNCLEAR),
        ("PAYLOAD", "550 5.1.0 Sender rejected", UNCLEAR),
        ("RCPT", "550 No such user here", UNCLEAR),
        ("RCPT", "550 relay not permitted for ben@example.org", UNCLEAR),
        ("RCPT", "550 5.5.0 Requested action not taken: mailbox unavailable", UNCLEAR),
        ("RCPT", "552 5.2.2 mailbox full", UNCLEAR),
        ("PAYLOAD", "552 5.3.4 too large", UNCLEAR),
        ("PAYLOAD", "554 Message rejected: Email address is not verified. ben@example.org", UNCLEAR),
        ("DATA", "554 no", UNCLEAR),
        # An address of four numbers is no enhanced code.
        ("RCPT", "550 5.7.1.9 is the address you come from", UNCLEAR),
        # For now.
        ("RCPT", "450 4.2.0 Greylisted", LATER),
        ("RCPT", "451 4.7.1 Greylisting in action", LATER),
        ("RCPT", "452 4.2.2 mailbox full", LATER),
        ("DATA", "451 later", LATER),
        ("PAYLOAD", "452 4.3.1 disk full", LATER),
    ],
)
def test_an_answer_is_about_us_or_a_recipient_or_a_moment(command, answer, subject):
    code, text = answer[:3], "\n".join(line[4:] for line in answer.splitlines())

    assert (
        about(command, int(code), text, sender="capsule@example.org", recipient="ben@example.org") is subject
    )


def test_refusals_are_the_same_by_their_codes_whoever_they_name():
    def said(reply):
        return refusal_of(CapsuleError("mail_server_replied", reply=reply))

    assert said("550 5.4.1 <ben@example.org> denied, id 7") == said(
        "550 5.4.1 <dan@example.org> denied, id 8"
    )
    assert said("550 5.4.1 denied") != said("550 5.4.4 denied")
    assert said("554 no") != said("550 no")
    assert said("550") is not None
    assert said("451 later") is said("250 ok") is None
    assert refusal_of(CapsuleError("letter_not_written", problem="550 x")) is refusal_of(None) is None
