"""What people do in a life: each function chooses by chance from what is there, and returns an act, or None."""

from __future__ import annotations

import functools
import io
import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from memorycapsule.app import App
from memorycapsule.domain.opening_dates import opening_date
from memorycapsule.domain.sessions import CodePurpose, Scope
from memorycapsule.domain.stories import Viewer
from memorycapsule.domain.uploads import UploadMetadata
from memorycapsule.domain.zones import local_of
from memorycapsule.services import (
    accounts,
    capsules,
    invitations,
    keys,
    members,
    reading,
    reminders,
    rescheduling,
    sessions,
    signing_in,
    stories,
    uploads,
)
from memorycapsule.services.capsules import CapsuleChanges, CapsuleDraft
from memorycapsule.services.film import montages
from memorycapsule.services.mailing import retrying
from memorycapsule.store import accounts as account_store
from simulation.world import Act, World
from support.cast import make_photo, prepare

ZONES = ("UTC", "Asia/Seoul", "Europe/Berlin", "America/Sao_Paulo")
NAMES = ("Ben", "Cleo", "영희", "Dora", "Emil", "Fay", "민준", "Gus", "Hana", "Ines", "Joon", "Kai")
#: What stands in every story, so that it would be found where it must not be.
SECRET = "between us"
_PHOTOS = 16
_PIECE = 700

Choice = Callable[[World, random.Random], Act | None]


@functools.cache
def photo(number: int) -> bytes:
    return make_photo(number)


@functools.cache
def _prepared(number: int):
    return prepare(io.BytesIO(photo(number)))


def _ready(upload):
    """Decode one of the photos, which all have been decoded before."""
    upload.seek(0)
    found = upload.read()
    return next(_prepared(number) for number in range(_PHOTOS) if photo(number) == found)


def _all(world: World, sql: str, *values) -> list[tuple]:
    with world.rows() as rows:
        return rows.execute(sql, values).fetchall()


def _one(world: World, chance: random.Random, sql: str, *values) -> tuple | None:
    found = _all(world, f"{sql} ORDER BY 1", *values)
    return chance.choice(found) if found else None


def _sealed(world: World, chance: random.Random) -> str | None:
    """Choose a sealed capsule that takes stories still."""
    found = _one(
        world,
        chance,
        "SELECT id FROM capsule WHERE state = 'sealed' AND opens_at > ?",
        _sql_time(world.time.wall),
    )
    return found[0] if found else None


