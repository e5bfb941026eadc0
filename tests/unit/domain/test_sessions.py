"""Sessions: whoever may do more may do less, and what is asked of a token for programs."""

import pytest

from memorycapsule.domain.people import LONGEST_NAME
from memorycapsule.domain.sessions import Scope, check_token_scope, checked_token_name
from memorycapsule.errors import UsageProblem
from support.refusals import refused


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        (Scope.READ, {Scope.READ}),
        (Scope.CONTRIBUTE, {Scope.READ, Scope.CONTRIBUTE}),
        (Scope.EVERYTHING, set(Scope)),
    ],
)
def test_a_scope_covers_itself_and_what_is_less(scope, covered):
    assert {needed for needed in Scope if scope.covers(needed)} == covered


def test_no_token_for_programs_may_do_everything():
    check_token_scope(Scope.READ)
    check_token_scope(Scope.CONTRIBUTE)
    with refused(UsageProblem, "token_scope_impossible"):
        check_token_scope(Scope.EVERYTHING)


def test_a_token_has_a_name_that_can_be_shown():
    assert checked_token_name(" backup\n script ") == "backup script"
    assert len(checked_token_name("x" * (LONGEST_NAME + 5))) == LONGEST_NAME
    with refused(UsageProblem, "token_name_empty"):
        checked_token_name(" \u202e ")
