"""What people put in is searched for in all that is logged and measured while the tests run, and found if it is there."""

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


def test_what_masks_tokens_and_addresses_does_so_anywhere_in_a_line(watch):
    structlog.get_logger().info(f"{TOKEN} of ada@example.org", beside=f"({TOKEN})")

    assert watch.found() == []
