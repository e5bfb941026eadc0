"""Keys: replaced without losing anything, and the recovery key alone brings everything back."""

import errno
import multiprocessing
import os
from dataclasses import replace

import pytest

from memorycapsule.domain.deliveries import DeliveryState
from memorycapsule.errors import CapsuleError, DiskFull, KeyMissing, UsageProblem, WrongKey
from memorycapsule.seal.envelopes import DamagedEnvelope
from memorycapsule.seal.keys import InstanceKey, new_recovery_key
from memorycapsule.services import instances, invitations, keys, reading, sessions
from memorycapsule.services.vault import capsule_identity, new_envelope
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import stories as story_store
from memorycapsule.store.transactions import Store
from memorycapsule.work import ticks
from support.cast import OPENS, add_story, attach, flipped, invite, make_capsule, make_context, make_photo
from support.fault_points import Points, failing_disk, watching
from support.moments import NOW
from support.refusals import refused

PHOTO = make_photo(904)


@pytest.fixture
def filled(stage_on_both):
    add_story(stage_on_both.instance, stage_on_both.capsule, stage_on_both.ben.viewer, photos=[PHOTO])
    return stage_on_both


def reopened(stage):
    """Load the key file as a new run of the program does."""
    instance = stage.instance
    instance.vault = replace(instance.vault, key=keys.open_key(instance.store, instance.key_file))
    return instance


def bens_title(stage):
    shown = reading.stories(stage.instance.store, stage.instance.vault, stage.ben.viewer, stage.capsule.id)
    return [(one.words.title, one.media[0].details.file) for one in shown]


def identity_of_capsule(stage):
    with stage.instance.store.reading() as tx:
        return stage.instance.vault.unsealer(tx, stage.capsule.id).identity


def rotate(stage):
    return keys.rotate(stage.instance.store, stage.instance.key_file, now=NOW)


def recover(stage, identity=None):
    return keys.recover(
        stage.instance.store, stage.instance.key_file, identity or stage.instance.recovery_identity, now=NOW
    )


def test_how_the_keys_stand_is_told_without_any_of_them(filled):
    filled.instance.key_file.unlink()
    status = keys.status(filled.instance.store)

    assert status.fingerprint == filled.instance.key.fingerprint
    assert (status.capsules, status.without_instance, status.without_recovery) == (2, 0, 0)
    with filled.instance.store.transaction() as tx:
        envelope = capsule_store.newest_envelope(tx, filled.capsule.id, "recovery")
        capsule_store.drop_envelope(tx, envelope.id)
    assert keys.status(filled.instance.store).without_recovery == 1


def test_a_new_key_opens_everything_and_the_old_one_nothing(filled):
    old = filled.instance.key
    fresh = rotate(filled)
    instance = reopened(filled)

    assert fresh.fingerprint != old.fingerprint
    assert instance.key == fresh
    assert bens_title(filled) == [("At the pier", "photo-0.jpg")]
    with pytest.raises(WrongKey):
        instances.check_key(instance.store, old)
    with pytest.raises(WrongKey), instance.store.reading() as tx:
        str(replace(instance.vault, key=old).unsealer(tx, filled.capsule.id).identity)
    (kept,) = instance.key_file.parent.glob("instance.key.before-*")
    assert InstanceKey.load(kept) == old
    assert instance.key_file.stat().st_mode & 0o777 == 0o600


def test_duplicates_are_recognised_under_a_new_key(filled):
    rotate(filled)
    reopened(filled)
    with filled.instance.store.reading() as tx:
        (story,) = story_store.of_capsule(tx, filled.capsule.id)

    assert attach(filled.instance, filled.ben.viewer, story, PHOTO).is_duplicate


@pytest.mark.slow
def test_a_disk_without_room_for_the_name_of_an_earlier_try_is_said_in_words(filled):
    earlier = filled.instance.key_file.with_name(f"{filled.instance.key_file.name}.new")
    earlier.write_text("a key of a try that was cut off")

    with (
        watching(Points(1, failing_disk(errno.ENOSPC), is_lasting=True)),
        refused(DiskFull, "disk_full"),
    ):
        rotate(filled)
    assert earlier.read_text() == "a key of a try that was cut off"
    rotate(filled)


