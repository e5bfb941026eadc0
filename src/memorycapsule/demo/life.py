"""
The demo: the whole life of a capsule, with real parts and the real clock, each stage checked.

It uses only what people use: the command line as child processes, the daemon, the letters in the mailbox folder, and
the pages over HTTP. It never opens the store.
"""

from __future__ import annotations

import email
import email.message
import email.policy
import http.cookiejar
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from memorycapsule import processes
from memorycapsule.errors import CapsuleError, UsageProblem
from memorycapsule.words.catalogues import Wording, wording
from memorycapsule.words.dates import date_in_words

_MARKER = ".capsule-demo"
#: Part of a story. It must not be found in any file before the date.
_CONFIDED_TEXT = "the key to the old house hangs behind the clock"
_MOST_FILES_EACH = 30
_SHORTEST_WAIT_SECONDS = 26


@dataclass(frozen=True, kw_only=True)
class _Person:
    name: str
    address: str
    locale: str
    title: str
    text: str


ADA = _Person(
    name="Ada",
    address="ada@example.org",
    locale="en",
    title="By the sea",
    text=f"We stayed until the lamps were lit. And remember: {_CONFIDED_TEXT}.",
)
BEN = _Person(
    name="Ben",
    address="ben@example.org",
    locale="en",
    title="Kites and cake",
    text="The wind took the red one. Nobody was sad for long.",
)
YOUNGHEE = _Person(
    name="영희",
    address="younghee@example.org",
    locale="ko",
    title="할머니네 마당에서",
    text="감이 다 익었던 그 가을, 우리 모두 모였지요.",
)
PEOPLE = (ADA, BEN, YOUNGHEE)


class StageFailed(CapsuleError):
    """A stage of the demo did not show what it should."""

    code = "demo_failed"


