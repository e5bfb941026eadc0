"""
What a letter costs, and how fast many leave: opened letters of one capsule to a mail server of its own process.

    .venv/bin/python benchmarks/letters.py [--letters 300] [--many 1000] [--url postgresql+psycopg://...]

Prints the CPU of a letter beside that of a bare session with the same server, in turns, as medians of rounds. Then,
with a server that takes 50 ms for each answer to a letter: the seconds of a pass over one connection and over four,
and how many letters left between a sign-in code that was asked for in the middle and the code itself.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import logging
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import instance
import structlog
from aiosmtpd.smtp import SMTP

from memorycapsule import config
from memorycapsule.app import App, open_app, smtp_settings
from memorycapsule.config import Settings
from memorycapsule.mail.smtp import SmtpSession
from memorycapsule.services import opening, signing_in
from memorycapsule.store import accounts as account_store
from memorycapsule.store import capsules as capsule_store
from memorycapsule.work import ticks

ROUNDS = 3
ANSWER_SECONDS = 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--letters", type=int, default=300, help="letters of a round of the first part")
    parser.add_argument("--many", type=int, default=1_000, help="letters of a pass of the second part")
    parser.add_argument("--url", help="another store than an SQLite file; it must be empty")
    parser.add_argument("--serve", nargs=2, metavar=("LOG", "SECONDS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(Path(options.serve[0]), float(options.serve[1])))
        return
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "data").mkdir()
        instance.initialise(settings_for(root, options.url, port=1))
        with mail_server(root / "quick.log", 0) as port:
            compare_cpu(settings_for(root, options.url, port), options.letters)
        with mail_server(root / "slow.log", ANSWER_SECONDS) as port:
            send_many(settings_for(root, options.url, port), root / "slow.log", options.many)


def settings_for(root: Path, url: str | None, port: int, connections: int = 1) -> Settings:
    """Return the settings of an instance whose mail server listens at a port."""
    store_url = url or f"sqlite:///{root}/data/capsule.db"
    (root / "config.toml").write_text(
        f'data_dir = "data"\nkey_file = "instance.key"\nstore_url = "{store_url}"\nzone = "UTC"\n'
        f'public_url = "https://capsule.example.org"\n[smtp]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n'
        f'[mail]\nsender_address = "capsule@example.org"\nconnections = {connections}\n'
    )
    return config.load(config_file=root / "config.toml")


async def serve(log: Path, seconds: float) -> None:
    """Take letters for ever, one line of the log for the Message-ID of each; print the port first."""
    with log.open("a", buffering=1) as lines:

        class Handler:
            async def handle_DATA(self, _server, _session, envelope) -> str:  # noqa: N802 - aiosmtpd's name
                await asyncio.sleep(seconds)
                message_id = re.search(rb"Message-ID: (\S+)", envelope.content)[1]
                lines.write(f"{message_id.decode()}\n")
                return "250 kept"

        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: SMTP(Handler(), hostname="localhost", loop=loop), "127.0.0.1", 0
        )
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


@contextlib.contextmanager
def mail_server(log: Path, seconds: float) -> Iterator[int]:
    log.touch()
    words = [sys.executable, __file__, "--serve", str(log), str(seconds)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield int(server.stdout.readline())
        finally:
            server.kill()


def queue_letters(app: App, count: int) -> None:
    """Open a capsule of so many members, who have an opened letter each."""
    capsule, _ = instance.make_capsule(app, theme="classic", opens="in 1 day", guests=1, now=app.now())
    with app.store.transaction() as tx:
        member = capsule_store.members_of(tx, capsule.id)[-1]
        account = account_store.accounts.get(tx, member.account_id)
        address = account_store.address_of(tx, account.id)
        for number in range(count - 2):
            ids = {name: str(uuid.uuid4()) for name in ("account", "address", "member")}
            account_store.accounts.add(tx, dataclasses.replace(account, id=ids["account"]))
            text = f"member{number}-{ids['member'][:8]}@example.org"
            renamed = dataclasses.replace(address, id=ids["address"], account_id=ids["account"])
            account_store.addresses.add(tx, dataclasses.replace(renamed, address=text, normalised=text))
            joined = dataclasses.replace(member, id=ids["member"], account_id=ids["account"])
            capsule_store.members.add(tx, joined)
    now = app.now() + timedelta(days=2)
    opening.open_if_due(app.store, app.wake, capsule.id, now)
    with app.store.transaction() as tx:
        opening.queue_letters(tx, app.wake, capsule.id, "none", app.now())


def compare_cpu(settings: Settings, count: int) -> None:
    letters, bare = [], []
    with open_app(settings) as app:
        queue_letters(app, 20)
        ticks.send_letters(app)  # templates are read, statements are compiled
        for _ in range(ROUNDS):
            queue_letters(app, count)
            began = time.process_time()
            sent = ticks.send_letters(app)
            letters.append((time.process_time() - began) / len(sent.sent) * 1000)
            assert len(sent.sent) >= count
            bare.append(bare_cpu(settings, count) / count * 1000)
    ours, theirs = statistics.median(letters), statistics.median(bare)
    print(f"CPU of a letter {ours:.2f} ms, of a bare session {theirs:.2f} ms: {ours / theirs:.1f} times")


def bare_cpu(settings: Settings, count: int) -> float:
    """Return the CPU seconds of handing over letters of the usual size, without an outbox."""
    body = b"Subject: x\r\nMessage-ID: <a@b>\r\n\r\n" + b"x" * 70 + b"\r\n" * 2
    letter = body + (b"x" * 70 + b"\r\n") * 120
    began = time.process_time()
    with SmtpSession(smtp_settings(settings)) as session:
        for number in range(count):
            to = f"member{number}@example.org"
            session.deliver(letter, sender="capsule@example.org", recipient=to, on_data=lambda: None)
    return time.process_time() - began


def send_many(settings: Settings, log: Path, count: int) -> None:
    seconds = {}
    for connections in (1, 4):
        changed = settings_for(log.parent, settings.store_url, settings.smtp.port, connections)
        log.write_text("")
        with open_app(changed) as app:
            queue_letters(app, count)
            asking = threading.Thread(target=ask_for_code, args=(app, log, count // 2))
            asking.start()
            began = time.perf_counter()
            sent = ticks.send_letters(app)
            seconds[connections] = time.perf_counter() - began
            asking.join()
        arrived = log.read_text().split()
        assert set(Counter(arrived).values()) == {1}, "each once"
        place = next(place for place, one in enumerate(arrived) if one.startswith("<sign_in."))
        asked_at = int(log.with_suffix(".asked").read_text())
        print(
            f"{len(sent.sent)} letters, {ANSWER_SECONDS * 1000:.0f} ms an answer, {connections} connections: "
            f"{seconds[connections]:.1f} s; a code left as number {place - asked_at + 1} after it was asked for"
        )
    print(f"four connections take {seconds[4] / seconds[1]:.2f} of the time with one")


def ask_for_code(app: App, log: Path, after: int) -> None:
    """Ask for a sign-in code as soon as so many letters have arrived, and write down how many had by then."""
    while (arrived := log.read_text().count("\n")) < after:
        time.sleep(0.01)
    log.with_suffix(".asked").write_text(str(arrived))
    signing_in.request_sign_in(app.store, app.vault.key, app.wake, "ada@example.org", now=app.now())


if __name__ == "__main__":
    main()
