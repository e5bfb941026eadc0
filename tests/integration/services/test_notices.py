"""Somebody is told: the right person, once, and no longer than it lasts."""

from dataclasses import replace
from email import message_from_bytes, policy

import pytest

from memorycapsule.domain.deliveries import DeliveryState, LetterKind
from memorycapsule.domain.film.montages import LASTING_INTERRUPTIONS, MontageState
from memorycapsule.domain.instances import BlobDamage
from memorycapsule.domain.notices import NoticeKind
from memorycapsule.domain.reasons import KeptReason
from memorycapsule.errors import CapsuleError, MailRefused
from memorycapsule.mail.mailbox import Mailbox
from memorycapsule.mail.outcomes import Outcome
from memorycapsule.services import accounts, invitations, opening
from memorycapsule.services.mailing import retrying
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store import montages as montage_store
from memorycapsule.work import notices, ticks
from support.cast import OPENS, adapted, add_story, invite, make_capsule, make_context

NO_SUCH_MAILBOX = CapsuleError("mail_server_replied", reply="550 5.1.1 no such mailbox")


class Server:
    """A mail server's answers by recipient; "sent" where nothing else is said."""

    def __init__(self, **states):
        self.states = states
        self.letters = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def deliver(self, letter, *, sender, recipient, on_data):
        on_data()
        state = self.states.get(recipient.partition("@")[0], "sent")
        if state == "sent":
            self.letters.append(message_from_bytes(letter, policy=policy.default))
        return Outcome(state=state, detail=NO_SUCH_MAILBOX)

    def told(self):
        return [one for one in self.letters if one["message-id"].startswith("<notice.")]


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def context(stage, time, server):
    return make_context(stage.instance, time, connect=lambda: server)


def work(context):
    """What a beat does, films apart."""
    ticks.send_letters(context)
    notices.tell(context)
    ticks.send_letters(context)


def kinds(context):
    return [notice.kind for notice in notices.standing(context)]


def text_of(letter):
    return letter.get_body(("plain",)).get_content().replace("\r\n", "\n")


def test_nothing_is_wrong_with_an_instance_where_nothing_is(context, server):
    work(context)

    assert kinds(context) == []
    assert server.told() == []


def test_the_owner_is_told_once_who_did_not_get_a_letter(stage, context, server, time):
    for name in ("dora", "emil", "fritz"):
        server.states[name] = "rejected"
        invite(stage.instance, stage.capsule, f"{name}@example.org", now=time())
    work(context)
    server.states["gerda"] = "unknown"
    invite(stage.instance, stage.capsule, "gerda@example.org", now=time())
    time.go_on(days=1)
    work(context)
    # After an answer that is not known all letters wait a little.
    time.go_on(hours=1)
    work(context)
    work(context)

    first, letter = server.told()
    assert first["subject"] == "MemoryCapsule: something needs you"
    assert letter["to"] == "Ada <ada@example.org>"
    assert letter["subject"] == "MemoryCapsule: 2 things need you"
    said = text_of(letter)
    assert "3 letters were refused for good: " in said
    assert all(f"{name}@example.org" in said for name in ("dora", "emil", "fritz"))
    assert "550 5.1.1 no such mailbox" in said
    assert "whether a letter arrived: gerda@example.org" in said
    assert stage.capsule.title in said


def test_what_is_answered_in_another_way_is_over(stage, context, server, time):
    server.states |= {"dora": "rejected", "emil": "unknown"}
    invite(stage.instance, stage.capsule, "dora@example.org", now=time())
    emil = invite(stage.instance, stage.capsule, "emil@example.org", now=time())
    work(context)
    time.go_on(hours=1)
    work(context)
    assert kinds(context) == [NoticeKind.REJECTED_LETTERS, NoticeKind.UNKNOWN_LETTERS]

    invitations.join(stage.instance.store, emil.token, name="Emil", now=time())
    assert kinds(context) == [NoticeKind.REJECTED_LETTERS]
    invitations.revoke(
        stage.instance.store, stage.ada, stage.capsule.id, addresses=["dora@example.org"], now=time()
    )
    assert kinds(context) == []


