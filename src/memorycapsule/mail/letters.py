"""
What a mail says, and the letter as the bytes that are sent.

`templates/<letter>.txt` says which sentences each part of a letter has, `letters.po` of each language has the
sentences; `layout.html` and `layout.txt` show the parts, so the plain twin says the same in the same order. Typed
names and titles are made one printable line (control characters, line ends and direction marks are taken out), and
addresses are refused unless they are plain ones: no header can be smuggled in. Nothing in a letter is loaded from
anywhere.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Literal, assert_never

from memorycapsule.domain.zones import local_of
from memorycapsule.mail.calendar_entry import calendar_entry
from memorycapsule.mail.headers import encoded_words, mailbox_header
from memorycapsule.mail.mime import multipart, text_part
from memorycapsule.mail.notices import texts_of_notice
from memorycapsule.mail.typed_text import (
    LONGEST_MESSAGE,
    LONGEST_NAME,
    LONGEST_TITLE,
    one_line,
    several_lines,
    title_for_subject,
)
from memorycapsule.words.catalogues import wording
from memorycapsule.words.counts import contents_in_words, people_in_words
from memorycapsule.words.dates import date_in_words, day_in_words
from memorycapsule.words.forms_of_address import addressed
from memorycapsule.words.languages import language_or_default

if TYPE_CHECKING:
    from jinja2 import Environment

_DYES = ("#3c5aa6", "#efbd45", "#d6506f", "#4b9f9d", "#df7a3a", "#7a5aa2", "#6c9a6a", "#8b5b3e")
_UNDYED = "#e4e2d2"
#: Patches of a hand-sewn strip are not equally wide.
_PATCH_WIDTHS = (19, 11, 23, 15, 20, 12)
_MOST_PATCHES = 24
_URL = re.compile(r"https?://[!#$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]+")
#: Stands for the title in a subject until its room is known; no typed text can hold it (see `wording.one_line`).
_TITLE_MARK = "\x00"
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9._+=-]+@[A-Za-z0-9.\[\]:-]+>")


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """Who a letter is for."""

    address: str
    #: As the letter speaks to them ("Younghee", "할머니").
    name: str | None
    #: The language that they read, by its BCP 47 name; the default stands in for one that is not here.
    locale: str


@dataclass(frozen=True, kw_only=True)
class Sender:
    """The instance's own name and address, as they stand in From."""

    name: str
    address: str


@dataclass(frozen=True, kw_only=True)
class InvitationLetter:
    """Please put something in."""

    recipient: Recipient
    capsule_title: str
    #: What the inviter wrote; shown as written.
    message: str | None
    #: The name of the member who invites.
    inviter: str
    #: Naive wall time of the opening in `zone` (an IANA name), and the instant that it means.
    opens_local: datetime
    zone: str
    opens_at: datetime
    #: The private link.
    url: str
    expires_at: datetime
    #: Members so far: patches in the strip.
    dyes: int
    #: Stable over repeated invitations, so that the entry replaces its earlier self.
    calendar_uid: str


@dataclass(frozen=True, kw_only=True)
class OpenedLetter:
    """It is open."""

    recipient: Recipient
    capsule_title: str
    url: str
    members: int
    photos: int
    clips: int
    stories: int
    #: "follows": content can be read, the film is still being made; "none": there will be none.
    film: Literal["ready", "follows", "none"]
    owner: str
    dyes: int
    #: Voice notes; letters that were queued before there were any do not say.
    voices: int = 0


@dataclass(frozen=True, kw_only=True)
class FilmReadyLetter:
    """The film that an `OpenedLetter` letter promised."""

    recipient: Recipient
    capsule_title: str
    url: str
    owner: str
    dyes: int


@dataclass(frozen=True, kw_only=True)
class OpenedAgainLetter:
    """It has been open for some days, and the `OpenedLetter` may not have arrived."""

    recipient: Recipient
    capsule_title: str
    url: str
    owner: str
    dyes: int


@dataclass(frozen=True, kw_only=True)
class ReminderLetter:
    """There is still room for a story of yours."""

    recipient: Recipient
    capsule_title: str
    #: The member's own link.
    url: str
    opens_local: datetime
    zone: str
    opens_at: datetime
    owner: str
    dyes: int


@dataclass(frozen=True, kw_only=True)
class DateMovedLetter:
    """The date was moved."""

    recipient: Recipient
    capsule_title: str
    #: The member's own link.
    url: str
    #: The date that holds now.
    opens_local: datetime
    zone: str
    opens_at: datetime
    #: The one that held before.
    was_local: datetime
    was_zone: str
    is_earlier: bool
    owner: str
    dyes: int
    #: That of the invitation's entry, which this one replaces.
    calendar_uid: str


@dataclass(frozen=True, kw_only=True)
class ConsentLetter:
    """May it be opened earlier?"""

    recipient: Recipient
    capsule_title: str
    #: Where yes and no can be said.
    url: str
    #: The date that holds.
    opens_local: datetime
    zone: str
    opens_at: datetime
    #: The one that is wished for.
    wished_local: datetime
    wished_zone: str
    owner: str
    dyes: int


