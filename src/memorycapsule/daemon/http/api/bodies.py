"""What requests hold, as the document says it. Services check what it means; a field that is not known is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from memorycapsule import themes
from memorycapsule.daemon.http.protocol.problems import FieldProblem
from memorycapsule.domain import zones
from memorycapsule.domain.capsules import checked_film_photos, checked_message, checked_title
from memorycapsule.domain.opening_dates import parse_opening_date
from memorycapsule.domain.people import storable
from memorycapsule.domain.sessions import Scope
from memorycapsule.domain.stories import LONGEST_TEXT
from memorycapsule.errors import CapsuleError, UsageProblem
from memorycapsule.schemas.model import AN_ID, Id, Instant, Model
from memorycapsule.words.languages import Language


def _ruled(check: Callable[[Any], object]) -> AfterValidator:
    """Return what refuses a field for which `check` raises: then all that is wrong with a body is told at once."""

    def checked(value: Any) -> Any:
        try:
            check(value)
        except CapsuleError as error:
            raise FieldProblem(error) from error
        return value

    return AfterValidator(checked)


def _readable_date(text: str) -> None:
    """Refuse what is no date in any zone; whether it has passed, a service knows."""
    try:
        parse_opening_date(text, "UTC", _LONG_AGO)
    except UsageProblem as error:
        if error.reason != "date_too_far":
            raise


_LONG_AGO = datetime(1900, 1, 1, tzinfo=UTC)
#: Services cut and check what people write; this only keeps out what nobody writes.
Line = Annotated[str, StringConstraints(max_length=1000), AfterValidator(storable)]
Prose = Annotated[str, StringConstraints(max_length=2 * LONGEST_TEXT), AfterValidator(storable)]
Digits = Annotated[Line, Field(description="The six digits of the letter.", examples=["402 817"])]
Title = Annotated[Line, _ruled(checked_title)]
Message = Annotated[Prose, _ruled(checked_message)]
Opens = Annotated[Line, _ruled(_readable_date)]
Zone = Annotated[Line, _ruled(zones.zone)]
ThemeName = Annotated[Line, _ruled(themes.load)]
FilmPhotos = Annotated[int, _ruled(checked_film_photos)]
Emails = Annotated[list[Line], Field(min_length=1, max_length=100, examples=[["younghee@example.org"]])]
InvitationToken = Annotated[
    Line,
    Field(description="What the link of the invitation ends with.", examples=["Ff3kQ9"]),
]


class Body(Model):
    model_config = ConfigDict(use_attribute_docstrings=True)


class NewCapsule(Body):
    title: Annotated[Title, Field(examples=["The summer we kept"])]
    opens: Annotated[Opens, Field(examples=["2036-05-08 09:00"])]
    """When it opens, for good: ISO 8601, “in 10 years”, “+10y” or “10년 후”."""
    zone: Annotated[Zone | None, Field(examples=["Asia/Seoul"])] = None
    """The zone of a date that names none; otherwise that of this server."""
    theme: Annotated[ThemeName, Field(examples=["museum"])] = "photocard"
    film_photos: Annotated[FilmPhotos | None, Field(examples=[60])] = None
    """How many pictures the film takes at most."""
    music: Annotated[ThemeName | None, Field(examples=["museum"])] = None
    """The theme whose music is to be heard, if not its own."""
    film_language: Annotated[Language | None, Field(examples=["ko"])] = None
    """The language of what the film says itself, if not the caller's."""
    message: Annotated[Message | None, Field(examples=["One photo is enough."])] = None
    """What invitations say; visible before the date."""


class CapsuleChanges(Body):
    """What is not named stays as it is."""

    title: Annotated[Title | None, Field(examples=["The summer we kept"])] = None
    message: Annotated[Message | None, Field(examples=["One photo is enough."])] = None
    theme: Annotated[ThemeName | None, Field(examples=["window"])] = None
    film_photos: Annotated[FilmPhotos | None, Field(examples=[80])] = None
    music: Annotated[Line | None, Field(examples=["museum"])] = None
    """The theme whose music is to be heard, "" for its own; a song of people's own goes then."""
    film_language: Annotated[Language | Literal[""] | None, Field(examples=["ko"])] = None
    """The language of what the film says itself, "" for that of whoever made the capsule."""


