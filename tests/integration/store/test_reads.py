"""What the store finds: all of it, nothing else, and in the order that it promises."""

import io
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from memorycapsule.clock import KnownTime
from memorycapsule.domain.date_requests import Consent, DateRequestState, EarlierDateRequest
from memorycapsule.domain.events import Event
from memorycapsule.domain.film.montages import LONGEST_RETRY, queued_montage
from memorycapsule.domain.invitations import InvitationState
from memorycapsule.domain.sessions import Code, CodePurpose
from memorycapsule.domain.stories import MediumKind
from memorycapsule.domain.uploads import Upload, UploadPart
from memorycapsule.store import (
    accounts,
    capsules,
    date_requests,
    events,
    instances,
    invitations,
    montages,
    stories,
    uploads,
)
from support.cast import OPENS, add_story, invite, join, make_capsule
from support.moments import NOW

DAY = timedelta(days=1)


def named(found):
    return [one.title for one in found]


def test_capsules_come_in_the_order_of_their_dates(instance, three):
    ben = join(instance, three["late"], "Ben")
    join(instance, three["early"], "Ben")
    with instance.store.transaction() as tx:
        assert named(capsules.all_capsules(tx)) == ["early", "middle", "late"]
        assert named(capsules.all_sealed(tx)) == ["early", "middle", "late"]
        assert named(capsules.of_account(tx, ben.viewer.account_id)) == ["early", "late"]
        assert capsules.open_if_due(tx, three["early"].id, OPENS)
        assert named(capsules.all_sealed(tx)) == ["middle", "late"]
        capsules.members.save(tx, replace(ben.member, left_at=NOW))
        assert named(capsules.of_account(tx, ben.viewer.account_id)) == ["early"]


def test_a_reference_finds_ids_and_slugs_of_members_in_the_order_of_their_dates(instance, three):
    ada, ben = instance.ada.account_id, join(instance, three["late"], "Ben").viewer.account_id
    with instance.store.transaction() as tx:
        capsules.capsules.save(tx, replace(three["late"], slug="same", made_by=ben))
        capsules.capsules.save(tx, replace(three["early"], slug="same"))

        assert named(capsules.of_reference(tx, ada, "same")) == ["early", "late"]
        assert named(capsules.of_reference(tx, ada, "same", only_id=three["late"].id)) == ["late"]
        assert named(capsules.of_reference(tx, ada, three["middle"].id)) == ["middle"]
        assert capsules.of_reference(tx, "nobody", "same") == []
        assert capsules.of_reference(tx, ada, "sa\0me") == []
        assert capsules.slugs_of_account(tx, ada) == {"same", "middle"}
        assert capsules.slugs_of_account(tx, ben) == {"same"}


def test_members_are_counted_without_those_who_have_left(instance, three):
    ben, dan = (
        join(instance, three["late"], name, now=NOW + days * DAY) for name, days in (("Ben", 1), ("Dan", 2))
    )
    with instance.store.transaction() as tx:
        capsules.members.save(tx, replace(ben.member, left_at=NOW))
        counts = capsules.member_counts(tx, instance.ada.account_id)
        assert counts == {three["late"].id: 2, three["early"].id: 1, three["middle"].id: 1}
        assert capsules.member_counts(tx, dan.viewer.account_id) == {three["late"].id: 2}
        assert capsules.member_counts(tx, ben.viewer.account_id) == {}, "he has left"
        assert [one.name for one in capsules.members_of(tx, three["late"].id)] == ["Ada", "Dan"]
        assert [one.name for one in capsules.ever_members_of(tx, three["late"].id)] == ["Ada", "Ben", "Dan"]
        assert capsules.membership(tx, three["late"].id, ben.viewer.account_id) is None
        assert capsules.ever_membership(tx, three["late"].id, ben.viewer.account_id).name == "Ben"
        assert capsules.membership(tx, three["late"].id, dan.viewer.account_id).name == "Dan"


