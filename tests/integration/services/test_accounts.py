"""What people change about themselves, up to leaving."""

import json

import pytest

from integration.services.test_signing_in import digits, letters
from memorycapsule.domain.capsules import Role
from memorycapsule.errors import NotAllowed, NotFound, ReauthenticationNeeded, UsageProblem
from memorycapsule.services import accounts, invitations, reading, sessions, signing_in
from memorycapsule.store import accounts as account_store
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import invitations as invitation_store
from support.cast import add_story, another_session, join, make_capsule
from support.refusals import refused


@pytest.fixture
def ben(stage):
    """Ben, signed in a moment ago."""
    return another_session(stage.instance, stage.ben.viewer.account_id, is_proved=True)


def ask_address(stage, viewer, address, time):
    return accounts.request_address(
        stage.instance.store, stage.instance.key, stage.instance.wake, viewer, address, now=time.now
    )


def add_address(stage, viewer, code, time):
    return accounts.add_address(stage.instance.store, stage.instance.key, viewer, code, now=time.now)


def test_name_and_language_are_ones_own(stage, ben, time):
    store = stage.instance.store

    changed = accounts.edit(store, ben, name=" Benjamin \n", locale="ko", now=time.now)

    assert (changed.name, changed.locale) == ("Benjamin", "ko")
    for wrong in ({"name": "\u200b"}, {"locale": "xx"}):
        with pytest.raises(UsageProblem):
            accounts.edit(store, ben, **wrong, now=time.now)
    with pytest.raises(NotAllowed):  # a link for one capsule may have been passed on
        accounts.edit(store, stage.ben.viewer, name="Eve", now=time.now)


def test_a_new_address_is_proved_there_and_letters_follow(stage, ben, time):
    store = stage.instance.store
    ask_address(stage, ben, "Ben@New.example", time)
    (letter,) = letters(stage, time)
    assert accounts.show(store, ben, now=time.now).asked_address == "Ben@new.example"
    with pytest.raises(NotAllowed):
        add_address(stage, ben, "000000" if digits(letter) != "000 000" else "111111", time)

    added = add_address(stage, ben, digits(letter), time)

    view = accounts.show(store, ben, now=time.now)
    assert [one.address for one in view.addresses] == ["Ben@new.example", "ben@example.org"]
    accounts.remove_address(store, ben, view.addresses[1].id, now=time.now)
    with pytest.raises(NotAllowed):
        accounts.remove_address(store, ben, added.id, now=time.now)
    signing_in.request_sign_in(
        store, stage.instance.key, stage.instance.wake, "ben@example.org", now=time.now
    )
    assert letters(stage, time) == [letter]


def test_addresses_need_a_code_typed_a_moment_ago(stage, ben, time):
    time.go_on(minutes=16)
    own = accounts.show(stage.instance.store, ben, now=time.now).addresses

    with pytest.raises(ReauthenticationNeeded):
        ask_address(stage, ben, "ben@new.example", time)
    with pytest.raises(ReauthenticationNeeded):
        accounts.remove_address(stage.instance.store, ben, own[0].id, now=time.now)
    with pytest.raises(ReauthenticationNeeded):
        accounts.delete(stage.instance.store, stage.instance.vault, ben, now=time.now)


def test_nobody_takes_an_address_of_somebody_else_or_learns_that_it_is_one(stage, ben, time):
    ask_address(stage, ben, "younghee@example.org", time)
    (letter,) = letters(stage, time)

    with pytest.raises(NotAllowed):  # even for who reads it there
        add_address(stage, ben, digits(letter), time)
    with stage.instance.store.reading() as tx:
        assert (
            account_store.account_with_address(tx, "younghee@example.org").id
            == stage.younghee.viewer.account_id
        )
    with pytest.raises(UsageProblem):
        ask_address(stage, ben, "ben@example.org", time)


def test_a_deleted_account_leaves_what_it_put_in_and_nothing_about_itself(stage, ben, time):
    store, vault = stage.instance.store, stage.instance.vault
    add_story(stage.instance, stage.capsule, stage.ben.viewer, title="His")
    signing_in.mail_proof_code(store, stage.instance.key, stage.instance.wake, ben, now=time.now)
    letters(stage, time)
    alone = make_capsule(stage.instance, by=ben, title="Alone")
    add_story(stage.instance, alone, ben)
    assert [one.title for one in accounts.preview_deletion(store, ben).goes_along] == ["Alone"]
    blobs = stage.instance.blob_files()

    accounts.delete(store, vault, ben, now=time.now)

    view = reading.capsule(store, vault, stage.ada, stage.capsule.id)
    assert [(one.member.name, one.stories) for one in view.contributions if one.stories] == [("Ben", 1)]
    assert len(stage.instance.blob_files()) < len(blobs)
    with store.reading() as tx:
        account = account_store.accounts.get(tx, ben.account_id)
        assert (account.name, account.deleted_at) == ("", time.now)
        assert capsule_store.capsules.find(tx, alone.id) is None
        assert capsule_store.membership(tx, stage.capsule.id, ben.account_id) is None
        rows = [
            *delivery_store.all_deliveries(tx),
            *invitation_store.of_capsule(tx, stage.capsule.id),
            *account_store.codes.by(tx),
            *account_store.addresses.by(tx),
        ]
    assert "ben@" not in repr(rows)
    assert json.dumps("Ben")[1:-1] not in repr(rows)
    for token in (stage.ben.token,):
        with pytest.raises(NotFound):
            sessions.viewer_with_token(store, token)
    before = len(letters(stage, time))
    signing_in.request_sign_in(
        store, stage.instance.key, stage.instance.wake, "ben@example.org", now=time.now
    )
    assert len(letters(stage, time)) == before
    # The address is free: whoever has it may be invited as anybody else.
    assert join(stage.instance, stage.capsule, "Ben").member.account_id != ben.account_id


def test_an_owner_whom_others_wait_with_and_the_admin_cannot_be_deleted(stage, ben, time):
    store, vault = stage.instance.store, stage.instance.vault
    owned = make_capsule(stage.instance, by=ben, title="Ours")
    join(stage.instance, owned, "Dora", by=ben)

    assert [one.title for one in accounts.preview_deletion(store, ben).in_the_way] == ["Ours"]
    with refused(NotAllowed, "owns_sealed_capsule", title="Ours"):
        accounts.delete(store, vault, ben, now=time.now)
    with store.reading() as tx:
        assert capsule_store.membership(tx, stage.capsule.id, ben.account_id).role is Role.CONTRIBUTOR
    with pytest.raises(NotAllowed):
        accounts.delete(store, vault, stage.ada, now=time.now)
    with refused(NotAllowed, "member_already"):
        invitations.invite(
            store, stage.instance.key, stage.instance.wake, stage.ada, stage.capsule.id,
            addresses=["ben@example.org"], valid_days=14, now=time.now,
        )  # fmt: skip
