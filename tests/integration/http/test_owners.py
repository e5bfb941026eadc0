"""Making, inviting and managing capsules through their pages: organiser, guest, and whoever must not."""

import dataclasses
import html
import re

import pytest

from memorycapsule.domain.capsules import Role
from memorycapsule.services import reading, sessions
from memorycapsule.store import accounts as account_store
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.work import ticks
from support.cast import OPENS, add_story, invite, join, make_photo, younghee

pytestmark = pytest.mark.slow

DRAFT = {
    "title": "Grandma <b>turns</b> eighty",
    "message": "One photo is plenty.",
    "phrase": "in 10 years",
    "day": "",
    "clock": "09:00",
    "zone": "Asia/Seoul",
    "theme": "museum",
    "music": "window",
    "film_photos": "40",
}


def organiser(scene, *, is_proved=True, **headers):
    """Ada's browser, signed in by a mailed code a moment ago."""
    token = scene.session_of(scene.instance.ada.account_id)
    if is_proved:
        with scene.instance.store.transaction() as tx:
            (session,) = [
                one
                for one in account_store.sessions.by(tx, account_id=scene.instance.ada.account_id)
                if one.capsule_id is None and one.digest
            ]
            account_store.sessions.save(tx, dataclasses.replace(session, proved_at=scene.time.now))
    return scene.browser(token, **({"accept-language": "en"} | headers))


def view(scene, capsule_id=None):
    return reading.capsule(
        scene.instance.store, scene.instance.vault, scene.instance.ada, capsule_id or scene.capsule.id
    )


def letters(scene, kind):
    with scene.instance.store.reading() as tx:
        return {one.address for one in delivery_store.deliveries.by(tx, kind=kind, state="queued")}


def fields(page):
    """The hidden fields of the form that seals."""
    form = page.text[page.text.index('action="/capsules/new/seal"') :]
    form = form[: form.index("</form>")]
    return {
        name: html.unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form)
    }


def path(scene, *more):
    return "/".join(["/c", scene.capsule.id, *more])


#: Letters for private use: no font has them but by accident.
UNKNOWN_LETTERS = "\ue000\ue001"


@pytest.mark.parametrize(
    ("language", "word"), [("en", "The film cannot draw these letters"), ("ko", "필름이 그릴 수 없는 글자")]
)
def test_letters_of_a_title_that_no_film_can_draw_are_named_before_it_is_sealed(scene, language, word):
    browser = organiser(scene)
    page = browser.post(f"/capsules/new?lang={language}", data=DRAFT | {"title": f"여름 {UNKNOWN_LETTERS}"})
    drawn = browser.post(f"/capsules/new?lang={language}", data=DRAFT | {"title": "أول سنة हमारी"})

    assert word in page.text
    assert UNKNOWN_LETTERS in page.text
    assert word not in drawn.text


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Please choose the day itself."), ("ko", "날을 직접 골라 주세요.")]
)
def test_no_day_is_counted_from_today_while_the_clock_is_in_doubt(scene, language, words):
    browser = organiser(scene)
    scene.time.jump(days=1)

    counted = browser.post(f"/capsules/new?lang={language}", data=DRAFT | {"phrase": "in 10 years"})
    moved = browser.post(path(scene, "date") + f"?lang={language}", data={"phrase": "in 10 years"})
    chosen = browser.post(f"/capsules/new?lang={language}", data=DRAFT | {"phrase": "2036-05-08"})

    assert words in counted.text
    assert (moved.status_code, words in moved.text) == (422, True)
    assert words not in chosen.text
    assert "2036-05-08 00:00 UTC" in chosen.text