def test_events_are_found_by_what_they_are_about(instance, three):
    late, early = three["late"], three["early"]
    with instance.store.transaction() as tx:
        before = {name: events.count_of_capsule(tx, one.id) for name, one in three.items()}
        assert 0 not in before.values()
        assert events.count_of_capsule(tx, "no capsule") == 0
        follower = events.Follower()
        assert follower.look(tx) == set()
        for kind, capsule, days in (("a", late, 1), ("a", late, 3), ("b", late, 5), ("a", early, 7)):
            events.record(
                tx, Event(kind=kind, at=NOW + days * DAY, capsule_id=capsule.id, subject_id=capsule.id)
            )
        events.record(tx, Event(kind="a", at=NOW + 9 * DAY))

        after = {name: events.count_of_capsule(tx, one.id) for name, one in three.items()}
        assert {name: after[name] - before[name] for name in three} == {"late": 3, "early": 1, "middle": 0}
        assert follower.look(tx) == {late.id, early.id}
        assert follower.look(tx) == set()
        assert events.last_at(tx, "a", late.id) == NOW + 3 * DAY
        assert events.last_at(tx, "b", early.id) is None


def test_sealed_capsules_are_read_in_the_order_of_their_dates_a_few_at_a_time(instance, three):
    early, middle, late = three["early"], three["middle"], three["late"]
    same = make_capsule(instance, title="Same day", opens=middle.opens_at)
    second, third = sorted([middle, same], key=lambda one: one.id)
    ids = [early.id, second.id, third.id, late.id]
    with instance.store.transaction() as tx:
        found, after = [], None
        while some := capsules.sealed_after(tx, after, 1):
            (one,) = some
            found.append(one.id)
            after = (one.opens_at, one.id)
        assert found == ids
        assert [one.id for one in capsules.sealed_after(tx, None, 9)] == ids
        assert [one.id for one in capsules.sealed_among(tx, {*ids, "no capsule"})] == ids
        assert capsules.open_if_due(tx, early.id, late.opens_at)
        assert [one.id for one in capsules.sealed_after(tx, None, 9)] == ids[1:]
        assert capsules.sealed_among(tx, ids[:1]) == []


def test_the_first_photo_is_the_one_that_came_first_and_no_clip(instance, three):
    capsule = three["late"]
    story = add_story(instance, capsule, instance.ada, photos=3)
    with instance.store.transaction() as tx:
        assert stories.first_photo_id(tx, three["early"].id) is None
        clip, late, early = stories.media_of(tx, story.id)
        stories.media.save(tx, replace(clip, kind=MediumKind.CLIP, created_at=NOW - 3 * DAY))
        stories.media.save(tx, replace(late, created_at=NOW))
        stories.media.save(tx, replace(early, created_at=NOW - DAY))
        assert stories.first_photo_id(tx, capsule.id) == early.id


def test_media_come_in_their_places_whichever_way_they_are_asked_for(instance, three):
    capsule = three["late"]
    first, second = (add_story(instance, capsule, instance.ada, photos=3) for _ in range(2))
    with instance.store.transaction() as tx:
        found = stories.media_of(tx, first.id)
        for place, medium in enumerate(reversed(found)):
            stories.media.save(tx, replace(medium, position=place))
        wanted = [medium.id for medium in reversed(found)]

        assert [medium.id for medium in stories.media_of(tx, first.id)] == wanted
        by_story = stories.media_by_story(tx, [first.id, second.id, "none"])
        assert [medium.id for medium in by_story[first.id]] == wanted
        assert (len(by_story[second.id]), by_story["none"]) == (3, [])
        of_capsule = [one.id for one in stories.media_of_capsule(tx, capsule.id) if one.story_id == first.id]
        assert of_capsule == wanted
        assert stories.next_medium_position(tx, first.id) == 3
        assert stories.next_medium_position(tx, "none") == 0
        assert stories.next_story_position(tx, second.member_id) == second.position + 1
        assert stories.next_story_position(tx, "none") == 0


def an_upload(story, **changes):
    upload = Upload(
        id=str(uuid4()), story_id=story.id, capsule_id=story.capsule_id, session_id=story.session_id, about=b"",
        length=9, received=0, created_at=NOW, changed_at=NOW, medium_id=None, refusal=None,
    )  # fmt: skip
    return replace(upload, **changes)


