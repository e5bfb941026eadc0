"""Forms of stories that were shown a while ago: nothing that was saved meanwhile is wiped, nothing typed is lost."""

import html
import re

from memorycapsule.domain.stories import LONGEST_TEXT, mark_of


def shown_fields(page):
    """The fields of the form of one's own story as a page shows them, with their marks."""
    found = dict(re.findall(r'name="((?:title|seen-|caption-)[^"]*)"[^>]* value="([^"]*)"', page.text))
    found["text"] = re.search(r'<textarea[^>]* name="text"[^>]*>([^<]*)</textarea>', page.text)[1]
    return {name: html.unescape(value) for name, value in found.items()}


def test_an_older_tab_wipes_nothing_that_a_newer_one_has_saved(scene, ben, here):
    own = f"{here}/stories/{scene.story.id}"
    caption = f"caption-{scene.medium_id}"
    older, newer = shown_fields(ben.get(own)), shown_fields(ben.get(own))

    assert ben.post(own, data=newer | {"title": "탭 하나에서 쓴 제목", caption: "그네"}).status_code == 303
    assert ben.post(own, data=older | {"text": "From the older tab"}).status_code == 303

    saved = scene.story_as_ben_sees_it(scene.story.id)
    assert (saved.words.title, saved.words.text) == ("탭 하나에서 쓴 제목", "From the older tab")
    assert saved.media[0].details.caption == "그네"


def test_what_was_changed_in_two_tabs_is_shown_both_ways_and_then_decided(scene, ben, here):
    own = f"{here}/stories/{scene.story.id}"
    caption = f"caption-{scene.medium_id}"
    older, newer = shown_fields(ben.get(own)), shown_fields(ben.get(own))
    ben.post(own, data=newer | {"text": "From the newer", caption: "newer caption", "title": "New title"})

    both = ben.post(own, data=older | {"text": "From the older", caption: "older caption"})

    assert both.status_code == 409
    assert scene.story_as_ben_sees_it(scene.story.id).words.text == "From the newer"
    assert both.text.count('role="alert"') == 3
    for words in ("From the newer", "newer caption"):
        assert f'<q class="as-written">{words}</q>' in both.text
    shown = shown_fields(both)
    assert (shown["text"], shown[caption], shown["title"]) == ("From the older", "older caption", "New title")
    assert ben.post(own, data=shown).status_code == 303
    saved = scene.story_as_ben_sees_it(scene.story.id)
    assert (saved.words.title, saved.words.text) == ("New title", "From the older")
    assert saved.media[0].details.caption == "older caption"


def test_a_refused_story_stands_in_its_fields_again(scene, ben, here):
    own = f"{here}/stories/{scene.story.id}"
    typed = shown_fields(ben.get(own)) | {"title": "x" * 201, "text": "All that I remember"}

    refused = ben.post(own, data=typed)

    assert refused.status_code == 422
    assert shown_fields(refused)["text"] == "All that I remember"
    assert shown_fields(refused)["title"] == "x" * 201


def test_a_story_of_the_most_letters_in_korean_is_no_form_too_large(scene, ben, here):
    own = f"{here}/stories/{scene.story.id}"
    typed = shown_fields(ben.get(own)) | {"text": "가" * LONGEST_TEXT}

    assert ben.post(own, data=typed).status_code == 303
    assert len(scene.story_as_ben_sees_it(scene.story.id).words.text) == LONGEST_TEXT


def test_scripts_send_what_changed_and_learn_what_was_saved_elsewhere(scene, ben, here):
    asks = {"accept": "application/json"}
    first = ben.post(
        f"{here}/add", files={"title": (None, "One"), "text": (None, "words")}, headers=asks
    ).json()
    story_id, seen = first["story"], first["seen"]
    assert seen == {"title": mark_of("One"), "text": mark_of("words")}

    def save(**fields):
        files = {name.replace("_", "-"): (None, value) for name, value in fields.items()}
        return ben.post(f"{here}/add", files={"story": (None, story_id)} | files, headers=asks)

    assert save(title="Two", seen_title=seen["title"]).json() == {
        "story": story_id,
        "seen": {"title": mark_of("Two")},
    }
    assert scene.story_as_ben_sees_it(story_id).words.text == "words"
    stale = save(title="Three", seen_title=seen["title"], text="more", seen_text=seen["text"])
    assert stale.status_code == 409
    assert stale.json()["elsewhere"] == {"title": "Two"}
    assert stale.json()["seen"] == {"title": mark_of("Two"), "text": mark_of("words")}
    assert scene.story_as_ben_sees_it(story_id).words.text == "words"
    assert save(title="Three", seen_title=stale.json()["seen"]["title"]).status_code == 200
    # Without scripts, the page of the story shows both.
    page = ben.post(
        f"{here}/add",
        files={"story": (None, story_id), "title": (None, "Four"), "seen-title": (None, seen["title"])},
    )
    assert (page.status_code, '<q class="as-written">Three</q>' in page.text) == (409, True)
    assert shown_fields(page)["title"] == "Four"


def test_the_api_changes_only_what_the_caller_has_seen(scene, here):
    program = scene.browser(authorization=f"Bearer {scene.ben.token}")
    path = f"/api/v1/stories/{scene.story.id}"
    seen_at = program.get(path).json()["story"]["changed_at"]

    scene.time.go_on(seconds=1)
    first = program.patch(path, json={"title": "One", "seen_at": seen_at})
    stale = program.patch(path, json={"text": "late", "seen_at": seen_at})

    assert first.status_code == 200
    assert (stale.status_code, stale.json()["code"]) == (409, "edited_elsewhere")
    assert program.patch(path, json={"text": "late"}).status_code == 200
    saved = scene.story_as_ben_sees_it(scene.story.id)
    assert (saved.words.title, saved.words.text) == ("One", "late")


def test_two_tabs_on_the_settings_wipe_nothing_of_each_other(scene):
    ada = scene.ada()
    ada.headers["accept-language"] = "en"
    path = f"/c/{scene.capsule.id}/settings"

    def shown(page):
        found = dict(re.findall(r'name="((?:title|film_photos|seen-)[^"]*)"[^>]* value="([^"]*)"', page.text))
        found["message"] = re.search(r'name="message"[^>]*>\n([^<]*)</textarea>', page.text)[1]
        found |= dict(re.findall(r'name="(theme|music)" value="([^"]*)" checked', page.text))
        return {name: html.unescape(value) for name, value in found.items()}

    older, newer = shown(ada.get(path)), shown(ada.get(path))
    assert ada.post(path, data=newer | {"title": "A newer title", "theme": "museum"}).status_code == 303
    assert ada.post(path, data=older | {"message": "From the older tab"}).status_code == 303
    saved = shown(ada.get(path))
    assert (saved["title"], saved["message"], saved["theme"]) == (
        "A newer title",
        "From the older tab",
        "museum",
    )

    both = ada.post(path, data=older | {"title": "An older title", "theme": "window"})
    assert (both.status_code, "A newer title" in both.text) == (422, True)
    assert (shown(both)["title"], shown(both)["theme"]) == ("An older title", "window")
    assert shown(both)["message"] == "From the older tab"
    assert ada.post(path, data=shown(both)).status_code == 303
    assert shown(ada.get(path))["title"] == "An older title"
