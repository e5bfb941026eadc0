"""What is killed: each operation of the program, how it is gone on with afterwards, and what must hold then."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from faults.houses import NEW_PHOTOS, OLD_PHOTOS, House, command, filled, run
from memorycapsule.domain.uploads import UploadMetadata
from memorycapsule.errors import CapsuleError, MigrationNeeded, NotInitialised
from memorycapsule.seal.envelopes import recipient_of
from memorycapsule.services import sessions, uploads
from memorycapsule.services.preservation import verification
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import instances as instance_store
from memorycapsule.store import montages as montage_store
from memorycapsule.store import notices as notice_store
from memorycapsule.store import stories as story_store
from memorycapsule.store import uploads as upload_store
from memorycapsule.store.rows import metadata
from memorycapsule.store.transactions import Store
from support.cast import events_of, make_photo, prepare
from support.fault_points import Points
from support.post_office import PostOffice

_SECRET_KEY = re.compile(r"AGE-SECRET-KEY-1[A-Z0-9]+")
_PIECE = 600

Look = Callable[[House, PostOffice], Iterator[str]]


@dataclass(frozen=True, kw_only=True)
class Operation:
    name: str
    #: The house that it happens in: "sealed", "due", or "none".
    house: str
    act: Callable[[House], int]
    #: How many media there are before and afterwards.
    media: tuple[int, int]
    #: Yields what is wrong once it has been gone on with.
    look: Look
    #: The same as a command, for strace; None where no command does it, or it would make a film.
    words: tuple[str, ...] | None = None
    #: What is done before.
    prepare: Callable[[House], None] = lambda _house: None
    #: How it is gone on with; None for the same again.
    again: Callable[[House], int] | None = None
    #: Whether it may be refused when it is done already.
    is_once: bool = False
    #: Whether a run that was cut off leaves something that can be opened.
    is_whole_at_once: bool = True
    #: Yields what else is wrong before it is gone on with.
    at_once: Callable[[House], Iterator[str]] = lambda _house: iter(())


def whole(house: House, media: tuple[int, int]) -> Iterator[str]:
    """Yield what is wrong with the instance, whatever was going on: rows, files, envelopes, plans, and every byte."""
    count = 0
    with house.opened() as app:
        yield from (
            f"verify: {damage}" for damage in verification.verify(app.store, app.vault, deep=True).damage
        )
        with app.store.reading() as tx:
            for capsule in capsule_store.all_capsules(tx):
                unsealer = app.vault.unsealer(tx, capsule.id)
                for medium in story_store.media_of_capsule(tx, capsule.id):
                    count += 1
                    try:
                        with app.vault.source_of(tx, medium.original_blob).open() as original:
                            digest = hashlib.sha256(original.read()).hexdigest()
                        is_right = digest == unsealer.details_of(medium).sha256
                    except CapsuleError:
                        is_right = False
                    if not is_right:
                        yield f"media lost: {medium.id} is not what was put in"
    if not min(media) <= count <= max(media):
        yield f"media lost: {count} are there, and not {media}"


def letters_once(house: House, post: PostOffice) -> Iterator[str]:
    """Yield letters that arrived twice, and those of which the rows or the owner's report say something wrong."""
    yield from (f"letter twice: {one}" for one, times in post.arrivals().items() if times > 1)
    arrived = {one.address for one in post.tried if one.is_kept}
    with house.opened() as app, app.store.reading() as tx:
        reported = {one.id for one in notice_store.missed_letters(tx)}
        for one in delivery_store.all_deliveries(tx):
            if one.kind not in {"opened", "moved"}:
                continue
            if one.state not in {"sent", "unknown"}:
                yield f"letter to {one.address} is {one.state}"
            if one.state == "sent" and one.address not in arrived:
                yield f"letter to {one.address} is sent and never arrived"
            if one.state == "unknown" and one.id not in reported:
                yield f"letter to {one.address} may not have arrived, and the owner is not told"


