"""Coming back in another browser: digits mailed to the address let in whoever asked for them, and nobody else."""

import email
import email.policy
import re

import pytest

from memorycapsule.daemon.http.guests import coming_back as pages_of_coming_back
from memorycapsule.daemon.http.protocol.constant_time import in_constant_time
from memorycapsule.domain.sessions import LinkPurpose
from memorycapsule.services import invitations, letters, members, sessions, signing_in
from memorycapsule.store import accounts as account_store
from memorycapsule.work import ticks
from support.cast import invite, join, make_capsule
from support.moments import NOW

GRANDMOTHER = "younghee@example.org"


@pytest.fixture(autouse=True)
def no_waits(monkeypatch):
    """What takes its time for the sake of those who measure it has a test of its own."""
    monkeypatch.setattr("memorycapsule.daemon.http.protocol.constant_time._STEP_SECONDS", 0.001)


@pytest.fixture
def invited(scene):
    return invite(scene.instance, scene.capsule, GRANDMOTHER, name="할머니", locale="ko")


@pytest.fixture
def path(scene, invited):
    """The link of an invitation with which somebody has joined."""
    joined = f"/g/i/{invited.token}"
    assert scene.browser().post(joined, data={"name": "영희"}).status_code == 303
    return joined


@pytest.fixture
def browser(scene):
    return scene.browser(**{"accept-language": "en"})


def letters_with_digits(scene):
    """Send what is due; whom each letter with digits is for, and its digits, the newest last."""
    ticks.send_letters(scene.app)
    found = []
    for path in sorted(scene.instance.letters(), key=lambda path: path.stat().st_mtime_ns):
        letter = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        if digits := re.match(r"\d{3} \d{3}", letter["Subject"]):
            found.append((letter["To"].addresses[0].addr_spec, digits[0]))
    return found


def digits_for(scene, address):
    """The digits of the newest letter to an address, None without one."""
    return dict(letters_with_digits(scene)).get(address)


def test_her_own_used_invitation_lets_her_in_by_one_button_and_six_digits(scene, path, browser):
    dead = browser.get(path)
    asked = browser.post(re.search(r'action="([^"]+)"', dead.text)[1])
    form = browser.get(asked.headers["location"])
    digits = digits_for(scene, GRANDMOTHER)
    came = browser.post("/g/back/code", data={"code": digits})

    assert (dead.status_code, "It is me: mail me the digits" in dead.text) == (410, True)
    assert "y…@example.org" in form.text
    assert GRANDMOTHER not in dead.text + form.text
    assert (came.status_code, came.headers["location"]) == (303, f"/g/c/{scene.capsule.id}/add")
    assert browser.get(came.headers["location"]).status_code == 200
    # As by the link: the session is for this capsule; and since the mail was read, it has proved the address.
    viewer = sessions.viewer_with_token(scene.instance.store, browser.cookies["capsule"])
    assert (viewer.capsule_id, viewer.is_proved) == (scene.capsule.id, True)
    # From now on the link itself leads inside.
    assert browser.get(path).headers["location"] == f"/g/c/{scene.capsule.id}"
    assert "capsule-back" not in browser.cookies


def test_the_letter_is_in_the_language_of_who_gets_it(scene, path):
    scene.browser(**{"accept-language": "en"}).post(f"{path}/letter")
    digits_for(scene, GRANDMOTHER)

    newest = max(scene.instance.letters(), key=lambda one: one.stat().st_mtime_ns).read_text()
    assert "Content-Language: ko" in newest


def test_who_has_only_the_forwarded_link_does_not_get_in(scene, path):
    grandmother, stranger = scene.browser(), scene.browser()
    grandmother.post(f"{path}/letter")
    digits = digits_for(scene, GRANDMOTHER)
    # The stranger asks as well, and learns her digits on the telephone: they are those of her browser.
    stranger.post(f"{path}/letter")
    refused = [
        stranger.post("/g/back/code", data={"code": digits}),
        scene.browser().post("/g/back/code", data={"code": digits}),
        scene.browser().post("/sign-in/code", data={"address": GRANDMOTHER, "code": digits}),
    ]

    assert [one.status_code for one in refused] == [422] * 3
    assert "capsule" not in stranger.cookies
    # Nor do the stranger's tries spoil what was mailed for her.
    for _ in range(signing_in.MOST_TRIES):
        stranger.post("/g/back/code", data={"code": "000000"})
    assert grandmother.post("/g/back/code", data={"code": digits}).status_code == 303


