"""The daemon behind real nginx and Caddy, set up by the very files that people copy."""

import base64
import contextlib
import json
import os
import re
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from support.cast import make_photo
from support.distant import distantly
from support.household import Household
from support.mailservers import make_certificate
from support.proxies import INNER, Way, proxy
from support.servers import Daemon, free_port, wait_until

PREFIX = "/capsule"
PARTS = {"tus-resumable": "1.0.0", "content-type": "application/offset+octet-stream"}
#: nginx takes bodies of 1 MB unless told otherwise.
PART = 2_000_000


WAYS = {
    "nginx": Way("nginx", "nginx.conf"),
    "nginx in a container": Way("nginx", "containers/nginx.conf", change=("capsule:8484", INNER)),
    "nginx at a path": Way("nginx", "nginx-subpath.conf", PREFIX),
    "nginx that takes the path away": Way(
        "nginx", "nginx-subpath.conf", PREFIX, (f"http://{INNER};", f"http://{INNER}/;")
    ),
    "caddy": Way("caddy", "Caddyfile"),
    "caddy at a path": Way("caddy", "Caddyfile", PREFIX, ("\thandle {", "\thandle /capsule/* {")),
    "caddy that takes the path away": Way(
        "caddy", "Caddyfile", PREFIX, ("\thandle {", "\thandle_path /capsule/* {")
    ),
}


@dataclass
class House:
    """An instance with a capsule that waits and one that has been opened, and the certificate of its host."""

    household: Household
    certificate: Path
    sealed: str
    opened: str
    letter: str
    guests: int = 0

    @contextlib.contextmanager
    def behind(self, way: Way, *, change: Callable[[str], str] = str, **environment: str) -> Iterator["Site"]:
        port = free_port()
        public = f"https://localhost:{port}{way.prefix}"
        variables = self.household.environment | {"CAPSULE_PUBLIC_URL": public} | environment
        with Daemon(variables) as daemon:
            text = change(way.settings(urlsplit(daemon.url).netloc))
            with proxy(way.program, text, port, self.certificate):
                yield Site(self, daemon, public, way.prefix, is_nginx=way.program == "nginx")


@dataclass
class Site:
    house: House
    daemon: Daemon
    #: The address as guests know it, and the path in it.
    public: str
    prefix: str
    is_nginx: bool

    def browser(self, address: str = "127.0.0.1", base_url: str = "", **headers: str) -> httpx.Client:
        """A browser on a machine of its own: every address in 127.0.0.0/8 is ours."""
        trusted = ssl.create_default_context(cafile=self.house.certificate)
        transport = httpx.HTTPTransport(verify=trusted, local_address=address)
        return httpx.Client(
            transport=transport, base_url=base_url or self.public, headers=headers, timeout=60
        )

    def invite(self) -> str:
        """A new guest's invitation, as it stands in the letter."""
        self.house.guests += 1
        household = self.house.household
        before = household.environment
        household.environment = before | {"CAPSULE_PUBLIC_URL": self.public}
        try:
            said = household.run("invite", self.house.sealed, f"guest{self.house.guests}@example.org")
        finally:
            household.environment = before
        return said["invitations"][0]["url"]


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> House:
    folder = tmp_path_factory.mktemp("house")
    household = Household(folder / "household")
    opened = household.capsule(opens_in=timedelta(hours=-1))
    with household.daemon() as daemon:
        household.wait_for_film(opened, "ready", deadline_seconds=180)
        wait_until(lambda: len(household.letters("/g/o/")) == 2, 60, "the letters are there")
        assert daemon.terminate() == 0
    return House(
        household=household,
        certificate=make_certificate(folder),
        sealed=household.capsule(opens_in=timedelta(days=1000), photos=1),
        opened=opened,
        letter=urlsplit(household.letters("/g/o/")["ben@example.org"][0]).path,
    )


def at_home_only(text: str) -> str:
    """Take the # away where the samples say so."""
    return re.sub(r"^(\s*)#(?=[^\s#]|\t)", r"\1", text, flags=re.MULTILINE).replace(
        "        #    ", "            "
    )


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_everything_works_behind_a_proxy(house, way):
    with house.behind(way) as site, site.browser() as visitor:
        _pages_and_their_files(site, visitor)
        _nobody_elses_page_acts_for_us(site, visitor)
        _a_guest_joins_and_puts_a_photo_in(site)
        _an_opened_capsule_is_watched(site)
        _guessing_is_slowed_down_for_each_visitor(site)


def _pages_and_their_files(site: Site, visitor: httpx.Client) -> None:
    page = visitor.get("/sign-in")
    assert page.status_code == 200
    links = re.findall(r'(?:href|src|action)="(/[^"]*)"', page.text)
    assert links
    assert all(link.startswith(f"{site.prefix}/") for link in links), links
    (style, *_) = [link for link in links if ".css" in link]
    sheet = visitor.get(site.public.removesuffix(site.prefix) + style)
    assert (sheet.status_code, sheet.headers["content-type"].split(";")[0]) == (200, "text/css")
    assert "immutable" in sheet.headers["cache-control"]

    # Who is not signed in is led to the sign-in page of the public address, and back.
    led = visitor.get("/account")
    assert led.status_code == 303
    assert urlsplit(str(led.next_request.url)).netloc == urlsplit(site.public).netloc
    assert led.next_request.url.path == f"{site.prefix}/sign-in"
    if site.is_nginx and site.prefix:
        bare = visitor.get(site.public)
        assert bare.headers["location"] == f"{site.public}/"


