"""
One tree of errors. An error carries what a program needs: a code, a finer reason, and values. What a person reads
is made of them where their language is known (`words/error_sentences.py`); no error holds a sentence.

CapsuleError                     exit 1   HTTP 500
├── DiskFull                     exit 1        507
├── FilesRefused                 exit 1        422   every file of an import was refused
├── UsageProblem                 exit 2        422
├── NotFound                     exit 3        404
├── Unauthenticated              exit 3        401   a request without a token that is known
├── Sealed                       exit 4        404   (a page never tells a sealed thing from a missing one)
├── NotDue                       exit 4        409
├── PartlyDone                   exit 5        207
├── Busy                         exit 6        409
│   └── Overloaded               exit 6        503
├── ConfigurationProblem         exit 7        500
│   ├── NotInitialised
│   ├── DataNotUsed
│   ├── MigrationNeeded, NewerSchema
│   ├── KeyMissing, WrongKey
│   └── MailRefused
├── NotAllowed                   exit 8        403
├── ReauthenticationNeeded       exit 8        403   a mailed code first
├── TooMany                      exit 6        429
├── MediaRefused                 exit 1        422   one file, with its reason: a `Refusal`
├── FileRefused                  exit 1        422   the same, with the file's name
├── Postponed                    exit 6        503   not now: the machine was in the way, not the file or film
├── TooLarge                     exit 1        413
├── OffsetMoved                  exit 1        409   a part of a file that does not follow on what has arrived
├── EditedElsewhere              exit 1        409   what was changed since the caller has seen it
├── PlanRefused                  exit 1        500
├── Unwell                       exit 1        500   the daemon does not run, or its heart does not beat
├── RenderFailed                 exit 1        500
└── Unexpected                   exit 1        500   a mistake in this program
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar, Self, TypeVar

_Error = TypeVar("_Error", bound="CapsuleError")


class CapsuleError(Exception):
    """
    Something that people or programs are told of.

    `reason` says what exactly happened, in one word of the catalogues: `errors.po` of each language has a sentence
    `error_<reason>`, whose places `values` fills. Without one the reason is the code.
    """

    #: The stable word for programs (`{"error": {"code": ...}}`).
    code: ClassVar[str] = "failed"
    #: What `capsule` ends with.
    exit_code: ClassVar[int] = 1
    #: What a page or the API answers with.
    http_status: ClassVar[int] = 500

    def __init__(self, reason: str = "", /, **values: object) -> None:
        super().__init__(reason)
        self.reason = str(reason) or self.code
        self.values: Mapping[str, object] = values

    def as_kind(self, kind: type[_Error]) -> _Error:
        """Return the same as an error of another kind: with another code, and another end of the program."""
        return kind(self.reason, **self.values)

    def __str__(self) -> str:
        """Return what happened, for logs and tracebacks."""
        values = ", ".join(f"{name}={value!r}" for name, value in self.values.items())
        return f"{self.reason} ({values})" if values else self.reason

    def __repr__(self) -> str:
        """Return it as a cause of another one has it."""
        return f"{type(self).__name__}({self})"


class DiskFull(CapsuleError):
    """There is no room on the disk; nothing was half written."""

    code = "disk_full"
    http_status = 507


class FilesRefused(CapsuleError):
    """An import or a film of files found none among them that can be used."""

    code = "files_refused"
    http_status = 422


class Refusal(StrEnum):
    """
    Why a file is refused, with the names of the values that its sentences are filled with.

    `errors.po` has a predicate for each, to stand after the file's name (`error_<refusal>`), and `contributing.po`
    what a page says of the file (`refused_<refusal>`).
    """

    # What it is instead.
    EMPTY = "empty"
    NOT_MEDIA = "not_media"
    RAW = "raw"
    OTHER_VIDEO = "other_video", "format"
    OTHER_PICTURE = "other_picture", "format"
    OTHER_DRAWING = "other_drawing", "format"
    PHOTOSHOP_DOCUMENT = "photoshop_document"
    DRAWING_SCRIPT = "drawing_script"
    ARCHIVE = "archive", "format"
    COMPRESSED_ARCHIVE = "compressed_archive"
    EMPTY_ARCHIVE = "empty_archive", "format"
    PDF = "pdf"
    TEXT = "text"
    WEB_PAGE = "web_page"
    XML_DOCUMENT = "xml_document"
    PLAYLIST = "playlist"
    SCORE = "score"
    PROGRAM = "program"
    MACOS_SIDE_FILE = "macos_side_file"
    WINDOWS_FILE = "windows_file"
    FILE_OF_SYSTEM = "file_of_system"
    NO_PICTURE = "no_picture"
    NO_PICTURE_NO_SOUND = "no_picture_no_sound"
    NO_SONG = "no_song"
    COPY_PROTECTED = "copy_protected"
    NO_PHOTO = "no_photo"
    RENDER_RECORDING = "render_recording"

    # It is more than is taken; `megabytes` and `gigabytes` are millions and billions of bytes.
    FILE_TOO_LARGE = "file_too_large", "megabytes"
    QUOTA_FULL = "quota_full", "gigabytes"
    TOO_MANY_PIXELS = "too_many_pixels", "width", "height", "megapixels", "side"
    CLIP_TOO_WIDE = "clip_too_wide", "width", "height", "side"
    CLIP_TOO_LONG = "clip_too_long", "minutes"
    VOICE_TOO_LONG = "voice_too_long", "minutes"
    TOO_MANY_SCANS = "too_many_scans"
    TOO_MUCH_MEMORY = "too_much_memory"

    # There is too little in it.
    SILENT = "silent"
    VOICE_TOO_SHORT = "voice_too_short"

    # It is damaged, or cannot be read here.
    HEADER_CUT = "header_cut"
    NO_SIZE = "no_size"
    PICTURE_INCOMPLETE = "picture_incomplete"
    PICTURE_SCRAMBLED = "picture_scrambled"
    PICTURE_UNREADABLE = "picture_unreadable"
    INDEX_MISSING = "index_missing"
    INDEX_UNREADABLE = "index_unreadable"
    CLIP_UNPLAYABLE = "clip_unplayable"
    SECONDS_MISSING = "seconds_missing", "missing", "stated"
    NO_READABLE_PICTURE = "no_readable_picture"
    NO_READABLE_SOUND = "no_readable_sound"
    DAMAGED_ON_ITS_WAY = "damaged_on_its_way"
    DECODING_TOO_LONG = "decoding_too_long"
    LISTENING_TOO_LONG = "listening_too_long"
    CONVERTING_TOO_LONG = "converting_too_long"
    DECODING_BROKE_DOWN = "decoding_broke_down"

    # Nothing is known of it: what reads files hung or was ended, also with nothing else going on.
    NOT_READ_HERE = "not_read_here"

    # It cannot be opened, or changed while it was being sent; `problem` is a CapsuleError of what the system says.
    FILE_CANNOT_BE_READ = "file_cannot_be_read", "problem"
    FILE_NOT_ORDINARY = "file_not_ordinary"
    FILE_LINK_OUTSIDE = "file_link_outside"
    FOLDER_EMPTY = "folder_empty"
    FILE_BECAME_SHORTER = "file_became_shorter"
    FILE_TAKEN_OUT = "file_taken_out"

    # It came when nothing could be put in any more.
    STORIES_TOO_LATE = "stories_too_late"

    # What an older or a newer program said, as it said it.
    OTHER = "other", "sentence"

    places: tuple[str, ...]

    def __new__(cls, word: str, *places: str) -> Self:
        """Make a member of its word and the names of its values."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.places = places
        return member