def test_a_capsule_is_echoed_in_words_before_it_is_sealed(scene):
    browser = organiser(scene)
    assert browser.get("/capsules/new").status_code == 200

    echoed = browser.post("/capsules/new", data=DRAFT)

    assert "Thursday, 8 May 2036, 9:00 in the morning (Seoul time)" in echoed.text
    assert "2036-05-08 00:00 UTC" in echoed.text
    assert "Grandma &lt;b&gt;turns&lt;/b&gt; eighty" in echoed.text
    assert len(reading.capsules(scene.instance.store, scene.instance.ada)) == 2

    # However long somebody looks at it, the date means what the page said.
    scene.time.go_on(minutes=90)
    sealed = browser.post(
        "/capsules/new/seal",
        data=fields(echoed),
        files={"cover": ("cover.jpg", make_photo(), "image/jpeg"), "song": ("", b"")},
    )
    assert sealed.status_code == 303
    made_id = sealed.headers["location"].split("/")[2]
    made = view(scene, made_id).capsule
    assert (made.title, made.theme, made.music, made.film_photos) == (DRAFT["title"], "museum", "window", 40)
    assert (str(made.opens_local), made.zone) == ("2036-05-08 09:00:00", "Asia/Seoul")
    cover = browser.get(f"/g/c/{made_id}/cover")
    assert (cover.headers["content-type"], cover.content[:2]) == ("image/jpeg", b"\xff\xd8")


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"title": " \u202e "}, "Please give it a title"),
        ({"phrase": "", "day": "2020-01-01"}, "has passed already"),
        ({"phrase": "some day"}, "could not read that date"),
        ({"phrase": "in 200 years"}, "more than 100 years away"),
        ({"phrase": "", "day": "2026-02-30"}, "There is no such day"),
        ({"zone": "Mars/Olympus"}, "no time zone called “Mars/Olympus”"),
        ({"film_photos": "0"}, "1 to 2,000 photos"),
        ({"clock": "25:99"}, "“25:99” is no time of day"),
        ({"title": "x" * 201}, "Please give it a title of 1 to 200 letters."),
        ({"message": "One photo is plenty." + "x" * 5_000}, "below 5,000 letters"),
    ],
)
def test_what_cannot_be_is_said_beside_it_and_nothing_typed_is_lost(scene, wrong, sentence):
    page = organiser(scene).post("/capsules/new", data=DRAFT | wrong)

    assert page.status_code == 422
    assert sentence in page.text
    assert "One photo is plenty." in page.text
    assert 'aria-invalid="true"' in page.text


@pytest.mark.parametrize(
    ("date", "said"),
    [
        (
            {"day": "2036-03-09", "clock": "02:30"},
            ("2:30 in the morning is skipped that night", "3:30 in the morning (New York time)"),
        ),
        (
            {"day": "2036-11-02", "clock": "01:30"},
            ("comes twice that night", "the second is 2036-11-02 06:30Z"),
        ),
        ({"day": "2036-11-03", "clock": "01:30"}, ("1:30 in the morning (New York time)", "")),
    ],
)
def test_a_time_that_clocks_skip_or_show_twice_is_said_before_it_is_sealed(scene, date, said):
    page = organiser(scene).post(
        "/capsules/new", data=DRAFT | {"phrase": "", "zone": "America/New_York"} | date
    )

    assert page.status_code == 200
    assert all(one in page.text for one in said)
    assert ("that night" in page.text) is (date["day"] != "2036-11-03")


def test_the_language_of_the_film_is_chosen_beside_its_music(scene):
    browser = organiser(scene)
    echoed = browser.post("/capsules/new", data=DRAFT | {"film_language": "ko"})
    sealed = browser.post("/capsules/new/seal", data=fields(echoed))
    made_id = sealed.headers["location"].split("/")[2]
    assert view(scene, made_id).capsule.film_language == "ko"

    settings = browser.get(f"/c/{made_id}/settings").text
    assert 'name="film_language" value="ko" checked' in settings
    changed = {"title": "Summer", "film_photos": "40", "film_language": ""}
    assert browser.post(f"/c/{made_id}/settings", data=changed).status_code == 303
    assert view(scene, made_id).capsule.film_language is None


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"phrase": "", "day": "2020-01-01"}, "이미 지난 날이에요"),
        ({"phrase": "", "day": "2026-02-30"}, "세상에 없는 날이에요"),
        ({"phrase": "some day"}, "날짜를 알아보지 못했어요"),
        ({"phrase": "in 200 years"}, "100년보다 먼 날이에요"),
        ({"zone": "Mars/Olympus"}, "“Mars/Olympus”: 이런 시간대는 없어요"),
        ({"clock": "25:99"}, "“25:99”: 시각으로 읽을 수 없어요"),
    ],
)
def test_each_date_that_cannot_be_is_refused_truly_in_korean(scene, wrong, sentence):
    page = organiser(scene).post("/capsules/new?lang=ko", data=DRAFT | wrong)

    assert (page.status_code, sentence in page.text) == (422, True)


