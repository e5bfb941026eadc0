"""Capsules, their members, keys and blobs; and which capsules are due."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import and_, delete, exists, func, or_
from sqlmodel import case, col, not_, select

from memorycapsule.domain.capsules import Capsule, CapsuleState, Contribution, Member
from memorycapsule.domain.instances import Blob, KeyEnvelope
from memorycapsule.domain.reasons import KeptReason
from memorycapsule.domain.stories import MediumKind
from memorycapsule.store.cluster_rows import PieceRow
from memorycapsule.store.rows import (
    AlbumRow,
    BlobRow,
    CapsuleRow,
    ConsentRow,
    DeliveryRow,
    EarlierDateRequestRow,
    InvitationRow,
    KeyEnvelopeRow,
    LinkRow,
    MediumRow,
    MemberRow,
    MontageRow,
    NotificationRow,
    SessionRow,
    StoryRow,
    UploadPartRow,
    UploadRow,
)
from memorycapsule.store.tables import Table
from memorycapsule.store.transactions import Transaction

capsules = Table(Capsule, CapsuleRow)
members = Table(Member, MemberRow)
envelopes = Table(KeyEnvelope, KeyEnvelopeRow)
blobs = Table(Blob, BlobRow)

_BY_DATE = (col(CapsuleRow.opens_at), col(CapsuleRow.id))
#: Databases take no statement with any number of values.
_ASKED_AT_ONCE = 500


def due_ids(tx: Transaction, now: datetime) -> list[str]:
    """Return the ids of the capsules that are sealed and whose date has come, the earliest first."""
    statement = (
        select(CapsuleRow.id)
        .where(col(CapsuleRow.state) == CapsuleState.SEALED, col(CapsuleRow.opens_at) <= now)
        .order_by(col(CapsuleRow.opens_at))
    )
    return list(tx.session.exec(statement))


def next_openings(tx: Transaction, after: datetime, until: datetime) -> list[datetime]:
    """Return when sealed capsules open, of those that do after `after` and until `until`."""
    statement = select(CapsuleRow.opens_at).where(
        col(CapsuleRow.state) == CapsuleState.SEALED,
        col(CapsuleRow.opens_at) > after,
        col(CapsuleRow.opens_at) <= until,
    )
    return list(tx.session.exec(statement))


def earliest_opening(tx: Transaction, *, after: datetime | None = None) -> datetime | None:
    """Return the earliest date of the sealed capsules, or of those that open after `after`; None without any."""
    is_meant = [col(CapsuleRow.state) == CapsuleState.SEALED]
    if after is not None:
        is_meant.append(col(CapsuleRow.opens_at) > after)
    return tx.session.exec(select(func.min(CapsuleRow.opens_at)).where(*is_meant)).one()


def count_by_state(tx: Transaction) -> dict[CapsuleState, int]:
    """Return how many capsules there are in each state."""
    return capsules.counts(tx, "state")


def open_if_due(tx: Transaction, capsule_id: str, now: datetime) -> bool:
    """Turn a sealed capsule whose date has come into an open one; say whether this call did it."""
    return bool(
        capsules.change(
            tx,
            col(CapsuleRow.id) == capsule_id,
            col(CapsuleRow.state) == CapsuleState.SEALED,
            col(CapsuleRow.opens_at) <= now,
            state=CapsuleState.OPEN,
            opened_at=now,
            generation=col(CapsuleRow.generation) + 1,
        )
    )


def ids_to_unseal(tx: Transaction) -> list[str]:
    """Return the ids of the open capsules in which something may still be sealed, the first opened first."""
    statement = (
        select(CapsuleRow.id)
        .where(col(CapsuleRow.opened_at).is_not(None), col(CapsuleRow.unsealed_at).is_(None))
        .order_by(col(CapsuleRow.opened_at), col(CapsuleRow.id))
    )
    return list(tx.session.exec(statement))


def note_unsealed(tx: Transaction, capsule_id: str, now: datetime) -> bool:
    """Note that nothing in an open capsule is sealed any more; return False where something is."""
    return bool(
        capsules.change(
            tx,
            col(CapsuleRow.id) == capsule_id,
            col(CapsuleRow.opened_at).is_not(None),
            *(
                ~exists().where(col(row.capsule_id) == capsule_id, col(row.is_sealed))
                for row in (StoryRow, MediumRow)
            ),
            unsealed_at=now,
        )
    )


def note_letters_queued(tx: Transaction, capsule_id: str, now: datetime) -> None:
    """Note that the opened letters of a capsule's members are queued, unless that is known."""
    is_this = (col(CapsuleRow.id) == capsule_id, col(CapsuleRow.letters_queued_at).is_(None))
    capsules.change(tx, *is_this, letters_queued_at=now)


