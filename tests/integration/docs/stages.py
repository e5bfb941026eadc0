"""
What is there before the first statement of a page; `<!-- stage: instance capsule -->` names it, in this order.

Every page finds photos in `~/Pictures/summer` and `~/Pictures/scanned`.
"""

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from integration.cli.instances import due_capsule, opened_app
from integration.docs.shells import Shell
from memorycapsule.domain.opening_dates import opening_date
from memorycapsule.services import capsules, invitations, sessions, stories
from memorycapsule.services.capsules import CapsuleDraft
from support import golden
from support.cast import attach, make_photo
from support.mailservers import MailServer

PHOTOS = {
    "summer": ("cake.jpg", "lake.jpg", "swing.jpg"),
    "scanned": ("wedding.jpg", "school.jpg"),
}
#: What people call things on Korean pages.
KOREAN = {
    "Mina is ten": "미나의 열 살",
    "Old times": "그 시절",
    "The pier": "부두에서",
    "The summer we kept": "우리가 간직한 여름",
    "The swing": "그네",
    "Until dark.": "어두워질 때까지.",
    "Younghee": "영희",
    "Yuna": "유나",
    "the-summer-we-kept": "우리가-간직한-여름",
}


def set_photos(home: Path) -> None:
    for folder, names in PHOTOS.items():
        place = home / "Pictures" / folder
        place.mkdir(parents=True)
        for name in names:
            (place / name).write_bytes(make_photo(width=640, height=480))


def set_stage(shell: Shell, names: Sequence[str]) -> None:
    for name in names:
        STAGES[name](shell)


def _public(shell: Shell) -> None:
    """An address that guests reach."""
    shell.environment["CAPSULE_PUBLIC_URL"] = "https://photos.example.org"


def _instance(shell: Shell) -> None:
    """Yuna's instance, with its recovery key in ~/recovery.key."""
    who = ("--admin", "yuna@example.org", "--name", _said("Yuna", shell))
    shell.run("init", "--yes", *who, "--recovery-file", str(shell.home / "recovery.key"))


def _capsule(shell: Shell) -> None:
    """Yuna's capsule for the year 2036, with a story of hers."""
    title, slug = _said("The summer we kept", shell), _said("the-summer-we-kept", shell)
    photos = str(shell.home / "Pictures/summer")
    shell.run("create", title, "--opens", "2036-05-08 09:00", "--theme", "museum")
    shell.run("story", "add", slug, "--title", _said("The swing", shell), photos)


def _invitation(shell: Shell) -> None:
    """Younghee's invitation to that capsule, whose link is in her letter."""
    _invite(shell)


def _member(shell: Shell) -> None:
    """Younghee, who is in that capsule."""
    invited = _invite(shell, "--json")
    shell.run("join", json.loads(invited)["invitations"][0]["token"])


def _invite(shell: Shell, *options: str) -> str:
    slug, name = _said("the-summer-we-kept", shell), _said("Younghee", shell)
    return shell.run("invite", slug, "younghee@example.org", "--name", name, *options)


def _due(shell: Shell) -> None:
    """Another capsule of Yuna's, `old-times`, whose date came a minute ago."""
    with shell.inside():
        due_capsule(_said("Old times", shell))


def _birthday(shell: Shell) -> None:
    """Another capsule of Yuna's, `mina-is-ten`, due for a minute, with a story of hers and Younghee in it."""
    long_ago = datetime(2016, 5, 8, 9, 0, tzinfo=UTC)
    date = datetime.now(UTC).replace(tzinfo=None, microsecond=0) - timedelta(minutes=1)
    with shell.inside(), opened_app() as app:
        yuna = sessions.host_viewer(app.store)
        draft = CapsuleDraft(title=_said("Mina is ten", shell), theme="photocard", film_photos=60)
        made = capsules.create(
            app.store, app.vault, yuna, draft, date=opening_date(date, "UTC"), now=long_ago
        )
        (invited,) = invitations.invite(
            app.store,
            app.vault.key,
            app.wake,
            yuna,
            made.id,
            addresses=["younghee@example.org"],
            valid_days=14,
            now=long_ago,
        )
        invitations.join(
            app.store, invited.token, name=_said("Younghee", shell), now=long_ago + timedelta(days=1)
        )
        story = stories.add(
            app.store,
            app.vault,
            yuna,
            made.id,
            title=_said("The pier", shell),
            text=_said("Until dark.", shell),
            now=long_ago,
        )
        for name in PHOTOS["summer"]:
            photo = (shell.home / "Pictures" / "summer" / name).read_bytes()
            attach(app, yuna, story, photo, file=name, now=long_ago)


def _older(shell: Shell) -> None:
    """An instance that an older version has made, whose capsule is called `the-summer-we-kept`."""
    data, settings = shell.home / ".local/share/memory-capsule", shell.home / ".config/memory-capsule"
    made = shell.home.parent / "made"
    golden.unpack("0001", made, f"sqlite:///{made / 'capsule.db'}")
    shutil.move(made / "data", data)
    shutil.move(made / "capsule.db", data)
    with contextlib.closing(sqlite3.connect(data / "capsule.db")) as database, database:
        # It has worked until now. A clock that is days ahead of what was seen would be doubted.
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        database.execute("UPDATE instance SET seen_at = ?", [now])
    shutil.move(made / "data-keys", settings)
    data.chmod(0o700)
    (settings / "instance.key").chmod(0o600)


def _postgres(shell: Shell) -> None:
    """A Postgres with an empty database, at the address that pages have."""
    assert shell.database, "no Postgres was given to this shell"
    shell.stand_ins["postgresql+psycopg://capsule@localhost/capsule"] = shell.database()


def _said(text: str, shell: Shell) -> str:
    return KOREAN[text] if shell.language == "ko" else text


def _mail(shell: Shell) -> None:
    """A mail server on the machine, which takes every letter."""
    server = shell.beside.enter_context(MailServer())
    shell.stand_ins["port = 25"] = f"port = {server.port}"


STAGES: dict[str, Callable[[Shell], None]] = {
    "public": _public,
    "instance": _instance,
    "capsule": _capsule,
    "invitation": _invitation,
    "member": _member,
    "due": _due,
    "birthday": _birthday,
    "older": _older,
    "postgres": _postgres,
    "mail": _mail,
}
