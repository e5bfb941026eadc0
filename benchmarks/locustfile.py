"""
The party of `load.py` for Locust: every member sends every photo, three at a time, while somebody looks on.

    .venv/bin/python benchmarks/load.py --by "locust -f benchmarks/locustfile.py --headless --only-summary"

`load.py` makes the capsule, names who sends what in the file of CAPSULE_LOAD, and checks afterwards what arrived.
Locust has requirements of its own: requirements/load.lock.
"""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import gevent
from gevent.pool import Pool
from locust import FastHttpUser, constant, events, task
from locust.exception import StopUser

PARTY = json.loads(Path(os.environ["CAPSULE_LOAD"]).read_text(encoding="utf-8"))
PHOTOS = [Path(path).read_bytes() for path in PARTY["photos"]]
#: As the pages do it.
AT_ONCE = 3
PART = 5_000_000
TUS = {"tus-resumable": "1.0.0"}
members = list(enumerate(PARTY["members"]))
at_it = len(members)


@events.init_command_line_parser.add_listener
def set_defaults(parser, **_more) -> None:
    parser.set_defaults(host=PARTY["url"], num_users=len(members) + 1, spawn_rate=len(members) + 1)


class Member(FastHttpUser):
    """Somebody who puts all photos into a story of theirs."""

    fixed_count = len(members)
    wait_time = constant(0)

    @task
    def put_everything_in(self) -> None:
        global at_it  # noqa: PLW0603 - all users live in one process
        number, member = members.pop()
        who = {"authorization": f"Bearer {member['token']}"}
        list(
            Pool(AT_ONCE).imap_unordered(
                lambda photo: self._put_in(number, member, who, photo), range(len(PHOTOS))
            )
        )
        at_it -= 1
        if at_it == 0:
            # Whoever ends the run waits for all users, so no user can do it.
            gevent.spawn(self.environment.runner.quit)
        raise StopUser

    def _put_in(self, number: int, member: dict[str, str], who: dict[str, str], photo: int) -> None:
        comment = f"member {number}".encode()
        plain = PHOTOS[photo]
        content = plain[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + plain[2:]
        said = {"filename": f"{photo}.jpg", "story": member["story"]}
        metadata = ",".join(f"{key} {base64.b64encode(text.encode()).decode()}" for key, text in said.items())
        announced = {"upload-length": str(len(content)), "upload-metadata": metadata}
        address = self.client.post("/g/u", headers=who | TUS | announced, name="announce").headers["location"]
        for start in range(0, len(content), PART):
            piece = {"upload-offset": str(start), "content-type": "application/offset+octet-stream"}
            part = content[start : start + PART]
            self.client.patch(address, data=part, headers=who | TUS | piece, name="send a piece")
        while self.client.get(address, headers=who, name="ask").json()["stage"] == "waiting":
            gevent.sleep(1)


class Onlooker(FastHttpUser):
    """Somebody who looks at the sealed capsule meanwhile."""

    fixed_count = 1
    wait_time = constant(0.2)

    @task
    def look(self) -> None:
        self.client.get(
            f"/g/c/{PARTY['capsule']}", headers={"cookie": f"capsule={PARTY['onlooker']}"}, name="sealed page"
        )
