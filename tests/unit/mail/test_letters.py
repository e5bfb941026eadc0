"""Letters: what they say, that they say it twice the same, and that nothing typed can break them."""

import email
import email.policy
import html as html_module
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from memorycapsule.errors import UsageProblem
from memorycapsule.mail import letters
from memorycapsule.mail.letters import InvitationLetter, OpenedLetter, Recipient, Sender, write
from support.letters import BEN, NOTICE, OWNERS_NOTICE, SENDER, YOUNGHEE

DATE = datetime(2026, 11, 23, 4, 24, tzinfo=UTC)
URL = "https://capsule.example/g/i/7QK4MZ0aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789-_"
INVITATION = InvitationLetter(
    recipient=BEN,
    capsule_title="The summer we kept",
    message="We open it together.\nPlease!",
    inviter="Ada",
    opens_local=datetime(2036, 5, 8, 9),
    zone="Asia/Seoul",
    opens_at=datetime(2036, 5, 8, 0, tzinfo=UTC),
    url=URL,
    expires_at=datetime(2026, 12, 7, 4, tzinfo=UTC),
    dyes=3,
    calendar_uid="opening-1@capsule.example",
)
OPENED = OpenedLetter(
    recipient=BEN,
    capsule_title="The summer we kept",
    url=URL,
    members=7,
    photos=143,
    clips=2,
    stories=9,
    film="ready",
    owner="Ada",
    dyes=7,
)
FILM_READY = letters.FilmReadyLetter(
    recipient=BEN, capsule_title="The summer we kept", url=URL, owner="Ada", dyes=7
)
OPENED_AGAIN = letters.OpenedAgainLetter(**vars(FILM_READY))
SIGN_IN = letters.CodeLetter(
    recipient=BEN,
    digits="012 345",
    minutes=15,
    url="https://capsule.example/sign-in/a2",
    is_for_address=False,
)
REMINDER = letters.ReminderLetter(
    recipient=BEN,
    capsule_title="The summer we kept",
    opens_local=datetime(2036, 5, 8, 9),
    zone="Asia/Seoul",
    opens_at=datetime(2036, 5, 8, 0, tzinfo=UTC),
    url=URL,
    owner="Ada",
    dyes=3,
)
MOVED = letters.DateMovedLetter(
    **vars(REMINDER),
    was_local=datetime(2035, 5, 8, 9),
    was_zone="Asia/Seoul",
    is_earlier=False,
    calendar_uid="opening-1@capsule.example",
)
CONSENT = letters.ConsentLetter(
    **vars(REMINDER), wished_local=datetime(2030, 1, 1, 12), wished_zone="Europe/Berlin"
)
TRIAL = letters.TrialLetter(recipient=BEN, public_url="https://capsule.example/")

EVERY_LETTER = [
    pytest.param(replace(letter, recipient=recipient), id=f"{name}-{recipient.locale}")
    for recipient in (BEN, YOUNGHEE)
    for name, letter in {
        "invitation": INVITATION,
        "opened": OPENED,
        **{f"opened-{film}": replace(OPENED, film=film) for film in ("follows", "none")},
        "film_ready": FILM_READY,
        "opened_again": OPENED_AGAIN,
        "reminder": REMINDER,
        "moved": MOVED,
        "moved-earlier": replace(MOVED, is_earlier=True),
        "consent": CONSENT,
        "notice": NOTICE,
        "notice-owner": OWNERS_NOTICE,
        "test": TRIAL,
        "sign_in": SIGN_IN,
        "proof": replace(SIGN_IN, url=None),
        "address": replace(SIGN_IN, url=None, is_for_address=True),
    }.items()
]
HOSTILE = {
    "line ends": "Ben\r\nBcc: eve@example.org\r\n\r\nbody",
    "markup": "<script>alert('1')</script>\"><img src=x onerror=y>&amp;",
    "right to left": "photo\u202egpj.exe\u2066\u200f",
    "long": "가나다라 " * 60,
    "long word": "x" * 300,
    "template": "{{ 7 * 7 }}{% include 'layout.txt' %}{{ url }}",
    "placeholder": "TITLE",
    "quoted": '"Ben" <eve@example.org>, "Kim, 영희"',
    "controls": "a\x00b\x1bc\x7fd\u2028e\u2029f\x85g",
    "surrogate": "a\ud83db",
    "emoji": "👨‍👩‍👧‍👦" * 30,
    "encoded": "=?utf-8?q?=0D=0ABcc:_eve?=",
    "spaces": "   ",
}