def test_uploads_are_found_by_story_by_what_is_missing_and_by_their_age(instance, three):
    one, other = (add_story(instance, three["late"], instance.ada, photos=0) for _ in range(2))
    blob = instance.vault.keep_sealed(three["late"], io.BytesIO(b"part"), NOW)
    coming = an_upload(one, created_at=NOW + DAY, changed_at=NOW + DAY)
    whole = an_upload(one, received=9, changed_at=NOW + 2 * DAY)
    older = an_upload(one, received=9, created_at=NOW + 2 * DAY)
    refused = an_upload(one, received=9, refusal=b"no", created_at=NOW + 3 * DAY)
    elsewhere = an_upload(other)
    with instance.store.transaction() as tx:
        capsules.blobs.add(tx, blob)
        for upload in (coming, whole, older, refused, elsewhere):
            uploads.uploads.add(tx, upload)
        for upload in (whole, older, refused):
            for start in (4, 0):
                part = UploadPart(id=str(uuid4()), upload_id=upload.id, start=start, bytes=4, blob_id=blob.id)
                uploads.parts.add(tx, part)

        assert [upload.id for upload in uploads.of_story(tx, one.id)] == [
            whole.id, coming.id, older.id, refused.id,
        ]  # fmt: skip
        assert uploads.ids_with_parts(tx, one.id) == {whole.id, older.id, refused.id}
        assert uploads.ids_with_parts(tx, other.id) == set()
        assert uploads.unfinished_ids(tx) == [older.id, whole.id]
        assert [part.start for part in uploads.parts_of(tx, whole.id)] == [0, 4]
        assert set(uploads.untouched_ids(tx, NOW + DAY)) == {refused.id, elsewhere.id}, "older is unfinished"
        # The refused one takes no room.
        assert uploads.bytes_of_member(tx, one.member_id) == 4 * 9
        assert uploads.remove_parts(tx, older.id) == [blob.id, blob.id]
        assert uploads.parts_of(tx, older.id) == []
        assert set(uploads.untouched_ids(tx, NOW + DAY)) == {older.id, refused.id, elsewhere.id}
        assert len(uploads.parts_of(tx, whole.id)) == 2
        # Whole and without its parts: its medium has been removed since.
        assert uploads.bytes_of_member(tx, one.member_id) == 3 * 9
        assert uploads.remove(tx, whole.id) == [blob.id, blob.id]
        assert [upload.id for upload in uploads.of_story(tx, one.id)] == [coming.id, older.id, refused.id]


def test_what_a_member_has_put_in_counts_by_the_originals(instance, three):
    story = add_story(instance, three["late"], instance.ada, photos=2)
    ben = join(instance, three["late"], "Ben")
    add_story(instance, three["late"], ben.viewer, photos=1)
    with instance.store.transaction() as tx:
        originals = [
            capsules.blobs.get(tx, medium.original_blob) for medium in stories.media_of(tx, story.id)
        ]
        assert uploads.bytes_of_member(tx, story.member_id) == sum(blob.bytes for blob in originals)
        assert uploads.bytes_of_member(tx, "nobody") == 0


def test_sessions_that_have_not_ended_come_newest_first(instance, three):
    account_id = instance.ada.account_id
    with instance.store.transaction() as tx:
        host, made = accounts.host_session(tx, account_id), []
        for days in (1, 3, 2):
            made.append(replace(host, id=str(uuid4()), digest=str(days), created_at=NOW + days * DAY))
            accounts.sessions.add(tx, made[-1])
        accounts.sessions.save(tx, replace(made[1], ended_at=NOW))

        assert [one.id for one in accounts.sessions_of(tx, account_id)] == [made[2].id, made[0].id, host.id]
        assert accounts.live_session(tx, "2") == (made[2], "en")
        assert accounts.live_session(tx, "3") is None
        assert accounts.live_session(tx, "4") is None


def test_the_use_of_a_session_is_noted_once(instance):
    host = instance.ada.session_id
    with instance.store.transaction() as tx:
        other = replace(accounts.sessions.get(tx, host), id="other", digest="other")
        accounts.sessions.add(tx, other)
        accounts.note_use(tx, host, None, NOW)
        assert accounts.sessions.get(tx, host).seen_at == NOW
        accounts.note_use(tx, host, None, NOW + DAY)
        accounts.note_use(tx, host, NOW - DAY, NOW + DAY)
        assert accounts.sessions.get(tx, host).seen_at == NOW, "another request was first"
        accounts.note_use(tx, host, NOW, NOW + DAY)
        assert accounts.sessions.get(tx, host).seen_at == NOW + DAY
        assert accounts.sessions.get(tx, "other").seen_at is None


