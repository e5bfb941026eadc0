"""
What answers hold, as the document says it; `bodies` has what requests hold.

Answers are made by `services.shapes` and checked against these: a field that one of them lacks is an error and
not a gap in the document.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from memorycapsule.domain.capsules import CapsuleState, Role
from memorycapsule.domain.date_requests import DateRequestState
from memorycapsule.domain.film.montages import MontageState
from memorycapsule.domain.invitations import InvitationState
from memorycapsule.domain.sessions import Scope, SessionKind
from memorycapsule.domain.stories import MediumKind
from memorycapsule.words.languages import Language

AN_ID = "3f0c6a52-6c0e-4b0e-9a86-8d1f3c1f7f10"

Id = Annotated[str, Field(description="A random id.", examples=[AN_ID])]
Instant = Annotated[AwareDatetime, Field(examples=["2036-05-08T00:00:00Z"])]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Session(Model):
    id: Id
    account: Id
    scope: Scope
    """What this token may do at most: read, contribute (stories of one's own), everything."""
    capsule: Id | None
    """The only capsule that it reaches; null for all of its person's."""
    is_proved: bool
    """Whether it has proved its person's address, and so sees all of their own sealed stories."""


class SessionAnswer(Model):
    session: Session


class SessionLine(Model):
    id: Id
    kind: SessionKind
    """How it came to be; token for a personal token."""
    name: Annotated[str, Field(examples=["Firefox on Android"])]
    """The browser and device that it lives in; of a token, what it is for."""
    scope: Scope
    capsule: Id | None
    """The only capsule that it reaches; null for all of its person's."""
    created_at: Instant
    seen_at: Instant | None
    """When it was last used, to the hour."""
    is_this: bool
    """Whether it is the one that asks."""


class SessionsAnswer(Model):
    sessions: list[SessionLine]
    next: str | None
    """Where the list goes on; null at its end."""


class MadeToken(Model):
    id: Id
    name: Annotated[str, Field(examples=["laptop"])]
    scope: Scope
    created_at: Instant
    seen_at: Instant | None
    ended_at: Instant | None
    secret: Annotated[str, Field(examples=["6f1c…"])]
    """For the header Authorization, or CAPSULE_TOKEN; it is told this once."""


class MadeTokenAnswer(Model):
    token: MadeToken


class Account(Model):
    id: Id
    name: Annotated[str, Field(examples=["Younghee"])]
    locale: Language
    """The language of letters and pages."""


class AccountAnswer(Model):
    account: Account


class SignedInAnswer(Model):
    account: Account
    token: Annotated[str, Field(examples=["6f1c…"])]
    """The secret of the new session, for the header Authorization; it is told this once."""


class Address(Model):
    id: Id
    email: Annotated[str, Field(examples=["younghee@example.org"])]
    verified_at: Instant | None
    """When it was proved by a mailed code or link."""


class AddressAnswer(Model):
    address: Address


class AddressesAnswer(Model):
    addresses: list[Address]
    """Letters go to the first."""
    asked: Annotated[str | None, Field(examples=["younghee@new.example"])]
    """Where a code is on its way to, to prove a new address."""


class AskedAddressAnswer(Model):
    asked: Annotated[str, Field(examples=["younghee@new.example"])]
    """Where the code is mailed to."""


class Deletion(Model):
    """What deleting an account would do."""

    in_the_way: list[Id]
    """Sealed capsules that it owns with others in them: they are handed over first."""
    goes_along: list[Id]
    """Sealed capsules that it is alone in: they would be deleted with it."""
    stays: Annotated[int, Field(examples=[3])]
    """In how many others what it has put in stays."""


class DeletionAnswer(Model):
    deletion: Deletion


class Member(Model):
    id: Id
    name: Annotated[str, Field(examples=["Younghee"])]
    role: Role
    joined_at: Instant
    left_at: Instant | None
    """When they left; their stories stay."""


class MemberAnswer(Model):
    member: Member


class JoinedCapsule(Model):
    id: Id
    slug: Annotated[str, Field(examples=["the-summer-we-kept"])]
    title: Annotated[str, Field(examples=["The summer we kept"])]


class JoinedAnswer(Model):
    member: Member
    capsule: JoinedCapsule
    token: Annotated[str, Field(examples=["6f1c…"])]
    """The secret of the joiner's session in this capsule; it is told this once."""


class Contribution(Model):
    """How much a member has put in; before the date nobody learns what."""

    member: Id
    name: Annotated[str, Field(examples=["Younghee"])]
    stories: Annotated[int, Field(examples=[2])]
    photos: Annotated[int, Field(examples=[31])]
    clips: Annotated[int, Field(examples=[1])]
    voices: Annotated[int, Field(examples=[0])]
    """Voice notes."""


class MemberLine(Member):
    stories: Annotated[int, Field(examples=[2])]
    photos: Annotated[int, Field(examples=[31])]
    clips: Annotated[int, Field(examples=[1])]
    voices: Annotated[int, Field(examples=[0])]
    """Voice notes."""


class MembersAnswer(Model):
    members: list[MemberLine]
    next: str | None
    """Where the list goes on; null at its end."""


class Invitation(Model):
    id: Id
    email: Annotated[str, Field(examples=["younghee@example.org"])]
    name: str | None
    role: Role
    state: InvitationState
    expires_at: Instant


class InvitationsAnswer(Model):
    invitations: list[Invitation]
    next: str | None
    """Where the list goes on; null at its end."""


class SentInvitation(Invitation):
    token: str
    url: Annotated[str, Field(examples=["https://photos.example.org/g/i/Ff3kQ9"])]
    """The link of this person, to hand it over in another way; whoever has it can join."""
    is_new: bool
    """False for an invitation that waits already: no other letter was sent."""


class SentInvitationsAnswer(Model):
    invitations: list[SentInvitation]


class RemindedAnswer(Model):
    """Who gets a letter."""

    invitations: list[Invitation]
    members: list[Member]


class Medium(Model):
    id: Id
    file: Annotated[str, Field(examples=["IMG_2041.HEIC"])]
    """The name that it came with."""
    position: Annotated[int, Field(examples=[0])]
    """Its place in the story."""
    kind: MediumKind
    sha256: str
    """SHA-256 of the original, hexadecimal."""
    bytes: Annotated[int, Field(examples=[2_481_330])]
    format: Annotated[str, Field(examples=["HEIC"])]
    width: Annotated[int | None, Field(examples=[4032])]
    """As a person sees it, in pixels; null for a voice note."""
    height: Annotated[int | None, Field(examples=[3024])]
    taken_at: Annotated[str | None, Field(examples=["2026-08-02T18:41:07+09:00"])]
    """When it was taken; without an offset where the camera knew none."""
    has_gps: bool
    duration_seconds: float | None
    has_sound: bool
    caption: str | None


class MediumAnswer(Model):
    medium: Medium


class MediaAnswer(Model):
    media: list[Medium]
    next: str | None
    """Where the list goes on; null at its end."""


class Author(Model):
    id: Id
    name: Annotated[str, Field(examples=["Younghee"])]


class Story(Model):
    id: Id
    capsule: Id
    author: Author
    title: Annotated[str, Field(examples=["The swing"])]
    text: Annotated[str, Field(examples=["We stayed until dark."])]
    created_at: Instant
    changed_at: Instant
    media: list[Medium]


class StoryAnswer(Model):
    story: Story


class StoriesAnswer(Model):
    stories: list[Story]
    next: str | None
    """Where the list goes on; null at its end."""


class Montage(Model):
    id: Id
    capsule: Id
    state: MontageState
    progress: Annotated[float, Field(ge=0, le=1, examples=[0.42])]
    seconds_left: Annotated[int | None, Field(examples=[95])]
    """About how long it will still be rendered, where that is known."""
    seconds: Annotated[float | None, Field(examples=[142.5])]
    """The film's length, once it is there."""
    is_opening: bool
    """Whether it is the film that was made on the day."""
    stories: list[Id]
    """The chosen stories in their order; empty for all."""
    title: Annotated[str | None, Field(examples=["The best of the summer"])]
    """What it is called; null for a film that goes by its capsule's title."""
    length: Annotated[str | None, Field(examples=["short"])]
    music: Annotated[str | None, Field(examples=["museum"])]
    """The theme whose own music was chosen."""
    report: list[str]
    """What was left out or went wrong, a sentence each."""
    queued_at: Instant
    finished_at: Instant | None


class MontageAnswer(Model):
    montage: Montage


class EstimateAnswer(Model):
    seconds: Annotated[float, Field(examples=[142.5])]
    """About how long the film would last."""


class MontagesAnswer(Model):
    montages: list[Montage]
    next: str | None
    """Where the list goes on; null at its end."""


class _Dated(Model):
    id: Id
    state: CapsuleState
    opens_at: Instant
    opens_local: Annotated[str, Field(examples=["2036-05-08T09:00:00"])]
    """The wall time that people meant, in `zone`."""
    zone: Annotated[str, Field(examples=["Asia/Seoul"])]


class CapsuleLine(_Dated):
    slug: Annotated[str | None, Field(examples=["the-summer-we-kept"])]
    """The short name; each person's own, addresses may hold it instead of the id."""
    title: Annotated[str | None, Field(examples=["The summer we kept"])]
    theme: Annotated[str | None, Field(examples=["museum"])]
    role: Role | None
    members: int | None
    bytes: int | None
    """Only the command line of the machine itself learns it; null here."""


class CapsulesAnswer(Model):
    capsules: list[CapsuleLine]
    next: str | None
    """Where the list goes on; null at its end."""


class Capsule(_Dated):
    slug: Annotated[str, Field(examples=["the-summer-we-kept"])]
    title: Annotated[str, Field(examples=["The summer we kept"])]
    message: str | None
    theme: Annotated[str, Field(examples=["museum"])]
    film_photos: Annotated[int, Field(examples=[60])]
    music: Annotated[str | None, Field(examples=["museum"])]
    """The theme whose own music is heard instead of its own; a song of people's own goes before it."""
    has_soundtrack: bool
    has_cover: bool
    role: Role
    created_at: Instant
    opened_at: Instant | None
    members: list[Member]
    contributions: list[Contribution]
    stories: list[Story]
    """Before the date the caller's own, afterwards all."""
    invitations: list[Invitation]
    """For the owner; empty for everybody else."""
    montages: list[Montage]
    """Empty before the date."""


class CapsuleAnswer(Model):
    capsule: Capsule


class Wish(Model):
    """Its owner would like to open a capsule earlier; everybody concerned has to say yes, and silence is no."""

    id: Id
    state: DateRequestState
    opens_at: Instant
    opens_local: str
    zone: str
    asked_at: Instant
    ended_at: Instant | None
    asked_by: Id
    answer: bool | None
    """What the caller said."""
    concerned: int
    """How many have to say yes, and how many have."""
    said_yes: int


class WishAnswer(Model):
    wish: Wish | None


class DateAnswer(Model):
    capsule: Capsule
    wish: Wish | None
    """What waits for answers, when the date was to be earlier."""


class Theme(Model):
    name: Annotated[str, Field(examples=["museum"])]
    titles: Annotated[dict[str, str], Field(examples=[{"en": "Museum", "ko": "미술관"}])]
    """How people call it, by language."""


class ThemesAnswer(Model):
    themes: list[Theme]


class Soundtrack(Model):
    name: Annotated[str, Field(examples=["museum"])]
    """The theme whose own music it is."""
    titles: Annotated[dict[str, str], Field(examples=[{"en": "Slow Light"}])]
    beats_per_minute: Annotated[float, Field(examples=[72])]
    file: Annotated[str, Field(examples=["/api/v1/soundtracks/museum/file"])]
    """Where it can be listened to."""


class SoundtracksAnswer(Model):
    soundtracks: list[Soundtrack]
