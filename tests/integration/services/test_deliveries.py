"""Deliveries: each letter at most once, whatever the server does, and every one in the end."""

import itertools
import json
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes

import pytest

from memorycapsule.domain.deliveries import DeliveryState
from memorycapsule.domain.reasons import KeptReason
from memorycapsule.errors import CapsuleError, NotAllowed, NotFound
from memorycapsule.mail.outcomes import Outcome
from memorycapsule.mail.smtp import SmtpServer, SmtpSession
from memorycapsule.services.mailing import deliveries, retrying
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store.transactions import Store
from memorycapsule.words.catalogues import wording
from memorycapsule.words.error_sentences import AREA, english_sentence_of, sentence_of
from memorycapsule.work import ticks
from support.cast import adapted, invite, make_capsule, make_context
from support.mailservers import DROP, HANG, MailServer, RuledServer, ScriptedServer
from support.moments import NOW
from support.refusals import refused
from support.servers import wait_until

QUEUED, SENT, REJECTED, UNKNOWN = (
    DeliveryState.QUEUED,
    DeliveryState.SENT,
    DeliveryState.REJECTED,
    DeliveryState.UNKNOWN,
)


def smtp(server, **changes):
    settings = SmtpServer(
        host=server.host, port=server.port, security="none", username=None, password=None, timeout_seconds=5
    )
    return lambda: SmtpSession(replace(settings, **changes))


@pytest.fixture
def capsule(instance):
    return make_capsule(instance)


@pytest.fixture
def letter(instance, capsule):
    """One letter in the outbox, to Ben."""
    invite(instance, capsule, "ben@example.org")
    return outbox(instance)[0]


def outbox(instance):
    with instance.store.reading() as tx:
        return delivery_store.all_deliveries(tx)


def send(instance, time, connect, **more):
    return ticks.send_letters(make_context(instance, time, connect=connect, **more))


def paused(instance):
    with instance.store.reading() as tx:
        found = instance_store.get(tx)
    why = found.mail_pause_reason
    return found.mail_paused_until, why and english_sentence_of(why.error)


def again(instance, delivery_id=None, by=None):
    return retrying.send_again(instance.store, instance.wake, by or instance.ada, delivery_id, now=NOW)


def test_a_letter_that_was_taken_is_sent_and_never_sent_again(instance, letter, time):
    with MailServer() as server:
        sent = send(instance, time, smtp(server))
        time.go_on(days=1)
        nothing = send(instance, time, smtp(server))

    (delivery,) = outbox(instance)
    assert (sent.sent, nothing.sent) == ((letter.id,), ())
    assert [message.recipients for message in server.messages] == [("ben@example.org",)]
    assert (delivery.state, delivery.attempt, delivery.finished_at) == (SENT, 1, NOW)
    assert delivery.data_started_at == NOW
    assert instance.events(letter.capsule_id)[-1] == "letter.sent"


@pytest.mark.parametrize(
    ("script", "state", "after"),
    [
        ({"RCPT": "451 later"}, QUEUED, timedelta(minutes=5)),
        ({"RCPT": "550 no such user"}, REJECTED, None),
        ({"DATA": "451 later"}, QUEUED, timedelta(minutes=5)),
        ({"PAYLOAD": "452 no room"}, QUEUED, timedelta(minutes=5)),
        ({"PAYLOAD": "554 spam"}, REJECTED, None),
        ({"PAYLOAD": DROP}, UNKNOWN, None),
    ],
)
def test_each_answer_has_its_end(instance, letter, time, script, state, after):
    with ScriptedServer(script) as server:
        send(instance, time, smtp(server))

    (delivery,) = outbox(instance)
    assert delivery.state is state
    if after:
        assert delivery.next_attempt_at == NOW + after
        assert (delivery.lease, delivery.data_started_at, delivery.finished_at) == (None, None, None)
    else:
        assert delivery.finished_at == NOW
    assert english_sentence_of(delivery.detail.error)


def test_a_letter_that_may_have_arrived_is_never_sent_again_by_itself(instance, letter, time):
    """I5: between the final dot and the answer nobody knows (RFC 1047)."""
    with ScriptedServer({"PAYLOAD": [DROP, "250 ok"]}) as server:
        ended = send(instance, time, smtp(server))
        for _ in range(5):
            time.go_on(days=1)
            send(instance, time, smtp(server))
        again(instance)
        send(instance, time, smtp(server))

        assert ended.unknown == (letter.id,)
        assert len(server.payloads) == 1
        assert outbox(instance)[0].state is UNKNOWN

        (renewed,) = again(instance, letter.id)
        assert renewed.dedupe_key.endswith(":2")
        send(instance, time, smtp(server))
        assert len(server.payloads) == 2, "somebody has asked for it by its id"
    with refused(NotAllowed, "letter_queued_already"):
        again(instance, letter.id)