def test_what_is_known_of_the_time_is_kept(instance):
    known = KnownTime(
        seen_at=NOW + DAY, seen_by_network=True, boot_id="a boot",
        booted_at=NOW, booted_after=NOW - DAY, unproven_since=NOW,
    )  # fmt: skip
    with instance.store.transaction() as tx:
        instances.note_time(tx, known)
        assert instances.known_time(tx) == known
        assert instances.get(tx).seen_at == NOW + DAY


def test_invitations_come_oldest_first_and_the_unanswered_ones_are_counted(instance, three):
    for address in ("dan@example.org", "eve@example.org"):
        invite(instance, three["late"], address)
    ben = join(instance, three["late"], "Ben")
    with instance.store.transaction() as tx:
        found = invitations.of_capsule(tx, three["late"].id)
        assert invitations.count_unanswered(tx, three["late"].id) == 2
        assert invitations.count_unanswered(tx, three["early"].id) == 0
        assert [one.normalised for one in invitations.of_member(tx, ben.member.id)] == ["ben@example.org"]
        assert (
            invitations.of_address(tx, three["late"].id, "eve@example.org").state is InvitationState.INVITED
        )
        assert invitations.of_address(tx, three["early"].id, "eve@example.org") is None
        invitations.invitations.save(tx, replace(found[0], created_at=NOW + DAY))
        assert [one.id for one in invitations.of_capsule(tx, three["late"].id)][-1] == found[0].id


def a_montage(capsule, montage_id, **changes):
    made = queued_montage(montage_id=montage_id, capsule_id=capsule.id, soundtrack_blob=None, now=NOW)
    return replace(made, **changes)


def test_films_of_openings_are_rendered_first_then_the_oldest_and_none_before_its_time(instance, three):
    with instance.store.transaction() as tx:
        for montage in (
            a_montage(three["late"], "asked late", is_opening=False, queued_at=NOW + 2 * DAY),
            a_montage(three["late"], "asked early", is_opening=False, queued_at=NOW + DAY),
            a_montage(three["late"], "opening", queued_at=NOW + 3 * DAY),
            a_montage(three["early"], "waits", not_before=NOW + 4 * DAY + LONGEST_RETRY),
        ):
            montages.montages.add(tx, montage)

        def renderable(now):
            return [montage.id for montage in montages.renderable(tx, now)]

        assert renderable(NOW + 4 * DAY) == ["opening", "asked early", "asked late"]
        assert renderable(NOW + 4 * DAY + LONGEST_RETRY)[:2] == ["waits", "opening"]
        assert renderable(NOW + DAY)[0] == "waits", "no film waits for days, so a clock was wrong"
        assert [one.id for one in montages.of_capsule(tx, three["late"].id)] == [
            "asked early",
            "asked late",
            "opening",
        ]
        assert montages.of_opening(tx, three["late"].id).id == "opening"
        assert montages.of_opening(tx, three["middle"].id) is None
        asked_early = montages.montages.get(tx, "asked early")
        claimed = montages.claim(tx, "opening", "this run")
        assert (claimed.attempt, claimed.progress, claimed.lease) == (1, 0.0, "this run")
        assert montages.claim(tx, "opening", "another run") is None
        assert renderable(NOW + 4 * DAY) == ["asked early", "asked late"]
        assert [one.id for one in montages.rendering(tx)] == ["opening"]
        assert montages.abandoned(tx, "another run") == [], "its lease has just begun"
        assert [one.id for one in montages.abandoned(tx, "this run")] == ["opening"]
        assert [one.id for one in montages.abandoned(tx, None)] == ["opening"]
        assert montages.change_attempt(tx, "opening", 1, progress=0.5)
        assert not montages.change_attempt(tx, "opening", 2, progress=0.9)
        assert not montages.change_attempt(tx, "asked early", 0, progress=0.9)
        assert montages.montages.get(tx, "opening").progress == 0.5
        assert montages.montages.get(tx, "asked early") == asked_early


