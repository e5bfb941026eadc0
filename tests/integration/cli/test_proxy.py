"""What `capsule proxy` prints is what the samples hold, for the address of guests and the port there are."""

from pathlib import Path

import pytest

from memorycapsule.cli.commands.proxy import SAMPLE_UPSTREAM, SAMPLE_URLS, proxy_text

DEPLOY = Path(__file__).parents[3] / "deploy"


@pytest.mark.parametrize("sample", SAMPLE_URLS)
def test_the_samples_are_what_is_printed_for_their_addresses(sample):
    """`tests/e2e/test_proxies.py` tries them with the real programs."""
    program, url = SAMPLE_URLS[sample]

    assert (DEPLOY / sample).read_text() == proxy_text(program, url, SAMPLE_UPSTREAM)


def test_a_proxy_is_told_the_address_and_port_of_this_instance(initialised, monkeypatch):
    monkeypatch.setenv("CAPSULE_PUBLIC_URL", "http://photos.home.test:8080")
    monkeypatch.setenv("CAPSULE_DAEMON__PORT", "9000")
    nginx, caddy = initialised("proxy", "nginx"), initialised("proxy", "caddy", "--json")

    assert "listen 8080;\n    server_name photos.home.test;\n" in nginx.out
    assert "proxy_pass http://127.0.0.1:9000;" in nginx.out
    assert "ssl" not in nginx.out
    assert "\nhttp://photos.home.test:8080 {\n" in caddy.json["proxy"]["text"]
    assert caddy.json["proxy"]["upstream"] == "127.0.0.1:9000"


def test_without_an_address_of_guests_there_is_nothing_to_tell_a_proxy(initialised):
    assert initialised("proxy", "nginx").code == 7
    assert initialised("proxy", "apache").code == 2
