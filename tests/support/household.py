"""An instance in a folder of its own, used from outside as people use it: through `capsule` as a child process."""

import email
import email.policy
import json
import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from memorycapsule import config
from memorycapsule.app import open_app
from memorycapsule.domain.opening_dates import opening_date
from memorycapsule.services import capsules, invitations, sessions, stories
from memorycapsule.services.capsules import CapsuleDraft
from support import leaks
from support.cast import attach, make_photo
from support.mailservers import MailServer
from support.servers import CAPSULE, Daemon, wait_until

#: A film that takes seconds, a heart that beats fast, and the same work at whatever hour tests run.
QUICK = {
    "CAPSULE_FILM__SIZE": "320x180",
    "CAPSULE_FILM__FPS": "10",
    "CAPSULE_FILM__QUIET_HOURS": "never",
    "CAPSULE_DAEMON__HEARTBEAT_SECONDS": "0.5",
    "CAPSULE_DAEMON__PORT": "0",
    # What each daemon tells there at its end is searched for what people have put in.
    "CAPSULE_METRICS__PORT": "0",
}


def in_cluster(url: str, mail: MailServer) -> dict[str, str]:
    """What a program is told that shares a Postgres with others."""
    return {
        "CAPSULE_STORE_URL": url,
        "CAPSULE_CLUSTER": "true",
        "CAPSULE_SMTP__HOST": mail.host,
        "CAPSULE_SMTP__PORT": str(mail.port),
        "CAPSULE_SMTP__SECURITY": "none",
        "CAPSULE_PUBLIC_URL": "http://photos.example.org",
    }


@dataclass
class Household:
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    #: Whether an instance is to be made there; otherwise there is none yet, or one already.
    is_new: bool = True
    made: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.environment = QUICK | {
            "CAPSULE_CONFIG": str(self.folder / "config" / "config.toml"),
            "CAPSULE_DATA_DIR": str(self.folder / "data"),
        } | self.environment  # fmt: skip
        #: What `init` said of the new instance.
        self.made = self.run("init", "--yes", "--admin", "ada@example.org") if self.is_new else {}

    def ask(self, *words: str, token: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run `capsule --json WORDS`, with the token of somebody's session."""
        leaks.put_in(*words)
        environment = {**os.environ, **self.environment, **({"CAPSULE_TOKEN": token} if token else {})}
        return subprocess.run(
            [CAPSULE, "--json", *words],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def run(self, *words: str, token: str | None = None) -> dict[str, Any]:
        """The answer of a command that must succeed."""
        done = self.ask(*words, token=token)
        assert done.returncode == 0, done.stderr + done.stdout
        return json.loads(done.stdout)

    def capsule(self, *, opens_in: timedelta, photos: int = 4, more_stories: Sequence[str] = ()) -> str:
        """
        Ada's capsule with a story of hers (and some of words alone), and Ben in it; returns its id.

        Made as if that had been yesterday, so it may be overdue already, and within a fraction of a second,
        since commands may take long on a busy machine.
        """
        yesterday = datetime.now(UTC) - timedelta(days=1)
        opens = datetime.now(UTC) + opens_in
        settings = config.load(environment=os.environ | self.environment)
        with open_app(settings) as app:
            ada = sessions.host_viewer(app.store)
            capsule = capsules.create(
                app.store,
                app.vault,
                ada,
                CapsuleDraft(title="Summer", theme="photocard", film_photos=60),
                date=opening_date(opens.replace(tzinfo=None, microsecond=0), "UTC"),
                now=yesterday,
            )
            (invited,) = invitations.invite(
                app.store,
                app.vault.key,
                app.wake,
                ada,
                capsule.id,
                addresses=["ben@example.org"],
                valid_days=14,
                now=yesterday,
            )
            invitations.join(app.store, invited.token, name="Ben", now=yesterday)
            story = stories.add(
                app.store, app.vault, ada, capsule.id, title="At the pier", text="Until dark.", now=yesterday
            )
            for number in range(photos):
                photo = make_photo(width=640, height=480)
                attach(app, ada, story, photo, file=f"{number}.jpg", now=yesterday)
            for number, title in enumerate(more_stories, 1):
                added_at = yesterday + timedelta(minutes=number)
                stories.add(
                    app.store, app.vault, ada, capsule.id, title=title, text="It rained.", now=added_at
                )
        return capsule.id

    def daemon(self, *arguments: str) -> Daemon:
        return Daemon(self.environment, *arguments)

    def state(self, capsule: str) -> str:
        return self.run("show", capsule)["capsule"]["state"]

    def films(self, capsule: str) -> list[dict[str, Any]]:
        return self.run("montage", "list", capsule)["montages"]

    def wait_for_film(self, capsule: str, *states: str, deadline_seconds: float = 60) -> None:
        def there() -> bool:
            return self.state(capsule) == "open" and self.films(capsule)[0]["state"] in states

        wait_until(there, deadline_seconds, f"the film is {' or '.join(states)}")

    def letters(self, subject_words: str = "") -> dict[str, list[str]]:
        """The links in the letters of the mailbox folder, by recipient."""
        found: dict[str, list[str]] = {}
        for path in sorted((self.folder / "data" / "mailbox").glob("*.eml")):
            letter = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            links = re.findall(r"http://\S+/g/[io]/\S+", letter.get_body(("plain",)).get_content())
            if links and subject_words in links[0]:  # the letters of codes lead elsewhere
                found.setdefault(letter["To"].addresses[0].addr_spec, []).append(links[0])
        return found