@dataclass(frozen=True, kw_only=True)
class TrialLetter:
    """Proof that mail works."""

    recipient: Recipient
    public_url: str


@dataclass(frozen=True, kw_only=True)
class CodeLetter:
    """Six digits that prove who reads this, and perhaps a link that lets in."""

    recipient: Recipient
    #: As they are shown: "123 456".
    digits: str
    #: How long they can be used.
    minutes: int
    #: The way in; None where only the digits are wanted.
    url: str | None
    #: Whether they prove a new address.
    is_for_address: bool


@dataclass(frozen=True, kw_only=True)
class NoticeLetter:
    """All that is wrong at this moment and that its reader should know."""

    recipient: Recipient
    url: str
    #: Whether they keep the machine, and read what to type there.
    is_admin: bool
    #: What `notices.texts_of_notice` reads.
    notices: list[dict[str, Any]]


Letter = (
    CodeLetter
    | InvitationLetter
    | OpenedLetter
    | FilmReadyLetter
    | OpenedAgainLetter
    | ReminderLetter
    | DateMovedLetter
    | ConsentLetter
    | NoticeLetter
    | TrialLetter
)


def write(letter: Letter, *, sender: Sender, message_id: str, date: datetime) -> bytes:
    """
    Write a letter as RFC 5322 bytes with CRLF line ends, text and HTML (and the .ics of an invitation).

    `date` is an aware instant, `message_id` stands in angle brackets. The same input gives the same bytes,
    so a repeated attempt sends the identical mail. Raises UsageProblem for an address that mail cannot reach.
    """
    if not _MESSAGE_ID.fullmatch(message_id):
        raise ValueError(f"not a Message-ID: {message_id!r}")
    language = language_or_default(letter.recipient.locale)
    recipient_name = one_line(letter.recipient.name or "", LONGEST_NAME)
    facts = _facts(letter, language=language, date=date)
    sender_name = one_line(sender.name, LONGEST_NAME) or "MemoryCapsule"
    parts = _parts(
        letter,
        language,
        facts | {"name": recipient_name and addressed(recipient_name, language), "sender": sender_name},
    )
    from_name = f"{facts['inviter_name']} ({sender_name})" if facts.get("inviter_name") else sender_name
    headers = {
        "From": mailbox_header(from_name, sender.address),
        "To": mailbox_header(recipient_name, letter.recipient.address),
        "Subject": encoded_words(parts["subject"]),
        "Date": format_datetime(date.astimezone(UTC)),
        "Message-ID": message_id,
        "Auto-Submitted": "auto-generated",  # RFC 3834: nobody's holiday notice should answer
        "Content-Language": language,
    }
    block = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return block.encode("ascii") + _content(letter, parts, message_id=message_id, date=date)


def _content(letter: Letter, parts: Mapping[str, Any], *, message_id: str, date: datetime) -> bytes:
    """The MIME headers and parts: text and HTML, and the calendar entry of a letter that says a date for good."""
    environment = _environment()
    shown = multipart(
        "alternative",
        [
            text_part(subtype, environment.get_template(f"layout.{ending}").render(parts))
            for subtype, ending in (("plain", "txt"), ("html", "html"))
        ],
        name=message_id,
    )
    if isinstance(letter, InvitationLetter | DateMovedLetter):
        entry = calendar_entry(
            uid=letter.calendar_uid,
            summary=parts["calendar_summary"],
            description=parts["calendar_description"],
            opens_at=letter.opens_at,
            zone=letter.zone,
            stamp=date,
        )
        attached = text_part(
            "calendar",
            entry.decode(),
            parameters='; method="PUBLISH"',
            disposition='attachment; filename="opening-day.ics"',
        )
        shown = multipart("mixed", [shown, attached], name=message_id)
    return b"MIME-Version: 1.0\r\n" + shown


def _facts(letter: Letter, *, language: str, date: datetime) -> dict[str, Any]:
    """What the templates may say of this letter, every typed text already harmless."""
    if isinstance(letter, TrialLetter):
        return {"url": _checked_url(letter.public_url), "dyes": _strip(1), "title": "MemoryCapsule"}
    if isinstance(letter, CodeLetter):
        return {
            "url": _checked_url(letter.url) if letter.url else "",
            "dyes": _strip(len(_DYES)),
            "title": "MemoryCapsule",
            "digits": letter.digits,
            "minutes": letter.minutes,
        }
    if isinstance(letter, NoticeLetter):
        return {
            "url": _checked_url(letter.url),
            "dyes": _strip(1),
            "title": "MemoryCapsule",
            "notices": [
                texts_of_notice(one, is_admin=letter.is_admin, language=language) for one in letter.notices
            ],
        }
    facts: dict[str, Any] = {
        "title": one_line(letter.capsule_title, LONGEST_TITLE),
        "url": _checked_url(letter.url),
        "dyes": _strip(letter.dyes),
    }
    match letter:
        case InvitationLetter():
            inviter = one_line(letter.inviter, LONGEST_NAME)
            return facts | {
                "inviter": addressed(inviter, language),
                "inviter_name": inviter,
                "quote": several_lines(letter.message or "", LONGEST_MESSAGE),
                "opens": date_in_words(letter.opens_local, letter.zone, language),
                "last_day": day_in_words(_last_day(letter, date), language),
            }
        case OpenedLetter():
            return facts | {
                "owner": addressed(one_line(letter.owner, LONGEST_NAME), language),
                "people": people_in_words(letter.members, language),
                "contents": contents_in_words(
                    photos=letter.photos,
                    clips=letter.clips,
                    voices=letter.voices,
                    stories=letter.stories,
                    locale=language,
                ),
                "things": letter.photos + letter.clips + letter.voices + letter.stories,
                "has_pictures": bool(letter.photos + letter.clips),
                "film": letter.film,
            }
        case FilmReadyLetter() | OpenedAgainLetter():
            return facts | {"owner": addressed(one_line(letter.owner, LONGEST_NAME), language)}
        case ReminderLetter() | DateMovedLetter() | ConsentLetter():
            return facts | _dates_of(letter, language)
        case _:
            assert_never(letter)


