"""Every sentence of the pages is there in each language."""

import collections
import functools
import io
import re
import string
from pathlib import Path

import pytest
from babel.messages import Message
from babel.messages.pofile import read_po

import memorycapsule
import memorycapsule.cli.distant.client  # where some of the errors are
from memorycapsule import themes
from memorycapsule.domain.capsules import Role
from memorycapsule.domain.deliveries import DeliveryState, LetterKind
from memorycapsule.domain.film.montages import MontageState
from memorycapsule.domain.invitations import InvitationState
from memorycapsule.domain.notices import NoticeKind
from memorycapsule.domain.preservation import DamageKind
from memorycapsule.domain.rehearsals import RehearsalStep
from memorycapsule.domain.roads.notifications import NotificationKind, NotificationState, Road
from memorycapsule.domain.sessions import Scope
from memorycapsule.domain.stories import MediumKind, Missing
from memorycapsule.domain.zones import territories
from memorycapsule.errors import CapsuleError
from memorycapsule.words.catalogues import wording
from memorycapsule.words.po import read_po as read_po_file

PACKAGE = Path(memorycapsule.__file__).parent
FOLDER = PACKAGE / "words"
CODE = [
    *PACKAGE.rglob("*.py"),
    *(PACKAGE / "daemon" / "http" / "templates").glob("**/*.html"),
    *(PACKAGE / "mail" / "templates").iterdir(),
]
#: What the sentences of `dates.po` may be put together from: each language takes what it needs.
PARTS = {
    "moment": {"day", "time", "zone"},
    "zone": {"city"},
    "time": {"clock", "period", "half"},
    "clock": {"hour", "hour_24", "minute", "second"},
}


#: Words that tables and sentences of the command line name.
WORDS_OF_OURS = {
    "film": MontageState,
    "letter": LetterKind,
    "delivery": DeliveryState,
    "role": Role,
    "scope": Scope,
    "medium": MediumKind,
    "invitation": [*InvitationState, "expired"],
    "damage": DamageKind,
    "road": Road,
    "notification": NotificationState,
    "doctor_node": ("daemon", "worker", "command"),
}


#: What stands before the reason of an error in the names of its sentences.
VOICES = ("error", "cli_error", "page_error", "letter_error", "refused")


@functools.cache
def messages(language: str) -> list[Message]:
    """All sentences of a language, as Babel reads them."""
    return [
        message
        for part in sorted((FOLDER / language).glob("*.po"))
        for message in read_po(io.BytesIO(part.read_bytes()), locale=language)
        if message.id
    ]


def catalogue(language: str) -> dict[str, list[str]]:
    """All forms of all sentences of a language."""
    found = {}
    for message in messages(language):
        is_plural = isinstance(message.id, tuple)
        key = message.id[0] if is_plural else message.id
        found[key] = list(message.string) if is_plural else [message.string]
    return found


DATES = set(read_po_file(FOLDER / "en" / "dates.po").sentences)


def plural(language: str) -> set[str]:
    return {message.id[0] for message in messages(language) if isinstance(message.id, tuple)}


def kinds_of_errors(kind: type[CapsuleError]) -> set[type[CapsuleError]]:
    return {kind}.union(*map(kinds_of_errors, kind.__subclasses__()))