def _nobody_elses_page_acts_for_us(site: Site, visitor: httpx.Client) -> None:
    own = site.public.removesuffix(site.prefix)
    form = {"address": "no address"}
    for foreign in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site", "origin": own}):
        assert visitor.post("/sign-in", data=form, headers=foreign).status_code == 403
    assert visitor.post("/sign-in", data=form, headers={"origin": own}).status_code == 422


def _a_guest_joins_and_puts_a_photo_in(site: Site) -> None:
    with site.browser() as guest:
        link = site.invite()
        assert link.startswith(f"{site.public}/g/i/")
        joined = guest.post(link, data={"name": "Cleo"})
        assert joined.status_code == 303
        assert joined.next_request.url == f"{site.public}/g/c/{site.house.sealed}/add"
        (given,) = joined.headers.get_list("set-cookie")
        name, *attributes = given.split("; ")
        assert name.startswith("capsule=" if site.prefix else "__Host-capsule=")
        assert {f"Path={site.prefix or '/'}", "HttpOnly", "Secure"} <= set(attributes)
        assert "Cleo" in guest.send(joined.next_request).text

        begun = guest.post(
            f"/g/c/{site.house.sealed}/add", files={"title": (None, "Pier"), "text": (None, "Until dark.")}
        )
        assert begun.status_code == 303
        story = re.search(r"/stories/([0-9a-f-]{36})", guest.get(f"/g/c/{site.house.sealed}").text)[1]
        content = make_photo(width=1200, height=900) + os.urandom(2 * PART + 500_000)
        said = {"filename": "pier.jpg", "story": story}
        metadata = ",".join(
            f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in said.items()
        )
        upload = guest.post(
            "/g/u",
            headers=PARTS | {"upload-length": str(len(content)), "upload-metadata": metadata},
        )
        assert upload.status_code == 201, upload.text
        address = site.public.removesuffix(site.prefix) + upload.headers["location"]
        for start in range(0, len(content), PART):
            piece = content[start : start + PART]
            kept = guest.patch(address, content=piece, headers=PARTS | {"upload-offset": str(start)})
            assert (kept.status_code, kept.headers["upload-offset"]) == (204, str(start + len(piece)))
            state = wait_until(
                lambda: (told := guest.get(address).json())["stage"] != "waiting" and told, 60, "looked at"
            )
        assert state["stage"] == "kept", state
        medium = state["medium"]
        assert guest.get(f"/g/m/{medium}/original").content == content


def _an_opened_capsule_is_watched(site: Site) -> None:
    with site.browser() as guest:
        inside = guest.post(site.house.letter, follow_redirects=True)
        assert inside.status_code == 200
        assert str(inside.url).startswith(f"{site.public}/g/c/{site.house.opened}")
        film = re.search(
            r'"(/[^"]*/g/f/[^"]+|/g/f/[^"]+)"', guest.get(f"/g/c/{site.house.opened}/film").text
        )[1]
        film = site.public.removesuffix(site.prefix) + film
        whole = guest.get(film)
        part = guest.get(film, headers={"range": "bytes=100-199"})
        assert (part.status_code, part.content) == (206, whole.content[100:200])
        assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"


def _guessing_is_slowed_down_for_each_visitor(site: Site) -> None:
    def try_on(browser: httpx.Client) -> list[int]:
        with browser:
            return [
                browser.post(
                    "/sign-in", data={"address": "?"}, headers={"x-forwarded-for": f"203.0.113.{number}"}
                ).status_code
                for number in range(14)
            ]

    guessing = try_on(site.browser("127.0.0.2"))
    assert guessing[:10] == [422] * 10
    assert guessing[-1] == 429
    with site.browser("127.0.0.3") as another:
        assert another.post("/sign-in", data={"address": "?"}).status_code == 422
    # Past the proxy, whoever is no trusted one is believed nothing.
    assert try_on(site.browser("127.0.0.4", site.daemon.url))[-1] == 429


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nginx at a path", "nginx that takes the path away"])
def test_a_command_elsewhere_puts_photos_in_at_a_path(house, name, tmp_path):
    photo = tmp_path / "pier.jpg"
    photo.write_bytes(make_photo(width=1200, height=900) + os.urandom(6_000_000))
    with house.behind(WAYS[name]) as site:
        token = site.invite().rpartition("/")[2]
        joined = house.household.run("join", token, "--name", "Mina")["token"]
        words = ("story", "add", house.sealed, "--title", "Pier", photo)
        said = distantly(site.public, joined, *words, home=tmp_path, SSL_CERT_FILE=str(house.certificate))

    assert said.returncode == 0, said.stderr
    assert [one["bytes"] for one in json.loads(said.stdout)["media"]] == [photo.stat().st_size]


@pytest.mark.slow
def test_a_proxy_that_is_not_trusted_speaks_for_nobody(house):
    with house.behind(WAYS["nginx"], CAPSULE_DAEMON__TRUSTED_PROXIES="192.0.2.1") as site:
        statuses = []
        for number in range(2, 16):
            with site.browser(f"127.0.0.{number}") as visitor:
                statuses.append(visitor.post("/sign-in", data={"address": "?"}).status_code)
        assert statuses[-1] == 429


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["nginx", "nginx at a path", "caddy", "caddy at a path", "caddy that takes the path away"]
)
def test_only_what_guests_need_can_be_published(house, name):
    with house.behind(WAYS[name], change=at_home_only) as site, site.browser() as visitor:
        assert visitor.get("/sign-in").status_code == 403
        assert visitor.get("/").status_code == 403
        assert visitor.get("/api/v1/capsules").status_code == 403
        assert visitor.get("/healthz").status_code == 403
        _a_guest_joins_and_puts_a_photo_in(site)
        _an_opened_capsule_is_watched(site)
