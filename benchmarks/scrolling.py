"""
Scroll the photo pages of the four looks in Chromium without a graphics card, side by side.

    .venv/bin/python benchmarks/scrolling.py [--photos 40] [--rounds 3]

A capsule of drawn photos in five stories wears one look after the other, in each round, wide and on a telephone.
The page is scrolled once so that every photo is there, and then again, 24 pixels a frame. Prints the frames that were
shown a second (median of the rounds) and those that came more than 50 ms after the one before.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import itertools
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import instance
import uvicorn
from measuring import drawn
from playwright.sync_api import Browser, sync_playwright

from memorycapsule import config, themes
from memorycapsule.app import App, open_app
from memorycapsule.daemon.http.site import make_site
from memorycapsule.services import opening, sessions, stories
from memorycapsule.store import capsules as capsule_store

STORIES = 5
VIEWS = {1440: 900, 390: 844}
SCROLL = """() => new Promise((done) => {
  scrollTo(0, 0);
  const times = [];
  const step = (time) => {
    times.push(time);
    scrollBy(0, 24);
    const isThere = scrollY + innerHeight >= document.documentElement.scrollHeight - 1;
    if (time - times[0] < 5000 && !isThere) requestAnimationFrame(step);
    else done(times);
  };
  requestAnimationFrame(step);
})"""
SEE_ALL = """async () => {
  // Browsers load no lazy picture that nobody can see, on a card's back for one.
  const photos = [...document.images].filter((photo) => photo.checkVisibility());
  for (const photo of photos) {
    photo.scrollIntoView();
    for (let tries = 0; !photo.naturalWidth && tries < 50; tries++) await new Promise((done) => setTimeout(done, 20));
  }
  return photos.every((photo) => photo.naturalWidth);
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        opened_capsule(Path(folder), options.photos) as (app, capsule_id, token),
        site(app) as url,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        load = os.getloadavg()[0]
        found: dict[tuple[int, str], list[list[float]]] = {}
        for _ in range(options.rounds):
            for width in VIEWS:
                for theme in themes.names():
                    wear(app, capsule_id, theme)
                    page = f"{url}/g/c/{capsule_id}/photos"
                    found.setdefault((width, theme), []).append(scrolled(browser, page, token, width))
                    print(".", end="", flush=True)
        print()
    print(f"{options.photos} photos, {os.cpu_count()} cores, load average before {load:.1f}")
    for (width, theme), rounds in found.items():
        rates = [1000 * (len(times) - 1) / (times[-1] - times[0]) for times in rounds]
        late = [sum(b - a > 50 for a, b in itertools.pairwise(times)) for times in rounds]
        print(f"{width:5} px  {theme:10} {statistics.median(rates):5.1f} frames/s, late {late}")


@contextlib.contextmanager
def opened_capsule(root: Path, photos: int) -> Iterator[tuple[App, str, str]]:
    """Yield the app, the id of an opened capsule and the token of a member who has seen it untied."""
    (root / "config.toml").write_text('data_dir = "data"\nkey_file = "instance.key"\nzone = "UTC"\n')
    (root / "data").mkdir()
    settings = config.load(config_file=root / "config.toml")
    instance.initialise(settings)
    now = datetime.now(UTC)
    with open_app(settings) as app:
        capsule, (token,) = instance.make_capsule(app, theme="classic", opens="in 2 days", guests=1, now=now)
        author = sessions.viewer_with_token(app.store, token)
        with app.decoders() as decoders:
            for number in range(STORIES):
                story = stories.add(
                    app.store,
                    app.vault,
                    author,
                    capsule.id,
                    title=f"Day {number + 1}",
                    text="We walked along the shore until it was dark. " * 6,
                    now=now,
                )
                for photo in range(number, photos, STORIES):
                    with tempfile.TemporaryFile() as upload:
                        upload.write(drawn(photo))
                        stories.attach(
                            app.store,
                            app.vault,
                            decoders.prepare,
                            author,
                            story.id,
                            file=f"photo-{photo}.jpg",
                            upload=upload,
                            clock=lambda: now,
                        )
        opening.open_due(app.store, app.wake, now + timedelta(days=3))
        with app.store.transaction() as tx:
            member = capsule_store.membership(tx, capsule.id, author.account_id)
            capsule_store.members.save(tx, dataclasses.replace(member, unsealed_at=now))
        yield app, capsule.id, token


@contextlib.contextmanager
def site(app: App) -> Iterator[str]:
    server = uvicorn.Server(
        uvicorn.Config(make_site(app, heartbeat_age=lambda: 0.0), port=0, log_level="error")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def wear(app: App, capsule_id: str, theme: str) -> None:
    with app.store.transaction() as tx:
        capsule = capsule_store.capsules.get(tx, capsule_id)
        capsule_store.capsules.save(tx, dataclasses.replace(capsule, theme=theme))


def scrolled(browser: Browser, url: str, token: str, width: int) -> list[float]:
    """Return when each frame came while the page was scrolled, in ms."""
    context = browser.new_context(viewport={"width": width, "height": VIEWS[width]})
    try:
        context.add_cookies([{"name": "capsule", "value": token, "domain": "127.0.0.1", "path": "/"}])
        page = context.new_page()
        page.goto(url)
        if not page.evaluate(SEE_ALL):
            raise SystemExit(f"Photos of {url} cannot be shown.")
        page.wait_for_load_state("networkidle")
        return page.evaluate(SCROLL)
    finally:
        context.close()


if __name__ == "__main__":
    main()
