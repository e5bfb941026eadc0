"""Rehearsal: what an opening needs is tried, what would fail is named, and nothing is opened, sent or kept."""

import dataclasses
from datetime import timedelta

import pytest

from memorycapsule.domain.film.sizes import Size
from memorycapsule.domain.notices import NoticeKind
from memorycapsule.domain.rehearsals import RehearsalStep
from memorycapsule.errors import MailRefused, NotFound, UsageProblem
from memorycapsule.services import keys, opening
from memorycapsule.services.preservation import rehearsal
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import events as event_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store import stories as story_store
from memorycapsule.work import notices, rehearsals, ticks
from support.cast import OPENS, adapted, known_blob_ids, make_context
from support.refusals import refused

STAGE = rehearsal.Stage(size=Size(width=160, height=90), fps=10, free_bytes=10**9, log_in=lambda: None)


def problems(scene, *, deep=True, **stage):
    """What would fail, by step."""
    steps = rehearsal.rehearse(
        scene.instance.store,
        scene.instance.vault,
        scene.capsule,
        dataclasses.replace(STAGE, **stage),
        deep=deep,
        now=OPENS - timedelta(days=30),
    )
    behind_key = {RehearsalStep.WORDS, RehearsalStep.PLAN, RehearsalStep.SPACE} if steps[0].problem else set()
    assert [one.step for one in steps] == [one for one in RehearsalStep if one not in behind_key]
    return {one.step: one.problem.reason for one in steps if one.problem}


def change_envelope(scene, kind, change):
    with scene.instance.store.transaction() as tx:
        envelope = capsule_store.newest_envelope(tx, scene.capsule.id, kind)
        changed = change(envelope.envelope)
        capsule_store.envelopes.save(tx, dataclasses.replace(envelope, envelope=changed))


def flipped(data, at=None):
    changed = bytearray(data)
    changed[len(changed) // 2 if at is None else at] ^= 1
    return bytes(changed)


def blob_of(scene, form):
    with scene.instance.store.reading() as tx:
        return getattr(story_store.media_of_capsule(tx, scene.capsule.id)[0], form)


def blob_file(scene, form):
    blob_id = blob_of(scene, form)
    return scene.instance.folder / "blobs" / blob_id[:2] / blob_id[2:4] / blob_id


def damage_words(scene):
    with scene.instance.store.transaction() as tx:
        story = story_store.of_capsule(tx, scene.capsule.id)[0]
        story_store.stories.save(tx, dataclasses.replace(story, words=flipped(story.words)))


def damage_details(scene):
    with scene.instance.store.transaction() as tx:
        medium = story_store.media_of_capsule(tx, scene.capsule.id)[0]
        story_store.media.save(tx, dataclasses.replace(medium, details=flipped(medium.details)))


def flip_blob(scene):
    file = blob_file(scene, "original_blob")
    file.write_bytes(flipped(file.read_bytes()))


def test_nothing_would_fail_where_all_is_well(filled):
    assert problems(filled) == {}


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        (lambda one: change_envelope(one, "instance", flipped), {"key": "rehearsal_key"}),
        (lambda one: change_envelope(one, "recovery", flipped), {"envelopes": "rehearsal_envelopes"}),
        (damage_words, {"words": "rehearsal_words"}),
        (damage_details, {"words": "rehearsal_words"}),
        (flip_blob, {"blobs": "rehearsal_blobs"}),
        (lambda one: blob_file(one, "display_blob").unlink(), {"blobs": "rehearsal_blobs"}),
    ],
    ids=["key", "recovery key", "words", "details", "changed file", "missing file"],
)
def test_what_would_fail_is_named_by_its_step(filled, harm, expected):
    harm(filled)

    assert problems(filled) == expected


def test_a_mail_server_that_refuses_and_a_disk_without_room_are_named(filled):
    def refuse():
        raise MailRefused

    assert problems(filled, log_in=refuse) == {"mail": "rehearsal_mail"}
    assert problems(filled, free_bytes=1000) == {"space": "rehearsal_space"}


