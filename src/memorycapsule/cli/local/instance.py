"""The instance on this machine: its services, on its own database."""

from __future__ import annotations

import functools
import shutil
import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from memorycapsule.cli.foreground import finish_film, send_now, why_letters_wait
from memorycapsule.cli.output import Output
from memorycapsule.errors import CapsuleError, ConfigurationProblem, NotFound

if TYPE_CHECKING:
    from memorycapsule.app import App
    from memorycapsule.cli.instance import Attaching
    from memorycapsule.config import Settings
    from memorycapsule.domain.capsules import Role
    from memorycapsule.domain.opening_dates import OpeningDate
    from memorycapsule.domain.sessions import Scope
    from memorycapsule.domain.stories import Viewer
    from memorycapsule.schemas.capsule_lines import CapsuleLine
    from memorycapsule.schemas.capsules import Capsule
    from memorycapsule.schemas.date_requests import Wish
    from memorycapsule.schemas.invitations import Invitation, RemindedAnswer, SentInvitation
    from memorycapsule.schemas.members import Member, MemberLine
    from memorycapsule.schemas.montages import Montage
    from memorycapsule.schemas.rescheduling import Rescheduled
    from memorycapsule.schemas.sessions import MadeToken, Token
    from memorycapsule.schemas.stories import Story
    from memorycapsule.services.capsule_files import Song
    from memorycapsule.services.reading import OpenedFile


