"""
The demo: the whole life of a capsule, with real parts and the real clock, each stage checked.

It uses only what people use: the command line as child processes, the daemon, the letters in the mailbox folder, and
the pages over HTTP. It never opens the store.
"""

from __future__ import annotations

import email.message
import http.cookiejar
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from memorycapsule import processes
from memorycapsule.demo.browsing import StageFailed, get, is_to, letter_of, link_in, probe_film
from memorycapsule.demo.people import ADA, BEN, CONFIDED_TEXT, PEOPLE, TITLE, YOUNGHEE, Person
from memorycapsule.errors import UsageProblem
from memorycapsule.words.catalogues import Wording, wording
from memorycapsule.words.dates import date_in_words

_MARKER = ".capsule-demo"
_MOST_FILES_EACH = 30
_SHORTEST_WAIT_SECONDS = 26
#: How many commands pass between the making of the capsule and the last check of its seal.
_COMMANDS = 14
#: The date moves later when fewer of the slowest commands so far, and seconds, are left before it.
_MARGIN_COMMANDS, _MARGIN_SECONDS = 4, 15
_MOST_TRIES = 5
#: Where drawing or a command takes so long, the film is made small.
_SLOW_DRAWING_SECONDS, _SLOW_COMMAND_SECONDS = 60, 12
_SMALL_FILM = 'size = "640x360"\nfps = 10\n'
#: A stage in which nothing moves for so long has failed, however slow the machine.
_PATIENCE_SECONDS = 1800


