"""
Who may use a route, written at its handler.

The handler and its services decide. A test tries every route as everybody, while a capsule is sealed and once it is
open, and holds what they decide to what stands here. A route without an audience fails it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, TypeVar

Handler = TypeVar("Handler", bound=Callable[..., Any])

_AUDIENCES = "memorycapsule_audiences"


class Audience(Enum):
    """Those who are let in; for everybody else, the thing is not there or not theirs to change."""

    #: Whoever asks; where an address or a form holds a secret, whoever knows it.
    EVERYBODY = auto()
    NOBODY = auto()
    #: Whoever has a session of any kind.
    WITH_SESSION = auto()
    #: Those whose session reaches all capsules of their account.
    ACCOUNTS = auto()
    #: The one person whose address, session or token it is.
    HOLDER = auto()
    #: The members of the capsule who have not left.
    MEMBERS = auto()
    #: The members who may add stories: all but those who only receive.
    CONTRIBUTORS = auto()
    #: The members who have added a story.
    HAVE_ADDED = auto()
    #: The author of the story, or whoever sends the file.
    AUTHOR = auto()
    OWNER = auto()
    #: The members but the owner.
    NO_OWNERS = auto()


@dataclass(frozen=True, kw_only=True)
class Audiences:
    """Who is let in while the capsule is sealed, and once it is open."""

    sealed: Audience
    opened: Audience


def for_whom(audience: Audience, *, once_open: Audience | None = None) -> Callable[[Handler], Handler]:
    """Return a decorator that says who may use a handler; `once_open`, where opening the capsule changes that."""

    def mark(handler: Handler) -> Handler:
        vars(handler)[_AUDIENCES] = Audiences(sealed=audience, opened=once_open or audience)
        return handler

    return mark


def audiences_of(handler: Callable[..., Any]) -> Audiences | None:
    """Return who may use a handler; None when it does not say."""
    found: Audiences | None = vars(handler).get(_AUDIENCES)
    return found