def _sql_time(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%d %H:%M:%S.%f")


def _viewer(app: App, account_id: str, capsule_id: str) -> Viewer:
    """Return the viewer whom this person's newest session that reaches the capsule makes, or Ada on her machine."""
    ada = sessions.host_viewer(app.store)
    if account_id == ada.account_id:
        return ada
    with app.store.reading() as tx:
        own = account_store.sessions_of(tx, account_id)
    reaching = [
        one for one in own if one.capsule_id in {None, capsule_id} and one.scope.covers(Scope.EVERYTHING)
    ]
    return sessions.viewer_of(reaching[0])


def _member(world: World, chance: random.Random, capsule_id: str) -> tuple[str, str] | None:
    """Choose a member: their id and that of their account, if they have a session."""
    found = _one(
        world,
        chance,
        "SELECT m.id, m.account_id FROM member m JOIN account a ON a.id = m.account_id WHERE m.capsule_id = ?"
        " AND m.left_at IS NULL AND (a.is_admin OR EXISTS (SELECT 1 FROM session s WHERE s.account_id = a.id"
        " AND s.ended_at IS NULL AND (s.capsule_id IS NULL OR s.capsule_id = m.capsule_id)))",
        capsule_id,
    )
    return found and (found[0], found[1])


def _date(world: World, chance: random.Random, *, days: tuple[int, int]):
    zone = chance.choice(ZONES)
    wall = world.time.wall + timedelta(days=chance.randint(*days), hours=chance.randint(0, 23))
    return opening_date(local_of(wall, zone).replace(minute=0, second=0, microsecond=0, fold=0), zone)


def make_capsule(world: World, chance: random.Random) -> Act | None:
    if len(_all(world, "SELECT id FROM capsule WHERE state = 'sealed'")) >= 5:
        return None
    date = _date(world, chance, days=(3, 1500))
    draft = CapsuleDraft(title=f"Capsule {chance.randint(1, 999)}", theme="photocard", film_photos=60)

    def do(app: App, now: datetime) -> Sequence[str]:
        ada = sessions.host_viewer(app.store)
        return [capsules.create(app.store, app.vault, ada, draft, date=date, now=now).id]

    return Act(what="make a capsule", do=do)


def invite(world: World, chance: random.Random) -> Act | None:
    capsule_id = _sealed(world, chance)
    if capsule_id is None:
        return None
    names = chance.sample(NAMES, chance.randint(1, 3))
    addresses = [f"{NAMES.index(name)}@example.org" for name in names]

    def do(app: App, now: datetime) -> None:
        ada = sessions.host_viewer(app.store)
        invitations.invite(
            app.store, app.vault.key, app.wake, ada, capsule_id, addresses=addresses, valid_days=90, now=now
        )

    return Act(what="invite", do=do)


def answer_invitation(world: World, chance: random.Random) -> Act | None:
    found = _one(
        world, chance, "SELECT id, capsule_id, address FROM invitation WHERE state = 'invited' AND expires_at > ?",
        _sql_time(world.time.wall),
    )  # fmt: skip
    if found is None:
        return None
    invitation_id, capsule_id, address = found
    says_yes = chance.random() < 0.9

    def do(app: App, now: datetime) -> Sequence[str] | None:
        ada = sessions.host_viewer(app.store)
        waiting = invitations.personal_links(app.store, app.vault.key, ada, capsule_id, now)
        (token,) = [one.token for one in waiting if one.invitation.id == invitation_id]
        if says_yes:
            name = NAMES[int(address.partition("@")[0])] if address[0].isdigit() else "Somebody"
            return [invitations.join(app.store, token, name=name, now=now).member.id]
        invitations.decline(app.store, app.wake, token, now=now)
        return None

    return Act(what="join" if says_yes else "decline", do=do)


def add_story(world: World, chance: random.Random) -> Act | None:
    capsule_id = _sealed(world, chance)
    member = capsule_id and _member(world, chance, capsule_id)
    if not member:
        return None
    text = f"{SECRET} {chance.randint(0, 10**6)}"

    def do(app: App, now: datetime) -> Sequence[str]:
        viewer = _viewer(app, member[1], capsule_id)
        return [stories.add(app.store, app.vault, viewer, capsule_id, title=text, text=text, now=now).id]

    return Act(what="add a story", do=do)


def _story(world: World, chance: random.Random) -> tuple[str, str, str, str] | None:
    """Choose a story of a sealed capsule: its id, its capsule's, its author's account, and its session."""
    return _one(
        world,
        chance,
        "SELECT s.id, s.capsule_id, m.account_id, s.session_id FROM story s JOIN member m ON m.id = s.member_id"
        " JOIN capsule c ON c.id = s.capsule_id JOIN session e ON e.id = s.session_id WHERE c.state = 'sealed'"
        " AND m.left_at IS NULL AND e.ended_at IS NULL AND c.opens_at > ?",
        _sql_time(world.time.wall),
    )


def _author(app: App, session_id: str) -> Viewer:
    ada = sessions.host_viewer(app.store)
    if session_id == ada.session_id:
        return ada
    with app.store.reading() as tx:
        return sessions.viewer_of(account_store.sessions.get(tx, session_id))


def attach(world: World, chance: random.Random) -> Act | None:
    story = _story(world, chance)
    if story is None:
        return None
    number = chance.randrange(_PHOTOS)

    def do(app: App, now: datetime) -> Sequence[str]:
        attached = stories.attach(
            app.store, app.vault, _ready, _author(app, story[3]), story[0],
            file=f"{number}.jpg", upload=io.BytesIO(photo(number)), clock=lambda: now,
        )  # fmt: skip
        return [attached.medium.id]

    return Act(what="attach a photo", do=do)


def upload(world: World, chance: random.Random) -> Act | None:
    """Announce a file, or send the next piece of one."""
    begun = _one(
        world,
        chance,
        "SELECT u.id, u.session_id, u.received, u.length FROM upload u JOIN session e ON e.id = u.session_id"
        " WHERE u.received < u.length AND u.refusal IS NULL AND e.ended_at IS NULL",
    )
    if begun and chance.random() < 0.8:
        upload_id, session_id, received, length = begun
        number = next(one for one in range(_PHOTOS) if len(photo(one)) == length)
        piece = photo(number)[received : received + _PIECE]

        def go_on(app: App, now: datetime) -> None:
            uploads.receive(
                app.store,
                app.vault,
                _author(app, session_id),
                upload_id,
                start=received,
                piece=piece,
                now=now,
            )

        return Act(what="send a piece", do=go_on)
    story = _story(world, chance)
    if story is None:
        return None
    number = chance.randrange(_PHOTOS)

    def begin(app: App, now: datetime) -> None:
        uploads.begin(
            app.store, app.vault, _author(app, story[3]), story[0], about=UploadMetadata(file=f"{number}.jpg"),
            length=len(photo(number)), limits=app.upload_limits, now=now,
        )  # fmt: skip

    return Act(what="announce a file", do=begin)


def finish_uploads(world: World, chance: random.Random) -> Act | None:
    def do(app: App, now: datetime) -> None:
        for upload_id in uploads.unfinished_ids(app.store):
            uploads.finish(app.store, app.vault, _ready, upload_id, clock=lambda: now)

    return Act(what="finish uploads", do=do)


def remove_medium(world: World, chance: random.Random) -> Act | None:
    story = _story(world, chance)
    medium = story and _one(world, chance, "SELECT id FROM medium WHERE story_id = ?", story[0])
    if not medium:
        return None

    def do(app: App, now: datetime) -> None:
        stories.remove_medium(app.store, app.vault, _author(app, story[3]), medium[0], now=now)

    return Act(what="remove a photo", do=do, takes=frozenset(medium))


def remove_story(world: World, chance: random.Random) -> Act | None:
    story = _story(world, chance)
    if story is None:
        return None
    media = _all(world, "SELECT id FROM medium WHERE story_id = ?", story[0])

    def do(app: App, now: datetime) -> None:
        stories.remove(app.store, app.vault, _author(app, story[3]), story[0], now=now)

    return Act(what="remove a story", do=do, takes=frozenset({story[0], *(one for (one,) in media)}))


def leave(world: World, chance: random.Random) -> Act | None:
    capsule_id = _sealed(world, chance)
    member = capsule_id and _member(world, chance, capsule_id)
    if not member:
        return None
    takes_stories = chance.random() < 0.3
    own = _all(world, "SELECT id FROM story WHERE member_id = ?", member[0])
    own += _all(
        world, "SELECT m.id FROM medium m JOIN story s ON s.id = m.story_id WHERE s.member_id = ?", member[0]
    )

    def do(app: App, now: datetime) -> None:
        viewer = _viewer(app, member[1], capsule_id)
        members.leave(
            app.store, app.vault, app.wake, viewer, capsule_id, takes_stories=takes_stories, now=now
        )

    taken = frozenset(one for (one,) in own) if takes_stories else frozenset()
    return Act(what="leave", do=do, takes=taken)


def send_away(world: World, chance: random.Random) -> Act | None:
    found = _one(world, chance, "SELECT id, capsule_id FROM member WHERE left_at IS NULL AND role <> 'owner'")
    if found is None:
        return None

    def do(app: App, now: datetime) -> None:
        members.remove(app.store, app.wake, sessions.host_viewer(app.store), found[1], found[0], now=now)

    return Act(what="send a member away", do=do)


def change_address(world: World, chance: random.Random) -> Act | None:
    """Somebody signs in with mailed digits, and adds an address or removes their first."""
    person = _one(
        world, chance, "SELECT a.account_id, a.address, a.id FROM address a JOIN account p ON p.id = a.account_id"
        " WHERE a.verified_at IS NOT NULL",
    )  # fmt: skip
    if person is None:
        return None
    account_id, address, address_id = person
    fresh = f"{chance.randint(0, 999)}@new.example.org"
    removes = chance.random() < 0.3

    def do(app: App, now: datetime) -> None:
        key = app.vault.key

        def digits(purpose: CodePurpose) -> str:
            with app.store.transaction() as tx:
                live = account_store.usable_codes(tx, account_id, purpose, now)
            return key.code(live[0].id) if live else "000000"

        signing_in.request_sign_in(app.store, key, app.wake, address, now=now)
        code = digits(CodePurpose.SIGN_IN)
        signed_in = signing_in.with_code(app.store, key, address, code, name="a telephone", now=now)
        viewer = sessions.viewer_with_token(app.store, signed_in.token)
        if removes:
            accounts.remove_address(app.store, viewer, address_id, now=now)
        else:
            accounts.request_address(app.store, key, app.wake, viewer, fresh, now=now)
            accounts.add_address(app.store, key, viewer, digits(CodePurpose.ADDRESS), now=now)

    return Act(what="remove an address" if removes else "add an address", do=do)


def reschedule(world: World, chance: random.Random) -> Act | None:
    """Another date: mostly a later one, else a wish for an earlier one."""
    capsule_id = _sealed(world, chance)
    if capsule_id is None:
        return None
    date = _date(world, chance, days=chance.choice([(1, 60), (200, 2000)]))

    def do(app: App, now: datetime) -> None:
        rescheduling.reschedule(
            app.store, app.wake, sessions.host_viewer(app.store), capsule_id, date, now=now
        )

    return Act(what=f"move the date to {date.at:%Y-%m-%d}", do=do)


def consent(world: World, chance: random.Random) -> Act | None:
    wish = _one(world, chance, "SELECT id, capsule_id FROM wish WHERE state = 'asked'")
    member = wish and _member(world, chance, wish[1])
    if not member:
        return None
    says_yes = chance.random() < 0.9

    def do(app: App, now: datetime) -> None:
        viewer = _viewer(app, member[1], wish[1])
        rescheduling.consent(app.store, app.wake, viewer, wish[1], is_given=says_yes, now=now)

    return Act(what="say yes to the earlier date" if says_yes else "say no to the earlier date", do=do)


def look(world: World, chance: random.Random) -> Act | None:
    """Somebody reads a capsule; before its date, they find nothing of others in it."""
    found = _one(world, chance, "SELECT id FROM capsule")
    member = found and _member(world, chance, found[0])
    if not member:
        return None

    def do(app: App, now: datetime) -> None:
        viewer = _viewer(app, member[1], found[0])
        seen = reading.capsule(app.store, app.vault, viewer, found[0])
        if not seen.capsule.is_open:
            others = [one for one in seen.stories if one.author.account_id != viewer.account_id]
            assert not others, "I1 somebody reads what is sealed and not theirs"

    return Act(what="look", do=do)


def ask_for_film(world: World, chance: random.Random) -> Act | None:
    found = _one(world, chance, "SELECT id FROM capsule WHERE state = 'open'")
    member = found and _member(world, chance, found[0])
    if not member:
        return None

    def do(app: App, now: datetime) -> Sequence[str]:
        viewer = _viewer(app, member[1], found[0])
        return [montages.queue(app.store, app.vault, app.wake, viewer, found[0], now=now).id]

    return Act(what="ask for a film", do=do)


def edit(world: World, chance: random.Random) -> Act | None:
    capsule_id = _sealed(world, chance)
    if capsule_id is None:
        return None
    changes = CapsuleChanges(title=f"Capsule {chance.randint(1, 999)}")

    def do(app: App, now: datetime) -> None:
        capsules.edit(app.store, app.vault, sessions.host_viewer(app.store), capsule_id, changes, now=now)

    return Act(what="edit the capsule", do=do)


def delete_capsule(world: World, chance: random.Random) -> Act | None:
    capsule_id = _sealed(world, chance)
    if capsule_id is None:
        return None
    taken = [capsule_id]
    for table in ("story", "medium", "member"):
        taken += [one for (one,) in _all(world, f"SELECT id FROM {table} WHERE capsule_id = ?", capsule_id)]

    def do(app: App, now: datetime) -> None:
        capsules.delete(app.store, app.vault, sessions.host_viewer(app.store), capsule_id, now=now)

    return Act(what="delete the capsule", do=do, takes=frozenset(taken))


def remind(world: World, chance: random.Random) -> Act | None:
    capsule_id = _sealed(world, chance)
    if capsule_id is None:
        return None

    def do(app: App, now: datetime) -> None:
        reminders.remind(app.store, app.wake, sessions.host_viewer(app.store), capsule_id, now=now)

    return Act(what="remind", do=do)


def retry_mail(world: World, chance: random.Random) -> Act | None:
    def do(app: App, now: datetime) -> None:
        retrying.send_again(app.store, app.wake, sessions.host_viewer(app.store), None, now=now)

    return Act(what="mail retry", do=do)


def rotate_key(world: World, chance: random.Random) -> Act | None:
    def do(app: App, now: datetime) -> None:
        keys.rotate(app.store, app.settings.key_file, now=now)

    return Act(what="key rotate", do=do, ends_program=True)


#: How often each is done, about.
USUAL: dict[str, tuple[Choice, int]] = {
    "make_capsule": (make_capsule, 14),
    "invite": (invite, 12),
    "answer_invitation": (answer_invitation, 30),
    "add_story": (add_story, 16),
    "attach": (attach, 36),
    "upload": (upload, 22),
    "finish_uploads": (finish_uploads, 8),
    "remove_medium": (remove_medium, 2),
    "remove_story": (remove_story, 1),
    "leave": (leave, 2),
    "send_away": (send_away, 1),
    "change_address": (change_address, 4),
    "reschedule": (reschedule, 4),
    "consent": (consent, 5),
    "look": (look, 6),
    "ask_for_film": (ask_for_film, 3),
    "edit": (edit, 2),
    "delete_capsule": (delete_capsule, 1),
    "remind": (remind, 3),
    "retry_mail": (retry_mail, 1),
    "rotate_key": (rotate_key, 2),
}
