"""What the command line says of a story in which a bit has rotted."""

from dataclasses import replace

from integration.cli.instances import due_capsule, opened_app
from memorycapsule.store import stories as story_store
from support.cast import flipped


def test_that_a_story_is_damaged_is_said_in_the_language_of_the_terminal(initialised):
    capsule_id = due_capsule()
    with opened_app() as app, app.store.transaction() as tx:
        (story,) = story_store.of_capsule(tx, capsule_id)
        story_store.stories.save(tx, replace(story, words=flipped(story.words)))
    assert initialised("open", capsule_id).code == 0

    told = initialised("story", "show", story.id, "--json").json["story"]
    assert told["damage"] == {"reason": "damaged", "values": {}}
    assert told["text"] in initialised("story", "show", story.id).out
    assert (
        "\n봉해 둔 것이 망가져서 열 수 없어요." in initialised("--lang", "ko", "story", "show", story.id).out
    )
