"""What people put in is searched for in all that is logged and measured while the tests run, and found if it is there."""

import httpx
import pytest
import structlog

from memorycapsule.journal import journal
from support import leaks
from support.cast import add_story, make_capsule, make_instance

TOKEN = "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst"


@pytest.fixture
def watch(tmp_path):
    """A watch over an instance with Ada's capsule and story, and over nothing else."""
    store_url = f"sqlite:///{tmp_path / 'capsule.db'}"
    with leaks.watching() as watch, make_instance(store_url, tmp_path / "data") as instance:
        capsule = make_capsule(instance, title="Our summer at the sea")
        add_story(instance, capsule, instance.ada, title="The pier", text="We danced until dark.", photos=0)
        journal.info("capsule.opened", capsule=capsule.id, late_seconds=1.5)
        yield watch


def test_what_the_program_logs_holds_nothing_of_it(watch):
    journal.warning(
        "film.failed", montage="m", reason="film_stuck", exc_info=ValueError("We danced until dark.")
    )

    assert watch.found() == []


@pytest.mark.parametrize(
    "planted",
    ["Our summer at the sea", "The pier", "We danced until dark.", "Ada"],
    ids=["a title", "the title of a story", "its text", "a name"],
)
def test_what_is_planted_in_a_line_is_found(watch, planted):
    journal.info("film.started", why=f"somebody wrote: {planted} (so they said)")

    assert [secret for _said, secret in watch.found()] == [planted]


@pytest.mark.parametrize("field", ["", "/g/i/"])
def test_a_token_and_an_address_are_found_where_nothing_masks_them(watch, field):
    leaks.hear_log(
        f'{{"message": "{field}{TOKEN}"}}\n{{"message": "to ada@example.org"}}\nfor people: ada@example.org'
    )

    assert {said for said, _secret in watch.found()} == {f"{field}{TOKEN}", "to ada@example.org"}


def test_what_is_planted_in_a_metric_is_found(watch):
    leaks.hear_metrics(
        '# HELP capsule_due Ada\ncapsule_due{name="Ada"} 1\ncapsule_capsules{state="open"} 1\n'
    )

    assert watch.found() == [('capsule_due{name="Ada"}', "Ada")]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b'{"title": "Our winter", "captions": {"1": "In the snow"}, "theme": "Paper"}'),
        ("application/x-www-form-urlencoded", b"title=Our+winter&message=In+the+snow&theme=Paper"),
        (
            "multipart/form-data; boundary=x",
            (
                b'--x\r\nContent-Disposition: form-data; name="title"\r\n\r\nOur winter\r\n'
                b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\nIn the snow\r\n'
                b'--x\r\nContent-Disposition: form-data; name="theme"\r\n\r\nPaper\r\n--x--\r\n'
            ),
        ),
    ],
    ids=["JSON", "a form", "a form with files"],
)
def test_what_is_sent_to_a_daemon_is_found_in_its_lines(watch, kind, body):
    leaks.put_in_request({"content-type": kind}, body)
    leaks.hear_log('{"message": "Our winter, In the snow, by Paper"}')

    assert {secret for _said, secret in watch.found()} == {"Our winter", "In the snow"}


def test_the_name_of_a_file_that_is_sent_in_pieces_is_found_in_a_line(watch):
    leaks.put_in_request({"upload-metadata": "filename R3JhbmRtYS5qcGc=, position MQ=="}, b"")
    leaks.hear_log('{"message": "took Grandma.jpg"}')

    assert [secret for _said, secret in watch.found()] == ["Grandma.jpg"]


def test_what_a_test_sends_by_itself_is_taken_down(watch):
    with httpx.Client(verify=False) as client:
        client.build_request("POST", "http://127.0.0.1/api", json={"name": "Younghee"})
        client.build_request("POST", "http://127.0.0.1/form", data={"name": "Minjun"})
    leaks.hear_log('{"message": "Younghee and Minjun"}')

    assert {secret for _said, secret in watch.found()} == {"Younghee", "Minjun"}


def test_what_masks_tokens_and_addresses_does_so_anywhere_in_a_line(watch):
    structlog.get_logger().info(f"{TOKEN} of ada@example.org", beside=f"({TOKEN})")

    assert watch.found() == []
