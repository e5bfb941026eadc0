"""The browser in which pages are looked at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support import leaks
from support.servers import is_missing

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="module")
def chromium() -> Iterator:
    try:
        import axe_playwright_python  # noqa: F401 - only whether it is there
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        is_missing("No browser tests here: playwright and axe-playwright-python are not installed.")
    if not CHROMIUM.exists():
        is_missing("No browser tests here: /usr/bin/chromium is not installed.")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=str(CHROMIUM),
                args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
            )
        except Error as error:
            is_missing(f"No browser tests here: Chromium does not start ({error.message.splitlines()[0]}).")
        make_context = browser.new_context

        def new_context(**options):
            """Have taken down what people send by the pages."""
            context = make_context(**options)
            context.on(
                "request",
                lambda request: leaks.put_in_request(request.headers, request.post_data_buffer or b""),
            )
            return context

        browser.new_context = new_context
        yield browser
        browser.close()
