"""Whoever keeps the machine is told by Slack, ntfy and webhooks: once each, in their turn, and with nothing of people."""

import itertools
import json
from datetime import timedelta

import pytest

from memorycapsule.domain.notices import NoticeKind
from memorycapsule.domain.reasons import KeptReason
from memorycapsule.domain.roads.notifications import NotificationState, Road
from memorycapsule.errors import CapsuleError, ConfigurationProblem, NotAllowed
from memorycapsule.mail.outcomes import Outcome
from memorycapsule.notify.outcomes import PostOutcome
from memorycapsule.services import capsules, opening
from memorycapsule.services.preservation import holds
from memorycapsule.services.roads import listing, trials
from memorycapsule.services.roads.composing import Teller
from memorycapsule.store import instances as instance_store
from memorycapsule.store.roads import notifications as notification_store
from memorycapsule.work import notices, notifying, ticks
from support.cast import add_story, another_session, invite, join, make_capsule, make_context
from support.queries import recorded_statements

BROKEN = CapsuleError("road_answered", status=500)


class Roads:
    """Receivers' answers by road, and what they have taken."""

    def __init__(self):
        self.fails = {}
        self.waits = {}
        self.tried = []

    def __call__(self, road, message):
        self.tried.append((road, message))
        problem = self.fails.get(road)
        if callable(problem):
            problem = problem(message)
        return PostOutcome(problem=problem, wait_seconds=self.waits.get(road, 0.0))

    def told(self, road=Road.SLACK):
        return [(message.type, message.text) for one, message in self.tried if one is road]

    def types(self, road=Road.SLACK):
        return [type_ for type_, _ in self.told(road)]


@pytest.fixture
def roads():
    return Roads()


@pytest.fixture
def context(stage_on_both, time, roads):
    """An instance on both databases, by which nothing is told that was before."""
    context = make_context(stage_on_both.instance, time, roads=(Road.SLACK,), post=roads)
    notifying.notify(context, Road.SLACK)
    return context


def notify(context):
    return notifying.notify(context, Road.SLACK)


def queued(context, road=Road.SLACK):
    with context.store.reading() as tx:
        return [one for one in notification_store.newest(tx, 1000) if one.road is road]


def test_what_happened_before_a_road_was_set_is_not_told(stage_on_both, context, roads):
    assert notify(context) == 0
    assert roads.tried == []


def test_somebody_who_joins_is_told_at_once_and_without_their_name(stage_on_both, context, roads, time):
    join(stage_on_both.instance, stage_on_both.capsule, "Dora", now=time())

    assert notify(context) == 1
    assert roads.told() == [("member.joined", "“Summer at the Sea”: somebody has joined.")]
    assert notify(context) == 0


def test_stories_of_an_hour_are_one_message(stage_on_both, context, roads, time):
    for _ in range(3):
        add_story(stage_on_both.instance, stage_on_both.capsule, stage_on_both.ben.viewer, now=time())
        assert notify(context) == 0
        time.go_on(minutes=25)
    assert notify(context) == 1
    assert roads.told() == [("stories.added", "“Summer at the Sea”: 3 stories were added.")]
    add_story(stage_on_both.instance, stage_on_both.capsule, stage_on_both.ben.viewer, now=time())
    time.go_on(hours=1)

    assert notify(context) == 1
    assert roads.told()[1:] == [("stories.added", "“Summer at the Sea”: a story was added.")]


def test_a_batch_stays_what_it_was_when_it_is_tried_again(stage_on_both, context, roads, time):
    stage, roads.fails = stage_on_both, {Road.SLACK: BROKEN}
    add_story(stage.instance, stage.capsule, stage.ben.viewer, now=time())
    notify(context)
    time.go_on(hours=1)
    notify(context)
    add_story(stage.instance, stage.capsule, stage.younghee.viewer, now=time())
    notify(context)
    roads.fails = {}
    time.go_on(hours=1)
    notify(context)

    assert [message.count for _, message in roads.tried] == [1, 1, 1]
    assert len({message.id for _, message in roads.tried}) == 2
    assert {one.state for one in queued(context)} == {NotificationState.SENT}


