"""
What a language needs that nobody has thought of: Polish, with Polish months and plurals from the CLDR, and English
sentences in brackets. `test_third_language.py` runs these tests in a copy of the program that has the catalogues.
"""

import email
import email.policy
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest

from memorycapsule import config, themes
from memorycapsule.cli import main
from memorycapsule.domain.film.plan import Card
from memorycapsule.domain.film.sizes import Size
from memorycapsule.mail import letters
from memorycapsule.mail.letters import Recipient, Sender
from memorycapsule.render.planes import new_frame
from memorycapsule.render.stages import open_painter
from memorycapsule.services import accounts, archive
from memorycapsule.services.film import montages, preparation
from memorycapsule.words.counts import contents_in_words, people_in_words
from memorycapsule.words.dates import (
    countdown_in_words,
    date_in_words,
    day_in_words,
    month_in_words,
    short_day,
)
from memorycapsule.words.languages import language_of_environment, languages

NOW = datetime(2026, 11, 22, tzinfo=UTC)
#: What people have typed, names of things, and days, which say no sentence.
TYPED = re.compile(
    r"Summer at the Sea|MARKER \w+|For you all|\bAda\b|\bBen\b|[\w.]+@example\.org|English|한국어|\d maja 20\d\d"
)


class Shown(HTMLParser):
    """The texts that a page shows."""

    def __init__(self, page):
        super().__init__()
        self.texts, self._silent = [], False
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self._silent = self._silent or tag in {"style", "script"}
        self.texts += [
            value for name, value in attributes if name in {"alt", "title", "placeholder", "aria-label"}
        ]

    def handle_endtag(self, tag):
        self._silent = self._silent and tag not in {"style", "script"}

    def handle_data(self, data):
        self.texts += [] if self._silent else [data.strip()]


def unsaid(texts):
    """The texts that no Polish catalogue can have said."""
    return [text for text in texts if re.search(r"[A-Za-z]{2}", TYPED.sub("", text)) and "[" not in text]


def test_the_language_is_there():
    assert languages() == ("en", "ko", "pl")
    assert language_of_environment({"LANG": "pl_PL.UTF-8"}) == "pl"


def test_it_may_be_set(tmp_path):
    places = {"CAPSULE_CONFIG": f"{tmp_path}/config.toml", "CAPSULE_DATA_DIR": f"{tmp_path}/data"}

    for variables in ({"CAPSULE_LOCALE": "pl"}, {"LANG": "pl_PL.UTF-8"}):
        settings = config.load(environment=places | variables, file_must_exist=False)
        assert settings.locale == "pl"


def test_dates_are_said_by_its_own_names_and_its_own_plurals():
    local = datetime(2036, 5, 8, 21, 5)

    assert day_in_words(local, "pl") == "czwartek, 8 maja 2036"
    assert short_day(local, "pl") == "8 maja 2036"
    assert month_in_words(5, "pl") == "maj"
    assert date_in_words(local, "UTC", "pl").startswith("[czwartek, 8 maja 2036, [[9:05] w nocy] ([UTC])]")
    assert countdown_in_words(NOW, NOW + timedelta(days=4), "pl") == "4 dni"
    assert countdown_in_words(NOW, NOW + timedelta(days=3000), "pl") == "8 lat i 78 dni"
    assert countdown_in_words(NOW, NOW, "pl") == "[soon]"
    assert people_in_words(3, "pl") == "[three people]"
    assert people_in_words(22, "pl") == "[22 people]<1>"
    assert (
        contents_in_words(photos=12_345, clips=1, stories=2, locale="pl")
        == "[[12\N{NO-BREAK SPACE}345 photos]<2>, [[1 clip]<0> and [2 stories]<1>]]"
    )


