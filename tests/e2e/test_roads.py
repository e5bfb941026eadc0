"""Slack, ntfy and a webhook, while the daemon does what it is there for: receivers that hang and break off delay nothing."""

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.household import Household
from support.receivers import HANG, RESET, Receiver
from support.servers import wait_until

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
DOCUMENT = Path(__file__).parents[2] / "docs" / "en" / "notifications.md"


def is_genuine():
    (code,) = re.findall(r"^```python\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    names: dict = {}
    exec(code, names)
    return names["is_genuine"]


def household(tmp_path, **receivers: Receiver) -> Household:
    """An instance whose roads lead to these receivers, and which gathers no stories."""
    found = Household(tmp_path / "household")
    found.environment |= {
        f"CAPSULE_NOTIFY__{road.upper()}_URL": f"{receiver.url}/secret-path"
        for road, receiver in receivers.items()
    }
    found.environment |= {"CAPSULE_NOTIFY__GATHER_MINUTES": "0", "CAPSULE_LOG_FORMAT": "json"}
    if "webhook" in receivers:
        found.environment["CAPSULE_NOTIFY__WEBHOOK_SECRET"] = SECRET
    return found


@pytest.mark.slow
def test_a_capsule_opens_at_its_date_while_one_receiver_hangs_and_another_breaks_off(tmp_path):
    with Receiver(HANG) as slack, Receiver(RESET) as ntfy, Receiver() as webhook:
        home = household(tmp_path, slack=slack, ntfy=ntfy, webhook=webhook)
        with home.daemon() as daemon:
            wait_until(lambda: home.run("notify", "outbox")["notifications"] == [], 30, "it works")
            capsule = home.capsule(opens_in=timedelta(seconds=4))
            wait_until(lambda: slack.posted and ntfy.posted, 60, "both were tried")
            wait_until(lambda: home.state(capsule) == "open", 60, "it is open")
            home.wait_for_film(capsule, "ready")
            wait_until(lambda: len(home.letters("/g/o/")) == 2, 60, "the letters are there")
            types = lambda: [one.json["type"] for one in webhook.posted]  # noqa: E731
            wait_until(lambda: "capsule.opened" in types(), 30, "the webhook has heard of it")

            shown = home.run("show", capsule)["capsule"]
            assert datetime.fromisoformat(shown["opened_at"]) >= datetime.fromisoformat(shown["opens_at"])
            for one in webhook.posted:
                assert is_genuine()(SECRET, one.headers, one.body)
                assert "Ben" not in one.body.decode()
                assert "pier" not in one.body.decode()
            waiting = {
                (one["road"], one["type"], one["state"])
                for one in home.run("notify", "outbox")["notifications"]
            }
            assert ("webhook", "capsule.opened", "sent") in waiting
            assert ("ntfy", "capsule.opened", "queued") in waiting
            assert daemon.terminate() == 0
            assert "secret-path" not in daemon.output()
            assert SECRET not in daemon.output()


@pytest.mark.slow
def test_a_test_says_of_each_road_what_came_of_it(tmp_path):
    with Receiver(500) as slack, Receiver() as ntfy, Receiver() as webhook:
        home = household(tmp_path, slack=slack, ntfy=ntfy, webhook=webhook)
        done = home.ask("notify", "test")
        slack.answer = 404
        none = household(tmp_path / "none", slack=slack).ask("notify", "test")

    assert done.returncode == 5
    roads = {one["road"]: one for one in json.loads(done.stdout)["roads"]}
    assert {road: one["is_taken"] for road, one in roads.items()} == {
        "slack": False, "ntfy": True, "webhook": True,
    }  # fmt: skip
    assert roads["slack"]["detail"] == "The receiver answered with status 500."
    assert ntfy.posted[0].json["topic"] == "secret-path"
    assert webhook.posted[0].json["type"] == "test"
    assert datetime.fromisoformat(webhook.posted[0].json["timestamp"]) <= datetime.now(UTC)
    assert none.returncode == 7
    assert "secret-path" not in done.stdout + done.stderr + none.stdout + none.stderr
