"""
Who may do what: the table that `integration/http/test_authorisation.py` holds the site to.

Ben has put a story in, Dora has joined, Rae only receives, Olga owns the capsule, Fred has left it, Ada is the admin.
"""

PEOPLE = ("anonymous", "invited", "contributor", "other", "recipient", "owner", "former", "admin")

EVERYBODY = frozenset(PEOPLE)
NOBODY: frozenset[str] = frozenset()
MEMBERS = frozenset({"contributor", "other", "recipient", "owner"})
GIVERS = frozenset({"contributor", "other", "owner"})
AUTHOR = frozenset({"contributor"})
OWNER = frozenset({"owner"})
#: Sessions that are somebody's for all of their capsules.
ACCOUNTS = frozenset({"owner", "admin"})
#: Whoever has any session at all.
KNOWN = MEMBERS | {"admin"}
HAVE_GIVEN = frozenset({"contributor", "owner"})
NO_OWNERS = MEMBERS - OWNER

#: Method and path: who is let in while the capsule is sealed, and once it is open.
ROWS: dict[str, tuple[frozenset[str], frozenset[str]]] = {}


def row(routes: str, sealed: frozenset[str], opened: frozenset[str] | None = None) -> None:
    for line in routes.split("\n"):
        if line.strip():
            assert line.strip() not in ROWS
            ROWS[line.strip()] = (sealed, sealed if opened is None else opened)