def written(letter, **changes):
    return write(
        letter, **{"sender": SENDER, "message_id": "<opened.1@capsule.example>", "date": DATE} | changes
    )


def parsed(letter, **changes):
    return email.message_from_bytes(written(letter, **changes), policy=email.policy.default)


def text_of(mail):
    return mail.get_body(("plain",)).get_content().replace("\r\n", "\n")


def html_of(mail):
    return mail.get_body(("html",)).get_content().replace("\r\n", "\n")


class Page(HTMLParser):
    """The words of a page in order, its links, and everything it would load."""

    def __init__(self, page):
        super().__init__()
        self.words, self.links, self.loads, self.tags = [], [], [], set()
        self._silent = False
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self._silent = self._silent or tag in {"style", "title"}
        given = dict(attributes)
        if tag == "a":
            self.links.append(given["href"])
        self.loads += [given[name] for name in ("src", "srcset", "background", "data") if name in given]

    def handle_endtag(self, tag):
        self._silent = self._silent and tag not in {"style", "title"}

    def handle_data(self, data):
        if not self._silent:
            self.words += data.split()


def entry_of(mail):
    (part,) = [part for part in mail.iter_attachments() if part.get_content_type() == "text/calendar"]
    return Calendar.from_ical(part.get_content())


@pytest.mark.parametrize("letter", EVERY_LETTER)
def test_the_same_letter_is_the_same_bytes(letter):
    assert written(letter) == written(letter)
    assert written(letter) != written(letter, message_id="<other@capsule.example>")


@pytest.mark.parametrize("letter", EVERY_LETTER)
def test_a_letter_is_small_plain_and_has_crlf_line_ends(letter):
    raw = written(letter)

    assert len(raw) < 20_000
    assert raw.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert max(map(len, raw.split(b"\r\n"))) <= 76


@pytest.mark.parametrize("letter", EVERY_LETTER)
def test_headers_are_complete(letter):
    mail = parsed(letter)

    assert mail["To"].addresses[0].addr_spec == letter.recipient.address
    assert mail["To"].addresses[0].display_name == letter.recipient.name
    assert mail["From"].addresses[0].addr_spec == "capsule@example.org"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"] == "<opened.1@capsule.example>"
    assert mail["Date"].datetime == DATE
    assert mail["Content-Language"] == letter.recipient.locale
    assert mail.defects == []
    assert 5 < len(mail["Subject"]) < 40
    assert mail["Subject"] != "초대"


@pytest.mark.parametrize("letter", EVERY_LETTER)
def test_text_and_html_say_the_same_in_the_same_order(letter):
    mail = parsed(letter)
    text, page = text_of(mail), Page(html_of(mail))
    address = letter.public_url if isinstance(letter, letters.TrialLetter) else letter.url

    if address is None:
        assert page.links == []
        assert "http" not in text
    else:
        assert page.links == [address]
        assert text.count(address) == 1
        assert address in page.words
    spoken = [word for word in text.replace(f":\n\n    {address}", "").split() if word != "--"]
    remaining = iter(page.words)
    missing = [word for word in spoken if word not in remaining]
    assert missing == []


@pytest.mark.parametrize("letter", EVERY_LETTER)
def test_a_letter_loads_nothing_and_has_one_strip_and_one_button(letter):
    page = html_of(parsed(letter))

    assert Page(page).loads == []
    assert Page(page).tags.isdisjoint({"img", "script", "link", "form", "iframe", "object"})
    assert "url(" not in page
    assert "@import" not in page
    assert page.count("<a ") == (0 if isinstance(letter, letters.CodeLetter) and letter.url is None else 1)
    assert "prefers-color-scheme:dark" in page
    # A letter about no capsule has one patch, or with a code all dyes.
    assert page.count('height="14"') == getattr(
        letter, "dyes", 8 if isinstance(letter, letters.CodeLetter) else 1
    )