def test_a_file_that_is_no_photo_leaves_all_else_as_it_was(scene):
    browser = organiser(scene)
    sealing = fields(browser.post("/capsules/new", data=DRAFT))
    page = browser.post(
        "/capsules/new/seal", data=sealing, files={"cover": ("x.jpg", b"<svg onload=alert(1)>", "image/jpeg")}
    )

    assert page.status_code == 422
    assert "We cannot show this kind of drawing" in page.text
    assert fields(page) == sealing
    assert len(reading.capsules(scene.instance.store, scene.instance.ada)) == 2


def test_pasted_addresses_become_invitations_with_names(scene):
    browser = organiser(scene)
    sent = browser.post(
        path(scene, "people"),
        data={"guests": "할머니 <younghee@example.org>, dan@example.org\nben@example.org", "language": "ko"},
    )

    assert sent.headers["location"].endswith("?done=invited&n=2&known=1")
    assert letters(scene, "invitation") >= {"younghee@example.org", "dan@example.org"}
    page = browser.get(sent.headers["location"])
    assert "2 invitations are on their way. 1 was invited or in it already." in page.text
    assert "할머니" in page.text


@pytest.mark.parametrize(
    ("role", "told"),
    [("owner", "A capsule has one owner"), ("boss", "“boss”")],
)
def test_nobody_is_invited_as_what_is_no_part_for_guests(scene, role, told):
    browser = organiser(scene)
    refused = browser.post(path(scene, "people"), data={"guests": "dan@example.org", "role": role})

    assert (refused.status_code, told in refused.text) == (422, True)
    assert "dan@example.org" not in letters(scene, "invitation")


def test_members_in_a_list_keep_nobody_from_being_invited(scene):
    sent = organiser(scene).post(path(scene, "people"), data={"guests": "ada@example.org, dan@example.org"})

    assert sent.headers["location"].endswith("?done=invited&n=1&known=1")
    assert letters(scene, "invitation") == {"dan@example.org"}


def test_a_name_beside_the_list_is_for_one_person(scene):
    browser = organiser(scene)
    page = browser.post(
        path(scene, "people"), data={"guests": "dan@example.org, eve@example.org", "called": "할머니"}
    )

    assert page.status_code == 422
    assert "The name beside the list is for one person." in page.text
    assert letters(scene, "invitation") == set()

    sent = browser.post(path(scene, "people"), data={"guests": "dan@example.org", "called": "할머니"})
    assert "할머니" in browser.get(sent.headers["location"]).text


def test_one_wrong_address_sends_nothing_and_is_named(scene):
    page = organiser(scene).post(path(scene, "people"), data={"guests": "dan@example.org, <b>oops"})

    assert page.status_code == 422
    assert "&lt;b&gt;oops" in page.text
    assert letters(scene, "invitation") == set()


def test_an_invitation_repeats_the_address_that_it_goes_to(scene):
    browser = organiser(scene)
    refused = browser.post(path(scene, "people"), data={"guests": "oma@straße.de, 할머니@example.org"})
    invited = browser.post(path(scene, "people"), data={"guests": "oma@straße.de"})
    page = browser.get(invited.headers["location"]).text

    assert refused.status_code == 422
    assert "할머니@example.org" in refused.text
    assert "the part before the @ has letters other than a to z" in refused.text
    assert invited.status_code == 303
    assert "oma@straße.de" in page
    assert 'name="address" value="oma@xn--strae-oqa.de"' in page
    assert "strasse" not in page


def test_the_page_shows_how_much_and_never_what(scene):
    page = organiser(scene).get(path(scene, "people"))

    assert "1 photo and 1 story" in page.text
    assert "MARKER" not in page.text
    assert scene.medium_id not in page.text
    assert scene.story.id not in page.text


def test_the_link_and_the_card_of_an_invitation_open_it(scene):
    invited = invite(scene.instance, scene.capsule, "younghee@example.org", name="할머니", locale="ko")
    browser = organiser(scene)
    link = f"http://127.0.0.1:8484/g/i/{invited.token}"

    assert f'value="{link}" readonly' in browser.get(path(scene, "people")).text
    cards = browser.get(path(scene, "cards"))
    assert cards.text.count('class="print-card"') == 1
    assert link in cards.text
    assert "Summer at the Sea" in cards.text
    assert "<svg" in cards.text
    assert 'style="' not in cards.text


