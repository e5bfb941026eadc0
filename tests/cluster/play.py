"""A day on which many capsules open at once, on several machines that do not all survive it."""

from __future__ import annotations

import dataclasses
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from cluster.nodes import Worker, nginx, visitor
from cluster.promises import Outcome, look
from memorycapsule.domain.capsules import Capsule
from memorycapsule.services.preservation import trash
from memorycapsule.store import schema
from support.cast import Instance, add_story, join, make_capsule, make_instance
from support.mailservers import MailServer
from support.s3_servers import BUCKET, S3Server, bucket_blobs
from support.servers import Daemon, OwnPostgres, free_port

_SECONDS_BEFORE = 10


@dataclass(frozen=True, kw_only=True)
class Play:
    """What happens."""

    capsules: int = 60
    members: int = 5
    photos: int = 2
    workers: int = 3
    webs: int = 2
    #: One worker is killed each time when so many seconds have passed.
    kills: int = 5
    kill_every_seconds: float = 30
    #: Another one is stopped for so long; 0 for never.
    stopped_seconds: float = 90
    restart_postgres: bool = True
    delete_jobs: bool = True
    #: Whether stored files lie in a bucket, or in a folder that all machines see.
    in_bucket: bool = True
    #: All must be over by then.
    minutes: float = 20
    #: What is planted in the workers; see `cluster.planted`.
    fault: str = ""
    say: Callable[[str], None] = print

    @property
    def machines(self) -> list[str]:
        return [f"worker-{number + 1}" for number in range(self.workers)] + [
            f"web-{number + 1}" for number in range(self.webs)
        ]