def test_an_opening_is_told_a_day_before_and_when_it_is_there(stage_on_both, context, roads, time):
    time.go_to(stage_on_both.capsule.opens_at - timedelta(hours=25))
    assert notify(context) == 0
    time.go_on(hours=2)
    # Another one has the same date.
    assert notify(context) == 1
    assert notify(context) == 0
    time.go_on(hours=23)
    opening.open_due(context.store, context.wake, time())
    notify(context)

    told = [(kind, text.split(": ")[0]) for kind, text in roads.told()]
    assert told == [
        ("capsule.opening_soon", "2 capsules open within a day"),
        ("capsule.opened", "2 capsules are open"),
    ]
    assert all("“Summer at the Sea”" in text for _, text in roads.told())


def test_one_that_opens_alone_is_told_by_its_title(stage_on_both, context, roads, time):
    later = stage_on_both.capsule.opens_at + timedelta(days=5)
    make_capsule(stage_on_both.instance, title="Alone", opens=later, now=time())
    time.go_to(later - timedelta(hours=12))
    notify(context)

    assert roads.told()[-1] == ("capsule.opening_soon", "“Alone” opens within a day.")


@pytest.mark.slow
def test_however_many_open_at_once_there_are_two_messages_and_no_query_names_each(
    stage_on_both, context, roads, time
):
    for number in range(60):
        make_capsule(stage_on_both.instance, title=f"Class {number}", now=time())
    time.go_to(stage_on_both.capsule.opens_at - timedelta(hours=23))
    with recorded_statements(context.store) as before:
        assert [notify(context), notify(context)] == [1, 0]
    time.go_on(hours=23)
    opening.open_due(context.store, context.wake, time())
    with recorded_statements(context.store) as after:
        assert [notify(context), notify(context)] == [1, 0]

    assert [message.count for _, message in roads.tried] == [62, 62]
    assert roads.told()[1][1].startswith("62 capsules are open: ")
    assert max(len(parameters) for _, parameters in before + after if parameters) < 40


def test_of_a_capsule_that_the_admin_is_not_in_the_id_is_told_alone(stage_on_both, context, roads, time):
    stage = stage_on_both
    other = make_capsule(stage.instance, by=stage.cleo, title="Cleo's secret", now=time())
    join(stage.instance, other, "Dora", by=stage.cleo, now=time())
    notify(context)

    (message,) = [message for _, message in roads.tried]
    assert message.title is None
    assert message.text == f"The capsule {other.id}: somebody has joined."


def test_no_title_is_told_where_none_is_wanted(stage_on_both, context, roads, time):
    silent = make_context(
        stage_on_both.instance,
        time,
        roads=(Road.SLACK,),
        post=roads,
        teller=Teller(heading="MemoryCapsule", with_titles=False),
    )
    join(stage_on_both.instance, stage_on_both.capsule, "Dora", now=time())
    notify(silent)

    assert "Summer" not in json.dumps([message.__dict__ for _, message in roads.tried], default=str)


def test_it_speaks_the_language_of_the_admin(stage, time, roads):
    context = make_context(stage.instance, time, roads=(Road.SLACK,), post=roads)
    notify(context)
    with context.store.transaction() as tx:
        from memorycapsule.store import accounts as account_store

        admin = account_store.admin(tx)
        account_store.accounts.change(tx, account_store.AccountRow.id == admin.id, locale="ko")
    join(stage.instance, stage.capsule, "Dora", now=time())
    notify(context)

    assert roads.told() == [("member.joined", "“Summer at the Sea” 캡슐에 1명이 함께하게 됐어요.")]


def test_a_notice_is_told_once_and_anew_when_it_had_ended(stage_on_both, context, roads, time):
    full = make_context(
        stage_on_both.instance, time, roads=(Road.SLACK,), post=roads, free_bytes=lambda: 5_000_000
    )
    for _ in range(3):
        notices.tell(full)
        notify(full)
        time.go_on(hours=1)
    assert roads.types() == ["notice.disk"]
    assert "Please free some space." in roads.told()[0][1]
    time.go_on(days=1)
    notices.tell(context)
    notices.tell(full)
    notify(full)

    assert roads.types() == ["notice.disk", "notice.disk"]


def test_what_lasts_is_told_again_after_a_month(stage_on_both, context, roads, time):
    full = make_context(
        stage_on_both.instance, time, roads=(Road.SLACK,), post=roads, free_bytes=lambda: 5_000_000
    )
    for _ in range(8):
        notices.tell(full)
        notify(full)
        time.go_on(days=5)

    assert roads.types().count("notice.disk") == 2


