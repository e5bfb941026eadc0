"""The pages of an owner in a real browser: many invitations, zones, refused forms, and the letter of the film."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from memorycapsule.domain.instances import BlobDamage
from memorycapsule.domain.reasons import KeptReason
from memorycapsule.domain.sessions import SessionKind
from memorycapsule.services import opening, sessions
from memorycapsule.store import accounts as account_store
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import instances as instance_store
from support import cast
from support.browsing import served
from support.cast import Instance, add_story, invite, join, make_capsule, make_instance
from support.servers import wait_until

pytestmark = pytest.mark.slow
WAITING = 30
#: Language, width and colour scheme of the views in which pages are looked at.
VIEWS = (("ko", 390, "light"), ("en", 1440, "dark"))


@dataclass(kw_only=True)
class Home:
    url: str
    instance: Instance
    #: A sealed capsule of Ada's with thirty invitations, and an opened one that nobody put anything in.
    crowded_id: str
    empty_id: str
    #: The secret of a session of Ada's.
    token: str

    def reads(self, language: str) -> None:
        """Ada's account has this language from now on."""
        with self.instance.store.transaction() as tx:
            account = account_store.accounts.get(tx, self.instance.ada.account_id)
            account_store.accounts.save(tx, replace(account, locale=language))


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("home") / "data"
    with make_instance(f"sqlite:///{folder}/capsule.db", folder) as instance:
        (folder / "work").mkdir(mode=0o700, exist_ok=True)
        clock = cast.Time()
        empty = make_capsule(instance, title="Nothing yet")
        clock.go_to(cast.OPENS)
        opening.open_due(instance.store, instance.wake, clock.now)
        clock.go_to(cast.NOW)
        crowded = make_capsule(instance, title="여름, 시골집에서")
        for number in range(WAITING):
            invite(instance, crowded, f"guest{number}@example.org", name=f"Guest {number}")
        ben = join(instance, crowded, "Ben")
        add_story(instance, crowded, ben.viewer, title="", text="It rained.", photos=1)
        with instance.store.transaction() as tx:
            _session, token = sessions.begin(
                tx,
                account_id=instance.ada.account_id,
                capsule_id=None,
                kind=SessionKind.SIGNED_IN,
                proved_at=clock.now,
                now=clock.now,
            )
        with served(instance, clock) as url:
            yield Home(
                url=url,
                instance=instance,
                crowded_id=crowded.id,
                empty_id=empty.id,
                token=token,
            )


@pytest.fixture
def visit(chromium, home) -> Iterator:
    """A page of Ada's, whose account has a language, in a browser that asks for the other one."""
    contexts = []

    def visit(path: str, language: str = "en", width: int = 1440, scheme: str = "light"):
        home.reads(language)
        context = chromium.new_context(
            viewport={"width": width, "height": 844},
            locale={"ko": "en-GB", "en": "ko-KR"}[language],
            color_scheme=scheme,
        )
        contexts.append(context)
        context.add_cookies([{"name": "capsule", "value": home.token, "url": home.url}])
        page = context.new_page()
        page.complaints = []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto(f"{home.url}{path}")
        return page

    yield visit
    for context in contexts:
        context.close()


def check(page, width: int) -> None:
    """Nothing is wider than the screen, nothing is a barrier, nothing complains."""
    from axe_playwright_python.sync_playwright import Axe

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.complaints == []


@pytest.mark.parametrize(("language", "width", "scheme"), VIEWS)
def test_every_page_of_the_owner_has_the_account_s_language_and_no_barrier(
    visit, home, language, width, scheme
):
    page = visit("/capsules/new", language, width, scheme)
    for path in (
        "/capsules/new",
        f"/c/{home.crowded_id}/people",
        f"/c/{home.crowded_id}/date",
        f"/c/{home.crowded_id}/settings",
        f"/g/c/{home.crowded_id}",
        f"/g/c/{home.empty_id}",
        "/no/such/page",
    ):
        page.goto(f"{home.url}{path}")
        assert page.locator("html").get_attribute("lang") == language, path
        check(page, width)


def test_thirty_waiting_are_folded_and_found_while_one_types(visit, home):
    page = visit(f"/c/{home.crowded_id}/people", width=390)
    assert page.get_by_role("heading", name="Who is in it").bounding_box()["y"] < 3 * 844
    page.locator(".fold > summary").click()
    rows = page.locator("#waiting-list > li:visible")
    assert rows.count() == WAITING

    page.get_by_label("Look for a name or an address").fill("guest 17")
    assert rows.count() == 1
    rows.locator("summary").click()
    assert "/g/i/" in rows.locator("input.link").input_value()
    check(page, 390)
    page.get_by_label("Look for a name or an address").fill("nobody")
    assert rows.count() == 0
    assert page.get_by_text("Nobody of that name or address is waiting.").is_visible()


def test_a_korean_owner_chooses_among_korean_places(visit):
    page = visit("/capsules/new", "ko")
    zone = page.get_by_label("어느 지역 시간인가요?")

    assert zone.locator("optgroup").first.get_attribute("label") == "대한민국"
    assert zone.locator("option").first.inner_text() == "서울"
    zone.select_option(label="카트만두 (네팔)")
    assert zone.input_value() == "Asia/Kathmandu"
    page.get_by_label("제목").fill("여름")
    page.get_by_label("날짜", exact=True).fill("2036-05-08")
    page.locator("form.create button").click()
    page.get_by_text("카트만두 시각 2036년 5월 8일 목요일 오전 9시").first.wait_for()


@pytest.mark.parametrize(("typed", "field"), [({"phrase": "some day"}, "phrase"), ({"title": ""}, "title")])
def test_after_a_refused_form_the_field_in_error_has_the_focus(visit, typed, field):
    page = visit("/capsules/new")
    for name, value in ({"title": "Summer", "phrase": "in 10 years"} | typed).items():
        page.locator(f"#{name}").fill(value)
    page.locator("form.create button").click()

    wait_until(lambda: page.evaluate("document.activeElement.id") == field, 10, "the focus is there")


def test_a_capsule_without_stories_is_untied_and_offers_none(visit, home):
    page = visit(f"/g/c/{home.empty_id}", width=390)

    assert page.get_by_text("Nobody put anything in").is_visible()
    assert page.get_by_text("Read the stories").count() == 0


@pytest.mark.parametrize(("language", "width", "scheme"), VIEWS)
def test_what_is_wrong_stands_in_one_row_with_what_to_do(visit, home, language, width, scheme):
    with home.instance.store.transaction() as tx:
        (blob, *_) = capsule_store.blobs.by(tx, capsule_id=home.crowded_id)
        capsule_store.blobs.save(tx, replace(blob, damage=BlobDamage.CHANGED))
        instance_store.change(tx, hold=KeptReason(reason="held_older_database"))
    try:
        page = visit("/", language, width, scheme)
        row = page.locator("details.notices")
        assert row.locator("li").count() == 2
        assert all(row.locator("li .hint").all_inner_texts())
        assert all(one.is_visible() for one in row.locator("li").all())
        check(page, width)
    finally:
        with home.instance.store.transaction() as tx:
            capsule_store.blobs.save(tx, blob)
            instance_store.change(tx, hold=None)