# What is somebody's for all of their capsules needs a session that is, too.
row(
    """
    GET /account
    POST /account
    GET /account/addresses
    POST /account/addresses
    POST /account/addresses/code
    GET /account/delete
    POST /account/delete
    POST /account/tokens
    GET /api/v1/me/addresses
    GET /api/v1/me/deletion
    GET /api/v1/me/sessions
    POST /api/v1/capsules
    POST /api/v1/me/addresses
    PATCH /api/v1/me
    GET /capsules/new
    POST /capsules/new
    POST /capsules/new/seal
    """,
    ACCOUNTS,
)
# What is on its way belongs to the session that began it.
row(
    """
    DELETE /api/v1/uploads/{upload_id}
    GET /api/v1/uploads/{upload_id}
    DELETE /g/u/{upload_id}
    GET /g/u/{upload_id}
    """,
    AUTHOR,
)
# A story before the day: its author's alone; then everybody's who is in the capsule.
row(
    """
    GET /api/v1/media/{medium}
    GET /api/v1/media/{medium}/{form}
    GET /api/v1/stories/{story}
    GET /api/v1/stories/{story}/media
    GET /g/m/{medium_id}/{form}
    """,
    AUTHOR,
    MEMBERS,
)
# Nobody but its author changes a story, and nobody at all once the day has come.
row(
    """
    DELETE /api/v1/media/{medium}
    DELETE /api/v1/stories/{story}
    PATCH /api/v1/stories/{story}
    PUT /api/v1/stories/{story}/media/order
    POST /api/v1/uploads
    PUT /api/v1/capsules/{capsule}/stories/order
    PATCH /api/v1/uploads/{upload_id}
    POST /g/c/{capsule_id}/order
    GET /g/c/{capsule_id}/stories/{story_id}
    POST /g/c/{capsule_id}/stories/{story_id}
    GET /g/c/{capsule_id}/stories/{story_id}/remove
    POST /g/c/{capsule_id}/stories/{story_id}/remove
    POST /g/u
    PATCH /g/u/{upload_id}
    """,
    AUTHOR,
    NOBODY,
)
# Doors that show everybody the same, and those whose key is in the address.
row(
    """
    GET /
    GET /api/docs
    GET /api/openapi.json
    POST /g/i/{token}/decline
    GET /g/left
    GET /g/soundtracks/{theme}.m4a
    GET /g/static/{version}/{name:path}
    POST /g/u/{upload_id}
    GET /g/v/{token}
    POST /g/v/{token}
    GET /healthz
    GET /sign-in
    POST /sign-in
    GET /sign-in/code
    POST /sign-in/code
    POST /api/v1/invitations/decline
    POST /api/v1/sign-in
    POST /sign-out
    """,
    EVERYBODY,
)
# An opened capsule takes nobody in; whoever is inside is led there.
row(
    """
    GET /g/i/{token}
    POST /g/i/{token}
    """,
    EVERYBODY,
    MEMBERS,
)
row(
    """
    POST /api/v1/invitations/accept
    GET /g/i/{token}/decline
    """,
    EVERYBODY,
    NOBODY,
)
# Too late to put something in, members are led to what is there.
row("GET /g/c/{capsule_id}/add", GIVERS, MEMBERS)
row(
    """
    POST /api/v1/capsules/{capsule}/stories
    POST /g/c/{capsule_id}/add
    """,
    GIVERS,
    NOBODY,
)
# Thanks are for those who have put something in.
row("GET /g/c/{capsule_id}/thanks", HAVE_GIVEN)
# What tells the asker about themselves, or is the same for all capsules.
row(
    """
    GET /api/v1/capsules
    GET /api/v1/me
    DELETE /api/v1/session
    GET /api/v1/session
    POST /api/v1/me/tokens
    POST /api/v1/session/proof/letter
    GET /api/v1/soundtracks
    GET /api/v1/soundtracks/{name}/file
    GET /api/v1/themes
    POST /api/v1/uploads/{upload_id}
    GET /g/prove
    POST /g/prove
    POST /g/prove/letter
    """,
    KNOWN,
)
# How much from whom, and when.
row(
    """
    GET /api/v1/capsules/{capsule}
    GET /api/v1/capsules/{capsule}/invitations
    GET /api/v1/capsules/{capsule}/members
    GET /api/v1/capsules/{capsule}/stories
    GET /api/v1/capsules/{capsule}/wish
    GET /g/c/{capsule_id}
    GET /g/c/{capsule_id}/leave
    GET /g/c/{capsule_id}/opening-day.ics
    """,
    MEMBERS,
)
# The link of an opened letter, before it can have been sent and after.
row(
    """
    GET /g/o/{token}
    POST /g/o/{token}
    """,
    NOBODY,
    EVERYBODY,
)
# Nothing of it is there before the day, for nobody.
row(
    """
    GET /api/v1/capsules/{capsule}/everything.zip
    GET /api/v1/capsules/{capsule}/montages
    GET /api/v1/capsules/{capsule}/montages/estimate
    POST /api/v1/capsules/{capsule}/montages/with-soundtrack
    POST /api/v1/capsules/{capsule}/montages
    GET /api/v1/montages/{montage}
    GET /g/c/{capsule_id}/everything.zip
    GET /g/c/{capsule_id}/film
    GET /g/c/{capsule_id}/film/length
    GET /g/c/{capsule_id}/film/progress
    POST /g/c/{capsule_id}/films
    GET /g/c/{capsule_id}/letters.{kind}
    GET /g/c/{capsule_id}/photos
    GET /g/c/{capsule_id}/photos.json
    POST /g/c/{capsule_id}/untied
    """,
    NOBODY,
    MEMBERS,
)
# Links, digits and answers that are not there, a capsule with other people's stories, a film that is not ready, the
# only address.
row(
    """
    DELETE /api/v1/me/addresses/{address}
    DELETE /api/v1/capsules/{capsule}
    POST /api/v1/capsules/{capsule}/consent
    POST /api/v1/montages/{montage}/cancel
    DELETE /api/v1/capsules/{capsule}/wish
    GET /api/v1/capsules/{capsule}/cover
    GET /api/v1/montages/{montage}/{kind}.vtt
    POST /api/v1/me/addresses/code
    POST /api/v1/session/proof
    POST /api/v1/sign-in/code
    GET /api/v1/montages/{montage}/film
    GET /api/v1/montages/{montage}/poster
    POST /c/{capsule_id}/date/withdraw
    GET /g/c/{capsule_id}/cover
    POST /g/c/{capsule_id}/films/{montage_id}/cancel
    GET /g/consent/{token}
    POST /g/consent/{token}
    GET /g/f/{montage_id}/{form}
    GET /g/f/{montage_id}/{kind}.vtt
    GET /g/i/{token}/cover
    GET /set-up/{token}
    POST /set-up/{token}
    GET /sign-in/{token}
    POST /sign-in/{token}
    """,
    NOBODY,
)
# The owner hands over first; the admin belongs to the machine.
row("DELETE /api/v1/me", NOBODY, OWNER)
row(
    """
    POST /api/v1/capsules/{capsule}/leave
    POST /g/c/{capsule_id}/leave
    """,
    NO_OWNERS,
)
# An opened capsule stays as it was.
row(
    """
    PATCH /api/v1/capsules/{capsule}
    DELETE /api/v1/capsules/{capsule}/cover
    PUT /api/v1/capsules/{capsule}/cover
    DELETE /api/v1/capsules/{capsule}/soundtrack
    PUT /api/v1/capsules/{capsule}/soundtrack
    POST /api/v1/capsules/{capsule}/reminders
    PUT /api/v1/capsules/{capsule}/date
    POST /api/v1/capsules/{capsule}/invitations
    POST /api/v1/capsules/{capsule}/invitations/{invitation}/resend
    PATCH /api/v1/capsules/{capsule}/members/{member}
    GET /c/{capsule_id}/date
    POST /c/{capsule_id}/date
    POST /c/{capsule_id}/date/move
    POST /c/{capsule_id}/members/{member_id}/role
    POST /c/{capsule_id}/people/again
    POST /c/{capsule_id}/people/remind
    GET /c/{capsule_id}/settings
    POST /c/{capsule_id}/settings
    """,
    OWNER,
    NOBODY,
)
row(
    """
    POST /account/addresses/{address_id}/remove
    POST /account/sessions/{session_id}/end
    DELETE /api/v1/me/sessions/{session}
    DELETE /api/v1/capsules/{capsule}/invitations/{invitation}
    DELETE /api/v1/capsules/{capsule}/members/{member}
    GET /api/v1/capsules/{capsule}/invitations/links
    POST /api/v1/capsules/{capsule}/members/{member}/hand-over
    GET /c/{capsule_id}/cards
    GET /c/{capsule_id}/delete
    POST /c/{capsule_id}/delete
    GET /c/{capsule_id}/handed-over
    GET /c/{capsule_id}/members/{member_id}
    POST /c/{capsule_id}/members/{member_id}/hand-over
    POST /c/{capsule_id}/members/{member_id}/remove
    GET /c/{capsule_id}/people
    POST /c/{capsule_id}/people
    POST /c/{capsule_id}/people/revoke
    """,
    OWNER,
)
