"""A laptop with the photos and a daemon elsewhere: real requests, real cuts, one sending of everything."""

import json
import os
import select
import socket
import subprocess
import threading
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import httpx
import numpy as np
import pytest

from support.cast import make_photo, make_recording
from support.distant import distantly, token_of
from support.household import CAPSULE, Household

pytestmark = pytest.mark.slow


class Line:
    """
    The line to the daemon; `cuts` says after how many bytes each of the next connections that carry a file breaks
    off, and `cuts_back` says it of files that come from there.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._there = (parts.hostname, parts.port)
        self.cuts: list[int] = []
        self.cuts_back: list[int] = []
        self.sent = self.brought = 0
        #: After so many bytes nothing goes on until `let_go` is set.
        self.holds_after: int | None = None
        self.is_holding = threading.Event()
        self.let_go = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                here, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(here,), daemon=True).start()

    def _carry(self, here: socket.socket) -> None:
        with here, socket.create_connection(self._there) as there:
            carried, most = 0, None
            brought, most_back = 0, None
            while True:
                for ready in select.select([here, there], [], [])[0]:
                    try:
                        chunk = ready.recv(65536)
                    except OSError:
                        return
                    if not chunk:
                        return
                    if ready is here:
                        carried += len(chunk)
                        self.sent += len(chunk)
                        if self.holds_after is not None and self.sent > self.holds_after:
                            self.is_holding.set()
                            self.let_go.wait()
                            return
                        # Only what carries a file is cut.
                        if most is None and carried > 200_000 and self.cuts:
                            most = self.cuts.pop(0)
                        if most is not None and carried > most:
                            return
                    else:
                        brought += len(chunk)
                        self.brought += len(chunk)
                        if most_back is None and brought > 20_000 and self.cuts_back:
                            most_back = self.cuts_back.pop(0)
                        if most_back is not None and brought > most_back:
                            return
                    (there if ready is here else here).sendall(chunk)


@pytest.fixture
def house(tmp_path: Path) -> Household:
    return Household(tmp_path / "house")


@pytest.fixture
def laptop(tmp_path: Path) -> Path:
    folder = tmp_path / "laptop"
    for name in ("a.jpg", "b.jpg"):
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(make_photo(width=640, height=480))
    noise = np.random.default_rng(1).integers(0, 255, (1500, 2400, 3), dtype=np.uint8)
    (folder / "large.png").write_bytes(cv2.imencode(".png", noise)[1].tobytes())
    (folder / "z.jpg").write_bytes((folder / "a.jpg").read_bytes())
    (folder / "notes.pdf").write_bytes(b"%PDF-1.7\n" + b"x" * 1000)
    return folder


def test_a_story_is_put_in_from_another_machine_whatever_happens_to_the_line(house, laptop, tmp_path):
    capsule = house.capsule(opens_in=timedelta(days=100))
    token = token_of(house, capsule, "Cleo")
    with house.daemon() as daemon:
        line = Line(daemon.url)
        line.cuts = [3_000_000, 6_500_000]
        size = (laptop / "large.png").stat().st_size
        assert size > 10_000_000

        added = distantly(
            line.url, token, "story", "add", "summer", "--title", "From afar", laptop, home=tmp_path
        )

        assert added.returncode == 5, added.stderr + added.stdout
        answer = json.loads(added.stdout)
        assert [Path(one["file"]).name for one in answer["media"]] == ["a.jpg", "b.jpg", "large.png"]
        assert [one["kind"] for one in answer["media"]] == ["photo"] * 3
        assert [Path(one["file"]).name for one in answer["duplicates"]] == ["z.jpg"]
        assert [Path(one["file"]).name for one in answer["refused"]] == ["notes.pdf"]
        assert "PDF" in answer["refused"][0]["reason"]
        assert line.cuts == []
        # What had arrived before a cut was not sent again: less than one part for each.
        assert line.sent < size + 2 * 5_000_000 + 1_000_000

        before = line.sent
        again = distantly(
            line.url,
            token,
            "story",
            "add",
            capsule,
            "--to",
            answer["story"]["id"],
            laptop / "large.png",
            home=tmp_path,
        )
        assert again.returncode == 0, again.stderr + again.stdout
        assert json.loads(again.stdout)["duplicates"]
        assert line.sent - before < 100_000

        listed = json.loads(distantly(line.url, token, "list", home=tmp_path).stdout)
        assert [one["id"] for one in listed["capsules"]] == [capsule]
        shown = json.loads(distantly(line.url, token, "show", "summer", home=tmp_path).stdout)["capsule"]
        assert [one["title"] for one in shown["stories"]] == ["From afar"]
        assert {one["name"]: one["photos"] for one in shown["contributions"]}["Cleo"] == 3
        told = json.loads(distantly(line.url, token, "story", "list", "summer", home=tmp_path).stdout)
        assert [len(one["media"]) for one in told["stories"]] == [3]
        line.close()


def test_a_sending_that_was_killed_goes_on_where_it_was(house, laptop, tmp_path):
    capsule = house.capsule(opens_in=timedelta(days=100))
    token = token_of(house, capsule, "Cleo")
    with house.daemon() as daemon:
        line = Line(daemon.url)
        story = json.loads(
            distantly(line.url, token, "story", "add", "summer", "--title", "Cut", home=tmp_path).stdout
        )["story"]["id"]
        size = (laptop / "large.png").stat().st_size
        words = ["story", "add", "summer", "--to", story, str(laptop / "large.png")]
        environment = {
            **os.environ,
            "CAPSULE_URL": line.url,
            "CAPSULE_TOKEN": token,
            "XDG_STATE_HOME": str(tmp_path / "state"),
        }
        line.holds_after = 6_000_000
        killed = subprocess.Popen([CAPSULE, *words], env=environment, stderr=subprocess.DEVNULL)
        assert line.is_holding.wait(60)
        killed.kill()
        killed.wait()
        line.holds_after = None
        line.let_go.set()

        before = line.sent
        done = distantly(line.url, token, *words, home=tmp_path)

        assert done.returncode == 0, done.stderr + done.stdout
        assert line.sent - before < size - 4_900_000
        line.close()


def test_what_one_put_in_comes_back_whole_whatever_happens_to_the_line(house, laptop, tmp_path):
    capsule = house.capsule(opens_in=timedelta(days=100))
    token = token_of(house, capsule, "Cleo")
    large = laptop / "large.png"
    with house.daemon() as daemon:
        line = Line(daemon.url)
        ask = lambda *words: distantly(line.url, token, *words, home=tmp_path)  # noqa: E731
        added = json.loads(ask("story", "add", "summer", "--title", "From afar", large).stdout)
        story = added["story"]["id"]
        line.cuts_back = [3_000_000, 4_000_000]
        before = line.brought

        shown = ask("story", "show", story, "--save", tmp_path / "kept")

        assert shown.returncode == 0, shown.stderr + shown.stdout
        answer = json.loads(shown.stdout)
        assert answer["story"]["title"] == "From afar"
        (saved,) = answer["saved"]
        assert Path(saved).read_bytes() == large.read_bytes()
        assert line.cuts_back == []
        # What had come before a cut was not fetched again.
        assert line.brought - before < large.stat().st_size + 3_000_000

        medium = answer["story"]["media"][0]["id"]
        changed = ask("story", "edit", story, "--title", "From very afar", "--caption", f"{medium}=Snow")
        changed = json.loads(changed.stdout)["story"]
        assert (changed["title"], changed["media"][0]["caption"]) == ("From very afar", "Snow")
        assert ask("story", "remove", story).returncode == 2
        assert ask("story", "remove", story, "--medium", capsule, "--yes").returncode == 3
        for which in (["--medium", medium], []):
            gone = ask("story", "remove", story, *which, "--yes")
            assert gone.returncode == 0, gone.stderr + gone.stdout
        assert ask("story", "show", story).returncode == 3
        line.close()


def test_films_are_made_and_saved_from_another_machine(house, tmp_path):
    capsule = house.capsule(opens_in=timedelta(hours=-1))
    reader = house.run("token", "create", "laptop", "--scope", "read")["token"]["secret"]
    song = tmp_path / "song.mp3"
    song.write_bytes(make_recording(seconds=3))
    with house.daemon() as daemon:
        house.wait_for_film(capsule, "ready", "degraded")
        film = house.films(capsule)[0]["id"]
        house.run("montage", "save", film, str(tmp_path / "here.mp4"))
        line = Line(daemon.url)
        line.cuts_back = [50_000, 60_000]
        there = tmp_path / "there.mp4"

        saved = distantly(line.url, reader, "montage", "save", film, there, home=tmp_path)

        assert saved.returncode == 0, saved.stderr + saved.stdout
        assert line.cuts_back == []
        assert there.read_bytes() == (tmp_path / "here.mp4").read_bytes()
        assert json.loads(saved.stdout)["saved"]["bytes"] == there.stat().st_size
        gone = distantly(line.url, reader, "montage", "save", capsule, tmp_path / "no.mp4", home=tmp_path)
        assert (gone.returncode, (tmp_path / "no.mp4").exists()) == (3, False)
        # A token reads; a person who has signed in does the rest.
        make = ["montage", "make", capsule, "--length", "short", "--soundtrack", song, "--wait"]
        assert distantly(line.url, reader, *make, home=tmp_path).returncode == 8
        way_in = house.run("login-link")["login"]["url"].rpartition("/")[2]
        came = httpx.post(f"{daemon.url}/sign-in/{way_in}")
        made = distantly(line.url, came.cookies["capsule"], *make, home=tmp_path)
        assert made.returncode == 0, made.stderr + made.stdout
        assert json.loads(made.stdout)["montage"]["length"] == "short"
        assert len(house.films(capsule)) == 2
        over = json.loads(made.stdout)["montage"]["id"]
        assert distantly(line.url, reader, "montage", "cancel", over, home=tmp_path).returncode == 8
        line.close()


def test_what_cannot_be_done_from_afar_is_refused_and_touches_nothing_here(house, tmp_path):
    capsule = house.capsule(opens_in=timedelta(days=100))
    token = token_of(house, capsule, "Cleo")
    with house.daemon() as daemon:
        ask = lambda *words: distantly(daemon.url, token, *words, home=tmp_path)  # noqa: E731
        assert ask("delete", "summer", "--yes").returncode == 8
        assert ask("show", "winter").returncode == 3
        assert ask("montage", "list", "summer").returncode == 4
        assert distantly(daemon.url, "nobody", "list", home=tmp_path).returncode == 3
        assert ask("--as", "ada@example.org", "list").returncode == 8
        assert distantly("photos.example.org", token, "list", home=tmp_path).returncode == 2
        assert distantly(f"{daemon.url}/nothing", token, "list", home=tmp_path).returncode == 1
        assert house.state(capsule) == "sealed"