def test_reminding_revoking_and_inviting_again(scene):
    invited = invite(scene.instance, scene.capsule, "dan@example.org")
    browser = organiser(scene)
    scene.time.go_on(days=1, minutes=1)
    browser = organiser(scene, is_proved=False)
    reminded = browser.post(path(scene, "people", "remind"), data={"only": invited.invitation.id})
    assert reminded.headers["location"].endswith("done=reminded&n=1")

    browser.post(path(scene, "people", "revoke"), data={"address": "dan@example.org"})
    assert scene.browser().get(f"/g/i/{invited.token}").status_code == 410
    again = browser.post(path(scene, "people", "again"), data={"address": "dan@example.org"})
    assert again.status_code == 303
    assert "dan@example.org" in letters(scene, "invitation")


def test_a_reminded_member_comes_in_by_their_own_link(scene):
    younghee(scene.instance, scene.capsule)
    organiser(scene).post(path(scene, "people", "remind"))
    ticks.send_letters(scene.app)
    link = scene.mailed_links()["younghee@example.org"]

    phone = scene.browser(**{"accept-language": "ko"})
    assert link.startswith("/g/v/")
    for _ in range(3):
        assert phone.get(link).status_code == 200
    assert not phone.cookies
    came = phone.post(link)
    assert came.headers["location"] == f"/g/c/{scene.capsule.id}/add"
    assert phone.get(came.headers["location"]).status_code == 200

    # Once something of theirs is in it, they come to look after it.
    them = sessions.viewer_with_token(scene.app.store, phone.cookies["capsule"])
    add_story(scene.instance, scene.capsule, them, photos=0)
    assert phone.post(link).headers["location"] == f"/g/c/{scene.capsule.id}"


def test_settings_change_what_was_said(scene):
    browser = organiser(scene)
    page = browser.get(path(scene, "settings"))
    assert "Summer at the Sea" in page.text
    changed = browser.post(
        path(scene, "settings"),
        data={"title": "Winter", "message": "", "theme": "window", "music": "museum", "film_photos": "9"},
        files={"cover": ("c.jpg", make_photo(), "image/jpeg")},
    )
    now = view(scene).capsule

    assert changed.status_code == 303
    assert (now.title, now.message, now.theme, now.music, now.film_photos) == (
        "Winter", None, "window", "museum", 9,
    )  # fmt: skip
    assert now.cover_blob
    browser.post(
        path(scene, "settings"),
        data={"title": "Winter", "theme": "window", "film_photos": "9", "without_cover": "1"},
    )
    assert (view(scene).capsule.cover_blob, view(scene).capsule.music) == (None, None)


def test_removal_roles_and_handing_over_need_a_mailed_code(scene):
    stale = organiser(scene, is_proved=False)
    member = scene.ben.member.id
    for deed, data in (("role", {"role": "recipient"}), ("hand-over", {}), ("remove", {})):
        answer = stale.post(path(scene, "members", member, deed), data=data)
        assert answer.status_code in {303, 403}
        assert "people" not in answer.headers.get("location", "")
    assert {one.member.role for one in view(scene).contributions} == {Role.OWNER, Role.CONTRIBUTOR}


def test_a_role_changes_and_the_capsule_is_handed_over(scene):
    browser = organiser(scene)
    member = path(scene, "members", scene.ben.member.id)
    assert "Ben" in browser.get(member).text
    browser.post(f"{member}/role", data={"role": "recipient"})
    roles = {one.member.name: one.member.role for one in view(scene).contributions}
    assert roles == {"Ada": Role.OWNER, "Ben": Role.RECIPIENT}

    done = browser.post(f"{member}/hand-over")
    assert "Ben: the new owner" in browser.get(done.headers["location"]).text
    assert browser.get(path(scene, "people")).status_code == 404


def test_a_capsule_with_the_story_of_another_cannot_be_deleted(scene):
    browser = organiser(scene)
    assert "cannot be deleted" in browser.get(path(scene, "delete")).text
    refused = browser.post(path(scene, "delete"), data={"title": "Summer at the Sea"})
    assert refused.status_code == 403
    assert view(scene)


def test_one_that_is_its_owners_alone_goes_when_its_title_is_typed(scene):
    browser = organiser(scene)
    browser.post("/capsules/new", data=DRAFT)
    made = browser.post("/capsules/new/seal", data=fields(browser.post("/capsules/new", data=DRAFT)))
    page = f"/c/{made.headers['location'].split('/')[2]}/delete"

    assert browser.post(page, data={"title": "something else"}).status_code == 422
    assert browser.post(page, data={"title": DRAFT["title"]}).headers["location"] == "/"
    assert browser.get(page).status_code == 404


