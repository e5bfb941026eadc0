"""S3 servers on 127.0.0.1 for tests, of two code bases, installed apart from the program."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
import venv
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Self

from memorycapsule.media.storage.bucket import BucketAccess, BucketBlobs
from support.servers import is_missing, wait_until

REQUIREMENTS = Path(__file__).parents[2] / "requirements"
BUCKET = "family"


@cache
def moto() -> Path:
    """Return the program of moto, a Python library that answers like Amazon's services."""
    lock = REQUIREMENTS / "s3_servers.lock"

    def install(folder: Path) -> list[Path | str]:
        venv.create(folder, with_pip=True)
        return [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--require-hashes", "-r", lock]

    return _installed("moto", [lock], install) / "bin" / "moto_server"


@cache
def s3rver() -> Path:
    """Return the program of s3rver, which is written in JavaScript and keeps objects in files."""
    if shutil.which("npm") is None:
        is_missing("There is no npm, which installs s3rver.")
    files = [REQUIREMENTS / "s3rver" / name for name in ("package.json", "package-lock.json")]

    def install(folder: Path) -> list[Path | str]:
        folder.mkdir()
        for file in files:
            shutil.copy(file, folder)
        return ["npm", "ci", "--silent", "--ignore-scripts", "--prefix", folder]

    return _installed("s3rver", files, install) / "node_modules" / ".bin" / "s3rver"


def _installed(name: str, locks: list[Path], install: Callable[[Path], list[Path | str]]) -> Path:
    """Return a folder into which the command of `install` has put something, once for each content of its locks."""
    # Tests have a home of their own each, but one environment.
    digest = hashlib.sha256(b"".join(lock.read_bytes() for lock in locks)).hexdigest()[:16]
    folder = Path(sys.prefix) / "s3-servers" / f"{name}-{digest}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several workers of one test run come here at once
        if not (folder / "whole").exists():
            shutil.rmtree(folder, ignore_errors=True)
            done = subprocess.run(install(folder), capture_output=True, text=True, check=False)
            if done.returncode:
                is_missing(f"{name} cannot be installed: {done.stderr[-300:]}")
            (folder / "whole").touch()
    return folder


class S3Server:
    """A server with one empty bucket, `family`; `name` is "moto" or "s3rver"."""

    #: The only ones that s3rver knows; moto takes any.
    access_key_id = secret_access_key = "S3RVER"

    def __init__(self, name: str, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        self.endpoint = f"http://127.0.0.1:{port}"
        command = {
            "moto": lambda: [moto(), "-H", "127.0.0.1", "-p", port],
            "s3rver": lambda: [
                s3rver(), "--address", "127.0.0.1", "--port", port, "--directory", folder, "--silent",
                "--configure-bucket", BUCKET,
            ],
        }[name]()  # fmt: skip
        with (folder / "output").open("wb") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=folder)
        try:
            wait_until(self._answers, 60, f"{name} answers")
            if name == "moto":
                self._ask("PUT", f"/{BUCKET}")
        except BaseException:
            self.close()
            raise

    def stop(self) -> None:
        """Have the server answer nothing any more, though its port stays taken."""
        self._process.terminate()
        self._process.wait()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _answers(self) -> bool:
        assert self._process.poll() is None, "the server has ended"
        try:
            self._ask("GET", "/")
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def _ask(self, method: str, path: str) -> None:
        request = urllib.request.Request(f"{self.endpoint}{path}", method=method)
        with urllib.request.urlopen(request, timeout=5) as answer:
            answer.read()


def bucket_blobs(
    server: S3Server, folder: Path, prefix: str, *, bucket: str = BUCKET, endpoint: str | None = None
) -> BucketBlobs:
    """Return what keeps blobs below a prefix of a bucket; its lock lies in `folder`."""
    access = BucketAccess(
        bucket=bucket,
        prefix=prefix,
        endpoint=endpoint or server.endpoint,
        region="us-east-1",
        access_key_id=server.access_key_id,
        secret_access_key=server.secret_access_key,
    )
    return BucketBlobs(access, lock=folder / "blobs.lock")
