"""Stories, their media, and who may see them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from memorycapsule.domain.capsules import Capsule, Member
from memorycapsule.domain.capture_times import CaptureTime
from memorycapsule.domain.people import printable, storable
from memorycapsule.domain.sessions import Scope
from memorycapsule.errors import EditedElsewhere, NotAllowed, ReauthenticationNeeded, UsageProblem

LONGEST_TITLE = 200
LONGEST_TEXT = 50_000
LONGEST_CAPTION = 300
#: How long a mailed code that was typed counts for what needs one.
FRESH_PROOF = timedelta(minutes=15)


class MediumKind(StrEnum):
    """What a medium is."""

    PHOTO = "photo"
    CLIP = "clip"
    VOICE = "voice"  #: a voice note


class Missing(StrEnum):
    """
    What of a file cannot be shown or heard, although the file was taken.

    `contributing.po` says it to the sender on a page (`missing_<what>`, on a tile `tile_missing_<what>`), `photos.po`
    to everybody in the viewer (`missing_seen_<what>`), `cli.po` on the command line (`cli_missing_<what>`).
    """

    PICTURE = "picture"  #: a part of the picture is lost, and grey stands for it
    SOUND = "sound"  #: no sound track of a clip can be played
    END = "end"  #: a clip breaks off before its end


@dataclass(frozen=True, kw_only=True)
class Story:
    """A story as the store keeps it: its words are sealed until the capsule is open."""

    id: str
    capsule_id: str
    #: The member whose story it is.
    member_id: str
    #: The account that attached it; another one than the author's for grandmother's shoebox, scanned.
    attached_by: str
    #: The session that attached it: the only one that sees it before the date, besides a proven author.
    session_id: str
    #: Place among the author's stories, from 0.
    position: int
    #: JSON of StoryWords, as an age file while `is_sealed`.
    words: bytes
    is_sealed: bool
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, kw_only=True)
class StoryWords:
    """What is written in a story."""

    title: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Medium:
    """A photo, clip or voice note as the store keeps it: only its kind is open before the date."""

    id: str
    story_id: str
    capsule_id: str
    kind: MediumKind
    #: Place in the story, from 0.
    position: int
    #: Keyed hash of the original's digest: finds the same file twice in a story, tells nobody else anything.
    duplicate_mark: str
    #: JSON of MediumDetails, as an age file while `is_sealed`.
    details: bytes
    is_sealed: bool
    original_blob: str
    #: Both None for a voice note, of which there is nothing to see.
    display_blob: str | None
    thumbnail_blob: str | None
    #: The upright H.264 version of a clip, or the AAC version of a voice note.
    clip_blob: str | None
    created_at: datetime

    @property
    def blobs(self) -> dict[str, str]:
        """The ids of what is kept of it, by the names of their fields."""
        forms = ("original_blob", "display_blob", "thumbnail_blob", "clip_blob")
        return {form: blob_id for form in forms if (blob_id := getattr(self, form))}


@dataclass(frozen=True, kw_only=True)
class MediumDetails:
    """What is known about a photo, clip or voice note; sealed with it."""

    #: Name that the file came with.
    file: str
    #: SHA-256 of the original, hexadecimal.
    sha256: str
    #: Size of the original in bytes.
    bytes: int
    format: str
    #: As a person sees it, in pixels; 0 for a voice note.
    width: int
    height: int
    taken: CaptureTime | None
    has_gps: bool
    duration_seconds: float | None
    has_sound: bool
    caption: str | None = None
    #: Tells cameras apart without naming them; '' for an unknown one, and for what came in before this was kept.
    camera: str = ""
    #: When it was taken by the clock of the satellites, aware UTC.
    gps_at: datetime | None = None
    #: Pixels of the display picture, and its size in bytes; 0 where there is none, and for what came in before this was
    #: kept.
    display_width: int = 0
    display_height: int = 0
    display_bytes: int = 0
    #: What could not be read of the file; its original is kept whole.
    missing: tuple[Missing, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """Who reads or changes something: an account through one session."""

    account_id: str
    session_id: str
    #: Whether this session proved, by a mailed code, that it is the account's.
    is_proved: bool
    #: Whether the account is the admin, acting on the machine itself.
    is_admin: bool
    #: The only capsule that this session reaches, None for all of the account's.
    capsule_id: str | None = None
    scope: Scope = Scope.EVERYTHING
    #: When this session proved the account's address.
    proved_at: datetime | None = None
    #: The language of the account, where whoever found the session asked for it.
    locale: str | None = field(default=None, compare=False)

    def check(self, needed: Scope) -> None:
        """Raise NotAllowed unless this session may do that much."""
        if self.scope.covers(needed):
            return
        if needed is Scope.EVERYTHING:
            raise NotAllowed("token_insufficient")
        raise NotAllowed("token_read_only")

    def check_account(self) -> None:
        """Raise NotAllowed unless this session may do everything for its account, in whatever capsule."""
        self.check(Scope.EVERYTHING)
        if self.capsule_id is not None:
            raise NotAllowed("session_of_one_capsule")

    def check_fresh(self, now: datetime) -> None:
        """
        Raise ReauthenticationNeeded unless the session proved its address a moment ago: removals and changes of
        addresses or roles need that. The command line on the machine itself needs no other proof.
        """
        if not self.is_admin and (self.proved_at is None or now - self.proved_at > FRESH_PROOF):
            raise ReauthenticationNeeded


def may_view(capsule: Capsule, story: Story, member: Member | None, viewer: Viewer) -> bool:
    """
    Say whether `viewer`, who is `member` of the capsule (or nobody there), may see a story and its media.

    Open: every member. Sealed: only its author, and of the author's sessions only the one that attached it or
    one that has proved the address, because whoever invited the author knows the link as well.
    """
    if member is None or member.capsule_id != capsule.id or story.capsule_id != capsule.id:
        return False
    if capsule.is_open:
        return True
    is_own = story.member_id == member.id and member.account_id == viewer.account_id
    return is_own and (story.session_id == viewer.session_id or viewer.is_proved)


def checked_words(title: str | None, text: str | None) -> StoryWords:
    """Return a story's words, composed (NFC). Raises UsageProblem when they are too long."""
    kept_title = printable(title or "", LONGEST_TITLE + 1)
    kept_text = storable(text or "").strip()
    if len(kept_title) > LONGEST_TITLE:
        raise UsageProblem("story_title_too_long", limit=LONGEST_TITLE)
    if len(kept_text) > LONGEST_TEXT:
        raise UsageProblem("story_too_long", limit=LONGEST_TEXT)
    return StoryWords(title=kept_title, text=kept_text)


def mark_of(written: str) -> str:
    """Return 16 hexadecimal digits that a form keeps of words, to tell later whether they were changed."""
    kept = storable(written).replace("\r\n", "\n").strip()
    return hashlib.sha256(kept.encode()).hexdigest()[:16]


def changed_words(typed: str | None, *, seen: str | None, current: str) -> str | None:
    """
    Return what is to be written of a field of a form, None for nothing.

    `seen` is the mark of the words with which the form was shown, None where it keeps none. What stands as it was
    shown leaves what others have written meanwhile. Raises EditedElsewhere when both were changed.
    """
    if typed is None or seen is None:
        return typed
    mark = mark_of(typed)
    if mark == seen:
        return None
    if mark_of(current) not in {seen, mark}:
        raise EditedElsewhere
    return typed


def checked_caption(text: str) -> str | None:
    """Return what is written under a medium, composed (NFC), or None. Raises UsageProblem when it is too long."""
    kept = printable(text, LONGEST_CAPTION + 1)
    if len(kept) > LONGEST_CAPTION:
        raise UsageProblem("caption_too_long", limit=LONGEST_CAPTION)
    return kept or None