@pytest.mark.slow
def test_with_the_key_lost_the_recovery_key_alone_brings_everything_back(filled, time):
    invited = invite(filled.instance, filled.capsule, "dan@example.org")
    filled.instance.key_file.unlink()
    with pytest.raises(KeyMissing):
        InstanceKey.load(filled.instance.key_file)

    recover(filled)

    instance = reopened(filled)
    assert bens_title(filled) == [("At the pier", "photo-0.jpg")]
    assert invitations.join(instance.store, invited.token, now=NOW), "links that are out stay good"
    assert sessions.viewer_with_token(instance.store, filled.ben.token) == filled.ben.viewer
    time.go_to(OPENS)
    ticked = ticks.tick(make_context(instance, time))
    assert len(ticked.films) == 2
    assert len(ticked.letters.sent) == 6
    assert bens_title(filled) == [("At the pier", "photo-0.jpg")]


def test_letters_composed_under_a_new_key_have_links_that_work(filled, time):
    """The letter was queued before the loss; its token is derived anew when it is sent."""
    invite(filled.instance, filled.capsule, "dan@example.org")
    filled.instance.key_file.unlink()
    recover(filled)
    ticks.send_letters(make_context(reopened(filled), time))

    (letter,) = filled.instance.letters()
    token = letter.read_text().replace("=\n", "").partition("/g/i/")[2][:52]
    assert invitations.preview(filled.instance.store, token).invitation.address == "dan@example.org"


def test_another_recovery_key_is_refused_and_changes_nothing(filled):
    with refused(WrongKey, "recovery_key_of_other_instance"):
        recover(filled, new_recovery_key()[0])

    reopened(filled)
    assert bens_title(filled)
    assert not filled.instance.key_file.with_name("instance.key.new").exists()


@pytest.mark.parametrize("cut_off", ["before the old file was renamed", "before the new file was renamed"])
def test_cut_off_between_store_and_file_the_next_start_finishes(filled, cut_off):
    rotate(filled)
    key_file = filled.instance.key_file
    key_file.rename(key_file.with_name("instance.key.new"))
    if cut_off == "before the old file was renamed":
        (old,) = key_file.parent.glob("instance.key.before-*")
        old.rename(key_file)

    reopened(filled)

    assert bens_title(filled) == [("At the pier", "photo-0.jpg")]
    assert not key_file.with_name("instance.key.new").exists()
    assert len(list(key_file.parent.glob("instance.key.before-*"))) == 1


def open_at_once(url, key_file, barrier, fingerprints):
    """Open the key in a process of its own, at the same moment as the others."""
    store = Store(url)
    barrier.wait()
    try:
        fingerprints.put(keys.open_key(store, key_file).fingerprint)
    except CapsuleError as error:
        fingerprints.put(error.reason)


@pytest.mark.slow
@pytest.mark.parametrize("links", [True, False], ids=["links", "no second names"])
def test_programs_that_start_at_the_same_moment_put_a_new_key_in_place_once(filled, links, monkeypatch):
    """As the daemon and cron do after a power cut between the store and the file."""
    if not links:
        monkeypatch.setattr("os.link", make_refusing_link())
    key_file, rounds, programs = filled.instance.key_file, 6, 4
    fork = multiprocessing.get_context("fork")
    for made in range(1, rounds + 1):
        fresh = rotate(filled)
        newest = max(key_file.parent.glob("instance.key.before-*"))
        key_file.rename(key_file.with_name("instance.key.new"))
        newest.rename(key_file)
        barrier, fingerprints = fork.Barrier(programs), fork.Queue()
        started = [
            fork.Process(
                target=open_at_once, args=(filled.instance.store.url, key_file, barrier, fingerprints)
            )
            for _ in range(programs)
        ]
        for process in started:
            process.start()
        found = [fingerprints.get() for _ in started]
        for process in started:
            process.join()

        assert found == [fresh.fingerprint] * programs
        assert len(list(key_file.parent.glob("instance.key.before-*"))) == made


def make_refusing_link():
    """Return os.link as on a file system that has no second names (vfat)."""

    def link(_source, _target, **_how):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    return link


def test_a_program_that_looks_while_a_key_is_replaced_finds_the_new_one(filled, monkeypatch):
    """It has read the old file, and then the store says that there is a new key."""
    load, looks = InstanceKey.load, []

    def load_and_replace(path):
        key = load(path)
        if not looks:
            looks.append(path)
            rotate(filled)
        return key

    monkeypatch.setattr(InstanceKey, "load", load_and_replace)
    found = keys.open_key(filled.instance.store, filled.instance.key_file)
    assert found.fingerprint == keys.status(filled.instance.store).fingerprint


@pytest.mark.parametrize("in_place", ["nothing", "another key"])
def test_the_right_key_beside_the_file_is_named(filled, in_place):
    key_file = filled.instance.key_file
    beside = key_file.rename(key_file.with_name("instance.key.before-20300101-000000-000000"))
    if in_place == "another key":
        InstanceKey.create(key_file)

    with refused(
        KeyMissing if in_place == "nothing" else WrongKey, "key_lies_beside", file=key_file, found=beside
    ):
        reopened(filled)


