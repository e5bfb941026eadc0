"""Sign-in by mail, the home page and the account page; trying, scanning and guessing lead nowhere."""

import email
import email.policy
import re

import pytest

from memorycapsule.daemon.http.accounts import sign_in as sign_in_pages
from memorycapsule.daemon.http.protocol.constant_time import in_constant_time
from memorycapsule.domain.sessions import LinkPurpose
from memorycapsule.services import people, signing_in
from memorycapsule.store import accounts as account_store
from memorycapsule.work import ticks
from support.cast import another_session, make_capsule

pytestmark = pytest.mark.slow

BEN = "ben@example.org"
ANDROID = "Mozilla/5.0 (Android 14; Mobile; rv:130.0) Gecko/130.0 Firefox/130.0"


@pytest.fixture
def browser(scene):
    return scene.browser(**{"accept-language": "en", "user-agent": ANDROID})


def sign_in(scene, browser, address=BEN):
    browser.post("/sign-in", data={"address": address})
    return browser.post(scene.mailed()[0])


def test_an_address_a_letter_a_tap(scene, browser):
    asked = browser.get("/sign-in?next=/account")
    assert 'name="next" value="/account"' in asked.text
    answer = browser.post("/sign-in", data={"address": BEN, "next": "/account"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in/code")
    assert BEN in browser.get("/sign-in/code").text
    link, _digits = scene.mailed()
    assert "Is it you, Ben?" in browser.get(link).text

    came = browser.post(link)

    assert (came.status_code, came.headers["location"]) == (303, "/account")
    page = browser.get("/account").text
    assert "Firefox on Android" in page
    assert BEN in page
    assert "A link to “Summer at the Sea”" in page
    assert browser.get("/").text.count(scene.capsule.title) == 2  # the card, and the next one to open


def test_or_the_digits(scene, browser):
    browser.post("/sign-in", data={"address": BEN})
    wrong = browser.post("/sign-in/code", data={"address": BEN, "code": "12"})
    assert (wrong.status_code, "do not fit" in wrong.text) == (422, True)

    came = browser.post("/sign-in/code", data={"code": scene.mailed()[1]})

    assert (came.status_code, came.headers["location"]) == (303, "/")
    assert "Hello, Ben." in browser.get("/").text


def test_known_and_unknown_addresses_look_the_same(scene, monkeypatch):
    pages, waited_for = [], []

    async def noted(work):
        waited_for.append(work)
        return await in_constant_time(work)

    monkeypatch.setattr(sign_in_pages, "in_constant_time", noted)
    for address in (BEN, "eve@example.org"):
        browser = scene.browser(**{"accept-language": "en"})
        answers = [
            browser.post("/sign-in", data={"address": address}),
            browser.get("/sign-in/code"),
            browser.post("/sign-in/code", data={"address": address, "code": "0"}),
        ]
        pages.append(
            [
                (
                    one.status_code,
                    one.text.replace(address, "ADDRESS"),
                    sorted((name, value) for name, value in one.headers.items() if name not in {"content-length", "set-cookie", "x-request-id"}),
                )
                for one in answers
            ]
        )  # fmt: skip

    assert pages[0] == pages[1]
    # Nor does how long it took tell anything.
    assert len(waited_for) == 4
    ticks.send_letters(scene.app)
    assert not any("eve@" in path.read_text() for path in scene.instance.letters())


def test_a_scanner_that_opens_every_link_uses_nothing_up(scene, browser):
    browser.post("/sign-in", data={"address": BEN})
    link, _ = scene.mailed()
    host = signing_in.hand_over_link(
        scene.instance.store, scene.instance.key, scene.instance.ada, purpose=LinkPurpose.SET_UP, now=scene.time.now
    )  # fmt: skip
    for path in (link, f"/set-up/{host.token}"):
        for _ in range(5):
            scanner = scene.browser(**{"user-agent": "scanner"})
            for look in (scanner.head, scanner.get):
                answer = look(path)
                assert (answer.status_code, answer.headers.get("set-cookie")) == (200, None)
                assert answer.headers["referrer-policy"] == "strict-origin"
                assert answer.headers["cache-control"] == "no-store"
        person = scene.browser()
        assert person.post(path).status_code == 303
        # Used up: whoever finds it later is not let in, and its person is led home.
        late = scene.browser(**{"accept-language": "en"}).post(path)
        assert (late.status_code, late.headers.get("set-cookie")) == (410, None)
        assert person.post(path).headers["location"] == "/"
    assert scene.browser().post("/sign-in/unknown").status_code == 404
    # The link of one kind is none of another.
    assert scene.browser().post(f"/sign-in/{host.token}").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/sign-in", "/sign-in/code", "/sign-in/x", "/set-up/x", "/sign-out", "/g/prove", "/g/prove/letter", "/account",
        "/account/addresses", "/account/addresses/code", "/account/tokens", "/account/delete",
    ],
)  # fmt: skip
def test_other_sites_change_nothing(scene, path):
    browser = scene.ada()
    for headers in ({"origin": "https://evil.test"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}):
        assert browser.post(path, headers=headers).status_code == 403


