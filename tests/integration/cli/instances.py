"""What the tests of the command line share: answers, people who join, capsules that are due, pictures."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from memorycapsule import config
from memorycapsule.app import App, open_app


@dataclass(frozen=True)
class Said:
    """What one command said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        lines = self.out.splitlines()
        assert len(lines) == 1, f"not one line of JSON:\n{self.out}\n{self.err}"
        answer = json.loads(lines[0])
        assert answer["schema"] == 1
        return answer

    @property
    def error(self) -> dict[str, str]:
        return self.json["error"]


Capsule = Callable[..., Said]


def join(capsule: Capsule, name: str = "Ben", *, of: str = "summer") -> str:
    """Invite somebody, have them join, and return their token."""
    invited = capsule("invite", of, f"{name.lower()}@example.org", "--name", name, "--json").json
    return str(capsule("join", invited["invitations"][0]["token"], "--json").json["token"])


@contextmanager
def opened_app() -> Iterator[App]:
    with open_app(config.load()) as app:
        yield app


def due_capsule(title: str = "Old times", *, text: str = "Once upon a time") -> str:
    """Make, long ago, a capsule of the admin's with one story, which has been due for a minute; its id."""
    from memorycapsule.domain.opening_dates import opening_date
    from memorycapsule.services import capsules, sessions, stories
    from memorycapsule.services.capsules import CapsuleDraft

    long_ago = datetime(2016, 5, 8, 9, 0, tzinfo=UTC)
    date = datetime.now(UTC).replace(tzinfo=None) - timedelta(minutes=1)
    with opened_app() as app:
        viewer = sessions.host_viewer(app.store)
        made = capsules.create(
            app.store,
            app.vault,
            viewer,
            CapsuleDraft(title=title, theme="photocard", film_photos=3),
            date=opening_date(date, "UTC"),
            now=long_ago,
        )
        stories.add(app.store, app.vault, viewer, made.id, title="Then", text=text, now=long_ago)
    return made.id


def bitmap(path: Path | bytes, number: int = 1) -> Path:
    """Write a small picture that differs with its number (a BMP: BITMAPINFOHEADER, 24 bit)."""
    side = 24
    row = bytes((number * 37 % 256, number * 11 % 256, number % 256)) * side
    pixels = row * side
    header = b"BM" + (54 + len(pixels)).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little")
    header += (40).to_bytes(4, "little") + side.to_bytes(4, "little") * 2
    header += (1).to_bytes(2, "little") + (24).to_bytes(2, "little") + bytes(24)
    place = Path(os.fsdecode(path))
    place.write_bytes(header + pixels)
    return place