def test_a_new_key_that_the_store_does_not_know_is_kept(filled):
    unused = InstanceKey.create(filled.instance.key_file.with_name("instance.key.new"))
    old = filled.instance.key
    rotate(filled)

    kept = [InstanceKey.load(one) for one in filled.instance.key_file.parent.glob("instance.key.before-*")]
    assert sorted(kept, key=str) == sorted([unused, old], key=str)


def test_cut_off_before_the_store_changed_the_old_key_stays(filled):
    fresh = filled.instance.key_file.with_name("instance.key.new")
    InstanceKey.create(fresh)

    reopened(filled)
    assert bens_title(filled)
    rotate(filled)
    reopened(filled)
    assert bens_title(filled)


@pytest.mark.parametrize("content", [b"", b"# MemoryCapsule instance key\n", b"\xff\xfe"])
def test_half_a_new_key_file_stops_nothing(filled, content):
    """A crash while it was written: the old key is as good as ever."""
    filled.instance.key_file.with_name("instance.key.new").write_bytes(content)

    reopened(filled)
    assert bens_title(filled)
    rotate(filled)
    reopened(filled)
    assert bens_title(filled)


def test_a_replacement_that_fails_changes_nothing(filled):
    kept = drop_envelope(filled, "instance")
    with refused(CapsuleError, "envelope_missing", capsule=filled.capsule.id, holder="instance"):
        rotate(filled)

    with filled.instance.store.transaction() as tx:
        capsule_store.envelopes.add(tx, kept)
    reopened(filled)
    assert bens_title(filled)


def drop_envelope(stage, kind):
    with stage.instance.store.transaction() as tx:
        envelope = capsule_store.newest_envelope(tx, stage.capsule.id, kind)
        capsule_store.drop_envelope(tx, envelope.id)
    return envelope


def flip_envelope(stage, kind, part):
    """Change one bit of an envelope: in the header's stanza, in its MAC, or in what is encrypted."""
    envelope = drop_envelope(stage, kind)
    header, mac, encrypted = envelope.envelope.partition(b"\n--- ")
    at = {"stanza": header.index(b"X25519 ") + 9, "mac": len(header) + 8, "payload": -20}[part]
    changed = bytearray(header + mac + encrypted)
    changed[at] ^= 1
    with stage.instance.store.transaction() as tx:
        capsule_store.envelopes.add(tx, replace(envelope, envelope=bytes(changed)))


def lacking(stage):
    """Return how many capsules lack a good envelope for the instance key, and for the recovery key."""
    status = keys.status(stage.instance.store)
    return status.without_instance, status.without_recovery


@pytest.mark.parametrize("part", ["stanza", "mac", "payload"])
def test_a_damaged_envelope_is_no_foreign_one_and_the_recovery_key_makes_it_anew(filled, part):
    flip_envelope(filled, "instance", part)
    assert lacking(filled) == (1, 0)
    for use in (identity_of_capsule, rotate):
        with refused(DamagedEnvelope, "key_envelope_damaged"):
            use(filled)

    recover(filled)
    reopened(filled)
    assert lacking(filled) == (0, 0)
    assert bens_title(filled) == [("At the pier", "photo-0.jpg")]


@pytest.mark.parametrize(
    "harm", [lambda *given: flip_envelope(*given, "stanza"), drop_envelope], ids=["damaged", "missing"]
)
@pytest.mark.parametrize("mend", ["by itself", "by a new instance key", "while the key is recovered"])
def test_an_envelope_of_the_recovery_key_is_made_anew_without_that_key(filled, harm, mend):
    harm(filled, "recovery")
    assert lacking(filled) == (0, 1)

    match mend:
        case "by itself":
            assert keys.mend_recovery(filled.instance.store, filled.instance.key, now=NOW) == (
                filled.capsule.id,
            )
        case "by a new instance key":
            rotate(filled)
        case _:
            recover(filled)

    assert lacking(filled) == (0, 0)
    filled.instance.key_file.unlink()
    recover(filled)
    reopened(filled)
    assert bens_title(filled) == [("At the pier", "photo-0.jpg")]
    assert keys.mend_recovery(filled.instance.store, filled.instance.vault.key, now=NOW) == ()


@pytest.mark.parametrize(
    "harm", [lambda *given: flip_envelope(*given, "mac"), drop_envelope], ids=["damaged", "missing"]
)
def test_one_capsule_that_no_key_opens_keeps_no_other_closed(filled, harm):
    harm(filled, "recovery")
    filled.instance.key_file.unlink()

    recover(filled)
    instance = reopened(filled)
    assert lacking(filled) == (1, 1)
    with instance.store.reading() as tx:
        others = [one.id for one in capsule_store.all_capsules(tx) if one.id != filled.capsule.id]
        assert [bool(instance.vault.unsealer(tx, one).identity) for one in others] == [True]


