"""Several programs on one Postgres with `cluster = true`: each thing is done once, and what one drops another takes up."""

from collections import Counter
from datetime import timedelta

import pytest

from support.household import Household
from support.mailservers import MailServer
from support.servers import Daemon, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def mail():
    with MailServer() as server:
        yield server


@pytest.fixture
def household(tmp_path, postgres, mail):
    url = postgres.create_database()
    environment = {
        "CAPSULE_STORE_URL": url,
        "CAPSULE_CLUSTER": "true",
        "CAPSULE_SMTP__HOST": mail.host,
        "CAPSULE_SMTP__PORT": str(mail.port),
        "CAPSULE_SMTP__SECURITY": "none",
        "CAPSULE_PUBLIC_URL": "http://photos.example.org",
    }
    yield Household(tmp_path / "one", environment)
    postgres.drop_database(url)


def another(household, tmp_path, **more):
    """What another machine is told: all is the same but the data folder, and the files are shared."""
    folder = tmp_path / "another"
    folder.mkdir(exist_ok=True)
    if not (folder / "blobs").exists():
        (folder / "blobs").symlink_to(tmp_path / "one" / "data" / "blobs")
    return household.environment | {"CAPSULE_DATA_DIR": str(folder)} | more


def test_two_daemons_and_a_tick_do_everything_once(household, mail, tmp_path):
    with household.daemon() as one, Daemon(another(household, tmp_path)) as other:
        capsule = household.capsule(opens_in=timedelta(seconds=15))
        wait_until(lambda: household.state(capsule) == "open", 60, "it is open")
        assert household.ask("tick").returncode == 0
        household.wait_for_film(capsule, "ready", deadline_seconds=120)
        wait_until(lambda: len(mail.messages) >= 2, 60, "the letters are there")
        assert [daemon.terminate() for daemon in (one, other)] == [0, 0]

    assert Counter(letter.recipients for letter in mail.messages) == {
        ("ada@example.org",): 1,
        ("ben@example.org",): 1,
    }
    assert household.run("verify")["verify"]["damage"] == []


def test_a_program_that_works_alone_is_refused_beside_nodes_and_they_beside_it(household, tmp_path):
    alone = another(household, tmp_path, CAPSULE_CLUSTER="false")
    with household.daemon():
        household.environment = alone
        assert household.ask("tick").returncode == 6
        household.environment = alone | {"CAPSULE_CLUSTER": "true"}
        assert household.ask("tick").returncode == 0