class SignIn(Body):
    email: Annotated[Line, Field(examples=["younghee@example.org"])]
    """Where the six digits are mailed to, if it is an account's."""


class SignInCode(SignIn):
    code: Digits


class Proof(Body):
    code: Digits


class Accept(Body):
    token: InvitationToken
    name: Annotated[Line | None, Field(examples=["Younghee"])] = None
    """What the others call them; otherwise what the invitation says."""
    locale: Language | None = None
    """The language of letters and pages; otherwise that of the invitation."""


class Decline(Body):
    token: InvitationToken


class AccountChanges(Body):
    """What is not named stays as it is."""

    name: Annotated[Line | None, Field(examples=["Younghee"])] = None
    locale: Language | None = None


class NewAddress(Body):
    email: Annotated[Line, Field(examples=["younghee@new.example"])]


class NewToken(Body):
    name: Annotated[Line, Field(examples=["laptop"])]
    """What it is for."""
    scope: Literal["read", "contribute"] = Scope.CONTRIBUTE.value
    """read: look; contribute: that, and add, change and remove stories of one's own."""


class EndedToken(Body):
    token: Annotated[Line, Field(examples=["laptop"])]
    """Its name or id."""


class MemberChanges(Body):
    role: Literal["contributor", "recipient"]
    """Recipients put nothing in and receive it on the day."""


class Leaving(Body):
    takes_stories: Annotated[bool, Field(examples=[False])] = False
    """Whether all stories of one's own go along, for good; until the date."""


class Reminders(Body):
    only: Annotated[list[Id] | None, Field(max_length=1000)] = None
    """The ids of the invitations and members who are to be reminded; null for all who are silent."""


class NewDate(Body):
    opens: Annotated[Opens, Field(examples=["2040-05-08 09:00"])]
    zone: Annotated[Zone | None, Field(examples=["Asia/Seoul"])] = None


class Consent(Body):
    is_given: bool


class NewInvitations(Body):
    emails: Emails
    role: Literal["contributor", "recipient"] | None = None
    """Recipients put nothing in and receive it on the day."""
    name: Annotated[Line | None, Field(examples=["할머니"])] = None
    """How the letter speaks to them; for one person."""
    locale: Language | None = None
    """The language of the letter."""
    again: Annotated[bool, Field(examples=[False])] = False
    """Whether whoever is invited already gets another letter with a new link; the old one goes."""


class RevokedInvitations(Body):
    emails: Emails


class NewStory(Body):
    title: Annotated[Line | None, Field(examples=["The swing"])] = None
    text: Annotated[Prose | None, Field(examples=["We stayed until dark."])] = None


class StoryChanges(Body):
    """What is not named stays as it is."""

    title: Annotated[Line | None, Field(examples=["The swing"])] = None
    text: Annotated[Prose | None, Field(examples=["We stayed until dark."])] = None
    captions: Annotated[dict[str, Line] | None, Field(max_length=2000, examples=[{AN_ID: "The swing"}])] = (
        None
    )
    """What is written under photos and clips, by their ids."""
    seen_at: Instant | None = None
    """The story's `changed_at` as the caller has seen it; 409 when it was changed since, and nothing is written."""


class MediaOrder(Body):
    media: Annotated[list[Id], Field(max_length=2000)]
    """The ids in their new order; those that are not named follow."""


class StoryOrder(Body):
    stories: Annotated[list[Id], Field(max_length=2000)]
    """The ids in their new order; those that are not named follow."""


class NewMontage(Body):
    stories: Annotated[list[Id], Field(max_length=1000, default_factory=list)]
    """The stories to take, in this order; none for all."""
    title: Annotated[Line | None, Field(examples=["The best of the summer"])] = None
    """What it is called; otherwise it goes by its capsule's title."""
    length: Annotated[Line | None, Field(examples=["short"])] = None
    """short, full, or a number of seconds."""
    music: Annotated[Line | None, Field(examples=["museum"])] = None
    """The theme whose own music is to be heard; see /soundtracks."""