def test_tries_are_equal_byte_for_byte(instance, letter, time):
    """I10: same Message-ID, Date and body, so that whoever got two could tell that they are one."""
    with ScriptedServer({"PAYLOAD": ["451 later", "451 later", "250 ok"]}) as server:
        for _ in range(3):
            send(instance, time, smtp(server))
            time.go_on(hours=1)

    assert len(server.payloads) == 3
    assert len(set(server.payloads)) == 1
    message = message_from_bytes(server.payloads[0])
    assert message["Message-ID"].startswith("<invitation.")
    assert outbox(instance)[0].state is SENT


def test_tries_get_rarer_and_end_after_the_days(instance, letter, time):
    tries = []
    with ScriptedServer({"RCPT": "451 greylisted"}) as server:
        while outbox(instance)[0].state is QUEUED:
            time.go_to(max(time.now, outbox(instance)[0].next_attempt_at))
            send(instance, time, smtp(server))
            tries.append(time.now)

    waits = [after - before for before, after in itertools.pairwise(tries)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (timedelta(minutes=5), timedelta(hours=4))
    assert timedelta(days=5) <= tries[-1] - NOW < timedelta(days=5, hours=4)
    (delivery,) = outbox(instance)
    assert delivery.state is REJECTED
    assert "greylisted" in english_sentence_of(delivery.detail.error)


def test_with_the_server_down_for_a_while_all_letters_arrive_once(instance, capsule, time):
    for name in ("ben", "dan", "eve"):
        invite(instance, capsule, f"{name}@example.org")
    server = MailServer()
    with server:
        pass
    for _ in range(10):
        ended = send(instance, time, smtp(server))
        assert ended.sent == ended.rejected == ended.unknown == ()
        assert len(ended.retrying) <= 1, "the others are not even tried"
        time.go_on(minutes=1)
    until, reason = paused(instance)
    assert until == NOW + timedelta(minutes=5 + 10), "each pause is longer than the one before"
    assert "127.0.0.1" in reason
    time.go_to(until)

    with server:
        send(instance, time, smtp(server))

    assert Counter(message.recipients[0] for message in server.messages) == {
        "ben@example.org": 1, "dan@example.org": 1, "eve@example.org": 1,
    }  # fmt: skip
    assert paused(instance) == (None, None)
    assert {delivery.state for delivery in outbox(instance)} == {SENT}


def test_an_outage_does_not_count_as_greylisting(instance, letter, time):
    """After an hour without a server, the first "try again later" means five minutes, not four hours."""
    server = MailServer()
    with server:
        pass
    for _ in range(12):
        send(instance, time, smtp(server))
        time.go_on(minutes=5)
    with ScriptedServer({"RCPT": "451 greylisted"}) as scripted:
        send(instance, time, smtp(scripted))

    (delivery,) = outbox(instance)
    assert delivery.next_attempt_at - time.now <= timedelta(minutes=10)


def test_a_wrong_password_pauses_the_whole_outbox_and_says_so(instance, capsule, time):
    for name in ("ben", "dan"):
        invite(instance, capsule, f"{name}@example.org")
    with MailServer(login=("capsule", "right")) as server:
        ended = send(instance, time, smtp(server, username="capsule", password="wrong"))
        until, reason = paused(instance)
        assert (until, ended.sent, len(server.messages)) == (NOW + timedelta(minutes=5), (), 0)
        assert reason
        assert "wrong" not in reason

        time.go_on(seconds=30)
        assert deliveries.due(instance.store, time.now) == []
        send(instance, time, smtp(server, username="capsule", password="right"))
        assert server.messages == [], "not before the pause is over"

        time.go_on(minutes=5)
        send(instance, time, smtp(server, username="capsule", password="right"))
        assert len(server.messages) == 2


def test_asking_for_another_try_ends_the_pause(instance, letter, time):
    server = MailServer()
    with server:
        pass
    send(instance, time, smtp(server))
    assert paused(instance)[0]

    assert [one.id for one in again(instance)] == [letter.id]

    assert paused(instance) == (None, None)
    with server:
        send(instance, time, smtp(server))
    assert len(server.messages) == 1


def test_a_rejected_letter_is_queued_anew_under_the_next_number(instance, letter, time):
    with ScriptedServer({"RCPT": ["550 no such user", "250 ok"]}) as server:
        send(instance, time, smtp(server))
        (renewed,) = again(instance)
        assert again(instance) == [renewed], "it waits already: nothing more is queued"
        send(instance, time, smtp(server))

    assert [one.state for one in sorted(outbox(instance), key=lambda one: one.dedupe_key)] == [REJECTED, SENT]
    assert len(server.payloads) == 1
    with refused(NotAllowed, "letter_sent_already"):
        again(instance, renewed.id)


def test_only_the_admin_sends_again(stage):
    for viewer in (stage.ben.viewer, stage.cleo):
        with pytest.raises(NotAllowed):
            again(stage.instance, by=viewer)
    with pytest.raises(NotFound):
        again(stage.instance, "no-such-letter")


class Watching:
    """A transport that looks, with a connection of its own, at what is committed before the first byte leaves."""

    def __init__(self, url):
        self.url = url
        self.seen = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def deliver(self, letter, *, sender, recipient, on_data):
        self.record()
        on_data()
        self.record()
        return Outcome(state="sent", detail=CapsuleError("mail_server_replied", reply="250 ok"))

    def record(self):
        store = Store(self.url)
        with store.reading() as tx:
            (row,) = delivery_store.all_deliveries(tx)
        store.close()
        self.seen.append((row.state, row.data_started_at is not None))


def test_that_a_letter_is_leaving_is_on_the_disk_before_it_leaves(instance, letter, time):
    """I5."""
    transport = Watching(instance.store.url)
    send(instance, time, lambda: transport)

    assert transport.seen == [(DeliveryState.SENDING, False), (DeliveryState.SENDING, True)]


def test_a_crash_before_the_handing_over_sends_the_letter_later(instance, letter, time):
    with instance.store.transaction() as tx:
        delivery_store.claim(tx, letter.id, "an earlier run", NOW)
    context = make_context(instance, time)

    assert ticks.send_letters(context).sent == (letter.id,)
    assert outbox(instance)[0].attempt == 2


def test_a_crash_during_the_handing_over_leaves_it_unknown(instance, letter, time):
    with instance.store.transaction() as tx:
        taken = delivery_store.claim(tx, letter.id, "an earlier run", NOW)
        delivery_store.change_attempt(tx, letter.id, taken.attempt, data_started_at=NOW)
    context = make_context(instance, time)

    ticks.settle(context)
    time.go_on(days=3)
    ticks.send_letters(context)

    (delivery,) = outbox(instance)
    assert (delivery.state, delivery.lease, instance.letters()) == (UNKNOWN, None, [])
    assert delivery.detail == KeptReason(reason="letter_cut_off")
    assert instance.events(letter.capsule_id)[-1] == "letter.unknown"


def test_a_letter_that_cannot_be_written_says_why_and_lets_the_others_go(instance, capsule, letter, time):
    invite(instance, capsule, "dan@example.org")
    with instance.store.transaction() as tx:
        fields = json.loads(letter.letter) | {"zone": "Nowhere/벤"}
        damaged = replace(letter, letter=json.dumps(fields))
        delivery_store.deliveries.save(tx, damaged)

    ended = ticks.send_letters(make_context(instance, time))

    rejected = next(one for one in outbox(instance) if one.id == letter.id)
    assert (ended.rejected, len(ended.sent)) == ((letter.id,), 1)
    assert (rejected.state, rejected.detail.reason) == (REJECTED, "letter_not_written")
    korean = sentence_of(rejected.detail.error, wording("ko", AREA))
    assert korean.startswith("편지를 쓰지 못했어요: ")
    assert "Nowhere/벤" in korean


def test_what_another_run_is_sending_is_not_taken_up(instance, letter, time):
    with instance.store.transaction() as tx:
        delivery_store.claim(tx, letter.id, "another run", NOW)
    context = make_context(instance, time, is_alone=False)
    ticks.settle(context)
    ticks.send_letters(context)

    assert (outbox(instance)[0].state, instance.letters()) == (DeliveryState.SENDING, [])


def test_a_result_that_comes_after_another_run_took_over_changes_nothing(instance, letter, time):
    """I6."""

    class Slow(Watching):
        def deliver(self, letter_, *, sender, recipient, on_data):
            deliveries.settle_abandoned(instance.store, None, NOW)
            return Outcome(state="rejected", detail=CapsuleError("mail_server_replied", reply="550 too late"))

    with refused(NotFound, "delivery_taken_over"):
        send(instance, time, lambda: Slow(instance.store.url))

    assert outbox(instance)[0].state is QUEUED


#: Sends what is due, against a server that hangs.
SEND = """
import sys
from datetime import timedelta
sys.path[:0] = sys.argv[6:]
from pathlib import Path
from support.cast import BASE_URL
from memorycapsule.clock import now
from memorycapsule.mail.letters import Sender
from memorycapsule.mail.smtp import SmtpServer, SmtpSession
from memorycapsule.seal.keys import InstanceKey
from memorycapsule.services.mailing import sending
from memorycapsule.services.mailing.composing import MailComposer
from memorycapsule.store.transactions import Store

url, key_file, host, port, connections = sys.argv[1:6]
composer = MailComposer(key=InstanceKey.load(Path(key_file)), base_url=BASE_URL, sender=Sender(name="C", address="c@example.org"))
settings = SmtpServer(host=host, port=int(port), security="none", username=None, password=None, timeout_seconds=60)
sending.send_due(
    Store(url), composer, lambda: SmtpSession(settings), connections=int(connections), lease="killed", give_up_days=5,
    clock=now,
)
"""


def start_sender(instance, server, *, connections=1):
    """Start a program that sends what is due."""
    return subprocess.Popen(
        [
            sys.executable, "-c", SEND, instance.store.url, str(instance.key_file), server.host, str(server.port),
            str(connections), *sys.path,
        ]
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("hangs_at", "arrived", "state"), [("RCPT", 0, SENT), ("PAYLOAD", 1, UNKNOWN)])
def test_a_sender_that_is_killed_sends_no_letter_twice(instance, letter, time, hangs_at, arrived, state):
    with ScriptedServer({hangs_at: [HANG, "250 ok"]}) as server:
        sender = start_sender(instance, server)
        wait_until(
            lambda: server.payloads if arrived else any(one.startswith("RCPT") for one in server.commands),
            30,
            f"the server hangs at {hangs_at}",
        )
        sender.kill()
        sender.wait()
        context = make_context(instance, time, connect=smtp(server))
        ticks.settle(context)
        ticks.send_letters(context)

        assert len(server.payloads) == 1
    assert outbox(instance)[0].state is state


@pytest.mark.slow
def test_a_sender_that_is_killed_with_letters_on_two_connections_sends_none_twice(instance, capsule, time):
    for name in ("ben", "dan", "eve", "finn", "gil"):
        invite(instance, capsule, f"{name}@example.org")
    payloads, is_killed = itertools.count(1), threading.Event()

    def rule(asked, _name):
        return HANG if asked == "PAYLOAD" and not is_killed.is_set() and next(payloads) > 1 else None

    with RuledServer(rule) as server:
        sender = start_sender(instance, server, connections=2)
        wait_until(lambda: len(server.payloads) == 3, 60, "a letter hangs on each connection")
        sender.kill()
        sender.wait()
        is_killed.set()
        context = make_context(instance, time, connect=smtp(server), connections=2)
        ticks.settle(context)
        ticks.send_letters(context)

        assert len(server.payloads) == len(set(server.payloads)) == 5
    assert Counter(one.state for one in outbox(instance)) == {SENT: 3, UNKNOWN: 2}


def test_stopping_ends_after_the_letter_in_hand(instance, capsule, time):
    for name in ("ben", "dan", "eve"):
        invite(instance, capsule, f"{name}@example.org")
    stopping = threading.Event()
    context = make_context(instance, time, is_stopping=stopping.is_set)

    class Stop(Watching):
        def deliver(self, letter, **_):
            stopping.set()
            return Outcome(state="sent", detail=CapsuleError("mail_server_replied", reply="250 ok"))

    sent = ticks.send_letters(adapted(context, connect=lambda: Stop("")))

    assert len(sent.sent) == 1
    assert Counter(one.state for one in outbox(instance)) == {SENT: 1, QUEUED: 2}


def test_old_letters_with_live_links_do_not_stay_in_the_mailbox(instance, letter, time):
    context = make_context(instance, time)
    ticks.send_letters(context)
    time.go_on(days=30)
    ticks.CleanUp(context=context).run()
    assert len(instance.letters()) == 1
    time.go_on(days=1)
    ticks.CleanUp(context=context).run()
    assert instance.letters() == []
