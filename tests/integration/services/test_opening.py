"""Opening: never early, once, whole; everybody is told once, with the film or without it."""

import json
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memorycapsule.domain.film.montages import MontageState, Omission
from memorycapsule.errors import NotDue, NotFound, RenderFailed
from memorycapsule.services import opening
from memorycapsule.services.film import montages
from memorycapsule.services.film.montages import RenderedFilm
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import montages as montage_store
from memorycapsule.words.catalogues import wording
from memorycapsule.words.error_sentences import AREA, sentence_of
from memorycapsule.work import ticks
from support.cast import OPENS, add_story, make_capsule, make_context, make_instance
from support.moments import NOW

GRACE = timedelta(hours=1)


def open_it(stage, now=OPENS):
    return opening.open_if_due(stage.instance.store, stage.instance.wake, stage.capsule.id, now)


def film_of(stage):
    with stage.instance.store.reading() as tx:
        return montage_store.of_opening(tx, stage.capsule.id)


def letters(stage, kind="opened"):
    """The letters of the stage's capsule as (address, what it says of the film)."""
    with stage.instance.store.reading() as tx:
        found = delivery_store.deliveries.by(tx, capsule_id=stage.capsule.id, kind=kind)
    return {one.address: json.loads(one.letter).get("film") for one in found}


ALL = ("ada@example.org", "ben@example.org", "younghee@example.org")


def everybody(film):
    return dict.fromkeys(ALL, film)


def overdue(stage, now):
    return opening.queue_overdue_letters(stage.instance.store, stage.instance.wake, GRACE, now)


def finish(stage, tmp_path, now=OPENS, report=()):
    taken = montages.claim(stage.instance.store, film_of(stage).id, lease="run", now=now)
    film, poster = tmp_path / "film.mp4", tmp_path / "poster.jpg"
    film.write_bytes(b"film")
    poster.write_bytes(b"poster")
    rendered = RenderedFilm(film=film, poster=poster, seconds=3.0, report=report)
    store, vault, wake = stage.instance.store, stage.instance.vault, stage.instance.wake
    return montages.keep(store, vault, wake, taken, rendered, now=now)


def fail(stage, now=OPENS):
    taken = montages.claim(stage.instance.store, film_of(stage).id, lease="run", now=now)
    return montages.fail(
        stage.instance.store, stage.instance.wake, taken, RenderFailed("renderer_hung"), now=now
    )


def test_an_opening_opens_queues_the_film_and_is_logged_at_once(stage_on_both):
    """I4 and I12: state, film row and event are there together, or none of them is."""
    capsule = open_it(stage_on_both)
    film = film_of(stage_on_both)

    assert (capsule.is_open, capsule.opened_at, capsule.generation) == (True, OPENS, 1)
    assert (film.state, film.is_opening, film.attempt) == (MontageState.QUEUED, True, 0)
    assert stage_on_both.instance.events(capsule.id)[-1] == "capsule.opened"
    assert ("films", film.id) in stage_on_both.instance.woken
    assert letters(stage_on_both) == {}, "they wait for the film"


def test_an_opening_that_fails_halfway_opens_nothing(stage_on_both):
    def wake_that_fails(tx, work, row_id):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        opening.open_if_due(stage_on_both.instance.store, wake_that_fails, stage_on_both.capsule.id, OPENS)

    assert film_of(stage_on_both) is None
    assert "capsule.opened" not in stage_on_both.instance.events(stage_on_both.capsule.id)
    assert open_it(stage_on_both).is_open


def test_a_capsule_opens_once(stage):
    assert open_it(stage)
    assert open_it(stage) is None
    later = opening.open_due(stage.instance.store, stage.instance.wake, OPENS + GRACE)
    assert stage.capsule.id not in {one.id for one in later.opened}
    assert later.failed == ()
    assert stage.instance.events(stage.capsule.id).count("capsule.opened") == 1


@pytest.mark.slow
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seconds=st.lists(st.integers(min_value=-1_000_000, max_value=1_000_000), max_size=8))
def test_whenever_somebody_looks_nothing_is_open_before_its_date(tmp_path_factory, seconds):
    """I3, I11: over any series of instants, even with a clock that goes back."""
    folder = tmp_path_factory.mktemp("any")
    with make_instance(f"sqlite:///{folder}/capsule.db", folder / "data") as instance:
        capsule, came = make_capsule(instance), False
        for second in seconds:
            now = OPENS + timedelta(seconds=second)
            opening.open_due(instance.store, instance.wake, now)
            came = came or second >= 0
            with instance.store.reading() as tx:
                assert capsule_store.capsules.get(tx, capsule.id).is_open is came
        if came:
            assert instance.events(capsule.id).count("capsule.opened") == 1


