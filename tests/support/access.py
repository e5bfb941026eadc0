"""
Who may do what: the audiences at the handlers, told as the people whom `integration/http/test_authorisation.py` sends.

Ben has added a story, Dora has joined, Rae only receives, Olga owns the capsule, Fred has left it, Ada is the admin.
"""

from fastapi import FastAPI

from memorycapsule.daemon.http.protocol.audiences import Audience, audiences_of
from support.routes import routes_of

PEOPLE = ("anonymous", "invited", "contributor", "other", "recipient", "owner", "former", "admin")

MEMBERS = frozenset({"contributor", "other", "recipient", "owner"})
NOBODY: frozenset[str] = frozenset()
OWNER = frozenset({"owner"})
EVERYBODY = frozenset(PEOPLE)
WITH_SESSION = MEMBERS | {"admin"}

WHO: dict[Audience, frozenset[str]] = {
    Audience.EVERYBODY: EVERYBODY,
    Audience.NOBODY: NOBODY,
    Audience.WITH_SESSION: WITH_SESSION,
    Audience.ACCOUNTS: frozenset({"owner", "admin"}),
    # The address, the session and the token that are tried are Olga's.
    Audience.HOLDER: OWNER,
    Audience.MEMBERS: MEMBERS,
    Audience.CONTRIBUTORS: frozenset({"contributor", "other", "owner"}),
    Audience.HAVE_ADDED: frozenset({"contributor", "owner"}),
    Audience.AUTHOR: frozenset({"contributor"}),
    Audience.OWNER: OWNER,
    Audience.NO_OWNERS: MEMBERS - OWNER,
}

#: Where the people here meet something else than the audience of the route: who has access while sealed, and once open.
EXCEPTIONS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    # Before everything else comes that the request names no method that it stands for.
    "POST /g/u/{upload_id}": (EVERYBODY, EVERYBODY),
    "POST /api/v1/uploads/{upload_id}": (WITH_SESSION, WITH_SESSION),
    # The owner hands over first; the admin belongs to the machine.
    "DELETE /api/v1/me": (NOBODY, OWNER),
    # Of the film of an opening, which waits.
    "POST /api/v1/montages/{montage}/retry": (NOBODY, OWNER),
    "POST /g/c/{capsule_id}/films/{montage_id}/retry": (NOBODY, OWNER),
    # These tokens, codes, covers and requests do not exist, the capsule holds other people's stories, the film is not
    # ready, and the address is the only one.
    **dict.fromkeys(
        (
            "DELETE /api/v1/capsules/{capsule}",
            "DELETE /api/v1/capsules/{capsule}/wish",
            "DELETE /api/v1/me/addresses/{address}",
            "GET /api/v1/capsules/{capsule}/cover",
            "GET /api/v1/montages/{montage}/film",
            "GET /api/v1/montages/{montage}/poster",
            "GET /api/v1/montages/{montage}/{kind}.vtt",
            "GET /g/c/{capsule_id}/cover",
            "GET /g/consent/{token}",
            "GET /g/f/{montage_id}/{form}",
            "GET /g/f/{montage_id}/{kind}.vtt",
            "GET /g/i/{token}/cover",
            "GET /set-up/{token}",
            "GET /sign-in/{token}",
            "POST /api/v1/capsules/{capsule}/consent",
            "POST /api/v1/me/addresses/code",
            "POST /api/v1/montages/{montage}/cancel",
            "POST /api/v1/session/proof",
            "POST /api/v1/sign-in/code",
            "POST /c/{capsule_id}/date/withdraw",
            "POST /g/c/{capsule_id}/films/{montage_id}/cancel",
            "POST /g/consent/{token}",
            "POST /set-up/{token}",
            "POST /sign-in/{token}",
        ),
        (NOBODY, NOBODY),
    ),
}


def rows_of(site: FastAPI) -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    """By method and path: who has access while the capsule is sealed, and once it is open."""
    rows = {}
    for route in routes_of(site):
        audiences = audiences_of(route.handler)
        assert audiences, f"{route} does not say for whom it is"
        rows[str(route)] = EXCEPTIONS.get(str(route), (WHO[audiences.sealed], WHO[audiences.opened]))
    return rows
