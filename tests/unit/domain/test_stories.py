"""Who may see a story, and what is known about its photos."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memorycapsule.domain.capsules import CapsuleState, Member, Role
from memorycapsule.domain.stories import (
    LONGEST_CAPTION,
    Story,
    Viewer,
    changed_words,
    checked_caption,
    checked_words,
    mark_of,
    may_view,
)
from memorycapsule.errors import EditedElsewhere, UsageProblem
from support.cast import OPENS
from support.cast import a_capsule as capsule
from support.moments import NOW
from support.refusals import refused

STORY = Story(
    id="story",
    capsule_id="capsule",
    member_id="ben-here",
    attached_by="ben",
    session_id="bens-phone",
    position=0,
    words=b"",
    is_sealed=True,
    created_at=NOW,
    changed_at=NOW,
)
SEALED, OPEN = capsule(), capsule(state=CapsuleState.OPEN)


def member(name, role=Role.CONTRIBUTOR, capsule_id="capsule"):
    return Member(
        id=f"{name}-here", capsule_id=capsule_id, account_id=name, role=role, name=name, joined_at=NOW
    )


def viewer(name, session, *, is_proved=False, is_admin=False):
    return Viewer(account_id=name, session_id=session, is_proved=is_proved, is_admin=is_admin)


@pytest.mark.parametrize(
    ("who", "as_member", "through", "sealed", "opened"),
    [
        ("the session that attached it", member("ben"), viewer("ben", "bens-phone"), True, True),
        ("another session of its author", member("ben"), viewer("ben", "somewhere"), False, True),
        ("its author, proved", member("ben"), viewer("ben", "somewhere", is_proved=True), True, True),
        ("another member", member("dan"), viewer("dan", "dans-phone"), False, True),
        ("another member, proved", member("dan"), viewer("dan", "dans-phone", is_proved=True), False, True),
        ("the owner", member("ada", Role.OWNER), viewer("ada", "host", is_proved=True), False, True),
        (
            "the owner who is the admin",
            member("ada", Role.OWNER),
            viewer("ada", "host", is_proved=True, is_admin=True),
            False,
            True,
        ),
        (
            "the admin who is not in it",
            None,
            viewer("root", "host", is_proved=True, is_admin=True),
            False,
            False,
        ),
        ("a stranger", None, viewer("cleo", "cleos-phone", is_proved=True), False, False),
        ("a stranger with the author's session", None, viewer("cleo", "bens-phone"), False, False),
        (
            "the author's part in another capsule",
            member("ben", capsule_id="another"),
            viewer("ben", "bens-phone", is_proved=True),
            False,
            False,
        ),
        (
            "a viewer who is not the member they come as",
            member("ben"),
            viewer("dan", "bens-phone", is_proved=True),
            False,
            True,
        ),
    ],
)
def test_who_may_view_a_story(who, as_member, through, sealed, opened):
    assert may_view(SEALED, STORY, as_member, through) is sealed, who
    assert may_view(OPEN, STORY, as_member, through) is opened, who


def test_a_story_of_another_capsule_is_never_shown():
    elsewhere = replace(STORY, capsule_id="another")

    assert not may_view(OPEN, elsewhere, member("ben"), viewer("ben", "bens-phone", is_proved=True))


def test_whoever_added_a_story_in_anothers_name_does_not_see_it():
    scanned = replace(STORY, attached_by="ada", session_id="host")

    assert not may_view(SEALED, scanned, member("ada", Role.OWNER), viewer("ada", "host", is_proved=True))
    assert may_view(SEALED, scanned, member("ben"), viewer("ben", "bens-phone", is_proved=True))


NAMES = st.sampled_from(["ada", "ben", "cleo"])


@given(
    author=NAMES,
    looking=NAMES,
    as_member=st.none() | st.builds(member, NAMES, st.sampled_from(Role)),
    attached_in=st.sampled_from(["s1", "s2"]),
    through=st.sampled_from(["s1", "s2"]),
    is_proved=st.booleans(),
    is_admin=st.booleans(),
)
def test_a_sealed_story_is_seen_by_the_session_that_attached_it_or_by_its_proved_author_only(
    author, looking, as_member, attached_in, through, is_proved, is_admin
):
    story = replace(STORY, member_id=f"{author}-here", session_id=attached_in)

    if may_view(SEALED, story, as_member, viewer(looking, through, is_proved=is_proved, is_admin=is_admin)):
        assert looking == author
        assert as_member is not None
        assert through == attached_in or is_proved


def test_words_are_trimmed_composed_and_limited():
    words = checked_words("  Am \n Meer ", "  first\n\nsecond\0 \udcff ")

    assert words.title == "Am Meer"
    assert words.text == "first\n\nsecond\ufffd \ufffd"
    assert checked_words(None, None).title == checked_words(None, None).text == ""
    assert checked_words("x" * 200, "y" * 50_000)
    with refused(UsageProblem, "story_title_too_long", limit=200):
        checked_words("x" * 201, None)
    with refused(UsageProblem, "story_too_long", limit=50_000):
        checked_words(None, "y" * 50_001)


def test_a_due_capsule_that_nobody_opened_yet_is_still_sealed():
    """Only the state decides, not the clock of whoever looks: a date that has come opens nothing by itself."""
    assert SEALED.is_due(OPENS)
    assert not may_view(SEALED, STORY, member("dan"), viewer("dan", "dans-phone"))


def test_a_caption_is_one_line_that_is_not_too_long():
    assert checked_caption(" At\nsea ") == "At sea"
    assert checked_caption("\u202e ") is None
    assert checked_caption("x" * LONGEST_CAPTION) == "x" * LONGEST_CAPTION
    with refused(UsageProblem, "caption_too_long", limit=LONGEST_CAPTION):
        checked_caption("x" * (LONGEST_CAPTION + 1))


@pytest.mark.parametrize(
    ("typed", "seen", "current", "written"),
    [
        ("new", "old", "old", "new"),
        ("old", "old", "old", None),
        ("old", "old", "changed elsewhere", None),
        ("same", "old", "same", "same"),
        ("", "old", "old", ""),
        ("new", None, "old", "new"),
        (None, "old", "old", None),
        (" one\r\ntwo ", "one\ntwo", "changed elsewhere", None),
        ("e\u0301", "é", "changed elsewhere", None),
    ],
)
def test_only_what_was_changed_in_a_form_is_written(typed, seen, current, written):
    mark = None if seen is None else mark_of(seen)

    assert changed_words(typed, seen=mark, current=current) == written


def test_what_two_have_changed_is_written_by_neither_without_a_look():
    with refused(EditedElsewhere, "edited_elsewhere"):
        changed_words("mine", seen=mark_of("old"), current="theirs")
