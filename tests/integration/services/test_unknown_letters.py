"""Opened letters that may not have arrived: whoever has not come is written to once more, and nobody else."""

from collections import Counter

import pytest

from memorycapsule.domain.deliveries import DeliveryState, LetterKind
from memorycapsule.domain.sessions import LinkPurpose
from memorycapsule.mail.smtp import SmtpServer, SmtpSession
from memorycapsule.services import letters, members, opening, visits
from memorycapsule.services.mailing import retrying
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.work import ticks
from support.cast import OPENS, make_context
from support.mailservers import DROP, MailServer, ScriptedServer

ADA, BEN, YOUNGHEE = "ada@example.org", "ben@example.org", "younghee@example.org"


def smtp(server):
    settings = SmtpServer(
        host=server.host, port=server.port, security="none", username=None, password=None, timeout_seconds=5
    )
    return lambda: SmtpSession(settings)


def send(stage, time, server):
    return ticks.send_letters(make_context(stage.instance, time, connect=smtp(server)))


@pytest.fixture
def lost(stage_on_both, time):
    """The capsule is open, and the server broke off after each opened letter, as if there had been three faults."""
    stage, instance = stage_on_both, stage_on_both.instance
    time.go_to(OPENS)
    opening.open_if_due(instance.store, instance.wake, stage.capsule.id, OPENS)
    with instance.store.transaction() as tx:
        opening.queue_letters(tx, instance.wake, stage.capsule.id, "none", OPENS)
        for delivery in delivery_store.all_deliveries(tx):
            delivery_store.suppress(tx, OPENS, kind=LetterKind.INVITATION)
            if delivery.kind is LetterKind.OPENED:
                taken = delivery_store.claim(tx, delivery.id, "a run that was killed", OPENS)
                delivery_store.change_attempt(tx, delivery.id, taken.attempt, data_started_at=OPENS)
    ticks.settle(make_context(instance, time))
    with instance.store.reading() as tx:
        opened = delivery_store.deliveries.by(tx, kind=LetterKind.OPENED)
    assert {one.state for one in opened} == {DeliveryState.UNKNOWN}
    return stage


def arrivals(server):
    return Counter(message.recipients[0] for message in server.messages)


def test_whoever_has_not_come_gets_one_other_letter_after_three_days(lost, time):
    with MailServer() as server:
        time.go_on(days=3, seconds=-1)
        send(lost, time, server)
        assert arrivals(server) == {}

        time.go_on(seconds=1)
        for _ in range(5):
            send(lost, time, server)
            time.go_on(days=1)

        assert arrivals(server) == {ADA: 1, BEN: 1, YOUNGHEE: 1}
        ids = {message.message["Message-ID"] for message in server.messages}
        assert all(one.startswith("<opened_again.") for one in ids)
        assert len(ids) == 3


def test_whoever_came_or_left_gets_none(lost, time):
    instance, now = lost.instance, time.go_on(days=1)
    with instance.store.transaction() as tx:
        token = letters.issue_link(tx, instance.key, LinkPurpose.OPENED, lost.ben.member.id, 1, now)
    visits.visit(instance.store, token, LinkPurpose.OPENED, now=now)
    members.leave(
        instance.store,
        instance.vault,
        instance.wake,
        lost.younghee.viewer,
        lost.capsule.id,
        takes_stories=False,
        now=now,
    )

    with MailServer() as server:
        time.go_on(days=3)
        send(lost, time, server)

        assert arrivals(server) == {ADA: 1}


def test_whoever_was_sent_the_letter_again_by_hand_gets_no_other(lost, time):
    instance = lost.instance
    with MailServer() as server:
        now = time.go_on(days=1)
        again = retrying.send_again(
            instance.store, instance.wake, instance.ada, None, only=DeliveryState.UNKNOWN, now=now
        )
        assert {one.address for one in again} == {ADA, BEN, YOUNGHEE}
        for _ in range(4):
            send(lost, time, server)
            time.go_on(days=1)

        assert arrivals(server) == {ADA: 1, BEN: 1, YOUNGHEE: 1}
        assert all(message.message["Message-ID"].startswith("<opened.") for message in server.messages)


def test_the_other_letter_is_not_repeated_if_it_may_not_have_arrived_either(lost, time):
    with ScriptedServer({"PAYLOAD": [DROP, "250 ok"]}) as server:
        for _ in range(10):
            time.go_on(days=3)
            send(lost, time, server)

        assert len(server.payloads) == 3


def test_a_clock_in_doubt_reminds_nobody(lost, time):
    instance = lost.instance
    context = make_context(instance, time)
    assert ticks.open_due(context)
    time.jump(days=4)

    ticks.send_letters(context)

    with instance.store.reading() as tx:
        assert delivery_store.deliveries.by(tx, kind=LetterKind.OPENED_AGAIN) == []