def test_asking_for_it_early_is_refused_with_the_date(stage):
    def ask(viewer, now):
        return opening.open_now(stage.instance.store, stage.instance.wake, viewer, stage.capsule.id, now=now)

    for viewer in (stage.ada, stage.ben.viewer):
        with pytest.raises(NotDue) as raised:
            ask(viewer, OPENS - timedelta(microseconds=1))
        assert (raised.value.reason, raised.value.values) == ("not_yet", {"opens": OPENS})
        assert "18 May 2026" in sentence_of(raised.value, wording("en", AREA))
        assert "2026년 5월 18일" in sentence_of(raised.value, wording("ko", AREA))
    with pytest.raises(NotFound):
        ask(stage.cleo, OPENS)
    assert ask(stage.ben.viewer, OPENS).is_open
    assert ask(stage.ada, OPENS).opened_at == OPENS


def test_the_finished_film_brings_one_letter_to_each_member(stage_on_both, tmp_path):
    open_it(stage_on_both)
    assert overdue(stage_on_both, OPENS + GRACE - timedelta(seconds=1)) == 0

    assert finish(stage_on_both, tmp_path)

    assert letters(stage_on_both) == everybody("ready")
    assert overdue(stage_on_both, OPENS + 2 * GRACE) == 0
    assert letters(stage_on_both, "film_ready") == {}
    assert film_of(stage_on_both).state is MontageState.READY
    events = Counter(stage_on_both.instance.events(stage_on_both.capsule.id))
    assert (events["montage.ready"], events["letters.queued"]) == (1, 1)


def test_after_the_grace_letters_leave_without_the_film_and_a_second_one_follows(stage_on_both, tmp_path):
    """I9: whatever becomes of the film, nobody waits for the news longer than the grace."""
    open_it(stage_on_both)
    overdue(stage_on_both, OPENS + GRACE)
    assert letters(stage_on_both) == everybody("follows")

    finish(stage_on_both, tmp_path, OPENS + 2 * GRACE)

    assert letters(stage_on_both) == everybody("follows")
    assert letters(stage_on_both, "film_ready") == everybody(None)
    assert overdue(stage_on_both, OPENS + 9 * GRACE) == 0
    assert len(letters(stage_on_both, "film_ready")) == 3


@pytest.mark.parametrize("film", ["finished", "late", "failed"])
def test_a_capsule_whose_letters_are_queued_is_looked_at_no_more(stage, tmp_path, film):
    def waiting():
        with stage.instance.store.reading() as tx:
            return delivery_store.capsules_without_opened_letters(tx, OPENS + GRACE)

    open_it(stage)
    assert waiting() == [stage.capsule.id]

    if film == "finished":
        finish(stage, tmp_path)
    elif film == "failed":
        for minutes in (0, 1, 3):
            fail(stage, OPENS + timedelta(minutes=minutes))
    overdue(stage, OPENS + GRACE)

    assert waiting() == []


def test_a_film_that_fails_for_good_releases_the_letters(stage):
    open_it(stage)
    assert fail(stage) is MontageState.QUEUED
    assert letters(stage) == {}
    assert film_of(stage).not_before > OPENS
    assert fail(stage, OPENS + timedelta(minutes=1)) is MontageState.QUEUED
    assert fail(stage, OPENS + timedelta(minutes=3)) is MontageState.FAILED

    assert letters(stage) == everybody("none")
    assert film_of(stage).report == (Omission(of="", reason="renderer_hung"),)
    assert letters(stage, "film_ready") == {}


def test_whoever_was_told_that_there_is_no_film_hears_of_it_when_there_is_one_after_all(stage, tmp_path):
    open_it(stage)
    for minutes in (0, 1, 3):
        fail(stage, OPENS + timedelta(minutes=minutes))
    assert letters(stage) == everybody("none")

    later = OPENS + timedelta(days=2)
    montages.retry(stage.instance.store, stage.instance.wake, stage.ada, film_of(stage).id, now=later)
    finish(stage, tmp_path, later)

    assert letters(stage) == everybody("none")
    assert letters(stage, "film_ready") == everybody(None)


