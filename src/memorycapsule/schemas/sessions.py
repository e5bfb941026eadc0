"""Sessions, and the personal tokens of programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field

from memorycapsule.domain.sessions import Scope, SessionKind
from memorycapsule.schemas.model import Id, Instant, Model

if TYPE_CHECKING:
    from memorycapsule.domain import sessions
    from memorycapsule.domain.stories import Viewer
    from memorycapsule.services.signing_in import SessionView
    from memorycapsule.services.tokens import NewToken


class Session(Model):
    id: Id
    account: Id
    scope: Scope = Field(
        description="What this token may do at most: read, contribute (stories of one's own), everything."
    )
    capsule: Id | None = Field(description="The only capsule that it reaches; null for all of its person's.")
    is_proved: bool = Field(
        description="Whether it has proved its person's address, and so sees all of their own sealed stories."
    )

    @classmethod
    def of(cls, viewer: Viewer) -> Self:
        return cls(
            id=viewer.session_id,
            account=viewer.account_id,
            scope=viewer.scope,
            capsule=viewer.capsule_id,
            is_proved=viewer.is_proved,
        )


class SessionLine(Model):
    id: Id
    kind: SessionKind = Field(description="How it came to be; token for a personal token.")
    name: str = Field(
        description="The browser and device that it lives in; of a token, what it is for.",
        examples=["Firefox on Android"],
    )
    scope: Scope
    capsule: Id | None = Field(description="The only capsule that it reaches; null for all of its person's.")
    created_at: Instant
    seen_at: Instant | None = Field(description="When it was last used, to the hour.")
    is_this: bool = Field(description="Whether it is the one that asks.")

    @classmethod
    def of(cls, view: SessionView) -> Self:
        found = view.session
        return cls(
            id=found.id,
            kind=found.kind,
            name=found.name,
            scope=found.scope,
            capsule=found.capsule_id,
            created_at=found.created_at,
            seen_at=found.seen_at,
            is_this=view.is_this,
        )


class Token(Model):
    id: Id
    name: str = Field(examples=["laptop"])
    scope: Scope
    created_at: Instant
    seen_at: Instant | None
    ended_at: Instant | None

    @classmethod
    def of(cls, found: sessions.Session) -> Self:
        return cls(
            id=found.id,
            name=found.name,
            scope=found.scope,
            created_at=found.created_at,
            seen_at=found.seen_at,
            ended_at=found.ended_at,
        )


class MadeToken(Token):
    secret: str = Field(
        description="For the header Authorization, or CAPSULE_TOKEN; it is told this once.",
        examples=["6f1c…"],
    )

    @classmethod
    def of_new(cls, made: NewToken) -> Self:
        return cls(**dict(Token.of(made.session)), secret=made.secret)


class SignInLink(Model):
    """A link that signs somebody in, once."""

    url: str
    expires_at: Instant
