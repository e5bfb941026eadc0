"""
What one look at the progress of films costs, which every open browser asks for each two seconds.

    .venv/bin/python benchmarks/film_progress.py [MEDIA]

The capsule has 300 media, or so many, in 20 stories. Everything is measured just after the opening, while all is still
sealed, and once it is unsealed. What the progress reads and says is compared with the bare list of films that it is
made of, as services and as pages know them. The full view, which shows stories, stands beside them. Medians of
runs taken in turn, in milliseconds, and how many statements each asks of the database.
"""

import argparse
import io
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import instance
from sqlalchemy import event

from memorycapsule import config
from memorycapsule.app import App, open_app
from memorycapsule.daemon.http.guests.film_texts import film_percent, film_status, listed
from memorycapsule.daemon.http.site import make_site
from memorycapsule.domain.opening_dates import opening_date
from memorycapsule.domain.sessions import SessionKind
from memorycapsule.media.prepared import Prepared
from memorycapsule.services import capsules, cleanup, opening, reading, sessions, stories
from memorycapsule.services.capsules import CapsuleDraft
from memorycapsule.store.transactions import Store
from memorycapsule.words.catalogues import wording

STORIES = 20
RUNS = 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("media", nargs="?", type=int, default=300)
    media = parser.parse_args().media
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "data").mkdir()
        (root / "config.toml").write_text('data_dir = "data"\nkey_file = "instance.key"\nzone = "UTC"\n')
        settings = config.load(config_file=root / "config.toml")
        instance.initialise(settings)
        with open_app(settings) as app:
            capsule_id = make_opened(app, media)
            compare(app, capsule_id, f"{media} media in {STORIES} stories, just opened and still sealed")
            while cleanup.unseal_opened(app.store, app.vault, set(), now=app.now()):
                pass
            compare(app, capsule_id, f"{media} media in {STORIES} stories, unsealed")


def make_opened(app: App, media: int) -> str:
    """Make a capsule with stories and pictures that only claim to be some, and open it."""
    viewer, sealed_at = sessions.host_viewer(app.store), app.now() - timedelta(hours=2)
    made = capsules.create(
        app.store,
        app.vault,
        viewer,
        CapsuleDraft(title="Watched by everybody", theme="photocard", film_photos=60),
        date=opening_date((sealed_at + timedelta(hours=1)).replace(tzinfo=None), "UTC"),
        now=sealed_at,
    )
    ids = [
        stories.add(
            app.store, app.vault, viewer, made.id, title=f"{number}", text="word " * 60, now=sealed_at
        ).id
        for number in range(STORIES)
    ]
    for number in range(media):
        stories.attach(
            app.store,
            app.vault,
            lambda _stream: PREPARED,
            viewer,
            ids[number % STORIES],
            file=f"{number}.jpg",
            upload=io.BytesIO(b"%d" % number),
            clock=lambda: sealed_at,
        )
    opening.open_due(app.store, app.wake, app.now())
    return made.id


PREPARED = Prepared(
    kind="photo",
    format="jpeg",
    width=4000,
    height=3000,
    taken=None,
    has_gps=False,
    duration_seconds=None,
    has_sound=False,
    camera="",
    gps_at=None,
    display=b"x" * 100,
    thumbnail=b"y" * 50,
    clip=None,
)


def compare(app: App, capsule_id: str, title: str) -> None:
    viewer, words = sessions.host_viewer(app.store), wording("en")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from starlette.testclient import TestClient

        browser = TestClient(make_site(app, heartbeat_age=lambda: 0.0), base_url="http://127.0.0.1")
    with app.store.transaction() as tx:
        _session, token = sessions.begin(
            tx, account_id=viewer.account_id, capsule_id=None, kind=SessionKind.OPENED, now=app.now()
        )

    def progress() -> None:
        films = listed(reading.montages(app.store, viewer, capsule_id))
        assert [(film_percent(one), film_status(app, one, words, app.now())) for one in films]

    def asked(path: str, **headers: str) -> Callable[[], None]:
        def ask() -> None:
            answer = browser.get(path, headers=headers)
            assert answer.status_code == 200, answer.text

        return ask

    ways: dict[str, Callable[[], object]] = {
        "list of films": lambda: reading.montages(app.store, viewer, capsule_id),
        "progress": progress,
        "full view": lambda: reading.capsule(app.store, app.vault, viewer, capsule_id),
        "GET API list of films": asked(
            f"/api/v1/capsules/{capsule_id}/montages", authorization=f"Bearer {token}"
        ),
        "GET progress": asked(f"/g/c/{capsule_id}/film/progress", cookie=f"capsule={token}"),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(RUNS):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            taken[name].append((time.perf_counter() - started) * 1000)
    print(title)
    for name, way in ways.items():
        print(
            f"  {name:<22} {statistics.median(taken[name]):7.2f} ms  {statements_of(app.store, way):3} statements"
        )
    for one, other in (("progress", "list of films"), ("GET progress", "GET API list of films")):
        ratio = statistics.median(taken[one]) / statistics.median(taken[other])
        print(f"  {one} costs {ratio:.2f} times the {other}")


def statements_of(store: Store, way: Callable[[], object]) -> int:
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        statements.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    way()
    event.remove(store.engine, "before_cursor_execute", note)
    return len(statements)


if __name__ == "__main__":
    main()