class MediaRefused(CapsuleError):
    """This file is not a photo or clip that can be used."""

    code = "media_refused"
    http_status = 422

    def __init__(self, refusal: Refusal, /, **values: object) -> None:
        super().__init__(refusal, **values)
        self.refusal = refusal


class FileRefused(CapsuleError):
    """The file `file` cannot be used; `problem` is a CapsuleError that says why."""

    code = "media_refused"
    http_status = 422


class Postponed(CapsuleError):
    """
    Something could not be done now, which says nothing of the file or film that it was about.

    What worked on it hung, or was ended from outside: the machine is too busy, shutting down, or out of memory or open
    files. Later it may well be done.
    """

    code = "postponed"
    exit_code = 6
    http_status = 503
    #: After so long it is worth a try.
    retry_seconds: ClassVar[int] = 60


class TooLarge(CapsuleError):
    """More was sent than a place takes; nothing was kept of it."""

    code = "too_large"
    http_status = 413


class OffsetMoved(CapsuleError):
    """A part of a file does not begin where the last one that arrived has ended."""

    code = "offset_moved"
    http_status = 409


class EditedElsewhere(CapsuleError):
    """What somebody changes was changed elsewhere since they have seen it; nothing was written."""

    code = "edited_elsewhere"
    http_status = 409


class PlanRefused(CapsuleError):
    """A film plan is damaged, or of a version that this program does not understand."""

    code = "plan_refused"


class Unwell(CapsuleError):
    """The daemon does not run, does not answer, or does not look any more for what is due."""

    code = "unwell"


class RenderFailed(CapsuleError):
    """A film could not be made."""

    code = "render_failed"


class UsageProblem(CapsuleError):
    """What somebody typed or sent cannot be meant like that."""

    code = "usage"
    exit_code = 2
    http_status = 422


