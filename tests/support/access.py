"""
Who may do what: the table that `integration/http/test_authorisation.py` holds the site to.

Ben has added a story, Dora has joined, Rae only receives, Olga owns the capsule, Fred has left it, Ada is the admin.
"""

PEOPLE = ("anonymous", "invited", "contributor", "other", "recipient", "owner", "former", "admin")

EVERYBODY = frozenset(PEOPLE)
NOBODY: frozenset[str] = frozenset()
MEMBERS = frozenset({"contributor", "other", "recipient", "owner"})
MAY_ADD = frozenset({"contributor", "other", "owner"})
AUTHOR = frozenset({"contributor"})
OWNER = frozenset({"owner"})
#: Those whose session reaches all capsules of their account.
ACCOUNTS = frozenset({"owner", "admin"})
#: Those who have a session of any kind.
WITH_SESSION = MEMBERS | {"admin"}
HAVE_ADDED = frozenset({"contributor", "owner"})
NO_OWNERS = MEMBERS - OWNER

#: By method and path: who has access while the capsule is sealed, and once it is open.
ROWS: dict[str, tuple[frozenset[str], frozenset[str]]] = {}


def row(routes: str, sealed: frozenset[str], opened: frozenset[str] | None = None) -> None:
    for line in routes.split("\n"):
        if line.strip():
            assert line.strip() not in ROWS
            ROWS[line.strip()] = (sealed, sealed if opened is None else opened)


# What concerns a whole account needs a session that reaches all capsules of the account.
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
# An upload belongs to the session that began it.
row(
    """
    DELETE /api/v1/uploads/{upload_id}
    GET /api/v1/uploads/{upload_id}
    DELETE /g/u/{upload_id}
    GET /g/u/{upload_id}
    """,
    AUTHOR,
)
# A story is its author's alone while the capsule is sealed, and all members' afterwards.
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
# Only its author changes a story, and nobody once the capsule is open.
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
# Pages that are the same for everybody, and those whose address holds a secret.
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
# Nobody joins an open capsule; members are redirected to it.
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
# Nobody adds to an open capsule; members are redirected to it.
row("GET /g/c/{capsule_id}/add", MAY_ADD, MEMBERS)
row(
    """
    POST /api/v1/capsules/{capsule}/stories
    POST /g/c/{capsule_id}/add
    """,
    MAY_ADD,
    NOBODY,
)
# The thank-you page is for those who have added a story.
row("GET /g/c/{capsule_id}/thanks", HAVE_ADDED)
# What concerns the person who asks, or is the same for all capsules.
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
    WITH_SESSION,
)
# The outside of a capsule: its members, their counts, its date.
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
# What exists only once the capsule is open.
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
# What nobody gets here: tokens and codes that do not exist, a capsule with other people's stories, a film that is not
# ready, the removal of the only address.
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
# An open capsule does not change.
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
    POST /api/v1/capsules/{capsule}/invitations/revoke
    POST /api/v1/capsules/{capsule}/members/{member}/hand-over
    POST /api/v1/capsules/{capsule}/members/{member}/remove
    POST /api/v1/me/tokens/end
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
