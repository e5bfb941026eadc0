"""Envelopes: what goes in comes out, for the right holder only, and only if no bit has changed."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memorycapsule.errors import UsageProblem, WrongKey
from memorycapsule.seal import envelopes
from memorycapsule.seal.envelopes import DamagedEnvelope

KEY = envelopes.new_capsule_key()
OTHER = envelopes.new_capsule_key()


def test_a_private_key_is_not_in_the_representation():
    assert KEY.identity not in repr(KEY)
    assert KEY.recipient in repr(KEY)


def test_the_public_half_belongs_to_the_private_half():
    assert envelopes.recipient_of(KEY.identity) == KEY.recipient


@settings(max_examples=30)
@given(st.binary(max_size=1000))
def test_bytes_come_back_as_they_were(plain):
    assert envelopes.unseal_bytes(envelopes.seal_bytes(plain, KEY.recipient), KEY.identity) == plain


def test_sealing_twice_never_looks_the_same():
    assert envelopes.seal_bytes(b"hello", KEY.recipient) != envelopes.seal_bytes(b"hello", KEY.recipient)


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 300_000])
def test_streams_and_bytes_are_the_same_format(size):
    plain = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    sealed, back = io.BytesIO(), io.BytesIO()

    envelopes.seal_stream(io.BytesIO(plain), sealed, KEY.recipient)
    envelopes.unseal_stream(io.BytesIO(sealed.getvalue()), back, KEY.identity)

    assert envelopes.unseal_bytes(sealed.getvalue(), KEY.identity) == plain
    assert back.getvalue() == plain


def _from_bytes(sealed):
    return envelopes.unseal_bytes(sealed, KEY.identity)


def _from_stream(sealed):
    return envelopes.unseal_stream(io.BytesIO(sealed), io.BytesIO(), KEY.identity)


SEALED = envelopes.seal_bytes(b"a grandmother's story " * 8000, KEY.recipient)


@pytest.mark.parametrize("unseal", [_from_bytes, _from_stream])
@pytest.mark.parametrize("length", [0, 1, 20, 100, 250, 1000, 65_536, 70_000, -17, -1])
def test_a_truncated_file_is_refused(unseal, length):
    with pytest.raises(DamagedEnvelope, match=r"^damaged"):
        unseal(SEALED[:length])


@settings(max_examples=60)
@given(st.integers(0, len(SEALED) * 8 - 1))
def test_one_flipped_bit_is_refused(bit):
    changed = bytearray(SEALED)
    changed[bit // 8] ^= 1 << (bit % 8)

    with pytest.raises(DamagedEnvelope):
        _from_bytes(bytes(changed))
    with pytest.raises(DamagedEnvelope):
        _from_stream(bytes(changed))


@pytest.mark.parametrize("unseal", [_from_bytes, _from_stream])
@pytest.mark.parametrize("foreign", [SEALED + b"x", b"not an age file at all" * 50])
def test_something_added_or_foreign_is_refused(unseal, foreign):
    with pytest.raises(DamagedEnvelope):
        unseal(foreign)


def test_another_capsules_key_does_not_open_it():
    with pytest.raises(DamagedEnvelope, match=r"^damaged_or_of_another_key$"):
        envelopes.unseal_bytes(SEALED, OTHER.identity)


def test_either_holder_alone_opens_the_capsules_key():
    instance, recovery = envelopes.new_capsule_key(), envelopes.new_capsule_key()
    for_instance = envelopes.wrap(KEY.identity, instance.recipient)
    for_recovery = envelopes.wrap(KEY.identity, recovery.recipient)

    assert envelopes.unwrap(for_instance, instance.identity) == KEY.identity
    assert envelopes.unwrap(for_recovery, recovery.identity) == KEY.identity


def test_the_wrong_holder_is_told_so():
    with pytest.raises(WrongKey):
        envelopes.unwrap(envelopes.wrap(KEY.identity, OTHER.recipient), KEY.identity)


def test_a_damaged_envelope_is_not_blamed_on_the_key():
    envelope = envelopes.wrap(KEY.identity, OTHER.recipient)

    with pytest.raises(DamagedEnvelope, match=r"^key_envelope_damaged$"):
        envelopes.unwrap(envelope[:-1], OTHER.identity)


def test_an_envelope_with_something_else_inside_is_refused():
    with pytest.raises(DamagedEnvelope, match=r"^key_envelope_empty$"):
        envelopes.unwrap(envelopes.seal_bytes("열쇠가 아님".encode(), OTHER.recipient), OTHER.identity)


class FullDisk(io.BytesIO):
    def write(self, data):
        raise OSError(28, "No space left on device")


class BrokenDisk(io.BytesIO):
    def read(self, size=-1):
        raise OSError(5, "Input/output error")


class TooMuch(io.BytesIO):
    def read(self, size=-1):
        raise UsageProblem("That file is too large.")


@pytest.mark.parametrize(
    ("source", "sink", "raised"),
    [
        (io.BytesIO(b"x" * 100_000), FullDisk(), (OSError, 28)),
        (io.BytesIO(b"so little that it is written at the very end"), FullDisk(), (OSError, 28)),
        (BrokenDisk(), io.BytesIO(), (OSError, 5)),
        (TooMuch(), io.BytesIO(), (UsageProblem, None)),
    ],
)
def test_an_error_of_a_stream_comes_through_as_it_was(source, sink, raised):
    kind, number = raised

    with pytest.raises(kind) as sealing:
        envelopes.seal_stream(source, sink, KEY.recipient)

    assert getattr(sealing.value, "errno", None) == number
    if isinstance(source, io.BytesIO) and type(source) is io.BytesIO:
        source = io.BytesIO(SEALED)
    with pytest.raises(kind) as unsealing:
        envelopes.unseal_stream(source, sink, KEY.identity)
    assert getattr(unsealing.value, "errno", None) == number


def test_a_public_key_is_taken_in_any_case_and_with_spaces_around():
    assert envelopes.valid_recipient(f"  {KEY.recipient.upper()}\n") == KEY.recipient


@pytest.mark.parametrize(
    "text",
    ["", "age1", KEY.recipient[:-1], KEY.recipient[:-1] + "b", "ssh-ed25519 AAAA", "암호"],
    ids=["nothing", "a beginning", "one letter less", "a wrong letter", "another kind", "Korean"],
)
def test_what_is_no_public_key_is_refused(text):
    with pytest.raises(UsageProblem, match=r"^public_key_unclear "):
        envelopes.valid_recipient(text)


def test_a_private_key_given_as_public_is_refused_without_repeating_it():
    with pytest.raises(UsageProblem) as refused:
        envelopes.valid_recipient(KEY.identity)

    assert (refused.value.reason, refused.value.values) == ("key_is_private", {})


def test_a_mistyped_private_key_is_refused_without_repeating_it():
    with pytest.raises(UsageProblem) as refused:
        envelopes.recipient_of(KEY.identity[:-1])

    assert KEY.identity[20:40] not in str(refused.value)
