"""Every sentence of the pages is there in each language."""

import re
import string
from pathlib import Path

import memorycapsule.daemon.http as http
from memorycapsule.daemon.http.wording import chosen, wording

FOLDER = Path(http.__file__).parent


def places(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_both_languages_say_the_same_things_with_the_same_values():
    english, korean = wording("en").words, wording("ko").words

    assert english.keys() == korean.keys()
    assert {key for key in english if places(english[key]) != places(korean[key])} == set()


def test_every_sentence_is_used_and_every_used_one_exists():
    code = "\n".join(path.read_text() for path in [*FOLDER.glob("*.py"), *FOLDER.glob("templates/*.html")])
    made_up = {
        f"{reason}_{what}" for reason in ("used", "expired", "revoked", "over") for what in ("title", "text")
    }
    made_up |= {f"error_{status}_{what}" for status in (403, 404, 413, 500) for what in ("title", "text")}
    made_up |= {f"role_{role}" for role in ("owner", "contributor", "recipient")}
    words = set(wording("en").words)

    assert {word for word in words - made_up if f'"{word}"' not in code and f"'{word}'" not in code} == set()
    assert set(re.findall(r"words\([\"'](\w+)[\"']", code)) - words == {"role_"}
    assert made_up <= words


def test_korean_puts_no_particle_after_what_somebody_typed():
    typed = ("name", "inviter", "title", "author", "member")
    after = re.compile(rf"\{{({'|'.join(typed)})\}}[’]?(은|는|이|가|을|를|와|과|로|으로|아|야)\b")

    assert [text for text in wording("ko").words.values() if after.search(text)] == []


def test_the_first_language_that_we_speak_is_taken():
    assert chosen(None, "de-DE, ko;q=0.3, en;q=0.2") == "ko"
    assert chosen("xx", "fr", "ko") == "ko"
    assert chosen("en;q=0, ko;q=nonsense") == "en"
    assert chosen() == "en"
