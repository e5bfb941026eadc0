"""Invitations: bound to an address, usable again by the same person until accepted."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from memorycapsule.domain.capsules import Capsule, Role
from memorycapsule.errors import NotAllowed, UsageProblem


class InvitationState(StrEnum):
    """The state of an invitation."""

    INVITED = "invited"  #: waiting; its link may be opened any number of times
    ACCEPTED = "accepted"  #: the person has joined; the link is used up
    DECLINED = "declined"  #: the person said no
    REVOKED = "revoked"  #: taken back by the capsule's owner


def parse_invited_role(text: str) -> Role:
    """Return the role that people are invited to, as it was typed. Raises UsageProblem for any other word."""
    try:
        role = Role(text)
    except ValueError as error:
        raise UsageProblem("invited_part_unknown", part=text) from error
    check_invited_role(role)
    return role


def check_invited_role(role: Role) -> None:
    """Raise UsageProblem for a role that nobody is invited to."""
    if role is Role.OWNER:
        raise UsageProblem("invited_as_owner")


@dataclass(frozen=True, kw_only=True)
class Invitation:
    """An invitation of one address to one capsule."""

    id: str
    capsule_id: str
    address: str
    normalised: str
    #: How the inviter calls them; stands in letters until they choose a name.
    name: str | None
    #: The language of the invitation, by its BCP 47 name, until they choose one.
    locale: str
    role: Role
    state: InvitationState
    #: The member who invited.
    invited_by: str
    #: Counts links: a new one makes the old ones useless.
    rotation: int
    #: Counts letters.
    letters: int
    created_at: datetime
    expires_at: datetime
    answered_at: datetime | None
    #: The member it became; while it waits, the one in whose name somebody has put something in.
    member_id: str | None
    #: When they were last reminded.
    reminded_at: datetime | None = None

    @property
    def is_acted_for(self) -> bool:
        """Whether they are a member already, because somebody acted for them, and have not answered themselves."""
        return self.state is InvitationState.INVITED and self.member_id is not None

    def is_usable(self, now: datetime) -> bool:
        return self.state is InvitationState.INVITED and now < self.expires_at

    def check_usable(self, now: datetime) -> None:
        """Raise NotAllowed, with the state that stands in the way as its reason, unless it may be accepted now."""
        match self.state:
            case InvitationState.ACCEPTED:
                raise NotAllowed("invitation_used")
            case InvitationState.REVOKED:
                raise NotAllowed("invitation_revoked")
            case InvitationState.DECLINED:
                raise NotAllowed("invitation_declined")
            case InvitationState.INVITED if now >= self.expires_at:
                # Members come back by digits, as with a link that is used up.
                raise NotAllowed("invitation_used" if self.is_acted_for else "invitation_expired")

    def check_joinable(self, capsule: Capsule, now: datetime) -> None:
        """Raise NotAllowed, with what stands in the way as its reason, unless somebody may join with it now."""
        if self.state is InvitationState.INVITED and capsule.is_open:
            raise NotAllowed("invitation_used" if self.is_acted_for else "joined_too_late")
        self.check_usable(now)

    def accepted(self, member_id: str, now: datetime) -> Invitation:
        """Return it accepted. Raises NotAllowed unless it is usable."""
        self.check_usable(now)
        return dataclasses.replace(self, state=InvitationState.ACCEPTED, answered_at=now, member_id=member_id)

    def acted_for(self, member_id: str) -> Invitation:
        """Return it still waiting for their answer, though they are this member already."""
        return dataclasses.replace(self, member_id=member_id)

    def ended(self, now: datetime) -> Invitation:
        """Return it taken back since the member whom somebody acted for is none any more."""
        return dataclasses.replace(self, state=InvitationState.REVOKED, answered_at=now)

    def declined(self, now: datetime) -> Invitation:
        """Return it declined. Raises NotAllowed unless it is usable."""
        self.check_usable(now)
        return dataclasses.replace(self, state=InvitationState.DECLINED, answered_at=now)

    def revoked(self, now: datetime) -> Invitation:
        """Return it taken back. Raises NotAllowed once the person has joined, or is in as somebody acted for them."""
        if self.state is InvitationState.ACCEPTED:
            raise NotAllowed("invitation_accepted")
        if self.is_acted_for:
            raise NotAllowed("invitation_acted_for")
        return dataclasses.replace(self, state=InvitationState.REVOKED, answered_at=now)

    def sent_again(
        self,
        *,
        role: Role | None = None,
        name: str | None = None,
        locale: str | None = None,
        expires_at: datetime,
        has_left: bool = False,
    ) -> Invitation:
        """
        Return it waiting once more, with a new link and a new letter; None leaves a thing as it was.

        Raises NotAllowed when it was accepted, unless whoever joined with it `has_left` since.
        """
        if self.state is InvitationState.ACCEPTED and not has_left:
            raise NotAllowed("invitation_not_needed")
        return dataclasses.replace(
            self,
            state=InvitationState.INVITED,
            rotation=self.rotation + 1,
            letters=self.letters + 1,
            role=role or self.role,
            name=name or self.name,
            locale=locale or self.locale,
            expires_at=expires_at,
            answered_at=None,
            member_id=None,
        )

    def reminded(self, now: datetime) -> Invitation:
        """Return it with the same link and one letter more."""
        return dataclasses.replace(self, letters=self.letters + 1, reminded_at=now)
