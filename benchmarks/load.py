"""
A party: 50 members put 20 photos each in at the same time, as the pages send them, while somebody else looks on.

    .venv/bin/python benchmarks/load.py [--members 50] [--photos 20] [--by COMMAND]

A real daemon on loopback takes them: three files of each member at once, tus in parts of 5 MB. Afterwards every
photo is fetched and compared with what was sent. Prints errors, losses, time, the peak memory of the daemon and of
all its processes, and how long the page of the sealed capsule took meanwhile. Linux only.

With --by another program sends the same: `locustfile.py` or `k6.js` beside this file, which say how.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import hashlib
import json
import multiprocessing
import os
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Self

import cv2
import httpx
import instance
import numpy as np
from measuring import memory

from memorycapsule import config
from memorycapsule.app import open_app
from memorycapsule.services import sessions, stories

#: As the pages do it.
AT_ONCE = 3
PART = 5_000_000
TUS = {"tus-resumable": "1.0.0"}
LOOK_EVERY_SECONDS = 0.2
GIVE_UP_SECONDS = 900


@dataclass(frozen=True)
class Member:
    token: str
    story: str


@dataclass
class Tally:
    """Counts of how the photos arrived."""

    stages: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    #: Which medium each became, who may fetch it, and the digest of what was sent.
    kept: list[tuple[str, str, bytes]] = field(default_factory=list)
    bytes: int = 0


@dataclass(frozen=True)
class Party:
    """Who sends what where."""

    url: str
    capsule: str
    onlooker: str
    members: list[Member]
    photos: list[bytes]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=50)
    parser.add_argument("--photos", type=int, default=20)
    parser.add_argument(
        "--by", metavar="COMMAND", help="have this send, by what the file of CAPSULE_LOAD says"
    )
    options = parser.parse_args()
    photos = [draw(number) for number in range(options.photos)]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "config.toml").write_text(
            'data_dir = "data"\nkey_file = "instance.key"\nzone = "UTC"\n[film]\nquiet_hours = "never"\n'
        )
        capsule, onlooker, members = prepare(root, options.members)
        with daemon(root) as (url, pid), Memory(pid) as held, onlooking(url, capsule, onlooker) as look:
            load, started = os.getloadavg()[0], time.monotonic()
            if options.by:
                party = Party(url=url, capsule=capsule, onlooker=onlooker, members=members, photos=photos)
                tally = put_in_by(options.by, party, root)
            else:
                tally = asyncio.run(put_everything_in(url, members, photos))
            seconds = time.monotonic() - started
            pages = look()
            peak = (held.daemon, held.family)
            count = options.members * options.photos
            missing = count - len(tally.kept) + lost(url, tally)
    print(f"{options.members} members, {count} photos, {tally.bytes / 1e6:.0f} MB; {os.cpu_count()} cores,")
    print(f"load average before {load:.1f} (anything but 0 spoils the times)")
    print(f"errors {len(tally.errors)}, lost or changed {missing}, {dict(tally.stages)}")
    print(f"{seconds:.0f} s, {count / seconds:.1f} photos/s")
    print(f"peak memory: the daemon {peak[0] / 1e6:.0f} MB, all its processes {peak[1] / 1e6:.0f} MB")
    print(f"sealed page, {len(pages)} looks meanwhile: median {statistics.median(pages) * 1000:.0f} ms,")
    print(f"95% within {statistics.quantiles(pages, n=20)[-1] * 1000:.0f} ms, all {max(pages) * 1000:.0f} ms")
    for error in tally.errors[:5]:
        print(error)
    if tally.errors or missing:
        raise SystemExit(1)


def draw(number: int) -> bytes:
    """Return a JPEG photo with soft shapes and grain, 0.4 to 0.9 MB."""
    chance = np.random.default_rng(number)
    width, height = 1600 + 32 * (number % 20), 1200
    shapes = cv2.resize(chance.integers(30, 226, (9, 13, 3), dtype=np.uint8), (width, height))
    grain = chance.integers(-9, 10, (height, width, 1), dtype=np.int16)
    picture = np.clip(shapes.astype(np.int16) + grain, 0, 255).astype(np.uint8)
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()


def of_member(photo: bytes, number: int) -> bytes:
    """Return a photo with a comment of its own, so that no two members send the same bytes."""
    comment = f"member {number}".encode()
    return photo[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + photo[2:]


def prepare(root: Path, count: int) -> tuple[str, str, list[Member]]:
    """Make a capsule with its members; returns its id, the token of one who looks on, and the others."""
    (root / "data").mkdir()
    settings = config.load(config_file=root / "config.toml")
    instance.initialise(settings)
    with open_app(settings) as app:
        now = datetime.now(UTC)
        capsule, tokens = instance.make_capsule(
            app, theme="museum", opens="in 10 years", guests=count + 1, now=now
        )
        members = []
        for token in tokens[1:]:
            viewer = sessions.viewer_with_token(app.store, token)
            story = stories.add(
                app.store, app.vault, viewer, capsule.id, title="My evening", text=None, now=now
            )
            members.append(Member(token=token, story=story.id))
    return capsule.id, tokens[0], members


@contextlib.contextmanager
def daemon(root: Path) -> Iterator[tuple[str, int]]:
    command = [sys.executable, "-m", "memorycapsule.cli", "--json", "daemon"]
    environment = {**os.environ, "CAPSULE_CONFIG": str(root / "config.toml"), "CAPSULE_DAEMON__PORT": "0"}
    with (root / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log)
    try:
        address = json.loads(process.stdout.readline())["daemon"]
        yield address["url"], address["pid"]
    finally:
        process.terminate()
        process.wait(timeout=60)


class Memory:
    """Samples the memory of a family of processes again and again."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.daemon = self.family = 0

    def _look(self) -> None:
        while not self._ended.wait(0.5):
            self.family = max(self.family, memory(self._pid)[0])
            status = Path(f"/proc/{self._pid}/status").read_text(encoding="ascii")
            self.daemon = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) * 1024

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