class LocalInstance:
    """
    An `AnyInstance`: the one on this machine, as `viewer`.

    `acting_as` is the address of the member in whose name the admin adds stories. Methods load what they need: a
    command needs few of them.
    """

    def __init__(self, app: App, viewer: Viewer, out: Output, *, acting_as: str | None) -> None:
        self._app = app
        self._viewer = viewer
        self._out = out
        self._acting_as = acting_as

    def capsules(self) -> list[CapsuleLine]:
        from memorycapsule.schemas.capsule_lines import CapsuleLine
        from memorycapsule.services import reading

        return [CapsuleLine.of_line(line) for line in reading.capsules(self._app.store, self._viewer)]

    def capsule(self, reference: str) -> Capsule:
        from memorycapsule.schemas.capsules import Capsule
        from memorycapsule.services import reading

        app = self._app
        return Capsule.of_view(reading.capsule(app.store, app.vault, self._viewer, reference))

    def parse_date(self, text: str, zone: str) -> OpeningDate:
        return self._app.parse_date(text, zone)

    def reschedule(self, reference: str, date: OpeningDate) -> Rescheduled:
        from memorycapsule.schemas.date_requests import AskedWish
        from memorycapsule.schemas.rescheduling import Rescheduled
        from memorycapsule.services import rescheduling

        app = self._app
        done = rescheduling.reschedule(app.store, app.wake, self._viewer, reference, date, now=app.now())
        send_now(app)
        return Rescheduled(
            capsule=self.capsule(done.capsule.id),
            wish=AskedWish.of(done.request) if done.request else None,
            waits_for=done.waits_for,
        )

    def waiting_request(self, reference: str) -> Wish | None:
        from memorycapsule.schemas.date_requests import Wish
        from memorycapsule.services import rescheduling

        found = rescheduling.waiting_request(self._app.store, self._viewer, reference, self._app.now())
        return Wish.of_view(found) if found else None

    def consent(self, reference: str, *, is_given: bool) -> Wish:
        from memorycapsule.schemas.date_requests import Wish
        from memorycapsule.services import rescheduling

        app = self._app
        answered = rescheduling.consent(
            app.store, app.wake, self._viewer, reference, is_given=is_given, now=app.now()
        )
        send_now(app)
        return Wish.of_view(answered)

    def members(self, reference: str) -> list[MemberLine]:
        from memorycapsule.schemas.members import MemberLine
        from memorycapsule.services import reading

        app = self._app
        view = reading.outline(app.store, self._viewer, reference)
        return [MemberLine.of_contribution(one) for one in view.contributions]

    def change_role(self, reference: str, member_id: str, role: Role) -> Member:
        from memorycapsule.schemas.members import Member
        from memorycapsule.services import members

        app = self._app
        return Member.of(
            members.change_role(app.store, self._viewer, reference, member_id, role, now=app.now())
        )

    def hand_over(self, reference: str, member_id: str) -> Member:
        from memorycapsule.schemas.members import Member
        from memorycapsule.services import members

        app = self._app
        return Member.of(members.hand_over(app.store, self._viewer, reference, member_id, now=app.now()))

    def remove_member(self, reference: str, member_id: str) -> Member:
        from memorycapsule.schemas.members import Member
        from memorycapsule.services import members

        app = self._app
        return Member.of(
            members.remove(app.store, app.wake, self._viewer, reference, member_id, now=app.now())
        )

    def leave(self, reference: str, *, takes_stories: bool) -> Member:
        from memorycapsule.schemas.members import Member
        from memorycapsule.services import members

        app = self._app
        gone = members.leave(
            app.store,
            app.vault,
            app.wake,
            self._viewer,
            reference,
            takes_stories=takes_stories,
            now=app.now(),
        )
        return Member.of(gone)

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
        from memorycapsule.schemas.invitations import SentInvitation
        from memorycapsule.services import invitations, letters

        app = self._app
        _check_links_work(app.settings, self._out)
        invited = invitations.invite(
            app.store,
            app.vault.key,
            app.wake,
            self._viewer,
            reference,
            addresses=addresses,
            role=role,
            name=name,
            locale=locale,
            again=again,
            valid_days=app.settings.mail.invitation_days,
            now=app.now(),
        )
        send_now(app)
        base_url = app.base_url
        return [
            SentInvitation.of_invited(one, letters.invitation_url(base_url, one.token)) for one in invited
        ]

    def revoke(self, reference: str, addresses: Sequence[str]) -> list[Invitation]:
        from memorycapsule.schemas.invitations import Invitation
        from memorycapsule.services import invitations

        app = self._app
        revoked = invitations.revoke(app.store, self._viewer, reference, addresses=addresses, now=app.now())
        return [Invitation.of(one) for one in revoked]

    def remind(self, reference: str) -> RemindedAnswer:
        from memorycapsule.schemas.invitations import RemindedAnswer
        from memorycapsule.services import reminders

        app = self._app
        done = reminders.remind(app.store, app.wake, self._viewer, reference, now=app.now())
        send_now(app)
        return RemindedAnswer.of(done)

    def why_letters_wait(self) -> CapsuleError | None:
        return why_letters_wait(self._app)

    def tokens(self) -> list[Token]:
        from memorycapsule.schemas.sessions import Token
        from memorycapsule.services import tokens

        return [Token.of(one) for one in tokens.of_viewer(self._app.store, self._viewer)]

    def create_token(self, *, name: str, scope: Scope) -> MadeToken:
        from memorycapsule.schemas.sessions import MadeToken
        from memorycapsule.services import tokens

        app = self._app
        return MadeToken.of_new(tokens.create(app.store, self._viewer, name=name, scope=scope, now=app.now()))

    def end_token(self, reference: str) -> Token:
        from memorycapsule.schemas.sessions import Token
        from memorycapsule.services import tokens

        return Token.of(tokens.end(self._app.store, self._viewer, reference, now=self._app.now()))

    def stories(self, reference: str) -> list[Story]:
        from memorycapsule.schemas.stories import Story
        from memorycapsule.services import reading

        app = self._app
        return [Story.of(view) for view in reading.stories(app.store, app.vault, self._viewer, reference)]

    def story(self, story_id: str) -> Story:
        from memorycapsule.schemas.stories import Story
        from memorycapsule.services import reading

        return Story.of(reading.story(self._app.store, self._app.vault, self._viewer, story_id))

    def add_story(self, reference: str, *, title: str | None, text: str | None) -> str:
        from memorycapsule.services import stories

        app = self._app
        add = stories.add
        if self._acting_as is not None:
            add = functools.partial(stories.add_for, address=self._acting_as)
        return add(app.store, app.vault, self._viewer, reference, title=title, text=text, now=app.now()).id

    def next_position(self, story_id: str) -> int | None:
        from memorycapsule.services import reading

        try:
            media = reading.story(self._app.store, self._app.vault, self._viewer, story_id).media
        except NotFound:
            return None
        return max((one.medium.position + 1 for one in media), default=0)

    def attaching(
        self, story_id: str, paths: Sequence[Path], stop: threading.Event
    ) -> AbstractContextManager[Attaching]:
        from memorycapsule.cli.local.attaching import attaching

        del stop  # a file takes a moment, and is finished
        return attaching(self._app, self._viewer, story_id, paths, self._out)

    def edit_story(
        self, story_id: str, *, title: str | None, text: str | None, captions: Mapping[str, str]
    ) -> Story:
        from memorycapsule.services import stories

        app = self._app
        stories.edit(
            app.store,
            app.vault,
            self._viewer,
            story_id,
            title=title,
            text=text,
            captions=captions,
            now=app.now(),
        )
        return self.story(story_id)

    def remove_story(self, story_id: str) -> None:
        from memorycapsule.services import stories

        stories.remove(self._app.store, self._app.vault, self._viewer, story_id, now=self._app.now())

    def remove_medium(self, medium_id: str) -> None:
        from memorycapsule.services import stories

        stories.remove_medium(self._app.store, self._app.vault, self._viewer, medium_id, now=self._app.now())

    def save_original(self, medium_id: str, sink: BinaryIO) -> None:
        from memorycapsule.services import reading

        app = self._app
        _copy(reading.medium_file(app.store, app.vault, self._viewer, medium_id, "original"), sink)

    def montages(self, reference: str) -> list[Montage]:
        from memorycapsule.schemas.montages import Montage
        from memorycapsule.services import reading
        from memorycapsule.services.film import montages

        app = self._app
        return [
            Montage.of(film, seconds_left=montages.seconds_left(app.store, film, app.now()))
            for film in reading.montages(app.store, self._viewer, reference)
        ]

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
        from memorycapsule.schemas.montages import Montage
        from memorycapsule.services.film import montages

        app = self._app
        queued = montages.queue(
            app.store,
            app.vault,
            app.wake,
            self._viewer,
            reference,
            story_ids=stories,
            soundtrack=song,
            length=length,
            music=music,
            title=title,
            now=app.now(),
        )
        return Montage.of(queued)

    def finish_montage(self, montage_id: str) -> Montage:
        from memorycapsule.schemas.montages import Montage

        return Montage.of(finish_film(self._app, self._viewer, montage_id, self._out))

    def cancel_montage(self, montage_id: str) -> Montage:
        from memorycapsule.schemas.montages import Montage
        from memorycapsule.services.film import montages

        return Montage.of(montages.cancel(self._app.store, self._viewer, montage_id, now=self._app.now()))

    def retry_montage(self, montage_id: str) -> Montage:
        from memorycapsule.schemas.montages import Montage
        from memorycapsule.services.film import montages

        app = self._app
        return Montage.of(montages.retry(app.store, app.wake, self._viewer, montage_id, now=app.now()))

    def save_film(self, montage_id: str, sink: BinaryIO) -> None:
        from memorycapsule.services import reading

        _copy(reading.film_file(self._app.store, self._app.vault, self._viewer, montage_id), sink)


def _check_links_work(settings: Settings, out: Output) -> None:
    if not settings.public_url_is_loopback:
        return
    if settings.mail_is_real:
        raise ConfigurationProblem("public_url_loopback")
    out.note(out.words("cli_invite_here_only", url=settings.public_base_url))


def _copy(opened: OpenedFile, sink: BinaryIO) -> None:
    with opened.stream:
        shutil.copyfileobj(opened.stream, sink, 1 << 20)
