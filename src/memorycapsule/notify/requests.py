"""
A message as each receiver wants it.

Slack: a message of an incoming webhook. ntfy: its JSON of a message. Webhooks: Standard Webhooks 1.0.0.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from memorycapsule.domain.roads.webhook_secrets import secret_bytes
from memorycapsule.notify.messages import Message

_NTFY_HIGH, _NTFY_USUAL = 4, 3
#: What a message of Slack has instead of characters that it reads as something else.
_SLACK = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


@dataclass(frozen=True, kw_only=True)
class PostRequest:
    """What is posted, and where; neither may stand in a log."""

    url: str = field(repr=False)
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


def slack_request(url: str, message: Message) -> PostRequest:
    """Return a message for Slack, in which nothing that people typed is read as markup or calls anybody."""
    text = f"{message.heading}: {message.text}".translate(_SLACK)
    return _json_request(url, {"text": text, "mrkdwn": False})


def ntfy_request(url: str, message: Message, *, token: str | None) -> PostRequest:
    """Return a message for a topic of ntfy, whose address is `url`."""
    server, _slash, topic = url.rstrip("/").rpartition("/")
    fields = {
        "topic": topic,
        "title": message.heading,
        "message": message.text,
        "priority": _NTFY_HIGH if message.is_grave else _NTFY_USUAL,
    }
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return _json_request(f"{server}/", fields, headers)


def webhook_request(url: str, message: Message, *, secret: str, now: datetime) -> PostRequest:
    """Return a message for a webhook, signed with `secret` (`whsec_...`) at `now`. Raises UsageProblem."""
    fields = {
        "type": message.type,
        "timestamp": _instant(message.happened_at),
        "data": {
            "capsule": message.capsule_id and {"id": message.capsule_id, "title": message.title},
            "count": message.count,
            "text": message.text,
        },
    }
    request = _json_request(url, fields)
    timestamp = str(int(now.timestamp()))
    signed = f"{message.id}.{timestamp}.".encode() + request.body
    digest = base64.b64encode(hmac.digest(secret_bytes(secret), signed, "sha256")).decode()
    headers = {
        "webhook-id": message.id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{digest}",
    }
    return PostRequest(url=url, body=request.body, headers={**request.headers, **headers})


def _json_request(
    url: str, fields: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> PostRequest:
    body = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
    return PostRequest(url=url, body=body, headers={"content-type": "application/json", **(headers or {})})


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
