"""
Who may do what: every route x everybody x sealed and open, and a new route without a row fails.

"In" means that the door lets somebody through, whatever it then says to an empty form; "out" that there is
nothing to see (404), that they may not (403, 401), or that they are led to where they can prove who they are.
"""

import dataclasses
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from cast import add_story, invite, join, make_capsule, make_instance, make_photo, make_workshop, open_instance
from cast import OPENS, Instance, Person, Time, attach
from memorycapsule.app import App
from memorycapsule.clock import Clock
from memorycapsule.config import Settings
from memorycapsule.daemon.http.site import make_site
from memorycapsule.domain.capsules import Role
from memorycapsule.domain.sessions import LinkPurpose, SessionKind
from memorycapsule.domain.stories import Viewer
from memorycapsule.services import letters, members, opening, sessions, uploads
from memorycapsule.services.uploads import About, UploadLimits
from memorycapsule.store import accounts as account_store
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import montages as montage_store
from moments import NOW

PEOPLE = ("anonymous", "invited", "contributor", "other", "recipient", "owner", "former", "admin")
NOBODY_ID = "00000000-0000-4000-8000-000000000000"

EVERYBODY = frozenset(PEOPLE)
NOBODY: frozenset[str] = frozenset()
MEMBERS = frozenset({"contributor", "other", "recipient", "owner"})
GIVERS = frozenset({"contributor", "other", "owner"})
AUTHOR = frozenset({"contributor"})
OWNER = frozenset({"owner"})
#: Sessions that are somebody's for all of their capsules.
ACCOUNTS = frozenset({"owner", "admin"})
#: Whoever has any session at all: of API routes that say something about the asker alone.
KNOWN = EVERYBODY - {"anonymous", "invited"}

#: Method and path: who is let in while the capsule is sealed, and once it is open.
ROWS: dict[str, tuple[frozenset[str], frozenset[str]]] = {}


def row(routes: str, sealed: frozenset[str], opened: frozenset[str] | None = None) -> None:
    for line in routes.split("\n"):
        if line.strip():
            assert line.strip() not in ROWS
            ROWS[line.strip()] = (sealed, sealed if opened is None else opened)


# Doors that show everybody the same, and those whose key is in the address.
row(
    """
    GET /healthz
    GET /g/static/{version}/{name:path}
    GET /g/soundtracks/{theme}.m4a
    GET /g/left
    GET /sign-in
    POST /sign-in
    GET /sign-in/code
    POST /sign-in/code
    GET /sign-in/{token}
    POST /sign-in/{token}
    GET /set-up/{token}
    POST /set-up/{token}
    POST /sign-out
    GET /api/docs
    GET /api/openapi.json
    GET /g/v/{token}
    POST /g/v/{token}
    GET /g/consent/{token}
    POST /g/consent/{token}
    """,
    EVERYBODY,
)
# An opened capsule takes nobody in; only who is inside is led there.
row("GET /g/i/{token}\nPOST /g/i/{token}\nGET /g/i/{token}/decline\nPOST /g/i/{token}/decline", EVERYBODY)
row("GET /g/i/{token}/cover", NOBODY)
row("GET /g/o/{token}\nPOST /g/o/{token}", NOBODY, EVERYBODY)
# Whoever is signed in, on their own behalf.
row("GET /", EVERYBODY)
row(
    """
    GET /account
    POST /account
    GET /account/addresses
    POST /account/addresses
    POST /account/addresses/code
    POST /account/tokens
    GET /account/delete
    POST /account/delete
    GET /capsules/new
    POST /capsules/new
    POST /capsules/new/seal
    """,
    ACCOUNTS,
)
row("POST /account/addresses/{address_id}/remove\nPOST /account/sessions/{session_id}/end", OWNER)
row("GET /g/prove\nPOST /g/prove\nPOST /g/prove/letter", KNOWN)
# The capsule.
row("GET /g/c/{capsule_id}\nGET /g/c/{capsule_id}/opening-day.ics", MEMBERS)
row("GET /g/c/{capsule_id}/cover", NOBODY)
row("GET /g/c/{capsule_id}/leave\nPOST /g/c/{capsule_id}/leave", MEMBERS - OWNER)
row(
    """
    GET /g/c/{capsule_id}/photos
    GET /g/c/{capsule_id}/photos.json
    GET /g/c/{capsule_id}/letters.{kind}
    GET /g/c/{capsule_id}/film
    GET /g/c/{capsule_id}/film/length
    GET /g/c/{capsule_id}/film/progress
    GET /g/c/{capsule_id}/everything.zip
    POST /g/c/{capsule_id}/untied
    POST /g/c/{capsule_id}/films
    """,
    NOBODY,
    MEMBERS,
)
row("POST /g/c/{capsule_id}/films/{montage_id}/cancel", NOBODY, NOBODY)
row("GET /g/f/{montage_id}/{form}\nGET /g/f/{montage_id}/{kind}.vtt", NOBODY, NOBODY)
row("GET /g/c/{capsule_id}/add\nPOST /g/c/{capsule_id}/add\nPOST /g/c/{capsule_id}/order", GIVERS, NOBODY)
row("GET /g/c/{capsule_id}/thanks", GIVERS, NOBODY)
row("GET /g/m/{medium_id}/{form}", AUTHOR, MEMBERS)
row(
    """
    GET /g/c/{capsule_id}/stories/{story_id}
    POST /g/c/{capsule_id}/stories/{story_id}
    GET /g/c/{capsule_id}/stories/{story_id}/remove
    POST /g/c/{capsule_id}/stories/{story_id}/remove
    """,
    AUTHOR,
    NOBODY,
)
row("POST /g/u\nGET /g/u/{upload_id}\nPATCH /g/u/{upload_id}\nDELETE /g/u/{upload_id}", AUTHOR, NOBODY)
row("POST /g/u/{upload_id}", AUTHOR, NOBODY)
row(
    """
    GET /c/{capsule_id}/people
    POST /c/{capsule_id}/people
    POST /c/{capsule_id}/people/again
    POST /c/{capsule_id}/people/remind
    POST /c/{capsule_id}/people/revoke
    GET /c/{capsule_id}/cards
    GET /c/{capsule_id}/date
    POST /c/{capsule_id}/date
    POST /c/{capsule_id}/date/move
    POST /c/{capsule_id}/date/withdraw
    GET /c/{capsule_id}/settings
    POST /c/{capsule_id}/settings
    GET /c/{capsule_id}/delete
    POST /c/{capsule_id}/delete
    GET /c/{capsule_id}/members/{member_id}
    POST /c/{capsule_id}/members/{member_id}/role
    POST /c/{capsule_id}/members/{member_id}/hand-over
    POST /c/{capsule_id}/members/{member_id}/remove
    """,
    OWNER,
)
row("GET /c/{capsule_id}/handed-over", MEMBERS & ACCOUNTS)
