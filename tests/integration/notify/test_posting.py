"""Posting to real receivers: it is over in time, and says why in a word."""

import os
import subprocess
import sys

import pytest

from memorycapsule.notify.posting import post
from memorycapsule.notify.requests import PostRequest
from support.mailservers import make_certificate
from support.receivers import DRIP, HANG, RESET, Receiver


def request_to(url):
    return PostRequest(url=f"{url}/secret-path", body=b"{}", headers={"content-type": "application/json"})


def test_what_is_taken_arrived_as_it_was_given():
    with Receiver() as receiver:
        outcome = post(request_to(receiver.url))

    assert outcome.is_taken
    (posted,) = receiver.posted
    assert (posted.path, posted.body) == ("/secret-path", b"{}")
    assert posted.headers["content-type"] == "application/json"
    assert posted.headers["user-agent"].startswith("MemoryCapsule/")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(500, "road_answered"), (404, "road_answered"), (RESET, "road_unreachable")],
)
def test_what_is_not_taken_says_why_and_names_no_address(answer, reason):
    with Receiver(answer) as receiver:
        problem = post(request_to(receiver.url)).problem

    assert problem.reason == reason
    assert "secret-path" not in str(problem)


@pytest.mark.parametrize("answer", [HANG, DRIP])
def test_a_receiver_that_does_not_come_to_an_end_is_left(answer):
    with Receiver(answer) as receiver:
        problem = post(request_to(receiver.url), timeout_seconds=0.2).problem

    assert problem.reason == "road_timed_out"


@pytest.mark.slow
def test_neither_a_post_nor_the_end_of_the_program_waits_for_a_look_up_that_hangs(tmp_path):
    # The system's resolver reads this file first, and nobody writes into the pipe.
    aliases = tmp_path / "aliases"
    os.mkfifo(aliases)
    program = """
from memorycapsule.notify.posting import post
from memorycapsule.notify.requests import PostRequest

request = PostRequest(url="http://receiver", body=b"", headers={})
print(post(request, timeout_seconds=0.2).problem.reason)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "HOSTALIASES": str(aliases)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.stdout, done.stderr, done.returncode) == ("road_timed_out\n", "", 0)


def test_a_redirect_is_not_followed():
    with Receiver() as elsewhere, Receiver(307) as receiver:
        receiver.answer_headers = {"location": elsewhere.url}
        problem = post(request_to(receiver.url)).problem

    assert (problem.reason, problem.values["status"]) == ("road_answered", 307)
    assert elsewhere.posted == []


def test_whoever_asks_to_be_left_alone_says_for_how_long():
    with Receiver(429) as receiver:
        receiver.answer_headers = {"retry-after": "3600"}

        assert post(request_to(receiver.url)).wait_seconds == 3600


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:9", "road_unreachable"),
        ("http://nowhere.invalid", "road_unreachable"),
        ("gopher://127.0.0.1", "road_address_unclear"),
    ],
)
def test_what_cannot_be_reached_is_said(url, reason):
    assert post(request_to(url)).problem.reason == reason


@pytest.mark.slow
def test_a_certificate_of_ones_own_is_trusted_only_where_it_is_named(tmp_path):
    certificate = make_certificate(tmp_path)
    with Receiver(certificate=certificate) as receiver:
        refused = post(request_to(receiver.url))
        trusted = post(request_to(receiver.url), ca_file=certificate)

    assert refused.problem.reason == "road_certificate"
    assert trusted.is_taken


def test_certificates_that_cannot_be_read_are_said(tmp_path):
    with Receiver() as receiver:
        problem = post(request_to(receiver.url), ca_file=tmp_path / "none.pem").problem

    assert problem.reason == "road_ca_file"