class NotFound(CapsuleError):
    """Something is not there, or whoever asks may not know that it is."""

    code = "not_found"
    exit_code = 3
    http_status = 404


class Unauthenticated(CapsuleError):
    """A request to the API comes without a token, or with one that nobody has any more."""

    code = "unauthenticated"
    exit_code = 3
    http_status = 401


class Sealed(CapsuleError):
    """Something is sealed until the day of its capsule."""

    code = "sealed"
    exit_code = 4
    http_status = 404


class NotDue(CapsuleError):
    """It is too early: the date has not come, or the clock that says so is in doubt."""

    code = "not_due"
    exit_code = 4
    http_status = 409


class PartlyDone(CapsuleError):
    """Some of many things was done; the answer names the rest."""

    code = "partly_done"
    exit_code = 5
    http_status = 207


class Busy(CapsuleError):
    """Another program holds what is needed."""

    code = "busy"
    exit_code = 6
    http_status = 409


class Overloaded(Busy):
    """So much is asked for at this moment that something had to be left; nothing was changed."""

    http_status = 503
    #: Then it may well go through.
    retry_seconds: ClassVar[int] = 5


class ConfigurationProblem(CapsuleError):
    """Settings, keys, database or the machine need a change before this can work."""

    code = "configuration"
    exit_code = 7


class DamagedRow(ConfigurationProblem):
    """A row of the database holds what no program of ours has written."""


class NotInitialised(ConfigurationProblem):
    """There is no instance here yet."""

    code = "not_initialised"


class DataNotUsed(ConfigurationProblem):
    """The data folder holds files or a database that this configuration does not use; nothing was changed."""

    code = "data_not_used"


class MigrationNeeded(ConfigurationProblem):
    """The database was made by an older version."""

    code = "migration_needed"


class NewerSchema(ConfigurationProblem):
    """The database was made by a newer version of this program; nothing was changed."""

    code = "newer_schema"


class KeyMissing(ConfigurationProblem):
    """A key is not where it is to be, or cannot be read."""

    code = "key_missing"


class WrongKey(ConfigurationProblem):
    """A key belongs to another instance."""

    code = "wrong_key"


class MailRefused(ConfigurationProblem):
    """The mail server cannot be reached, or refuses us rather than a recipient."""

    code = "mail_refused"


#: What says nothing of the file, film or letter that somebody was at: later it may well be done.
FROM_OUTSIDE = (DiskFull, Busy, ConfigurationProblem, Postponed)


class Unexpected(CapsuleError):
    """A mistake in this program."""

    code = "unexpected"


class ReauthenticationNeeded(CapsuleError):
    """A session must prove first that it is its account's own."""

    code = "proof_needed"
    exit_code = 8
    http_status = 403


class TooMany(CapsuleError):
    """Something was asked for too often in a short time."""

    code = "too_many"
    exit_code = 6
    http_status = 429
    #: After so long it can be had again, at the latest.
    retry_seconds: ClassVar[int] = 3600


class NotAllowed(CapsuleError):
    """The part in a capsule, or the token, of whoever asks does not go that far."""

    code = "not_allowed"
    exit_code = 8
    http_status = 403


#: What operating systems say most often, by words of the catalogue.
_SYSTEM_REASONS = {
    errno.EACCES: "system_forbidden",
    errno.ECONNREFUSED: "system_connection_refused",
    errno.EEXIST: "system_exists",
    errno.EHOSTUNREACH: "system_host_unreachable",
    errno.EISDIR: "system_is_folder",
    errno.ELOOP: "system_link_loop",
    errno.ENAMETOOLONG: "system_name_too_long",
    errno.ENETUNREACH: "system_network_unreachable",
    errno.ENOENT: "system_missing",
    errno.ENOTDIR: "system_no_folder",
    errno.EPERM: "system_not_permitted",
    errno.EROFS: "system_read_only",
}


def system_problem(error: OSError) -> CapsuleError:
    """Return what the operating system says, as the cause of an error of ours: words without a full stop."""
    if error.errno in _SYSTEM_REASONS:
        return CapsuleError(_SYSTEM_REASONS[error.errno])
    return CapsuleError("other", sentence=error.strerror or str(error))


def is_disk_full(error: OSError) -> bool:
    """Tell whether there is no space left on the device, or none left for this user (quota)."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT}


#: What a machine has too little of for a while: memory, processes, open files.
_SHORTAGES = {errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


def shortage(error: BaseException) -> DiskFull | Postponed | None:
    """
    Return what the machine lacks at this moment, which is nobody's fault; None when the error means something else.

    DiskFull stands for room, Postponed for memory, processes and open files.
    """
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _SHORTAGES):
        return Postponed("machine_exhausted")
    return DiskFull() if isinstance(error, OSError) and is_disk_full(error) else None