def test_digits_work_once_for_a_while_and_after_few_tries(scene, path):
    used, late, guessing = scene.browser(), scene.browser(), scene.browser()
    used.post(f"{path}/letter")
    digits = digits_for(scene, GRANDMOTHER)
    assert used.post("/g/back/code", data={"code": digits}).status_code == 303
    used.cookies.delete("capsule")
    assert used.post("/g/back/code", data={"code": digits}).status_code == 422

    guessing.post(f"{path}/letter")
    scene.time.go_on(seconds=1)
    digits = digits_for(scene, GRANDMOTHER)
    for _ in range(signing_in.MOST_TRIES):
        guessing.post("/g/back/code", data={"code": "12"})
    assert guessing.post("/g/back/code", data={"code": digits}).status_code == 422

    late.post(f"{path}/letter")
    digits = digits_for(scene, GRANDMOTHER)
    scene.time.go_on(minutes=16)
    assert late.post("/g/back/code", data={"code": digits}).status_code == 422


def test_an_hour_brings_five_letters_at_most_and_the_page_says_the_same(scene, path):
    answers = [scene.browser().post(f"{path}/letter") for _ in range(signing_in.MOST_LETTERS + 2)]

    assert {(one.status_code, one.headers["location"]) for one in answers} == {(303, "/g/back/code")}
    assert len({len(one.headers["set-cookie"]) for one in answers}) == 1
    assert len(letters_with_digits(scene)) == signing_in.MOST_LETTERS


@pytest.mark.parametrize("state", ["waiting", "left", "moved", "revoked"])
def test_no_digits_leave_for_whoever_is_no_member(scene, invited, state):
    link = f"/g/i/{invited.token}"
    store, instance = scene.instance.store, scene.instance
    if state in {"left", "moved"}:
        joined = scene.browser()
        joined.post(link, data={"name": "영희"})
        viewer = sessions.viewer_with_token(store, joined.cookies["capsule"])
        if state == "left":
            members.leave(
                store,
                instance.vault,
                instance.wake,
                viewer,
                scene.capsule.id,
                takes_stories=False,
                now=scene.time.now,
            )
        else:
            with store.transaction() as tx:
                account_store.remove_addresses(tx, viewer.account_id)
    if state == "revoked":
        invitations.revoke(store, instance.ada, scene.capsule.id, addresses=[GRANDMOTHER], now=scene.time.now)
    answer = scene.browser().post(f"{link}/letter")

    assert (answer.status_code, answer.headers["location"]) == (303, "/g/back/code")
    assert digits_for(scene, GRANDMOTHER) is None


def test_by_a_link_that_is_not_known_the_address_leads_back(scene, path, browser):
    dead = browser.get("/g/v/" + "x" * 52)
    assert 'action="/g/back"' in dead.text
    browser.post("/g/back", data={"address": f" {GRANDMOTHER.upper()} "})
    came = browser.post("/g/back/code", data={"code": digits_for(scene, GRANDMOTHER)})

    assert came.headers["location"] == f"/g/c/{scene.capsule.id}/add"


def test_whoever_is_in_several_capsules_chooses_one(scene, path, browser):
    other = make_capsule(scene.instance, title="Elsewhere")
    join(scene.instance, other, "younghee")
    browser.post("/g/back", data={"address": GRANDMOTHER})
    came = browser.post("/g/back/code", data={"code": digits_for(scene, GRANDMOTHER)})
    page = browser.get(came.headers["location"]).text

    assert came.headers["location"] == "/g/back"
    for one in (other, scene.capsule):
        assert one.title in page
        assert browser.get(f"/g/c/{one.id}").status_code == 200