@contextlib.contextmanager
def onlooking(url: str, capsule: str, token: str):
    """Load the page of the capsule again and again, from a process of its own that sending does not slow down."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=look_on, args=(theirs, f"{url}/g/c/{capsule}", token)
    )
    process.start()

    ours.recv()

    def end() -> list[float]:
        ours.send(None)
        return ours.recv()

    try:
        yield end
    finally:
        process.terminate()
        process.join()


def look_on(pipe: Connection, page: str, token: str) -> None:
    times = []
    with httpx.Client(cookies={"capsule": token}, timeout=60) as client:
        client.get(page).raise_for_status()
        pipe.send(None)
        while not pipe.poll(LOOK_EVERY_SECONDS):
            started = time.perf_counter()
            client.get(page).raise_for_status()
            times.append(time.perf_counter() - started)
    pipe.send(times)


def put_in_by(command: str, party: Party, folder: Path) -> Tally:
    """Have another program send, and return what has become of it by what each member's story holds."""
    paths = [folder / f"{number}.jpg" for number in range(len(party.photos))]
    for path, photo in zip(paths, party.photos, strict=True):
        path.write_bytes(photo)
    told = asdict(party) | {"photos": [str(path) for path in paths]}
    (folder / "party.json").write_text(json.dumps(told), encoding="utf-8")
    environment = {**os.environ, "CAPSULE_LOAD": str(folder / "party.json")}
    ended = subprocess.run(shlex.split(command), env=environment, check=False)
    tally = Tally(errors=[f"{command} ended with {ended.returncode}"] if ended.returncode else [])
    with httpx.Client(base_url=party.url, timeout=60) as client:
        for number, member in enumerate(party.members):
            who = {"authorization": f"Bearer {member.token}"}
            story = (
                client.get(f"/api/v1/stories/{member.story}", headers=who).raise_for_status().json()["story"]
            )
            for medium in story["media"]:
                sent = of_member(party.photos[int(medium["file"].partition(".")[0])], number)
                tally.kept.append((medium["id"], member.token, hashlib.sha256(sent).digest()))
                tally.stages["kept"] += 1
                tally.bytes += medium["bytes"]
    return tally


async def put_everything_in(url: str, members: list[Member], photos: list[bytes]) -> Tally:
    tally = Tally()
    async with (
        httpx.AsyncClient(base_url=url, timeout=300, limits=httpx.Limits(max_connections=None)) as client,
        asyncio.timeout(GIVE_UP_SECONDS),
    ):
        await asyncio.gather(
            *(
                put_in(client, member, [of_member(photo, number) for photo in photos], tally)
                for number, member in enumerate(members)
            )
        )
    return tally


async def put_in(client: httpx.AsyncClient, member: Member, photos: list[bytes], tally: Tally) -> None:
    room = asyncio.Semaphore(AT_ONCE)

    async def send(number: int, photo: bytes) -> None:
        async with room:
            try:
                stage = await put_one_in(client, member, f"{number}.jpg", photo, tally)
            except (httpx.HTTPError, KeyError) as error:
                tally.errors.append(repr(error))
            else:
                tally.stages[stage] += 1

    await asyncio.gather(*(send(number, photo) for number, photo in enumerate(photos)))


async def put_one_in(client: httpx.AsyncClient, member: Member, name: str, photo: bytes, tally: Tally) -> str:
    said = {"filename": name, "story": member.story}
    who = {"authorization": f"Bearer {member.token}"}
    metadata = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in said.items())
    begun = await client.post(
        "/g/u", headers=who | TUS | {"upload-length": str(len(photo)), "upload-metadata": metadata}
    )
    begun.raise_for_status()
    address = begun.headers["location"]
    for start in range(0, len(photo), PART):
        piece = {"upload-offset": str(start), "content-type": "application/offset+octet-stream"}
        kept = await client.patch(address, content=photo[start : start + PART], headers=who | TUS | piece)
        kept.raise_for_status()
    # The pages ask as well, once a second.
    while (state := (await client.get(address, headers=who)).raise_for_status().json())["stage"] == "waiting":  # noqa: ASYNC110
        await asyncio.sleep(1)
    tally.bytes += len(photo)
    tally.kept.append((state["medium"], member.token, hashlib.sha256(photo).digest()))
    return state["stage"]


def lost(url: str, tally: Tally) -> int:
    """Fetch every photo, and return how many are not what was sent."""
    with httpx.Client(base_url=url, timeout=60) as client:
        fetched = (
            (client.get(f"/g/m/{medium}/original", headers={"cookie": f"capsule={token}"}).content, digest)
            for medium, token, digest in tally.kept
        )
        return sum(hashlib.sha256(content).digest() != digest for content, digest in fetched)


if __name__ == "__main__":
    main()