@dataclass(kw_only=True)
class Demonstration:
    """One run of the demo in a folder of its own."""

    folder: Path
    #: When the capsule opens; None for as soon as this machine can have imported the photos.
    opens: str | None
    photos: Path | None
    theme: str
    #: What is said about the steps.
    words: Wording
    #: Called with one line about each step.
    say: Callable[[str], None]
    started: float = field(default_factory=time.monotonic)
    facts: dict[str, Any] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    wait: str = field(init=False)
    daemon_log: Path = field(init=False)
    mailbox: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder = self.folder.resolve()
        self.daemon_log = self.folder / "daemon.log"
        self.mailbox = self.folder / "data" / "mailbox"

    def run(self, *, stay: Callable[[str], None] | None = None) -> dict[str, Any]:
        """
        Play the demo, and return its results by name.

        `stay` is called with the page's address before the daemon ends. Raises StageFailed when a stage does not show
        what it should, and UsageProblem for a folder that is not the demo's own.
        """
        self._make_room()
        files = self._photos()
        self._set_up_instance()
        with self._daemon() as url:
            self._seal(url)
            self._join()
            stories = self._contribute(files)
            try:
                self._prove_the_seal(url, stories)
            except StageFailed as error:
                if time.time() < _instant(self.facts["opens_at"]):
                    raise
                raise StageFailed("demo_too_slow") from error
            self._await_opening()
            self._await_film()
            page = self._follow_letters()
            self.facts["page"] = page
            self.facts["took_seconds"] = round(time.monotonic() - self.started, 1)
            if stay:
                stay(page)
        return self.facts

    def _step(self, key: str, **values: object) -> None:
        self.say(f"{time.monotonic() - self.started:6.1f} s  {self.words(key, **values)}")

    def _check(self, holds: bool, otherwise: StageFailed) -> None:
        if not holds:
            raise StageFailed("demo_stage_failed", problem=otherwise, file=self.daemon_log)

    # -- the stages -------------------------------------------------------------------------------------------

    def _make_room(self) -> None:
        if self.folder.exists() and any(self.folder.iterdir()):
            if not (self.folder / _MARKER).exists():
                raise UsageProblem("demo_folder_taken", folder=self.folder)
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / _MARKER).touch()

    def _photos(self) -> list[list[Path]]:
        """Return three shares of files, one for each person."""
        if self.photos:
            files = sorted(path for path in self.photos.rglob("*") if path.is_file())
            if not files:
                raise UsageProblem("demo_folder_empty", folder=self.photos)
            self._step("demo_taking", files=len(files), folder=self.photos)
        else:
            from memorycapsule.demo.pictures import draw

            files = [drawn.path for drawn in draw(self.folder / "photos")]
            self._step("demo_drew", pictures=len(files))
        shares = [files[start::3][:_MOST_FILES_EACH] for start in range(3)]
        # Three imports at once and the checks of the seal take about three times as long as the drawing, and a
        # second for each file of others.
        needed = 4 * (time.monotonic() - self.started) + (sum(map(len, shares)) if self.photos else 0)
        self.wait = self.opens or f"+{max(_SHORTEST_WAIT_SECONDS, round(needed))}s"
        return shares

    def _set_up_instance(self) -> None:
        port = _free_port()
        (self.folder / "config.toml").write_text(
            f'data_dir = "data"\nkey_file = "instance.key"\nzone = "Asia/Seoul"\n\n'
            f"[daemon]\nport = {port}\nheartbeat_seconds = 1\n\n"
            f'[film]\nnice = 0\nquiet_hours = "never"\n',
            encoding="utf-8",
        )
        recovery = self.folder / "recovery.key"
        self._capsule(
            "init", "--yes", "--admin", ADA.address, "--name", ADA.name, "--recovery-file", str(recovery)
        )
        self._step("demo_made")

    @contextmanager
    def _daemon(self) -> Iterator[str]:
        with self.daemon_log.open("wb") as log:
            child = processes.start(
                self._command("daemon"),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self._environment(),
            )
        assert child.stdout is not None
        try:
            first = child.stdout.readline()
            self._check(bool(first), StageFailed("demo_daemon_not_started"))
            announced = json.loads(first)
            self._check("daemon" in announced, StageFailed("demo_daemon_refused", answer=first))
            url = str(announced["daemon"]["url"])
            health = _get(f"{url}/healthz")
            self._check(health.status == 200, StageFailed("demo_daemon_silent"))
            self._step("demo_daemon", url=url)
            yield url
            child.terminate()
            self._check(child.wait(timeout=30) == 0, StageFailed("demo_daemon_not_ended"))
        finally:
            if child.poll() is None:
                child.kill()
            child.wait()
            child.stdout.close()

    def _seal(self, url: str) -> None:
        made = self._capsule(
            "create", "여름, 시골집에서 · The summer we kept", "--opens", self.wait, "--theme", self.theme,
            "--message", "One photo is enough. We open it together.",
        )["capsule"]  # fmt: skip
        self.facts |= {"capsule": made["id"], "slug": made["slug"], "opens_at": made["opens_at"], "url": url}
        when = date_in_words(datetime.fromisoformat(made["opens_local"]), made["zone"], self.words.language)
        self._step("demo_sealed", name=ADA.name, title=made["title"], when=when)
        for person in PEOPLE[1:]:
            self._capsule(
                "invite", made["id"], person.address, "--name", person.name, "--locale", person.locale
            )
        for person in PEOPLE[1:]:
            letter = self._letters(person, 1, seconds=20)[0]
            page = _get(_link(letter))
            self._check(page.status == 200, StageFailed("demo_invitation_page", name=person.name))
            self._step("demo_invited", name=person.name, subject=letter["Subject"])

    def _join(self) -> None:
        for person in PEOPLE[1:]:
            token = _link(self._letters(person, 1, seconds=1)[0]).rpartition("/")[2]
            self.tokens[person.name] = self._capsule("join", token)["token"]
        self._step("demo_joined", first=BEN.name, second=YOUNGHEE.name)

    def _contribute(self, files: list[list[Path]]) -> list[str]:
        children = [
            subprocess.Popen(
                self._command(
                    "story", "add", self.facts["capsule"], "--title", person.title, "--text", person.text,
                    *map(str, share),
                ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=self._environment(person),
            )
            for person, share in zip(PEOPLE, files, strict=True)
        ]  # fmt: skip
        stories = []
        for person, child in zip(PEOPLE, children, strict=True):
            answer = json.loads(child.communicate()[0] or b"{}")
            message = answer.get("error", {}).get("message", "")
            self._check(
                child.returncode in {0, 5},
                StageFailed("demo_story_not_added", name=person.name, answer=message),
            )
            stories.append(str(answer["story"]["id"]))
            key = "demo_put_in_but" if answer["refused"] else "demo_put_in"
            self._step(key, name=person.name, media=len(answer["media"]), refused=len(answer["refused"]))
        return stories

    def _prove_the_seal(self, url: str, stories: list[str]) -> None:
        not_found, sealed = 3, 4
        self._refused(not_found, BEN, "story", "show", stories[0])
        self._refused(not_found, ADA, "story", "show", stories[1])
        self._refused(sealed, ADA, "open", self.facts["capsule"])
        own = self._capsule("show", self.facts["capsule"], as_person=BEN)["capsule"]
        self._check(len(own["stories"]) == 1, StageFailed("demo_own_story_only", name=BEN.name))
        medium = own["stories"][0]["media"][0]["id"]
        self._check(_get(f"{url}/g/m/{medium}/display").status == 404, StageFailed("demo_photo_shown"))
        for path in (self.folder / "data").rglob("*"):
            if path.is_file():
                self._check(
                    _CONFIDED_TEXT.encode() not in path.read_bytes(),
                    StageFailed("demo_story_readable", file=path),
                )
        self._step("demo_seal_holds", first=BEN.name, second=ADA.name)
        self._step("demo_seal_holds_too")

    def _await_opening(self) -> None:
        due = _instant(self.facts["opens_at"])
        self._step("demo_waiting", seconds=f"{max(0.0, due - time.time()):.0f}")
        shown = self._until(
            lambda: self._capsule("show", self.facts["capsule"])["capsule"],
            lambda capsule: capsule["state"] == "open",
            due - time.time() + 30,
            StageFailed("demo_not_opened"),
        )
        late = _instant(shown["opened_at"]) - due
        self.facts["opened_late_seconds"] = round(late, 2)
        self._check(0 <= late < 10, StageFailed("demo_opened_late", seconds=late))
        self._step("demo_opened", seconds=f"{late:.1f}")

    def _await_film(self) -> None:
        film = self._until(
            lambda: self._capsule("montage", "list", self.facts["capsule"])["montages"][0],
            lambda montage: montage["state"] not in {"queued", "rendering"},
            600,
            StageFailed("demo_film_unfinished"),
        )
        self._check(
            film["state"] in {"ready", "degraded"}, StageFailed("demo_film_missing", state=film["state"])
        )
        out = self.folder / "film.mp4"
        self._capsule("montage", "save", film["id"], str(out))
        self.facts |= {"film": str(out), **_probe_film(out)}
        self._check(
            self.facts["video"] == "h264" and self.facts["audio"] == "aac", StageFailed("demo_film_format")
        )
        self._step(
            f"demo_film_{film['state']}",
            seconds=f"{film['seconds']:.0f}",
            size=self.facts["size"],
            frames=f"{self.facts['fps']:g}",
        )

    def _follow_letters(self) -> str:
        page = ""
        for person in PEOPLE:
            expected = 1 if person is ADA else 2
            letter = self._letters(person, expected, seconds=30)[-1]
            before, after = wording(person.locale).sentences["letter_opened_subject"].split("{title}")
            subject = str(letter["Subject"])
            self._check(
                subject.startswith(before) and subject.endswith(after),
                StageFailed("demo_letter_language", name=person.name),
            )
            link = _link(letter)
            browser = urllib.request.build_opener(
                urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
            )
            self._check(_get(link, browser).status == 200, StageFailed("demo_link_dead", name=person.name))
            opened = _get(link, browser, data=b"")
            self._check(opened.status == 200, StageFailed("demo_link_opens_nothing", name=person.name))
            photos = _get(f"{opened.url}/photos", browser)
            self._check(
                photos.status == 200 and person.title in photos.text, StageFailed("demo_page_lacks_story")
            )
            film = re.search(r'[^"\']*/g/f/[^"\']+film\.mp4', _get(f"{opened.url}/film", browser).text)
            self._check(film is not None, StageFailed("demo_page_lacks_film"))
            assert film is not None
            part = _get(urllib.parse.urljoin(opened.url, film[0]), browser, headers={"Range": "bytes=0-999"})
            self._check(part.status == 206 and len(part.body) == 1000, StageFailed("demo_film_in_parts"))
            self._step("demo_letter", name=person.name, subject=letter["Subject"])
            page = page or link
        self.facts["mailbox"] = str(self.mailbox)
        return page

    # -- commands, letters, pages -----------------------------------------------------------------------------

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "memorycapsule.cli", "--json", *arguments]

    def _environment(self, person: _Person | None = None) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CAPSULE_")}
        kept["CAPSULE_CONFIG"] = str(self.folder / "config.toml")
        if person and person.name in self.tokens:
            kept["CAPSULE_TOKEN"] = self.tokens[person.name]
        return kept

    def _try(self, *arguments: str, as_person: _Person | None = None) -> tuple[int, dict[str, Any]]:
        done = subprocess.run(
            self._command(*arguments),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=False,
            env=self._environment(as_person),
        )
        try:
            return done.returncode, json.loads(done.stdout)
        except ValueError as error:
            complaint = done.stderr.decode(errors="replace").strip()[-300:]
            raise StageFailed("demo_command_unreadable", command=arguments[0], answer=complaint) from error

    def _capsule(self, *arguments: str, as_person: _Person | None = None) -> dict[str, Any]:
        code, answer = self._try(*arguments, as_person=as_person)
        if code:
            message = answer.get("error", {}).get("message", code)
            raise StageFailed("demo_command_failed", command=arguments[0], answer=message)
        return answer

    def _refused(self, code: int, person: _Person, *arguments: str) -> None:
        exit_code, _answer = self._try(*arguments, as_person=person)
        self._check(
            exit_code == code,
            StageFailed("demo_exit_code", command=" ".join(arguments), code=exit_code, wanted=code),
        )

    def _letters(self, person: _Person, count: int, *, seconds: float) -> list[email.message.EmailMessage]:
        """Wait for `count` letters to a person, and return them. Raises StageFailed for more or fewer."""
        found = self._until(
            lambda: [path for path in sorted(self.mailbox.glob("*.eml")) if _is_to(path, person.address)],
            lambda paths: len(paths) >= count,
            seconds,
            StageFailed("demo_no_letter", name=person.name),
        )
        self._check(
            len(found) == count,
            StageFailed("demo_letters", name=person.name, letters=len(found), wanted=count),
        )
        return [_letter(path) for path in found]

    def _until(
        self, read: Callable[[], Any], holds: Callable[[Any], bool], seconds: float, otherwise: StageFailed
    ) -> Any:
        deadline = time.monotonic() + seconds
        while not holds(found := read()):
            self._check(time.monotonic() < deadline, otherwise)
            time.sleep(0.25)
        return found


