"""Letters over several connections at the same time: each once, in their order, and no fault costs more of them."""

import itertools
import threading
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from memorycapsule.domain.deliveries import DeliveryState, LetterKind
from memorycapsule.errors import DamagedRow
from memorycapsule.store import deliveries as delivery_store
from support.fault_points import Points, watching
from support.mailservers import DROP, RuledServer

FOUR = 4
_CODE = (
    '{"recipient": {"address": "finn@example.org", "name": "Finn", "locale": "en"}, "code_id": "c", '
    '"has_link": false, "minutes": 15, "expires_at": "2999-01-01T00:00:00+00:00", "rotation": 1}'
)


def proper(_asked, _name):
    return None


def arrivals(*servers):
    return Counter(address for server in servers for address, _ in server.kept)


@pytest.mark.slow
def test_four_connections_hand_over_letters_at_the_same_time_and_each_once(outbox):
    outbox.add_letters(14)
    inside, together = set(), threading.Condition()
    first = []

    def rule(asked, _name):
        here = threading.get_ident()
        if asked == "GREETING" and not first:
            first.append(here)
        if asked == "PAYLOAD" and here not in first:
            # The others wait for each other, so without all of them no letter would go on.
            with together:
                inside.add(here)
                together.notify_all()
                assert together.wait_for(lambda: len(inside) == FOUR - 1, 30)

    with RuledServer(rule) as server:
        sent = outbox.send(server, connections=FOUR)

    assert server.connections == FOUR
    assert len(sent.sent) == 20
    assert outbox.states() == {"sent": 20}
    assert (len(arrivals(server)), set(arrivals(server).values())) == (20, {1})


def test_few_letters_leave_over_few_connections(outbox):
    with outbox.instance.store.transaction() as tx:
        for one in delivery_store.deliveries.by(tx, kind=LetterKind.OPENED)[1:]:
            delivery_store.deliveries.save(tx, replace(one, state=DeliveryState.SUPPRESSED))
    with RuledServer(proper) as server:
        outbox.send(server, connections=FOUR)

    assert (server.connections, len(server.kept)) == (1, 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("connections", "letters"),
    [(1, 60), (FOUR, 60), pytest.param(FOUR, 1000, marks=pytest.mark.nightly)],
)
def test_a_code_asked_for_in_the_middle_leaves_before_twenty_others(outbox, connections, letters):
    outbox.add_letters(letters - 6)
    asked_after = itertools.count(1)
    lock = threading.Lock()

    def rule(asked, _name):
        with lock:
            if asked == "PAYLOAD" and next(asked_after) == letters // 2:
                with outbox.instance.store.transaction() as tx:
                    code = delivery_store.deliveries.by(tx, kind=LetterKind.OPENED)[0]
                    later = replace(
                        code, id="code", dedupe_key="sign_in:c:1", kind=LetterKind.SIGN_IN, letter=_CODE,
                        address="code@example.org", state=DeliveryState.QUEUED, attempt=0, tries=0, lease=None,
                        data_started_at=None, finished_at=None, next_attempt_at=outbox.time.now,
                    )  # fmt: skip
                    delivery_store.deliveries.add(tx, later)

    with RuledServer(rule) as server:
        outbox.send(server, connections=connections)

    in_order = [address for address, _ in server.kept]
    assert letters // 2 - connections <= in_order.index("code@example.org") < letters // 2 + 20
    assert (len(arrivals(server)), set(arrivals(server).values())) == (letters + 1, {1})


@pytest.mark.slow
@pytest.mark.parametrize("lets_in", [1, 2])
def test_a_server_that_lets_in_fewer_connections_keeps_no_letter_back(outbox, lets_in):
    outbox.add_letters(14)
    greeted = itertools.count(1)

    def rule(asked, _name):
        if asked == "GREETING" and next(greeted) > lets_in:
            return "421 4.7.0 too many connections" + RuledServer.THEN_DROP
        return None

    with RuledServer(rule) as server:
        sent = outbox.send(server, connections=FOUR)

    assert (len(sent.sent), sent.retrying, outbox.waiting) == (20, (), None)
    assert (len(arrivals(server)), set(arrivals(server).values())) == (20, {1})


def test_wrong_passwords_are_tried_by_one_connection(outbox):
    with RuledServer(
        lambda asked, _: {"EHLO": "250-scripted\n250 AUTH LOGIN PLAIN", "AUTH": "535 5.7.8 bad"}.get(asked)
    ) as server:
        outbox.send(server, connections=FOUR, username="ada", password="secret")

    assert (server.connections, outbox.states()) == (1, {"queued": 6})


@pytest.mark.slow
@pytest.mark.parametrize("go_well", [0, 1, 7])
def test_a_server_that_breaks_off_leaves_one_letter_more_in_doubt_than_there_are_connections(outbox, go_well):
    outbox.add_letters(34)
    payloads = itertools.count(1)

    def rule(asked, _name):
        return DROP if asked == "PAYLOAD" and next(payloads) > go_well else None

    with RuledServer(rule) as server:
        outbox.send(server, connections=FOUR)
        assert outbox.waiting.until == outbox.time.now + timedelta(minutes=5), "several met one fault"
        begun = outbox.time.now
        while outbox.time.now < begun + timedelta(days=1) and outbox.go_to_the_next_try():
            outbox.send(server, connections=FOUR)
    assert 1 <= outbox.states()["unknown"] <= FOUR + 1

    with RuledServer(proper) as mended:
        outbox.go_to_the_next_try()
        outbox.send(mended, connections=FOUR)
    assert set(outbox.states()) == {"sent", "unknown"}
    to_others = [one for one in arrivals(server, mended).items() if one[0] != "capsule@example.org"]
    assert {count for _, count in to_others} == {1}
    assert outbox.waiting is None


@pytest.mark.slow
@pytest.mark.parametrize("connections", [1, FOUR])
def test_a_letter_costs_two_commits(outbox, connections):
    outbox.add_letters(14)
    points = Points()
    with RuledServer(proper) as server, watching(points):
        outbox.send(server, connections=connections)

    assert len(server.kept) == 20
    # Each connection begins with a claim, and the first looks for what others have given back.
    assert points.seen.count("commit<") <= 2 * 20 + connections + 1


def test_what_is_known_of_a_letter_is_kept_whatever_is_wrong_with_the_next(outbox):
    def rule(asked, name):
        if (asked, name) == ("PAYLOAD", "ada"):
            # Without this row no letter can be claimed, whichever it would be.
            with outbox.instance.store.transaction() as tx:
                tx.session.execute(text("UPDATE instance SET mail_pause_reason = '[]'"))

    with RuledServer(rule) as server, pytest.raises(DamagedRow):
        outbox.send(server)

    assert [address for address, _ in server.kept] == ["ada@example.org"]
    assert outbox.names(DeliveryState.SENT) == {"ada"}
    assert outbox.states() == {"sent": 1, "queued": 5}