RECIPIENT = Recipient(address="ola@example.org", name="Ben", locale="pl")
MEMBERS = {
    "recipient": RECIPIENT,
    "capsule_title": "Summer at the Sea",
    "url": "http://home.test/g/o/x",
    "owner": "Ada",
    "dyes": 3,
}
DATE = {
    "opens_local": datetime(2036, 5, 8, 9),
    "zone": "UTC",
    "opens_at": datetime(2036, 5, 8, 9, tzinfo=UTC),
}
COUNTS = {"members": 7, "photos": 143, "clips": 2, "stories": 9}
CODE = {"recipient": RECIPIENT, "digits": "012 345", "minutes": 15}
LETTERS = {
    "invitation": letters.InvitationLetter(
        **{name: value for name, value in MEMBERS.items() if name != "owner"},
        **DATE,
        inviter="Ada",
        message="For you all",
        expires_at=NOW + timedelta(days=14),
        calendar_uid="x@home.test",
    ),
    **{
        f"opened-{film}-{sum(counts.values())}": letters.OpenedLetter(**MEMBERS, **counts, film=film)
        for film in ("ready", "follows", "none")
        for counts in (COUNTS, {**COUNTS, "photos": 0, "clips": 0, "stories": 0})
    },
    "film_ready": letters.FilmReadyLetter(**MEMBERS),
    "opened_again": letters.OpenedAgainLetter(**MEMBERS),
    "reminder": letters.ReminderLetter(**MEMBERS, **DATE),
    **{
        f"moved-{earlier}": letters.DateMovedLetter(
            **MEMBERS,
            **DATE,
            was_local=datetime(2037, 5, 8, 9),
            was_zone="UTC",
            is_earlier=earlier,
            calendar_uid="x@home.test",
        )
        for earlier in (False, True)
    },
    "consent": letters.ConsentLetter(
        **MEMBERS, **DATE, wished_local=datetime(2030, 5, 8, 9), wished_zone="UTC"
    ),
    "test": letters.TrialLetter(recipient=RECIPIENT, public_url="http://home.test/"),
    "sign_in": letters.CodeLetter(**CODE, url="http://home.test/s", is_for_address=False),
    "proof": letters.CodeLetter(**CODE, url=None, is_for_address=False),
    "address": letters.CodeLetter(**CODE, url=None, is_for_address=True),
}


@pytest.mark.parametrize("name", [None, "Ben"])
@pytest.mark.parametrize("letter", LETTERS.values(), ids=LETTERS)
def test_every_letter_is_written_in_it(letter, name):
    written = letters.write(
        replace(letter, recipient=replace(RECIPIENT, name=name)),
        sender=Sender(name="Ada", address="capsule@example.org"),
        message_id="<x@home.test>",
        date=NOW,
    )
    mail = email.message_from_bytes(written, policy=email.policy.default)
    text = mail.get_body(("plain",)).get_content()
    page = mail.get_body(("html",)).get_content()

    assert mail["Content-Language"] == "pl"
    assert '<html lang="pl">' in page
    lines = [line for line in text.splitlines() if "http://home.test" not in line]
    assert unsaid(lines) == []
    assert unsaid(one for one in Shown(page).texts if "http://home.test" not in one) == []
    assert "[" in mail["Subject"]
    assert ("8 maja 2036" in text) is hasattr(letter, "opens_local")
    for part in mail.iter_attachments():
        assert part.get_content().count(":[") == 3


@pytest.mark.parametrize("path", ["/g/c/{}", "/g/c/{}/add"])
def test_a_page_is_shown_in_it(scene, path):
    page = scene.browser(scene.ben.token).get(path.format(scene.capsule.id), params={"lang": "pl"})

    assert page.status_code == 200
    assert page.headers["content-language"] == "pl"
    assert '<html lang="pl"' in page.text
    assert unsaid(Shown(page.text).texts) == []
    assert 'lang=ko" lang="ko" hreflang="ko">한국어</a>' in page.text
    assert 'lang=en" lang="en" hreflang="en">English</a>' in page.text


