"""A file that the machine was too busy to read is kept and tried again, and never called damaged."""

import signal
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from integration.http.test_uploads import begin, browser_of, send, send_piece
from memorycapsule.daemon.http.uploads import finishers
from memorycapsule.daemon.http.uploads.finishers import Finishers
from memorycapsule.services import uploads
from support.busy import FailingStarts
from support.cast import add_story, make_photo
from support.servers import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def sender(scene, monkeypatch):
    monkeypatch.setattr(finishers, "RETRY_SECONDS", 0.5)
    with browser_of(scene, scene.ben.token) as sender:
        yield sender


@pytest.fixture
def story(scene):
    return add_story(scene.instance, scene.capsule, scene.ben.viewer, photos=0)


def decoding_children() -> list[psutil.Process]:
    own = psutil.Process().children()
    return [child for child in own if "memorycapsule.media.decoder_child" in child.cmdline()]


def stage_of(sender, address: str) -> str:
    return sender.get(address).json()["stage"]


def sent_while_the_child_is_stopped(sender, story, content, caller):
    """Send a photo that a stopped child holds; return its address, the child and the running request."""
    before = decoding_children()
    send(sender, story.id, make_photo())
    (child,) = [one for one in decoding_children() if one not in before]
    child.suspend()
    held = sender.app.state.receiver._finishers._decoders._slots.queue[-1]
    address = begin(sender, story.id, content).headers["location"]
    sending = caller.submit(send_piece, sender, address, 0, content)
    wait_until(lambda: held._files == 2, 20, "the child holds the photo")
    return address, child, sending


def test_a_photo_whose_child_is_stopped_waits_and_is_taken(scene, sender, story):
    with ThreadPoolExecutor(1) as caller:
        address, child, sending = sent_while_the_child_is_stopped(sender, story, make_photo(), caller)
        stage = stage_of(sender, address)
        child.resume()
        sending.result(30)

    assert (stage, stage_of(sender, address)) == ("waiting", "kept")


def test_a_photo_whose_child_was_ended_is_postponed_and_taken_at_the_next_try(
    scene, sender, story, monkeypatch
):
    monkeypatch.setattr(finishers, "RETRY_SECONDS", 3)
    with ThreadPoolExecutor(1) as caller:
        address, child, sending = sent_while_the_child_is_stopped(sender, story, make_photo(), caller)
        child.send_signal(signal.SIGKILL)
        sending.result(30)
    postponed = sender.get(address).json()
    thanks = {
        language: sender.get(f"/g/c/{scene.capsule.id}/thanks?story={story.id}&lang={language}").text
        for language in ("en", "ko")
    }
    wait_until(lambda: stage_of(sender, address) != "postponed", 30, "it is tried again")

    assert (postponed["stage"], postponed["reason"], postponed["code"]) == ("postponed", None, None)
    assert "1 more is here and waits: this machine is busy." in thanks["en"]
    assert "1개는 잘 받아 두었고, 지금은 컴퓨터가 바빠서 기다리고 있어요." in thanks["ko"]
    assert stage_of(sender, address) == "kept"
    view = scene.story_as_ben_sees_it(story.id)
    assert len(view.media) == 2


@pytest.fixture
def no_child_starts(tmp_path, monkeypatch):
    return FailingStarts(monkeypatch, tmp_path)


def arrived(scene, sender, story) -> str:
    """Have a photo arrive whole, not yet finished; return its id."""
    content = make_photo()
    upload_id = begin(sender, story.id, content).headers["location"].removeprefix("/g/u/")
    uploads.receive(
        scene.instance.store, scene.instance.vault, scene.ben.viewer, upload_id,
        start=0, piece=content, now=scene.time.now,
    )  # fmt: skip
    return upload_id


def test_only_a_photo_that_cannot_be_read_alone_on_a_quiet_machine_is_refused_and_not_called_damaged(
    scene, sender, story, no_child_starts
):
    is_quiet = []
    alone = Finishers(sender.app.state.app, is_quiet=lambda: bool(is_quiet))
    upload_id = arrived(scene, sender, story)
    address = f"/g/u/{upload_id}"
    alone.finish(upload_id).result(30)
    first = stage_of(sender, address)
    wait_until(lambda: alone._tries[upload_id] >= 3, 30, "it is tried three times")
    busy = stage_of(sender, address)
    is_quiet.append(True)
    wait_until(lambda: stage_of(sender, address) == "refused", 30, "it is tried on a quiet machine")
    alone.close()
    state = sender.get(address).json()
    korean = sender.get(f"{address}?lang=ko").json()["reason"]

    assert first == busy == "postponed"
    assert state["code"] == "not_read_here"
    assert state["reason"] == (
        "We could not read this here, although we tried several times. It may well be good: please keep it, and "
        "try it again another day."
    )
    assert korean == (
        "여러 번 해 보았지만 여기서는 읽지 못했어요. 파일에는 문제가 없을 수 있으니, 잘 두었다가 다른 날 다시 넣어 "
        "주세요."
    )


def test_many_postponed_photos_are_all_taken_once_the_machine_lets_them(
    scene, sender, story, no_child_starts
):
    ids = [arrived(scene, sender, story) for _ in range(5)]
    several = Finishers(sender.app.state.app, is_quiet=lambda: True)
    for one in [several.finish(upload_id) for upload_id in ids]:
        one.result(30)
    stages = {stage_of(sender, f"/g/u/{upload_id}") for upload_id in ids}
    no_child_starts.end()
    wait_until(
        lambda: all(stage_of(sender, f"/g/u/{upload_id}") in {"kept", "duplicate"} for upload_id in ids),
        30,
        "all are in",
    )
    several.close()

    assert stages == {"postponed"}


def test_a_postponed_photo_is_tried_again_by_the_next_start(scene, sender, story, no_child_starts):
    upload_id = arrived(scene, sender, story)
    first = Finishers(sender.app.state.app)
    first.finish(upload_id).result(30)
    first.close()
    no_child_starts.end()
    receiver = sender.app.state.receiver
    receiver.resume()
    receiver.finish(upload_id).result(30)

    assert stage_of(sender, f"/g/u/{upload_id}") == "kept"
