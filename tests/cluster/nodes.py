"""The machines: workers and web nodes, each a process with a data folder of its own, nginx before the latter."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from support.servers import CAPSULE, Daemon, Running, is_missing, wait_until

_NGINX = """
daemon off;
master_process off;
pid {folder}/pid;
events {{}}
http {{
    access_log {folder}/access;
    {temporary}
    upstream nodes {{
        {servers}
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://nodes;
            proxy_set_header Host $host;
        }}
    }}
}}
"""


@dataclass
class Worker:
    """A machine that works, and comes back after it was killed."""

    name: str
    environment: dict[str, str]
    #: What is planted in the program that runs on it; "" for nothing.
    fault: str
    running: Running = field(init=False)

    def start(self) -> None:
        program = (sys.executable, "-m", "cluster.planted", self.fault) if self.fault else (CAPSULE,)
        self.running = Running(
            self.environment, *program, "--json", "worker", kind="worker", deadline_seconds=120
        )

    def kill(self) -> None:
        """Kill it (-9), and start it anew."""
        self.running.kill()
        self.running.close()
        self.start()

    def stop(self) -> None:
        self.running.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.running.process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def nginx(webs: list[Daemon], folder: Path, port: int) -> Iterator[None]:
    """Run nginx before the web nodes."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        is_missing("No nginx here, which stands before the web nodes.")
    folder.mkdir()
    places = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    (folder / "settings").write_text(
        _NGINX.format(
            folder=folder,
            port=port,
            temporary=" ".join(f"{place}_temp_path {folder}/{place};" for place in places),
            servers=" ".join(f"server {web.url.removeprefix('http://')};" for web in webs),
        )
    )
    log = folder / "log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            [program, "-e", str(log), "-p", str(folder), "-c", str(folder / "settings")],
            stdin=subprocess.DEVNULL, stdout=said, stderr=said,
        )  # fmt: skip
    try:
        wait_until(lambda: _answers(f"http://127.0.0.1:{port}"), 30, "nginx answers")
        yield
    finally:
        process.kill()
        process.wait(timeout=30)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").status_code == 200
    except httpx.HTTPError:
        return False


@contextlib.contextmanager
def visitor(url: str) -> Iterator[Counter[str]]:
    """Have somebody look at pages all the time, and yield how often they were answered what."""
    answers: Counter[str] = Counter()
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(0.5):
            for path in ("/healthz", "/sign-in"):
                try:
                    answers[f"{path} {httpx.get(url + path, timeout=60).status_code}"] += 1
                except httpx.HTTPError as error:
                    answers[f"{path} {type(error).__name__}"] += 1

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield answers
    finally:
        is_over.set()
        thread.join(60)