@pytest.mark.parametrize("recipient", [BEN, YOUNGHEE])
def test_a_code_stands_first_where_telephones_show_it(recipient):
    for url in (SIGN_IN.url, None):
        mail = parsed(replace(SIGN_IN, recipient=recipient, url=url))

        assert mail["Subject"].startswith("012 345")
        assert len(mail["Subject"]) < 40
        assert "\n    012 345\n" in text_of(mail)
        assert "15" in text_of(mail)


def test_the_words_of_an_invitation():
    mail = parsed(INVITATION)
    text = text_of(mail)

    assert mail["Subject"] == "One photo for “The summer we kept”?"
    assert mail["From"].addresses[0].display_name == "Ada (MemoryCapsule)"
    assert "Ada invites you" in text
    assert "Ben,\nplease put in one photo." in text
    assert "  We open it together.\n  Please!\n" in text
    assert "Thursday, 8 May 2036, 9:00 in the morning (Seoul time)" in text
    assert "No account, no password." in text
    assert "works until Sunday, 6 December 2026." in text


def test_the_words_of_a_korean_invitation():
    mail = parsed(
        replace(INVITATION, recipient=replace(YOUNGHEE, name="할머니"), inviter="서연", capsule_title="여름")
    )
    text = text_of(mail)

    assert mail["Subject"] == "‘여름’ 사진 한 장 부탁해요"
    assert "할머니,\n사진 한 장 넣어 주세요." in text
    assert "2036년 5월 8일 목요일 오전 9시에" in text
    assert "가입도 비밀번호도 없어요." in text
    assert "할머니 님" not in text
    assert "서연 님" in text


@pytest.mark.parametrize(
    ("film", "english", "korean", "button", "korean_button"),
    [
        ("ready", "have become one film", "한 편의 필름이 되었어요", "Watch the film:", "필름 보기:"),
        (
            "follows",
            "The film follows within the hour.",
            "필름은 한 시간 안에 와요.",
            "See the photos:",
            "사진 보기:",
        ),
        ("none", "are waiting.", "기다리고 있어요.", "See the photos:", "사진 보기:"),
    ],
)
def test_an_opened_letter_says_what_awaits(film, english, korean, button, korean_button):
    text = text_of(parsed(replace(OPENED, film=film)))
    korean_text = text_of(parsed(replace(OPENED, film=film, recipient=YOUNGHEE)))

    assert "143 photos, 2 clips and 9 stories from seven people" in text
    assert english in text
    assert button in text
    assert "영희 님,\n\n‘The summer we kept’\n오늘 열렸어요." in korean_text
    assert "일곱 사람이 모은 사진 143장, 영상 2개, 이야기 9편" in korean_text
    assert korean in korean_text
    assert korean_button in korean_text


@pytest.mark.parametrize(
    ("who", "words"), [(BEN, "The link stays the same."), (YOUNGHEE, "주소는 그대로예요.")]
)
def test_a_letter_that_promises_a_film_says_that_the_link_stays(who, words):
    assert words in text_of(parsed(replace(OPENED, film="follows", recipient=who)))


@pytest.mark.parametrize("recipient", [BEN, YOUNGHEE])
@pytest.mark.parametrize("film", ["ready", "follows", "none"])
def test_an_empty_capsule_still_has_a_letter(recipient, film):
    text = text_of(parsed(replace(OPENED, recipient=recipient, film=film, photos=0, clips=0, stories=0)))

    assert " from " not in text.split("--")[0]
    assert "모은" not in text
    assert not re.search(r"\b0\b", text.replace(URL, ""))


@pytest.mark.parametrize(("locale", "greeting"), [("en", "Hello,"), ("ko", "안녕하세요,"), ("fr", "Hello,")])
def test_somebody_without_a_name_is_greeted_too(locale, greeting):
    mail = parsed(replace(OPENED, recipient=Recipient(address="x@example.org", name=None, locale=locale)))

    assert text_of(mail).startswith(greeting)
    assert str(mail["To"]) == "x@example.org"
    assert "None" not in text_of(mail) + html_of(mail)


