"""Coming in without a password: what lets in, what does not, and what nobody learns by trying."""

import email
import email.policy
import re
from datetime import timedelta

import pytest

from memorycapsule.domain.deliveries import DeliveryState, LetterKind
from memorycapsule.domain.sessions import LinkPurpose, Scope, SessionKind
from memorycapsule.errors import NotAllowed, NotFound, ReauthenticationNeeded, UsageProblem
from memorycapsule.services import accounts, reading, sessions, signing_in, stories, tokens
from memorycapsule.store import accounts as account_store
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.work import ticks
from support.cast import add_story, another_session, make_context

BEN = "ben@example.org"


def ask(stage, time, address=BEN):
    signing_in.request_sign_in(
        stage.instance.store, stage.instance.key, stage.instance.wake, address, now=time.now
    )


def letters(stage, time) -> list[str]:
    """Send what is due, and return the texts of all letters with digits, the oldest first."""
    ticks.send_letters(make_context(stage.instance, time))
    read = (
        email.message_from_bytes(one.read_bytes(), policy=email.policy.default)
        for one in stage.instance.letters()
    )
    found = [(one["Date"].datetime, one["Subject"], one.get_body(("plain",)).get_content()) for one in read]
    return [
        f"{subject}\n{text}" for _date, subject, text in sorted(found) if re.search(r"\d{3} \d{3}", subject)
    ]


def digits(letter: str) -> str:
    return re.search(r"\d{3} \d{3}", letter)[0]


def token(letter: str) -> str:
    return re.search(r"/sign-in/(\w+)", letter)[1]


def type_code(stage, time, code, address=BEN):
    return signing_in.with_code(
        stage.instance.store, stage.instance.key, address, code, name="Firefox on Android", now=time.now
    )


def tap(stage, time, secret):
    return signing_in.with_token(
        stage.instance.store, secret, LinkPurpose.SIGN_IN, name="Chrome on Windows", now=time.now
    )


def viewer(stage, secret):
    return sessions.viewer_with_token(stage.instance.store, secret)


def address_of(stage, account_id):
    with stage.instance.store.reading() as tx:
        return account_store.address_of(tx, account_id)


def test_a_mailed_link_lets_in_once_and_proves_the_address(stage, time):
    add_story(stage.instance, stage.capsule, stage.ben.viewer, title="Ours")
    ask(stage, time)
    (letter,) = letters(stage, time)
    assert address_of(stage, stage.ben.viewer.account_id).verified_at is None

    came = tap(stage, time, token(letter))

    ben = viewer(stage, came.token)
    assert ben.account_id == stage.ben.viewer.account_id
    assert (ben.is_proved, ben.capsule_id, ben.is_admin) == (True, None, False)
    assert address_of(stage, ben.account_id).verified_at == time.now
    # What another session of his put in, he sees now, since the letter proved him.
    seen = reading.capsule(stage.instance.store, stage.instance.vault, ben, stage.capsule.id)
    assert [one.words.title for one in seen.stories] == ["Ours"]
    with pytest.raises(NotAllowed):
        tap(stage, time, token(letter))
    with pytest.raises(NotAllowed):
        type_code(stage, time, digits(letter))


def test_the_digits_do_the_same_however_they_are_typed(stage, time):
    ask(stage, time, " BEN@Example.org ")
    (letter,) = letters(stage, time)

    spaced = "-".join(digits(letter)).translate({ord(str(one)): chr(0xFF10 + one) for one in range(10)})
    came = type_code(stage, time, spaced)

    assert viewer(stage, came.token).is_proved


def test_neither_link_nor_digits_stand_in_the_database(stage, time):
    ask(stage, time)
    (letter,) = letters(stage, time)

    with stage.instance.store.reading() as tx:
        rows = repr(
            [*delivery_store.all_deliveries(tx), *account_store.codes.by(tx), *account_store.links.by(tx)]
        )

    assert token(letter) not in rows
    assert digits(letter) not in rows
    assert digits(letter).replace(" ", "") not in rows


