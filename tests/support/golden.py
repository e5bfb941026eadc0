"""Instances that earlier versions of the program have made (`tests/golden/`), on either database."""

import zipfile
from datetime import UTC
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from memorycapsule.store import schema

_GOLDEN = Path(__file__).parents[1] / "golden"


def unpack(revision: str, folder: Path, store_url: str) -> None:
    """Put the data folder into `folder`, its key beside it, and the database where `store_url` says."""
    with zipfile.ZipFile(_GOLDEN / f"schema-{revision}.zip") as golden:
        golden.extractall(folder)
    made = folder / "data" / "capsule.db"
    if store_url.startswith("sqlite:"):
        made.rename(str(sa.make_url(store_url).database))
        return
    _copy(revision, f"sqlite:///{made}", store_url)
    made.unlink()


def _copy(revision: str, source_url: str, target_url: str) -> None:
    """Make the tables as that revision had them, and fill them row by row."""
    source, target = sa.create_engine(source_url), sa.create_engine(target_url)
    config = Config()
    config.set_main_option("script_location", str(schema._MIGRATIONS))
    here, there = sa.MetaData(), sa.MetaData()
    with source.connect() as reading, target.begin() as writing:
        config.attributes["connection"] = writing
        command.upgrade(config, revision)
        here.reflect(reading)
        there.reflect(writing)
        for table in there.sorted_tables:
            if table.name == "alembic_version":
                continue
            rows = [dict(row) for row in reading.execute(sa.select(here.tables[table.name])).mappings()]
            for row in rows:
                for column in table.columns:
                    if getattr(column.type, "timezone", False) and row[column.name] is not None:
                        row[column.name] = row[column.name].replace(tzinfo=UTC)
            if rows:
                writing.execute(sa.insert(table), rows)
        last = "(SELECT max(id) FROM event)"
        writing.execute(sa.text(f"SELECT setval(pg_get_serial_sequence('event', 'id'), {last})"))
    source.dispose()
    target.dispose()