def note_rehearsal(tx: Transaction, capsule_id: str, problem: KeptReason | None, now: datetime) -> None:
    """Note that the opening of a capsule was rehearsed, and what would have failed first."""
    capsules.change(tx, col(CapsuleRow.id) == capsule_id, rehearsed_at=now, rehearsal_problem=problem)


def rehearsal_problems(tx: Transaction) -> dict[str, KeptReason]:
    """Return what would have failed first at the last rehearsal of an opening, by capsule; only where any would."""
    statement = (
        select(CapsuleRow.id, col(CapsuleRow.rehearsal_problem))
        .where(col(CapsuleRow.opened_at).is_(None), col(CapsuleRow.rehearsal_problem).is_not(None))
        .order_by(col(CapsuleRow.opens_at), col(CapsuleRow.id))
    )
    return {capsule_id: problem for capsule_id, problem in tx.session.exec(statement) if problem}


def last_rehearsals(
    tx: Transaction, *, before: datetime, opens_before: datetime, now: datetime
) -> dict[str, tuple[datetime | None, bool]]:
    """
    Return when openings were last rehearsed, and whether something would have failed, by the ids of sealed capsules.

    Those are returned that were rehearsed last, or made, at `before` at the latest, or by a clock that was ahead of
    `now`; those of which something would have failed; and those that open at `opens_before` at the latest. The next to
    open come first.
    """
    done, made = col(CapsuleRow.rehearsed_at), col(CapsuleRow.created_at)
    # Each of them is a stretch of one index.
    stretches = (
        (done <= before,),
        (done > now,),
        (done.is_(None), made <= before),
        (done.is_(None), made > now),
        (col(CapsuleRow.rehearsal_problem).is_not(None),),
        (col(CapsuleRow.state) == CapsuleState.SEALED, col(CapsuleRow.opens_at) <= opens_before),
    )
    rows = [
        row
        for stretch in stretches
        for row in tx.session.exec(
            select(CapsuleRow.opens_at, CapsuleRow.id, done, col(CapsuleRow.rehearsal_problem)).where(
                col(CapsuleRow.opened_at).is_(None), *stretch
            )
        )
    ]
    ordered = sorted(rows, key=lambda row: (row[0], row[1]))
    return {one: (at, problem is not None) for _opens_at, one, at, problem in ordered}


def all_sealed(tx: Transaction) -> list[Capsule]:
    """Return all sealed capsules, the next to open first, and keep them from being opened while this writes."""
    return capsules.by(tx, "opens_at", state=CapsuleState.SEALED, lock=True)


def sealed_after(tx: Transaction, after: tuple[datetime, str] | None, most: int) -> list[Capsule]:
    """Return the next `most` sealed capsules by date and id, those after a date with an id; None for the first."""
    statement = capsules.rows().where(col(CapsuleRow.state) == CapsuleState.SEALED)
    if after is not None:
        opens_at, capsule_id = after
        is_before = and_(col(CapsuleRow.opens_at) == opens_at, col(CapsuleRow.id) <= capsule_id)
        statement = statement.where(col(CapsuleRow.opens_at) >= opens_at, not_(is_before))
    return capsules.all(tx, statement.order_by(*_BY_DATE).limit(most))


def sealed_among(tx: Transaction, among: Collection[str]) -> list[Capsule]:
    """Return those of `among`, ids however many they are, that are sealed, the next to open first."""
    asked, found = list(among), list[Capsule]()
    while some := asked[:_ASKED_AT_ONCE]:
        is_meant = (col(CapsuleRow.id).in_(some), col(CapsuleRow.state) == CapsuleState.SEALED)
        found += capsules.all(tx, capsules.rows().where(*is_meant))
        del asked[:_ASKED_AT_ONCE]
    return sorted(found, key=lambda one: (one.opens_at, one.id))


def all_capsules(tx: Transaction) -> list[Capsule]:
    """Return all capsules, the next to open first."""
    return capsules.by(tx, "opens_at")


