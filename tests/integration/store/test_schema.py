"""The schema: one history for both databases, and an upgrade that loses nothing."""

import json
import shutil
import sqlite3
import uuid
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import UniqueConstraint, inspect, text

from memorycapsule.domain.film.montages import Omission, queued_montage
from memorycapsule.domain.reasons import KeptReason
from memorycapsule.errors import (
    CapsuleError,
    ConfigurationProblem,
    MigrationNeeded,
    NewerSchema,
    NotInitialised,
)
from memorycapsule.services import reading
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store import montages as montage_store
from memorycapsule.store import schema
from memorycapsule.store.rows import metadata
from memorycapsule.store.transactions import Store
from memorycapsule.words.error_sentences import english_sentence_of
from support.cast import invite, make_capsule, make_instance
from support.moments import NOW

#: What 0006 to 0009 have added.
LATER_COLUMNS = {
    "capsule": (
        "film_language", "unsealed_at", "letters_queued_at", "rehearsed_at", "rehearsal_problem",
    ),
    "instance": (
        "seen_by_network", "boot_id", "booted_at", "booted_after", "unproven_since",
        "hold", "backed_up_at", "mail_tried_at", "mail_problem", "mail_pauses",
    ),
    "delivery": ("answered_at", "leased_until"),
    "montage": ("leased_until",),
    "upload": ("lease", "leased_until"),
    "blob": ("checked_at", "damage"),
    "key_envelope": ("digest", "holder"),
}  # fmt: skip
LATER_INDEXES = (
    "ix_blob_damaged", "ix_event_kind_subject_id", "ix_event_kind_id",
    "ix_delivery_state_next_attempt_at_id", "ix_delivery_state_answered_at", "ix_delivery_state_kind",
    "ix_consent_member_id", "ix_delivery_invitation_id", "ix_delivery_member_id",
    "ix_invitation_invited_by", "ix_invitation_member_id",
    "ix_medium_clip_blob", "ix_medium_display_blob", "ix_medium_original_blob", "ix_medium_thumbnail_blob",
    "ix_medium_created_at", "ix_medium_still_sealed",
    "ix_montage_film_blob", "ix_montage_member_id", "ix_montage_poster_blob", "ix_montage_soundtrack_blob",
    "ix_story_attached_by", "ix_story_session_id", "ix_upload_medium_id", "ix_upload_session_id",
    "ix_upload_part_blob_id", "ix_wish_member_id",
    "ix_blob_checked_at_created_at", "ix_upload_changed_at", "ix_account_is_admin",
    "ix_link_subject_id_purpose", "ix_upload_lease", "ix_invitation_normalised",
    "ix_capsule_to_unseal", "ix_capsule_without_letters", "ix_capsule_rehearsed_at", "ix_capsule_would_fail",
)  # fmt: skip

#: A later revision that rebuilds the table most others refer to, as batch mode does it on SQLite.
NEXT_REVISION = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table("account", recreate="auto") as account:
        account.alter_column("locale", type_=sa.String(length=35), existing_type=sa.String())
        account.add_column(sa.Column("pronouns", sa.String(), nullable=True))
    {more}