class _DateCame(Exception):
    """The date came before all was shown that is to be shown of a sealed capsule."""


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
    #: Called with the address of something to look at, once there is something.
    show: Callable[[str], None]
    started: float = field(default_factory=time.monotonic)
    facts: dict[str, Any] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    slowest_command: float = 0.0
    drawing_seconds: float = 0.0
    #: How much longer than it measured the demo waits: twice as long after each time that this was too short.
    patience: float = 1.0
    daemon_log: Path = field(init=False)
    daemon: subprocess.Popen[bytes] = field(init=False)
    mailbox: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder = self.folder.resolve()
        self.daemon_log = self.folder / "daemon.log"
        self.mailbox = self.folder / "data" / "mailbox"

    def run(self, *, stay: Callable[[dict[str, Any]], None] | None = None) -> dict[str, Any]:
        """
        Play the demo, and return its results by name.

        The capsule's date follows from how long the first steps took, and moves later while the machine is busy.
        `stay` is called with the results before the daemon ends. Raises StageFailed when a stage does not show what it
        should, and UsageProblem for a folder that is not the demo's own.
        """
        self._make_room()
        files = self._photos()
        for _ in range(_MOST_TRIES):
            try:
                return self._play(files, stay)
            except _DateCame:
                self._step("demo_again")
                self.patience *= 2
                self._remove_instance()
        raise StageFailed("demo_too_slow")

    def _play(self, files: list[list[Path]], stay: Callable[[dict[str, Any]], None] | None) -> dict[str, Any]:
        self._set_up_instance()
        with self._daemon() as url:
            self._seal(url)
            try:
                self._join()
                self._prove_the_seal(url, self._contribute(files))
            except StageFailed as error:
                if time.time() < _instant(self.facts["opens_at"]):
                    raise
                raise _DateCame from error
            self._await_opening()
            self._await_film()
            self.facts["page"] = self._follow_letters()
            self.facts["took_seconds"] = round(time.monotonic() - self.started, 1)
            if stay:
                stay(self.facts)
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

            drawn = []
            for one in draw(self.folder / "photos"):
                drawn.append(one)
                if len(drawn) == 1:
                    self._step("demo_first_picture", file=one.path)
                    self.show(one.path.as_uri())
            files = [one.path for one in drawn]
            self.drawing_seconds = time.monotonic() - self.started
            self._step("demo_drew", pictures=len(files))
        return [files[start::3][:_MOST_FILES_EACH] for start in range(3)]

    def _set_up_instance(self) -> None:
        recovery = self.folder / "recovery.key"
        self._write_config("")
        self._capsule(
            "init", "--yes", "--admin", ADA.address, "--name", ADA.name, "--recovery-file", str(recovery)
        )
        self._step("demo_made")
        if self.drawing_seconds > _SLOW_DRAWING_SECONDS or self.slowest_command > _SLOW_COMMAND_SECONDS:
            self._write_config(_SMALL_FILM)
            self._step("demo_small_film")

    def _write_config(self, film: str) -> None:
        (self.folder / "config.toml").write_text(
            f'data_dir = "data"\nkey_file = "instance.key"\nzone = "Asia/Seoul"\n\n'
            f"[daemon]\nport = {_free_port()}\nheartbeat_seconds = 1\n\n"
            f'[film]\nnice = 0\nquiet_hours = "never"\n{film}',
            encoding="utf-8",
        )

    def _remove_instance(self) -> None:
        for path in self.folder.iterdir():
            if path.is_dir() and path.name != "photos":
                shutil.rmtree(path)
            elif path.is_file() and path.name != _MARKER:
                path.unlink()
        self.tokens.clear()

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
        self.daemon = child
        try:
            first = child.stdout.readline()
            self._check(bool(first), StageFailed("demo_daemon_not_started"))
            announced = json.loads(first)
            self._check("daemon" in announced, StageFailed("demo_daemon_refused", answer=first))
            url = str(announced["daemon"]["url"])
            health = get(f"{url}/healthz")
            self._check(health.status == 200, StageFailed("demo_daemon_silent"))
            self._step("demo_daemon", url=url)
            yield url
            child.terminate()
            self._check(child.wait(timeout=_PATIENCE_SECONDS) == 0, StageFailed("demo_daemon_not_ended"))
        finally:
            if child.poll() is None:
                child.kill()
            child.wait()
            child.stdout.close()

    def _seal(self, url: str) -> None:
        made = self._capsule(
            "create", TITLE, "--opens", self._measured_date(), "--theme", self.theme,
            "--message", "One photo is enough. We open it together.",
        )["capsule"]  # fmt: skip
        self.facts |= {"capsule": made["id"], "slug": made["slug"], "opens_at": made["opens_at"], "url": url}
        self._step("demo_sealed", name=ADA.name, title=made["title"], when=self._date(made))
        for person in PEOPLE[1:]:
            self._capsule(
                "invite", made["id"], person.address, "--name", person.name, "--locale", person.locale
            )
        for person in PEOPLE[1:]:
            letter = self._letter(person, "invitation")
            page = get(link_in(letter))
            self._check(page.status == 200, StageFailed("demo_invitation_page", name=person.name))
            self._step("demo_invited", name=person.name, subject=letter["Subject"])
            self._keep_sealed()
        self._step("demo_page", name=BEN.name, url=link_in(self._letter(BEN, "invitation")))

    def _measured_date(self) -> str:
        """Return when the capsule is to open, from how long drawing and commands took until now."""
        files = _MOST_FILES_EACH * len(PEOPLE) if self.photos else 0
        needed = self.patience * (1.5 * self.drawing_seconds + _COMMANDS * self.slowest_command + files)
        return self.opens or f"+{max(_SHORTEST_WAIT_SECONDS, round(needed))}s"

    def _keep_sealed(self) -> None:
        """Move the date later when it is near, as everything of a sealed capsule is not shown yet."""
        margin = self.patience * (_MARGIN_SECONDS + _MARGIN_COMMANDS * self.slowest_command)
        left = _instant(self.facts["opens_at"]) - time.time()
        if left <= 0:
            raise _DateCame
        if left < margin:
            later = f"+{round(2 * margin)}s"
            code, answer = self._try("reschedule", self.facts["capsule"], later, "--yes")
            if code:
                raise _DateCame
            moved = answer["capsule"]
            self.facts["opens_at"] = moved["opens_at"]
            self._step("demo_moved", name=ADA.name, when=self._date(moved))

    def _date(self, capsule: dict[str, Any]) -> str:
        return date_in_words(
            datetime.fromisoformat(capsule["opens_local"]), capsule["zone"], self.words.language
        )

    def _join(self) -> None:
        for person in PEOPLE[1:]:
            token = link_in(self._letter(person, "invitation")).rpartition("/")[2]
            self.tokens[person.name] = self._capsule("join", token)["token"]
            self._keep_sealed()
        self._step("demo_joined", first=BEN.name, second=YOUNGHEE.name)

    def _contribute(self, files: list[list[Path]]) -> list[str]:
        def add(person: Person, share: list[Path]) -> tuple[int, dict[str, Any]]:
            words = ("--title", person.title, "--text", person.text)
            return self._run(
                "story", "add", self.facts["capsule"], *words, *map(str, share), as_person=person
            )

        with ThreadPoolExecutor(len(PEOPLE)) as imports:
            running = [imports.submit(add, *one) for one in zip(PEOPLE, files, strict=True)]
            while not all(one.done() for one in running):
                self._keep_sealed()
                time.sleep(0.25)
        stories = []
        for person, added in zip(PEOPLE, running, strict=True):
            code, answer = added.result()
            message = answer.get("error", {}).get("message", "")
            self._check(
                code in {0, 5},
                StageFailed("demo_story_not_added", name=person.name, answer=message),
            )
            stories.append(str(answer["story"]["id"]))
            left_out = len(answer["refused"]) + len(answer["not_in_yet"])
            key = "demo_put_in_but" if left_out else "demo_put_in"
            self._step(key, name=person.name, media=len(answer["media"]), refused=left_out)
        return stories

    def _prove_the_seal(self, url: str, stories: list[str]) -> None:
        not_found, sealed = 3, 4
        for code, person, command in (
            (not_found, BEN, ("story", "show", stories[0])),
            (not_found, ADA, ("story", "show", stories[1])),
            (sealed, ADA, ("open", self.facts["capsule"])),
        ):
            self._refused(code, person, *command)
            self._keep_sealed()
        own = self._capsule("show", self.facts["capsule"], as_person=BEN)["capsule"]
        self._check(len(own["stories"]) == 1, StageFailed("demo_own_story_only", name=BEN.name))
        medium = own["stories"][0]["media"][0]["id"]
        self._check(get(f"{url}/g/m/{medium}/display").status == 404, StageFailed("demo_photo_shown"))
        for path in (self.folder / "data").rglob("*"):
            if path.is_file():
                self._check(
                    CONFIDED_TEXT.encode() not in path.read_bytes(),
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
            StageFailed("demo_not_opened"),
            from_now_seconds=due - time.time(),
        )
        late = _instant(shown["opened_at"]) - due
        self.facts["opened_late_seconds"] = round(late, 2)
        self._check(late >= 0, StageFailed("demo_opened_early", seconds=-late))
        self._step("demo_opened", seconds=f"{late:.1f}")

    def _await_film(self) -> None:
        film = self._until(
            lambda: self._capsule("montage", "list", self.facts["capsule"])["montages"][0],
            lambda montage: montage["state"] not in {"queued", "rendering"},
            StageFailed("demo_film_unfinished"),
        )
        self._check(
            film["state"] in {"ready", "degraded"}, StageFailed("demo_film_missing", state=film["state"])
        )
        out = self.folder / "film.mp4"
        self._capsule("montage", "save", film["id"], str(out))
        self.facts |= {"film": str(out), **probe_film(out)}
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
            letter = self._letter(person, "opened")
            link = link_in(letter)
            browser = urllib.request.build_opener(
                urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
            )
            self._check(get(link, browser).status == 200, StageFailed("demo_link_dead", name=person.name))
            opened = get(link, browser, data=b"")
            self._check(opened.status == 200, StageFailed("demo_link_opens_nothing", name=person.name))
            photos = get(f"{opened.url}/photos", browser)
            self._check(
                photos.status == 200 and person.title in photos.text, StageFailed("demo_page_lacks_story")
            )
            film = re.search(r'[^"\']*/g/f/[^"\']+film\.mp4', get(f"{opened.url}/film", browser).text)
            self._check(film is not None, StageFailed("demo_page_lacks_film"))
            assert film is not None
            part = get(urllib.parse.urljoin(opened.url, film[0]), browser, headers={"Range": "bytes=0-999"})
            self._check(part.status == 206 and len(part.body) == 1000, StageFailed("demo_film_in_parts"))
            self._step("demo_letter", name=person.name, subject=letter["Subject"])
            page = page or link
        self.facts["mailbox"] = str(self.mailbox)
        return page

    # -- commands, letters, pages -----------------------------------------------------------------------------

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "memorycapsule.cli", "--json", *arguments]

    def _environment(self, person: Person | None = None) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CAPSULE_")}
        kept["CAPSULE_CONFIG"] = str(self.folder / "config.toml")
        if person and person.name in self.tokens:
            kept["CAPSULE_TOKEN"] = self.tokens[person.name]
        return kept

    def _run(self, *arguments: str, as_person: Person | None = None) -> tuple[int, dict[str, Any]]:
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

    def _try(self, *arguments: str, as_person: Person | None = None) -> tuple[int, dict[str, Any]]:
        """Run a short command, and remember how long the slowest has taken."""
        began = time.monotonic()
        answer = self._run(*arguments, as_person=as_person)
        self.slowest_command = max(self.slowest_command, time.monotonic() - began)
        return answer

    def _capsule(self, *arguments: str, as_person: Person | None = None) -> dict[str, Any]:
        code, answer = self._try(*arguments, as_person=as_person)
        if code:
            message = answer.get("error", {}).get("message", code)
            raise StageFailed("demo_command_failed", command=arguments[0], answer=message)
        return answer

    def _refused(self, code: int, person: Person, *arguments: str) -> None:
        exit_code, _answer = self._try(*arguments, as_person=person)
        self._check(
            exit_code == code,
            StageFailed("demo_exit_code", command=" ".join(arguments), code=exit_code, wanted=code),
        )

    def _letter(self, person: Person, kind: Literal["invitation", "opened"]) -> email.message.EmailMessage:
        """Wait for the letter of a kind to a person, in the person's language. Raises StageFailed for several."""
        before, after = wording(person.locale).sentences[f"letter_{kind}_subject"].split("{title}")

        def letters() -> list[email.message.EmailMessage]:
            paths = sorted(self.mailbox.glob("*.eml"))
            mine = [letter_of(path) for path in paths if is_to(path, person.address)]
            subjects = [str(letter["Subject"]) for letter in mine]
            return [
                letter
                for letter, subject in zip(mine, subjects, strict=True)
                if subject.startswith(before) and subject.endswith(after)
            ]

        found: list[email.message.EmailMessage] = self._until(
            letters, bool, StageFailed("demo_no_letter", name=person.name)
        )
        self._check(
            len(found) == 1, StageFailed("demo_letters", name=person.name, letters=len(found), wanted=1)
        )
        return found[0]

    def _until(
        self,
        read: Callable[[], Any],
        holds: Callable[[Any], bool],
        otherwise: StageFailed,
        *,
        from_now_seconds: float = 0,
    ) -> Any:
        """
        Wait until what `read` returns holds, and return it.

        Raises StageFailed when the daemon has ended, or when nothing has changed for half an hour, however slow the
        machine; that begins in `from_now_seconds`.
        """
        found: Any = None
        deadline = time.monotonic() + from_now_seconds + _PATIENCE_SECONDS
        while True:
            before, found = found, read()
            if holds(found):
                return found
            if found != before:
                deadline = max(deadline, time.monotonic() + _PATIENCE_SECONDS)
            self._check(self.daemon.poll() is None and time.monotonic() < deadline, otherwise)
            time.sleep(0.25)


def _instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
