"""
Reading: the one gate that every page, API call, listing and file passes.

Nothing else hands out stories, media, films or names. `domain.stories.may_view` holds the rule, and this module
applies it: what a viewer may not see does not exist for them.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Literal, NamedTuple

from memorycapsule.domain.capsules import Capsule, Contribution, Member
from memorycapsule.domain.capture_times import TakenForm, WallTimes
from memorycapsule.domain.deliveries import Delivery
from memorycapsule.domain.file_names import safe_name
from memorycapsule.domain.film.montages import Montage
from memorycapsule.domain.invitations import Invitation
from memorycapsule.domain.people import Account
from memorycapsule.domain.stories import Medium, MediumKind, Story, Viewer, may_view
from memorycapsule.errors import NotAllowed, NotFound, PlanRefused, Sealed, UsageProblem
from memorycapsule.services.album import albums
from memorycapsule.services.album.albums import Album
from memorycapsule.services.album.story_views import MediumView, StoryView, sealed_stories, whole_stories
from memorycapsule.services.vault import Vault
from memorycapsule.store import accounts as account_store
from memorycapsule.store import albums as album_store
from memorycapsule.store import capsules as capsule_store
from memorycapsule.store import deliveries as delivery_store
from memorycapsule.store import invitations as invitation_store
from memorycapsule.store import montages as montage_store
from memorycapsule.store import stories as story_store
from memorycapsule.store.transactions import Store, Transaction

if TYPE_CHECKING:
    from memorycapsule.domain.film.plan import MontagePlan

Form = Literal["original", "display", "thumbnail", "clip"]


class Standing(NamedTuple):
    """A capsule and the viewer's part in it: the gate alone, for whoever asks nothing else."""

    capsule: Capsule
    member: Member


@dataclass(frozen=True, kw_only=True)
class Outline:
    """A capsule without what is in it: who is a member, and how much each has added."""

    capsule: Capsule
    #: The viewer's part in it.
    member: Member
    contributions: list[Contribution]
    #: For the owner; empty for everybody else.
    invitations: list[Invitation]


@dataclass(frozen=True, kw_only=True)
class CapsuleView(Outline):
    """A capsule as the viewer may see it: before the date, everybody's counts and the viewer's own stories."""

    stories: list[StoryView]
    #: Empty before the date.
    montages: list[Montage]


@dataclass(frozen=True, kw_only=True)
class OpenedView(Outline):
    """An open capsule with its album: what is where, for pages that then read what they show by `shown`."""

    album: Album
    montages: list[Montage]


@dataclass(frozen=True, kw_only=True)
class CapsuleLine:
    """A capsule in a list; of a capsule that the admin is not in, the admin sees id, state, date and bytes."""

    capsule: Capsule
    member: Member | None
    #: How many members it has; 0 for a capsule that the viewer is not in.
    members: int
    #: What it keeps in blobs; for the admin only.
    bytes: int | None


@dataclass(frozen=True, kw_only=True)
class ShelfEntry:
    """A capsule on the shelf of a member: its counts, and the film and first photo of an open one."""

    capsule: Capsule
    member: Member
    contributions: list[Contribution]
    #: How many were invited and have not answered; for the owner only.
    invited: int
    #: The montage of the opening, and the id of the first photo; None before the date.
    montage: Montage | None
    picture: str | None

    @property
    def is_own_missing(self) -> bool:
        """Whether its member could put something in and has not."""
        own = (one.stories for one in self.contributions if one.member.id == self.member.id)
        return not self.capsule.is_open and self.member.may_add_stories and not any(own)


@dataclass(frozen=True, kw_only=True)
class FilmView:
    """A film of an open capsule: its montage, and what is known of the film itself."""

    montage: Montage
    #: The viewer's part in its capsule.
    member: Member
    #: None while there is no film.
    bytes: int | None
    #: What is shown when; None when nothing is known about it.
    plan: MontagePlan | None


