"""Parts of letters: whatever stands in them, a mail program reads it back, and no line is too long."""

import email
import email.policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memorycapsule.mail.mime import multipart, text_part

NAME = "<opened.1@example.org>"


def read_back(*texts):
    """Write texts as parts of a letter, and return its bytes, and its parts as a mail program reads them."""
    raw = b"MIME-Version: 1.0\r\n" + multipart("mixed", [text_part("plain", one) for one in texts], name=NAME)
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert not message.defects
    return raw, list(message.iter_parts())


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Hello.\n.\n\nGoodbye.\n", "7bit"),
        ("", "7bit"),
        ("x" * 76 + "\n", "7bit"),
        ("x" * 77 + "\n", "quoted-printable"),
        ("It was a café, and it rained = all day. \n.\n", "quoted-printable"),
        ("할머니, 이제 열렸어요.\n", "base64"),
    ],
)
def test_a_text_is_encoded_only_where_it_must_be(text, encoding):
    raw, (part,) = read_back(text)

    assert part["Content-Transfer-Encoding"] == encoding
    assert part.get_content().replace("\r\n", "\n") == text
    assert raw.isascii()


@settings(max_examples=25)
@given(
    texts=st.lists(
        st.text(
            alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\r\x0b\x0c\x1c\x1d\x1e\x85")
        ),
        min_size=1,
        max_size=3,
    )
)
def test_whatever_stands_in_a_part_is_read_back(texts):
    raw, parts = read_back(*texts)

    ended = [one if one.endswith("\n") or not one else f"{one}\n" for one in texts]
    assert [part.get_payload(decode=True).decode().replace("\r\n", "\n") for part in parts] == ended
    assert max(map(len, raw.split(b"\r\n"))) <= 76
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_the_same_letter_has_the_same_boundary_and_another_one_another():
    part = text_part("plain", "Hello.\n")

    assert multipart("mixed", [part], name=NAME) == multipart("mixed", [part], name=NAME)
    assert multipart("mixed", [part], name=NAME) != multipart("mixed", [part], name="<opened.2@example.org>")
