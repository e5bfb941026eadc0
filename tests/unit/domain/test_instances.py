"""The instance: how long letters wait, and why."""

from datetime import timedelta

import pytest

from memorycapsule.domain.instances import Instance
from memorycapsule.domain.reasons import kept_reason
from memorycapsule.errors import CapsuleError
from support.moments import NOW


def instance(**changes):
    given = {
        "id": "i", "created_at": NOW, "key_fingerprint": "k", "recovery_recipient": "r", "zone_rules": "2026.1",
        "seen_at": NOW, "mail_paused_until": None, "mail_pause_reason": None,
    }  # fmt: skip
    return Instance(**(given | changes))


def test_letters_wait_for_the_reason_that_was_kept_until_the_pause_is_over():
    until = NOW + timedelta(hours=1)
    paused = instance(
        mail_paused_until=until, mail_pause_reason=kept_reason(CapsuleError("smtp_unreachable", host="mail"))
    )

    why = paused.why_letters_wait(until - timedelta(microseconds=1))
    assert (why.reason, dict(why.values)) == ("smtp_unreachable", {"host": "mail"})
    assert paused.why_letters_wait(until) is None


def test_a_pause_that_a_clock_two_hours_ahead_wrote_is_over_when_it_is_right_again():
    waits = {
        "mail_pause_reason": kept_reason(CapsuleError("smtp_unreachable", host="mail")),
        "mail_pauses": 1,
    }
    wrong = instance(mail_paused_until=NOW + timedelta(hours=2, minutes=5), **waits)
    right = instance(mail_paused_until=NOW + timedelta(minutes=5), **waits)

    assert wrong.why_letters_wait(NOW + timedelta(hours=2))
    assert wrong.why_letters_wait(NOW) is None
    assert right.why_letters_wait(NOW - timedelta(seconds=30)), "a small correction ends no pause"


@pytest.mark.parametrize(
    "changes",
    [{}, {"mail_paused_until": NOW}, {"mail_pause_reason": kept_reason(CapsuleError("smtp_unreachable"))}],
)
def test_without_a_pause_or_a_reason_no_letter_waits(changes):
    assert instance(**changes).why_letters_wait(NOW - timedelta(days=1)) is None