def unknown_letters(house: House, post: PostOffice) -> tuple[int, int]:
    """Return how many letters are unknown, and how many of those never arrived."""
    arrived = {one.address for one in post.tried if one.is_kept}
    with house.opened() as app, app.store.reading() as tx:
        found = [one for one in delivery_store.all_deliveries(tx) if one.state == "unknown"]
    return len(found), sum(one.address not in arrived for one in found)


def _opened_once(house: House, post: PostOffice) -> Iterator[str]:
    yield from letters_once(house, post)
    with house.opened() as app, app.store.reading() as tx:
        (capsule,) = capsule_store.all_capsules(tx)
        happened = Counter(event.kind for event in events_of(tx, capsule.id))
        films = montage_store.of_capsule(tx, capsule.id)
        letters = [one for one in delivery_store.all_deliveries(tx) if one.kind == "opened"]
    if not capsule.is_open:
        yield "the capsule is sealed"
    if [str(one.state) for one in films] != ["ready"]:
        yield f"films: {[(str(one.state), one.report) for one in films]}"
    if len(letters) != 3:
        yield f"{len(letters)} letters"
    for kind in ("capsule.opened", "letters.queued"):
        if happened[kind] != 1:
            yield f"{kind} happened {happened[kind]} times"


def _is_well(_house: House, _post: PostOffice) -> Iterator[str]:
    return iter(())


def _moved_once(house: House, post: PostOffice) -> Iterator[str]:
    run(house, command("tick"))
    yield from letters_once(house, post)
    with house.opened() as app, app.store.reading() as tx:
        (capsule,) = capsule_store.all_capsules(tx)
        letters = [one.address for one in delivery_store.all_deliveries(tx) if one.kind == "moved"]
    if capsule.opens_at.year != 2041:
        yield f"it opens at {capsule.opens_at}"
    if len(letters) != 3:
        yield f"letters to {letters}"


def _is_gone(house: House, _post: PostOffice) -> Iterator[str]:
    with house.opened() as app, app.store.reading() as tx:
        if capsule_store.all_capsules(tx):
            yield "the capsule is still there"


def _one_key(house: House, _post: PostOffice) -> Iterator[str]:
    names = [path.name for path in house.key_file.parent.iterdir()]
    if house.key_file.name not in names or f"{house.key_file.name}.new" in names:
        yield f"key files: {names}"


def _recoverable(house: House, _post: PostOffice) -> Iterator[str]:
    with house.opened():
        yield from _recoverable_at_once(house)


def _recoverable_at_once(house: House) -> Iterator[str]:
    """If there is an instance, somebody has been shown its recovery key, or a file holds it."""
    said = house.said + "".join(path.read_text() for path in house.path.rglob("recovery*.key"))
    try:
        with house.opened() as app, app.store.reading() as tx:
            wanted = instance_store.get(tx).recovery_recipient
    except (NotInitialised, MigrationNeeded):
        return
    if wanted not in {recipient_of(one) for one in _SECRET_KEY.findall(said)}:
        yield "nobody has the recovery key"


def _backed_up(house: House, _post: PostOffice) -> Iterator[str]:
    if run(house, command("backup", "{backup}", "--verify")).code:
        yield f"the backup cannot be restored: {house.said[-400:]}"


def _moved_whole(house: House, _post: PostOffice) -> Iterator[str]:
    here, there = (_rows(url) for url in (house.database_url, house.moved_url))
    yield from (f"not moved: {table} differs" for table in here if here[table] != there[table])


def _rows(url: str) -> dict[str, list[str]]:
    with closing(Store(url)) as store, store.reading() as tx:
        return {
            table.name: sorted(repr(tuple(row)) for row in tx.session.connection().execute(select(table)))
            for table in metadata().sorted_tables
        }


def _restored_and_silent(house: House, post: PostOffice) -> Iterator[str]:
    tried = len(post.tried)
    run(house, command("tick"))
    if len(post.tried) != tried:
        yield "letter sent by a restored instance before it is released"
    with house.opened() as app, app.store.reading() as tx:
        if any(one.is_open for one in capsule_store.all_capsules(tx)):
            yield "a restored instance opens before it is released"