def known_ids(tx: Transaction, among: Collection[str]) -> set[str]:
    """Return those of `among`, however many they are, that are ids of capsules."""
    asked, found = list(among), set[str]()
    while some := asked[:_ASKED_AT_ONCE]:
        found.update(tx.session.exec(select(CapsuleRow.id).where(col(CapsuleRow.id).in_(some))))
        del asked[:_ASKED_AT_ONCE]
    return found


def of_account(tx: Transaction, account_id: str) -> list[Capsule]:
    """Return the capsules that an account is a member of, the next to open first."""
    statement = (
        capsules.rows()
        .join(MemberRow, col(MemberRow.capsule_id) == col(CapsuleRow.id))
        .where(col(MemberRow.account_id) == account_id, col(MemberRow.left_at).is_(None))
        .order_by(col(CapsuleRow.opens_at))
    )
    return capsules.all(tx, statement)


def of_reference(
    tx: Transaction, account_id: str, reference: str, *, only_id: str | None = None
) -> list[Capsule]:
    """
    Return the capsules with this id or slug that an account is a member of, the next to open first.

    With `only_id`, no other capsule than the one of this id is returned.
    """
    if not reference.isprintable():
        return []  # no id or slug of ours; drivers have errors of their own for such
    statement = (
        capsules.rows()
        .join(MemberRow, col(MemberRow.capsule_id) == col(CapsuleRow.id))
        .where(
            col(MemberRow.account_id) == account_id,
            col(MemberRow.left_at).is_(None),
            or_(col(CapsuleRow.id) == reference, col(CapsuleRow.slug) == reference),
        )
        .order_by(col(CapsuleRow.opens_at))
    )
    if only_id is not None:
        statement = statement.where(col(CapsuleRow.id) == only_id)
    return capsules.all(tx, statement)


def slugs_of_account(tx: Transaction, account_id: str) -> set[str]:
    """Return the slugs of the capsules that an account has made."""
    return set(tx.session.exec(select(CapsuleRow.slug).where(CapsuleRow.made_by == account_id)))


def members_of(tx: Transaction, capsule_id: str) -> list[Member]:
    """Return the members of a capsule in the order in which they joined; without those who have left."""
    return [member for member in ever_members_of(tx, capsule_id) if member.left_at is None]


def ever_members_of(tx: Transaction, capsule_id: str) -> list[Member]:
    """Return all who ever were members of a capsule, in the order in which they joined."""
    return members.by(tx, "joined_at", "id", capsule_id=capsule_id)


def member_counts(tx: Transaction, account_id: str) -> dict[str, int]:
    """Return how many members each capsule has that an account is a member of."""
    own = select(MemberRow.capsule_id).where(
        MemberRow.account_id == account_id, col(MemberRow.left_at).is_(None)
    )
    statement = (
        select(MemberRow.capsule_id, func.count())
        .where(col(MemberRow.capsule_id).in_(own), col(MemberRow.left_at).is_(None))
        .group_by(col(MemberRow.capsule_id))
    )
    return dict(tx.session.exec(statement).all())


def membership(tx: Transaction, capsule_id: str, account_id: str) -> Member | None:
    """Return the account's part in a capsule, None when it has none or has left."""
    member = ever_membership(tx, capsule_id, account_id)
    return member if member and member.left_at is None else None


def ever_membership(tx: Transaction, capsule_id: str, account_id: str) -> Member | None:
    """Return the part that an account has or had in a capsule."""
    return members.one(tx, capsule_id=capsule_id, account_id=account_id)


def memberships_of(tx: Transaction, account_id: str) -> list[Member]:
    """Return every part that an account has or had in a capsule."""
    return members.by(tx, "joined_at", account_id=account_id)


def contributions(tx: Transaction, capsule_id: str) -> list[Contribution]:
    """Return how much each member has put in; former members, too, whose stories are still there."""
    story_counts = dict(
        tx.session.exec(
            select(StoryRow.member_id, func.count())
            .where(StoryRow.capsule_id == capsule_id)
            .group_by(col(StoryRow.member_id))
        ).all()
    )
    media_counts = {
        member_id: [int(count) for count in counts]
        for member_id, *counts in tx.session.exec(
            select(StoryRow.member_id, *(_count(kind) for kind in MediumKind))
            .join(MediumRow, col(MediumRow.story_id) == col(StoryRow.id))
            .where(StoryRow.capsule_id == capsule_id)
            .group_by(col(StoryRow.member_id))
        ).all()
    }
    return [
        Contribution(
            member=member,
            stories=story_counts.get(member.id, 0),
            photos=photos,
            clips=clips,
            voices=voices,
        )
        for member in ever_members_of(tx, capsule_id)
        if member.left_at is None or member.id in story_counts
        for photos, clips, voices in [media_counts.get(member.id, [0, 0, 0])]
    ]


