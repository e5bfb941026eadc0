"""What a letter says of what is wrong."""

import email
import email.policy
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from memorycapsule.domain.notices import NoticeKind
from memorycapsule.domain.reasons import reason_fields
from memorycapsule.errors import CapsuleError
from memorycapsule.mail.letters import write
from support.letters import BEN, NOTICE, OWNERS_NOTICE, SENDER, YOUNGHEE

HOSTILE = (
    "Ben\r\nBcc: eve@example.org\r\n\r\nbody",
    "<script>alert('1')</script>\"><img src=x onerror=y>&amp;",
    "photo\u202egpj.exe\u2066\u200f",
    "x" * 3000,
    "{{ 7 * 7 }}{% include 'layout.txt' %}{{ url }}",
)


def parsed(letter):
    sent = write(
        letter, sender=SENDER, message_id="<notice.1@example.org>", date=datetime(2026, 11, 23, tzinfo=UTC)
    )
    return email.message_from_bytes(sent, policy=email.policy.default)


def text_of(mail):
    return mail.get_body(("plain",)).get_content().replace("\r\n", "\n")


def html_of(mail):
    return mail.get_body(("html",)).get_content()


def test_a_notice_says_where_what_is_wrong_and_what_to_do():
    text = text_of(parsed(NOTICE))

    assert parsed(NOTICE)["subject"] == "MemoryCapsule: 3 things need you"
    for part in (
        "This home server\n\nThe disk is nearly full: 412 MB are free.\nPlease free some space.",
        "“The summer we kept”\n\nThe film of its opening could not be made.",
        "2 letters were refused for good: Cleo, Dora (550 5.1.1 no such mailbox)\n“capsule mail outbox”",
    ):
        assert part in text


def test_an_owner_reads_no_command():
    text = text_of(parsed(OWNERS_NOTICE))

    assert "2 letters were refused for good" in text
    assert "“capsule" not in text


@pytest.mark.parametrize("recipient", [BEN, YOUNGHEE])
@pytest.mark.parametrize("kind", NoticeKind)
def test_every_kind_of_notice_has_words_for_whoever_reads_it(recipient, kind):
    notice = {"kind": kind, "place": None, "says": reason_fields(CapsuleError("notice_film_failed"))}
    for is_admin in {True, not kind.is_of_capsule}:
        letter = replace(NOTICE, recipient=recipient, is_admin=is_admin, notices=[notice])
        assert html_of(parsed(letter)).count("<h2") == 1


@pytest.mark.parametrize("typed", HOSTILE)
def test_a_title_or_an_answer_of_a_mail_server_is_only_text_in_a_notice(typed):
    says = CapsuleError("mail_server_replied", reply=typed)
    notice = {
        "kind": "mail",
        "place": typed,
        "says": reason_fields(CapsuleError("notice_mail", problem=says)),
    }
    mail = parsed(replace(NOTICE, notices=[notice]))

    assert "bcc" not in mail
    assert "<script" not in html_of(mail)
    assert html_of(mail).count("<h2") == 1