@pytest.mark.parametrize(
    "onward",
    ["//evil.test", "https://evil.test", "/\\evil.test", "javascript:alert(1)", "/%0d%0aX: y\n", "/a//b"],
)
def test_nobody_is_led_to_another_site(scene, browser, onward):
    assert 'name="next" value=""' in browser.get("/sign-in", params={"next": onward}).text
    browser.post("/sign-in", data={"address": BEN, "next": onward})
    assert browser.post(scene.mailed()[0]).headers["location"] == "/"
    assert browser.get("/sign-in", params={"next": onward}).headers["location"] == "/"
    page = browser.get("/g/prove", params={"next": onward}).text
    assert 'name="next" value="/"' in page


def test_pages_for_people_who_are_signed_in_lead_to_the_door_and_back(scene, browser):
    for path in ("/account", "/account/delete"):
        assert browser.get(path).headers["location"] == f"/sign-in?next={path.replace('/', '%2F')}"
    assert "No password needed." in browser.get("/").text
    # A link for one capsule opens no account.
    assert scene.browser(scene.ben.token).get("/account").status_code == 303


def test_signing_out_leaves_the_way_to_the_capsule_that_a_letter_opened(scene, browser):
    browser.cookies.set("capsule", scene.ben.token, domain="home.test", path="/")
    sign_in(scene, browser)
    secrets = browser.cookies["capsule"].split(".")
    assert len(secrets) == 2

    assert browser.post("/sign-out").headers["location"] == "/sign-in"

    assert browser.cookies["capsule"] == scene.ben.token
    assert browser.get("/account").status_code == 303
    assert scene.browser(secrets[0]).get("/account").status_code == 303


def test_what_cannot_be_undone_asks_for_proof_and_goes_on(scene, browser):
    sign_in(scene, browser)
    scene.time.go_on(minutes=20)
    own = re.search(r"/account/addresses/[0-9a-f-]+/remove", browser.get("/account").text)
    assert own is None  # the only one stays
    for path, back in (
        ("/account/delete", "/account/delete"),
        ("/account/addresses", "/account/addresses"),
    ):
        answer = browser.post(path, data={"address": "new@example.org"})
        assert answer.headers["location"] == f"/g/prove?next={back.replace('/', '%2F')}"

    assert "Mail me six digits" in browser.get("/g/prove?next=/account/delete").text
    sent = browser.post("/g/prove/letter", data={"next": "/account/delete"})
    assert sent.headers["location"] == "/g/prove?next=%2Faccount%2Fdelete&sent=1"
    link, digits = scene.mailed()
    assert link == ""
    wrong = browser.post("/g/prove", data={"next": "/account/delete", "code": "1"})
    assert wrong.status_code == 422
    done = browser.post("/g/prove", data={"next": "/account/delete", "code": digits})
    assert done.headers["location"] == "/account/delete"

    gone = browser.post("/account/delete")

    assert gone.headers["location"] == "/sign-in"
    assert "capsule" not in browser.cookies
    assert scene.browser(scene.ben.token).get(f"/g/c/{scene.capsule.id}").status_code == 404


def test_a_telephone_of_several_people_proves_the_one_who_goes_on(scene):
    """Ben and Cleo share a telephone: what Cleo does in her capsule, Cleo's mail proves."""
    browser = scene.browser(f"{scene.ben.token}.{scene.cleo.token}")
    onward = f"/g/c/{scene.cleo.member.capsule_id}/leave"
    browser.post("/g/prove/letter", data={"next": onward})
    _link, digits = scene.mailed()

    done = browser.post("/g/prove", data={"next": onward, "code": digits})

    assert done.headers["location"] == onward
    with scene.instance.store.reading() as tx:
        proved = [
            account_store.sessions.get(tx, one.viewer.session_id).proved_at for one in (scene.cleo, scene.ben)
        ]
    assert proved == [scene.time.now, None]
    assert scene.browser().get("/g/prove").status_code == 404


@pytest.mark.parametrize(
    ("path", "typed", "status", "english", "korean"),
    [
        ("", {"name": "\u200b", "locale": "en"}, 422, "at least one letter", "한 글자라도"),
        (
            "",
            {"name": "Ben", "locale": "tlh"},
            422,
            "There is no language “tlh” here; choose en or ko.",
            "“tlh”: 여기에 없는 언어예요.",
        ),
        ("/addresses", {"address": "nobody"}, 422, "not an email address", "메일 주소가 아니에요"),
        ("/addresses", {"address": BEN}, 422, "This address is yours already", "이미 적어 두신 주소예요"),
        ("/tokens", {"name": " "}, 422, "name is empty", "토큰의 이름이 비어 있어요"),
    ],
)
def test_an_account_page_says_truly_what_is_wrong(scene, browser, path, typed, status, english, korean):
    sign_in(scene, browser)

    for language, sentence in (("en", english), ("ko", korean)):
        page = browser.post(f"/account{path}?lang={language}", data=typed)
        assert (page.status_code, sentence in page.text) == (status, True), language