def test_the_command_line_speaks_it(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("LANG", "pl_PL.UTF-8")
    for name in ("CONFIG", "DATA_DIR", "KEY_FILE"):
        monkeypatch.setenv(f"CAPSULE_{name}", f"{tmp_path}/{name.lower()}")

    assert main(["show"]) == 2
    missing = "[[Missing argument 'CAPSULE'.] `capsule show --help` shows what it takes.]\n"
    assert capsys.readouterr().err == missing
    assert main(["init", "--yes", "--admin", "ada@example.org"]) == 0
    assert f"[Everything is in {tmp_path}/data_dir; " in capsys.readouterr().out
    assert main(["list"]) == 0
    assert capsys.readouterr().out.startswith("[There is no capsule yet. ")
    assert main(["create", "Zima", "--opens", "2036-05-08 09:00", "--zone", "UTC"]) == 0
    assert "czwartek, 8 maja 2036" in capsys.readouterr().out
    assert main(["list", "--lang", "fr"]) == 2
    assert "takes one of these: en, ko, pl.]" in capsys.readouterr().err
    assert main(["create", "--help"]) == 0
    help_text = capsys.readouterr().out
    assert help_text.startswith("[Usage:] capsule create ")
    assert "[Make a capsule that nobody opens before its date.]" in help_text
    assert "[When it opens, for good.]  [[required]]" in " ".join(help_text.split()).replace("] [[", "]  [[")
    assert main(["invite", "zima", "a@example.org", "--locale", "fr", "--json"]) == 2
    assert "choose en or ko or pl." in capsys.readouterr().out


def test_a_browser_and_an_account_may_ask_for_it(scene):
    ada = scene.ada()
    saved = ada.post("/account", data={"name": "Ada", "locale": "pl"}, headers={"origin": "http://home.test"})
    page = ada.get("/account")

    assert saved.status_code == 303
    assert page.headers["content-language"] == "pl"
    assert 'value="pl" checked> <span lang="pl">[English]</span>' in page.text
    assert (
        scene.browser(**{"accept-language": "pl-PL, ko;q=0.5"}).get("/sign-in").headers["content-language"]
        == "pl"
    )


def test_the_api_knows_it(scene):
    document = scene.browser().get("/api/openapi.json").json()

    assert re.search(r'"enum": \["en", "ko", "pl"\]', json.dumps(document))
    assert themes.load("museum").titles == {"en": "Museum", "ko": "미술관", "pl": "[Museum]"}


def test_a_film_says_its_own_words_in_it(scene, tmp_path):
    instance = scene.instance
    accounts.edit(instance.store, scene.instance.ada, locale="pl", now=scene.time.now)
    scene.open()
    (film,) = montages.renderable(instance.store, scene.time.now)
    attempt = montages.claim(instance.store, film.id, lease="this run", now=scene.time.now)
    plan = preparation.prepare(
        instance.store, instance.vault, attempt, tmp_path, size=Size(width=320, height=180), fps=10
    ).plan
    end = plan.shots[-1]

    assert (plan.language, end.heading, end.note) == ("pl", "[Put together by]", "[A Table in the Sun]")

    window = replace(plan, style=themes.load("window").film)
    assert isinstance(end, Card)
    painted = []
    for language in ("pl", "en"):
        painter = open_painter(replace(window, language=language), end, tmp_path)
        painted.append(new_frame(320, 180))
        painter.paint(20, painted[-1])
        painter.close()
    assert (painted[0] != painted[1]).any()


def test_an_archive_is_described_in_it(scene):
    scene.open()
    scene.finish_film()
    kept = archive.of_capsule(
        scene.instance.store, scene.instance.vault, scene.ben.viewer, scene.capsule.id, language="pl"
    )
    files = {file.path.partition("/")[2]: file for file in kept.files}

    assert '<html lang="pl">' in files["index.html"].content.decode()
    names = {path.rpartition("/")[2] for path in files}
    assert unsaid(set(Shown(files["index.html"].content.decode()).texts) - names) == []
    assert files["README.txt"].content.decode().startswith("[“Summer at the Sea”, opened on ")
    assert [path for path in files if path.startswith("[films]/")]
