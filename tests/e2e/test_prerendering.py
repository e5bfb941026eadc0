"""Prerendering by the daemon: killed at work, it leaves nothing plain; and on the day the film is there."""

import dataclasses
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from memorycapsule.app import open_app
from memorycapsule.config import Settings
from memorycapsule.store import capsules as capsule_store
from memorycapsule.work import tmpfs
from support.household import Household
from support.servers import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def household(tmp_path) -> Household:
    return Household(
        tmp_path / "household", {"CAPSULE_FILM__QUIET_HOURS": "always", "CAPSULE_FILM__SIZE": "640x360"}
    )


def is_plain(path: Path) -> bool:
    """Whether a file is a picture or a film that anybody can look at, or a plan that anybody can read."""
    with path.open("rb") as file:
        head = file.read(2000)
    return (
        head.startswith(b"\xff\xd8")
        or head[4:8] == b"ftyp"
        or b'"plan_version"' in head
        or b'"scenes"' in head
    )


def plain_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and is_plain(path)]


def bring_forward(household: Household, capsule_id: str) -> None:
    """Let the day be now, as if the years had passed."""
    settings = Settings(
        data_dir=household.folder / "data", key_file=household.folder / "config" / "instance.key"
    )
    with open_app(settings) as app, app.store.transaction() as tx:
        capsule = capsule_store.capsules.get(tx, capsule_id)
        capsule_store.capsules.save(tx, dataclasses.replace(capsule, opens_at=datetime.now(UTC)))


def test_killed_while_it_prerenders_it_leaves_nothing_plain_and_goes_on(household):
    data = household.folder / "data"
    capsule = household.capsule(opens_in=timedelta(days=3), photos=20)
    folder = tmpfs.workspace(tmpfs.default_places(), data / "work")
    shelf = data / "cache" / "segments" / capsule

    with household.daemon() as daemon:
        wait_until(
            lambda: any(shelf.glob("*.mp4.age")) and any(folder.glob("pictures/*.jpg")),
            60,
            "a segment is there and another one is in hand",
        )
        daemon.kill()
        assert plain_files(data) == []
        assert plain_files(folder) != [], "what was in hand lay in memory"
        assert folder.stat().st_mode & 0o777 == 0o700
        before = {path.name: path.stat().st_ino for path in shelf.glob("*.mp4.age")}

    with household.daemon() as daemon:
        wait_until(lambda: "ahead.done" in daemon.output(), 120, "it is done")
        assert not folder.exists()
        assert plain_files(data) == []
        after = {path.name: path.stat().st_ino for path in shelf.glob("*.mp4.age")}
        assert len(after) > len(before)
        assert before.items() <= after.items(), "what was finished was not made again"
        refused = household.ask("montage", "list", capsule)
        assert refused.returncode == 4, "nothing of it is shown before the date"
        assert json.loads(refused.stdout)["error"]["code"] == "sealed"

        bring_forward(household, capsule)
        household.wait_for_film(capsule, "ready")
        assert re.findall(r'"capsule.segments_encoded": (\d+)', daemon.output()) == ["0"]
        wait_until(lambda: len(household.letters("/g/o/")) == 2, 30, "the letters are there")
        assert daemon.terminate() == 0
    assert list((data / "work").iterdir()) == []
    assert not folder.exists()


def test_asked_to_end_it_ends_at_once_and_leaves_nothing_in_memory(household):
    data = household.folder / "data"
    household.capsule(opens_in=timedelta(days=3), photos=20)
    folder = tmpfs.workspace(tmpfs.default_places(), data / "work")

    with household.daemon() as daemon:
        wait_until(lambda: any(folder.glob("pictures/*.jpg")), 60, "a segment is in hand")
        assert daemon.terminate(12) == 0
        assert not folder.exists()
        assert plain_files(data) == []