def test_an_earlier_date_is_asked_for_and_moves_with_the_last_yes(scene):
    browser = organiser(scene)
    typed = {"day": "2026-05-12", "clock": "18:00", "zone": "UTC"}
    confirm = browser.post(path(scene, "date"), data=typed)
    assert "Ask for an earlier date?" in confirm.text
    assert "Tuesday, 12 May 2026, 6:00 in the evening (UTC)" in confirm.text
    asked = browser.post(path(scene, "date", "move"), data=typed)
    assert "1 of 2 have said yes." in browser.get(asked.headers["location"]).text

    ticks.send_letters(scene.app)
    link = scene.mailed_links()["ben@example.org"]
    guest = scene.browser(**{"accept-language": "en"})
    for _ in range(3):
        assert "may we open it earlier?" in guest.get(link).text
    assert view(scene).capsule.opens_at == OPENS

    guest.post(link, data={"answer": "yes"})
    assert f"{view(scene).capsule.opens_at:%d %H:%M}" == "12 18:00"
    assert "Everybody has said yes." in guest.get(link).text


def test_a_later_date_moves_at_once(scene):
    browser = organiser(scene)
    moved = browser.post(path(scene, "date", "move"), data={"phrase": "in 2 years", "zone": "UTC"})

    assert "The date is moved" in browser.get(moved.headers["location"]).text
    assert letters(scene, "moved") == {"ada@example.org", "ben@example.org"}


def test_a_guest_leaves_with_what_they_put_in_or_without_it(scene):
    anna = join(scene.instance, scene.capsule, "Anna")
    add_story(scene.instance, scene.capsule, anna.viewer, photos=0)
    for person, choice, left in ((anna, "take", 0), (scene.ben, "stay", 1)):
        browser = scene.browser(person.token, **{"accept-language": "en"})
        page = f"/g/c/{scene.capsule.id}/leave"
        assert "Leave this capsule?" in browser.get(page).text
        gone = browser.post(page, data={"stories": choice})
        assert "You have left." in browser.get(gone.headers["location"]).text
        assert browser.get(page).status_code == 404
        kept = {one.member.name: one.stories for one in view(scene).contributions}
        assert kept.get(person.member.name, 0) == left


def test_declining_needs_the_button_and_ends_the_invitation(scene):
    invited = invite(scene.instance, scene.capsule, "dan@example.org")
    guest = scene.browser(**{"accept-language": "en"})
    link = f"/g/i/{invited.token}"
    assert "Say no to this invitation?" in guest.get(f"{link}/decline").text
    assert guest.get(link).status_code == 200

    assert guest.post(f"{link}/decline").status_code == 303
    assert "You have said no" in guest.get(link).text
    assert "said no" in organiser(scene).get(path(scene, "people")).text


def test_letters_grow_by_a_link_and_stay_so(scene):
    invited = invite(scene.instance, scene.capsule, "dan@example.org")
    guest = scene.browser()
    chosen = guest.get(f"/g/i/{invited.token}?size=largest")

    assert 'class="guest size-largest"' in chosen.text
    assert 'class="guest size-largest"' in guest.get(f"/g/i/{invited.token}").text
    assert 'class="guest size-usual"' in scene.browser().get(f"/g/i/{invited.token}?size=x").text


def test_nobody_but_the_owner_finds_these_pages(scene):
    bens = scene.browser(scene.session_of(scene.ben.viewer.account_id))
    guest = scene.browser(scene.ben.token)
    for page in ("people", "cards", "settings", "date", "delete", f"members/{scene.ben.member.id}"):
        assert bens.get(path(scene, page)).status_code == 404
        # A guest's session is for one capsule and manages none: first they sign in.
        assert guest.get(path(scene, page)).headers["location"].startswith("/sign-in")
    for deed in ("people", "people/remind", "settings", "date/move", "date/withdraw"):
        assert bens.post(path(scene, deed), data={"address": "x@example.org"}).status_code == 404


def test_the_music_of_each_theme_can_be_listened_to_in_parts(scene):
    song = scene.browser().get("/g/soundtracks/museum.m4a", headers={"range": "bytes=0-99"})

    assert (song.status_code, len(song.content)) == (206, 100)
    assert song.headers["content-type"] == "audio/mp4"
    assert scene.browser().get("/g/soundtracks/nothing.m4a").status_code == 404