def places(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_both_languages_say_the_same_things_with_the_same_values():
    english, korean = (catalogue(language) for language in ("en", "ko"))

    assert english.keys() == korean.keys()
    assert [key for key in english if not (english[key][0] and korean[key][0])] == []
    # Korean does not say whose capsule it is.
    assert {
        key for key in english if key not in DATES and places(english[key][-1]) != places(korean[key][-1])
    } == {"letter_calendar_description"}
    # English says one thing and several in two forms, Korean in one.
    assert {key for key in english if len(english[key]) == 2} == {
        key for key, forms in korean.items() if key in plural("ko")
    }


@pytest.mark.parametrize("language", ["en", "ko"])
def test_dates_are_put_together_from_what_there_is(language):
    said = {key: forms for key, forms in catalogue(language).items() if key in DATES}

    assert {
        key for key, (sentence,) in said.items() if places(sentence) - PARTS.get(key.partition("_")[0], set())
    } == set()


def test_no_place_is_named_twice():
    for language in ("en", "ko"):
        ids = [message.id for message in messages(language)]
        assert [one for one, count in collections.Counter(ids).items() if count > 1] == []


def test_both_languages_have_the_same_parts():
    english, korean = ({part.name for part in (FOLDER / one).iterdir()} for one in ("en", "ko"))

    assert english == korean


def test_every_sentence_is_used_and_every_used_one_exists():
    code = "\n".join(path.read_text() for path in CODE)
    made_up = {
        f"{reason}_{what}"
        for reason in ("used", "expired", "revoked", "declined", "over")
        for what in ("title", "text")
    }
    made_up |= {
        f"error_{status}_{what}" for status in (403, 404, 413, 429, 500) for what in ("title", "text")
    }
    made_up |= {f"zone_part_{name.partition('/')[0].lower()}" for name in territories()}
    made_up |= {f"role_{role}" for role in ("owner", "contributor", "recipient")}
    made_up |= {f"films_lack_{kind}" for kind in ("photo", "clip", "voice", "words", "song", "other")}
    made_up |= {f"dye_{number}" for number in range(8)}
    made_up |= {
        f"{what}_{name}" for what in ("theme", "theme_title", "music_title") for name in themes.names()
    }
    made_up |= {f"people_{number}" for number in range(11)}
    made_up |= {f"error_{kind.code}" for kind in kinds_of_errors(CapsuleError)} & set(
        wording("en", "errors").keys
    )
    made_up |= {"error_other", "error_date_passed", "error_date_too_far"}
    made_up |= {f"cli_{kind}_{word}" for kind, words in WORDS_OF_OURS.items() for word in words}
    made_up |= {
        f"{voice}_{what}"
        for what in Missing
        for voice in ("missing", "missing_seen", "tile_missing", "cli_missing")
    }
    made_up |= {f"notice_to_do_{kind}" for kind in NoticeKind}
    told = {*NoticeKind, *NotificationKind} - {NotificationKind.NOTICE}
    made_up |= {f"notification_{kind}" for kind in told}
    made_up |= {f"notification_{kind}_several" for kind in NotificationKind if kind.is_gathered}
    made_up |= {f"notice_to_do_{kind}_owner" for kind in NoticeKind if kind.is_of_capsule}
    made_up |= {f"cli_rehearsal_{step}{how}" for step in RehearsalStep for how in ("", "_good")}
    made_up |= {"demo_film_ready", "demo_film_degraded"}
    made_up |= {f"cli_retry_none_{state}" for state in (DeliveryState.UNKNOWN, DeliveryState.REJECTED)}
    code += "".join(
        f'"cli_column_{name}"'
        for names in re.findall(r"headings\(([^)]*)\)", code)
        for name in re.findall(r'"(\w+)"', names)
    )
    named = set(re.findall(r"[\"'](\w+)[\"']", code))
    # An error names its sentence by its reason.
    named |= {f"{voice}_{reason}" for voice in VOICES for reason in named}
    # What help says stands beside the commands, and `tests/unit/cli/test_help_pages.py` compares it.
    words = {key for key in wording("en").keys if not key.startswith("help ")}

    assert words - made_up - named == set()
    assert set(re.findall(r"(?:words|counted)\([\"'](\w+)[\"']", code)) - words == {
        "missing_",
        "tile_missing_",
        "role_",
        "theme_",
    }
    assert made_up <= words


def test_korean_puts_no_particle_after_what_somebody_typed():
    typed = ("name", "inviter", "title", "author", "member")
    after = re.compile(rf"\{{({'|'.join(typed)})\}}[’]?(은|는|이|가|을|를|와|과|로|으로|아|야)\b")

    sentences = [form for forms in catalogue("ko").values() for form in forms]
    assert [text for text in sentences if after.search(text)] == []


def test_things_are_counted_as_each_language_does():
    english, korean = wording("en"), wording("ko")

    with pytest.raises(KeyError):
        english("no_such_sentence")
    assert english.keys == korean.keys
