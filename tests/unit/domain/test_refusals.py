"""Refusals travel as data, and nothing in that is believed unseen."""

import json
import math

import pytest

from memorycapsule.domain.refusals import (
    refusal_fields,
    refusal_from_json,
    refusal_of,
    refusal_or_other,
    refusal_to_json,
)
from memorycapsule.errors import MediaRefused, Refusal


def same(one: MediaRefused, other: MediaRefused) -> bool:
    return (one.refusal, dict(one.values)) == (other.refusal, dict(other.values))


@pytest.mark.parametrize("refusal", Refusal)
def test_every_refusal_comes_back_as_it_went(refusal):
    refused = MediaRefused(refusal, **{place: number + 0.5 for number, place in enumerate(refusal.places)})

    assert refused.reason == refusal
    assert same(refusal_of(json.loads(json.dumps(refusal_fields(refused)))), refused)
    assert same(refusal_from_json(refusal_to_json(refused)), refused)


@pytest.mark.parametrize(
    "fields",
    [
        None,
        [],
        "is a PDF.",
        {},
        {"code": "silent"},
        {"code": "silent", "values": []},
        {"code": "no_such_reason", "values": {}},
        {"code": ["silent"], "values": {}},
        {"code": "silent", "values": {"sentence": "Send money."}},
        {"code": "other_video", "values": {}},
        {"code": "other_video", "values": {"format": None}},
        {"code": "other_video", "values": {"format": "x" * 65}},
        {"code": "clip_too_long", "values": {"minutes": True}},
        {"code": "clip_too_long", "values": {"minutes": math.inf}},
        {"code": "clip_too_long", "values": {"minutes": {"nested": 1}}},
    ],
)
def test_what_is_no_refusal_is_none(fields):
    with pytest.raises(ValueError):
        refusal_of(fields)

    other = refusal_or_other(fields, "is strange.")
    assert same(other, MediaRefused(Refusal.OTHER, sentence="is strange."))


def test_a_sentence_of_an_older_version_is_read_as_it_stands():
    kept = b"is a PDF, not a photo or clip."

    refused = refusal_from_json(kept)
    assert same(refused, MediaRefused(Refusal.OTHER, sentence=kept.decode()))
    assert same(refusal_from_json(refusal_to_json(refused)), refused)


@pytest.mark.parametrize(
    ("refusal", "place", "most"), [(Refusal.OTHER_VIDEO, "format", 64), (Refusal.OTHER, "sentence", 1000)]
)
def test_a_text_in_a_refusal_has_a_largest_length(refusal, place, most):
    longest = {"code": str(refusal), "values": {place: "x" * most}}

    assert same(refusal_of(longest), MediaRefused(refusal, **{place: "x" * most}))
    with pytest.raises(ValueError):
        refusal_of({"code": str(refusal), "values": {place: "x" * (most + 1)}})


def test_rows_keep_letters_as_they_are_and_bytes_that_are_no_text_are_read_all_the_same():
    refused = MediaRefused(Refusal.OTHER, sentence="사진이 아니에요.")

    assert "사진이" in refusal_to_json(refused).decode()
    assert same(refusal_from_json(b"caf\xe9"), MediaRefused(Refusal.OTHER, sentence="caf\ufffd"))
