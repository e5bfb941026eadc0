"""Slack, ntfy and a webhook, while the daemon does what it is there for: receivers that hang and break off delay nothing."""

import base64
import json
import re
import threading
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


def states(home: Household) -> set[tuple[str, str, str]]:
    """Road, type and state of each notification."""
    told = home.run("notify", "outbox")["notifications"]
    return {(one["road"], one["type"], one["state"]) for one in told}


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
            assert ("webhook", "capsule.opened", "sent") in states(home)
            assert ("ntfy", "capsule.opened", "queued") in states(home)
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


def failed_and_sent(daemon, road: str) -> list[datetime]:
    """When it logged that a try by a road failed, or that messages left by it."""
    lines = [json.loads(line) for line in daemon.log().splitlines() if line.startswith("{")]
    told = {"notification.failed", "notifications.sent"}
    return [
        datetime.fromisoformat(line["@timestamp"])
        for line in lines
        if line["message"] in told and line["capsule.road"] == road
    ]


@pytest.mark.nightly
def test_what_a_receiver_missed_that_hung_for_ten_minutes_reaches_it_once_each_when_it_is_back(tmp_path):
    with Receiver() as webhook, Receiver() as ntfy:
        home = household(tmp_path, webhook=webhook, ntfy=ntfy)
        # What happens from now on is told.
        home.run("notify", "test")
        webhook.answer = HANG
        recovery = threading.Timer(600, setattr, (webhook, "answer", 200))
        with home.daemon() as daemon:
            try:
                opening = home.capsule(opens_in=timedelta(seconds=4), photos=0)
                wait_until(lambda: len(webhook.posted) == 2, 60, "it hangs")
                recovery.start()
                sealed = home.capsule(
                    opens_in=timedelta(days=1000), photos=0, more_stories=["Rain", "Fog", "Hail"]
                )
                wait_until(lambda: home.state(opening) == "open", 60, "it is open")
                wait_until(
                    lambda: (
                        ("ntfy", "capsule.opened", "sent") in states(home)
                        and ("webhook", "capsule.opened", "queued") in states(home)
                    ),
                    60,
                    "the other road has told of it",
                )
                assert len(webhook.posted) == 2

                wait_until(lambda: len(webhook.posted) == 3, 420, "it is tried again")
                hung = webhook.posted[1:]
                assert is_genuine()(SECRET, hung[-1].headers, hung[-1].body)
                assert recovery.is_alive()

                wait_until(lambda: len(webhook.posted) > 3, 900, "it is tried when it is back")
                wait_until(
                    lambda: ("webhook", "queued") not in {one[::2] for one in states(home)}, 60, "all left"
                )
                taken = webhook.posted[3:]
                assert all(is_genuine()(SECRET, one.headers, one.body) for one in taken)
                first, second, back = failed_and_sent(daemon, "webhook")
            finally:
                recovery.cancel()

    assert second - first >= timedelta(minutes=5)
    assert back - second >= timedelta(minutes=10)
    ids = [one.headers["webhook-id"] for one in taken]
    assert len(set(ids)) == len(ids)
    assert {one.headers["webhook-id"] for one in hung} <= set(ids)
    of_sealed = [one.json for one in taken if (one.json["data"]["capsule"] or {}).get("id") == sealed]
    assert [(one["type"], one["data"]["count"]) for one in of_sealed if "stories" in one["type"]] == [
        ("stories.added", 4)
    ]