def test_no_row_tells_how_long_a_film_will_be(filled, time):
    context = adapted(make_context(filled.instance, time), free_bytes=lambda: 5_000_000)
    time.go_to(OPENS - timedelta(days=2))
    rehearsals.rehearse_due(context)

    with filled.instance.store.reading() as tx:
        problem = capsule_store.rehearsal_problems(tx)[filled.capsule.id]
    assert problem.reason == "rehearsal_space"
    assert dict(problem.values) == {"needed": 16, "free": 5}, "rounded up to a power of two"


def test_files_are_only_counted_where_the_scrub_reads_them(filled):
    flip_blob(filled)

    assert problems(filled, deep=False) == {}


def test_a_rehearsal_changes_nothing(filled):
    def state():
        with filled.instance.store.reading() as tx:
            return event_store.newest(tx), capsule_store.all_capsules(tx), known_blob_ids(tx)

    before = state()
    problems(filled)
    assert state() == before
    assert filled.instance.letters() == []


def test_each_sealed_capsule_is_rehearsed_each_week_and_on_the_day_before(filled, time):
    context = make_context(filled.instance, time)

    def rehearsed(at):
        time.go_to(at)
        with filled.instance.store.reading() as tx:
            before = event_store.newest(tx)[0]
        rehearsals.rehearse_due(context)
        with filled.instance.store.reading() as tx:
            return event_store.newest(tx)[0] - before

    hour, day = timedelta(hours=1), timedelta(days=1)
    assert rehearsed(OPENS - 4 * day) == 0
    assert rehearsed(OPENS - 2 * day) == 2, "both sealed capsules"
    assert rehearsed(OPENS - day - hour) == 0
    assert rehearsed(OPENS - day + hour) == 2
    assert rehearsed(OPENS - hour) == 0


def test_what_would_fail_is_told_until_it_is_mended(filled, time):
    context = make_context(filled.instance, time)
    change_envelope(filled, "instance", flipped)
    time.go_to(filled.capsule.created_at + timedelta(days=8))
    ticks.tick(context)

    def told():
        return [
            (one.capsule_id, one.says.error.values["problem"].reason)
            for one in notices.standing(context)
            if one.kind is NoticeKind.REHEARSAL
        ]

    assert told() == [(filled.capsule.id, "rehearsal_key")]
    change_envelope(filled, "instance", flipped)
    time.go_to(time.now + timedelta(days=1))
    ticks.tick(context)
    assert told() == []


def test_a_damaged_envelope_of_the_recovery_key_is_made_anew_by_the_weekly_rehearsal(filled, time):
    change_envelope(filled, "recovery", flipped)
    time.go_to(filled.capsule.created_at + timedelta(days=8))
    rehearsals.rehearse_due(make_context(filled.instance, time))

    assert problems(filled) == {}


def test_a_damaged_public_half_of_the_recovery_key_is_found_and_stops_nothing(filled, time):
    with filled.instance.store.transaction() as tx:
        recipient = instance_store.get(tx).recovery_recipient
        instance_store.change(tx, recovery_recipient=recipient[:-1] + ("q" if recipient[-1] != "q" else "p"))
    time.go_to(OPENS - timedelta(days=2))
    rehearsals.rehearse_due(make_context(filled.instance, time))

    with filled.instance.store.reading() as tx:
        assert capsule_store.rehearsal_problems(tx)[filled.capsule.id].reason == "rehearsal_envelopes"
    keys.recover(
        filled.instance.store, filled.instance.key_file, filled.instance.recovery_identity, now=time.now
    )


def test_the_host_rehearses_anybodys_capsule_by_its_id_and_none_that_is_open(filled):
    store = filled.instance.store
    assert rehearsal.to_rehearse(store, filled.ada, filled.capsule.slug) == filled.capsule
    assert rehearsal.to_rehearse(store, filled.ada, filled.capsule.id) == filled.capsule
    with refused(NotFound, "capsule_unknown"):
        rehearsal.to_rehearse(store, filled.cleo, filled.capsule.id)
    opening.open_if_due(store, lambda *_given: None, filled.capsule.id, OPENS)
    with refused(UsageProblem, "rehearsal_open"):
        rehearsal.to_rehearse(store, filled.ada, filled.capsule.id)