def test_after_a_quarter_of_an_hour_neither_lets_in_and_no_letter_leaves(stage, time):
    ask(stage, time)
    (letter,) = letters(stage, time)
    ask(stage, time)  # this one is not sent in time

    time.go_on(minutes=15)

    assert letters(stage, time) == [letter]
    with stage.instance.store.reading() as tx:
        states = [one.state for one in delivery_store.all_deliveries(tx) if one.kind is LetterKind.SIGN_IN]
    assert sorted(states) == [DeliveryState.SENT, DeliveryState.SUPPRESSED]
    for try_it in (lambda: tap(stage, time, token(letter)), lambda: type_code(stage, time, digits(letter))):
        with pytest.raises(NotAllowed):
            try_it()


def test_five_wrong_tries_kill_the_digits_but_not_the_link(stage, time):
    ask(stage, time)
    (letter,) = letters(stage, time)
    wrong = f"{(int(digits(letter).replace(' ', '')) + 1) % 1_000_000:06}"

    for _ in range(signing_in.MOST_TRIES):
        with pytest.raises(NotAllowed):
            type_code(stage, time, wrong)

    with pytest.raises(NotAllowed):
        type_code(stage, time, digits(letter))
    assert viewer(stage, tap(stage, time, token(letter)).token).is_proved


def test_an_unknown_address_gets_no_letter_and_the_same_answers(stage, time):
    ask(stage, time)
    ask(stage, time, "nobody@example.org")
    assert len(letters(stage, time)) == 1

    messages = []
    for address in (BEN, "nobody@example.org"):
        with pytest.raises(NotAllowed) as refused:
            type_code(stage, time, "12", address)
        messages.append(str(refused.value))
    assert messages[0] == messages[1]
    with pytest.raises(UsageProblem):
        ask(stage, time, "nonsense")


def test_no_more_than_five_letters_an_hour_go_to_one_account(stage, time):
    for _ in range(7):
        ask(stage, time)
        time.go_on(minutes=1)
    assert len(letters(stage, time)) == signing_in.MOST_LETTERS

    time.go_on(minutes=60)
    ask(stage, time)

    assert len(letters(stage, time)) == signing_in.MOST_LETTERS + 1


def test_letters_of_a_wrong_hour_keep_nobody_out_until_then(stage, time):
    time.jump(days=2190)
    for _ in range(signing_in.MOST_LETTERS):
        ask(stage, time)
    assert len(letters(stage, time)) == signing_in.MOST_LETTERS

    time.jump(days=-2190)
    ask(stage, time)

    assert len(letters(stage, time)) == signing_in.MOST_LETTERS + 1


def test_another_persons_digits_fit_nobody_else(stage, time):
    ask(stage, time, "younghee@example.org")
    (letter,) = letters(stage, time)
    ask(stage, time)

    with pytest.raises(NotAllowed):
        type_code(stage, time, digits(letter))


def test_what_the_host_hands_over_lets_in_and_proves_nobody_but_the_admin(stage, time):
    add_story(stage.instance, stage.capsule, stage.ben.viewer)

    def hand(address=None, by=stage.ada):
        return signing_in.hand_over_link(
            stage.instance.store, stage.instance.key, by, address, now=time.now
        ).token

    ada = viewer(stage, tap(stage, time, hand()).token)
    ben = viewer(stage, tap(stage, time, hand(BEN)).token)

    assert ada.is_proved
    assert (ben.account_id, ben.is_proved) == (stage.ben.viewer.account_id, False)
    seen = reading.capsule(stage.instance.store, stage.instance.vault, ben, stage.capsule.id)
    assert seen.stories == []
    with pytest.raises(ReauthenticationNeeded):
        ben.check_fresh(time.now)
    with pytest.raises(NotAllowed):
        hand(BEN, by=stage.ben.viewer)
    with pytest.raises(NotFound):
        hand("nobody@example.org")


def test_the_set_up_link_lets_the_admin_in_once_within_a_day(stage, time):
    store, key = stage.instance.store, stage.instance.key
    made = signing_in.hand_over_link(store, key, stage.ada, purpose=LinkPurpose.SET_UP, now=time.now)
    with pytest.raises(NotFound):  # it is no link to sign in with
        tap(stage, time, made.token)

    time.go_on(hours=23)
    came = signing_in.with_token(store, made.token, LinkPurpose.SET_UP, name="", now=time.now)

    assert viewer(stage, came.token).account_id == stage.ada.account_id
    with pytest.raises(NotAllowed):
        signing_in.with_token(store, made.token, LinkPurpose.SET_UP, name="", now=time.now)