def test_a_letter_that_went_through_later_stands_in_for_the_one_that_was_rejected(
    stage, context, server, time
):
    server.states["dora"] = "rejected"
    invite(stage.instance, stage.capsule, "dora@example.org", now=time())
    work(context)
    assert kinds(context) == [NoticeKind.REJECTED_LETTERS]

    del server.states["dora"]
    time.go_on(hours=1)
    retrying.send_again(stage.instance.store, context.wake, stage.ada, None, now=time())
    work(context)

    assert kinds(context) == []


def test_only_the_owner_is_told_whose_letter_did_not_arrive(stage, context, server, time):
    cleos = make_capsule(stage.instance, title="Cleo's own", by=stage.cleo)
    server.states["dora"] = "rejected"
    invite(stage.instance, cleos, "dora@example.org", by=stage.cleo, now=time())

    work(context)

    (letter,) = server.told()
    assert letter["to"] == "Cleo <cleo@example.org>"
    assert "Cleo's own" in text_of(letter)
    # What only somebody at the machine can type helps her nothing.
    assert "capsule mail" not in text_of(letter)


def test_the_admin_is_told_too_of_what_only_the_host_can_mend_but_no_title(stage, context, server, time):
    cleos = make_capsule(stage.instance, title="Cleo's own", by=stage.cleo)
    add_story(stage.instance, cleos, stage.cleo)
    with stage.instance.store.transaction() as tx:
        (blob, *_others) = capsule_store.blobs.by(tx, capsule_id=cleos.id)
        capsule_store.blobs.save(tx, replace(blob, damage=BlobDamage.CHANGED))

    work(context)

    by_reader = {letter["to"]: text_of(letter) for letter in server.told()}
    assert by_reader.keys() == {"Ada <ada@example.org>", "Cleo <cleo@example.org>"}
    assert "Cleo's own" in by_reader["Cleo <cleo@example.org>"]
    assert cleos.id in by_reader["Ada <ada@example.org>"]
    assert "Cleo's own" not in by_reader["Ada <ada@example.org>"]


def test_the_admin_is_told_of_a_capsule_without_an_owner(stage, context, server, time):
    cleos = make_capsule(stage.instance, title="Cleo's own", by=stage.cleo)
    server.states["dora"] = "rejected"
    invite(stage.instance, cleos, "dora@example.org", by=stage.cleo, now=time())
    with stage.instance.store.transaction() as tx:
        owner = capsule_store.members.one(tx, capsule_id=cleos.id, account_id=stage.cleo.account_id)
        capsule_store.members.save(tx, replace(owner, left_at=time()))

    work(context)

    assert [letter["to"] for letter in server.told()] == ["Ada <ada@example.org>"]


def test_a_doubted_clock_is_told_to_the_admin_and_to_whose_capsule_waits(stage, context, server, time):
    make_capsule(stage.instance, title="Cleo's own", by=stage.cleo)
    work(context)
    time.jump(days=365 * 20)

    work(context)

    by_reader = {letter["to"]: text_of(letter) for letter in server.told()}
    assert by_reader.keys() == {"Ada <ada@example.org>", "Cleo <cleo@example.org>"}
    assert "clock" in by_reader["Ada <ada@example.org>"]
    assert "clock is in doubt" in by_reader["Cleo <cleo@example.org>"]


def test_a_disk_that_is_nearly_full_and_a_backup_that_is_old_make_one_letter(stage, context, server, time):
    add_story(stage.instance, stage.capsule, stage.ben.viewer)
    full = adapted(context, free_bytes=lambda: 12_000_000)
    time.go_on(days=31)

    work(full)

    (letter,) = server.told()
    assert letter["to"] == "Ada <ada@example.org>"
    assert "12 MB are free" in text_of(letter)
    assert "There is no backup" in text_of(letter)


def test_nobody_is_told_of_backups_where_the_settings_say_so(stage, context, time):
    add_story(stage.instance, stage.capsule, stage.ben.viewer)
    time.go_on(days=400)

    assert NoticeKind.BACKUP in kinds(context)
    assert NoticeKind.BACKUP not in kinds(adapted(context, backup_days=0))


def test_a_restored_instance_says_that_it_waits(stage, context, time):
    with stage.instance.store.transaction() as tx:
        instance_store.change(tx, hold=KeptReason(reason="failed"))
    time.go_to(OPENS)

    held, *waiting = notices.standing(context)

    assert (held.kind, held.capsule_id) == (NoticeKind.HELD, None)
    assert {one.kind for one in waiting} == {NoticeKind.OPENING}
    assert stage.capsule.id in {one.capsule_id for one in waiting}


