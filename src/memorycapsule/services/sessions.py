"""Sessions: how a door finds out who the viewer is."""

from __future__ import annotations

import contextlib
import secrets
import uuid
from datetime import datetime, timedelta

from memorycapsule.domain.sessions import Scope, Session, SessionKind
from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import Busy, DiskFull, NotFound, NotInitialised
from memorycapsule.seal.keys import token_digest
from memorycapsule.store import accounts as account_store
from memorycapsule.store.transactions import Store, Transaction

_SEEN_EVERY = timedelta(hours=1)


def host_viewer(store: Store) -> Viewer:
    """
    Return the admin as the viewer: whoever runs the command line on the machine itself.

    Whoever may run it is the admin by definition, so their address needs no other proof. Raises NotInitialised.
    """
    with store.reading() as tx:
        admin = account_store.admin(tx)
        session = account_store.host_session(tx, admin.id) if admin else None
    if admin is None or session is None:
        raise NotInitialised
    return Viewer(account_id=admin.id, session_id=session.id, is_proved=True, is_admin=True)


def viewer_with_token(store: Store, token: str, now: datetime | None = None) -> Viewer:
    """
    Return the viewer whose session has this secret. Raises NotFound when there is none, or it has ended.

    With `now`, the session's last use is noted, at most once an hour.
    """
    with store.reading() as tx:
        found = account_store.live_session(tx, token_digest(token))
    if found is None:
        raise NotFound("session_secret_unknown")
    session, locale = found
    if now is not None and (session.seen_at is None or now - session.seen_at >= _SEEN_EVERY):
        # Reading works even while nothing can be written.
        with contextlib.suppress(Busy, DiskFull), store.transaction() as tx:
            account_store.note_use(tx, session.id, session.seen_at, now)
    return viewer_of(session, locale)


def viewer_of(session: Session, locale: str | None = None) -> Viewer:
    """Return the viewer of a session; `locale` is the language of its account, where that is known."""
    return Viewer(
        account_id=session.account_id,
        session_id=session.id,
        is_proved=session.proved_at is not None,
        # The admin's rights belong to the machine, not to an address: a mailed link never carries them.
        is_admin=False,
        capsule_id=session.capsule_id,
        scope=session.scope,
        proved_at=session.proved_at,
        locale=locale,
    )


def begin(
    tx: Transaction,
    *,
    account_id: str,
    capsule_id: str | None,
    kind: SessionKind,
    name: str = "",
    scope: Scope = Scope.EVERYTHING,
    proved_at: datetime | None = None,
    now: datetime,
) -> tuple[Session, str]:
    """Begin a session and return it with its secret, which is stored nowhere."""
    token = secrets.token_hex(32)
    session = Session(
        id=str(uuid.uuid4()),
        account_id=account_id,
        capsule_id=capsule_id,
        kind=kind,
        digest=token_digest(token),
        proved_at=proved_at,
        created_at=now,
        ended_at=None,
        scope=scope,
        name=name,
    )
    account_store.sessions.add(tx, session)
    return session, token