"""


@pytest.fixture
def store(store_url):
    store = Store(store_url)
    yield store
    store.close()


def add_revision(monkeypatch, folder, *, more=""):
    """Let the program be one that knows a later revision."""
    head = schema.newest_revision()
    shutil.copytree(schema._MIGRATIONS, folder / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "migrations/versions/9999_later.py").write_text(NEXT_REVISION.format(head=head, more=more))
    monkeypatch.setattr(schema, "_MIGRATIONS", folder / "migrations")


def go_back_to(tx, revision):
    """Make a database of today one of the revisions 0003 to 0005, which differ from it in these columns."""
    for index in LATER_INDEXES:
        tx.session.execute(text(f"DROP INDEX {index}"))
    for table, columns in LATER_COLUMNS.items():
        for column in columns:
            tx.session.execute(text(f"ALTER TABLE {table} DROP COLUMN {column}"))
    for table in ("told_notice", "album", "node", "bucket", "piece", "notification", "road"):
        tx.session.execute(text(f"DROP TABLE {table}"))
    tx.session.execute(text("ALTER TABLE instance ADD COLUMN clock_trusted_at TIMESTAMP"))
    tx.session.execute(
        text("CREATE INDEX ix_delivery_state_next_attempt_at ON delivery (state, next_attempt_at)")
    )
    tx.session.execute(text("CREATE INDEX ix_link_purpose_subject_id ON link (purpose, subject_id)"))
    tx.session.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


def test_the_migrated_schema_is_what_the_program_expects(store):
    schema.upgrade(store)

    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata()) == []


@pytest.mark.parametrize(
    ("table", "name", "condition", "unique"),
    [
        ("montage", "uq_montage_opening", "is_opening", True),
        ("medium", "ix_medium_still_sealed", "is_sealed", False),
        ("blob", "ix_blob_damaged", "damage IS NOT NULL", False),
        ("notification", "ix_notification_standing", "is_standing", False),
        ("capsule", "ix_capsule_to_unseal", "opened_at IS NOT NULL AND unsealed_at IS NULL", False),
        (
            "capsule",
            "ix_capsule_without_letters",
            "opened_at IS NOT NULL AND letters_queued_at IS NULL",
            False,
        ),
        ("capsule", "ix_capsule_rehearsed_at", "opened_at IS NULL", False),
        ("capsule", "ix_capsule_would_fail", "opened_at IS NULL AND rehearsal_problem IS NOT NULL", False),
    ],
)
def test_partial_indexes_are_partial_on_both_databases(store, table, name, condition, unique):
    """Alembic does not compare the conditions of indexes, and without its own a capsule could have one film only."""
    schema.upgrade(store)

    (index,) = [one for one in inspect(store.engine).get_indexes(table) if one["name"] == name]
    assert bool(index["unique"]) == unique
    found = str(index["dialect_options"][f"{store.engine.dialect.name}_where"])
    assert found.translate(str.maketrans("", "", "()")) == condition, "Postgres adds parentheses"


def test_every_reference_has_an_index_that_begins_with_it():
    """Whoever removes a row would make the database read the whole table that might refer to it."""
    lacking = []
    for table in metadata().sorted_tables:
        keys = [table.primary_key, *(one for one in table.constraints if isinstance(one, UniqueConstraint))]
        whole = [one for one in table.indexes if one.dialect_kwargs.get("sqlite_where") is None]
        first = {next(iter(one.columns)).name for one in (*keys, *whole)}
        lacking += [
            f"{table.name}.{key.parent.name}" for key in table.foreign_keys if key.parent.name not in first
        ]

    assert lacking == []


def test_an_empty_database_says_that_init_is_missing(store):
    with pytest.raises(NotInitialised, match=r"^not_initialised$"):
        schema.check(store)

    assert schema.current_revision(store) is None


def test_a_database_that_is_up_to_date_is_left_alone(store):
    assert schema.upgrade(store) is None
    assert schema.upgrade(store) is None
    schema.check(store)
    assert schema.current_revision(store) == schema.newest_revision()


def test_a_newer_database_is_left_alone_and_said_to_be_newer(store):
    schema.upgrade(store)
    with store.transaction() as tx:
        tx.session.execute(text("UPDATE alembic_version SET version_num = 'from2031'"))

    with pytest.raises(NewerSchema):
        schema.check(store)
    with pytest.raises(NewerSchema):
        schema.upgrade(store)
    assert schema.current_revision(store) == "from2031"


def test_an_upgrade_keeps_every_row_and_makes_a_copy_first(store_url, tmp_path, monkeypatch):
    with make_instance(store_url, tmp_path / "data") as instance:
        make_capsule(instance, title="Before the upgrade")
        add_revision(monkeypatch, tmp_path)

        with pytest.raises(MigrationNeeded, match=r"^migration_needed$"):
            schema.check(instance.store)
        copy = schema.upgrade(instance.store)

        schema.check(instance.store)
        (line,) = reading.capsules(instance.store, instance.ada)
        assert line.capsule.title == "Before the upgrade"
        assert "pronouns" in {
            column["name"] for column in inspect(instance.store.engine).get_columns("account")
        }
        if instance.store.is_sqlite:
            assert copy.stat().st_mode & 0o777 == 0o600
            with sqlite3.connect(copy) as kept:
                assert kept.execute("SELECT title FROM capsule").fetchall() == [("Before the upgrade",)]
                assert kept.execute("SELECT version_num FROM alembic_version").fetchone() != ("9999",)
            kept.close()
        else:
            assert copy is None


def test_sentences_in_reports_of_films_become_reasons_or_stay_as_they_were_written(store_url, tmp_path):
    hung = "The renderer hung; it was ended and will be tried again."
    old = {
        "bare": ["A photo of Ben could not be read.", hung],
        "named": [
            {"of": "a photo", "sentence": "A photo of “벤” was left out."},
            {"of": "", "sentence": hung},
        ],
        "none": [],
    }
    with make_instance(store_url, tmp_path / "data") as instance:
        for title, report in old.items():
            capsule = make_capsule(instance, title=title)
            montage = queued_montage(
                montage_id=str(uuid.uuid4()), capsule_id=capsule.id, soundtrack_blob=None, now=NOW
            )
            with instance.store.transaction() as tx:
                montage_store.montages.add(tx, montage)
                tx.session.flush()
                tx.session.execute(
                    text("UPDATE montage SET report = :report WHERE id = :id"),
                    {"report": json.dumps(report), "id": montage.id},
                )
        with instance.store.transaction() as tx:
            go_back_to(tx, "0003")

        schema.upgrade(instance.store)

        with instance.store.reading() as tx:
            reports = {
                line.capsule.title: montage_store.of_capsule(tx, line.capsule.id)[0].report
                for line in reading.capsules(instance.store, instance.ada)
            }
    was_hung = Omission(of="", reason="renderer_hung")
    assert reports == {
        "bare": (
            Omission(of="", reason="other", values={"sentence": "A photo of Ben could not be read."}),
            was_hung,
        ),
        "named": (
            Omission(of="a photo", reason="other", values={"sentence": "A photo of “벤” was left out."}),
            was_hung,
        ),
        "none": (),
    }


def test_sentences_of_letters_become_reasons_or_stay_as_they_were_written(store_url, tmp_path):
    connection_lost = {"reason": "mail_connection_lost", "values": {}}
    kept = "20360508T000003Z-ben_example.org-0123456789abcdef.eml"
    expected = {
        None: None,
        "The program was cut off while it handed the letter over.": KeptReason(reason="letter_cut_off"),
        "The letter was handed over, but no clear answer came: connection lost.": KeptReason(
            reason="mail_no_answer_after", values={"problem": connection_lost}
        ),
        f"kept as {kept}": KeptReason(reason="mailbox_kept", values={"file": kept}),
        "250 2.0.0 받았어요: queued as 7F": KeptReason(
            reason="mail_server_replied", values={"reply": "250 2.0.0 받았어요: queued as 7F"}
        ),
        "The letter could not be written: “벤” is wrong.": KeptReason(
            reason="other", values={"sentence": "The letter could not be written: “벤” is wrong."}
        ),
    }
    waits = "The mail server mail.example.org:25 cannot be reached (no route); check host and port."
    with make_instance(store_url, tmp_path / "data") as instance:
        capsule = make_capsule(instance)
        for number, sentence in enumerate(expected):
            invite(instance, capsule, f"guest{number}@example.org")
            with instance.store.transaction() as tx:
                tx.session.execute(
                    text("UPDATE delivery SET detail = :detail WHERE address = :address"),
                    {"detail": sentence, "address": f"guest{number}@example.org"},
                )
        with instance.store.transaction() as tx:
            tx.session.execute(text("UPDATE instance SET mail_pause_reason = :reason"), {"reason": waits})
            go_back_to(tx, "0004")

        schema.upgrade(instance.store)

        with instance.store.reading() as tx:
            letters = {one.address: one.detail for one in delivery_store.all_deliveries(tx)}
            why = instance_store.get(tx).mail_pause_reason
    assert [letters[f"guest{number}@example.org"] for number in range(len(expected))] == [*expected.values()]
    assert why == KeptReason(reason="other", values={"sentence": waits})
    said = [one and english_sentence_of(one.error) for one in expected.values()]
    assert said == [*expected], "word for word"


def test_references_are_checked_again_after_an_upgrade(tmp_path, monkeypatch):
    with make_instance(f"sqlite:///{tmp_path}/capsule.db", tmp_path / "data") as instance:
        add_revision(monkeypatch, tmp_path)
        schema.upgrade(instance.store)

        with pytest.raises(CapsuleError), instance.store.transaction() as tx:
            tx.session.execute(text("DELETE FROM account"))


def test_an_upgrade_that_would_lose_references_changes_nothing(tmp_path, monkeypatch):
    with make_instance(f"sqlite:///{tmp_path}/capsule.db", tmp_path / "data") as instance:
        make_capsule(instance)
        add_revision(monkeypatch, tmp_path, more='op.execute("DELETE FROM account")')

        with pytest.raises(CapsuleError, match=r"^upgrade_loses_references$"):
            schema.upgrade(instance.store)

        with pytest.raises(MigrationNeeded):
            schema.check(instance.store)
        with instance.store.reading() as tx:
            assert tx.session.execute(text("SELECT count(*) FROM account")).scalar_one() == 1


def test_an_upgrade_that_would_lose_rows_changes_nothing(store_url, tmp_path, monkeypatch):
    with make_instance(store_url, tmp_path / "data") as instance:
        make_capsule(instance)
        add_revision(monkeypatch, tmp_path, more='op.execute("DELETE FROM event WHERE id = 1")')

        with pytest.raises(CapsuleError, match=r"^upgrade_loses_rows \(table='event'\)$"):
            schema.upgrade(instance.store)

        with pytest.raises(MigrationNeeded):
            schema.check(instance.store)


def test_an_upgrade_that_fails_halfway_changes_nothing(store_url, tmp_path, monkeypatch):
    with make_instance(store_url, tmp_path / "data") as instance:
        add_revision(monkeypatch, tmp_path, more='op.execute("SELECT * FROM nowhere_at_all")')

        with pytest.raises((CapsuleError, ConfigurationProblem)):
            schema.upgrade(instance.store)

        with pytest.raises(MigrationNeeded):
            schema.check(instance.store)
        assert "pronouns" not in {
            column["name"] for column in inspect(instance.store.engine).get_columns("account")
        }


def test_the_migrations_are_part_of_the_package():
    assert Path(schema._MIGRATIONS, "env.py").is_file()


def test_the_names_of_the_migrations_say_their_order():
    """`schema.check` reads them instead of loading Alembic."""
    history = ScriptDirectory(str(schema._MIGRATIONS)).walk_revisions()

    assert schema._revisions() == [script.revision for script in history][::-1]