def test_letters_that_a_crash_kept_from_being_queued_are_queued_by_the_next_tick(stage):
    """I8: the row says that the film is over, so nothing else has to be remembered."""
    open_it(stage)
    with stage.instance.store.transaction() as tx:
        taken = montage_store.claim(tx, film_of(stage).id, "run")
        montage_store.change_attempt(tx, taken.id, taken.attempt, state=MontageState.FAILED)

    assert overdue(stage, OPENS) == 3
    assert letters(stage) == everybody("none")


def test_a_degraded_film_is_a_film(stage, tmp_path):
    open_it(stage)
    report = (Omission(of="a photo", reason="film_photo_unreadable", values={"file": "a.jpg"}),)
    finish(stage, tmp_path, report=report)

    assert film_of(stage).state is MontageState.DEGRADED
    assert film_of(stage).report == report
    assert letters(stage) == everybody("ready")


def test_a_letter_says_how_much_there_is_to_see(stage, tmp_path):
    add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=2)
    open_it(stage)
    finish(stage, tmp_path)
    with stage.instance.store.reading() as tx:
        letter = delivery_store.deliveries.by(tx, capsule_id=stage.capsule.id, kind="opened")[0]

    fields = json.loads(letter.letter)
    assert {name: fields[name] for name in ("members", "stories", "photos", "clips", "owner")} == {
        "members": 1, "stories": 1, "photos": 2, "clips": 0, "owner": "Ada",
    }  # fmt: skip


def test_each_letter_is_in_its_readers_language_and_its_link_works(stage, tmp_path, time):
    from email import message_from_bytes, policy

    from memorycapsule.domain.sessions import LinkPurpose
    from memorycapsule.seal.keys import token_digest
    from memorycapsule.store import accounts

    open_it(stage)
    finish(stage, tmp_path)
    time.go_to(OPENS)
    ticks.send_letters(make_context(stage.instance, time))

    sent = {}
    for path in stage.instance.letters():
        message = message_from_bytes(path.read_bytes(), policy=policy.default)
        sent[message["To"].addresses[0].addr_spec] = message.get_body(("plain",)).get_content()
    assert any("\uac00" <= character <= "\ud7a3" for character in sent["younghee@example.org"])
    assert not any("\uac00" <= character <= "\ud7a3" for character in sent["ben@example.org"])
    with stage.instance.store.reading() as tx:
        members = {one.name: one.id for one in capsule_store.members_of(tx, stage.capsule.id)}
        for address, name in (
            ("ada@example.org", "Ada"),
            ("ben@example.org", "Ben"),
            ("younghee@example.org", "영희"),
        ):
            token = stage.instance.key.token("opened", members[name], 1)
            assert f"/g/o/{token}" in sent[address]
            link = accounts.links.get(tx, token_digest(token))
            assert (link.purpose, link.subject_id) == (LinkPurpose.OPENED, members[name])


def test_the_earliest_date_opens_first(stage):
    early = make_capsule(stage.instance, title="Early", opens=NOW + timedelta(days=1))

    opened = opening.open_due(stage.instance.store, stage.instance.wake, OPENS).opened

    assert opened[0].id == early.id
    assert len(opened) == 3


def test_a_broken_capsule_does_not_keep_others_closed(stage):
    """Its key is gone: it opens all the same, its film fails, and the others are what they are."""
    with stage.instance.store.transaction() as tx:
        for kind in ("instance", "recovery"):
            capsule_store.drop_envelope(tx, capsule_store.newest_envelope(tx, stage.capsule.id, kind).id)

    assert len(opening.open_due(stage.instance.store, stage.instance.wake, OPENS).opened) == 2


def test_a_capsule_that_cannot_be_opened_is_named_and_does_not_keep_others_closed(stage):
    early = make_capsule(stage.instance, title="Early", opens=NOW + timedelta(days=1))
    with stage.instance.store.engine.connect() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER stuck BEFORE UPDATE OF state ON capsule "
            f"WHEN old.id = '{early.id}' BEGIN SELECT RAISE(ABORT, 'no such luck'); END"
        )
        connection.commit()

    openings = opening.open_due(stage.instance.store, stage.instance.wake, OPENS)

    assert len(openings.opened) == 2
    [failed] = openings.failed
    assert (failed.capsule.id, failed.error.reason) == (early.id, "database_refused")
