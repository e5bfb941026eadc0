"""The gate: before the date nobody sees more than their own; afterwards every member sees everything."""

import inspect
import io
from dataclasses import replace

import pytest

from memorycapsule.domain.capsules import Role
from memorycapsule.domain.film.direction import Direction, direct
from memorycapsule.domain.film.montages import MontageState
from memorycapsule.domain.film.sizes import Size
from memorycapsule.domain.stories import StoryWords
from memorycapsule.errors import CapsuleError, NotAllowed, NotFound, Sealed, UsageProblem
from memorycapsule.services import covers, opening, reading
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import montages as montage_store
from memorycapsule.store import stories as story_store
from memorycapsule.work import ticks
from support.cast import (
    OPENS,
    another_session,
    flipped,
    join,
    make_capsule,
    make_context,
)
from support.opened import film_id, make_film, open_it
from support.refusals import refused


def bens(stage):
    with stage.instance.store.reading() as tx:
        stories = story_store.stories.by(tx, member_id=stage.ben.member.id)
        return stories[0], story_store.media_of(tx, stories[0].id)[0]


def titles(stage, viewer):
    store, vault = stage.instance.store, stage.instance.vault
    shown = reading.stories(store, vault, viewer, stage.capsule.id)
    ids = reading.story_ids(store, viewer, stage.capsule.id)
    assert [story.story.id for story in shown] == ids
    for asked in (ids, ids[:1], []):
        some = reading.stories(store, vault, viewer, stage.capsule.id, only=asked)
        assert [(one.story, one.words, one.media) for one in some] == [
            (one.story, one.words, one.media) for one in shown if one.story.id in asked
        ]
    return {story.words.title for story in shown}


def every_read(stage, viewer):
    """Every function of the gate that hands out what is in a capsule, asked for Ben's, as (name, call)."""
    store, vault = stage.instance.store, stage.instance.vault
    story, medium = bens(stage)

    def viewable_medium():
        with store.reading() as tx:
            return reading.viewable_medium(tx, viewer, medium.id)

    reads = [
        ("viewable_medium", viewable_medium),
        ("opened", lambda: reading.opened(store, vault, viewer, stage.capsule.id)),
        ("story", lambda: reading.story(store, vault, viewer, story.id)),
        ("medium", lambda: reading.medium(store, vault, viewer, medium.id)),
        ("montages", lambda: reading.montages(store, viewer, stage.capsule.id)),
        ("film", lambda: reading.film(store, viewer, film_id(stage))),
        ("film_file", lambda: reading.film_file(store, vault, viewer, film_id(stage))),
        ("poster_file", lambda: reading.poster_file(store, vault, viewer, film_id(stage))),
    ]
    reads += [
        ("medium_file", lambda form=form: reading.medium_file(store, vault, viewer, medium.id, form))
        for form in ("original", "display", "thumbnail", "clip")
    ]
    return reads


def viewers(stage):
    """Everybody who is not the session that Ben attached his story with."""
    return {
        "Ada, owner and admin": stage.ada,
        "영희, a member": stage.younghee.viewer,
        "Cleo, a stranger": stage.cleo,
        "whoever has Ben's link, such as Ada": another_session(
            stage.instance, stage.ben.viewer.account_id, capsule_id=stage.capsule.id
        ),
        "Ben in another capsule": join(
            stage.instance, make_capsule(stage.instance, title="Elsewhere"), "Ben"
        ).viewer,
    }


def test_nothing_is_missing_from_these_tests():
    """A new function of the gate needs a line here, and tests."""
    public = {
        name
        for module in (reading, covers)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if not name.startswith("_") and function.__module__ == module.__name__
    }
    assert public == {
        "account", "capsule", "capsules", "cover_file", "cover_source", "film", "film_file", "medium",
        "medium_file", "montage", "montages", "opened", "opened_cover", "outbox", "outline", "own_capsules",
        "poster_file", "reaches", "redacted", "shelf", "shown", "standing", "standing_in", "stories", "story",
        "story_ids", "viewable_medium", "visible_stories",
    }  # fmt: skip