@dataclass(frozen=True, kw_only=True)
class OpenedFile:
    """Bytes on their way to a viewer."""

    stream: BinaryIO
    #: MIME type that it is to be served as; never taken from the upload's name.
    content_type: str
    #: Name to save it under.
    name: str
    #: True while the capsule is sealed: no cache may keep it.
    is_private: bool


def visible_stories(tx: Transaction, member: Member, capsule: Capsule, viewer: Viewer) -> list[Story]:
    """Return the stories of a capsule that the viewer may see: the one place where that is decided."""
    return [
        story for story in story_store.of_capsule(tx, capsule.id) if may_view(capsule, story, member, viewer)
    ]


def account(store: Store, viewer: Viewer) -> Account:
    """Return the viewer's own account."""
    with store.reading() as tx:
        return account_store.accounts.get(tx, viewer.account_id)


def capsules(store: Store, viewer: Viewer) -> list[CapsuleLine]:
    """Return the viewer's capsules, the next to open first; the admin gets all, those of others redacted."""
    with store.reading() as tx:
        own = {one.capsule.id: one for one in _own(tx, viewer)}
        counts = capsule_store.member_counts(tx, viewer.account_id)
        sizes = capsule_store.stored_bytes(tx) if viewer.is_admin else {}
        found = capsule_store.all_capsules(tx) if viewer.is_admin else [one.capsule for one in own.values()]
    return [
        CapsuleLine(
            capsule=capsule if capsule.id in own else _redacted(capsule),
            member=own[capsule.id].member if capsule.id in own else None,
            members=counts.get(capsule.id, 0) if capsule.id in own else 0,
            bytes=sizes.get(capsule.id, 0) if viewer.is_admin else None,
        )
        for capsule in found
    ]


def own_capsules(store: Store, viewer: Viewer) -> list[Standing]:
    """Return the capsules that the viewer is a member of, with their part in each, the next to open first."""
    with store.reading() as tx:
        return _own(tx, viewer)


def _own(tx: Transaction, viewer: Viewer) -> list[Standing]:
    parts = {
        member.capsule_id: member
        for member in capsule_store.members.by(tx, account_id=viewer.account_id, left_at=None)
        if viewer.capsule_id in {None, member.capsule_id}
    }
    found = capsule_store.of_account(tx, viewer.account_id)
    return [Standing(capsule, parts[capsule.id]) for capsule in found if capsule.id in parts]


def shelf(store: Store, viewer: Viewer) -> list[ShelfEntry]:
    """Return the viewer's capsules as they stand on a shelf, the next to open first."""
    with store.reading() as tx:
        return [
            ShelfEntry(
                capsule=capsule,
                member=member,
                contributions=capsule_store.contributions(tx, capsule.id),
                invited=invitation_store.count_unanswered(tx, capsule.id) if member.is_owner else 0,
                montage=montage_store.of_opening(tx, capsule.id) if capsule.is_open else None,
                picture=story_store.first_photo_id(tx, capsule.id) if capsule.is_open else None,
            )
            for capsule, member in _own(tx, viewer)
        ]


def reaches(store: Store, viewer: Viewer, capsule_id: str) -> bool:
    """Say whether the viewer's session reaches a capsule: as a member, and not bound to another one."""
    with store.reading() as tx:
        return viewer.capsule_id in {None, capsule_id} and (
            capsule_store.membership(tx, capsule_id, viewer.account_id) is not None
        )


def redacted(store: Store, viewer: Viewer, found: Iterable[Capsule]) -> list[Capsule]:
    """Return the capsules as a list shows them to the viewer: those of others without title, slug and message."""
    with store.reading() as tx:
        found_in = capsule_store.members.by(tx, account_id=viewer.account_id, left_at=None)
        own = {member.capsule_id for member in found_in}
    return [one if one.id in own else _redacted(one) for one in found]


def standing(store: Store, viewer: Viewer, reference: str) -> Standing:
    """Return the capsule that a slug or id means to the viewer, and their part in it, as `standing_in` does."""
    with store.reading() as tx:
        return standing_in(tx, viewer, reference)


