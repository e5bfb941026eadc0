"""A message as Slack, ntfy and a webhook get it."""

import base64
import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from memorycapsule.domain.notices import NoticeKind
from memorycapsule.domain.roads.notifications import NotificationKind, type_of
from memorycapsule.domain.roads.webhook_secrets import secret_bytes
from memorycapsule.errors import UsageProblem
from memorycapsule.notify.messages import Message
from memorycapsule.notify.requests import ntfy_request, slack_request, webhook_request

DOCUMENT = Path(__file__).parents[3] / "docs" / "en" / "notifications.md"
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
MESSAGE = Message(
    id="0b1f7a06-5f0e-4f0c-9c39-0b6a3c6f4d11",
    type="stories.added",
    happened_at=datetime(2036, 5, 8, tzinfo=UTC),
    capsule_id="7f",
    title="바다 & <!channel>",
    count=3,
    heading="MemoryCapsule",
    text="“바다 & <!channel>”: 3 stories were added.",
    is_grave=False,
)


def is_genuine():
    """The lines of the document that tell whether a message is genuine."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    assert len([line for line in code.splitlines() if line]) <= 10
    names: dict = {}
    exec(code, names)
    return names["is_genuine"]


def signed_now():
    return webhook_request(
        "https://example.org/hook", MESSAGE, secret=SECRET, now=datetime.fromtimestamp(time.time(), UTC)
    )


def test_slack_reads_no_markup_and_calls_nobody():
    request = slack_request("https://hooks.slack.com/services/T/B/x", MESSAGE)

    assert request.url == "https://hooks.slack.com/services/T/B/x"
    assert json.loads(request.body) == {
        "text": "MemoryCapsule: “바다 &amp; &lt;!channel&gt;”: 3 stories were added.",
        "mrkdwn": False,
    }


def test_ntfy_gets_the_topic_apart_from_its_server():
    request = ntfy_request("https://ntfy.example.org/secret-name", MESSAGE, token="tk_1")

    assert request.url == "https://ntfy.example.org/"
    assert request.headers["authorization"] == "Bearer tk_1"
    assert json.loads(request.body) == {
        "topic": "secret-name",
        "title": "MemoryCapsule",
        "message": MESSAGE.text,
        "priority": 3,
    }
    assert "authorization" not in ntfy_request("https://ntfy.sh/x", MESSAGE, token=None).headers


def test_a_webhook_gets_what_the_document_says():
    request = signed_now()

    assert json.loads(request.body) == {
        "type": "stories.added",
        "timestamp": "2036-05-08T00:00:00Z",
        "data": {"capsule": {"id": "7f", "title": MESSAGE.title}, "count": 3, "text": MESSAGE.text},
    }
    assert request.headers["webhook-id"] == MESSAGE.id


def test_the_ten_lines_of_the_document_know_a_genuine_message():
    request = signed_now()

    assert is_genuine()(SECRET, request.headers, request.body)


@pytest.mark.parametrize("changed", ["body", "id", "timestamp", "secret"])
def test_the_ten_lines_of_the_document_know_a_message_that_is_not(changed):
    request = signed_now()
    headers, body, secret = dict(request.headers), request.body, SECRET
    match changed:
        case "body":
            body = body.replace(b'"count":3', b'"count":4')
        case "secret":
            secret = "whsec_" + base64.b64encode(bytes(32)).decode()
        case _:
            headers[f"webhook-{changed}"] += "1"

    assert not is_genuine()(secret, headers, body)


def test_an_old_message_is_not_taken_for_a_new_one():
    request = webhook_request(
        "https://example.org/hook", MESSAGE, secret=SECRET, now=datetime(2026, 1, 1, tzinfo=UTC)
    )

    assert not is_genuine()(SECRET, request.headers, request.body)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_dG9vIHNob3J0", "whsec_%%%", SECRET[6:]])
def test_a_secret_that_is_none_is_refused(secret):
    with pytest.raises(UsageProblem, match="webhook_secret_unclear"):
        secret_bytes(secret)


def test_neither_address_nor_body_stands_in_what_a_traceback_shows():
    shown = repr(ntfy_request("https://ntfy.sh/secret-name", MESSAGE, token="tk_1"))

    assert not any(one in shown for one in ("secret-name", "tk_1", "바다"))


def test_the_document_names_every_type_there_is():
    rows = re.findall(r"^\| `([a-z_.]+)` \|", DOCUMENT.read_text(), re.MULTILINE)
    happenings = {type_of(kind) for kind in NotificationKind if kind is not NotificationKind.NOTICE}

    assert sorted(rows) == sorted(happenings | {f"notice.{kind}" for kind in NoticeKind})