def test_a_film_that_failed_is_told_until_it_is_made_again(stage, context, server, time):
    time.go_to(OPENS)
    opening.open_if_due(stage.instance.store, context.wake, stage.capsule.id, time())
    with stage.instance.store.transaction() as tx:
        film = montage_store.of_opening(tx, stage.capsule.id)
        montage_store.montages.save(tx, replace(film, state=MontageState.FAILED, finished_at=time()))

    work(context)

    assert kinds(context) == [NoticeKind.FILM]
    assert len(server.told()) == 1


def test_a_film_that_is_cut_off_again_and_again_is_told(stage, context, server, time):
    time.go_to(OPENS)
    opening.open_if_due(stage.instance.store, context.wake, stage.capsule.id, time())
    with stage.instance.store.transaction() as tx:
        film = montage_store.of_opening(tx, stage.capsule.id)
        montage_store.montages.save(tx, replace(film, attempt=LASTING_INTERRUPTIONS))
    assert kinds(context) == []

    with stage.instance.store.transaction() as tx:
        montage_store.montages.save(tx, replace(film, attempt=LASTING_INTERRUPTIONS + 1))
    work(context)

    assert kinds(context) == [NoticeKind.CUT_OFF_FILM]
    assert len(server.told()) == 1


def test_the_newest_letter_takes_the_place_of_one_that_could_not_leave(stage, context, server, time):
    server.states["ada"] = "retry"
    full = adapted(context, free_bytes=lambda: 12_000_000)
    work(full)
    time.go_on(hours=25)
    server.states["dora"] = "rejected"
    invite(stage.instance, stage.capsule, "dora@example.org", now=time())
    work(full)

    with stage.instance.store.reading() as tx:
        states = [one.state for one in delivery_store.all_deliveries(tx) if one.kind is LetterKind.NOTICE]
    assert states == [DeliveryState.SUPPRESSED, DeliveryState.QUEUED]


def test_what_comes_back_after_days_is_told_again(stage, context, server, time):
    full = adapted(context, free_bytes=lambda: 12_000_000)
    work(full)
    time.go_on(hours=25)
    work(context)
    assert len(server.told()) == 1

    work(full)

    assert len(server.told()) == 2


def test_a_login_that_fails_is_told_in_time_and_over_when_it_works(stage, context, server, time):
    answers = [MailRefused("mail_turned_away", server="mail.example.org:587", reply="535 no")]

    def log_in():
        if answers:
            raise answers[0]

    watched = adapted(context, log_in=log_in)
    work(watched)
    assert kinds(watched) == [NoticeKind.MAIL]
    (letter,) = server.told()
    assert "535 no" in text_of(letter)

    # A letter that went through has shown as much; so does the next trial.
    answers.clear()
    time.go_on(hours=2)
    work(watched)
    assert kinds(watched) == []
    with stage.instance.store.reading() as tx:
        assert instance_store.get(tx).mail_tried_at == time()


def test_a_mail_server_that_is_used_no_more_is_no_trouble(stage, context):
    def log_in():
        raise MailRefused("mail_turned_away", server="mail.example.org:587", reply="535 no")

    notices.tell(adapted(context, log_in=log_in))
    assert kinds(context) == [NoticeKind.MAIL]

    assert kinds(adapted(context, mailbox=Mailbox(stage.instance.mailbox_dir))) == []


def test_a_restored_instance_asks_no_mail_server(stage, context):
    with stage.instance.store.transaction() as tx:
        instance_store.change(tx, hold=KeptReason(reason="failed"))
    asked = []

    notices.tell(adapted(context, log_in=lambda: asked.append(True)))

    assert asked == []


def test_who_deletes_the_account_leaves_no_address_in_such_letters(stage, context, server, time):
    cleos = make_capsule(stage.instance, title="Cleo's own", by=stage.cleo)
    server.states["dora"] = "rejected"
    invite(stage.instance, cleos, "dora@example.org", by=stage.cleo, now=time())
    work(context)

    accounts.delete(stage.instance.store, stage.instance.vault, stage.cleo, now=time())

    with stage.instance.store.reading() as tx:
        told = [one for one in delivery_store.all_deliveries(tx) if one.kind is LetterKind.NOTICE]
    assert [(one.address, "cleo@" in one.letter) for one in told] == [("", False)]
