"""The samples of deploy/logs carry the real lines of daemon and nginx to where they can be searched."""

import contextlib
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from support import leaks
from support.household import Household
from support.index_templates import template_fields
from support.servers import free_port, is_missing, wait_until

pytestmark = pytest.mark.slow

SAMPLES = Path(__file__).parents[2] / "deploy" / "logs"
TOKEN = "c2VjcmV0LXRva2VuLW9mLWEtbGV0dGVyLW9mLWhlcnM"
VISITOR = "127.9.8.7"


def program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    return found or is_missing(f"No {name} here, which this test starts with our sample.")


class Elasticsearch(ThreadingHTTPServer):
    """A stand-in for Elasticsearch, which keeps what is posted to `_bulk`."""

    def __init__(self, port: int) -> None:
        self.actions: list[dict[str, Any]] = []
        self.documents: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", port), _Answers)

    def events(self) -> list[str]:
        return [str(one.get("event.action", "")) for one in self.documents]

    def of_nginx(self) -> list[dict[str, Any]]:
        return [one for one in self.documents if one["service.name"] == "nginx"]


class _Answers(BaseHTTPRequestHandler):
    server: Elasticsearch

    def do_HEAD(self) -> None:
        self._answer({})

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        assert self.path.startswith("/_bulk"), self.path
        lines = self.rfile.read(int(self.headers["content-length"])).splitlines()
        actions = [json.loads(line) for line in lines[::2]]
        self.server.actions += actions
        self.server.documents += [json.loads(line) for line in lines[1::2]]
        done = [{"create": {"_id": action["create"]["_id"], "status": 201}} for action in actions]
        self._answer({"errors": False, "items": done})

    def _answer(self, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def elasticsearch(port: int) -> Iterator[Elasticsearch]:
    with Elasticsearch(port) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@contextlib.contextmanager
def nginx(folder: Path, inner: str) -> Iterator[int]:
    """nginx with our log format before a daemon, as somebody who may listen on a high port only; yields the port."""
    found, port = program("nginx"), free_port()
    (folder / "site.conf").write_text(f"""
        daemon off; pid {folder}/nginx.pid; user root; error_log {folder}/error.log info; worker_processes 1;
        events {{ }}
        http {{
            client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
            uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
            include {SAMPLES}/nginx-log.conf;
            server {{
                listen 127.0.0.1:{port};
                access_log {folder}/memorycapsule.json memorycapsule;
                location / {{ proxy_pass http://{inner}; proxy_set_header X-Request-ID $request_id; }}
                location /gone/ {{ proxy_pass http://127.0.0.1:1; }}
            }}
        }}
    """)
    command = [found, "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(folder / "site.conf")]
    with subprocess.Popen(command) as process:
        try:
            wait_until(lambda: _answers(port), 30, "nginx answers")
            yield port
        finally:
            process.terminate()
            leaks.hear_log((folder / "memorycapsule.json").read_text())


def _answers(port: int) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    return False


@contextlib.contextmanager
def rsyslog(folder: Path, port: int) -> Iterator[None]:
    """rsyslog by our sample, in which nothing is changed but places and the port."""
    text = (SAMPLES / "rsyslog.conf").read_text()
    for there, here in (
        ("/var/log/memorycapsule/daemon.log", f"{folder}/daemon.log"),
        ("/var/log/nginx/memorycapsule.json", f"{folder}/memorycapsule.json"),
        ('serverport="9200"', f'serverport="{port}"'),
    ):
        assert there in text
        text = text.replace(there, here)
    state = folder / "rsyslog"
    state.mkdir()
    (state / "rsyslog.conf").write_text(f'global(workDirectory="{state}")\n{text}')
    command = [
        program("rsyslogd"),
        "-n",
        "-f",
        str(state / "rsyslog.conf"),
        "-i",
        str(state / "rsyslogd.pid"),
    ]
    with (
        (state / "output").open("wb") as output,
        subprocess.Popen(command, stdout=output, stderr=output) as process,
    ):
        try:
            yield
        finally:
            process.terminate()


def ask(port: int, method: str, path: str) -> httpx.Response:
    """A request of a visitor with an address of their own, and a browser that says who they are."""
    with httpx.Client(transport=httpx.HTTPTransport(local_address=VISITOR), timeout=60) as browser:
        return browser.request(
            method,
            f"http://127.0.0.1:{port}{path}",
            headers={"user-agent": "Grandmother", "referer": "http://x/Ada"},
        )


@pytest.fixture
def folder(tmp_path) -> Path:
    """Where the logs lie."""
    logs = tmp_path / "logs"
    logs.mkdir(mode=0o755)
    return logs


def test_rsyslog_posts_the_lines_of_daemon_and_nginx_by_the_names_of_the_reference(folder, tmp_path):
    house, port_of_elasticsearch = Household(tmp_path / "house"), free_port()
    with (
        house.daemon() as daemon,
        nginx(folder, daemon.url.removeprefix("http://")) as port,
        rsyslog(folder, port_of_elasticsearch),
    ):
        answer = ask(port, "POST", f"/g/i/{TOKEN}?who=Ada")
        ask(port, "GET", "/gone/")
        (folder / "daemon.log").write_text(daemon.log())
        # What is said while it is away is there once it is back.
        wait_until(lambda: "suspending" in (folder / "rsyslog" / "output").read_text(), 60, "rsyslog waits")
        with elasticsearch(port_of_elasticsearch) as there:
            wait_until(lambda: "request.answered" in there.events(), 90, "the daemon's lines are there")
            wait_until(lambda: len(there.of_nginx()) >= 3, 90, "nginx's lines are there")

    assert {action["create"]["_index"] for action in there.actions} == {"memorycapsule-logs"}
    ids = [action["create"]["_id"] for action in there.actions]
    assert len(set(ids)) == len(ids)
    typed = template_fields()
    assert {field for document in there.documents for field in document} <= typed
    (asked,) = [one for one in there.of_nginx() if one["http.request.method"] == "POST"]
    assert (asked["url.path"], asked["http.response.status_code"]) == ("/g/i/(token)", answer.status_code)
    heard = {one["http.request.id"]: one for one in there.documents if "http.route" in one}
    assert heard[asked["http.request.id"]]["http.route"] == "/g/i/{token}"
    everything = json.dumps(there.documents)
    assert not [one for one in (TOKEN, VISITOR, "Ada", "Grandmother", "ada@") if one in everything]
