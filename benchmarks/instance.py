"""An instance for a benchmark to work in: empty, or with a capsule and its guests."""

from datetime import datetime

from memorycapsule.app import App, open_store
from memorycapsule.clock import Clock
from memorycapsule.config import Settings
from memorycapsule.domain.capsules import Capsule
from memorycapsule.domain.opening_dates import parse_opening_date
from memorycapsule.seal.keys import InstanceKey, new_recovery_key
from memorycapsule.services import capsules, instances, invitations, sessions
from memorycapsule.services.capsules import CapsuleDraft
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
            clock=Clock(),
        )


def make_capsule(
    app: App, *, theme: str, opens: str, guests: int, now: datetime
) -> tuple[Capsule, list[str]]:
    """Make a capsule of the admin's that guests have joined; return it, and the token of each guest's session."""
    owner = sessions.host_viewer(app.store)
    capsule = capsules.create(
        app.store,
        app.vault,
        owner,
        CapsuleDraft(title="The summer we kept", theme=theme, film_photos=60),
        date=parse_opening_date(opens, "UTC", now),
        now=now,
    )
    invited = invitations.invite(
        app.store,
        app.vault.key,
        app.wake,
        owner,
        capsule.id,
        addresses=[f"guest{number}@example.org" for number in range(guests)],
        valid_days=14,
        now=now,
    )
    return capsule, [
        invitations.join(app.store, one.token, name=f"Guest {number}", now=now).token
        for number, one in enumerate(invited)
    ]
