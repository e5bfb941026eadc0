"""Rate limits: guessing and mailing without end lead nowhere, and a party behind one address notices nothing."""

import asyncio
import threading

import pytest

from integration.http.conftest import TestClient
from memorycapsule.daemon.http.protocol import costs
from memorycapsule.daemon.http.protocol.rate_limits import MemoryBuckets
from memorycapsule.daemon.metrics.process import ProcessMetrics
from memorycapsule.daemon.metrics.telling import telling_of
from memorycapsule.daemon.run import _Server
from memorycapsule.services import invitations

BEN = "ben@example.org"


@pytest.fixture
def browser(scene):
    return scene.browser(**{"accept-language": "en"})


def test_after_a_while_there_is_room_again():
    now = 0.0
    buckets = MemoryBuckets(clock=lambda: now)

    def wait(client):
        return asyncio.run(buckets.take(costs.SIGN_IN, client))

    waits = [wait("a") for _ in range(11)]
    assert waits == [0.0] * 10 + [30.0]
    assert wait("b") == 0.0
    now = 31.0
    assert wait("a") == 0.0


def test_nobody_mails_invitations_without_end(scene):
    home = f"/c/{scene.capsule.id}/people"
    api = f"/api/v1/capsules/{scene.capsule.id}"
    ada = scene.ada()
    pages = [ada.post(f"{home}/again").status_code for _ in range(costs.INVITE.at_once)]
    last, program = ada.post(home), ada.post(f"{api}/invitations/x/resend")

    assert 429 not in pages
    assert last.status_code == 429
    assert "a little too often" in last.text
    # Whichever door they come by, and programs are told in their own way.
    assert (program.status_code, program.json()["code"]) == (429, "too_many")
    assert int(program.headers["retry-after"]) >= 1
    assert ada.post(f"{api}/reminders").status_code == 429
    assert ada.get(home).status_code == 200


@pytest.mark.slow
def test_who_asks_too_often_is_asked_to_wait(scene, browser):
    asked = [browser.post("/sign-in", data={"address": BEN}) for _ in range(costs.SIGN_IN.at_once + 1)]

    assert [one.status_code for one in asked[:-1]] == [303] * costs.SIGN_IN.at_once
    assert asked[-1].status_code == 429
    assert 1 <= int(asked[-1].headers["retry-after"]) <= 30
    assert "a little too often" in asked[-1].text
    assert asked[-1].headers["content-security-policy"]
    # Looking is free, and so is everything else.
    assert browser.get("/sign-in").status_code == 200
    assert browser.post("/sign-in/code", data={"address": BEN, "code": "1"}).status_code == 422


@pytest.mark.slow
def test_tries_of_digits_and_letters_of_proof_are_limited_as_well(scene, browser):
    tries = [browser.post("/sign-in/code", data={"address": BEN, "code": "1"}) for _ in range(21)]
    assert tries[-1].status_code == 429
    guest = scene.browser(scene.ben.token)
    asked = [guest.post("/g/prove/letter").status_code for _ in range(11)]
    assert (asked[0], asked[5], asked[-1]) == (303, 429, 429)


@pytest.mark.slow
def test_whom_a_request_counts_for_is_believed_of_trusted_proxies_only(scene):
    metrics = ProcessMetrics(is_in_cluster=False)
    telling = telling_of(scene.app, metrics, heartbeat_age=lambda: 0.0)
    server = _Server(scene.app, threading.Event(), metrics, telling, heartbeat_age=lambda: 0.0)
    server.config.load()
    spoken = {}

    def codes(peer: str, forwarded: list[str]) -> list[int]:
        client = TestClient(
            server.config.loaded_app,
            base_url="http://home.test",
            follow_redirects=False,
            client=(peer, 50000),
        )
        return [
            client.post("/sign-in", data={"address": "x"}, headers={"x-forwarded-for": one}).status_code
            for one in forwarded
        ]

    many = [f"203.0.113.{number}" for number in range(12)]
    spoken["a stranger who claims to be many"] = codes("198.51.100.7", many)
    spoken["many behind our proxy"] = codes("127.0.0.1", many)
    spoken["one behind our proxy who adds others in front"] = codes(
        "127.0.0.1", [f"{one}, 203.0.113.99" for one in many]
    )
    spoken["one household of IPv6"] = codes("127.0.0.1", [f"2001:db8:1:2::{one}" for one in range(12)])

    assert {who: said.count(429) for who, said in spoken.items()} == {
        "a stranger who claims to be many": 2,
        "many behind our proxy": 0,
        "one behind our proxy who adds others in front": 2,
        "one household of IPv6": 2,
    }


@pytest.mark.slow
def test_a_party_behind_one_address_joins_without_noticing(scene):
    browser = scene.browser()
    guests = [f"guest{number}@example.org" for number in range(40)]
    invited = invitations.invite(
        scene.instance.store, scene.instance.key, scene.instance.wake, scene.instance.ada, scene.capsule.id,
        addresses=guests, valid_days=14, now=scene.time.now,
    )  # fmt: skip

    assert {browser.post(f"/g/i/{one.token}").status_code for one in invited} == {303}