def test_nobody_yet_makes_an_undyed_strip_and_many_members_a_bounded_one():
    assert "#e4e2d2" in html_of(parsed(replace(INVITATION, dyes=0)))
    crowd = html_of(parsed(replace(INVITATION, dyes=500)))
    assert crowd.count('height="14"') == 24
    widths = [int(width) for width in re.findall(r'width="(\d+)%" height="14"', crowd)]
    assert sum(widths) == 100
    assert min(widths) > 0


# The calendar entry


@pytest.mark.parametrize(
    ("zone", "local", "opens_at"),
    [
        ("Asia/Seoul", datetime(2036, 5, 8, 9), datetime(2036, 5, 8, 0, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2036, 7, 1, 9), datetime(2036, 7, 1, 7, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2036, 3, 30, 9), datetime(2036, 3, 30, 7, tzinfo=UTC)),
        ("Australia/Sydney", datetime(2099, 1, 1, 9), datetime(2098, 12, 31, 22, tzinfo=UTC)),
        ("America/St_Johns", datetime(2036, 5, 8, 9), datetime(2036, 5, 8, 11, 30, tzinfo=UTC)),
        ("UTC", datetime(2036, 5, 8, 9), datetime(2036, 5, 8, 9, tzinfo=UTC)),
    ],
)
def test_the_entry_is_right_in_both_zones(zone, local, opens_at):
    entry = entry_of(parsed(replace(INVITATION, zone=zone, opens_local=local, opens_at=opens_at)))
    (event,) = entry.walk("VEVENT")
    (alarm,) = entry.walk("VALARM")
    rules = entry.walk("VTIMEZONE")

    assert event["DTSTART"].dt == opens_at
    assert event["DTSTART"].dt.replace(tzinfo=None) == local
    assert event["UID"] == "opening-1@capsule.example"
    assert event["DTSTAMP"].dt == DATE
    assert alarm["TRIGGER"].dt == timedelta(days=-1)
    assert [rule["TZID"] for rule in rules] == ([] if zone == "UTC" else [zone])
    # A reader that knows no zones but the entry's own rules must come to the same instant.
    if rules:
        assert local.replace(tzinfo=rules[0].to_tz(lookup_tzid=False)).astimezone(UTC) == opens_at


def test_summer_time_begins_when_the_standard_says_in_wall_time_of_before():
    berlin = replace(
        INVITATION,
        zone="Europe/Berlin",
        opens_local=datetime(2036, 7, 1, 9),
        opens_at=datetime(2036, 7, 1, 7, tzinfo=UTC),
    )
    (rules,) = entry_of(parsed(berlin)).walk("VTIMEZONE")
    starts = [part["DTSTART"].dt for part in rules.subcomponents if part.name == "DAYLIGHT"]

    assert datetime(2036, 3, 30, 2) in starts


def test_the_entry_holds_no_private_link_and_nothing_that_was_written():
    mail = parsed(INVITATION)
    (part,) = mail.iter_attachments()
    entry = part.get_content()

    assert "7QK4MZ0" not in entry
    assert "http" not in entry
    assert "together" not in entry
    assert part.get_filename() == "opening-day.ics"
    assert "The summer we kept" in entry


def test_a_second_invitation_replaces_the_entry_of_the_first():
    first, second = (entry_of(parsed(INVITATION, date=date)) for date in (DATE, DATE + timedelta(days=3)))

    assert first.walk("VEVENT")[0]["UID"] == second.walk("VEVENT")[0]["UID"]


def test_an_invitation_about_to_end_never_names_a_day_before_its_own():
    text = text_of(parsed(replace(INVITATION, expires_at=DATE + timedelta(minutes=5))))

    assert "works until Monday, 23 November 2026." in text


# What people type