def test_a_guest_proves_who_they_are_by_typing_mailed_digits(stage, time):
    store, key = stage.instance.store, stage.instance.key
    add_story(stage.instance, stage.capsule, another_session(stage.instance, stage.ben.viewer.account_id))
    assert signing_in.mail_proof_code(store, key, stage.instance.wake, stage.ben.viewer, now=time.now) == BEN
    (letter,) = letters(stage, time)
    assert "/sign-in/" not in letter
    with pytest.raises(NotAllowed):
        signing_in.prove(store, key, [stage.younghee.viewer], digits(letter), now=time.now)

    signing_in.prove(store, key, [stage.ben.viewer], digits(letter), now=time.now)

    ben = viewer(stage, stage.ben.token)
    ben.check_fresh(time.now)
    assert len(reading.capsule(store, stage.instance.vault, ben, stage.capsule.id).stories) == 1
    with pytest.raises(ReauthenticationNeeded):
        ben.check_fresh(time.now + timedelta(minutes=16))


def test_people_see_and_end_their_own_sessions_only(stage, time):
    store = stage.instance.store
    time.go_on(minutes=1)
    ask(stage, time)
    came = viewer(stage, tap(stage, time, token(letters(stage, time)[0])).token)

    listed = signing_in.of_viewer(store, came)
    assert [(one.session.kind, one.session.name, one.is_this) for one in listed] == [
        (SessionKind.SIGNED_IN, "Chrome on Windows", True),
        (SessionKind.JOINED, "", False),
    ]
    with pytest.raises(NotFound):
        signing_in.end(store, came, stage.younghee.viewer.session_id, now=time.now)
    with pytest.raises(NotAllowed):  # one for one capsule does not end others
        signing_in.end(store, stage.ben.viewer, came.session_id, now=time.now)

    signing_in.end(store, came, stage.ben.viewer.session_id, now=time.now)

    with pytest.raises(NotFound):
        viewer(stage, stage.ben.token)


def test_when_a_session_was_last_used_is_noted_once_an_hour(stage, time):
    def seen_at():
        with stage.instance.store.reading() as tx:
            return account_store.sessions.get(tx, stage.ben.viewer.session_id).seen_at

    first = time.now
    for minutes in (0, 30, 29):
        sessions.viewer_with_token(stage.instance.store, stage.ben.token, time.go_on(minutes=minutes))
        assert seen_at() == first

    sessions.viewer_with_token(stage.instance.store, stage.ben.token, time.go_on(minutes=1))

    assert seen_at() == time.now


def test_a_token_may_less_than_its_person(stage, time):
    store, vault = stage.instance.store, stage.instance.vault
    signed_in = another_session(stage.instance, stage.ben.viewer.account_id, is_proved=True)
    made = tokens.create(store, signed_in, name="laptop", scope=Scope.CONTRIBUTE, now=time.now)
    time.go_on(minutes=1)
    reads = tokens.create(store, signed_in, name="calendar", scope=Scope.READ, now=time.now)
    laptop, calendar = viewer(stage, made.secret), viewer(stage, reads.secret)

    assert [one.name for one in tokens.of_viewer(store, signed_in)] == ["calendar", "laptop"]
    calendar.check(Scope.READ)
    for refused in (
        lambda: calendar.check(Scope.CONTRIBUTE),
        lambda: accounts.edit(store, laptop, name="Eve", now=time.now),
        lambda: tokens.create(store, laptop, name="more", scope=Scope.READ, now=time.now),
        lambda: signing_in.end(store, laptop, signed_in.session_id, now=time.now),
    ):
        with pytest.raises(NotAllowed):
            refused()
    with pytest.raises(UsageProblem):
        tokens.create(store, signed_in, name="all", scope=Scope.EVERYTHING, now=time.now)
    stories.add(store, vault, laptop, stage.capsule.id, title="By a script", text="", now=time.now)

    tokens.end(store, signed_in, "laptop", now=time.now)

    with pytest.raises(NotFound):
        viewer(stage, made.secret)