def standing_in(tx: Transaction, viewer: Viewer, reference: str, *, lock: bool = False) -> Standing:
    """
    Return the capsule that a slug or id means to the viewer, and the viewer's part in it; nothing is decrypted.

    `lock` keeps others, above all its opening, from changing the capsule while this transaction writes.
    Raises NotFound when there is none that they are in, UsageProblem when a slug means two of them.
    """
    found = _meant(tx, viewer, reference)
    member = capsule_store.membership(tx, found.id, viewer.account_id)
    if member is None:
        raise NotFound("capsule_unknown")
    return Standing(capsule_store.capsules.get(tx, found.id, lock=True) if lock else found, member)


def outline(store: Store, viewer: Viewer, reference: str) -> Outline:
    """Return a capsule's members, counts and, for its owner, invitations; nothing is decrypted. Raises NotFound."""
    with store.reading() as tx:
        return _outline(tx, *standing_in(tx, viewer, reference))


def opened(store: Store, vault: Vault, viewer: Viewer, reference: str) -> OpenedView:
    """Return an open capsule with its album. Raises NotFound, also before the date."""
    with store.reading() as tx:
        found = _meant(tx, viewer, reference)
        if not found.is_open:
            raise NotFound("capsule_unknown")
        members = capsule_store.ever_members_of(tx, found.id)
        kept = album_store.find(tx, found.id)
        films = montage_store.of_capsule(tx, found.id)
    own = (one for one in members if one.account_id == viewer.account_id and one.left_at is None)
    if (member := next(own, None)) is None:
        raise NotFound("capsule_unknown")
    album = Album.from_json(kept) or albums.arrange(store, vault, found)
    return OpenedView(
        capsule=found,
        member=member,
        contributions=album.contributions(members),
        invitations=[],
        album=album,
        montages=films,
    )


def shown(
    store: Store,
    vault: Vault,
    view: OpenedView,
    *,
    stories: Collection[str],
    media: Collection[str] | None,
) -> dict[str, StoryView]:
    """
    Return some stories of an open capsule by their ids, with some of their media.

    `media` None means all that they have. What cannot be read any more is left out of a story's media.
    """
    capsule_id = view.capsule.id
    with store.reading() as tx:
        found = story_store.of_ids(tx, capsule_id, stories)
        by_story: dict[str, list[Medium]] = {story.id: [] for story in found}
        if media is None:
            by_story = story_store.media_by_story(tx, by_story)
        else:
            for one in story_store.media_of_ids(tx, capsule_id, media) if media else ():
                by_story.setdefault(one.story_id, []).append(one)
        authors = {one.member.id: one.member for one in view.contributions}
        sealed = sealed_stories(tx, vault, view.capsule, found, media=by_story, authors=authors)
    return {one.story.id: one for one in sealed.views(view.album.taken_local)}


def capsule(store: Store, vault: Vault, viewer: Viewer, reference: str) -> CapsuleView:
    """Return a capsule with all of it that the viewer may see. Raises NotFound."""
    with store.reading() as tx:
        found, member = standing_in(tx, viewer, reference)
        outlined = _outline(tx, found, member)
        films = montage_store.of_capsule(tx, found.id) if found.is_open else []
        sealed = whole_stories(tx, vault, found, visible_stories(tx, member, found, viewer))
    return CapsuleView(
        capsule=found,
        member=member,
        contributions=outlined.contributions,
        stories=sealed.views(),
        invitations=outlined.invitations,
        montages=films,
    )


def story_ids(store: Store, viewer: Viewer, reference: str) -> list[str]:
    """Return the ids of the stories that `stories` returns, in its order. Raises NotFound."""
    with store.reading() as tx:
        found, member = standing_in(tx, viewer, reference)
        return [story.id for story in visible_stories(tx, member, found, viewer)]