def test_ones_own_capsules_are_those_that_one_is_in_and_that_this_session_reaches(filled):
    store, account = filled.instance.store, filled.ben.viewer.account_id
    join(filled.instance, make_capsule(filled.instance, title="Elsewhere"), "Ben")
    make_capsule(filled.instance, by=filled.cleo, title="Cleo's")

    def named(viewer):
        return {(one.capsule.title, one.member.role) for one in reading.own_capsules(store, viewer)}

    summer, owner, guest = filled.capsule.title, Role.OWNER, Role.CONTRIBUTOR
    assert named(filled.ada) == {(summer, owner), ("Another", owner), ("Elsewhere", owner)}
    assert named(filled.cleo) == {("Another", guest), ("Cleo's", owner)}
    assert named(another_session(filled.instance, account)) == {(summer, guest), ("Elsewhere", guest)}
    assert named(another_session(filled.instance, account, capsule_id=filled.capsule.id)) == {(summer, guest)}


def test_before_the_date_nobody_else_reads_anything(filled):
    """I1: no read path returns sealed bytes while the capsule is sealed, except to their proven author."""
    for who, viewer in viewers(filled).items():
        for what, read in every_read(filled, viewer):
            with pytest.raises((NotFound, Sealed)):
                pytest.fail(f"{who} got {what}: {read()}")


def test_before_the_date_members_see_their_own_and_counts(filled):
    assert titles(filled, filled.ben.viewer) == {"Ben's secret"}
    assert titles(filled, filled.younghee.viewer) == {"영희의 비밀"}
    assert titles(filled, filled.ada) == set()
    with pytest.raises(NotFound):
        titles(filled, filled.cleo)

    store, vault = filled.instance.store, filled.instance.vault
    for viewer in (filled.ada, filled.ben.viewer, filled.younghee.viewer):
        view = reading.capsule(store, vault, viewer, filled.capsule.id)
        counted = {one.member.name: (one.stories, one.photos, one.clips) for one in view.contributions}
        assert counted == {"Ada": (0, 0, 0), "Ben": (1, 1, 0), "영희": (1, 1, 0)}
        assert view.montages == []
        assert len(view.stories) == (0 if viewer == filled.ada else 1)
        outline = reading.outline(store, viewer, filled.capsule.id)
        for name in ("capsule", "member", "contributions", "invitations"):
            assert getattr(outline, name) == getattr(view, name)
        assert reading.standing(store, viewer, filled.capsule.slug) == (view.capsule, view.member)


def test_who_is_in_no_capsule_stands_in_none(filled):
    store, vault = filled.instance.store, filled.instance.vault
    bound_elsewhere = viewers(filled)["Ben in another capsule"]
    for viewer in (filled.cleo, bound_elsewhere):
        for reference in (filled.capsule.id, filled.capsule.slug, "nothing", "\x00", "\ud800", ""):
            with pytest.raises(NotFound):
                reading.standing(store, viewer, reference)
            with pytest.raises(NotFound):
                reading.outline(store, viewer, reference)
            with pytest.raises(NotFound):
                reading.capsule(store, vault, viewer, reference)


def test_only_the_owner_sees_the_invitations(filled):
    def invitations(viewer):
        view = reading.capsule(filled.instance.store, filled.instance.vault, viewer, filled.capsule.id)
        return {one.address for one in view.invitations}

    assert invitations(filled.ada) == {"ben@example.org", "younghee@example.org"}
    assert invitations(filled.ben.viewer) == set()


def test_before_the_date_an_author_reads_their_own_through_the_session_that_attached_it(filled):
    store, vault, ben = filled.instance.store, filled.instance.vault, filled.ben.viewer
    story, medium = bens(filled)

    assert reading.story(store, vault, ben, story.id).words.title == "Ben's secret"
    for form in ("original", "display", "thumbnail"):
        file = reading.medium_file(store, vault, ben, medium.id, form)
        with file.stream:
            assert file.stream.read(2) == b"\xff\xd8"
        assert file.is_private
        assert file.content_type == ("application/octet-stream" if form == "original" else "image/jpeg")


