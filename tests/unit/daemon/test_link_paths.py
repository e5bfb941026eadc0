"""Paths of mailed links, as they are copied: what is a link is mended, and nothing else is touched."""

import pytest

from memorycapsule.daemon.http.protocol.link_paths import mended
from memorycapsule.domain.sessions import TOKEN_LENGTH, clean_token

TOKEN = "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst"


@pytest.mark.parametrize("page", ["/g/i/", "/g/o/", "/g/v/", "/g/consent/", "/sign-in/", "/set-up/"])
@pytest.mark.parametrize(
    "copied",
    [
        "{}",
        "{}.",
        "({})",
        "<{}>",
        "{}/",
        "{}//)",
        "{}。",
        "{}에서",
        "{}\n",
        "“{}”",
        "{}\u200b",
        "{} and more",
        "{}/;",
    ],
)
def test_a_link_is_mended_whatever_stands_around_its_token(page, copied):
    assert mended(page + copied.format(TOKEN)) == page + TOKEN
    assert mended((page + copied.format(TOKEN)).upper()) == page + TOKEN


@pytest.mark.parametrize(
    ("copied", "meant"),
    [
        ("/g/i/{}/decline.", "/g/i/{}/decline"),
        ("/G/I/{}/COVER/", "/g/i/{}/cover"),
        ("/g/i/{}/letter", "/g/i/{}/letter"),
    ],
)
def test_the_page_behind_a_token_stays(copied, meant):
    assert mended(copied.format(TOKEN)) == meant.format(TOKEN)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/sign-in",
        "/sign-in/code",
        "/g/i/" + TOKEN[:-1],
        "/g/c/" + TOKEN,
        "/G/C/x/add",
        "/api/v1/" + TOKEN,
    ],
)
def test_no_other_path_is_touched(path):
    assert mended(path) == path


def test_a_token_is_found_in_what_was_copied():
    assert len(TOKEN) == TOKEN_LENGTH
    assert clean_token(f" <{TOKEN[:30].upper()}=\r\n{TOKEN[30:]}>.") == TOKEN
