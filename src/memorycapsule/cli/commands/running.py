"""open, tick, daemon, worker."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from memorycapsule.cli.door import door_of
from memorycapsule.cli.foreground import finish_film
from memorycapsule.cli.options import CapsuleArgument, examples
from memorycapsule.cli.output import Output, error_answer, plain
from memorycapsule.cli.sentences import sentence_of, told_error
from memorycapsule.errors import CapsuleError, PartlyDone, RenderFailed

if TYPE_CHECKING:
    from memorycapsule.config import Settings
    from memorycapsule.schemas.montages import Montage
    from memorycapsule.services.mailing.deliveries import LettersWaiting
    from memorycapsule.work.ticks import Preview, TickResult


_QUEUES_HELP = "What to work on: open, mail, film, with commas between them."


def open_capsule(
    ctx: typer.Context,
    capsule: CapsuleArgument,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until its film is ready, too.")] = False,
) -> None:
    """
    Open a capsule whose date has come.

    Before its date this is refused to everybody (exit 4). The daemon opens capsules by itself. Without one,
    --wait makes the film here and sends the letters.
    """
    from memorycapsule.schemas.capsule_lines import OpenedCapsule
    from memorycapsule.schemas.montages import Montage
    from memorycapsule.services import reading
    from memorycapsule.work import ticks
    from memorycapsule.work.lock import is_worked_on

    door = door_of(ctx)
    with door.open() as app:
        viewer = door.viewer(app.store)
        opened = ticks.open_now(app, viewer, capsule)
        door.out.say(door.out.words("cli_open_done", title=plain(opened.title)))
        films = reading.montages(app.store, viewer, opened.id)
        film = next((one for one in films if one.is_opening), None)
        if film and wait:
            film = finish_film(app, viewer, film.id, door.out)
        daemon = is_worked_on(app, app.settings.data_dir)
    shown = Montage.of(film) if film else None
    door.out.answer({"capsule": OpenedCapsule.of_opened(opened), "film": shown})
    if shown and not shown.state.is_over:
        door.out.say(door.out.words("cli_open_film_begun" if daemon else "cli_open_film_waits"))
    elif shown:
        failed = film_failure(shown)
        door.out.say(door.out.spoken(failed) if failed else film_sentence(shown, door.out))
        if failed:
            raise typer.Exit(PartlyDone.exit_code)


def tick(
    ctx: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
) -> None:
    """
    Do everything that is due, once.

    It opens capsules, sends letters and makes films; for cron, where no daemon runs. Beside a running
    daemon it ends with exit 6; exit 5 when something that is due could not be done.
    """
    from memorycapsule.services import reading
    from memorycapsule.work import ticks
    from memorycapsule.work.lock import working
    from memorycapsule.work.reserve import Reserve

    door = door_of(ctx)
    settings = door.settings()
    if not dry_run:
        # On a full disk the database cannot even be read.
        Reserve(settings.data_dir).give_back_when_low()
    with door.open(settings) as app:
        viewer = door.viewer(app.store)
        if dry_run:
            preview = ticks.preview(app)
            opened = reading.redacted(app.store, viewer, preview.opened)
            shown = dataclasses.replace(preview, opened=tuple(opened))
            if not viewer.is_admin:  # letters have addresses, and a mail server's words may, too
                shown = dataclasses.replace(shown, letters=(), waiting=None)
            foretell(door.out, shown)
            return
        with working(app, app.settings.data_dir):
            ticks.settle(app)
            done = ticks.tick(app)
        opened = reading.redacted(app.store, viewer, done.opened)
        waiting = reading.redacted(app.store, viewer, [one.capsule for one in done.not_opened])
    not_opened = [
        dataclasses.replace(one, capsule=capsule)
        for one, capsule in zip(done.not_opened, waiting, strict=True)
    ]
    _report(
        door.out,
        dataclasses.replace(
            done,
            opened=tuple(opened),
            not_opened=tuple(not_opened),
            waiting=done.waiting if viewer.is_admin else None,
        ),
    )


def _report(out: Output, done: TickResult) -> None:
    from memorycapsule.schemas.capsule_lines import OpenedCapsule
    from memorycapsule.schemas.montages import Montage
    from memorycapsule.schemas.outbox import MailPause

    letters = done.letters
    out.answer(
        {
            "opened": [OpenedCapsule.of_opened(one) for one in done.opened],
            "not_opened": [
                {"capsule": OpenedCapsule.of_opened(one.capsule), "error": error_answer(one.error)}
                for one in done.not_opened
            ],
            "films": list(done.films),
            "unmade": [Montage.of(one) for one in done.unmade],
            "letters": {
                "sent": len(letters.sent),
                "retrying": len(letters.retrying),
                "rejected": len(letters.rejected),
                "unknown": len(letters.unknown),
                "waiting": done.waiting.count if done.waiting else 0,
            },
            "paused": done.waiting and MailPause.of(done.waiting.until, done.waiting.why),
            "doubt": done.doubt and sentence_of(done.doubt),
        }
    )
    for one in done.opened:
        out.say(
            out.words("cli_tick_opened", title=plain(one.title))
            if one.title
            else out.words("cli_tick_opened_other", id=one.id)
        )
    if done.films:
        out.say(out.words.counted("cli_tick_films", len(done.films)))
    if letters.sent:
        out.say(out.words.counted("cli_tick_letters", len(letters.sent)))
    unsent = len(letters.retrying) + len(letters.rejected) + len(letters.unknown)
    undone = bool(unsent or done.waiting or done.doubt or done.not_opened or done.unmade)
    if not (done.opened or done.films or letters.sent or undone):
        out.say(out.words("cli_tick_nothing"))
    for failed in done.not_opened:
        problem, capsule = out.spoken(failed.error), failed.capsule
        out.warn(
            out.words("cli_tick_not_opened", title=plain(capsule.title), problem=problem)
            if capsule.title
            else out.words("cli_tick_not_opened_other", id=capsule.id, problem=problem)
        )
    for film in done.unmade:
        out.warn(out.words("cli_tick_unmade", id=film.id, problem=out.spoken(film.report[-1].error)))
    if done.doubt:
        out.warn(out.spoken(done.doubt))
    if unsent:
        out.warn(out.words.counted("cli_tick_unsent", unsent))
    if done.waiting:
        _warn_of_waiting(out, done.waiting)
    if undone:
        raise typer.Exit(PartlyDone.exit_code)


def _warn_of_waiting(out: Output, waiting: LettersWaiting) -> None:
    until, reason = f"{waiting.until:%Y-%m-%d %H:%M}", out.spoken(waiting.why)
    out.warn(out.words.counted("cli_tick_waiting", waiting.count, until=until, reason=reason))


def foretell(out: Output, preview: Preview) -> None:
    """Say what a pass would do."""
    from memorycapsule.schemas.capsule_lines import OpenedCapsule
    from memorycapsule.schemas.outbox import Letter, MailPause

    out.answer(
        {
            "dry_run": True,
            "opened": [OpenedCapsule.of_opened(one) for one in preview.opened],
            "films": [one.id for one in preview.films],
            "would_send": [Letter.of(one) for one in preview.letters],
            "paused": preview.waiting and MailPause.of(preview.waiting.until, preview.waiting.why),
            "doubt": preview.doubt and sentence_of(preview.doubt),
        }
    )
    for capsule in preview.opened:
        out.show(
            out.words("cli_tick_would_open", title=plain(capsule.title))
            if capsule.title
            else out.words("cli_tick_would_open_other", id=capsule.id)
        )
    for film in preview.films:
        out.show(out.words("cli_tick_would_make", id=film.id))
    for letter in preview.letters:
        out.show(
            out.words(
                "cli_tick_would_send", letter=out.named("letter", letter.kind), address=plain(letter.address)
            )
        )
    if preview.waiting:
        _warn_of_waiting(out, preview.waiting)
    if preview.doubt:
        out.warn(out.spoken(preview.doubt))
    elif not (preview.opened or preview.films or preview.letters or preview.waiting):
        out.show(out.words("cli_tick_nothing_due"))


def daemon(
    ctx: typer.Context,
    host: Annotated[
        str | None, typer.Option("--host", metavar="ADDRESS", help="Address to listen on.")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", metavar="PORT", help="Port to listen on; 0 takes any free one.")
    ] = None,
    queues: Annotated[str, typer.Option("--queues", metavar="NAMES", help=_QUEUES_HELP)] = "open,mail,film",
) -> None:
    """
    Run the service.

    It opens capsules on their day, makes films, sends letters and serves the pages. One daemon for each
    data folder; a second one ends with exit 6. With --json, one object tells first where it listens.
    Beside workers, --queues says what it does besides the pages, or none.
    """
    from memorycapsule.daemon.run import serve
    from memorycapsule.work.cluster.queues import parse_queues

    door = door_of(ctx)

    def read_settings() -> Settings:
        return door.settings({"daemon.host": host, "daemon.port": port})

    def announce(url: str, pid: int, metrics_url: str | None) -> None:
        door.out.answer({"daemon": {"url": url, "pid": pid, "metrics_url": metrics_url}})
        door.out.note(door.out.words("cli_daemon_at", url=url))

    serve(
        read_settings(),
        announce=announce,
        read_settings=read_settings,
        queues=parse_queues(queues),
        is_verbose=door.out.is_verbose,
    )


def worker(
    ctx: typer.Context,
    queues: Annotated[str, typer.Option("--queues", metavar="NAMES", help=_QUEUES_HELP)] = "open,mail,film",
    concurrency: Annotated[
        int, typer.Option("--concurrency", min=1, max=64, metavar="N", help="Films made at the same time.")
    ] = 1,
) -> None:
    """
    Do due work beside other machines, without pages.

    With cluster = true, any number of workers and daemons share one Postgres. Asked to end (SIGTERM), a worker
    begins nothing more, and finishes or gives back what it has in hand.
    """
    from memorycapsule.daemon.worker import work
    from memorycapsule.work.cluster.queues import parse_queues

    door = door_of(ctx)
    chosen = parse_queues(queues)

    def announce(pid: int, metrics_url: str | None) -> None:
        door.out.answer({"worker": {"pid": pid, "queues": sorted(chosen), "metrics_url": metrics_url}})
        door.out.note(door.out.words("cli_worker_runs", queues=", ".join(sorted(chosen))))

    work(
        door.settings(),
        queues=chosen,
        films_at_once=concurrency,
        announce=announce,
        is_verbose=door.out.is_verbose,
    )


def film_sentence(film: Montage, out: Output) -> str:
    """Say that a film is there, and what it does without, in the language of the terminal."""
    left_out = "".join(f"\n  {out.spoken(one)}" for one in _report_of(film))
    return out.words("cli_film_there", id=film.id, seconds=f"{film.seconds or 0:.0f}", left_out=left_out)


def film_failure(film: Montage) -> RenderFailed | None:
    """Return why there is no film of one that is over; None where there is one."""
    from memorycapsule.domain.film.montages import MontageState

    if film.state.has_film:
        return None
    if film.state is MontageState.CANCELLED:
        return RenderFailed("film_cancelled")
    report = _report_of(film)
    return RenderFailed("film_failed_because", problem=report[-1]) if report else RenderFailed("film_failed")


def _report_of(film: Montage) -> list[CapsuleError]:
    return [
        told_error(line, sentence=sentence) for sentence, line in zip(film.report, film.reasons, strict=True)
    ]


def register(app: typer.Typer) -> None:
    """Add these commands to `capsule`."""
    app.command(
        "open", epilog=examples("capsule open the-summer-we-kept", "capsule open the-summer-we-kept --wait")
    )(open_capsule)
    app.command("tick", epilog=examples("capsule tick", "capsule tick --dry-run --json"))(tick)
    app.command("daemon", epilog=examples("capsule daemon", "capsule daemon --host 0.0.0.0 --port 8484"))(
        daemon
    )
    app.command("worker", epilog=examples("capsule worker", "capsule worker --queues film --concurrency 2"))(
        worker
    )
