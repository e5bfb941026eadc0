"""Keys: tokens and marks are derived, distinct, and tell nothing; a typed recovery key is read kindly."""

import itertools
import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorycapsule.errors import UsageProblem
from memorycapsule.seal import envelopes, keys
from memorycapsule.seal.keys import InstanceKey


def instance_key():
    fresh = envelopes.new_capsule_key()
    return InstanceKey(identity=fresh.identity, recipient=fresh.recipient)


KEY = instance_key()
#: A key that never changes: what is derived from it is in people's mailboxes and must not change with a version.
FIXED = InstanceKey(
    identity="AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX",
    recipient="age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj",
)


def test_the_key_is_not_in_the_representation():
    assert KEY.identity not in repr(KEY)


def test_a_token_is_the_same_each_time_and_fits_an_address():
    token = KEY.token("invitation", "1b4e28ba", 0)

    assert token == KEY.token("invitation", "1b4e28ba", 0)
    assert re.fullmatch(r"[a-z2-7]{52}", token)


def test_another_purpose_row_rotation_or_instance_gives_another_token():
    tokens = {
        key.token(purpose, row, rotation)
        for key, purpose, row, rotation in itertools.product(
            [KEY, instance_key()], ["invitation", "login"], ["a", "b"], [0, 1]
        )
    }

    assert len(tokens) == 16


@given(st.text(max_size=6), st.text(max_size=6), st.text(max_size=6), st.text(max_size=6))
def test_parts_never_run_into_each_other(purpose, row, other_purpose, other_row):
    same_parts = (purpose, row) == (other_purpose, other_row)

    assert (KEY.token(purpose, row, 1) == KEY.token(other_purpose, other_row, 1)) == same_parts


def test_tokens_and_marks_are_the_same_in_every_version():
    assert envelopes.recipient_of(FIXED.identity) == FIXED.recipient
    assert FIXED.fingerprint == "6a804773982840fa"
    assert (
        FIXED.token("invitation", "1b4e28ba-2fa1-41d2-883f-0016d3cca427", 3)
        == "v2gee4br7ckhikfrnzrsaommsff24255kfpqgt2jzkxqgjfyoydq"
    )
    assert FIXED.mark("0" * 64) == "01dd02922e4d3101b720cdb0df077f0a2a86e2fb30115ff964d0484d93cf2519"


def test_a_mark_recognises_a_duplicate_and_hides_the_digest():
    digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

    assert KEY.mark(digest) == KEY.mark(digest)
    assert KEY.mark(digest) != digest
    assert KEY.mark(digest) != instance_key().mark(digest)


def test_the_fingerprint_names_the_key():
    assert re.fullmatch(r"[0-9a-f]{16}", KEY.fingerprint)
    assert KEY.fingerprint != instance_key().fingerprint


def test_a_row_keeps_a_digest_of_the_token():
    # FIPS 180-2, the example of SHA-256 over "abc".
    assert keys.token_digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_recovery_key_is_read_however_it_is_typed():
    private, public = keys.new_recovery_key()
    grouped = " ".join(private[start : start + 8] for start in range(0, len(private), 8))

    for typed in (
        private,
        f"  {private.lower()}\n",
        grouped,
        grouped.replace(" ", "\n"),
        f"# created by age-keygen\n# public key: {public}\n{private}\n",
    ):
        assert keys.parse_recovery_key(typed) == private
    assert envelopes.recipient_of(private) == public


@pytest.mark.parametrize(
    "spoil", [lambda key: key[:-1], lambda key: key[:30] + key[31:], lambda _: "", lambda _: "열쇠"]
)
def test_a_mistyped_recovery_key_is_refused_without_repeating_it(spoil):
    private, _ = keys.new_recovery_key()

    with pytest.raises(UsageProblem, match=r"^recovery_key_unclear$") as refused:
        keys.parse_recovery_key(spoil(private))

    assert private[20:28] not in str(refused.value)


def test_one_wrong_letter_is_noticed():
    private, _ = keys.new_recovery_key()
    wrong = private[:40] + ("Q" if private[40] != "Q" else "P") + private[41:]

    with pytest.raises(UsageProblem):
        keys.parse_recovery_key(wrong)


def test_a_row_id_is_a_uuid_that_its_parts_decide():
    row_id = FIXED.row_id("story", "session", "once")

    assert uuid.UUID(row_id).version == 4
    assert row_id == FIXED.row_id("story", "session", "once")
    others = {
        FIXED.row_id("story", "session", "twice"),
        FIXED.row_id("story", "sessiononce"),
        KEY.row_id("story", "session", "once"),
    }
    assert len({row_id, *others}) == 4
    assert FIXED._derived("row", "a") != FIXED._derived("mark", "a"), "what is derived says for what"


def test_row_ids_are_the_same_in_every_version():
    assert FIXED.row_id("story", "session", "once") == "e4cfb038-da32-41bc-ab59-8e5f08cafe66"
