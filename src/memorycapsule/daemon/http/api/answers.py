"""
What answers hold, as the document says it: the models of `schemas` with the names that they go by.

`bodies` has what requests hold.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from memorycapsule.schemas.accounts import Account, Address, Deletion
from memorycapsule.schemas.capsule_lines import CapsuleLine
from memorycapsule.schemas.capsules import Capsule
from memorycapsule.schemas.date_requests import Wish
from memorycapsule.schemas.invitations import Invitation, SentInvitation
from memorycapsule.schemas.members import Member, MemberLine
from memorycapsule.schemas.model import Model
from memorycapsule.schemas.montages import Montage
from memorycapsule.schemas.sessions import MadeToken, Session, SessionLine, Token
from memorycapsule.schemas.stories import Medium, Story
from memorycapsule.schemas.themes import Soundtrack, Theme

Next = Annotated[str | None, Field(description="Where the list goes on; null at its end.")]


class SessionAnswer(Model):
    session: Session


class SessionsAnswer(Model):
    sessions: list[SessionLine]
    next: Next


class TokenAnswer(Model):
    token: Token


class MadeTokenAnswer(Model):
    token: MadeToken


class AccountAnswer(Model):
    account: Account


class SignedInAnswer(Model):
    account: Account
    token: str = Field(
        description="The secret of the new session, for the header Authorization; it is told this once.",
        examples=["6f1c…"],
    )


class AddressAnswer(Model):
    address: Address


class AddressesAnswer(Model):
    addresses: list[Address] = Field(description="Letters go to the first.")
    asked: str | None = Field(
        description="Where a code is on its way to, to prove a new address.",
        examples=["younghee@new.example"],
    )


class AskedAddressAnswer(Model):
    asked: str = Field(description="Where the code is mailed to.", examples=["younghee@new.example"])


class DeletionAnswer(Model):
    deletion: Deletion


class MemberAnswer(Model):
    member: Member


class MembersAnswer(Model):
    members: list[MemberLine]
    next: Next


class InvitationsAnswer(Model):
    invitations: list[Invitation]
    next: Next


class SentInvitationsAnswer(Model):
    invitations: list[SentInvitation]


class MediumAnswer(Model):
    medium: Medium


class MediaAnswer(Model):
    media: list[Medium]
    next: Next


class StoryAnswer(Model):
    story: Story


class StoriesAnswer(Model):
    stories: list[Story]
    next: Next


class MontageAnswer(Model):
    montage: Montage


class EstimateAnswer(Model):
    seconds: float = Field(description="About how long the film would last.", examples=[142.5])


class MontagesAnswer(Model):
    montages: list[Montage]
    next: Next


class CapsulesAnswer(Model):
    capsules: list[CapsuleLine]
    next: Next


class CapsuleAnswer(Model):
    capsule: Capsule


class WishAnswer(Model):
    wish: Wish | None


class DateAnswer(Model):
    capsule: Capsule
    wish: Wish | None = Field(description="What waits for answers, when the date was to be earlier.")


class ThemesAnswer(Model):
    themes: list[Theme]


class SoundtracksAnswer(Model):
    soundtracks: list[Soundtrack]