def _lose_everything(house: House) -> None:
    assert run(house, command("backup", "{backup}")).code == 0, house.said
    house.lose_everything()


def _upload(house: House) -> int:
    """Do what `_send` does, and end as a command would."""
    try:
        _send(house)
    except CapsuleError as error:
        return error.exit_code
    return 0


def _send(house: House) -> None:
    """Send a photo piece by piece as a browser does, going on where the last run ended."""
    photo = make_photo(300)
    with house.opened() as app:
        viewer = sessions.host_viewer(app.store)
        with app.store.reading() as tx:
            begun = upload_store.uploads.one(tx, session_id=viewer.session_id)
        upload = begun or uploads.begin(
            app.store, app.vault, viewer, house.story, about=UploadMetadata(file="p.jpg"), length=len(photo),
            limits=app.upload_limits, now=app.now(),
        )  # fmt: skip
        while upload.received < upload.length:
            piece = photo[upload.received : upload.received + _PIECE]
            upload = uploads.receive(
                app.store, app.vault, viewer, upload.id, start=upload.received, piece=piece, now=app.now()
            )
        uploads.finish(app.store, app.vault, prepare, upload.id, clock=app.now)


def _cut_off_rotation(house: House) -> None:
    """Leave the new key in the database, with its file not in place yet."""
    ended = run(house, command("key", "rotate"), _AfterTheLastCommit())
    assert ended.code < 0, house.said


class _AfterTheLastCommit(Points):
    """The power fails when a new key has been committed, before its file is moved."""

    def __call__(self, point: str) -> None:
        self.seen.append(point)
        if point in {"rename<", "replace<"} and "commit>" in self.seen:
            self.act(point)


def _later_tick(house: House) -> int:
    """A tick at which films wait no longer."""
    with house.opened() as app, app.store.transaction() as tx:
        montage_store.montages.change(tx, not_before=app.now() - timedelta(minutes=1))
    return command("tick")(house)


def _by_command(name: str, line: str, **more) -> Operation:
    listed = tuple(line.split("|"))
    given = {"house": "sealed", "media": (OLD_PHOTOS, OLD_PHOTOS), "words": listed} | more
    return Operation(name=name, act=command(*listed), **given)


_ALL = (
    _by_command("tick", "tick", house="due", look=_opened_once, again=_later_tick, words=None),
    _by_command(
        "story add", "story|add|{capsule}|--to|{story}|{photos}", look=_is_well,
        media=(OLD_PHOTOS, OLD_PHOTOS + NEW_PHOTOS),
    ),
    Operation(name="upload", house="sealed", act=_upload, media=(OLD_PHOTOS, OLD_PHOTOS + 1), look=_is_well),
    _by_command(
        "init", "init|--yes|--admin|ada@example.org", house="none", media=(0, 0), look=_recoverable,
        is_once=True, is_whole_at_once=False, at_once=_recoverable_at_once,
    ),
    _by_command("new recovery", "key|new-recovery", look=_recoverable, at_once=_recoverable_at_once),
    _by_command("key rotate", "key|rotate", look=_one_key),
    _by_command("finish rotate", "list", prepare=_cut_off_rotation, look=_one_key, is_whole_at_once=False),
    _by_command(
        "reschedule", "reschedule|{capsule}|2041-01-01 09:00|--zone|UTC|--yes", look=_moved_once, is_once=True
    ),
    _by_command("delete", "delete|{capsule}|--yes", media=(OLD_PHOTOS, 0), look=_is_gone, is_once=True),
    _by_command("backup", "backup|{backup}", look=_backed_up),
    _by_command(
        "restore", "restore|{backup}", house="due", prepare=_lose_everything, look=_restored_and_silent,
        is_once=True, is_whole_at_once=False,
    ),
    _by_command("migrate store", "migrate-store|{database_url}|{moved_url}", look=_moved_whole, is_once=True),
)  # fmt: skip
OPERATIONS = {one.name: one for one in _ALL}


def words_of(operation: Operation, house: House) -> list[str]:
    """Return the command line of an operation in a house."""
    assert operation.words
    return filled(house, operation.words)
