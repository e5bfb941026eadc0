"""
What each behaviour of a mail server does to six letters, while it lasts and after it: nobody is blamed for the server.

Each row is a server that misbehaves in one way. Its letters are looked at after the first pass, after days of the same,
and after the server has been mended. No letter ever arrives twice, and none is lost without being named.
"""

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from memorycapsule.domain.deliveries import DeliveryState
from memorycapsule.domain.notices import NoticeKind
from memorycapsule.words.error_sentences import english_sentence_of
from support.mailservers import DROP, HANG, LATE, RuledServer

THEN_DROP = RuledServer.THEN_DROP
Rule = Callable[[str, str], str | None]

ALL_SENT = {"sent": 6}
ALL_WAIT = {"queued": 6}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One behaviour, and what is expected."""

    name: str
    #: A new rule for each run, since some count.
    rule: Callable[[], Rule]
    #: The states after the first pass, and after more of them while it lasts; None for the same.
    first: dict[str, int]
    lasting: dict[str, int] | None = None
    #: A part of why all letters wait after the first pass; None where they do not.
    pause: str | None = None
    #: The states after the server was mended.
    mended: dict[str, int] = field(default_factory=lambda: ALL_SENT)
    smtp: dict[str, object] = field(default_factory=dict)
    #: Belongs to the fifth that runs every day.
    every_day: bool = False


def always(key: str, value: str, *names: str) -> Callable[[], Rule]:
    """The same answer each time, to the letters of `names` or to all."""
    return lambda: lambda asked, name: value if asked == key and (not names or name in names) else None


def at_login(value: str) -> Callable[[], Rule]:
    return lambda: lambda asked, _: {"EHLO": "250-scripted\n250 AUTH LOGIN PLAIN", "AUTH": value}.get(asked)


def after(key: str, count: int, value: str) -> Callable[[], Rule]:
    """Proper answers to the first `count`, then this one."""

    def begin() -> Rule:
        asked_before = itertools.count()
        return lambda asked, _: value if asked == key and next(asked_before) >= count else None

    return begin


def every_second(key: str, value: str) -> Callable[[], Rule]:
    def begin() -> Rule:
        count = itertools.count(1)
        return lambda asked, _: value if asked == key and next(count) % 2 == 0 else None

    return begin


LOGIN = {"username": "ada", "password": "secret"}
ONE_IN_DOUBT, TWO_IN_DOUBT = {"unknown": 1, "queued": 5}, {"unknown": 2, "queued": 4}

ROWS = [
    Row(name="proper", rule=lambda: lambda _asked, _name: None, first=ALL_SENT),
    Row(name="421 at connecting", rule=always("GREETING", "421 busy" + THEN_DROP), first=ALL_WAIT, pause="421"),
    Row(name="554 at connecting", rule=always("GREETING", "554 no service"), first=ALL_WAIT, pause="554"),
    Row(name="garbage at connecting", rule=always("GREETING", "SSH-2.0-OpenSSH_9.2"), first=ALL_WAIT, pause=""),
    Row(name="silence at connecting", rule=always("GREETING", HANG), first=ALL_WAIT, pause="", smtp={"timeout_seconds": 0.2}),
    Row(name="no STARTTLS", rule=lambda: lambda _asked, _name: None, first=ALL_WAIT, pause="STARTTLS", smtp={"security": "starttls"}),
    Row(name="535 at the login", rule=at_login("535 5.7.8 bad"), first=ALL_WAIT, pause="535", smtp=LOGIN, every_day=True),
    Row(name="454 at the login", rule=at_login("454 4.7.0 too many logins" + THEN_DROP), first=ALL_WAIT, pause="454", smtp=LOGIN),
    Row(name="451 at MAIL", rule=always("MAIL", "451 later"), first=ALL_WAIT, pause="451"),
    Row(name="552 at MAIL", rule=always("MAIL", "552 5.3.4 message too big"), first=ALL_WAIT, pause="552"),
    Row(name="every second MAIL is cut off", rule=every_second("MAIL", DROP), first=ALL_SENT),
    Row(name="one is greylisted", rule=always("RCPT", "451 greylisted", "ben"), first={"sent": 5, "queued": 1}),
    Row(name="all are greylisted", rule=always("RCPT", "451 4.7.1 greylisted"), first=ALL_WAIT),
    Row(name="all mailboxes are full for now", rule=always("RCPT", "452 4.2.2 mailbox full"), first=ALL_WAIT),
    Row(name="one address is wrong", rule=always("RCPT", "550 5.1.1 no such user", "ben"), first={"sent": 5, "rejected": 1}, mended={"sent": 5, "rejected": 1}, every_day=True),
    Row(name="all addresses are wrong", rule=always("RCPT", "550 5.1.1 no such user"), first={"rejected": 6}, mended={"rejected": 6}),
    Row(name="relay denied", rule=always("RCPT", "554 5.7.1 <x>: Relay access denied"), first=ALL_WAIT, pause="Relay", every_day=True),
    Row(name="sender not authorised", rule=always("RCPT", "550 5.7.1 Sender not authorised"), first=ALL_WAIT, pause="5.7.1"),
    Row(name="sender unknown", rule=always("RCPT", "550 5.1.0 <capsule@example.org>: Sender address rejected"), first=ALL_WAIT, pause="5.1.0"),
    Row(name="login wanted", rule=always("RCPT", "530 5.7.0 Authentication required"), first=ALL_WAIT, pause="530"),
    Row(name="refused without a reason", rule=always("RCPT", "550 not today"), first=ALL_WAIT, pause="550 not today", every_day=True),
    Row(name="two in a row refused without a reason", rule=always("RCPT", "550 not today", "cleo", "dan"), first={"sent": 2, "queued": 4}, lasting={"sent": 4, "queued": 2}, pause="550"),
    Row(name="blocked for one", rule=always("RCPT", "550 5.7.1 blocked", "cleo"), first={"sent": 2, "queued": 4}, lasting={"sent": 5, "queued": 1}, pause="5.7.1"),
    Row(name="421 at the third", rule=always("RCPT", "421 4.7.0 too many, closing" + THEN_DROP, "cleo"), first={"sent": 2, "queued": 4}, lasting={"sent": 5, "queued": 1}, pause="421"),
    Row(name="451 at DATA", rule=always("DATA", "451 try later"), first=ALL_WAIT),
    Row(name="cut off at DATA", rule=always("DATA", DROP), first=ALL_WAIT, pause=""),
    Row(name="451 at the dot", rule=always("PAYLOAD", "451 try later"), first=ALL_WAIT),
    Row(name="one letter is too large", rule=always("PAYLOAD", "552 5.3.4 too large", "ben"), first={"sent": 5, "rejected": 1}, mended={"sent": 5, "rejected": 1}),
    Row(name="spam", rule=always("PAYLOAD", "554 5.7.1 rejected as spam"), first=ALL_WAIT, pause="spam"),
    Row(name="may not send as this", rule=always("PAYLOAD", "554 5.2.252 SendAsDenied"), first=ALL_WAIT, pause="SendAs"),
    Row(name="quota after three", rule=after("PAYLOAD", 3, "550 5.4.5 Daily user sending limit exceeded"), first={"sent": 3, "queued": 3}, pause="5.4.5", every_day=True),
    Row(name="cut off after one dot", rule=always("PAYLOAD", DROP, "ben"), first={"sent": 1, "unknown": 1, "queued": 4}, lasting={"sent": 5, "unknown": 1}, pause="", mended={"sent": 5, "unknown": 1}),
    Row(name="cut off after each dot", rule=always("PAYLOAD", DROP), first=ONE_IN_DOUBT, lasting=TWO_IN_DOUBT, pause="", mended={"sent": 4, "unknown": 2}, every_day=True),
    Row(name="garbage after each dot", rule=always("PAYLOAD", "hello"), first=ONE_IN_DOUBT, lasting=TWO_IN_DOUBT, pause="", mended={"sent": 4, "unknown": 2}),
    Row(name="slow after one dot", rule=always("PAYLOAD", f"{LATE}0.3", "ben"), first=ALL_SENT),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "row",
    [pytest.param(row, id=row.name, marks=() if row.every_day else pytest.mark.nightly) for row in ROWS],
)
def test_a_fault_of_the_server_is_nobodys_end(outbox, row):
    with RuledServer(row.rule()) as server:
        outbox.send(server, **row.smtp)
        assert outbox.states() == row.first
        if row.pause is None:
            assert outbox.waiting is None
        else:
            assert outbox.waiting.until == outbox.time.now + timedelta(minutes=5)
            assert row.pause in english_sentence_of(outbox.waiting.why)

        begun = outbox.time.now
        while outbox.time.now < begun + timedelta(days=1) and outbox.go_to_the_next_try():
            outbox.send(server, **row.smtp)
        assert outbox.states() == (row.lasting or row.first)
        findings = outbox.findings()
        assert findings.get(NoticeKind.REJECTED_LETTERS, 0) == row.first.get("rejected", 0)
        if row.pause is not None and not row.lasting:
            assert NoticeKind.MAIL in findings
        logins = sum(command.startswith("AUTH") for command in server.commands)
        assert logins <= server.connections

    with RuledServer(lambda _asked, _name: None) as mended:
        for _ in range(2):
            outbox.go_to_the_next_try()
            outbox.send(mended)
        assert outbox.states() == row.mended
        assert outbox.waiting is None
        assert outbox.findings().get(NoticeKind.UNKNOWN_LETTERS, 0) == row.mended.get("unknown", 0)

    arrived = Counter(address for address, _ in server.kept + mended.kept if address != "capsule@example.org")
    assert set(arrived.values()) <= {1}
    never = {one.address for one in outbox.letters()} - set(arrived)
    ended = {one.address for one in outbox.letters() if one.state is not DeliveryState.SENT}
    assert never <= ended


def test_the_rows_of_every_day_are_a_fifth():
    assert sum(row.every_day for row in ROWS) * 5 in range(len(ROWS) - 5, len(ROWS) + 6)