def test_an_author_who_has_proved_the_address_reads_their_own_from_anywhere(filled):
    proved = another_session(filled.instance, filled.ben.viewer.account_id, is_proved=True)

    assert titles(filled, proved) == {"Ben's secret"}


def test_an_inviter_who_uses_the_authors_link_sees_counts_only(filled):
    with_link = another_session(filled.instance, filled.ben.viewer.account_id, capsule_id=filled.capsule.id)

    assert titles(filled, with_link) == set()


def test_a_sealed_story_and_none_at_all_are_told_apart_by_nothing(filled):
    store, vault = filled.instance.store, filled.instance.vault
    story, medium = bens(filled)
    for sealed, missing in (
        (
            lambda: reading.story(store, vault, filled.ada, story.id),
            lambda: reading.story(store, vault, filled.ada, "nothing"),
        ),
        (
            lambda: reading.medium_file(store, vault, filled.ada, medium.id, "original"),
            lambda: reading.medium_file(store, vault, filled.ada, "nothing", "original"),
        ),
    ):
        with pytest.raises(CapsuleError) as one:
            sealed()
        with pytest.raises(CapsuleError) as other:
            missing()
        assert str(one.value) == str(other.value)
        assert type(one.value) is type(other.value)


def test_a_date_that_has_come_opens_nothing_by_itself(filled, time):
    """Until a tick has opened it, it is sealed for everybody, however late it is."""
    time.go_to(OPENS)

    for what, read in every_read(filled, filled.younghee.viewer):
        with pytest.raises((NotFound, Sealed)):
            pytest.fail(f"got {what}: {read()}")


@pytest.mark.parametrize("is_unsealed", [False, True], ids=["still sealed on the disk", "unsealed"])
def test_afterwards_every_member_reads_everything(filled, tmp_path, time, is_unsealed):
    store, vault = filled.instance.store, filled.instance.vault
    open_it(filled)
    film = make_film(filled, tmp_path)
    if is_unsealed:
        ticks.CleanUp(context=make_context(filled.instance, time)).run()
    story, medium = bens(filled)
    with_link = another_session(filled.instance, filled.ben.viewer.account_id, capsule_id=filled.capsule.id)

    for viewer in (filled.ada, filled.ben.viewer, filled.younghee.viewer, with_link):
        assert titles(filled, viewer) == {"Ben's secret", "영희의 비밀"}
        view = reading.story(store, vault, viewer, story.id)
        assert (view.author.name, view.media[0].details.file) == ("Ben", "photo-0.jpg")
        file = reading.medium_file(store, vault, viewer, medium.id, "display")
        with file.stream:
            assert file.stream.read(2) == b"\xff\xd8"
        assert not file.is_private
        assert [one.id for one in reading.montages(store, viewer, filled.capsule.id)] == [film.id]
        for read, content in ((reading.film_file, b"a film"), (reading.poster_file, b"a poster")):
            file = read(store, vault, viewer, film.id)
            with file.stream:
                assert file.stream.read() == content
        assert (
            reading.capsule(store, vault, viewer, filled.capsule.id).montages[0].state is MontageState.READY
        )


def test_afterwards_a_stranger_still_reads_nothing(filled, tmp_path):
    open_it(filled)
    make_film(filled, tmp_path)
    elsewhere = viewers(filled)["Ben in another capsule"]

    for who, viewer in (("Cleo", filled.cleo), ("Ben's session elsewhere", elsewhere)):
        for what, read in every_read(filled, viewer):
            with pytest.raises(NotFound):
                pytest.fail(f"{who} got {what}: {read()}")


def test_a_film_that_is_not_ready_is_not_found(filled):
    open_it(filled)

    with refused(NotFound, "film_not_ready"):
        reading.film_file(filled.instance.store, filled.instance.vault, filled.ben.viewer, film_id(filled))