@pytest.mark.parametrize("typed", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("recipient", [BEN, YOUNGHEE], ids=["en", "ko"])
def test_typed_text_is_only_text(typed, recipient):
    sender = Sender(name=typed, address="capsule@example.org")
    known = replace(recipient, name=typed)
    for letter in (
        replace(INVITATION, recipient=known, capsule_title=typed, inviter=typed, message=typed),
        replace(OPENED, recipient=known, capsule_title=typed, owner=typed),
        replace(FILM_READY, recipient=known, capsule_title=typed, owner=typed),
        replace(TRIAL, recipient=known),
    ):
        raw = written(letter, sender=sender)
        mail = email.message_from_bytes(raw, policy=email.policy.default)
        text, page = text_of(mail), html_of(mail)

        assert set(mail.keys()) == {
            "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
            "Content-Language",
        }  # fmt: skip
        assert [each.addr_spec for each in mail["To"].addresses] == [recipient.address]
        assert [each.addr_spec for each in mail["From"].addresses] == ["capsule@example.org"]
        assert mail.defects == []
        assert mail["To"].defects == ()
        assert len(raw) < 20_000
        assert Page(page).links == [getattr(letter, "url", TRIAL.public_url)]
        assert Page(page).tags.isdisjoint({"script", "img"})
        assert Page(page).loads == []
        assert not set("\u202e\u2066\u200f\x00\x1b\u2028") & set(text + page + str(mail["Subject"]))
        assert "49" not in text


def test_markup_is_shown_as_it_was_typed():
    mail = parsed(replace(OPENED, capsule_title="<b>Us & them</b>"))

    assert "<b>" not in html_of(mail)
    assert "<b>Us & them</b>" in html_module.unescape(html_of(mail))
    assert "<b>Us & them</b>" in text_of(mail)
    assert "<b>Us & them</b>" in mail["Subject"]


@given(st.text(max_size=90), st.text(max_size=200))
def test_any_name_and_title_leave_one_recipient_and_a_whole_header(name, title):
    mail = parsed(replace(OPENED, recipient=replace(BEN, name=name), capsule_title=title))

    assert [each.addr_spec for each in mail["To"].addresses] == ["ben@example.org"]
    assert mail["To"].defects == ()
    assert mail["Auto-Submitted"] == "auto-generated"
    assert len(mail["Subject"]) <= 39


@pytest.mark.parametrize("letter", [INVITATION, OPENED, FILM_READY, REMINDER, MOVED, CONSENT])
@pytest.mark.parametrize("locale", ["en", "ko"])
def test_a_long_title_is_shortened_in_the_subject_and_still_recognisable(letter, locale):
    title = "Everything that happened at the house by the sea between 1974 and 2026"
    mail = parsed(replace(letter, capsule_title=title, recipient=replace(BEN, locale=locale)))

    assert len(mail["Subject"]) < 40
    assert "Everything" in mail["Subject"]
    assert "…" in mail["Subject"]
    assert title in text_of(mail)


@pytest.mark.parametrize(
    "address", ["", "ben", "ben@", "@example.org", "a b@example.org", "ben@exa mple.org", "ben@example.org\r\nBcc: x@y.z",
                "<ben@example.org>", "ben@example.org, eve@example.org", "영희@example.org", "a" * 65 + "@example.org"],
)  # fmt: skip
def test_an_address_that_is_not_one_is_refused(address):
    with pytest.raises(UsageProblem):
        written(replace(OPENED, recipient=replace(BEN, address=address)))
    with pytest.raises(UsageProblem):
        written(OPENED, sender=Sender(name="x", address=address))


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "https://x/\r\n",
        'https://x/"onclick="',
        "https://x/ y",
        "//x",
        "",
        "https://x/<b>",
    ],
)
def test_a_link_that_is_not_one_is_refused(url):
    with pytest.raises(ValueError, match="http or https"):
        written(replace(OPENED, url=url))


@pytest.mark.parametrize("message_id", ["x@y", "<x y@z>", "<x@y>\r\nBcc: z@z.z", "<>", ""])
def test_a_message_id_that_is_not_one_is_refused(message_id):
    with pytest.raises(ValueError, match="Message-ID"):
        written(OPENED, message_id=message_id)