def test_the_sessions_of_one_account_end_and_no_others(instance, three):
    ben = join(instance, three["late"], "Ben")
    with instance.store.transaction() as tx:
        mine = accounts.sessions.get(tx, ben.viewer.session_id)
        ended = replace(mine, id="ended", digest="ended", ended_at=NOW)
        bound = replace(mine, id="bound", digest="bound", capsule_id=three["early"].id)
        for one in (ended, bound):
            accounts.sessions.add(tx, one)
        accounts.end_sessions_of_capsule(tx, mine.account_id, three["early"].id, NOW + DAY)
        assert accounts.sessions.get(tx, "bound").ended_at == NOW + DAY
        assert accounts.sessions.get(tx, mine.id).ended_at is None
        accounts.end_sessions(tx, mine.account_id, NOW + 2 * DAY)
        assert accounts.sessions.get(tx, mine.id).ended_at == NOW + 2 * DAY
        assert accounts.sessions.get(tx, "bound").ended_at == NOW + DAY
        assert accounts.sessions.get(tx, "ended").ended_at == NOW
        assert accounts.sessions.get(tx, instance.ada.session_id).ended_at is None


def test_the_parts_of_an_account_in_capsules_come_in_the_order_of_joining(instance, three):
    joined = {"late": 3, "early": 1, "middle": 2}
    bens = {name: join(instance, three[name], "Ben", now=NOW + days * DAY) for name, days in joined.items()}
    with instance.store.reading() as tx:
        found = capsules.memberships_of(tx, bens["late"].viewer.account_id)
    assert [one.capsule_id for one in found] == [three[name].id for name in ("early", "middle", "late")]


def test_what_is_removed_of_one_account_or_story_stays_with_all_others(instance, three):
    ben = join(instance, three["late"], "Ben")
    one, other = (add_story(instance, three["late"], instance.ada, photos=1) for _ in range(2))
    with instance.store.transaction() as tx:
        (mine,), (theirs,) = (stories.media_of(tx, story.id) for story in (one, other))
        became = [an_upload(one, medium_id=mine.id), an_upload(other, medium_id=theirs.id)]
        for upload in became:
            uploads.uploads.add(tx, upload)
        uploads.forget_medium(tx, mine.id)
        assert [uploads.uploads.get(tx, upload.id).medium_id for upload in became] == [None, theirs.id]

        kept = {mine.original_blob, mine.display_blob, mine.thumbnail_blob}
        assert set(stories.remove_with_media(tx, one.id)) == kept
        assert uploads.uploads.find(tx, became[0].id) is None
        assert uploads.uploads.find(tx, became[1].id) is not None
        assert stories.media_of(tx, other.id) == [theirs]
        assert stories.stories.find(tx, one.id) is None

        accounts.remove_addresses(tx, ben.viewer.account_id)
        assert accounts.addresses_of(tx, ben.viewer.account_id) == []
        assert len(accounts.addresses_of(tx, instance.ada.account_id)) == 1


def test_codes_that_can_be_used_come_newest_first(instance):
    ada = instance.ada.account_id
    code = Code(
        id="a", account_id=ada, purpose=CodePurpose.SIGN_IN, address="ada@example.org", tries=0, created_at=NOW,
        expires_at=NOW + DAY, used_at=None,
    )  # fmt: skip
    with instance.store.transaction() as tx:
        for one in (
            code,
            replace(code, id="newer", created_at=NOW + timedelta(hours=2)),
            replace(code, id="between", created_at=NOW + timedelta(hours=1)),
            replace(code, id="used", used_at=NOW),
            replace(code, id="expired", expires_at=NOW),
            replace(code, id="other", purpose=CodePurpose.ADDRESS),
            replace(code, id="by hand", address="", created_at=NOW + timedelta(hours=3), expires_at=NOW),
        ):
            accounts.codes.add(tx, one)

        found = accounts.usable_codes(tx, ada, CodePurpose.SIGN_IN, NOW)
        assert [one.id for one in found] == ["newer", "between", "a"]
        assert accounts.codes_mailed_between(tx, ada, NOW, NOW + DAY) == 2
        assert accounts.codes_mailed_between(tx, ada, NOW - DAY, NOW + DAY) == 6
        assert accounts.codes_mailed_between(tx, ada, NOW - DAY, NOW + timedelta(hours=1)) == 4
        assert accounts.codes_mailed_between(tx, "nobody", NOW - DAY, NOW + DAY) == 0
        assert set(accounts.forget_codes(tx, ada, expired_before=NOW + timedelta(hours=1))) == {
            "expired",
            "by hand",
        }
        assert len(accounts.codes.by(tx)) == 5


