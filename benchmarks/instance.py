"""An empty instance for a benchmark to work in."""

from datetime import UTC, datetime

from memorycapsule.app import open_store
from memorycapsule.config import Settings
from memorycapsule.seal.keys import InstanceKey, new_recovery_key
from memorycapsule.services import instances
from memorycapsule.store import schema


def initialise(settings: Settings) -> None:
    """Make key, database and admin, as `capsule init` does."""
    key = InstanceKey.create(settings.key_file)
    with open_store(settings, checked=False) as store:
        schema.upgrade(store)
        instances.initialise(
            store,
            key,
            admin_address="ada@example.org",
            admin_name="Ada",
            locale="en",
            recovery_recipient=new_recovery_key()[1],
            now=datetime.now(UTC),
        )
