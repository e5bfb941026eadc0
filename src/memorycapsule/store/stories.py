"""Stories and their media."""

from collections.abc import Collection, Mapping

from sqlalchemy import func, or_
from sqlmodel import col, select

from memorycapsule.domain.stories import Medium, MediumKind, Story
from memorycapsule.store import uploads as upload_store
from memorycapsule.store.cluster import pieces as piece_store
from memorycapsule.store.rows import MediumRow, StoryRow
from memorycapsule.store.tables import Table
from memorycapsule.store.transactions import Transaction

stories = Table(Story, StoryRow)
media = Table(Medium, MediumRow)


def of_capsule(tx: Transaction, capsule_id: str) -> list[Story]:
    """Return the stories of a capsule: by author, then in each author's order."""
    return stories.by(tx, "member_id", "position", "created_at", capsule_id=capsule_id)


def media_of(tx: Transaction, story_id: str) -> list[Medium]:
    """Return the media of a story in order."""
    return media.by(tx, "position", "created_at", story_id=story_id)


def media_of_capsule(tx: Transaction, capsule_id: str) -> list[Medium]:
    """Return all media of a capsule in order."""
    return media.by(tx, "story_id", "position", "created_at", capsule_id=capsule_id)


def media_by_story(tx: Transaction, story_ids: Collection[str]) -> dict[str, list[Medium]]:
    """Return the media of stories, by the stories' ids, each story's in order."""
    found: dict[str, list[Medium]] = {story_id: [] for story_id in story_ids}
    statement = media.rows().where(col(MediumRow.story_id).in_(story_ids))
    for medium in media.all(tx, statement.order_by(col(MediumRow.position), col(MediumRow.created_at))):
        found[medium.story_id].append(medium)
    return found


def of_ids(tx: Transaction, capsule_id: str, story_ids: Collection[str]) -> list[Story]:
    """Return the stories of a capsule among these."""
    statement = stories.rows().where(col(StoryRow.capsule_id) == capsule_id, col(StoryRow.id).in_(story_ids))
    return stories.all(tx, statement)


def media_of_ids(tx: Transaction, capsule_id: str, medium_ids: Collection[str]) -> list[Medium]:
    """Return the media of a capsule among these, in the order of each story."""
    statement = media.rows().where(col(MediumRow.capsule_id) == capsule_id, col(MediumRow.id).in_(medium_ids))
    return media.all(tx, statement.order_by(col(MediumRow.position), col(MediumRow.created_at)))


def first_photo_id(tx: Transaction, capsule_id: str) -> str | None:
    """Return the id of the photo that came into a capsule first."""
    statement = (
        select(MediumRow.id)
        .where(MediumRow.capsule_id == capsule_id, MediumRow.kind == MediumKind.PHOTO)
        .order_by(col(MediumRow.created_at), col(MediumRow.id))
        .limit(1)
    )
    return tx.session.exec(statement).first()


def next_story_position(tx: Transaction, member_id: str) -> int:
    """Return the place after the last story of a member."""
    last = tx.session.exec(select(func.max(StoryRow.position)).where(StoryRow.member_id == member_id)).one()
    return 0 if last is None else int(last) + 1


def next_medium_position(tx: Transaction, story_id: str) -> int:
    """Return the place after the last medium of a story."""
    last = tx.session.exec(select(func.max(MediumRow.position)).where(MediumRow.story_id == story_id)).one()
    return 0 if last is None else int(last) + 1


def medium_with_mark(tx: Transaction, story_id: str, duplicate_mark: str) -> Medium | None:
    """Return the medium of a story that is the same file: the one with this mark."""
    return media.one(tx, story_id=story_id, duplicate_mark=duplicate_mark)


def medium_of_original(tx: Transaction, blob_id: str) -> Medium | None:
    """Return the medium whose original is kept in a blob, None when it keeps something else."""
    return media.one(tx, original_blob=blob_id)


def media_with_blobs(tx: Transaction, blob_ids: Collection[str]) -> list[Medium]:
    """Return the media of which something is kept in one of these blobs, a few hundred at most."""
    forms = (MediumRow.original_blob, MediumRow.display_blob, MediumRow.thumbnail_blob, MediumRow.clip_blob)
    return media.all(tx, media.rows().where(or_(*(col(form).in_(blob_ids) for form in forms))))


def sealed_media(tx: Transaction, capsule_id: str, most: int) -> list[Medium]:
    """Return up to `most` media of a capsule whose bytes are still sealed, the oldest first."""
    statement = media.rows().where(col(MediumRow.capsule_id) == capsule_id, col(MediumRow.is_sealed))
    return media.all(tx, statement.order_by(col(MediumRow.created_at), col(MediumRow.id)).limit(most))


def sealed_stories(tx: Transaction, capsule_id: str, most: int) -> list[Story]:
    """Return up to `most` stories of a capsule whose words are still sealed, the oldest first."""
    statement = stories.rows().where(col(StoryRow.capsule_id) == capsule_id, col(StoryRow.is_sealed))
    return stories.all(tx, statement.order_by(col(StoryRow.created_at), col(StoryRow.id)).limit(most))


def unseal_story(tx: Transaction, story: Story, words: bytes) -> bool:
    """Keep the plain words of a sealed story; return False, and change nothing, when somebody else has done it."""
    is_ours = (col(StoryRow.id) == story.id, col(StoryRow.is_sealed))
    return bool(stories.change(tx, *is_ours, words=words, is_sealed=False))


def unseal_medium(tx: Transaction, medium: Medium, details: bytes, blob_ids: Mapping[str, str]) -> bool:
    """
    Keep the plain details of a sealed medium, and the ids of its plain blobs by their forms.

    Return False, and change nothing, when it does not refer to the sealed blobs of `medium` any more.
    """
    is_ours = (
        col(MediumRow.id) == medium.id,
        col(MediumRow.is_sealed),
        *(col(getattr(MediumRow, form)) == blob_id for form, blob_id in medium.blobs.items()),
    )
    return bool(media.change(tx, *is_ours, details=details, is_sealed=False, **blob_ids))


def remove_medium(tx: Transaction, medium: Medium) -> list[str]:
    """Remove a medium, with what was rendered ahead and may show it; return the ids of all their blobs."""
    upload_store.forget_medium(tx, medium.id)
    media.remove(tx, col(MediumRow.id) == medium.id)
    return [*medium.blobs.values(), *piece_store.forget_ahead(tx, medium.capsule_id)]


def remove_with_media(tx: Transaction, story_id: str) -> list[str]:
    """
    Remove a story with its media, with what is still on its way to it, and what was rendered ahead and may show it.

    Return the ids of all their blobs.
    """
    blob_ids = piece_store.forget_ahead(tx, stories.get(tx, story_id).capsule_id)
    for upload in upload_store.uploads.by(tx, story_id=story_id):
        blob_ids += upload_store.remove(tx, upload.id)
    blob_ids += [blob_id for medium in media_of(tx, story_id) for blob_id in remove_medium(tx, medium)]
    stories.remove(tx, col(StoryRow.id) == story_id)
    return blob_ids
