"""
kill -9 at random moments between due and done: whatever is running starts again, and each thing is done once.

15 runs are part of the slow tests. `CAPSULE_TEST_CRASHES=100 pytest tests/e2e/test_crashes.py -s` makes more, and
`CAPSULE_TEST_CRASHES=@1234567` repeats the one with that seed.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

import pytest
from sqlalchemy import text

from memorycapsule.clock import now
from memorycapsule.domain.deliveries import DeliveryState
from memorycapsule.domain.film.montages import MontageState
from memorycapsule.media.cache import Cache
from memorycapsule.media.storage.folder import LocalBlobs
from memorycapsule.seal.keys import InstanceKey
from memorycapsule.services import cleanup, reading, sessions
from memorycapsule.services.preservation import trash
from memorycapsule.services.vault import Vault
from memorycapsule.store import capsules, deliveries, montages
from memorycapsule.store.transactions import Store
from support.cast import add_story, events_of, join, known_blob_ids, make_capsule, make_instance, younghee
from support.servers import wait_until

pytestmark = pytest.mark.slow

_WANTED = os.environ.get("CAPSULE_TEST_CRASHES", "15")
SEEDS = (
    [int(_WANTED[1:])] if _WANTED.startswith("@") else [20_260_508 + number for number in range(int(_WANTED))]
)


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A folder in which a capsule with three photos and three members is due."""

    path: Path

    @property
    def data(self) -> Path:
        return self.path / "data"

    @property
    def key_file(self) -> Path:
        return self.path / "data-keys" / "instance.key"

    def start(self) -> subprocess.Popen[bytes]:
        """Start one tick of the real program."""
        environment = {
            "CAPSULE_DATA_DIR": str(self.data),
            "CAPSULE_KEY_FILE": str(self.key_file),
            "CAPSULE_FILM__SIZE": "160x90",
            "CAPSULE_FILM__FPS": "10",
            "CAPSULE_FILM__WORKERS": "1",
            "CAPSULE_LOG_FORMAT": "json",
        }
        with (self.path / "output").open("ab") as output:
            return subprocess.Popen(
                [Path(sys.executable).with_name("capsule"), "--json", "tick"],
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def output(self) -> str:
        return (self.path / "output").read_text(errors="replace")


def set_up(path: Path) -> Folder:
    """The capsule was made two hours ago and has been due for one."""
    folder = Folder(path=path)
    made, due = now() - timedelta(hours=2), now() - timedelta(hours=1)
    with make_instance(f"sqlite:///{folder.data}/capsule.db", folder.data, now=made) as instance:
        capsule = make_capsule(instance, opens=due, now=made)
        ben = join(instance, capsule, "Ben", now=made)
        younghee(instance, capsule)
        add_story(instance, capsule, ben.viewer, photos=3, now=made)
    return folder


@pytest.fixture(scope="module")
def due(tmp_path_factory):
    """A folder to copy, and how many seconds an undisturbed tick takes."""
    folder = set_up(tmp_path_factory.mktemp("due") / "template")
    trial = Folder(path=folder.path.with_name("trial"))
    shutil.copytree(folder.path, trial.path)
    started = time.monotonic()
    assert trial.start().wait(timeout=120) == 0, trial.output()
    seconds = time.monotonic() - started
    check(trial)
    return folder, seconds


def children_of(folder: Folder) -> list[str]:
    """Command lines of processes that work on something in the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(folder.path) in command:
            found.append(command.replace(b"\0", b" ").decode(errors="replace"))
    return found


def check(folder: Folder) -> None:
    """Everything is done, once, and nothing else is left."""
    store = Store(f"sqlite:///{folder.data}/capsule.db")
    key = InstanceKey.load(folder.key_file)
    vault = Vault(
        key=key,
        blobs=LocalBlobs(folder.data / "blobs"),
        cache=Cache(folder.data / "cache" / "segments", 0),
        workspace=folder.data / "work",
    )
    try:
        with store.reading() as tx:
            (capsule,) = capsules.all_capsules(tx)
            (film,) = montages.of_capsule(tx, capsule.id)
            letters = [one for one in deliveries.all_deliveries(tx) if one.kind != "invitation"]
            happened = Counter(event.kind for event in events_of(tx, capsule.id))
            members = capsules.members_of(tx, capsule.id)
            known = known_blob_ids(tx)
            assert tx.session.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
        assert capsule.is_open
        assert film.state is MontageState.READY, film.report
        assert [one.state for one in letters] == [DeliveryState.SENT] * 3
        assert {one.member_id for one in letters} == {member.id for member in members}
        for once in ("capsule.opened", "montage.ready", "letters.queued"):
            assert happened[once] == 1, happened

        mailbox = folder.data / "mailbox"
        sent = [message_from_bytes(path.read_bytes()) for path in mailbox.iterdir()]
        assert sorted(message["To"].rpartition("<")[2].strip(">") for message in sent) == [
            "ada@example.org", "ben@example.org", "younghee@example.org",
        ]  # fmt: skip
        assert [path.suffix for path in mailbox.iterdir()] == [".eml"] * 3

        ada = sessions.host_viewer(store)
        with reading.film_file(store, vault, ada, film.id).stream as stream:
            assert b"ftyp" in stream.read(64)
        assert len(reading.stories(store, vault, ada, capsule.id)[0].media) == 3

        left = [path for path in (folder.data / "work").rglob("*") if not path.is_dir()]
        assert left == [], "no temporary file is left"
        # Of what a cut-off copy left among the blobs, halves go a day later; whole files stay and are counted.
        later = now() + timedelta(days=2)
        cleanup.sweep_parts(vault, now=later)
        kept = {path.name for path in (folder.data / "blobs").glob("??/??/*") if path.is_file()}
        assert known <= kept
        assert trash.look(store, vault, now=later).left.files == len(kept - known)
    finally:
        store.close()


@pytest.mark.parametrize("seed", SEEDS)
def test_killed_at_any_moment_it_ends_with_one_film_and_one_letter_each(due, tmp_path, seed):
    template, seconds = due
    folder = Folder(path=tmp_path / "killed")
    shutil.copytree(template.path, folder.path)
    chance = random.Random(seed)
    delays = [chance.uniform(0, seconds) for _ in range(chance.randint(1, 4))]
    print(json.dumps({"seed": seed, "killed_after_seconds": [round(delay, 3) for delay in delays]}))

    try:
        for delay in delays:
            child = folder.start()
            try:
                child.wait(timeout=delay)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(timeout=30)
            wait_until(
                lambda: not children_of(folder), 20, "the children have noticed that their parent is gone"
            )
        assert folder.start().wait(timeout=120) == 0

        check(folder)
        assert children_of(folder) == []
    except BaseException as error:
        error.add_note(f"seed {seed}\n{folder.output()}")
        raise


def test_the_search_for_children_would_find_one(tmp_path):
    folder = Folder(path=tmp_path)
    sleeper = subprocess.Popen([sys.executable, "-c", "input()", str(tmp_path)], stdin=subprocess.PIPE)
    try:
        (found,) = wait_until(lambda: children_of(folder), 10, "the sleeper is seen")
    finally:
        sleeper.communicate(b"\n")

    assert str(tmp_path) in found