def _dates_of(letter: ReminderLetter | DateMovedLetter | ConsentLetter, language: str) -> dict[str, Any]:
    owner = one_line(letter.owner, LONGEST_NAME)
    facts: dict[str, Any] = {
        "owner": addressed(owner, language),
        "opens": date_in_words(letter.opens_local, letter.zone, language),
    }
    match letter:
        case DateMovedLetter():
            was = date_in_words(letter.was_local, letter.was_zone, language)
            return facts | {"was": was, "is_earlier": letter.is_earlier}
        case ConsentLetter():
            wished = date_in_words(letter.wished_local, letter.wished_zone, language)
            return facts | {"wished": wished, "inviter_name": owner}
        case ReminderLetter():
            return facts | {"inviter_name": owner}


def _parts(letter: Letter, language: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """
    The parts of a letter in one language: what its template sets, with the facts the layouts need.

    A part is paragraphs of lines. The text twin keeps the lines (one sentence each); in HTML they run on,
    except in the headline and the notes.
    """
    words = wording(language)
    module = (
        _environment()
        .get_template(f"{_template_of(letter)}.txt")
        .make_module(
            {
                "title_mark": _TITLE_MARK,
                **facts,
                "words": functools.partial(words, **facts),
                "counted": functools.partial(words.counted, **facts),
            }
        )
    )
    said = {name: str(value).strip() for name, value in vars(module).items() if not name.startswith("_")}
    paragraphs = {
        name: [part.splitlines() for part in re.split(r"\n\s*\n", said[name]) if part.strip()]
        for name in ("salutation", "headline", "body", "notes", "footer")
    }
    title: str = facts["title"]
    for_subject = title_for_subject(title, len(said["subject"].replace(_TITLE_MARK, "")))
    return {
        "language": language,
        "fonts": words("letter_fonts"),
        "address_note": words("letter_address_note"),
        "quote": (),
        "notices": (),
        "signature": words("letter_quote_from", **facts) if facts.get("quote") else "",
        "digits": "",
        "button": "",
        **facts,
        **said,
        **paragraphs,
        "subject": said["subject"].replace(_TITLE_MARK, for_subject),
    }


def _template_of(letter: Letter) -> str:
    match letter:
        case InvitationLetter():
            return "invitation"
        case OpenedLetter():
            return "opened"
        case FilmReadyLetter():
            return "film_ready"
        case OpenedAgainLetter():
            return "opened_again"
        case ReminderLetter():
            return "reminder"
        case DateMovedLetter():
            return "moved"
        case ConsentLetter():
            return "consent"
        case NoticeLetter():
            return "notice"
        case TrialLetter():
            return "test"
        case CodeLetter():
            return "address" if letter.is_for_address else "sign_in" if letter.url else "proof"
        case _:
            assert_never(letter)


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    return Environment(
        loader=PackageLoader("memorycapsule.mail"),
        autoescape=select_autoescape(enabled_extensions=("html",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _checked_url(url: str) -> str:
    if not _URL.fullmatch(url):
        raise ValueError("a link in a letter is an http or https URL in ASCII")
    return url


def _last_day(letter: InvitationLetter, date: datetime) -> datetime:
    """The last whole day that the link works, said in the capsule's zone; never before the letter's own."""
    whole = local_of(letter.expires_at, letter.zone) - timedelta(days=1)
    return max(whole, local_of(date, letter.zone))


def _strip(members: int) -> list[tuple[str, int]]:
    """Colour and width in per cent of every patch of the strip on top; widths add up to 100."""
    if members < 1:
        return [(_UNDYED, 100)]
    patches = min(members, _MOST_PATCHES)
    widths = [_PATCH_WIDTHS[patch % len(_PATCH_WIDTHS)] for patch in range(patches)]
    ends = [round(100 * sum(widths[: patch + 1]) / sum(widths)) for patch in range(patches)]
    return [
        (_DYES[patch % len(_DYES)], end - start)
        for patch, (start, end) in enumerate(zip([0, *ends], ends, strict=False))
    ]
