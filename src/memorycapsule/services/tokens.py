"""Personal tokens: how a program acts for a person, with less than that person may."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from memorycapsule.domain.events import Event
from memorycapsule.domain.sessions import Scope, Session, SessionKind, check_token_scope, checked_token_name
from memorycapsule.domain.stories import Viewer
from memorycapsule.errors import NotFound, UsageProblem
from memorycapsule.services import sessions, signing_in
from memorycapsule.store import accounts as account_store
from memorycapsule.store import events as event_store
from memorycapsule.store.transactions import Store


@dataclass(frozen=True, kw_only=True)
class NewToken:
    """A token that was just made, and its secret, which is shown this once."""

    session: Session
    secret: str


def create(store: Store, viewer: Viewer, *, name: str, scope: Scope, now: datetime) -> NewToken:
    """
    Make a token. It reaches what the viewer's session reaches, and has proved the address if that session has.

    Raises UsageProblem for a name or scope that cannot be, NotAllowed for a session that is a token itself.
    """
    viewer.check(Scope.EVERYTHING)
    check_token_scope(scope)
    with store.transaction() as tx:
        session, secret = sessions.begin(
            tx,
            account_id=viewer.account_id,
            capsule_id=viewer.capsule_id,
            kind=SessionKind.TOKEN,
            name=checked_token_name(name),
            scope=scope,
            proved_at=now if viewer.is_proved else None,
            now=now,
        )
        event_store.record(tx, Event(kind="token.made", at=now, subject_id=session.id))
    return NewToken(session=session, secret=secret)


def of_viewer(store: Store, viewer: Viewer) -> list[Session]:
    """Return the viewer's tokens that have not ended, the newest first."""
    with store.reading() as tx:
        return [
            session
            for session in account_store.sessions_of(tx, viewer.account_id)
            if session.kind is SessionKind.TOKEN
        ]


def end(store: Store, viewer: Viewer, reference: str, *, now: datetime) -> Session:
    """
    End a token by its id or name. Raises NotFound, UsageProblem when several have the name.

    A token may end itself. For any other it raises NotAllowed, as for a session of one capsule, before it says
    whether there is one of that name.
    """
    found = [one for one in of_viewer(store, viewer) if reference.strip() in {one.id, one.name}]
    if [one.id for one in found] != [viewer.session_id]:
        viewer.check_account()
    if not found:
        raise NotFound("token_unknown")
    if len(found) > 1:
        raise UsageProblem("token_ambiguous", count=len(found))
    return signing_in.end(store, viewer, found[0].id, now=now)
