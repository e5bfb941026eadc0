"""doctor: looks everything over and says in one line each what is right, doubtful or wrong."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from memorycapsule.cli.door import Door, door_of
from memorycapsule.cli.options import examples
from memorycapsule.cli.output import plain
from memorycapsule.cli.sentences import Sentence, sentence_of
from memorycapsule.errors import CapsuleError, ConfigurationProblem, Postponed, system_problem

if TYPE_CHECKING:
    from memorycapsule.app import App
    from memorycapsule.config import Settings
    from memorycapsule.services.cluster.nodes import NodeStatus

_SIGNS = {"good": "✓", "warning": "!", "wrong": "✗"}
_TIMEOUT_SECONDS = 5


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one look found."""

    #: What was looked at.
    what: str
    state: Literal["good", "warning", "wrong"]
    #: One sentence, English for programs, or an error; for what is not good, what to do.
    says: str | CapsuleError


def doctor(
    ctx: typer.Context,
    trust_clock: Annotated[
        bool, typer.Option("--trust-clock", help="Say that the clock of this machine is right.")
    ] = False,
    opening: Annotated[
        str | None,
        typer.Option("--opening", metavar="CAPSULE", help="Rehearse this capsule's opening instead."),
    ] = None,
) -> None:
    """
    Look everything over.

    Folders, database, keys, clock, programs, mail, pages; exit 7 when something is wrong. A clock in doubt
    opens nothing; once you have looked at it and it is right, --trust-clock says so. --opening tries all that
    the opening of one capsule will need, reads all its files, and opens and sends nothing.
    """
    door = door_of(ctx)
    settings = door.settings()
    if trust_clock:
        from memorycapsule.services import instances

        with door.open(settings) as app:
            instances.trust_clock(app.store, app.clock)
    nodes: list[NodeStatus] = []
    findings = list(
        examine(door, settings, nodes) if opening is None else _rehearsed(door, settings, opening)
    )
    is_wrong = any(one.state == "wrong" for one in findings)
    door.out.answer(
        {
            "healthy": not is_wrong,
            "findings": [
                {"what": one.what, "state": one.state, "says": sentence_of(one.says)} for one in findings
            ],
            "nodes": [
                {
                    "id": one.node.id,
                    "host": one.node.host,
                    "kind": one.node.kind,
                    "started_at": one.node.started_at.isoformat(),
                    "seen_at": one.node.seen_at.isoformat(),
                    "is_alive": one.is_alive,
                    "has_our_key": one.has_our_key,
                }
                for one in nodes
            ],
        }
    )
    for one in findings:
        door.out.show(f"{_SIGNS[one.state]} {door.out.spoken(one.what)}: {plain(door.out.spoken(one.says))}")
    if is_wrong:
        raise typer.Exit(ConfigurationProblem.exit_code)


def examine(door: Door, settings: Settings, nodes: list[NodeStatus]) -> Iterator[Finding]:
    """
    Look at everything; what cannot be looked at because something else is wrong is left out.

    The nodes that work on the instance are put into `nodes`.
    """
    from memorycapsule.services.cluster import nodes as cluster_nodes

    yield from _folders(settings)
    yield from _programs()
    yield from _faces(settings)
    yield from _mail_server(settings)
    yield from _pages(settings)
    try:
        with door.open(settings) as app:
            yield Finding(
                what=Sentence("cli_doctor_database"), state="good", says=Sentence("cli_doctor_database_fits")
            )
            yield Finding(
                what=Sentence("cli_doctor_instance_key"),
                state="good",
                says=Sentence("cli_doctor_key_fits", file=settings.key_file),
            )
            if settings.cluster:
                nodes += cluster_nodes.status(app.store, app.vault)
                yield from _nodes(nodes)
            yield from _inside(app)
    except CapsuleError as error:
        yield Finding(what=Sentence("cli_doctor_instance"), state="wrong", says=error)


def _rehearsed(door: Door, settings: Settings, reference: str) -> Iterator[Finding]:
    """Try all that an opening will need. Raises NotFound, and UsageProblem for a capsule that is open."""
    from memorycapsule.services.preservation import rehearsal, verification
    from memorycapsule.work import rehearsals

    with door.open(settings) as app:
        capsule = rehearsal.to_rehearse(app.store, door.viewer(app.store), reference)
        size = sum(blob.bytes for blob in verification.blobs_of(app.store, capsule.id))
        with door.out.progress(door.out.words("cli_doctor_reading"), size, counts_bytes=True) as bar:
            steps = rehearsals.rehearse_now(app, capsule, on_read=bar.advance)
    for one in steps:
        name = f"cli_rehearsal_{one.step}"
        yield Finding(
            what=Sentence(name),
            state="wrong" if one.problem else "good",
            says=one.problem or Sentence(f"{name}_good"),
        )


