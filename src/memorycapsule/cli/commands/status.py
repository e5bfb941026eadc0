"""status: how the instance is, on one screen."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import typer

from memorycapsule.cli.door import door_of
from memorycapsule.cli.options import examples
from memorycapsule.cli.output import plain
from memorycapsule.errors import NotAllowed

if TYPE_CHECKING:
    from memorycapsule.cli.output import Output
    from memorycapsule.schemas.status import Status

#: So many openings stand on the screen.
_OPENINGS = 5


def status(ctx: typer.Context) -> None:
    """
    Say on one screen how the instance is: next openings, what waits, last backup, space, and what is wrong.

    It looks at rows and disk only; `capsule doctor` tries everything.
    """
    from memorycapsule.domain.capsules import CapsuleState
    from memorycapsule.schemas.capsule_lines import CapsuleLine
    from memorycapsule.schemas.outbox import MailPause
    from memorycapsule.schemas.status import Status
    from memorycapsule.services import reading
    from memorycapsule.services.mailing import deliveries
    from memorycapsule.work import measuring
    from memorycapsule.work.lock import holder_url, is_worked_on

    door = door_of(ctx)
    with door.open() as app:
        viewer = door.viewer(app.store)
        if not viewer.is_admin:
            raise NotAllowed("only_admin_sees_status")
        sealed = [
            one for one in reading.capsules(app.store, viewer) if one.capsule.state is CapsuleState.SEALED
        ]
        waits = deliveries.letters_waiting(app.store, app.now())
        measured = measuring.measure(app)
        found = Status.of(
            measured,
            works=is_worked_on(app, app.settings.data_dir),
            url=holder_url(app.settings.data_dir),
            openings=[CapsuleLine.of_line(one) for one in sealed[:_OPENINGS]],
            letters_paused=MailPause.of(waits.until, waits.why) if waits else None,
        )
    door.out.answer({"status": found})
    for line in _lines(found, door.out):
        door.out.show(line)
    titles = {one.id: one.title or one.slug for one in found.openings}
    if not measured.notices:
        door.out.show(door.out.words("cli_status_nothing_wrong"))
    for notice in measured.notices:
        place = titles.get(notice.capsule_id or "") or notice.capsule_id
        says = plain(door.out.spoken(notice.says.error))
        door.out.show(f"! {plain(place)}: {says}" if place else f"! {says}")
    if waits:
        until, reason = f"{waits.until:%Y-%m-%d %H:%M}", door.out.spoken(waits.why)
        door.out.warn(door.out.words("cli_outbox_paused", until=until, reason=reason))


def _lines(found: Status, out: Output) -> list[str]:
    from memorycapsule.words.counts import size_in_words
    from memorycapsule.words.dates import day_in_words

    words = out.words
    works = words("cli_status_works_at", url=found.url) if found.url else words("cli_status_works")
    lines = [works if found.works else words("cli_status_works_not")]
    lines += [
        words(
            "cli_status_opens",
            title=plain(one.title or one.id),
            date=day_in_words(datetime.fromisoformat(one.opens_local), words.language),
        )
        for one in found.openings
    ]
    if not found.openings:
        lines.append(words("cli_status_opens_nothing"))
    lines.append(
        words(
            "cli_status_waiting",
            letters=found.letters_waiting,
            films=found.films_waiting + found.films_rendering,
        )
    )
    lines.append(
        words("cli_status_backup", date=day_in_words(found.backed_up_at, words.language))
        if found.backed_up_at
        else words("cli_status_backup_none")
    )
    free, stored = (size_in_words(size) for size in (found.free_bytes, found.stored_bytes))
    lines.append(words("cli_status_space", free=free, stored=stored))
    return lines


def register(app: typer.Typer) -> None:
    """Add this command to `capsule`."""
    app.command("status", epilog=examples("capsule status", "capsule status --json"))(status)
