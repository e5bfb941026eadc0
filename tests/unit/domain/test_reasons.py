"""Errors travel as data, and nothing in that is believed unseen."""

import json
from pathlib import Path

import pytest

from memorycapsule.domain.reasons import error_of_reason, reason_fields
from memorycapsule.errors import CapsuleError, RenderFailed


def test_an_error_comes_back_as_it_went_with_its_cause():
    cause = CapsuleError("film_picture_lost", file="가.jpg")
    fields = json.loads(
        json.dumps(reason_fields(RenderFailed("film_photo_left_out", author="벤", problem=cause)))
    )
    error = error_of_reason(fields, RenderFailed)

    assert (type(error), error.reason, error.values["author"]) == (RenderFailed, "film_photo_left_out", "벤")
    assert (error.values["problem"].reason, error.values["problem"].values) == (cause.reason, cause.values)


@pytest.mark.parametrize(
    "fields",
    [
        None,
        "The renderer hung.",
        {},
        {"reason": "renderer_hung"},
        {"reason": "The renderer hung.", "values": {}},
        {"reason": "", "values": {}},
        {"reason": "a" * 65, "values": {}},
        {"reason": "renderer_hung", "values": []},
        {"reason": "renderer_ended", "values": {"line": "x" * 2001}},
        {"reason": "renderer_ended", "values": {"line": None}},
        {"reason": "renderer_ended", "values": {"line": ["x"]}},
        {"reason": "renderer_ended", "values": {"line": {"reason": "no reason", "values": {}}}},
    ],
)
def test_what_is_no_error_is_none(fields):
    with pytest.raises(ValueError):
        error_of_reason(fields, CapsuleError)


@pytest.mark.parametrize("value", [0, 1.5, -3, "", "x" * 2000])
def test_numbers_stay_numbers_and_texts_stay_texts(value):
    fields = json.loads(json.dumps(reason_fields(CapsuleError("renderer_ended", line=value))))

    assert fields == {"reason": "renderer_ended", "values": {"line": value}}
    assert error_of_reason(fields, CapsuleError).values["line"] == value


def test_what_json_cannot_hold_becomes_a_text_that_is_not_too_long():
    values = reason_fields(CapsuleError("renderer_ended", path=Path("a.jpg"), line="x" * 3000))["values"]

    assert values == {"path": "a.jpg", "line": "x" * 2000}