def test_letters_that_were_refused_are_told_as_a_number_without_anybody(stage_on_both, context, roads, time):
    class Refusing:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def deliver(self, letter, *, sender, recipient, on_data):
            on_data()
            return Outcome(state="rejected", detail=CapsuleError("mail_server_replied", reply="550 no"))

    refusing = make_context(
        stage_on_both.instance, time, roads=(Road.SLACK,), post=roads, connect=lambda: Refusing()
    )
    invite(stage_on_both.instance, stage_on_both.capsule, "dora@example.org", now=time())
    ticks.send_letters(refusing)
    notices.tell(refusing)
    notify(refusing)

    told = dict(roads.told())
    assert told["notice.rejected_letters"].startswith("“Summer at the Sea”: ")
    assert not any("dora" in text or "550" in text for text in told.values())


def test_a_receiver_that_fails_is_left_alone_longer_each_time(stage, time, roads):
    context = make_context(stage.instance, time, roads=(Road.SLACK,), post=roads)
    notify(context)
    roads.fails = {Road.SLACK: BROKEN}
    join(stage.instance, stage.capsule, "Dora", now=time())
    tried_at = []
    for _ in range(12 * 16):
        before = len(roads.tried)
        notify(context)
        if len(roads.tried) > before:
            tried_at.append(time())
        time.go_on(minutes=5)

    gaps = [(later - sooner) / timedelta(minutes=1) for sooner, later in itertools.pairwise(tried_at)]
    assert gaps == [5, 10, 20, 40, 80, 160, 240, 240]


def test_after_days_it_is_dropped_and_said_why(stage_on_both, context, roads, time):
    roads.fails = {Road.SLACK: BROKEN}
    join(stage_on_both.instance, stage_on_both.capsule, "Dora", now=time())
    notify(context)
    time.go_on(days=4)
    roads.fails = {}
    notify(context)

    (one,) = queued(context)
    assert (one.state, one.detail.reason) == (NotificationState.DROPPED, "road_answered")
    assert len(roads.tried) == 1


def test_while_the_clock_is_in_doubt_nothing_is_dropped_or_near(stage_on_both, context, roads, time):
    join(stage_on_both.instance, stage_on_both.capsule, "Dora", now=time())
    ticks.open_due(context)
    time.jump(days=3650)
    notify(context)

    assert "member.joined" in roads.types()
    assert "capsule.opening_soon" not in roads.types()


def test_a_message_that_is_never_taken_keeps_no_other_back(stage_on_both, context, roads, time):
    roads.fails = {Road.SLACK: lambda message: BROKEN if message.type == "member.joined" else None}
    join(stage_on_both.instance, stage_on_both.capsule, "Dora", now=time())
    notify(context)
    add_story(stage_on_both.instance, stage_on_both.capsule, stage_on_both.ben.viewer, now=time())
    notify(context)
    for _ in range(18):
        time.go_on(minutes=5)
        notify(context)

    (story,) = [one for one in queued(context) if one.type == "stories.added"]
    assert story.state is NotificationState.SENT


def test_a_receiver_that_asks_to_be_left_alone_is(stage_on_both, context, roads, time):
    roads.fails, roads.waits = {Road.SLACK: BROKEN}, {Road.SLACK: 3600.0}
    join(stage_on_both.instance, stage_on_both.capsule, "Dora", now=time())
    notify(context)
    time.go_on(minutes=59)
    notify(context)
    assert len(roads.tried) == 1
    time.go_on(minutes=1)
    notify(context)

    assert len(roads.tried) == 2


def test_a_receiver_may_ask_for_any_time_and_is_left_alone_for_four_hours_at_most(
    stage_on_both, context, roads, time
):
    roads.fails, roads.waits = {Road.SLACK: BROKEN}, {Road.SLACK: float("inf")}
    join(stage_on_both.instance, stage_on_both.capsule, "Dora", now=time())
    notify(context)
    time.go_on(hours=4)
    notify(context)

    assert len(roads.tried) == 2


