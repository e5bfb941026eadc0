"""Notifications from the command line: what is set is tried, what waits is listed, and no address is shown."""

import pytest

from support.receivers import Receiver


def test_without_any_road_it_says_what_to_set(initialised):
    said = initialised("notify", "test")

    assert said.code == 7
    assert "notify.slack_url" in said.err


@pytest.mark.slow
def test_a_road_that_takes_the_test_is_named(initialised, monkeypatch):
    with Receiver() as receiver:
        monkeypatch.setenv("CAPSULE_NOTIFY__SLACK_URL", f"{receiver.url}/services/secret-path")
        said = initialised("notify", "test")
        korean = initialised("notify", "test", "--lang", "ko")
        settings = initialised("config", "show")

    assert (said.code, said.out) == (0, "Slack: the test message was taken.\n")
    assert korean.out == "Slack: 시험으로 보낸 글을 받아 주었어요.\n"
    assert receiver.posted[0].json["text"].startswith("MemoryCapsule: This is a test")
    assert "secret-path" not in settings.out


@pytest.mark.slow
def test_what_happened_waits_in_the_list_until_it_leaves(initialised, monkeypatch):
    assert "No notifications yet." in initialised("notify", "outbox").out
    with Receiver(503) as receiver:
        monkeypatch.setenv("CAPSULE_NOTIFY__NTFY_URL", f"{receiver.url}/secret-path")
        initialised("tick")
        initialised("create", "Summer", "--opens", "in 20 hours")
        initialised("tick")
        said = initialised("notify", "outbox")

    assert "capsule.opening_soon" in said.out
    assert "Nothing leaves by ntfy until" in said.err
    assert "The receiver answered with status 503." in said.out + said.err
    assert "secret-path" not in said.out + said.err


def test_addresses_that_are_none_are_refused_without_being_repeated(initialised, monkeypatch):
    monkeypatch.setenv("CAPSULE_NOTIFY__NTFY_URL", "https://ntfy.sh/secret/path")
    said = initialised("notify", "test")

    assert said.code == 7
    assert "notify.ntfy_url" in said.err
    assert "secret" not in said.err


def test_a_webhook_without_a_secret_is_refused(initialised, monkeypatch):
    monkeypatch.setenv("CAPSULE_NOTIFY__WEBHOOK_URL", "https://example.org/hook")
    said = initialised("notify", "test")

    assert said.code == 7
    assert "notify.webhook_secret is not set" in said.err
