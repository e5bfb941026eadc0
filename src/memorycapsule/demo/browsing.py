"""What people of the demo do outside the command line: they open letters, follow links, and look at a film."""

from __future__ import annotations

import email
import email.message
import email.policy
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memorycapsule import processes
from memorycapsule.errors import CapsuleError

#: How long a page may take, in seconds: the machine may be busy.
_PAGE_SECONDS = 600


class StageFailed(CapsuleError):
    """A stage of the demo did not show what it should."""

    code = "demo_failed"


@dataclass(frozen=True, kw_only=True)
class PageAnswer:
    status: int
    url: str
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")


def get(
    url: str,
    browser: urllib.request.OpenerDirector | None = None,
    *,
    data: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> PageAnswer:
    origin = "/".join(url.split("/")[:3])
    request = urllib.request.Request(url, data=data, headers={"Origin": origin, **(headers or {})})  # noqa: S310 - ours
    try:
        with (browser or urllib.request.build_opener()).open(request, timeout=_PAGE_SECONDS) as answer:
            return PageAnswer(status=answer.status, url=answer.url, body=answer.read())
    except urllib.error.HTTPError as error:
        return PageAnswer(status=error.code, url=url, body=error.read())


def letter_of(path: Path) -> email.message.EmailMessage:
    return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)


def is_to(path: Path, address: str) -> bool:
    return address in str(letter_of(path)["To"])


def link_in(letter: email.message.EmailMessage) -> str:
    text = letter.get_body(("plain",))
    assert text is not None
    found = re.search(r"https?://\S+/g/[io]/[\w-]+", text.get_content())
    if found is None:
        raise StageFailed("demo_letter_without_link")
    return found[0]


def probe_film(film: Path) -> dict[str, Any]:
    """Return codecs, size and rate of a film, as ffmpeg reports them."""
    done = processes.run([processes.ffmpeg_path(), "-hide_banner", "-i", str(film)])
    report = done.stderr.decode(errors="replace")
    video = re.search(r"Video: (\w+).*?(\d{3,5}x\d{3,5}).*?([\d.]+) fps", report)
    audio = re.search(r"Audio: (\w+)", report)
    if not video or not audio:
        raise StageFailed("demo_film_empty")
    return {"video": video[1], "size": video[2], "fps": float(video[3]), "audio": audio[1]}