def test_what_a_tick_has_opened_is_named_only_to_its_members(filled):
    open_it(filled)
    with filled.instance.store.reading() as tx:
        opened = [one for one in capsule_store.all_capsules(tx) if one.is_open]

    def named(viewer):
        return {one.title for one in reading.redacted(filled.instance.store, viewer, opened)}

    assert len(opened) == 2
    assert named(filled.ada) == {"Summer at the Sea", "Another"}
    assert named(filled.ben.viewer) == {"Summer at the Sea", ""}
    assert named(filled.cleo) == {"Another", ""}


def test_a_name_that_means_two_capsules_is_asked_for_by_id(filled):
    ben = another_session(filled.instance, filled.ben.viewer.account_id)
    dan = join(filled.instance, filled.capsule, "Dan")
    dans = another_session(filled.instance, dan.viewer.account_id)
    for owner, title in ((dans, "Ours"), (filled.ada, "Ours")):
        capsule = make_capsule(filled.instance, by=owner, title=title)
        join(filled.instance, capsule, "Ben", by=owner)

    def slug_means(viewer, slug):
        return reading.capsule(filled.instance.store, filled.instance.vault, viewer, slug).capsule

    with refused(UsageProblem, "capsule_ambiguous", count=2):
        slug_means(ben, "ours")
    own = make_capsule(filled.instance, by=ben, title="Ours")
    assert slug_means(ben, " OURS ").id == own.id, "one's own comes first"


def test_the_outbox_is_the_admins_and_tells_nothing_of_what_letters_say(filled):
    open_it(filled)
    opening.queue_overdue_letters(filled.instance.store, filled.instance.wake, OPENS - OPENS, OPENS)
    for viewer in (filled.ben.viewer, filled.cleo, filled.younghee.viewer):
        with pytest.raises(NotAllowed):
            reading.outbox(filled.instance.store, viewer)

    outbox = reading.outbox(filled.instance.store, filled.ada)

    assert {one.address for one in outbox if one.capsule_id == filled.capsule.id and one.member_id} == {
        "ada@example.org", "ben@example.org", "younghee@example.org",
    }  # fmt: skip
    assert all("Summer" not in one.letter and "Another" not in one.letter for one in outbox)


def test_everybody_reads_their_own_account(filled):
    assert reading.account(filled.instance.store, filled.ben.viewer).name == "Ben"
    assert reading.account(filled.instance.store, filled.younghee.viewer).locale == "ko"


def test_one_damaged_story_does_not_take_the_others_along(filled):
    """In ten years a bit may have rotted; the rest is still there to be read."""
    story, _medium = bens(filled)
    with filled.instance.store.transaction() as tx:
        damaged = story_store.stories.get(tx, story.id)
        story_store.stories.save(tx, replace(damaged, words=flipped(damaged.words)))
    open_it(filled)

    assert titles(filled, filled.younghee.viewer) == {"영희의 비밀", ""}
    view = reading.story(filled.instance.store, filled.instance.vault, filled.ada, story.id)
    assert (view.words, view.damage.code) == (StoryWords(title="", text=""), "damaged")
    assert len(view.media) == 1


def test_one_damaged_photo_does_not_take_its_story_along(filled):
    story, medium = bens(filled)
    with filled.instance.store.transaction() as tx:
        story_store.media.save(tx, replace(medium, details=b"?" + medium.details[1:]))
    open_it(filled)

    view = reading.story(filled.instance.store, filled.instance.vault, filled.ada, story.id)
    assert (view.words.title, view.media) == ("Ben's secret", [])


def test_a_session_reaches_the_capsules_of_its_account_unless_it_is_bound_to_one(filled):
    store = filled.instance.store
    elsewhere = make_capsule(filled.instance, title="Elsewhere")
    join(filled.instance, elsewhere, "Ben")
    bens = filled.ben.viewer
    free = another_session(filled.instance, bens.account_id)
    bound = another_session(filled.instance, bens.account_id, capsule_id=elsewhere.id)

    reached = [
        [reading.reaches(store, viewer, capsule.id) for capsule in (filled.capsule, elsewhere)]
        for viewer in (free, bound, filled.cleo)
    ]
    assert reached == [[True, True], [False, True], [False, False]]


