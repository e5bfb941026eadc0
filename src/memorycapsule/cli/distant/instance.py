"""The instance of a distant daemon, as the owner of a token."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

from memorycapsule.cli.bars import Bar
from memorycapsule.cli.distant.client import Client, id_in, quoted
from memorycapsule.cli.distant.uploads import AT_ONCE, TusUploader
from memorycapsule.cli.files import size_of
from memorycapsule.cli.instance import Attaching
from memorycapsule.cli.output import Output
from memorycapsule.domain.invitations import check_invited_role
from memorycapsule.domain.sessions import Scope, SessionKind, check_token_scope
from memorycapsule.errors import CapsuleError, NotFound
from memorycapsule.schemas.capsule_lines import CapsuleLine
from memorycapsule.schemas.capsules import Capsule
from memorycapsule.schemas.date_requests import AskedWish, Wish
from memorycapsule.schemas.invitations import Invitation, RemindedAnswer, SentInvitation
from memorycapsule.schemas.members import Member, MemberLine
from memorycapsule.schemas.montages import Montage
from memorycapsule.schemas.rescheduling import Rescheduled
from memorycapsule.schemas.sessions import MadeToken, SessionLine, Token
from memorycapsule.schemas.stories import Medium, Story

if TYPE_CHECKING:
    from memorycapsule.domain.capsules import Role
    from memorycapsule.domain.opening_dates import OpeningDate
    from memorycapsule.services.capsule_files import Song

#: How often it is asked how far a film is.
_POLL_SECONDS = 2.0


class DistantInstance:
    """
    An `AnyInstance`: that of the daemon at `url`, as the owner of a token.

    What may be asked twice is asked again while nobody answers. What mails somebody or cannot be done twice is asked
    once.
    """

    def __init__(self, url: str, token: str, out: Output) -> None:
        self._client = Client(url, token)
        self._out = out

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def capsules(self) -> list[CapsuleLine]:
        return self._client.list_of(CapsuleLine, "/capsules", "capsules")

    def capsule(self, reference: str) -> Capsule:
        return self._client.get(Capsule, _capsule(reference), "capsule")

    def parse_date(self, text: str, zone: str) -> OpeningDate:
        from memorycapsule import clock
        from memorycapsule.domain.opening_dates import parse_opening_date

        # By the clock of this machine, which shows what it comes to before the daemon is asked.
        return parse_opening_date(text, zone, clock.now())

    def reschedule(self, reference: str, date: OpeningDate) -> Rescheduled:
        # The wall time is what people mean, also where the rules of its zone are newer; of two equal ones only the
        # instant says which.
        payload = date.at if date.fold else date.local
        answer = self._client.ask_once(
            "PUT",
            f"{_capsule(reference)}/date",
            json={"opens": payload.isoformat(timespec="seconds"), "zone": date.zone},
        )
        wish = self._client.read_any(Wish, answer, "wish")
        return Rescheduled(
            capsule=self._client.read(Capsule, answer, "capsule"),
            wish=self._client.read_any(AskedWish, answer, "wish"),
            waits_for=wish.concerned - wish.said_yes if wish else 0,
        )

    def waiting_request(self, reference: str) -> Wish | None:
        return self._client.read_any(Wish, self._client.ask("GET", f"{_capsule(reference)}/wish"), "wish")

    def consent(self, reference: str, *, is_given: bool) -> Wish:
        payload = {"is_given": is_given}
        answer = self._client.ask_once("POST", f"{_capsule(reference)}/consent", json=payload)
        return self._client.read(Wish, answer, "wish")

    def members(self, reference: str) -> list[MemberLine]:
        return self._client.list_of(MemberLine, f"{_capsule(reference)}/members", "members")

    def change_role(self, reference: str, member_id: str, role: Role) -> Member:
        answer = self._client.ask("PATCH", _member(reference, member_id), json={"role": role})
        return self._client.read(Member, answer, "member")

    def hand_over(self, reference: str, member_id: str) -> Member:
        answer = self._client.ask_once("POST", f"{_member(reference, member_id)}/hand-over")
        return self._client.read(Member, answer, "member")

    def remove_member(self, reference: str, member_id: str) -> Member:
        answer = self._client.ask_once("POST", f"{_member(reference, member_id)}/remove")
        return self._client.read(Member, answer, "member")

    def leave(self, reference: str, *, takes_stories: bool) -> Member:
        payload = {"takes_stories": takes_stories}
        answer = self._client.ask_once("POST", f"{_capsule(reference)}/leave", json=payload)
        return self._client.read(Member, answer, "member")

    def invite(
        self,
        reference: str,
        *,
        addresses: Sequence[str],
        role: Role,
        name: str | None,
        locale: str | None,
        again: bool,
    ) -> list[SentInvitation]:
        check_invited_role(role)
        payload = {"emails": addresses, "role": role, "name": name, "locale": locale, "again": again}
        answer = self._client.ask_once("POST", f"{_capsule(reference)}/invitations", json=payload)
        return self._client.read_all(SentInvitation, answer, "invitations")

    def revoke(self, reference: str, addresses: Sequence[str]) -> list[Invitation]:
        answer = self._client.ask(
            "POST", f"{_capsule(reference)}/invitations/revoke", json={"emails": addresses}
        )
        return self._client.read_all(Invitation, answer, "invitations")

    def remind(self, reference: str) -> RemindedAnswer:
        answer = self._client.ask_once("POST", f"{_capsule(reference)}/reminders", json={})
        return self._client.read_whole(RemindedAnswer, answer)

    def why_letters_wait(self) -> CapsuleError | None:
        return None

    def tokens(self) -> list[Token]:
        sessions = self._client.list_of(SessionLine, "/me/sessions", "sessions")
        return [
            Token(
                id=one.id,
                name=one.name,
                scope=one.scope,
                created_at=one.created_at,
                seen_at=one.seen_at,
                ended_at=None,
            )
            for one in sessions
            if one.kind is SessionKind.TOKEN
        ]

    def create_token(self, *, name: str, scope: Scope) -> MadeToken:
        check_token_scope(scope)
        answer = self._client.ask_once("POST", "/me/tokens", json={"name": name, "scope": scope})
        return self._client.read(MadeToken, answer, "token")

    def end_token(self, reference: str) -> Token:
        answer = self._client.ask_once("POST", "/me/tokens/end", json={"token": reference})
        return self._client.read(Token, answer, "token")

    def stories(self, reference: str) -> list[Story]:
        return self._client.list_of(Story, f"{_capsule(reference)}/stories", "stories")

    def story(self, story_id: str) -> Story:
        return self._client.get(Story, f"/stories/{id_in(story_id)}", "story")

    def add_story(self, reference: str, *, title: str | None, text: str | None) -> str:
        # However often the answer is lost, it is one story.
        answer = self._client.ask(
            "POST",
            f"{_capsule(reference)}/stories",
            json={"title": title, "text": text},
            headers={"idempotency-key": str(uuid.uuid4())},
        )
        return self._client.read(Story, answer, "story").id

    def next_position(self, story_id: str) -> int | None:
        try:
            media = self._client.list_of(Medium, f"/stories/{id_in(story_id)}/media", "media")
        except NotFound:
            return None
        return max((one.position + 1 for one in media), default=0)

    @contextmanager
    def attaching(self, story_id: str, paths: Sequence[Path], stop: threading.Event) -> Iterator[Attaching]:
        words, size = self._out.words("cli_progress_sending"), sum(map(size_of, paths))
        with self._out.progress(words, size, counts_bytes=True) as bar:
            uploader = TusUploader(self._client, story_id, bar=bar, stop=stop)
            yield Attaching(attach=uploader.send, at_once=AT_ONCE)

    def edit_story(
        self, story_id: str, *, title: str | None, text: str | None, captions: Mapping[str, str]
    ) -> Story:
        changes = {"title": title, "text": text, "captions": captions}
        answer = self._client.ask("PATCH", f"/stories/{id_in(story_id)}", json=changes)
        return self._client.read(Story, answer, "story")

    def remove_story(self, story_id: str) -> None:
        self._remove(f"/stories/{id_in(story_id)}")

    def remove_medium(self, medium_id: str) -> None:
        self._remove(f"/media/{id_in(medium_id)}")

    def save_original(self, medium_id: str, sink: BinaryIO) -> None:
        self._client.fetch(f"/media/{id_in(medium_id)}/original", sink, Bar())

    def montages(self, reference: str) -> list[Montage]:
        return self._client.list_of(Montage, f"{_capsule(reference)}/montages", "montages")

    def make_montage(
        self,
        reference: str,
        *,
        stories: Sequence[str],
        title: str | None,
        length: str | None,
        music: str | None,
        song: Song | None,
    ) -> Montage:
        path = f"{_capsule(reference)}/montages"
        # However often the answer is lost, it is one film.
        once = {"idempotency-key": str(uuid.uuid4())}
        if song is None:
            payload = {"stories": stories, "title": title, "length": length, "music": music}
            answer = self._client.ask("POST", path, json=payload, headers=once)
        else:
            words = {"title": title, "length": length}
            fields = {"stories": stories} | {name: word for name, word in words.items() if word}
            file = {"file": ("soundtrack", song.read())}
            answer = self._client.ask(
                "POST", f"{path}/with-soundtrack", data=fields, files=file, headers=once
            )
        return self._client.read(Montage, answer, "montage")

    def finish_montage(self, montage_id: str) -> Montage:
        path = f"/montages/{id_in(montage_id)}"
        with self._out.progress(self._out.words("cli_progress_film"), 1.0) as bar:
            while not (film := self._client.get(Montage, path, "montage")).state.is_over:
                bar.reach(film.progress)
                threading.Event().wait(_POLL_SECONDS)
        return film

    def cancel_montage(self, montage_id: str) -> Montage:
        answer = self._client.ask_once("POST", f"/montages/{id_in(montage_id)}/cancel")
        return self._client.read(Montage, answer, "montage")

    def retry_montage(self, montage_id: str) -> Montage:
        answer = self._client.ask_once("POST", f"/montages/{id_in(montage_id)}/retry")
        return self._client.read(Montage, answer, "montage")

    def save_film(self, montage_id: str, sink: BinaryIO) -> None:
        with self._out.progress(self._out.words("cli_progress_film"), 1.0) as bar:
            self._client.fetch(f"/montages/{id_in(montage_id)}/film", sink, bar)

    def _remove(self, path: str) -> None:
        """Remove what was there a moment ago."""
        # Gone already: an earlier answer was lost on its way here.
        with suppress(NotFound):
            self._client.ask("DELETE", path)


def _capsule(reference: str) -> str:
    return f"/capsules/{quoted(reference)}"


def _member(reference: str, member_id: str) -> str:
    return f"{_capsule(reference)}/members/{id_in(member_id)}"