def test_a_session_that_was_never_used_is_no_one_that_was(instance):
    with instance.store.transaction() as tx:
        host = instance.ada.session_id
        accounts.sessions.change(tx, seen_at=NOW)
        accounts.note_use(tx, host, None, NOW + DAY)
        assert accounts.sessions.get(tx, host).seen_at == NOW


def test_what_is_still_sealed_comes_capsule_by_capsule_a_few_at_a_time_the_oldest_first(instance, three):
    ids = {}
    for name in three:
        story = add_story(instance, three[name], instance.ada, photos=2)
        with instance.store.transaction() as tx:
            ids[name] = [story.id, *(medium.id for medium in stories.media_of(tx, story.id))]
    late, early = three["late"].id, three["early"].id
    with instance.store.transaction() as tx:
        assert capsules.ids_to_unseal(tx) == []
        for number, capsule_id in enumerate((late, early)):
            assert capsules.open_if_due(tx, capsule_id, OPENS + (9 - number) * DAY)
        assert capsules.ids_to_unseal(tx) == [early, late], "the first opened comes first"
        for number, medium_id in enumerate(ids["early"][1:]):
            at = NOW - (number + 1) * DAY
            stories.media.save(tx, replace(stories.media.get(tx, medium_id), created_at=at))
        story_id, *media = ids["early"]

        assert [one.id for one in stories.sealed_media(tx, early, 9)] == media[::-1]
        assert [one.id for one in stories.sealed_media(tx, early, 1)] == media[:0:-1]
        assert [one.id for one in stories.sealed_stories(tx, early, 9)] == [story_id]
        for medium_id in media:
            assert not capsules.note_unsealed(tx, early, OPENS + 9 * DAY)
            stories.media.save(tx, replace(stories.media.get(tx, medium_id), is_sealed=False))
        assert stories.sealed_media(tx, early, 9) == []
        assert not capsules.note_unsealed(tx, early, OPENS + 9 * DAY), "its words are sealed"
        stories.stories.save(tx, replace(stories.stories.get(tx, story_id), is_sealed=False))
        assert stories.sealed_stories(tx, early, 9) == []
        assert capsules.ids_to_unseal(tx) == [early, late]
        assert capsules.note_unsealed(tx, early, OPENS + 9 * DAY)
        assert not capsules.note_unsealed(tx, three["middle"].id, OPENS), "it is not open"
        assert capsules.ids_to_unseal(tx) == [late]


def test_answers_to_a_request_come_oldest_first_and_each_by_its_member(instance, three):
    people = [join(instance, three["late"], name).member for name in ("Ben", "Dan")]
    capsule = three["late"]
    request = EarlierDateRequest(
        id="request", capsule_id=capsule.id, member_id=people[0].id, state=DateRequestState.ASKED,
        opens_local=capsule.opens_local, zone="UTC", fold=0, opens_at=capsule.opens_at, zone_rules="2026.1",
        created_at=NOW, ended_at=None,
    )  # fmt: skip
    other = replace(request, id="over", state=DateRequestState.REFUSED, ended_at=NOW)
    with instance.store.transaction() as tx:
        for one in (other, request):
            date_requests.date_requests.add(tx, one)
        for name, asked, member, days in (
            ("b", request, people[0], 2), ("a", request, people[1], 1), ("c", other, people[1], 0)
        ):  # fmt: skip
            consent = Consent(
                id=name, request_id=asked.id, member_id=member.id, is_given=True, answered_at=NOW + days * DAY
            )
            date_requests.consents.add(tx, consent)

        assert date_requests.waiting_request(tx, capsule.id) == request
        assert date_requests.waiting_request(tx, three["early"].id) is None
        assert [one.id for one in date_requests.consents_to(tx, request.id)] == ["a", "b"]
        assert date_requests.consent_of(tx, request.id, people[1].id).id == "a"
        assert date_requests.consent_of(tx, other.id, people[1].id).id == "c"
        assert date_requests.consent_of(tx, other.id, people[0].id) is None