def _folders(settings: Settings) -> Iterator[Finding]:
    from memorycapsule import disk

    folder = settings.data_dir
    if not folder.is_dir():
        yield Finding(
            what=Sentence("cli_doctor_data_folder"),
            state="wrong",
            says=Sentence("cli_doctor_folder_missing", folder=folder),
        )
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield Finding(
            what=Sentence("cli_doctor_data_folder"),
            state="wrong",
            says=Sentence("cli_doctor_folder_read_only", folder=folder),
        )
    elif others := _open_to_others(folder):
        yield Finding(
            what=Sentence("cli_doctor_data_folder"),
            state="warning",
            says=Sentence("cli_doctor_close_folder", found=others, folder=folder),
        )
    else:
        yield Finding(
            what=Sentence("cli_doctor_data_folder"),
            state="good",
            says=Sentence("cli_doctor_folder_good", folder=folder),
        )
    free = disk.free_bytes(folder)
    is_low = free < disk.LOW_BYTES
    yield Finding(
        what=Sentence("cli_doctor_disk"),
        state="warning" if is_low else "good",
        says=Sentence("cli_doctor_disk_low" if is_low else "cli_doctor_disk_free", free=f"{free / 1e9:.1f}"),
    )
    key = settings.key_file
    if key.exists() and (others := _open_to_others(key)):
        yield Finding(
            what=Sentence("cli_doctor_key_file"),
            state="wrong",
            says=Sentence("cli_doctor_close_file", found=others, file=key),
        )


def _open_to_others(path: Path) -> str | None:
    mode = stat.S_IMODE(path.stat().st_mode)
    return Sentence("cli_doctor_open_to_others", path=path, mode=f"{mode:o}") if mode & 0o077 else None


def _programs() -> Iterator[Finding]:
    from memorycapsule import processes, themes
    from memorycapsule.domain.zones import rules_version

    yield Finding(
        what=Sentence("cli_doctor_zone_rules"),
        state="good",
        says=Sentence("cli_doctor_zone_version", version=rules_version()),
    )

    def ffmpeg() -> str:
        done = processes.run([processes.ffmpeg_path(), "-version"], hang_seconds=20)
        words = (
            done.stdout.decode(errors="replace").splitlines()[0].split(" Copyright")[0] if done.stdout else ""
        )
        if done.returncode or not words:
            raise CapsuleError("ffmpeg_broken")
        return f"{words}."

    def fonts() -> str:
        for name in ("Pretendard-Regular.otf", "Pretendard-Bold.otf", "NotoEmoji-Regular.ttf"):
            themes.font_path(name)
        return Sentence("cli_doctor_fonts_good")

    def decoders() -> str:
        import tempfile

        from memorycapsule.media.decoder_pool import Decoders

        with (
            tempfile.TemporaryDirectory() as folder,
            Decoders(workspace=Path(folder), children=1) as pool,
            tempfile.TemporaryFile() as picture,
        ):
            picture.write(_DOT)
            picture.flush()
            pool.prepare(picture)
        return Sentence("cli_doctor_decoders_good")

    yield _checked(Sentence("cli_doctor_ffmpeg"), ffmpeg)
    yield _checked(Sentence("cli_doctor_fonts"), fonts)
    yield _checked(Sentence("cli_doctor_decoders"), decoders)


def _faces(settings: Settings) -> Iterator[Finding]:
    from memorycapsule.media.picture_analysis import face_model_problem

    if model := settings.film.face_model:
        problem = face_model_problem(model)
        yield Finding(
            what=Sentence("cli_doctor_face_model"),
            state="warning" if problem else "good",
            says=problem or Sentence("cli_doctor_faces_good", model=model),
        )


#: A bitmap of 2 x 2 white dots (BITMAPINFOHEADER).
_DOT = (
    b"BM" + (70).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little") + (40).to_bytes(4, "little")
    + (2).to_bytes(4, "little") * 2 + (1).to_bytes(2, "little") + (24).to_bytes(2, "little") + bytes(4)
    + (16).to_bytes(4, "little") + bytes(16) + (b"\xff" * 6 + bytes(2)) * 2
)  # fmt: skip


