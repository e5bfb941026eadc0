"""Errors carry a code, a reason and values, and programs hand them on without a loss."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from memorycapsule.cli.sentences import is_sayable
from memorycapsule.errors import (
    CapsuleError,
    FileRefused,
    MediaRefused,
    NotDue,
    NotFound,
    Refusal,
    UsageProblem,
)
from memorycapsule.schemas.errors import error_fields, error_of

KINDS = {kind.code: kind for kind in (CapsuleError, MediaRefused, NotDue, NotFound, UsageProblem)}


def test_what_one_program_tells_another_one_reads():
    told = UsageProblem(
        "setting_value_wrong",
        key="zone",
        place="flag",
        value="Mars",
        opens=datetime(2036, 5, 8, 9, tzinfo=ZoneInfo("Asia/Seoul")),
        problem=NotDue("not_yet", count=3),
        choices=["en", UsageProblem("not_utf_8")],
    )

    read = error_of(error_fields(told), KINDS)

    assert (type(read), read.reason, str(read)) == (UsageProblem, told.reason, str(told))
    assert read.values["opens"] == told.values["opens"]
    assert read.values["opens"].tzinfo.key == "Asia/Seoul"
    assert error_fields(read) == error_fields(told)


def test_what_was_refused_there_is_refused_here():
    refused = MediaRefused(Refusal.FILE_TOO_LARGE, megabytes=200)
    named = FileRefused("file_refused", file="a.jpg", problem=refused)

    read = error_of(error_fields(named), KINDS)

    assert (type(read), str(read)) == (FileRefused, str(named))
    assert (type(read.values["problem"]), read.values["problem"].refusal) == (MediaRefused, refused.refusal)


def test_paths_are_told_as_texts():
    assert error_fields(NotFound("folder_missing", folder=Path("/a")))["values"] == {"folder": "/a"}


@pytest.mark.parametrize("fields", [{}, {"code": "usage"}, {"code": "usage", "reason": "x", "values": 5}])
def test_what_is_no_error_is_not_read(fields):
    with pytest.raises((KeyError, TypeError, ValueError)):
        error_of(fields, KINDS)


def test_an_error_of_a_newer_program_can_be_said_only_where_a_catalogue_knows_it():
    assert is_sayable(NotFound("folder_missing", folder="/a"))
    assert not is_sayable(NotFound("folder_missing"))
    assert not is_sayable(NotFound("folder_in_the_cloud"))
    assert not is_sayable(UsageProblem("settings_wrong", problem=NotFound("folder_in_the_cloud")))