@dataclass(frozen=True, kw_only=True)
class _Answer:
    status: int
    url: str
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")


def _get(
    url: str,
    browser: urllib.request.OpenerDirector | None = None,
    *,
    data: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> _Answer:
    origin = "/".join(url.split("/")[:3])
    request = urllib.request.Request(url, data=data, headers={"Origin": origin, **(headers or {})})  # noqa: S310 - ours
    try:
        with (browser or urllib.request.build_opener()).open(request, timeout=20) as answer:
            return _Answer(status=answer.status, url=answer.url, body=answer.read())
    except urllib.error.HTTPError as error:
        return _Answer(status=error.code, url=url, body=error.read())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _letter(path: Path) -> email.message.EmailMessage:
    return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)


def _is_to(path: Path, address: str) -> bool:
    return address in str(_letter(path)["To"])


def _link(letter: email.message.EmailMessage) -> str:
    text = letter.get_body(("plain",))
    assert text is not None
    found = re.search(r"https?://\S+/g/[io]/[\w-]+", text.get_content())
    if found is None:
        raise StageFailed("demo_letter_without_link")
    return found[0]


def _instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _probe_film(film: Path) -> dict[str, Any]:
    """Return codecs, size and rate of a film, as ffmpeg reports them."""
    done = processes.run([processes.ffmpeg_path(), "-hide_banner", "-i", str(film)])
    report = done.stderr.decode(errors="replace")
    video = re.search(r"Video: (\w+).*?(\d{3,5}x\d{3,5}).*?([\d.]+) fps", report)
    audio = re.search(r"Audio: (\w+)", report)
    if not video or not audio:
        raise StageFailed("demo_film_empty")
    return {"video": video[1], "size": video[2], "fps": float(video[3]), "audio": audio[1]}