def _checked(what: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(what=what, state="good", says=check())
    except (CapsuleError, OSError) as error:
        return Finding(
            what=what,
            state="wrong",
            says=error if isinstance(error, CapsuleError) else system_problem(error),
        )


def _mail_server(settings: Settings) -> Iterator[Finding]:
    from memorycapsule.app import check_mail_login

    if not settings.mail_is_real:
        says = Sentence("cli_doctor_mail_none", folder=settings.mailbox_dir)
        yield Finding(what=Sentence("cli_doctor_mail"), state="warning", says=says)
        return

    def login() -> str:
        check_mail_login(settings)
        return Sentence("cli_doctor_mail_good", host=settings.smtp.host)

    yield _checked(Sentence("cli_doctor_mail"), login)


def _pages(settings: Settings) -> Iterator[Finding]:
    from memorycapsule.work.lock import holder_url, is_held

    if is_held(settings.data_dir):
        where = holder_url(settings.data_dir)
        says = Sentence("cli_doctor_daemon_at", url=where) if where else Sentence("cli_doctor_daemon_runs")
        yield Finding(what=Sentence("cli_doctor_daemon"), state="good", says=says)
    elif not settings.cluster:
        says = Sentence("cli_doctor_daemon_none")
        yield Finding(what=Sentence("cli_doctor_daemon"), state="warning", says=says)
    if settings.public_url_is_loopback:
        state: Literal["warning", "wrong"] = "wrong" if settings.mail_is_real else "warning"
        says = Sentence("cli_doctor_url_loopback")
        yield Finding(what=Sentence("cli_doctor_public_url"), state=state, says=says)
    elif settings.public_url:
        yield _reached(settings.public_url, settings.ca_file)


def _nodes(nodes: list[NodeStatus]) -> Iterator[Finding]:
    """Say which machines work, and whether all have the same key."""
    for one in nodes:
        kind, seconds = Sentence(f"cli_doctor_node_{one.node.kind}"), round(one.age.total_seconds())
        state: Literal["good", "warning", "wrong"] = "good"
        says = Sentence("cli_doctor_node_good", kind=kind, seconds=seconds)
        if not one.is_alive:
            state, says = "warning", Sentence("cli_doctor_node_silent", kind=kind, seconds=seconds)
        elif not one.has_our_key:
            state, says = "wrong", Sentence("cli_doctor_node_key", kind=kind, seconds=seconds)
        yield Finding(what=Sentence("cli_doctor_node", host=one.node.host), state=state, says=says)
    if not any(one.is_alive and one.node.kind != "command" for one in nodes):
        says = Sentence("cli_doctor_nodes_none")
        yield Finding(what=Sentence("cli_doctor_nodes"), state="warning", says=says)


def _reached(url: str, ca_file: Path | None) -> Finding:
    """Ask our own pages the way a guest would who trusts `ca_file`, too."""
    import urllib.error
    import urllib.request

    from memorycapsule.config.certificates import trusting

    try:
        # `url` is our own setting, checked to be http or https.
        with urllib.request.urlopen(f"{url}/healthz", timeout=_TIMEOUT_SECONDS, context=trusting(ca_file)):  # noqa: S310
            return Finding(
                what=Sentence("cli_doctor_public_url"),
                state="good",
                says=Sentence("cli_doctor_url_good", url=url),
            )
    except urllib.error.HTTPError as error:
        says = Sentence("cli_doctor_url_status", url=url, status=error.code)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        says = Sentence("cli_doctor_url_silent", url=url, reason=reason)
    return Finding(what=Sentence("cli_doctor_public_url"), state="warning", says=says)


def _inside(app: App) -> Iterator[Finding]:
    from memorycapsule.services import keys
    from memorycapsule.services.mailing import deliveries
    from memorycapsule.work import ticks

    yield _prerendering(app)
    status = keys.status(app.store)
    if lacking := status.without_instance + status.without_recovery:
        says = Sentence("cli_doctor_envelopes_lacking", count=lacking)
        yield Finding(what=Sentence("cli_doctor_envelopes"), state="wrong", says=says)
    doubt = ticks.clock_doubt(app)
    if doubt:
        yield Finding(what=Sentence("cli_doctor_clock"), state="wrong", says=doubt)
    elif app.clock.synchronised() is False:
        yield Finding(
            what=Sentence("cli_doctor_clock"), state="warning", says=Sentence("cli_doctor_clock_loose")
        )
    else:
        yield Finding(what=Sentence("cli_doctor_clock"), state="good", says=Sentence("cli_doctor_clock_good"))
    if waits := deliveries.letters_waiting(app.store, app.now()):
        yield Finding(
            what=Sentence("cli_doctor_letters"),
            state="wrong",
            says=Sentence(
                "cli_doctor_letters_wait",
                count=waits.count,
                until=f"{waits.until:%Y-%m-%d %H:%M}",
                reason=waits.why,
            ),
        )
    yield from _stored_files(app)
    yield from _preservation(app)
    waiting = deliveries.count_queued(app.store)
    yield Finding(
        what=Sentence("cli_doctor_outbox"),
        state="good",
        says=Sentence("cli_doctor_outbox_waiting", count=waiting)
        if waiting
        else Sentence("cli_doctor_outbox_empty"),
    )
    yield from _notices(app)


def _notices(app: App) -> Iterator[Finding]:
    """Say what owners and the admin are told by letter, but for what is looked at in detail elsewhere."""
    from memorycapsule.domain.notices import NoticeKind
    from memorycapsule.services import reading, sessions
    from memorycapsule.work import notices

    slugs = {
        line.capsule.id: line.capsule.slug
        for line in reading.capsules(app.store, sessions.host_viewer(app.store))
        if line.member
    }
    elsewhere = {
        NoticeKind.CLOCK,
        NoticeKind.DAMAGE,
        NoticeKind.DISK,
        NoticeKind.MAIL,
        NoticeKind.UNKNOWN_FILES,
    }
    names = {NoticeKind.BACKUP: "cli_doctor_backup", NoticeKind.ROADS: "cli_doctor_roads"}
    for notice in notices.standing(app):
        if notice.kind in elsewhere:
            continue
        what = Sentence(names.get(notice.kind, "cli_doctor_release"))
        if notice.capsule_id:
            what = Sentence("cli_doctor_capsule", capsule=slugs.get(notice.capsule_id, notice.capsule_id))
        state: Literal["warning", "wrong"] = "wrong" if notice.kind.is_grave else "warning"
        yield Finding(what=what, state=state, says=notice.says.error)


def _stored_files(app: App) -> Iterator[Finding]:
    """Say whether the database knows every file that is kept, and what lies in the trash; the log says it, too."""
    from memorycapsule.services.preservation import trash

    what, folder = Sentence("cli_doctor_stored_files"), app.vault.blobs.place
    try:
        seen, kept = trash.look(app.store, app.vault, now=app.now()), trash.contents(app.vault)
    except Postponed as error:
        yield Finding(what=what, state="wrong", says=error)
        return
    if not seen.left.files:
        yield Finding(what=what, state="good", says=Sentence("cli_doctor_files_known"))
    else:
        size = f"{seen.left.bytes / 1e6:,.1f}"
        says = (
            Sentence(
                "cli_doctor_files_left",
                count=seen.left.files,
                size=size,
                folder=folder,
                reason=seen.why_left,
            )
            if seen.why_left
            else Sentence("cli_doctor_files_unknown", count=seen.left.files, size=size, folder=folder)
        )
        yield Finding(what=what, state="warning", says=says)
    if kept.files:
        says = Sentence(
            "cli_doctor_trash",
            count=kept.files,
            size=f"{kept.bytes / 1e6:,.1f}",
            folder=app.vault.blobs.trash_place,
            days=trash.KEPT_FOR.days,
        )
        yield Finding(what=Sentence("cli_doctor_trash_folder"), state="warning", says=says)


def _preservation(app: App) -> Iterator[Finding]:
    """Say whether everything is there that rows know, and which levels of preservation that makes."""
    from memorycapsule.services.preservation import levels, verification

    damage = verification.present_damage(app.store, app.vault)
    what = Sentence("cli_doctor_damage")
    if damage:
        says = Sentence("cli_doctor_damaged", count=len(damage))
        yield Finding(what=what, state="wrong", says=says)
    else:
        yield Finding(what=what, state="good", says=Sentence("cli_doctor_no_damage"))
    reached = levels.levels(app.store, now=app.now())
    next_steps = {1: "cli_doctor_level_1", 2: "cli_doctor_level_2", 3: "cli_doctor_level_3"}
    says = Sentence("cli_doctor_levels", storage=reached.storage, integrity=reached.integrity)
    if reached.integrity in next_steps:
        says = Sentence(next_steps[reached.integrity], levels=says)
    yield Finding(what=Sentence("cli_doctor_preservation"), state="good", says=says)


def _prerendering(app: App) -> Finding:
    """Say whether films can be there on the day."""
    from memorycapsule.config import bytes_of
    from memorycapsule.work import tmpfs

    what, film = Sentence("cli_doctor_rendering_ahead"), app.settings.film
    if app.rendering.quiet_hours is None:
        return Finding(what=what, state="good", says=Sentence("cli_doctor_ahead_off"))
    if bytes_of(film.cache_size) == 0:
        says = Sentence("cli_doctor_ahead_no_room")
        return Finding(what=what, state="warning", says=says)
    try:
        place = tmpfs.workspace(app.rendering.tmpfs_places, app.rendering.work_dir)
    except tmpfs.NoTmpfs as error:
        says = Sentence("cli_doctor_ahead_no_place", reason=error)
        return Finding(what=what, state="warning", says=says)
    if film.quiet_hours == "always":
        says = Sentence("cli_doctor_ahead_always", folder=place.parent)
    else:
        hours, zone = film.quiet_hours, app.settings.zone
        says = Sentence("cli_doctor_ahead_hours", hours=hours, zone=zone, folder=place.parent)
    return Finding(what=what, state="good", says=says)


def register(app: typer.Typer) -> None:
    """Add this command to `capsule`."""
    app.command(
        "doctor",
        epilog=examples("capsule doctor", "capsule doctor --trust-clock", "capsule doctor --opening summer"),
    )(doctor)