def perform(play: Play) -> Outcome:
    """Play it, and return what came of it."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="capsule-cluster-")))
        postgres = stack.enter_context(closing(OwnPostgres(fsync=True)))
        sink = stack.enter_context(MailServer())
        now = datetime.now(UTC)
        url = postgres.create_database()
        instance = stack.enter_context(make_instance(url, folder / "shared", now=now))
        schema.upgrade(instance.store, with_engine=True)
        storage = {"CAPSULE_BLOBS_URL": f"file://{folder / 'shared' / 'blobs'}"}
        if play.in_bucket:
            server = stack.enter_context(S3Server("moto", folder / "moto"))
            storage = _storage(server)
            blobs = bucket_blobs(server, folder / "shared", "capsules")
            instance.vault = dataclasses.replace(instance.vault, blobs=blobs)
        (folder / "shared" / "config.toml").touch()
        port = free_port()
        common = storage | _environment(instance, url, sink, port)
        places = {name: common | {"CAPSULE_DATA_DIR": str(_folder(folder / name))} for name in play.machines}
        workers = [
            Worker(name=name, environment=environment, fault=play.fault)
            for name, environment in places.items()
            if name.startswith("worker")
        ]
        stack.callback(lambda: [one.running.close() for one in workers if hasattr(one, "running")])
        for one in workers:
            one.start()
        webs = [
            stack.enter_context(Daemon(environment, "--queues", "none", deadline_seconds=120))
            for name, environment in places.items()
            if name.startswith("web")
        ]
        if webs:
            stack.enter_context(nginx(webs, folder / "nginx", port))
        capsules = [_make_capsule(play, instance, number) for number in range(play.capsules)]
        opens = _date_all(instance)
        play.say(f"{play.capsules} capsules wait for {opens:%H:%M:%S}")
        answers: Counter[str] = Counter()
        if webs:
            answers = stack.enter_context(visitor(f"http://127.0.0.1:{port}"))
        time.sleep((opens - datetime.now(UTC)).total_seconds())
        with _trouble(play, workers, postgres, instance) as is_over:
            outcome = _wait(play, instance, capsules, sink, opens, is_over)
        for one in workers:
            code = one.running.terminate(120)
            play.say(f"{one.name} ended with {code}")
        if play.fault in {"", "short"}:
            # What was being written when a worker was killed lies there until the sweep of the next day but one.
            swept = trash.sweep(instance.store, instance.vault, now=datetime.now(UTC) + timedelta(days=2))
            play.say(
                f"the sweep takes {swept.moved.files} files that no row knows, and leaves {swept.left.files}"
            )
            outcome = look(instance, capsules, sink, opens)
        return outcome.with_answers(answers)


def _make_capsule(play: Play, instance: Instance, number: int) -> Capsule:
    now = datetime.now(UTC)
    far = now.replace(microsecond=0) + timedelta(days=1000)
    capsule = make_capsule(instance, title=f"Capsule {number}", opens=far, now=now, theme="classic")
    for member in range(1, play.members):
        join(instance, capsule, f"M{member}", address=f"m{member}.c{number}@example.org", now=now)
    add_story(instance, capsule, instance.ada, photos=play.photos, now=now)
    return capsule


def _folder(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _storage(server: S3Server) -> dict[str, str]:
    return {
        "CAPSULE_BLOBS_URL": f"s3://{BUCKET}/capsules",
        "CAPSULE_S3__ENDPOINT": server.endpoint,
        "CAPSULE_S3__ACCESS_KEY_ID": server.access_key_id,
        "CAPSULE_S3__SECRET_ACCESS_KEY": server.secret_access_key,
    }


def _date_all(instance: Instance) -> datetime:
    """Have all capsules open at one instant soon, and return it: how long they took to be made is not known before."""
    opens = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=_SECONDS_BEFORE)
    with instance.store.transaction() as tx:
        tx.session.execute(
            text("UPDATE capsule SET opens_at = :at, opens_local = :local"),
            {"at": opens, "local": opens.replace(tzinfo=None)},
        )
    return opens


def _environment(instance: Instance, url: str, sink: MailServer, port: int) -> dict[str, str]:
    return {
        "CAPSULE_CONFIG": str(instance.folder / "config.toml"),
        "CAPSULE_KEY_FILE": str(instance.key_file),
        "CAPSULE_STORE_URL": url,
        "CAPSULE_CLUSTER": "true",
        "CAPSULE_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "CAPSULE_LOG_FORMAT": "json",
        "CAPSULE_DAEMON__PORT": "0",
        "CAPSULE_DAEMON__HEARTBEAT_SECONDS": "2",
        "CAPSULE_FILM__SIZE": "320x180",
        "CAPSULE_FILM__FPS": "10",
        "CAPSULE_FILM__WORKERS": "1",
        "CAPSULE_FILM__QUIET_HOURS": "never",
        "CAPSULE_METRICS__PORT": "0",
        "CAPSULE_MAIL__SENDER_ADDRESS": "capsule@example.org",
        "CAPSULE_SMTP__HOST": sink.host,
        "CAPSULE_SMTP__PORT": str(sink.port),
        "CAPSULE_SMTP__SECURITY": "none",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }


@contextmanager
def _trouble(play: Play, workers: list[Worker], postgres: OwnPostgres, instance: Instance):
    """Let everything happen beside the block, and yield how one learns that all of it has."""
    chance = random.Random(12)
    victims, stopped = workers[:-1] or workers, workers[-1]
    events: list[tuple[float, str, Callable[[], None]]] = []
    every = play.kill_every_seconds
    for number in range(play.kills):
        victim = victims[number % len(victims)]
        events.append((every * (number + 1), f"{victim.name} is killed", victim.kill))
    if play.stopped_seconds:
        events.append((every * 0.4, f"{stopped.name} is stopped", stopped.stop))
        events.append((every * 0.4 + play.stopped_seconds, f"{stopped.name} goes on", stopped.go_on))
    if play.delete_jobs:
        events.append((every * 0.1, "all jobs are deleted", lambda: _delete_jobs(instance)))
    if play.restart_postgres:
        events.append((every * 1.5, "Postgres is restarted", lambda: _restart(postgres)))
    began = time.monotonic()
    is_stopped = threading.Event()

    def let_happen() -> None:
        for at, what, happen in sorted(events, key=lambda event: event[0]):
            if is_stopped.wait(max(0.0, began + at - time.monotonic() + chance.random())):
                return
            play.say(f"{time.monotonic() - began:5.0f} s: {what}")
            happen()

    thread = threading.Thread(target=let_happen, daemon=True)
    thread.start()
    try:
        yield lambda: not thread.is_alive()
    finally:
        is_stopped.set()
        thread.join(120)


def _delete_jobs(instance: Instance) -> None:
    with instance.store.transaction() as tx:
        tx.session.execute(text("DELETE FROM procrastinate_jobs"))


def _restart(postgres: OwnPostgres) -> None:
    postgres.stop(immediately=True)
    postgres.start()


def _wait(
    play: Play,
    instance: Instance,
    capsules: list[Capsule],
    sink: MailServer,
    opens: datetime,
    is_over: Callable[[], bool],
) -> Outcome:
    """Wait until everything has happened and all is done, or until there is no time left."""
    deadline = time.monotonic() + 60 * play.minutes
    told = 0.0
    while True:
        try:
            outcome = look(instance, capsules, sink, opens)
        except Exception as error:  # noqa: BLE001 - Postgres may be away at this moment
            play.say(f"({type(error).__name__})")
        else:
            if time.monotonic() - told > 20:
                told = time.monotonic()
                play.say(f"{(datetime.now(UTC) - opens).total_seconds():5.0f} s: {outcome.progress()}")
            if (is_over() and outcome.is_done) or time.monotonic() > deadline:
                return outcome
        time.sleep(1)
