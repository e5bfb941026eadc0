"""
What must hold after every step of a life, whatever went wrong: the invariants I1 to I12, and that nothing is lost.

Rows are read beside the program, as they lie on the disk. What cannot be seen in rows (what arrived, what time it really
was, who wanted something gone) the world knows.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import uuid
from collections import Counter
from datetime import UTC, datetime

from memorycapsule.domain.deliveries import LEAST_TRIES, LetterKind
from memorycapsule.seal import envelopes
from memorycapsule.services.mailing import composing
from memorycapsule.services.preservation import verification
from memorycapsule.services.vault import INSTANCE
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import stories as story_store
from simulation.machine import ADDRESS_TROUBLES
from simulation.people import SECRET
from simulation.world import Act, Broken, Ledger, Outcome, World

#: The tables of what people have put in; nothing of it goes unless somebody wants that.
_KEPT_TABLES = ("capsule", "member", "story", "medium")
#: What the database refuses although its disk is well: a row that breaks its rules.
_OUR_OWN_FAULTS = ("refused: database_refused", "refused: database_failed")
_OF_OPENINGS = ("<opened.", "<film_ready.")
_OF_TRIALS = "<test."


def check(world: World, act: Act, outcome: Outcome) -> None:
    """Raises Broken."""
    ledger = world.ledger
    if outcome.crash:
        promise = next((one for one in ("I1 ", "I2 ", "I5 ") if one in outcome.crash), "crash ")
        raise Broken(f"{promise}{act.what}: {outcome.crash}")
    if outcome.what in _OUR_OWN_FAULTS:
        raise Broken(f"database {act.what}: only the database kept a row from being there twice")
    world.date_new_files(ledger.files)
    with world.rows() as rows:
        rows.row_factory = sqlite3.Row
        _nothing_is_lost(rows, ledger, act, outcome)
        _opened_once_and_never_early(rows, world, ledger)
        _letters_once(rows, world, ledger)
        _films(rows)
        _bytes_are_there(rows, world, ledger)


def _nothing_is_lost(rows: sqlite3.Connection, ledger: Ledger, act: Act, outcome: Outcome) -> None:
    seen = {table: {one["id"] for one in rows.execute(f"SELECT id FROM {table}")} for table in _KEPT_TABLES}
    for table, ids in seen.items():
        if lost := ledger.rows.get(table, set()) - ids - act.takes:
            raise Broken(f"lost {table} {sorted(lost)} by: {act.what}, {outcome.what}")
    ledger.rows = seen
    there = set().union(*seen.values())
    for one in outcome.promised:
        if one not in there and not rows.execute("SELECT 1 FROM montage WHERE id = ?", [one]).fetchone():
            raise Broken(f"promised {act.what} was done, and {one} is not there")


def _opened_once_and_never_early(rows: sqlite3.Connection, world: World, ledger: Ledger) -> None:
    opened_events = dict(
        rows.execute(
            "SELECT capsule_id, count(*) FROM event WHERE kind = 'capsule.opened' GROUP BY 1"
        ).fetchall()
    )
    now_open = set()
    for one in rows.execute("SELECT id, state, opens_at, generation FROM capsule"):
        is_open, times = one["state"] == "open", opened_events.get(one["id"], 0)
        if times != is_open or one["generation"] != is_open:
            raise Broken(f"I2 {one['id']} is {one['state']}, opened {times} times, {one['generation']}")
        if not is_open:
            if one["id"] in ledger.open:
                raise Broken(f"I11 {one['id']} was open and is sealed")
            continue
        now_open.add(one["id"])
        if one["id"] not in ledger.open:
            early = _instant(one["opens_at"]) - world.time.true
            if early > world.time.may_be_early_by:
                raise Broken(
                    f"I3 {one['id']} was opened {early} early; the clock is {world.time.ahead} ahead"
                )
        if not rows.execute(
            "SELECT 1 FROM montage WHERE capsule_id = ? AND is_opening", [one["id"]]
        ).fetchone():
            raise Broken(f"I4 {one['id']} is open and has no film to wait for")
    ledger.open = now_open


def _letters_once(rows: sqlite3.Connection, world: World, ledger: Ledger) -> None:
    new = world.post.tried[ledger.tried :]
    if new and ledger.is_held:
        raise Broken(f"I5 a restored instance sends before it is released: {new[0].message_id}")
    was_held = ledger.is_held
    ledger.is_held = rows.execute("SELECT hold IS NOT NULL FROM instance").fetchone()[0] == 1
    ever = {one: times for one, times in world.post.arrivals().items() if one.startswith(_OF_OPENINGS)}
    if was_held and not ledger.is_held:
        known = {message_id(*one) for one in rows.execute("SELECT kind, dedupe_key FROM delivery")}
        world.forgotten |= {one: times for one, times in ever.items() if one not in known}
    for tried in new:
        if ledger.letters.setdefault(tried.message_id, tried.digest) != tried.digest:
            raise Broken(f"I10 {tried.message_id} was another letter when it was tried again")
    ledger.tried = len(world.post.tried)
    # A trial letter is to ourselves, and the same one each time.
    arrived = Counter(
        one.message_id
        for one in world.post.tried[ledger.since :]
        if one.is_kept and not one.message_id.startswith(_OF_TRIALS)
    )
    # Letters of openings arrive once, even when the instance is restored in between.
    since_forgotten = Counter({one: times - world.forgotten.get(one, 0) for one, times in ever.items()})
    if twice := [one for one, times in (arrived | since_forgotten).items() if times > 1]:
        raise Broken(f"I5 arrived twice: {twice}")
    for one in rows.execute(
        "SELECT id, kind, dedupe_key, state, address, detail, data_started_at, tries FROM delivery"
    ):
        if _was_over(ledger, one):
            continue
        times = arrived[message_id(one["kind"], one["dedupe_key"])]
        state = one["state"]
        if (state == "sent" and times != 1) or (state in {"queued", "rejected", "suppressed"} and times):
            raise Broken(f"I5 letter {one['dedupe_key']} is {state}, arrived {times} times")
        if state == "rejected":
            _was_rejected_rightly(world, one)
        if state in {"sent", "rejected", "unknown", "suppressed"}:
            ledger.finished[one["id"]] = state
            _has_event(rows, one)


def _was_over(ledger: Ledger, letter: sqlite3.Row) -> bool:
    """Return whether a letter had ended when it was last seen, as it has now."""
    was, state = ledger.finished.get(letter["id"]), letter["state"]
    if was == "rejected" and state == "queued" and letter["tries"] < LEAST_TRIES:
        # The next one met the same refusal, so it was neither's fault, and both wait.
        del ledger.finished[letter["id"]]
        return False
    if was not in {None, state}:
        raise Broken(f"I11 letter {letter['dedupe_key']} was {was} and is {state}")
    return was is not None


def _was_rejected_rightly(world: World, letter: sqlite3.Row) -> None:
    """Somebody is rejected for what was said about them, or about their letter, and not for what was said about us."""
    said = [one.says for one in world.post.refused if one.address == letter["address"]]
    if not any(one in ADDRESS_TROUBLES for one in said) and not world.was_refused_for_days(letter["address"]):
        raise Broken(
            f"mail {letter['dedupe_key']} is rejected: {letter['detail']}; the server said {said[-3:]}"
        )


def _has_event(rows: sqlite3.Connection, letter: sqlite3.Row) -> None:
    if letter["state"] == "suppressed":
        return
    found = rows.execute("SELECT 1 FROM event WHERE subject_id = ? AND kind LIKE 'letter.%'", [letter["id"]])
    if not found.fetchone():
        raise Broken(f"I12 letter {letter['dedupe_key']} is {letter['state']}, and no event says so")


def _films(rows: sqlite3.Connection) -> None:
    for one in rows.execute("SELECT id, state, film_blob FROM montage"):
        if (one["state"] in {"ready", "degraded"}) != (one["film_blob"] is not None):
            raise Broken(f"I6 film {one['id']} is {one['state']}, its blob {one['film_blob']}")


def _bytes_are_there(rows: sqlite3.Connection, world: World, ledger: Ledger) -> None:
    blobs = {one["id"]: one for one in rows.execute("SELECT id, stored_digest, bytes FROM blob")}
    if missing := blobs.keys() - ledger.files:
        raise Broken(f"I7 no file of {sorted(missing)}")
    for blob_id in blobs.keys() - ledger.whole:
        path = world.blob_file(blob_id)
        if (
            not path.exists()
            or hashlib.sha256(path.read_bytes()).hexdigest() != blobs[blob_id]["stored_digest"]
        ):
            raise Broken(f"I7 {blob_id} is not what was written")
        ledger.whole.add(blob_id)


def check_all(world: World) -> None:
    """What takes too long for every step: every byte, every envelope, the whole database. Raises Broken."""
    app = world.app
    if damage := verification.verify(app.store, app.vault, deep=True).damage:
        raise Broken(f"verify finds {damage}")
    with app.store.reading() as tx:
        for capsule in capsule_store.all_capsules(tx):
            _opens_with_both_keys(world, tx, capsule.id)
            for story in story_store.of_capsule(tx, capsule.id):
                app.vault.unsealer(tx, capsule.id).words_of(story)
                for medium in story_store.media_of(tx, story.id):
                    details = app.vault.unsealer(tx, capsule.id).details_of(medium)
                    with app.vault.source_of(tx, medium.original_blob).open() as original:
                        if hashlib.sha256(original.read()).hexdigest() != details.sha256:
                            raise Broken(f"lost medium {medium.id}: other bytes")
    _nothing_sealed_lies_open(world)


def _opens_with_both_keys(world: World, tx, capsule_id: str) -> None:
    for holder, identity in ((INSTANCE, world.app.vault.key.identity), ("recovery", world.recovery_identity)):
        held = capsule_store.newest_envelope(tx, capsule_id, holder)
        if held is None or not envelopes.unwrap(held.envelope, identity):
            raise Broken(f"lost key of {capsule_id} for {holder}")


def _nothing_sealed_lies_open(world: World) -> None:
    with world.rows() as rows:
        if rows.execute("SELECT 1 FROM capsule WHERE state = 'open'").fetchone():
            return  # what was opened may lie there
    for path in world.settings.data_dir.rglob("*"):
        if path.is_file() and SECRET.encode() in path.read_bytes():
            raise Broken(f"I1 {path.name} holds in plain what is sealed")


def check_end(world: World) -> None:
    """Everything is well and time has passed: nothing waits any more, and everybody has had what they were promised."""
    wall = world.time.wall.strftime("%Y-%m-%d %H:%M:%S.%f")
    refusing = ", ".join(f"'{one.address}'" for one in world.post.troubles if one.address)
    with world.rows() as rows:
        rows.row_factory = sqlite3.Row
        for what, sql in {
            "a due capsule is sealed": "SELECT id FROM capsule WHERE state = 'sealed' AND opens_at <= ?1",
            # Where only mailboxes are left that refuse alike, it may be our fault, and all of those letters wait.
            "a letter waits": "SELECT dedupe_key FROM delivery WHERE state IN ('queued', 'sending') AND ?1"
            f" AND address NOT IN ({refusing})",
            "a film waits": "SELECT id FROM montage WHERE state IN ('queued', 'rendering') AND ?1",
            "an open capsule has no letters": "SELECT c.id FROM capsule c JOIN member m ON m.capsule_id = c.id"
            " WHERE c.state = 'open' AND m.left_at IS NULL AND m.joined_at < c.opened_at AND ?1 AND NOT EXISTS"
            " (SELECT 1 FROM delivery d WHERE d.capsule_id = c.id AND d.kind = 'opened')",
            "something is sealed in an open capsule": "SELECT m.id FROM medium m JOIN capsule c ON c.id = m.capsule_id"
            " WHERE c.state = 'open' AND m.is_sealed AND ?1",
        }.items():
            if found := rows.execute(sql, [wall]).fetchall():
                raise Broken(f"I8 {what}: {[tuple(one) for one in found][:5]}")


def message_id(kind: str, dedupe_key: str) -> str:
    return f"<{LetterKind(kind)}.{uuid.uuid5(composing._NAMESPACE, dedupe_key)}@example.org>"


def _instant(stored: str) -> datetime:
    return datetime.fromisoformat(stored).replace(tzinfo=UTC)


def summary(world: World) -> dict[str, int]:
    """Count what there was in a life."""
    with world.rows() as rows:
        counted = {
            "capsules": rows.execute(
                "SELECT count(DISTINCT capsule_id) FROM event WHERE kind='capsule.created'"
            ),
            "letters": rows.execute("SELECT count(*) FROM delivery"),
            "unknown": rows.execute("SELECT count(*) FROM delivery WHERE state = 'unknown'"),
            "media": rows.execute("SELECT count(*) FROM medium"),
        }
        found = {name: int(result.fetchone()[0]) for name, result in counted.items()}
    return found | {"arrived": sum(world.post.arrivals().values())} | dict(world.counts)


def to_json(found: dict[str, int]) -> str:
    return json.dumps(found, sort_keys=True)
