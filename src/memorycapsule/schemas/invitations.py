"""Invitations, what comes of accepting one, and reminders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field

from memorycapsule.domain.capsules import Role
from memorycapsule.domain.invitations import InvitationState
from memorycapsule.schemas.members import Member
from memorycapsule.schemas.model import Id, Instant, Model

if TYPE_CHECKING:
    from memorycapsule.domain import capsules, invitations
    from memorycapsule.services.invitations import Invited, Joined
    from memorycapsule.services.reminders import Reminded


class Invitation(Model):
    id: Id
    email: str = Field(examples=["younghee@example.org"])
    name: str | None
    role: Role
    state: InvitationState
    expires_at: Instant

    @classmethod
    def of(cls, found: invitations.Invitation) -> Self:
        return cls(
            id=found.id,
            email=found.address,
            name=found.name,
            role=found.role,
            state=found.state,
            expires_at=found.expires_at,
        )


class SentInvitation(Invitation):
    token: str = Field(description="What the link ends with.", examples=["Ff3kQ9"])
    url: str = Field(
        description="The link of this person, to hand it over in another way; whoever has it can join.",
        examples=["https://photos.example.org/g/i/Ff3kQ9"],
    )
    is_new: bool = Field(description="False for an invitation that waits already: no other letter was sent.")

    @classmethod
    def of_invited(cls, found: Invited, url: str) -> Self:
        invitation = Invitation.of(found.invitation)
        return cls(**dict(invitation), token=found.token, url=url, is_new=found.is_new)


class JoinedCapsule(Model):
    id: Id
    slug: str = Field(examples=["the-summer-we-kept"])
    title: str = Field(examples=["The summer we kept"])

    @classmethod
    def of(cls, found: capsules.Capsule) -> Self:
        return cls(id=found.id, slug=found.slug, title=found.title)


class JoinedAnswer(Model):
    member: Member
    capsule: JoinedCapsule
    token: str = Field(
        description="The secret of the joiner's session in this capsule; it is told this once.",
        examples=["6f1c…"],
    )

    @classmethod
    def of(cls, found: Joined) -> Self:
        return cls(member=Member.of(found.member), capsule=JoinedCapsule.of(found.capsule), token=found.token)


class RemindedAnswer(Model):
    """Who gets a letter."""

    invitations: list[Invitation]
    members: list[Member]

    @classmethod
    def of(cls, found: Reminded) -> Self:
        return cls(
            invitations=[Invitation.of(one) for one in found.invitations],
            members=[Member.of(one) for one in found.members],
        )
