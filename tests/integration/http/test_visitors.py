"""What visitors get who read no page: robots, browsers that look for an icon, and those that try on and on."""

import configparser
import re
from pathlib import Path

import pytest

FILTER = Path(__file__).parents[3] / "deploy" / "fail2ban" / "memory-capsule-filter.conf"


def test_robots_are_asked_to_read_nothing(lasting_scene):
    answer = lasting_scene.browser().get("/robots.txt")

    assert answer.text == "User-agent: *\nDisallow: /\n"
    assert answer.headers["content-type"].startswith("text/plain")


def test_a_browser_that_looks_for_an_icon_gets_the_mark(lasting_scene):
    answer = lasting_scene.browser().get("/favicon.ico")

    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert answer.text.startswith("<svg")


@pytest.mark.parametrize(("status", "counts"), [(401, True), (404, True), (429, True), (200, False)])
def test_the_filter_of_fail2ban_counts_refusals_alone(status, counts):
    """fail2ban takes the instant out of a line before it looks; `<HOST>` stands for an address."""
    read = configparser.RawConfigParser()
    read.read(FILTER)
    pattern = read["Definition"]["failregex"].replace("<HOST>", r"(?P<host>\S+)")
    found = re.search(pattern, f"2001:db8::1  {status}")

    assert bool(found) is counts
