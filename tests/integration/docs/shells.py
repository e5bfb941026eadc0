"""
A shell that runs the statements of a page as its reader would, in a home of its own.

A plain `capsule ...` runs in this process, which has loaded the program already. What asks a person gets a terminal, what
runs for long or uses more of a shell is a process of its own.
"""

import contextlib
import io
import logging
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Self

from integration.docs.pages import Statement, is_printed
from memorycapsule.cli import main
from support import leaks
from support.servers import CAPSULE, free_port, wait_until

#: The ports of the pages and of the metrics, in what people write.
_PORTS = ("8484", "9484")
#: Where disks of the machine are, in what people write.
_DISKS = re.compile(r"(?<![\w.~-])/(media|srv)/([\w-]+)")
#: A film that takes a second or two, and the same work at whatever hour tests run.
_QUICK = {
    "CAPSULE_FILM__SIZE": "160x90",
    "CAPSULE_FILM__FPS": "10",
    "CAPSULE_FILM__QUIET_HOURS": "never",
    "CAPSULE_DAEMON__HEARTBEAT_SECONDS": "0.5",
    "CAPSULE_ZONE": "Asia/Seoul",
}
#: What `init` asks nobody where the environment says it.
_ASKED_FOR = ("CAPSULE_DAEMON__PORT", "CAPSULE_ZONE")
_LOCALES = {"en": "en_GB.UTF-8", "ko": "ko_KR.UTF-8"}
_ID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
#: How far something is, which is told only where the machine is slow.
_PROGRESS = re.compile(r"^[^\n:]+: \d+%(,[^\n]*)?\n", re.MULTILINE)
_QUOTED = re.compile(r"'[^']*'|\"[^\"$`]*\"")
#: What only a shell understands, outside of quotation marks.
_OF_A_SHELL = frozenset("|<>;&$*?`")
_ASSIGNMENT = re.compile(r"([A-Z][A-Z0-9_]*)=(.*)", re.DOTALL)


