"""Browsers and devices have the names that people know them by."""

import pytest

from memorycapsule.daemon.http.protocol.user_agents import device_name


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("Mozilla/5.0 (Android 14; Mobile; rv:130.0) Gecko/130.0 Firefox/130.0", "Firefox on Android"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Mobile/15E148 Safari/604.1",
            "Safari on iPhone",
        ),
        (
            "Mozilla/5.0 (Linux; Android 13; SM-S901B) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
            "Samsung Internet on Android",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/128.0.0.0 Safari/537.36 Edg/128.0.0.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/128.0.0.0 Safari/537.36",
            "Chrome on Mac",
        ),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:130.0)", "Linux"),
        ("curl/8.9.1", ""),
        ("x" * 1_000_000 + "Firefox/1", ""),
    ],
)
def test_browser_and_device_are_named(said, words):
    assert device_name(said) == words