def stories(
    store: Store, vault: Vault, viewer: Viewer, reference: str, *, only: Collection[str] | None = None
) -> list[StoryView]:
    """Return the stories of a capsule that the viewer may see, or `only` those with these ids. Raises NotFound."""
    with store.reading() as tx:
        found, member = standing_in(tx, viewer, reference)
        seen = visible_stories(tx, member, found, viewer)
        wanted = seen if only is None else [one for one in seen if one.id in only]
        # Of an open capsule, the album tells what the other stories would.
        beside = [] if found.is_open else [one for one in seen if one not in wanted]
        sealed = whole_stories(tx, vault, found, wanted, beside)
        kept = album_store.find(tx, found.id) if found.is_open and only is not None else None
    if not found.is_open or only is None:
        return sealed.views()
    return sealed.views((Album.from_json(kept) or albums.arrange(store, vault, found)).taken_local)


def story(store: Store, vault: Vault, viewer: Viewer, story_id: str) -> StoryView:
    """Return a story. Raises NotFound, in the same words whether it is sealed or does not exist."""
    with store.reading() as tx:
        found = story_store.stories.find(tx, story_id)
        if found is None or _member_who_may_view(tx, found, viewer) is None:
            raise NotFound("story_unknown")
    views = stories(store, vault, viewer, found.capsule_id, only=[story_id])
    if not views:
        raise NotFound("story_unknown")
    return views[0]


def medium(store: Store, vault: Vault, viewer: Viewer, medium_id: str) -> MediumView:
    """Return a photo or clip. Raises NotFound as `story` does."""
    with store.reading() as tx:
        found = viewable_medium(tx, viewer, medium_id)
        unsealer = vault.unsealer(tx, found.capsule_id)
        zone_name = capsule_store.capsules.get(tx, found.capsule_id).zone
    details = unsealer.details_of(found)
    if details.taken and details.taken.form is TakenForm.INSTANT:
        # Only the author's other media tell on which clock.
        media = story(store, vault, viewer, found.story_id).media
        if view := next((one for one in media if one.medium.id == found.id), None):
            return view
    return MediumView(medium=found, details=details, taken_local=WallTimes(zone_name).of(details.taken))


def medium_file(store: Store, vault: Vault, viewer: Viewer, medium_id: str, form: Form) -> OpenedFile:
    """
    Return a photo, clip or voice note in one of its forms.

    Raises NotFound as `story` does, and for a form that the medium does not have: a photo has no clip, and a voice
    note no pictures.
    """
    with store.reading() as tx:
        medium = viewable_medium(tx, viewer, medium_id)
        if getattr(medium, f"{form}_blob") is None:
            raise NotFound("medium_unknown")
        unsealer = vault.unsealer(tx, medium.capsule_id)
        is_open = capsule_store.capsules.get(tx, medium.capsule_id).is_open
    details = unsealer.details_of(medium)
    stream = vault.open_medium(store, medium_id, f"{form}_blob", for_pieces=True)
    content_type, ending = "image/jpeg", "jpg"
    if form == "clip":
        is_voice = medium.kind is MediumKind.VOICE
        content_type, ending = ("audio/mp4", "m4a") if is_voice else ("video/mp4", "mp4")
    return OpenedFile(
        stream=stream,
        content_type="application/octet-stream" if form == "original" else content_type,
        name=details.file if form == "original" else f"{medium.id}.{ending}",
        is_private=not is_open,
    )


def montages(store: Store, viewer: Viewer, reference: str) -> list[Montage]:
    """Return the montages of an open capsule. Raises NotFound, and Sealed before the date."""
    with store.reading() as tx:
        found, _member = standing_in(tx, viewer, reference)
        if not found.is_open:
            raise Sealed
        return montage_store.of_capsule(tx, found.id)


def montage(tx: Transaction, viewer: Viewer, montage_id: str) -> tuple[Montage, Member]:
    """Return a montage of an open capsule and the viewer's part in it. Raises NotFound."""
    found = montage_store.montages.find(tx, montage_id)
    if found is not None and viewer.capsule_id in {None, found.capsule_id}:
        of_capsule = capsule_store.capsules.get(tx, found.capsule_id)
        member = capsule_store.membership(tx, found.capsule_id, viewer.account_id)
        if member is not None and of_capsule.is_open:
            return found, member
    raise NotFound("film_unknown")


