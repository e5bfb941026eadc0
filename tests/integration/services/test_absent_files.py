"""The disk of the stored files goes while the program runs: nothing is made or kept without it, and somebody is told."""

from email import message_from_bytes, policy

import pytest

from memorycapsule.domain.film.montages import MontageState
from memorycapsule.domain.notices import NoticeKind
from memorycapsule.errors import Postponed
from memorycapsule.store import fixity as fixity_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store import montages as montage_store
from memorycapsule.work import films, notices, ticks
from support.cast import OPENS, add_story, make_context


@pytest.fixture
def context(stage, time):
    add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=2)
    context = make_context(stage.instance, time)
    ticks.settle(context)
    return context


@pytest.fixture
def mount_point(stage, context, tmp_path):
    """The folder of the files as it is without its disk, which lies beside it."""
    folder = stage.instance.folder / "blobs"
    folder.rename(tmp_path / "disk")
    folder.mkdir()
    return folder


def film(stage):
    with stage.instance.store.reading() as tx:
        return montage_store.of_opening(tx, stage.capsule.id)


def test_nothing_that_comes_in_is_written_into_the_empty_folder(stage, context, mount_point, time):
    with pytest.raises(Postponed) as refused:
        add_story(stage.instance, stage.capsule, stage.ben.viewer, photos=1, text="Later")
    ticks.settle(context)

    assert refused.value.reason == "blobs_absent"
    assert list(mount_point.iterdir()) == []
    with stage.instance.store.reading() as tx:
        assert instance_store.get(tx).hold is None


def test_the_capsule_opens_its_film_waits_for_the_disk_and_nothing_is_taken_for_damage(
    stage, context, mount_point, tmp_path, time
):
    time.go_to(OPENS)
    openings, doubt = ticks.open_due(context)
    made = films.make_waiting(context)
    for look in (
        ticks.CleanUp(context=context).run,
        lambda: ticks.sweep(context),
        lambda: ticks.scrub(context),
    ):
        look()

    assert stage.capsule.id in {one.id for one in openings.opened}
    assert doubt is None
    assert made.made == ()
    assert (film(stage).state, film(stage).attempt) == (MontageState.QUEUED, 0)
    with stage.instance.store.reading() as tx:
        assert fixity_store.count_damaged(tx) == {}
    assert list(mount_point.iterdir()) == []

    mount_point.rmdir()
    (tmp_path / "disk").rename(mount_point)
    cleanup = ticks.CleanUp(context=context)
    cleanup.run()
    assert cleanup.damaged == set()
    assert stage.instance.vault.absence() is None


def test_the_admin_is_told_and_it_is_over_when_the_disk_is_back(stage, context, mount_point, tmp_path):
    queued = notices.tell(context)
    ticks.send_letters(context)

    (notice,) = (one for one in notices.standing(context) if one.kind is NoticeKind.FILES)
    assert (queued, notice.says.reason) == (1, "blobs_absent")
    assert NoticeKind.FILES.is_unready
    (letter,) = (
        one
        for one in (
            message_from_bytes(path.read_bytes(), policy=policy.default) for path in stage.instance.letters()
        )
        if one["message-id"].startswith("<notice.")
    )
    assert "is its disk mounted?" in letter.get_body(("plain",)).get_content()

    mount_point.rmdir()
    (tmp_path / "disk").rename(mount_point)
    assert [one.kind for one in notices.standing(context)] == []
