"""Real nginx and Caddy on loopback, set up by the very files that people copy."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from support.household import Household
from support.servers import Daemon, free_port, is_missing, wait_until

DEPLOY = Path(__file__).parents[2] / "deploy"
#: What a daemon is at in the sample files.
INNER = "127.0.0.1:8484"


@dataclass(frozen=True)
class Way:
    """A proxy, the sample file it is set up by, and what people change in it."""

    program: str
    sample: str
    prefix: str = ""
    change: tuple[str, str] = ("", "")

    def settings(self, inner: str) -> str:
        text = (DEPLOY / self.sample).read_text()
        old, new = self.change
        assert old in text
        text = text.replace(old, new) if old else text
        assert INNER in text
        return text.replace(INNER, inner)


#: A tunnel as one rents it, in front of a daemon that knows nothing of it.
_TUNNEL = """
log_format bodies "$request_method $request_length $status";
server {
    listen 127.0.0.1:%(port)d;
    client_max_body_size %(most_bytes)d;
    access_log %(log)s bodies;
    location / {
        proxy_pass %(inner)s;
        proxy_set_header Host $http_host;
    }
}
"""


@dataclass(frozen=True)
class Tunnel:
    """What has come through a tunnel that refuses large bodies."""

    url: str
    #: What it leads to.
    inner: str
    _log: Path

    @property
    def requests(self) -> list[tuple[str, int, int]]:
        """The method, the length in bytes with its head, and the status of each request."""
        lines = (line.split() for line in self._log.read_text().splitlines())
        return [(method, int(length), int(status)) for method, length, status in lines]


@contextlib.contextmanager
def tunnel(folder: Path, household: Household, *, most_bytes: int) -> Iterator[Tunnel]:
    """Run a daemon whose public address is that of an nginx which takes no body of more than `most_bytes`."""
    port = free_port()
    with (
        Daemon(household.environment | {"CAPSULE_PUBLIC_URL": f"http://127.0.0.1:{port}"}) as daemon,
        tunnel_to(daemon.url, folder, port, most_bytes=most_bytes) as line,
    ):
        yield line


@contextlib.contextmanager
def tunnel_to(inner: str, folder: Path, port: int, *, most_bytes: int) -> Iterator[Tunnel]:
    """Run that nginx alone, in front of what answers at `inner`."""
    log = folder / f"bodies-{port}"
    text = _TUNNEL % {"port": port, "most_bytes": most_bytes, "log": log, "inner": inner}
    with proxy("nginx", text, port):
        yield Tunnel(f"http://127.0.0.1:{port}", inner, log)


@contextlib.contextmanager
def proxy(program: str, text: str, port: int, certificate: Path | None = None) -> Iterator[None]:
    """Run a proxy on a port of loopback in a folder of its own; nothing but names and places is changed in `text`."""
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        is_missing(f"No {program} here, which this test puts in front of the daemon.")
    with tempfile.TemporaryDirectory(prefix="capsule-proxy-") as name:
        folder = Path(name)
        settings = folder / "settings"
        log = folder / "log"
        if program == "nginx":
            settings.write_text(_for_nginx(text, port, certificate, folder))
            command = [found, "-e", str(log), "-p", name, "-c", str(settings)]
        else:
            settings.write_text(_for_caddy(text, port, certificate, folder))
            command = [found, "run", "--adapter", "caddyfile", "--config", str(settings)]
        with log.open("wb") as said:
            process = subprocess.Popen(
                command, env={**os.environ, "HOME": name}, stdin=subprocess.DEVNULL, stdout=said, stderr=said
            )
        try:
            wait_until(lambda: _answers(process, port), 30, f"{program} listens")
            yield
        except BaseException as error:
            error.add_note(f"{program} said:\n{log.read_text(errors='replace')[-5000:]}")
            raise
        finally:
            process.kill()
            process.wait(timeout=30)


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    assert process.poll() is None, "the proxy ended before it listened"
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


def _for_nginx(text: str, port: int, certificate: Path | None, folder: Path) -> str:
    text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;")
    text = text.replace("listen 80;", f"listen unix:{folder}/plain;")
    text = text.replace("listen 8081;", f"listen unix:{folder}/status;")
    text = re.sub(r"(ssl_certificate(?:_key)?) \S+;", rf"\1 {certificate};", text)
    text = re.sub(r"server_name \S+;", "server_name localhost;", text)
    places = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{place}_temp_path {folder}/{place};\n" for place in places)
    return (
        f"daemon off;\nmaster_process off;\npid {folder}/pid;\nevents {{}}\nhttp {{\n"
        f"access_log {folder}/access;\n{temporary}{text}\n}}\n"
    )


def _for_caddy(text: str, port: int, certificate: Path | None, folder: Path) -> str:
    here = f"https://localhost:{port} {{\n\ttls {certificate} {certificate}\n"
    text = text.replace("photos.example.org {\n", here)
    assert here in text
    everywhere = "admin off\nauto_https disable_redirects\ndefault_bind 127.0.0.1"
    return f"{{\n{everywhere}\nstorage file_system {folder}\n}}\n{text}"