def film(store: Store, viewer: Viewer, montage_id: str) -> FilmView:
    """Return a film of an open capsule with what is known of it. Raises NotFound."""
    with store.reading() as tx:
        found, member = montage(tx, viewer, montage_id)
        blob = capsule_store.blobs.find(tx, found.film_blob) if found.film_blob else None
    plan = None
    if blob and found.plan:
        from memorycapsule.domain.film.plan import MontagePlan

        # The plan of another version of the program cannot be read; the film can be seen all the same.
        with contextlib.suppress(PlanRefused):
            plan = MontagePlan.from_json(found.plan)
    return FilmView(montage=found, member=member, bytes=blob.bytes if blob else None, plan=plan)


def film_file(store: Store, vault: Vault, viewer: Viewer, montage_id: str) -> OpenedFile:
    """Return the film of a montage. Raises NotFound."""
    return _montage_file(store, vault, viewer, montage_id, "film")


def poster_file(store: Store, vault: Vault, viewer: Viewer, montage_id: str) -> OpenedFile:
    """Return a still of the film of a montage, a JPEG. Raises NotFound."""
    return _montage_file(store, vault, viewer, montage_id, "poster")


def outbox(store: Store, viewer: Viewer, only: Collection[str] | None = None) -> list[Delivery]:
    """
    Return all deliveries, or `only` those with these ids, without what the letters say, for the admin.

    Raises NotAllowed.
    """
    if not viewer.is_admin:
        raise NotAllowed("only_admin_sees_outbox")
    with store.reading() as tx:
        return delivery_store.outbox(tx, only)


def _meant(tx: Transaction, viewer: Viewer, reference: str) -> Capsule:
    """Return the capsule that a slug or id means to the viewer, who is a member of it, as `standing_in` does."""
    wanted = reference.strip().lower()
    reachable = capsule_store.of_reference(tx, viewer.account_id, wanted, only_id=viewer.capsule_id)
    own = [capsule for capsule in reachable if capsule.made_by == viewer.account_id] or reachable
    if not own:
        raise NotFound("capsule_unknown")
    if len(own) > 1:
        raise UsageProblem("capsule_ambiguous", name=reference, count=len(own))
    return own[0]


def _redacted(capsule: Capsule) -> Capsule:
    return dataclasses.replace(capsule, title="", slug="", message=None, theme="")


def _montage_file(
    store: Store, vault: Vault, viewer: Viewer, montage_id: str, what: Literal["film", "poster"]
) -> OpenedFile:
    with store.reading() as tx:
        found, _member = montage(tx, viewer, montage_id)
        blob_id = found.film_blob if what == "film" else found.poster_blob
        if blob_id is None:
            raise NotFound("film_not_ready")
        name = safe_name(found.title or capsule_store.capsules.get(tx, found.capsule_id).slug)
        source = vault.source_of(tx, blob_id)
    kind, ending = ("video/mp4", "mp4") if what == "film" else ("image/jpeg", "jpg")
    return OpenedFile(
        stream=source.open_in_place(), content_type=kind, name=f"{name}.{ending}", is_private=False
    )


def viewable_medium(tx: Transaction, viewer: Viewer, medium_id: str) -> Medium:
    """Return a photo, clip or voice note that the viewer may see. Raises NotFound, also where there is another one."""
    found = story_store.media.find(tx, medium_id)
    of_story = story_store.stories.find(tx, found.story_id) if found else None
    if found is None or _member_who_may_view(tx, of_story, viewer) is None:
        raise NotFound("medium_unknown")
    return found


def _member_who_may_view(tx: Transaction, story: Story | None, viewer: Viewer) -> Member | None:
    if story is None or viewer.capsule_id not in {None, story.capsule_id}:
        return None
    of_capsule = capsule_store.capsules.get(tx, story.capsule_id)
    member = capsule_store.membership(tx, story.capsule_id, viewer.account_id)
    return member if may_view(of_capsule, story, member, viewer) else None


def _outline(tx: Transaction, found: Capsule, member: Member) -> Outline:
    return Outline(
        capsule=found,
        member=member,
        contributions=capsule_store.contributions(tx, found.id),
        invitations=invitation_store.of_capsule(tx, found.id) if member.is_owner else [],
    )