def test_an_envelope_for_another_key_is_called_foreign(filled):
    envelope = drop_envelope(filled, "instance")
    foreign = new_recovery_key()[1]
    with filled.instance.store.transaction() as tx:
        capsule_store.envelopes.add(
            tx,
            replace(
                new_envelope(new_recovery_key()[0], filled.capsule.id, "instance", foreign), id=envelope.id
            ),
        )
    with refused(WrongKey, "key_envelope_foreign"):
        identity_of_capsule(filled)
    assert lacking(filled) == (1, 0)


def renew(stage, recipient, say=lambda _left: None):
    keys.renew_recovery(stage.instance.store, stage.instance.vault.key, recipient, say=say, now=NOW)


def test_a_new_recovery_key_opens_everything_and_the_old_one_nothing(filled):
    identity, recipient = new_recovery_key()
    renew(filled, recipient)
    make_capsule(filled.instance, title="Later")
    assert keys.status(filled.instance.store).recovery_recipient == recipient
    assert lacking(filled) == (0, 0)

    filled.instance.key_file.unlink()
    with refused(WrongKey, "recovery_key_of_other_instance"):
        recover(filled)
    recover(filled, identity)
    reopened(filled)
    assert bens_title(filled) == [("At the pier", "photo-0.jpg")]
    with refused(UsageProblem, "recovery_key_same"):
        renew(filled, recipient)


def test_a_new_recovery_key_that_could_not_be_said_changes_nothing(filled):
    def say(_left):
        raise CapsuleError("answer_unwritten", problem="")

    with refused(CapsuleError, "answer_unwritten"):
        renew(filled, new_recovery_key()[1], say)
    filled.instance.key_file.unlink()
    recover(filled)


def test_a_capsule_that_cannot_be_opened_keeps_the_envelope_of_the_old_recovery_key(filled):
    flip_envelope(filled, "instance", "stanza")
    left = []
    renew(filled, new_recovery_key()[1], left.append)

    assert [[one.id for one in capsules] for capsules in left] == [[filled.capsule.id]]
    assert lacking(filled) == (1, 1)
    with filled.instance.store.reading() as tx:
        kept = capsule_store.newest_envelope(tx, filled.capsule.id, "recovery")
    assert capsule_identity(kept, filled.instance.recovery_identity)

    recover(filled)
    reopened(filled)
    assert lacking(filled) == (0, 0)
    assert bens_title(filled) == [("At the pier", "photo-0.jpg")]


def test_what_comes_in_while_keys_are_unwrapped_is_wrapped_as_well(filled, monkeypatch):
    """They are unwrapped outside any transaction, since that takes long."""
    unwrap, made = keys.capsule_identity, []

    def unwrap_slowly(*given):
        if not made:
            made.append(make_capsule(filled.instance, title="Meanwhile"))
            add_story(filled.instance, filled.capsule, filled.younghee.viewer, photos=[PHOTO])
        return unwrap(*given)

    monkeypatch.setattr(keys, "capsule_identity", unwrap_slowly)
    rotate(filled)
    reopened(filled)

    assert lacking(filled) == (0, 0)
    with filled.instance.store.reading() as tx:
        stories = story_store.of_capsule(tx, filled.capsule.id)
    assert len(stories) == 2
    for story in stories:
        author = next(one for one in (filled.ben, filled.younghee) if one.member.id == story.member_id)
        assert attach(filled.instance, author.viewer, story, PHOTO).is_duplicate


def test_one_damaged_photo_does_not_keep_the_keys_from_being_recovered(filled):
    with filled.instance.store.transaction() as tx:
        (medium,) = story_store.media_of_capsule(tx, filled.capsule.id)
        story_store.media.save(tx, replace(medium, details=flipped(medium.details)))
    filled.instance.key_file.unlink()

    recover(filled)

    assert reopened(filled).key.fingerprint == keys.status(filled.instance.store).fingerprint


def test_a_capsule_made_under_the_new_key_has_its_envelopes(filled):
    rotate(filled)
    make_capsule(reopened(filled), title="Later")

    status = keys.status(filled.instance.store)
    assert (status.capsules, status.without_instance, status.without_recovery) == (3, 0, 0)


def test_no_letter_waits_for_a_key(filled):
    with filled.instance.store.reading() as tx:
        assert {one.state for one in delivery_store.all_deliveries(tx)} == {DeliveryState.SUPPRESSED}