def test_one_road_waits_for_no_other(stage_on_both, context, roads, time):
    both = make_context(stage_on_both.instance, time, roads=(Road.SLACK, Road.NTFY), post=roads)
    notifying.notify(both, Road.NTFY)
    roads.fails = {Road.SLACK: BROKEN}
    join(stage_on_both.instance, stage_on_both.capsule, "Dora", now=time())
    for road in both.notifying.roads:
        notifying.notify(both, road)

    assert roads.types(Road.NTFY) == ["member.joined"]
    assert {one.state for one in queued(both, Road.NTFY)} == {NotificationState.SENT}
    assert {one.state for one in queued(both)} == {NotificationState.QUEUED}


def test_a_road_that_leads_nowhere_is_a_notice_on_the_others(stage_on_both, context, roads, time):
    both = make_context(stage_on_both.instance, time, roads=(Road.SLACK, Road.NTFY), post=roads)
    notifying.notify(both, Road.NTFY)
    roads.fails = {Road.SLACK: BROKEN}
    join(stage_on_both.instance, stage_on_both.capsule, "Dora", now=time())
    for _ in range(3):
        notify(both)
        time.go_on(hours=1)
    notices.tell(both)
    notifying.notify(both, Road.NTFY)
    notify(both)

    (notice,) = notices.standing(both)
    assert notice.kind is NoticeKind.ROADS
    assert "notice.roads" in roads.types(Road.NTFY)
    assert "notice.roads" not in [one.type for one in queued(both)]


def test_an_instance_that_is_held_tells_nobody(stage_on_both, context, roads, time):
    with context.store.transaction() as tx:
        instance_store.change(tx, hold=KeptReason(reason="hold_restored", values={}))
    join(stage_on_both.instance, stage_on_both.capsule, "Dora", now=time())
    notices.tell(context)

    assert holds.hold_of(context.store) is not None
    assert notify(context) == 0
    assert roads.tried == []


def test_what_is_deleted_takes_its_notifications_along(stage_on_both, context, roads, time):
    stage, roads.fails = stage_on_both, {Road.SLACK: BROKEN}
    mine = make_capsule(stage.instance, title="Mine", now=time())
    join(stage.instance, mine, "Dora", now=time())
    notify(context)
    assert [one.capsule_id for one in queued(context)] == [mine.id]

    capsules.delete(context.store, context.vault, stage.ada, mine.id, now=time())
    assert queued(context) == []
    time.go_on(days=1)
    assert notify(context) == 0


def test_a_try_that_was_cut_off_is_a_try_and_is_made_again(stage_on_both, context, time):
    def killed(_road, _message):
        raise KeyboardInterrupt

    dying = make_context(stage_on_both.instance, time, roads=(Road.SLACK,), post=killed)
    join(stage_on_both.instance, stage_on_both.capsule, "Dora", now=time())
    with pytest.raises(KeyboardInterrupt):
        notify(dying)
    (one,) = queued(context)
    assert (one.state, one.tries) == (NotificationState.QUEUED, 1)
    assert notify(context) == 0
    time.go_on(minutes=5)

    assert notify(context) == 1


def test_a_test_goes_past_what_waits_and_ends_the_pause(stage_on_both, context, roads, time):
    roads.fails = {Road.SLACK: BROKEN}
    join(stage_on_both.instance, stage_on_both.capsule, "Dora", now=time())
    notify(context)
    assert listing.paused(context.store, [Road.SLACK], time())
    roads.fails = {}
    parts = context.notifying

    assert trials.send_tests(context.store, parts.roads, parts.post, parts.teller, now=time()) == {
        Road.SLACK: None
    }
    assert listing.paused(context.store, [Road.SLACK], time()) == []
    assert roads.types()[-1] == "test"


def test_a_test_without_any_road_says_what_to_set(stage_on_both, context, roads, time):
    with pytest.raises(ConfigurationProblem, match="no_roads"):
        trials.send_tests(context.store, (), roads, context.notifying.teller, now=time())


def test_only_the_admin_sees_what_leaves(stage_on_both, context):
    ben = another_session(stage_on_both.instance, stage_on_both.ben.viewer.account_id)
    with pytest.raises(NotAllowed):
        listing.newest(context.store, ben, 10)


def test_a_tick_tells_as_the_daemon_does(stage, time, roads):
    context = make_context(stage.instance, time, roads=(Road.SLACK,), post=roads)
    notify(context)
    join(stage.instance, stage.capsule, "Dora", now=time())
    ticks.tick(context)

    assert roads.types() == ["member.joined"]
