"""How an instance is, on one screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from pydantic import Field

from memorycapsule.domain.deliveries import DeliveryState
from memorycapsule.domain.film.montages import MontageState
from memorycapsule.domain.notices import NoticeKind
from memorycapsule.schemas.capsule_lines import CapsuleLine
from memorycapsule.schemas.model import Id, Instant, Model
from memorycapsule.schemas.outbox import MailPause, detail_fields

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memorycapsule.domain.notices import Notice
    from memorycapsule.work.measuring import Measured


class StandingNotice(Model):
    """Something that is wrong."""

    kind: NoticeKind
    capsule: Id | None
    detail: str | None = Field(description="A sentence in English.")
    reason: str | None = Field(description="The same in one word.", examples=["notice_disk"])
    values: dict[str, Any] | None

    @classmethod
    def of(cls, notice: Notice) -> Self:
        return cls(kind=notice.kind, capsule=notice.capsule_id, **detail_fields(notice.says.error))


class Status(Model):
    """How an instance is."""

    works: bool = Field(description="Whether a daemon or a worker does what is due.")
    url: str | None = Field(description="Where the daemon of this data folder is reached.")
    openings: list[CapsuleLine] = Field(description="The next sealed capsules to open, at most five.")
    letters_waiting: int
    letters_paused: MailPause | None
    films_waiting: int
    films_rendering: int
    backed_up_at: Instant | None
    free_bytes: int
    stored_bytes: int
    notices: list[StandingNotice] = Field(description="What is wrong, the gravest first.")

    @classmethod
    def of(
        cls,
        measured: Measured,
        *,
        works: bool,
        url: str | None,
        openings: Sequence[CapsuleLine],
        letters_paused: MailPause | None,
    ) -> Self:
        figures = measured.figures
        return cls(
            works=works,
            url=url,
            openings=list(openings),
            letters_waiting=figures.letters.get(DeliveryState.QUEUED, 0),
            letters_paused=letters_paused,
            films_waiting=figures.films.get(MontageState.QUEUED, 0),
            films_rendering=figures.films.get(MontageState.RENDERING, 0),
            backed_up_at=figures.backed_up_at,
            free_bytes=measured.surroundings.free_bytes,
            stored_bytes=figures.blob_bytes,
            notices=[StandingNotice.of(notice) for notice in measured.notices],
        )