def test_members_see_a_cover_before_the_date_and_nobody_else_does(filled):
    store, vault = filled.instance.store, filled.instance.vault
    with refused(NotFound, "cover_missing"):
        covers.cover_file(store, vault, filled.ben.viewer, filled.capsule.id)
    with store.transaction() as tx:
        blob = vault.keep_sealed(filled.capsule, io.BytesIO(b"a cover"), OPENS)
        capsule_store.blobs.add(tx, blob)
        capsule_store.capsules.save(tx, replace(filled.capsule, cover_blob=blob.id))

    cover = covers.cover_file(store, vault, filled.ben.viewer, filled.capsule.id)

    with cover.stream as stream:
        assert stream.read() == b"a cover"
    assert (cover.content_type, cover.name, cover.is_private) == ("image/jpeg", "cover.jpg", True)
    with refused(NotFound, "capsule_unknown"):
        covers.cover_file(store, vault, filled.cleo, filled.capsule.id)


def test_the_outbox_says_all_of_a_letter_but_its_words(filled):
    open_it(filled)
    opening.queue_overdue_letters(filled.instance.store, filled.instance.wake, OPENS - OPENS, OPENS)
    with filled.instance.store.reading() as tx:
        kept = delivery_store.all_deliveries(tx)

    assert reading.outbox(filled.instance.store, filled.ada) == [replace(one, letter="") for one in kept]
    with refused(NotAllowed, "only_admin_sees_outbox"):
        reading.outbox(filled.instance.store, filled.ben.viewer)


def test_a_photo_is_read_with_all_that_is_known_of_it(filled):
    _story, medium = bens(filled)
    store, vault = filled.instance.store, filled.instance.vault
    view = reading.medium(store, vault, filled.ben.viewer, medium.id)

    assert view.medium == medium
    assert (view.details.file, view.details.width, view.details.height) == ("photo-0.jpg", 64, 48)


def test_a_film_and_its_still_are_called_after_the_film_or_its_capsule(filled, tmp_path):
    open_it(filled)
    film = make_film(filled, tmp_path)
    store, vault, viewer = filled.instance.store, filled.instance.vault, filled.ben.viewer

    def files():
        for read in (reading.film_file, reading.poster_file):
            found = read(store, vault, viewer, film.id)
            with found.stream as stream:
                yield stream.read(), found.content_type, found.name, found.is_private

    assert list(files()) == [
        (b"a film", "video/mp4", "summer-at-the-sea.mp4", False),
        (b"a poster", "image/jpeg", "summer-at-the-sea.jpg", False),
    ]
    with store.transaction() as tx:
        montage_store.montages.save(tx, replace(montage_store.montages.get(tx, film.id), title="At/sea"))
    assert [name for _bytes, _type, name, _private in files()] == ["At sea.mp4", "At sea.jpg"]


def test_of_a_film_its_size_and_its_plan_are_known_once_it_is_there(filled, tmp_path):
    open_it(filled)
    store, viewer = filled.instance.store, filled.younghee.viewer
    waiting = reading.film(store, viewer, film_id(filled))
    assert (waiting.montage.id, waiting.bytes, waiting.plan) == (film_id(filled), None, None)
    assert waiting.member.name == "영희"
    plan = direct(
        title="Summer", pictures=[], stories=[], direction=Direction(size=Size(width=160, height=90))
    )

    film = make_film(filled, tmp_path)
    with store.transaction() as tx:
        kept = montage_store.montages.get(tx, film.id)
        montage_store.montages.save(tx, replace(kept, plan=plan.to_json()))
    made = reading.film(store, viewer, film.id)
    assert (made.bytes, made.plan) == (len(b"a film"), plan)

    with store.transaction() as tx:
        montage_store.montages.save(tx, replace(kept, plan='{"plan_version": 1}'))
    other = reading.film(store, viewer, film.id)
    assert (other.bytes, other.plan) == (len(b"a film"), None), (
        "a plan of another version is no reason to hide it"
    )
