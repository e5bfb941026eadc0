"""
Makes a bare Debian, installs MemoryCapsule there by the commands of the README alone, and looks whether it works.

    make bare                       all ways
    make bare ARGS="--way clone"    from a clone; `pipx` and `uv` install the wheel

It works when the daemon answers /healthz through nginx, a test letter lies in the mailbox of a local Postfix, and
an update to a newer version and back leaves the daemon well.
Debian comes from where this machine gets its own packages. It is a container that systemd starts as a machine would
(systemd-nspawn), which needs root; where that cannot be had, a sentence says so, and the exit code is 77.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pty
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

PROJECT = Path(__file__).parents[1]
#: In the order of the README.
WAYS = ("clone", "pipx", "uv")
#: What automake and Meson take for a test that was skipped.
SKIPPED = 77
#: What a server has after its installation, and Postfix, which stands for somebody's mail server.
PACKAGES = ("ca-certificates", "dbus", "systemd-sysv")
#: On these ports of loopback nginx, Postfix and the daemon listen: they share the network of this machine.
PORTS = (25, 80, 8484)
HOST = "photos.home.test"
PERSON = "yuna"
#: What is answered to each question of `capsule init`, once it is seen.
ANSWERS = (
    ("1/5", f"{PERSON}@{HOST}"),
    ("2/5", "own"),
    ("Name of the mail server", "127.0.0.1"),
    ("Security", "none"),
    ("Its port", ""),
    ("Login name", ""),
    ("3/5", f"http://{HOST}"),
    ("Port to which", ""),
    ("4/5", "Asia/Seoul"),
    ("5/5", ""),
)
DEADLINE_SECONDS = 120


class NotHere(Exception):
    """It cannot be tried on this machine, for a reason that stands in a sentence."""


class WentWrong(Exception):
    """A command of the README, or what should be there after it, did not work."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bare", description=__doc__.strip().splitlines()[0])
    parser.add_argument("--way", choices=WAYS)
    asked = parser.parse_args()
    ways = (asked.way,) if asked.way else WAYS
    try:
        refuse_what_cannot_be()
        with tempfile.TemporaryDirectory(prefix="bare-debian-", dir="/var/tmp") as folder:
            began = time.monotonic()
            base = make_debian(Path(folder))
            print(f"a bare Debian: {time.monotonic() - began:.0f} s", flush=True)
            for way in ways:
                try_way(way, base, Path(folder))
    except NotHere as reason:
        print(f"Not tried here: {reason}")
        return SKIPPED
    except WentWrong as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def refuse_what_cannot_be() -> None:
    if os.geteuid() != 0:
        raise NotHere("a Debian is made and started by root only.")
    for program, package in (("mmdebstrap", "mmdebstrap"), ("systemd-nspawn", "systemd-container")):
        if not shutil.which(program):
            raise NotHere(f"there is no {program}; apt-get install {package} brings it.")
    if not sources():
        raise NotHere("this machine has no sources of Debian packages.")
    for port in PORTS:
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            raise NotHere(f"port {port} is in use, which the container would share.") from None


def sources() -> str:
    """Return where this machine gets its packages from, as apt reads it."""
    folder = Path("/etc/apt")
    listed = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*.sources"))]
    return "\n".join(path.read_text() for path in listed if path.is_file())


