"""`capsule migrate-store`: an instance goes on in another database, and the old one stays as it is."""

import pytest

from memorycapsule.cli import main
from memorycapsule.work.lock import FolderLock

pytestmark = pytest.mark.slow

OLD, NEW = "sqlite:///capsule.db", "sqlite:///new.db"


@pytest.fixture
def database(tmp_path):
    return tmp_path / "data" / "capsule.db"


def test_an_instance_goes_on_in_the_new_database(summer, database, monkeypatch):
    summer("story", "add", "summer", "--text", "Words of Ada")
    before = database.read_bytes()
    listed = summer("list", "--json").json

    moved = summer("migrate-store", OLD, NEW, "--json")
    monkeypatch.setenv("CAPSULE_STORE_URL", NEW)

    assert moved.code == 0
    rows = {table["name"]: table["rows"] for table in moved.json["migrated"]["tables"]}
    assert (rows["instance"], rows["capsule"], rows["story"]) == (1, 1, 1)
    assert database.read_bytes() == before
    assert summer("list", "--json").json == listed
    assert summer("verify", "--deep", "--json").json["verify"]["whole"]


def test_people_are_told_what_to_do_next_and_no_password(summer, database):
    said = summer("migrate-store", OLD, NEW)

    assert "both databases hold the same" in said.out
    assert f"set store_url to {NEW}" in said.out


def test_a_database_of_which_only_a_part_is_there_is_refused_until_the_move_is_repeated(
    summer, monkeypatch, capfd
):
    def cut_off(_connection):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("memorycapsule.store.snapshots.number_next_event", cut_off)
        main(["migrate-store", OLD, NEW])

    with monkeypatch.context() as patch:
        patch.setenv("CAPSULE_STORE_URL", NEW)
        refused = summer("list", "--json")
    again = summer("migrate-store", OLD, NEW)
    monkeypatch.setenv("CAPSULE_STORE_URL", NEW)

    assert (refused.code, again.code) == (7, 0)
    assert len(summer("list", "--json").json["capsules"]) == 1


def test_nothing_is_moved_while_a_daemon_works(summer, database, tmp_path):
    with FolderLock(tmp_path / "data"):
        said = summer("migrate-store", OLD, NEW, "--json")

    assert (said.code, said.error["code"]) == (6, "busy")
    assert not database.with_name("new.db").exists()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((OLD, OLD), "relocation_to_itself"),
        (("capsule.db", NEW), "relocation_url_wrong"),
        ((OLD, "postgresql://localhost/capsule"), "relocation_url_wrong"),
    ],
)
def test_what_can_be_no_move_is_refused_as_typed_wrongly(summer, words, reason):
    said = summer("migrate-store", *words, "--json")

    assert (said.code, said.error["reason"]) == (2, reason)