class Shell:
    """A shell; a context manager, which ends what still runs. The environment of the process is its own meanwhile."""

    def __init__(self, home: Path, *, language: str, database: Callable[[], str] | None = None) -> None:
        self.language = language
        #: Makes an empty database on a Postgres and returns its URL, where one can be had.
        self.database = database
        #: What stands for something in what people write, such as the address of a server.
        self.stand_ins: dict[str, str] = {}
        #: What was begun beside it, such as a mail server, and ends with it.
        self.beside = contextlib.ExitStack()
        self._code = 0
        self._printed = ""
        self._running: list[subprocess.Popen[bytes]] = []
        self._move(home)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=30)
        self.beside.close()

    def say(self, statement: Statement) -> str | None:
        """Run a statement; return None where it does what its page says, and otherwise what it did."""
        if statement.text == "echo $?":
            code, self._code = self._code, 0
            return None if statement.prints == str(code) else f"{code}\n"
        if self._code:
            return f"(The statement before ended with {self._code}, and no `$ echo $?` says so.)"
        if statement.is_elsewhere:
            self._move(self.home.with_name(f"{self.home.name}-elsewhere"))
        try:
            text = self._completed(statement.text)
        except LookupError as error:
            return str(error)
        printed = self._as_shown(self._run(text, statement))
        self._printed += printed
        return None if is_printed(statement.prints, printed) else printed

    def _move(self, home: Path) -> None:
        """Go to a machine on which nothing was done yet."""
        home.mkdir(exist_ok=True)
        self.home = home
        self._ports = {port: str(free_port()) for port in _PORTS}
        #: Variables that `export` has set.
        self.environment = {
            **_QUICK,
            "HOME": str(home),
            "PATH": f"{Path(CAPSULE).parent}:{os.environ['PATH']}",
            "LANG": _LOCALES[self.language],
            "CAPSULE_DAEMON__PORT": self._ports["8484"],
        }

    def run(self, *words: str, **environment: str) -> str:
        """Run a command that must succeed, and return what it prints."""
        code, printed = self._in_process(words, environment)
        assert code == 0, printed
        self._printed += self._as_shown(printed)
        return printed

    def _run(self, text: str, statement: Statement) -> str:
        if text.endswith(" &"):
            return self._begun(text.removesuffix(" &"), statement.prints)
        if statement.answers:
            self._code, printed = self._on_a_terminal(text, statement.answers)
            return printed
        words = [self._expanded(word) for word in shlex.split(text, comments=True)]
        given: dict[str, str] = {}
        while words and (found := _ASSIGNMENT.fullmatch(words[0])):
            given[found[1]] = found[2]
            words.pop(0)
        match words[:1]:
            case ["export"]:
                self.environment |= dict(word.split("=", 1) for word in words[1:])
                return ""
            case ["unset"]:
                for name in words[1:]:
                    del self.environment[name]
                return ""
            case ["kill"]:
                process = self._running[int(words[1].removeprefix("%")) - 1]
                process.terminate()
                process.wait(timeout=60)
                return ""
            case ["capsule"] if not set(_QUOTED.sub("", text)) & _OF_A_SHELL:
                self._code, printed = self._in_process(words[1:], given)
                return printed
        done = subprocess.run(
            ["sh", "-c", text],
            env=self._whole_environment({}),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=120,
        )
        self._code = done.returncode
        return done.stdout

    @contextlib.contextmanager
    def inside(self, **given: str) -> Iterator[None]:
        """Have the environment and the folder of this shell be those of this process meanwhile."""
        before, folder = dict(os.environ), Path.cwd()
        changed = self._whole_environment(given)
        try:
            os.environ.clear()
            os.environ.update(changed)
            os.chdir(self.home)
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
            os.chdir(folder)

    def _in_process(self, words: Sequence[str], given: dict[str, str]) -> tuple[int, str]:
        leaks.put_in(*words)
        handlers = logging.root.handlers[:]
        with self.inside(**given), _printing() as printed:
            code = main([str(word) for word in words])
        # Some commands set up the log of their process; here, others live in it as well.
        logging.root.handlers[:] = handlers
        return code, printed.getvalue()

    def _on_a_terminal(self, text: str, answers: tuple[str, ...]) -> tuple[int, str]:
        """Run a command on a terminal and type an answer each time it asks."""
        words = [self._expanded(word) for word in shlex.split(text)]
        environment = self._whole_environment({"TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "100"})
        for name in _ASKED_FOR:
            environment.pop(name, None)
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.home)
            os.execvpe(words[0], words, environment)
        shown, seen, waiting = "", 0, list(answers)
        while select.select([terminal], [], [], 120)[0]:
            try:
                shown += os.read(terminal, 4096).decode(errors="replace")
            except OSError:  # Linux: the other end is closed
                break
            if waiting and shown[seen:].endswith((": ", "] ", "? ")):
                seen = len(shown)
                os.write(terminal, f"{self._of_here(waiting.pop(0))}\n".encode())
        os.close(terminal)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert not waiting, f"nobody asked for {waiting}:\n{shown}"
        return code, shown

    def _begun(self, text: str, expected: str) -> str:
        """Begin what runs to the end of the page, and return what it has printed once that is what is expected."""
        with tempfile.TemporaryFile(dir=self.home.parent) as output:
            self._running.append(
                subprocess.Popen(
                    ["sh", "-c", f"exec {text}"],
                    env=self._whole_environment({}),
                    cwd=self.home,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            )

            def printed() -> str:
                return self._as_shown(os.pread(output.fileno(), 1_000_000, 0).decode(errors="replace"))

            with contextlib.suppress(AssertionError):
                wait_until(lambda: is_printed(expected, printed()), 30, "it prints what the page says")
            return printed()

    def _completed(self, text: str) -> str:
        """Return a statement with what was printed last in the place of `...`."""

        def last(found: re.Match[str]) -> str:
            word = found[0]
            if word == "...":
                said = _ID.findall(self._printed)
            else:
                pattern = re.escape(word).replace(r"\.\.\.", r"""[^\s"'<>()`]+""")
                said = [one.rstrip(".,;:") for one in re.findall(pattern, self._printed)]
            if not said:
                raise LookupError(f"Nothing that was printed so far looks like {word}.")
            return said[-1]

        return self._of_here(re.sub(r"[^\s\"']*\.\.\.[^\s\"']*", last, text))

    def _expanded(self, word: str) -> str:
        name, equals, value = word.partition("=")
        if equals and value.startswith("~/"):
            return f"{name}={self.home}{value[1:]}"
        return f"{self.home}{word[1:]}" if word.startswith("~/") else word

    def _as_shown(self, text: str) -> str:
        """Return what was printed as it reads on a machine whose home, disks and ports are the usual ones."""
        shown = text.replace("\r\n", "\n").replace(str(self.home), "~")
        shown = re.sub(rf"{re.escape(str(self.home.parent))}/(media|srv)\b", r"/\1", shown)
        for usual, meant in self.stand_ins.items():
            shown = shown.replace(meant, usual)
        for usual, port in self._ports.items():
            shown = re.sub(rf"(?<!\d){port}(?!\d)", usual, shown)
        return _PROGRESS.sub("", shown)

    def _of_here(self, text: str) -> str:
        for usual, port in self._ports.items():
            text = re.sub(rf"\b{usual}\b", port, text)
        for usual, meant in self.stand_ins.items():
            text = text.replace(usual, meant)
        for folder, name in _DISKS.findall(text):
            (self.home.parent / folder / name).mkdir(parents=True, exist_ok=True)
        return _DISKS.sub(rf"{self.home.parent}/\1/\2", text)

    def _whole_environment(self, given: dict[str, str]) -> dict[str, str]:
        outside = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
        return {**outside, **self.environment, **given}


@contextlib.contextmanager
def _printing() -> Iterator[io.StringIO]:
    """Gather what this process and its children print meanwhile, in the order in which they print it."""
    gathered = io.StringIO()
    kept = [os.dup(descriptor) for descriptor in (1, 2)]
    streams = sys.stdout, sys.stderr
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as file:
        try:
            for descriptor in (1, 2):
                os.dup2(file.fileno(), descriptor)
            sys.stdout = io.TextIOWrapper(os.fdopen(1, "wb", 0, closefd=False), "utf-8", write_through=True)
            sys.stderr = io.TextIOWrapper(os.fdopen(2, "wb", 0, closefd=False), "utf-8", write_through=True)
            yield gathered
        finally:
            sys.stdout, sys.stderr = streams
            for descriptor, before in zip((1, 2), kept, strict=True):
                os.dup2(before, descriptor)
                os.close(before)
            file.seek(0)
            gathered.write(file.read())