def make_debian(folder: Path) -> Path:
    """Make the archive of a bare Debian. Raises WentWrong."""
    release = dict(
        line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line
    )
    archive = folder / "debian.tar"
    options = subprocess.run(
        ["apt-config", "dump", "--format", '%f "%v";%n', "Acquire"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    (folder / "apt.conf").write_text(options)
    said = subprocess.run(
        [
            *("mmdebstrap", "--mode=root", "--variant=minbase", f"--include={','.join(PACKAGES)}"),
            f"--aptopt={folder / 'apt.conf'}",
            *(release["VERSION_CODENAME"].strip('"'), str(archive), "-"),
        ],
        input=sources(),
        capture_output=True,
        text=True,
        check=False,
    )
    if said.returncode:
        raise WentWrong(f"mmdebstrap did not make a Debian:\n{last_lines(said.stderr)}")
    return archive


def try_way(way: str, archive: Path, folder: Path) -> None:
    root = folder / way
    root.mkdir()
    subprocess.run(["tar", "-xf", archive, "-C", root], check=True)
    project = Project(folder / f"{way}-project")
    with Container(root, project) as debian:
        debian.run("apt-get update -qq")
        give_it_a_mail_server(debian)
        began = time.monotonic()
        for command in readme_commands(way):
            type_it(debian, adapted(command, project), command)
        wait_for(answers_through_nginx, "the daemon answers /healthz through nginx")
        seconds = time.monotonic() - began
        letters = root / "var/mail" / PERSON
        wait_for(
            lambda: letters.exists() and "MemoryCapsule" in letters.read_text(), "the test letter is there"
        )
        print(
            f"{way}: installed, answering through nginx, and a test letter delivered, in {seconds:.0f} s",
            flush=True,
        )
        reload_it(debian)
        update_it(debian, project, "" if way == "clone" else " --package ")
        remove_it(debian)
    shutil.rmtree(root)


def reload_it(debian: Container) -> None:
    """Have the service read its settings again: systemd waits until it is ready once more."""
    type_it(debian, "systemctl reload memory-capsule")
    wait_for(answers_through_nginx, "the daemon answers by its settings of now")


def remove_it(debian: Container) -> None:
    """Take the service away again; nothing of it runs then."""
    type_it(debian, "capsule uninstall-service --system")
    debian.run("! systemctl is-active memory-capsule")


def update_it(debian: Container, project: Project, package: str) -> None:
    """Update to a newer version, and go back: the daemon of the service answers each time."""
    before, newer = project.version, project.publish()
    wheel = package and package + str(project.wheel)
    for command, version in (
        (f"capsule update /var/backups/capsule{wheel}", newer),
        ("capsule update --back --yes", before),
    ):
        type_it(debian, command)
        debian.run(f"capsule --version | grep -Fx 'capsule {version}' && systemctl is-active memory-capsule")
        if not answers_through_nginx():
            raise WentWrong(f"The daemon does not answer after: {command}")
    print(f"updated to {newer} and back to {before}", flush=True)


def type_it(debian: Container, command: str, called: str = "") -> None:
    """Run a command of the README, and say how long it took."""
    began = time.monotonic()
    debian.run(command, answers=ANSWERS if command.endswith(" init") else ())
    print(f"  {time.monotonic() - began:4.0f} s  {called or command}", flush=True)


def readme_commands(way: str) -> list[str]:
    """Return what the README has one type on a server: the block of this way, and then what both have in common."""
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    section = text.partition("\n## On a server\n")[2].partition("\n## ")[0]
    *blocks, common = re.findall(r"^```\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    chosen = dict(zip(WAYS, blocks, strict=True))[way]
    return [line for line in (chosen + common).splitlines() if line]


def adapted(command: str, project: Project) -> str:
    """Put what exists here in the place of what everybody has to say for themselves."""
    command = re.sub(r"(?<=install )memorycapsule$", str(project.wheel), command)
    return command.replace("ADDRESS", "/project").replace("apt-get install", "apt-get install -y -qq")


def give_it_a_mail_server(debian: Container) -> None:
    """Have a Postfix that delivers to people of this machine, and one such person."""
    debian.run(
        "DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postfix"
        f" && useradd -m {PERSON}"
        f" && postconf -e inet_interfaces=loopback-only inet_protocols=ipv4 mydestination={HOST},localhost"
        " && systemctl restart postfix"
    )


def answers_through_nginx() -> bool:
    request = urllib.request.Request("http://127.0.0.1/healthz", headers={"Host": HOST})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.status == 200


def wait_for(is_so, what: str) -> None:
    until = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            if is_so():
                return
        time.sleep(0.5)
    raise WentWrong(f"Not within {DEADLINE_SECONDS} s: {what}.")


class Project:
    """Where the program is fetched from: a clone of this project, and a wheel of it; /project in the container."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run(["git", "clone", "-q", PROJECT, folder], check=True)
        self._build()

    @property
    def version(self) -> str:
        return re.search(r'__version__ = "(.+)"', self._module.read_text())[1]

    @property
    def wheel(self) -> Path:
        """Where the newest wheel lies in the container."""
        return Path("/project/dist") / f"memorycapsule-{self.version}-py3-none-any.whl"

    def publish(self) -> str:
        """Make a newer version, and return what it is called."""
        newer = f"{self.version}.post1"
        self._module.write_text(self._module.read_text().replace(f'"{self.version}"', f'"{newer}"'))
        person = ["-c", "user.name=Yuna", "-c", f"user.email={PERSON}@{HOST}"]
        subprocess.run(["git", *person, "commit", "-q", "-a", "-m", newer], cwd=self.folder, check=True)
        self._build()
        return newer

    @property
    def _module(self) -> Path:
        return self.folder / "src/memorycapsule/__init__.py"

    def _build(self) -> None:
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel"]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)


class Container:
    """A Debian that systemd has started, with the network of this machine and its ways to packages."""

    def __init__(self, root: Path, project: Project) -> None:
        self._variables = package_settings()
        binds = [f"--bind-ro={project.folder}:/project"]
        for path in readable_settings(self._variables):
            if path.is_dir():
                binds.append(f"--bind-ro={path}")
            else:
                place = root / path.relative_to("/")
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, place)
        self._command = [
            *("systemd-nspawn", "--quiet", "--boot", f"--directory={root}", "--register=no", "--keep-unit"),
            *("--console=pipe", f"--machine=bare-{os.getpid()}", *binds),
        ]

    def __enter__(self) -> Self:
        self._nspawn = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self._leader = self._find_leader()
        self._said = b""
        wait_for(self._is_up, "systemd has started the container")
        return self

    def __exit__(self, *_: object) -> None:
        # This asks the systemd in there to halt (systemd(1), signals).
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._leader, signal.SIGRTMIN + 4)
        try:
            self._nspawn.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.communicate()

    def run(self, command: str, answers: Sequence[tuple[str, str]] = ()) -> None:
        """Type a command there as root, and answer what it asks. Raises WentWrong."""
        code, shown = converse([*self._enter(), "bash", "-c", command], answers)
        if code:
            raise WentWrong(f"Exit code {code} of: {command}\n{last_lines(shown)}")

    def _enter(self) -> list[str]:
        variables = {"HOME": "/root", "LANG": "C.UTF-8", "TERM": "dumb", "DEBIAN_FRONTEND": "noninteractive"}
        variables["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        named = [f"{name}={value}" for name, value in (variables | self._variables).items()]
        return ["nsenter", f"--target={self._leader}", "--all", "env", "-i", "--chdir=/root", *named]

    def _find_leader(self) -> int:
        until = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < until and self._nspawn.poll() is None:
            children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text().split()
            for child in children:
                if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                    return int(child)
            time.sleep(0.2)
        raise NotHere("systemd-nspawn could not start a container on this machine.")

    def _is_up(self) -> bool:
        state = subprocess.run(
            [*self._enter(), "systemctl", "is-system-running"], capture_output=True, text=True, check=False
        )
        return state.stdout.strip() in {"running", "degraded"}


def package_settings() -> dict[str, str]:
    """Return, as variables, how this machine reaches packages of Python: nothing of it is ever written down."""
    told = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    pip = {
        f"PIP_{name.upper().replace('-', '_')}": shlex.split(value)[0].replace("\n", " ")
        for name, value in re.findall(r"^global\.([\w-]+)=(.*)$", told.stdout, re.MULTILINE)
    }
    wanted = re.compile(r"(PIP_|UV_|SSL_CERT_FILE$|(http|https|no)_proxy$)", re.IGNORECASE)
    return pip | {name: value for name, value in os.environ.items() if wanted.match(name)}


def readable_settings(variables: dict[str, str]) -> Iterator[Path]:
    """Yield the files and folders of this machine that such variables name."""
    named = {word.removeprefix("file://") for value in variables.values() for word in value.split()}
    paths = {Path(word) for word in named if word.startswith("/")}
    # The pages of an index name files that lie beside them.
    paths = {path.parent if path.name == "simple" else path for path in paths}
    yield from sorted(path for path in {*paths, Path("/etc/hosts")} if path.exists())


def converse(command: Sequence[str], answers: Sequence[tuple[str, str]]) -> tuple[int, str]:
    """Run a command on a terminal, and answer each question once it is seen; its exit code and what was shown."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    shown, seen, waiting = "", 0, list(answers)
    while select.select([terminal], [], [], 20 * 60)[0]:
        try:
            shown += os.read(terminal, 65_536).decode(errors="replace")
        except OSError:  # Linux: the other end is closed
            break
        while waiting and waiting[0][0] in shown[seen:]:
            question, answer = waiting.pop(0)
            seen = shown.index(question, seen) + len(question)
            os.write(terminal, f"{answer}\n".encode())
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown


def last_lines(text: str) -> str:
    """Return the end of what was said, without addresses of mirrors."""
    return "\n".join(re.sub(r"[a-z+]+://\S+", "(address)", text).splitlines()[-25:])


if __name__ == "__main__":
    sys.exit(main())
