"""Pages and /readyz say what is wrong, to those who are told of it."""

from dataclasses import replace

from memorycapsule.domain.instances import BlobDamage
from memorycapsule.domain.reasons import KeptReason
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import instances as instance_store

ROW = 'class="note notices"'


def damage(scene):
    with scene.instance.store.transaction() as tx:
        blob = capsule_store.blobs.by(tx, capsule_id=scene.capsule.id)[0]
        capsule_store.blobs.save(tx, replace(blob, damage=BlobDamage.CHANGED))


def test_all_is_well(scene):
    ready = scene.browser().get("/readyz")

    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "notices": []})
    assert ROW not in scene.ada().get("/").text


def test_an_owner_reads_what_is_wrong_at_home_and_at_the_capsule(scene):
    damage(scene)

    for path in ("/", f"/c/{scene.capsule.id}/people"):
        page = scene.ada().get(path).text
        assert ROW in page
        assert "1 stored file is damaged or missing." in page


def test_nobody_else_reads_it(scene):
    damage(scene)

    for token in (scene.ben.token, scene.cleo.token):
        assert ROW not in scene.browser(token).get("/").text


def test_what_concerns_the_whole_server_stands_at_home_only(scene):
    with scene.instance.store.transaction() as tx:
        instance_store.change(tx, hold=KeptReason(reason="held_older_database"))

    assert ROW in scene.ada().get("/").text
    assert ROW not in scene.ada().get(f"/c/{scene.capsule.id}/people").text


def test_a_monitor_learns_which_kinds_there_are_and_nothing_else(scene):
    damage(scene)
    with scene.instance.store.transaction() as tx:
        instance_store.change(tx, hold=KeptReason(reason="held_older_database"))

    unready = scene.browser().get("/readyz")

    assert unready.status_code == 503
    assert unready.json() == {"status": "unready", "notices": ["damage", "held"]}


def test_a_heart_that_does_not_beat_is_not_ready(scene):
    scene.heartbeat_age = 61

    unready = scene.browser().get("/readyz")

    assert (unready.status_code, unready.json()["status"]) == (503, "unready")
