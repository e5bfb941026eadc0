"""The pages on which people add stories, are thanked, and edit what is their own."""

import re

import pytest

from memorycapsule.domain.capsules import Role
from memorycapsule.domain.stories import mark_of
from memorycapsule.services import reading
from support.cast import OPENS, add_story, attach, join, make_photo

pytestmark = pytest.mark.slow

NOBODY = "00000000-0000-4000-8000-000000000000"


def filled_in(browser, address: str, *, files=(), **words):
    """Send the form as a browser without scripts does."""
    parts = [(name, (None, value)) for name, value in words.items()]
    parts += [("files", (name, content, "application/octet-stream")) for name, content in files]
    return browser.post(address, files=parts)


def test_a_sender_without_scripts_is_told_what_is_missing_of_a_photo_that_was_taken(ben, here):
    whole = make_photo(width=300, height=200)
    files = [("cut.jpg", whole[: len(whole) * 95 // 100]), ("whole.jpg", make_photo())]
    done = filled_in(ben, f"{here}/add", story="", title="", text="Words", files=files)

    thanks = ben.get(done.headers["location"]).text
    assert re.findall(r"part of the picture is missing.*?<span class=\"hint\">(.*?)</span>", thanks) == [
        "cut.jpg"
    ]


def test_photos_and_words_come_in_without_scripts(scene, ben, here):
    photos = [make_photo(width=300, height=200) for _ in range(2)]
    done = filled_in(
        ben,
        f"{here}/add",
        story="",
        title="The <b>swing</b>",
        text="One\r\ntwo",
        files=[("a.jpg", photos[0]), ("note.txt", b"just text"), ("b.jpg", photos[1]), ("none.jpg", b"")],
    )

    story_id = re.fullmatch(rf"{here}/thanks\?story=([0-9a-f-]{{36}})", done.headers["location"])[1]
    assert done.status_code == 303
    story = scene.story_as_ben_sees_it(story_id)
    assert (story.words.title, story.words.text) == ("The <b>swing</b>", "One\ntwo")
    assert [one.details.file for one in story.media] == ["a.jpg", "b.jpg"]
    thanks = ben.get(done.headers["location"]).text
    assert all(f"/g/m/{one.medium.id}/thumbnail" in thanks for one in story.media)
    assert "2 photos" in thanks
    assert "We left 2 files out" in thanks
    assert "note.txt" in thanks
    assert "none.jpg" in thanks
    page = ben.get(f"{here}/stories/{story_id}").text
    assert "The &lt;b&gt;swing&lt;/b&gt;" in page

    more = filled_in(
        ben, f"{here}/add", story=story_id, title="The swing", text="", files=[("c.jpg", make_photo())]
    )
    assert more.headers["location"].endswith(story_id)
    assert len(scene.story_as_ben_sees_it(story_id).media) == 3


def test_an_empty_form_leaves_nothing_behind(scene, ben, here):
    before = len(
        reading.stories(scene.instance.store, scene.instance.vault, scene.ben.viewer, scene.capsule.id)
    )

    for files in ((), [("", b"")], [("none.jpg", b"")]):
        answer = filled_in(ben, f"{here}/add", story="", title="", text="", files=files)
        assert answer.headers["location"] == f"{here}/add?again=1"

    after = reading.stories(scene.instance.store, scene.instance.vault, scene.ben.viewer, scene.capsule.id)
    assert len(after) == before
    assert "Choose a photo" in ben.get(f"{here}/add?again=1").text


def test_scripts_keep_the_words_as_they_are_typed(scene, ben, here):
    asks = {"accept": "application/json"}
    story_id = ben.post(f"{here}/add", files={"title": (None, "The")}, headers=asks).json()["story"]

    again = ben.post(
        f"{here}/add", files={"story": (None, story_id), "title": (None, "The swing")}, headers=asks
    )

    assert again.json() == {"story": story_id, "seen": {"title": mark_of("The swing")}}
    assert scene.story_as_ben_sees_it(story_id).words.title == "The swing"
    assert 'value="The swing"' in ben.get(f"{here}/add?story={story_id}").text


def test_only_ones_own_story_can_be_added_to_shown_or_changed(scene, ben, here):
    others = add_story(scene.instance, scene.capsule, scene.instance.ada, title="ADAS", photos=1)
    for story_id in (others.id, NOBODY):
        for path in (
            f"add?story={story_id}",
            f"thanks?story={story_id}",
            f"stories/{story_id}",
            f"stories/{story_id}/remove",
        ):
            assert ben.get(f"{here}/{path}").status_code == 404
        answers = [
            filled_in(ben, f"{here}/add", story=story_id, title="x"),
            ben.post(f"{here}/stories/{story_id}", data={"title": "x"}),
            ben.post(f"{here}/stories/{story_id}/remove"),
            ben.post(f"{here}/order", data={"move": f"up:{story_id}"}),
        ]
        assert [answer.status_code for answer in answers] == [404] * 4
    for token in (None, scene.cleo.token):
        stranger = scene.browser(token)
        assert stranger.get(f"{here}/add").status_code == 404
        assert filled_in(stranger, f"{here}/add", title="x").status_code == 404
        assert stranger.get(f"{here}/opening-day.ics").status_code == 404
    elsewhere = scene.browser(scene.session_of(scene.ben.member.account_id))
    assert elsewhere.get(f"{here}/stories/{scene.story.id}").status_code == 404
    page = elsewhere.get(here).text
    assert "MARKER" not in page
    assert f"/g/prove?next={here}" in page


def test_a_recipient_is_given_nothing_to_put_in(scene, here):
    dora = join(scene.instance, scene.capsule, "Dora", role=Role.RECIPIENT)
    browser = scene.browser(dora.token)

    assert f"{here}/add" not in browser.get(here).text
    assert browser.get(f"{here}/add").status_code == 404
    for language, sentence in (("en", "stories come from its contributors"), ("ko", "받으실 분으로")):
        refused = filled_in(browser, f"{here}/add?lang={language}", title="x")
        assert (refused.status_code, sentence in refused.text) == (403, True)


def test_words_captions_and_order_are_changed_in_one_go(scene, ben, here):
    second = attach(scene.instance, scene.ben.viewer, scene.story, make_photo(), file="second.jpg").medium.id
    page = f"{here}/stories/{scene.story.id}"
    typed = {"title": "Pier", "text": "Late", f"caption-{second}": "The lamp", f"caption-{NOBODY}": "nothing"}

    moved = ben.post(page, data=typed | {"move": f"up:{second}"})

    story = scene.story_as_ben_sees_it(scene.story.id)
    assert moved.headers["location"] == f"{page}#m-{second}"
    assert (story.words.title, story.words.text) == ("Pier", "Late")
    assert [one.medium.id for one in story.media] == [second, scene.medium_id]
    assert [one.details.caption for one in story.media] == ["The lamp", None]
    assert "The lamp" in ben.get(f"{page}?saved=1").text
    assert ben.post(page, data={f"caption-{second}": "x" * 301}).status_code == 422
    assert ben.post(page, data={"move": f"up:{NOBODY}"}).status_code == 404


def test_stories_are_put_into_another_order(scene, ben, here):
    later = add_story(scene.instance, scene.capsule, scene.ben.viewer, title="Later", photos=0)

    assert ben.post(f"{here}/order", data={"move": f"up:{later.id}"}).headers["location"] == f"{here}#own"

    page = ben.get(here).text
    assert page.index(later.id) < page.index(scene.story.id)


def test_taking_out_asks_first(scene, ben, here):
    page = f"{here}/stories/{scene.story.id}"
    assert "Take this one out?" in ben.get(f"{page}/remove?medium={scene.medium_id}").text
    assert len(scene.story_as_ben_sees_it(scene.story.id).media) == 1

    ben.post(f"{page}/remove", data={"medium": scene.medium_id})
    assert scene.story_as_ben_sees_it(scene.story.id).media == []
    assert ben.get(f"/g/m/{scene.medium_id}/original").status_code == 404
    assert ben.post(f"{page}/remove").headers["location"] == here
    assert ben.get(page).status_code == 404


def test_the_day_goes_into_a_calendar(scene, ben, here):
    entry = ben.get(f"{here}/opening-day.ics")

    assert entry.headers["content-type"].startswith("text/calendar")
    assert f"DTSTART:{OPENS:%Y%m%dT%H%M%SZ}" in entry.text
    assert "MARKER" not in entry.text


def test_when_the_day_has_come_the_doors_are_shut(scene, ben, here):
    scene.time.go_to(OPENS)

    assert ben.get(f"{here}/add").headers["location"] == here
    closed = filled_in(ben, f"{here}/add", title="x")
    assert (closed.status_code, "The day has come." in closed.text) == (403, True)
    assert ben.post(f"{here}/stories/{scene.story.id}", data={"title": "x"}).status_code == 403
    assert ben.post(f"{here}/stories/{scene.story.id}/remove").status_code == 403
    assert f"{here}/add" not in ben.get(here).text
    scene.open()
    assert ben.get(f"{here}/stories/{scene.story.id}").status_code == 404
    assert ben.get(f"{here}/thanks?story={scene.story.id}").headers["location"] == here
    assert ben.post(f"{here}/order", data={"move": f"up:{scene.story.id}"}).status_code == 403


def test_a_broken_form_is_no_fault_of_ours(scene, ben, here):
    for kind, body in (
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=x", b"--y\r\n\r\n"),
        ("application/x-www-form-urlencoded", b"title=x"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\nhalf',
        ),
    ):
        answer = ben.post(f"{here}/add", content=body, headers={"content-type": kind})
        assert 300 <= answer.status_code < 500
    assert filled_in(ben, f"{here}/add", title="x" * 300_000).status_code == 413


def test_a_name_and_its_form_of_address_are_never_parted_by_the_end_of_a_line(scene):
    scene.reads(scene.ben.viewer, "ko")
    page = scene.browser(scene.ben.token).get(f"/g/c/{scene.capsule.id}/add").text

    assert "<h1>Ben\N{NO-BREAK SPACE}님의 이야기</h1>" in page