def test_somebody_who_has_not_joined_yet_gets_the_invitation_once_more_a_day(scene, invited, browser):
    ticks.send_letters(scene.app)
    scene.time.go_on(days=2)
    for _ in range(2):
        browser.post("/g/back", data={"address": GRANDMOTHER})
        ticks.send_letters(scene.app)

    again = [one.read_text() for one in scene.instance.letters() if GRANDMOTHER in one.read_text()]
    assert len(again) == 2
    assert scene.mailed_links()[GRANDMOTHER] == f"/g/i/{invited.token}"


def test_known_and_unknown_addresses_are_answered_alike_and_take_as_long(scene, path, monkeypatch):
    seen, waited_for = [], []

    async def noted(work):
        waited_for.append(work)
        return await in_constant_time(work)

    monkeypatch.setattr(pages_of_coming_back, "in_constant_time", noted)
    for address in (GRANDMOTHER, "nobody12@example.org"):
        one = scene.browser(**{"accept-language": "en"})
        answers = [
            one.post("/g/back", data={"address": address}),
            one.get("/g/back/code"),
            one.post("/g/back/code", data={"code": "0"}),
        ]
        cookie = re.sub(r"code=[0-9a-f-]{36}", "code=ID", answers[0].headers["set-cookie"])
        texts = [(answer.status_code, answer.text.replace(address, "ADDRESS")) for answer in answers]
        local = address.partition("@")[0]
        seen.append((texts, cookie.replace(local, "NAME"), [sorted(answer.headers) for answer in answers]))

    assert seen[0] == seen[1]
    assert len(waited_for) == 4
    assert digits_for(scene, "nobody12@example.org") is None


@pytest.mark.parametrize("typed", ["", "younghee", "할머니@example.org"])
def test_what_is_no_address_is_said_beside_it(browser, typed):
    page = browser.post("/g/back", data={"address": typed})

    assert page.status_code == 422
    assert 'aria-invalid="true"' in page.text
    assert f'value="{typed}"' in page.text


#: What messengers, mail programs and people leave around a token.
COPIED = [
    "{}.", "{})", "{}).", "{}>", "{}/", "{}//", "{},", "{};", "{}!", "{}…", "{}'", '{}"', "{}”", "{}’", "{}»", "{}]", "{}}}", "{}*",
    "<{}>", "({})", "“{}”", "{}을", "{}에서", "{}。", "{}）", "{}%0A", "{}%20and%20more", "{}%E2%80%8B", "%20{}", "{}=", "{}/)", "{}\\",
]  # fmt: skip


def test_a_link_with_what_stood_around_it_works(scene, invited, browser):
    for token in (invited.token, invited.token.upper()):
        for copied in COPIED:
            page = browser.get(f"/g/i/{copied.format(token)}")

            assert (copied, page.status_code) == (copied, 200)
            assert f'action="/g/i/{invited.token}"' in page.text


def test_a_link_in_capitals_or_broken_into_lines_works(scene, invited, browser):
    token = invited.token
    for copied in (f"/G/I/{token.upper()}", f"/g/i/{token[:20]}%0D%0A{token[20:]}", f"/g/i/{token}/DECLINE."):
        assert browser.get(copied).status_code == 200


def test_every_kind_of_link_is_mended(scene, browser):
    instance = scene.instance
    ben = scene.ben.member
    scene.open()
    with instance.store.transaction() as tx:
        opened = letters.issue_link(tx, instance.key, LinkPurpose.OPENED, ben.id, 1, NOW)
        visit = letters.issue_link(tx, instance.key, LinkPurpose.VISIT, ben.id, 1, NOW)
    handed = signing_in.hand_over_link(instance.store, instance.key, instance.ada, now=scene.time.now).token
    for path in (f"/g/o/{opened}", f"/g/v/{visit}", f"/sign-in/{handed}"):
        assert browser.get(f"{path.upper()}).").status_code == 200

    album = scene.browser(public_url="https://home.test/album")
    assert album.get(f"/album/g/v/{visit.upper()}/").status_code == 200
    assert album.get(f"/ALBUM/G/V/{visit.upper()}").status_code == 200


def test_what_is_mended_is_nothing_else(scene, browser):
    for path in ("/g/i/abc.", "/g/x/" + "a" * 52, "/sign-in/code.", "/g/i/" + "a" * 51, "/g/i/" + "a" * 52):
        assert browser.get(path).status_code == 404
    assert browser.get("/sign-in/code").status_code == 200
