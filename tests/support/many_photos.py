"""Very many photos in one capsule: rows alone, whose bytes are those of one photo that is there."""

import dataclasses
import uuid

from sqlalchemy import insert

from memorycapsule.store import albums as album_store
from memorycapsule.store import stories as story_store
from memorycapsule.store.rows import MediumRow, StoryRow
from memorycapsule.store.transactions import Store

PHOTOS_PER_STORY = 50


def add_copies(store: Store, story_id: str, count: int) -> None:
    """Put so many copies of a story's first photo into its capsule, in stories that are copies of it."""
    with store.transaction() as tx:
        story = story_store.stories.get(tx, story_id)
        first = story_store.media_of(tx, story_id)[0]
        stories = [
            dataclasses.asdict(story) | {"id": str(uuid.uuid4()), "position": story.position + 1 + number}
            for number in range(-(-count // PHOTOS_PER_STORY))
        ]
        media = [
            dataclasses.asdict(first)
            | {
                "id": str(uuid.uuid4()),
                "story_id": stories[number // PHOTOS_PER_STORY]["id"],
                "position": number % PHOTOS_PER_STORY,
                "duplicate_mark": f"copy {number}",
            }
            for number in range(count)
        ]
        tx.session.execute(insert(StoryRow), stories)
        tx.session.execute(insert(MediumRow), media)
        # Nothing else puts anything into an open capsule.
        album_store.forget(tx, story.capsule_id)
