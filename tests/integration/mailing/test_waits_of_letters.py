"""How long letters wait, and what ends it: answers and days that count, clocks that were wrong, people who ask."""

from dataclasses import replace
from datetime import timedelta

import pytest

from memorycapsule.domain.deliveries import LEAST_TRIES, DeliveryState, LetterKind
from memorycapsule.domain.notices import NoticeKind
from memorycapsule.services.mailing import retrying
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import instances as instance_store
from support.mailservers import DROP, RuledServer, ScriptedServer

REFUSED = "554 5.7.1 Relay access denied"


def test_pauses_grow_from_minutes_to_hours(outbox):
    minutes = []
    with ScriptedServer({"RCPT": REFUSED}) as server:
        for _ in range(9):
            outbox.send(server)
            minutes.append((outbox.waiting.until - outbox.time.now) // timedelta(minutes=1))
            outbox.go_to_the_next_try()

    assert minutes == [5, 10, 20, 40, 80, 160, 240, 240, 240]


def test_pauses_begin_anew_once_a_letter_went_through(outbox):
    with ScriptedServer({"RCPT": [REFUSED] * 4 + ["250 ok", REFUSED]}) as server:
        for _ in range(5):
            outbox.send(server)
            pause = outbox.waiting.until - outbox.time.now
            outbox.go_to_the_next_try()

    assert (outbox.states(), pause) == ({"sent": 1, "queued": 5}, timedelta(minutes=5))


def test_days_without_a_network_bring_no_letter_nearer_to_being_given_up(outbox):
    with ScriptedServer() as gone:
        pass
    outbox.send(gone)
    outbox.time.go_on(days=6)
    greylisting = {"RCPT": ["451 4.2.0 Greylisted"] * 6 + ["250 ok"]}
    with ScriptedServer(greylisting) as server:
        outbox.send(server)
        assert outbox.states() == {"queued": 6}
        outbox.go_to_the_next_try()
        outbox.send(server)
    assert outbox.states() == {"sent": 6}


def test_somebody_is_told_when_all_are_put_off_for_a_day(outbox):
    """Nobody is refused, and nothing leaves: a host name that the server does not know is put off for ever."""
    with ScriptedServer({"RCPT": "450 4.7.1 Client host rejected: cannot find your hostname"}) as server:
        begun = outbox.time.now
        while outbox.time.now < begun + timedelta(hours=20):
            outbox.send(server)
            assert NoticeKind.MAIL not in outbox.findings()
            outbox.go_to_the_next_try()
        outbox.time.go_to(begun + timedelta(days=1))
        outbox.send(server)
        assert NoticeKind.MAIL in outbox.findings()

    with RuledServer(lambda asked, name: "450 later" if (asked, name) == ("RCPT", "ben") else None) as server:
        outbox.go_to_the_next_try()
        outbox.send(server)
    assert outbox.states()["queued"] < 6
    assert NoticeKind.MAIL not in outbox.findings(), "whoever is put off alone is no matter of the server"


def test_a_letter_is_given_up_after_days_of_answers_even_if_the_machine_was_off_in_between(outbox):
    with ScriptedServer({"RCPT": "451 later"}) as server:
        outbox.send(server)
        outbox.time.go_on(days=10)
        outbox.send(server)
        assert outbox.states() == {"queued": 6}, "two tries say nothing"

        tries = 2
        while outbox.go_to_the_next_try():
            outbox.send(server)
            tries += 1
        assert (outbox.states(), tries) == ({"rejected": 6}, LEAST_TRIES)


def test_a_clock_in_doubt_gives_up_no_letter(outbox):
    with ScriptedServer({"RCPT": "451 later"}) as server:
        for _ in range(LEAST_TRIES - 1):
            outbox.send(server)
            outbox.go_to_the_next_try()
        outbox.time.jump(days=3650)
        outbox.send(server)
        outbox.time.jump(days=-3650)
    assert outbox.states() == {"queued": 6}


@pytest.mark.slow
@pytest.mark.parametrize("years", [-56, -1, 6, 70])
@pytest.mark.parametrize("answer", ["gone", "451 later", REFUSED])
def test_no_wait_outlives_the_wrong_clock_that_wrote_it(outbox, years, answer):
    if answer == "gone":
        with ScriptedServer() as server:
            pass
    else:
        server = ScriptedServer({"RCPT": answer})
    outbox.time.jump(days=years * 365)
    if answer == "gone":
        outbox.send(server)
    else:
        with server:
            outbox.send(server)
    assert outbox.states() == {"queued": 6}
    outbox.time.jump(days=-years * 365)

    with ScriptedServer() as well:
        outbox.time.go_on(hours=4)
        outbox.send(well)
        assert (outbox.states(), len(well.payloads)) == ({"sent": 6}, 6)


def test_two_refusals_are_in_a_row_even_if_days_lie_between_them(outbox):
    first = postpone_all_but_one(outbox)
    with ScriptedServer({"RCPT": "550 not today"}) as server:
        outbox.send(server)
        assert outbox.states() == {"rejected": 1, "queued": 5}
        outbox.time.go_on(hours=3)
        outbox.send(server)
    assert outbox.states() == {"queued": 6}, "neither was the recipient's fault"
    with outbox.instance.store.reading() as tx:
        assert delivery_store.deliveries.get(tx, first.id).finished_at is None


def test_what_was_given_up_after_days_stays_so_when_the_next_one_is_refused_alike(outbox):
    given_up = postpone_all_but_one(outbox)
    with ScriptedServer({"RCPT": "550 not today"}) as server:
        outbox.send(server)
        with outbox.instance.store.transaction() as tx:
            ended = delivery_store.deliveries.get(tx, given_up.id)
            delivery_store.deliveries.save(tx, replace(ended, tries=LEAST_TRIES))
        outbox.time.go_on(hours=3)
        outbox.send(server)

    with outbox.instance.store.reading() as tx:
        assert delivery_store.deliveries.get(tx, given_up.id).state is DeliveryState.REJECTED


def postpone_all_but_one(outbox):
    """Have all letters but one wait for three hours, and return that one."""
    with outbox.instance.store.transaction() as tx:
        first, *others = delivery_store.deliveries.by(tx, kind=LetterKind.OPENED)
        for one in others:
            delivery_store.deliveries.save(
                tx, replace(one, next_attempt_at=outbox.time.now + timedelta(hours=3))
            )
    return first


def test_a_code_that_is_asked_for_while_letters_leave_is_the_next_to_leave(outbox):
    queued = []

    def rule(asked, name):
        if asked == "PAYLOAD" and name == "ada" and not queued:
            with outbox.instance.store.transaction() as tx:
                (last,) = delivery_store.deliveries.by(tx, address="finn@example.org", kind=LetterKind.OPENED)
                delivery_store.deliveries.change(
                    tx, delivery_store.DeliveryRow.id == last.id, kind=LetterKind.SIGN_IN, letter=_CODE
                )
                queued.append(last.id)
        return

    with RuledServer(rule) as server:
        outbox.send(server)
        assert [address.partition("@")[0] for address, _ in server.kept][:2] == ["ada", "finn"]


_CODE = (
    '{"recipient": {"address": "finn@example.org", "name": "Finn", "locale": "en"}, "code_id": "c", '
    '"has_link": false, "minutes": 15, "expires_at": "2999-01-01T00:00:00+00:00", "rotation": 1}'
)


def test_a_server_that_broke_off_twice_is_asked_with_a_letter_to_ourselves(outbox):
    with RuledServer(lambda asked, _: DROP if asked == "PAYLOAD" else None) as server:
        for _ in range(6):
            outbox.send(server)
            outbox.go_to_the_next_try()
        to_us = [mark for address, mark in server.kept if address == "capsule@example.org"]
        assert (outbox.states(), len(to_us)) == ({"unknown": 2, "queued": 4}, 4)
        assert len(set(to_us)) == 1, "the same letter each time, so that a mailbox can tell"
        assert to_us[0].startswith("<test.")

    with RuledServer(lambda _asked, _name: None) as mended:
        outbox.send(mended)
        assert outbox.states() == {"unknown": 2, "sent": 4}


def test_asking_for_another_try_forgets_the_pauses(outbox):
    instance = outbox.instance
    with ScriptedServer({"GREETING": "554 no service"}) as server:
        for _ in range(4):
            outbox.send(server)
            outbox.go_to_the_next_try()
        retrying.send_again(instance.store, instance.wake, instance.ada, None, now=outbox.time.now)
        assert outbox.waiting is None
        outbox.send(server)
    assert outbox.waiting.until - outbox.time.now == timedelta(minutes=5)
    with instance.store.reading() as tx:
        assert instance_store.get(tx).mail_pauses == 1
    assert outbox.names(DeliveryState.REJECTED) == set()
