"""A daemon with its mail, and people in browsers: every page that they see is inspected."""

import os
import re
import socket
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import uvicorn

from memorycapsule.app import App
from memorycapsule.config import Settings
from memorycapsule.daemon.http.site import make_site
from memorycapsule.work.cluster.dispatcher import LocalDispatcher
from support.cast import Instance, Time, make_context
from support.household import Household
from support.mailservers import MailServer
from support.servers import Daemon, wait_until

HOST = "house.test"
#: Language, width and colour scheme of the views in which every page is inspected.
VIEWS = (("en", 1440, "light"), ("ko", 390, "dark"))


@contextmanager
def served(instance: Instance, clock: Time) -> Iterator[str]:
    """The address of an instance's site, which is served by a thread of the test."""
    app = App(
        settings=Settings(data_dir=instance.folder, key_file=instance.key_file),
        dispatcher=LocalDispatcher(),
        **vars(make_context(instance, clock)),
    )
    server = uvicorn.Server(
        uvicorn.Config(make_site(app, heartbeat_age=lambda: 0.0), port=0, log_level="error")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, 20, "the site answers")
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


class House:
    """A daemon at an address of its own, and the letters that it sends."""

    def __init__(self, folder: Path, server: MailServer) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        self.url = f"http://{HOST}:{port}"
        self.server = server
        self.household = Household(
            folder,
            {
                "CAPSULE_DAEMON__PORT": str(port),
                "CAPSULE_PUBLIC_URL": self.url,
                "CAPSULE_SMTP__HOST": server.host,
                "CAPSULE_SMTP__PORT": str(server.port),
                "CAPSULE_SMTP__SECURITY": "none",
            },
        )
        self.daemon: Daemon = self.household.daemon()

    def cut_the_power(self) -> None:
        self.daemon.kill()
        self.daemon.close()
        self.daemon = self.household.daemon()

    def link(self, address: str, kind: str) -> str:
        """The newest link of a kind that was mailed to an address, as soon as it is there."""

        def newest() -> str | None:
            for received in reversed(self.server.messages):
                if received.recipients == (address,):
                    text = received.message.get_body(("plain",)).get_content()
                    if found := re.search(rf"{re.escape(self.url)}{kind}\S+", text):
                        return found[0]
            return None

        return wait_until(newest, 300, f"a letter with {kind} is at {address}")


class Person:
    """Somebody's browser, with the complaints in its console and the hosts that it sent requests to."""

    def __init__(self, chromium, house: House, *, width: int, language: str, **options) -> None:
        self._chromium, self._house = chromium, house
        self.context = chromium.new_context(
            viewport={"width": width, "height": 844}, locale=language, **options
        )
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        self.expects_cuts = False
        self._record(self.context)
        self._views = [
            (
                language,
                width,
                chromium.new_context(
                    viewport={"width": width, "height": 844},
                    color_scheme=scheme,
                    reduced_motion="reduce",
                ),
            )
            for language, width, scheme in VIEWS
        ]
        for _language, _width, view in self._views:
            self._record(view)
        self.page = self.context.new_page()

    def _record(self, context) -> None:
        def complain(message) -> None:
            is_cut = "net::ERR_" in message.text
            if not (self.expects_cuts and is_cut):
                self.complaints.append(f"{message.location.get('url')}: {message.text}")

        context.on("console", complain)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("request", self._note)

    def _note(self, request) -> None:
        parts = urllib.parse.urlsplit(request.url)
        if parts.scheme not in {"blob", "data"}:
            self.hosts.add(parts.netloc)

    def inspect_in_all_views(self, name: str, address: str | None = None) -> None:
        """Inspect a page in every view, with the cookies of this browser; that changes nothing for its person."""
        address = address or self.page.url
        for language, width, view in self._views:
            view.clear_cookies()
            view.add_cookies(self.context.cookies())
            page = view.new_page()
            base, _, _place = address.partition("#")
            page.goto(f"{base}{'&' if '?' in base else '?'}lang={language}")
            assert page.locator("html").get_attribute("lang") == language
            self.inspect(name, page=page, width=width)
            page.close()

    def inspect(self, name: str, *, page=None, width: int | None = None) -> None:
        """Check the page as it is now: accessible, as wide as the screen, without complaints."""
        from axe_playwright_python.sync_playwright import Axe

        page = page or self.page
        width = width or page.viewport_size["width"]
        if folder := os.environ.get("CAPSULE_TEST_SHOTS"):
            language = page.locator("html").get_attribute("lang")
            page.screenshot(path=Path(folder) / f"{name}-{language}-{width}.png", full_page=True)
        found = Axe().run(page)
        assert found.violations_count == 0, f"{name}: {found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert self.complaints == [], f"{name}: {self.complaints}"

    def move_to(self, context) -> None:
        """Go on in another browser of the same person."""
        self.page.close()
        self.context.close()
        self.context, self.page = context, context.new_page()
        self._record(context)

    def request(self, method: str, path: str) -> httpx.Response:
        """Send a request outside of the page, with the cookies of the browser."""
        cookies = "; ".join(f"{one['name']}={one['value']}" for one in self.context.cookies())
        house = urllib.parse.urlsplit(self._house.url)
        return httpx.request(
            method,
            f"http://127.0.0.1:{house.port}{path}",
            headers={"host": house.netloc, "cookie": cookies},
            timeout=60,
        )

    def press(self, name: str, *, role: str = "button") -> None:
        self.page.locator("main").get_by_role(role, name=name).first.click()

    def close(self) -> None:
        for context in (self.context, *(view for _language, _width, view in self._views)):
            context.close()


class Visitor:
    """
    A member's browser, and all that it asked for and complained of.

    `home` has a `url`, and a `capsule(theme, language)` that returns the id of a capsule and a session of its member.
    """

    def __init__(self, chromium, home, theme: str, language: str, **options) -> None:
        self.capsule, token = home.capsule(theme, options.pop("of", language))
        self.home = home.url
        self.context = chromium.new_context(locale=language, **options)
        self.context.add_cookies([{"name": "capsule", "value": token, "url": home.url}])
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.hosts.add(urllib.parse.urlsplit(request.url).netloc))

    def go(self, more: str = "/photos") -> None:
        self.page.goto(f"{self.home}/g/c/{self.capsule}{more}")

    def check_manners(self) -> None:
        assert self.complaints == []
        assert self.hosts == {urllib.parse.urlsplit(self.home).netloc}

    def check_access(self) -> None:
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page)
        assert found.violations_count == 0, found.generate_report()