def test_an_account_page_changes_what_it_says(scene, browser):
    sign_in(scene, browser)
    browser.post("/account", data={"name": "벤 <b>", "locale": "ko"})
    page = browser.get("/account").text
    assert 'lang="ko"' in page
    assert "벤 &lt;b&gt;" in page

    scene.time.go_on(minutes=1)
    browser.post("/account/addresses", data={"address": "ben@new.example"})
    assert browser.post("/account/addresses/code", data={"code": scene.mailed()[1]}).status_code == 303
    made = browser.post("/account/tokens", data={"name": "laptop", "scope": "contribute"})
    secret = re.search(r'class="secret"[^>]*>(\w+)<', made.text)[1]
    assert secret not in browser.get("/account").text
    old = re.findall(r"/account/addresses/[0-9a-f-]+/remove", browser.get("/account").text)[1]
    browser.post(old)
    page = browser.get("/account").text
    assert "ben@new.example" in page
    assert BEN not in page
    # The program's key may not change anything about the person.
    for path in ("/account", "/account/tokens"):
        assert scene.browser(secret).post(path, data={"name": "Eve"}).status_code == 403
    scene.browser(secret).post("/account/delete")
    assert browser.get("/account").status_code == 200
    assert scene.browser(secret).get("/").status_code == 200

    (end,) = re.findall(r"/account/sessions/[0-9a-f-]+/end", page.partition("<details")[2])
    browser.post(end)

    assert scene.browser(secret).get("/").text.count("capsule card") == 0
    assert scene.browser(scene.ben.token).post(end).status_code == 303  # not signed in


def test_home_tells_of_sealed_capsules_no_more_than_their_outside(scene):
    ada = scene.ada()
    page = ada.get("/", headers={"accept-language": "en"}).text

    assert "MARKER" not in page
    assert "/g/m/" not in page
    assert page.count("Put something in") == 2  # she has put nothing in
    assert "Make a new capsule" in page
    make_capsule(scene.instance, title="Alone")
    assert "Invite your people" in ada.get("/", headers={"accept-language": "en"}).text
    assert scene.capsule.title not in scene.browser(
        scene.session_of(scene.cleo.viewer.account_id)
    ).get("/").text  # fmt: skip


def test_home_shows_what_has_opened(opened_scene):
    page = opened_scene.ada().get("/", headers={"accept-language": "en"}).text

    assert f"/g/f/{opened_scene.film_id}/poster.jpg" in page
    assert "Watch the film" in page
    assert "from one person" in page


def test_whoever_has_nothing_yet_is_asked_to_begin(scene):
    with scene.instance.store.transaction() as tx:
        dora = people.new_account(
            tx, name="Dora", address="dora@example.org", locale="ko", now=scene.time.now
        )
    page = scene.browser(scene.session_of(dora.id)).get("/").text

    assert "아직 싸 둔 것이 없어요." in page
    assert "/capsules/new" in page


def test_links_and_cookies_work_under_a_path(scene):
    browser = scene.browser(public_url="https://home.test/album", **{"accept-language": "en"})
    browser.base_url = "https://home.test"
    answer = browser.post("/album/sign-in", data={"address": BEN})

    assert answer.headers["location"] == "/album/sign-in/code"
    came = browser.post("/album" + scene.mailed()[0])
    assert came.headers["location"] == "/album/"
    assert all("path=/album" in one.lower() for one in came.headers.get_list("set-cookie"))
    assert "Hello, Ben." in browser.get("/album/").text
    scene.time.go_on(minutes=20)
    proof = browser.post("/album/account/delete")
    assert proof.headers["location"] == "/album/g/prove?next=%2Faccount%2Fdelete"


def test_nothing_typed_can_bend_a_letter(scene, browser):
    for address in (
        "ben@example.org\r\nBcc: eve@example.org",
        "ben@example.org, eve@example.org",
        '"ben@example.org\n"@example.org',
        "ben@example.org\x00",
    ):
        assert browser.post("/sign-in", data={"address": address}).status_code == 422
    sign_in(scene, browser)
    browser.post("/account", data={"name": "Ben\r\nBcc: eve@example.org\r\n\r\n<b>", "locale": "en"})
    scene.time.go_on(minutes=1)
    browser.post("/account/addresses", data={"address": "new@example.org"})
    scene.mailed()

    newest = max(scene.instance.letters(), key=lambda path: path.stat().st_mtime_ns)
    letter = email.message_from_bytes(newest.read_bytes(), policy=email.policy.default)
    assert [one.addr_spec for one in letter["To"].addresses] == ["new@example.org"]
    assert letter["Bcc"] is None
    assert "<b>" not in letter.get_body(("html",)).get_content()


def test_a_session_that_was_ended_elsewhere_is_over_at_once(scene, browser):
    sign_in(scene, browser)
    other = another_session(scene.instance, scene.ben.viewer.account_id, is_proved=True)
    here = next(
        one.session.id for one in signing_in.of_viewer(scene.instance.store, other) if one.session.name
    )

    signing_in.end(scene.instance.store, other, here, now=scene.time.now)

    assert browser.get("/account").status_code == 303