def _count(kind: MediumKind):  # type: ignore[no-untyped-def]  # noqa: ANN202 - SQLAlchemy's own type says nothing
    return func.sum(case((col(MediumRow.kind) == kind, 1), else_=0))


def newest_envelope(tx: Transaction, capsule_id: str, kind: str) -> KeyEnvelope | None:
    """Return the newest envelope of a capsule's key for a kind of holder."""
    found = envelopes.by(tx, "-generation", capsule_id=capsule_id, kind=kind)
    return found[0] if found else None


def newest_envelopes(tx: Transaction, kind: str) -> dict[str, KeyEnvelope]:
    """Return the newest envelopes of all capsules' keys for a kind of holder, by the ids of the capsules."""
    return {one.capsule_id: one for one in envelopes.by(tx, "generation", kind=kind)}


def envelope_holders(tx: Transaction, kind: str) -> set[str]:
    """Return the fingerprints of all keys that envelopes of a kind were made for."""
    return {one.holder for one in envelopes.by(tx, kind=kind)}


def drop_envelope(tx: Transaction, envelope_id: str) -> None:
    """Remove an envelope that a newer one replaces."""
    envelopes.remove(tx, col(KeyEnvelopeRow.id) == envelope_id)


def stored_bytes(tx: Transaction) -> dict[str, int]:
    """Return how many bytes each capsule keeps in blobs."""
    statement = select(BlobRow.capsule_id, func.sum(BlobRow.bytes)).group_by(col(BlobRow.capsule_id))
    return {capsule_id: int(total) for capsule_id, total in tx.session.exec(statement).all()}


def count_blobs(tx: Transaction) -> tuple[int, int]:
    """Return how many blobs there are, and how many bytes they have together."""
    statement = select(func.count(), func.coalesce(func.sum(BlobRow.bytes), 0)).select_from(BlobRow)
    count, size = tx.session.exec(statement).one()
    return int(count), int(size)


def drop_blobs(tx: Transaction, blob_ids: list[str]) -> None:
    """Remove the rows of blobs that nothing refers to any more."""
    blobs.remove(tx, col(BlobRow.id).in_(blob_ids))


def remove_with_contents(tx: Transaction, capsule_id: str) -> list[str]:
    """Remove a capsule with everything that belongs to it, and return the ids of the blobs it kept."""
    kept = list(tx.session.exec(select(BlobRow.id).where(BlobRow.capsule_id == capsule_id)))
    invited = select(InvitationRow.id).where(InvitationRow.capsule_id == capsule_id)
    joined = select(MemberRow.id).where(MemberRow.capsule_id == capsule_id)
    for subjects in (invited, joined):
        tx.session.execute(delete(LinkRow).where(col(LinkRow.subject_id).in_(subjects)))
    sent = select(UploadRow.id).where(UploadRow.capsule_id == capsule_id)
    tx.session.execute(delete(UploadPartRow).where(col(UploadPartRow.upload_id).in_(sent)))
    requested = select(EarlierDateRequestRow.id).where(EarlierDateRequestRow.capsule_id == capsule_id)
    # The links that ask for consent name the request first, then whom they ask.
    asked = (
        select(col(EarlierDateRequestRow.id) + ":" + col(MemberRow.id))
        .join(MemberRow, col(MemberRow.capsule_id) == col(EarlierDateRequestRow.capsule_id))
        .where(EarlierDateRequestRow.capsule_id == capsule_id)
    )
    tx.session.execute(delete(LinkRow).where(col(LinkRow.subject_id).in_(asked)))
    tx.session.execute(delete(ConsentRow).where(col(ConsentRow.request_id).in_(requested)))
    # Children before their parents.
    for row in (
        DeliveryRow,
        NotificationRow,
        PieceRow,
        MontageRow,
        AlbumRow,
        EarlierDateRequestRow,
        UploadRow,
        MediumRow,
        StoryRow,
        SessionRow,
        InvitationRow,
        MemberRow,
        BlobRow,
        KeyEnvelopeRow,
    ):
        tx.session.execute(delete(row).where(col(row.capsule_id) == capsule_id))
    capsules.remove(tx, col(CapsuleRow.id) == capsule_id)
    return kept
