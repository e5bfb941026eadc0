"""doctor: looks everything over and says in one line each what is right, doubtful or wrong."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from memorycapsule.cli.door import Door, door_of
from memorycapsule.cli.options import examples
from memorycapsule.cli.output import plain
from memorycapsule.errors import CapsuleError, ConfigurationProblem

if TYPE_CHECKING:
    from memorycapsule.app import App
    from memorycapsule.config import Settings

_LEAST_FREE_BYTES = 1_000_000_000
_SIGNS = {"good": "✓", "warning": "!", "wrong": "✗"}
_LOOK_SECONDS = 5


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one look found."""

    #: What was looked at.
    what: str
    state: Literal["good", "warning", "wrong"]
    #: One sentence; for what is not good, what to do.
    says: str


def doctor(
    ctx: typer.Context,
    trust_clock: Annotated[
        bool, typer.Option("--trust-clock", help="Say that the clock of this machine is right.")
    ] = False,
) -> None:
    """
    Look everything over.

    Folders, database, keys, clock, programs, mail, pages; exit 7 when something is wrong. A clock in doubt
    opens nothing; once you have looked at it and it is right, --trust-clock says so.
    """
    door = door_of(ctx)
    settings = door.settings()
    if trust_clock:
        from memorycapsule.services import instances

        with door.open(settings) as app:
            instances.trust_clock(app.store, app.now())
    findings = list(examine(door, settings))
    is_wrong = any(one.state == "wrong" for one in findings)
    door.out.answer(
        {
            "healthy": not is_wrong,
            "findings": [{"what": one.what, "state": one.state, "says": one.says} for one in findings],
        }
    )
    for one in findings:
        door.out.show(f"{_SIGNS[one.state]} {one.what}: {plain(one.says)}")
    if is_wrong:
        raise typer.Exit(ConfigurationProblem.exit_code)


def examine(door: Door, settings: Settings) -> Iterator[Finding]:
    """Look at everything; what cannot be looked at because something else is wrong is left out."""
    yield from _folders(settings)
    yield from _programs()
    yield from _faces(settings)
    yield from _mail_server(settings)
    yield from _pages(settings)
    try:
        with door.open(settings) as app:
            yield Finding(what="database", state="good", says="its schema fits this program.")
            yield Finding(what="instance key", state="good", says=f"{settings.key_file} fits.")
            yield from _inside(app)
    except CapsuleError as error:
        yield Finding(what="instance", state="wrong", says=error.message)


def _folders(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir
    if not folder.is_dir():
        yield Finding(what="data folder", state="wrong", says=f"{folder} is not there; run `capsule init`.")
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield Finding(
            what="data folder", state="wrong", says=f"{folder} may not be written; check its owner."
        )
    elif others := _open_to_others(folder):
        yield Finding(what="data folder", state="warning", says=f"{others}; `chmod 700 {folder}` closes it.")
    else:
        yield Finding(what="data folder", state="good", says=f"{folder} is there, and only yours.")
    free = shutil.disk_usage(folder).free
    words = f"{free / 1e9:.1f} GB are free."
    is_low = free < _LEAST_FREE_BYTES
    yield Finding(
        what="disk",
        state="warning" if is_low else "good",
        says=words + (" Films need more." if is_low else ""),
    )
    key = settings.key_file
    if key.exists() and (others := _open_to_others(key)):
        yield Finding(what="key file", state="wrong", says=f"{others}; `chmod 600 {key}` closes it.")


def _open_to_others(path: Path) -> str | None:
    mode = stat.S_IMODE(path.stat().st_mode)
    return f"{path} can be read by others ({mode:o})" if mode & 0o077 else None


def _programs() -> Iterator[Finding]:
    from memorycapsule import processes, themes
    from memorycapsule.domain.zones import rules_version

    yield Finding(what="zone rules", state="good", says=f"version {rules_version()}.")

    def ffmpeg() -> str:
        done = processes.run([processes.ffmpeg_path(), "-version"], timeout_seconds=20)
        words = (
            done.stdout.decode(errors="replace").splitlines()[0].split(" Copyright")[0] if done.stdout else ""
        )
        if done.returncode or not words:
            raise CapsuleError("it does not run; install the program again.")
        return f"{words}."

    def fonts() -> str:
        for name in ("Pretendard-Regular.otf", "Pretendard-Bold.otf", "NotoEmoji-Regular.ttf"):
            themes.font_path(name)
        return "all there."

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
        return "they start and read a picture."

    for what, look in (("ffmpeg", ffmpeg), ("fonts", fonts), ("decoders", decoders)):
        yield _looked(what, look)


def _faces(settings: Settings) -> Iterator[Finding]:
    from memorycapsule.media.picture_analysis import face_model_problem

    if model := settings.film.face_model:
        problem = face_model_problem(model)
        yield Finding(
            what="face model",
            state="warning" if problem else "good",
            says=problem or f"{model} finds faces.",
        )


#: A bitmap of 2 x 2 white dots (BITMAPINFOHEADER).
_DOT = (
    b"BM" + (70).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little") + (40).to_bytes(4, "little")
    + (2).to_bytes(4, "little") * 2 + (1).to_bytes(2, "little") + (24).to_bytes(2, "little") + bytes(4)
    + (16).to_bytes(4, "little") + bytes(16) + (b"\xff" * 6 + bytes(2)) * 2
)  # fmt: skip


def _looked(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what=what, state="good", says=look())
    except (CapsuleError, OSError) as error:
        return Finding(what=what, state="wrong", says=str(error))


def _mail_server(settings: Settings) -> Iterator[Finding]:
    from memorycapsule.app import smtp_settings
    from memorycapsule.mail.smtp import check_login

    if not settings.mail_is_real:
        says = f"no mail server is set: letters become files in {settings.mailbox_dir}; set smtp.host."
        yield Finding(what="mail", state="warning", says=says)
        return

    def login() -> str:
        check_login(smtp_settings(settings))
        return f"{settings.smtp.host} takes our letters."

    yield _looked("mail", login)


def _pages(settings: Settings) -> Iterator[Finding]:
    from memorycapsule.work.lock import holder_url, is_held

    if is_held(settings.data_dir):
        where = holder_url(settings.data_dir)
        yield Finding(what="daemon", state="good", says=f"it runs{f' at {where}' if where else ''}.")
    else:
        says = "it does not run; nothing opens by itself unless cron calls `capsule tick`."
        yield Finding(what="daemon", state="warning", says=says)
    if settings.public_url_is_loopback:
        state: Literal["warning", "wrong"] = "wrong" if settings.mail_is_real else "warning"
        says = "links in letters would work on this machine only; set it to the address that guests reach."
        yield Finding(what="public_url", state=state, says=says)
    elif settings.public_url:
        yield _reached(settings.public_url)


def _reached(url: str) -> Finding:
    """Ask our own pages the way a guest would."""
    import urllib.error
    import urllib.request

    try:
        # `url` is our own setting, checked to be http or https.
        with urllib.request.urlopen(f"{url}/healthz", timeout=_LOOK_SECONDS):  # noqa: S310
            return Finding(what="public_url", state="good", says=f"{url} answers.")
    except urllib.error.HTTPError as error:
        says = f"{url} answers with {error.code}; is the daemon running, and the proxy set up?"
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        says = f"{url} does not answer from here ({reason}); links in letters may not work."
    return Finding(what="public_url", state="warning", says=says)


def _inside(app: App) -> Iterator[Finding]:
    from memorycapsule.services import instances, keys, reading, sessions
    from memorycapsule.work import ticks

    yield _rendering_ahead(app)
    status = keys.status(app.store)
    if lacking := status.without_instance + status.without_recovery:
        says = f"{lacking} capsules lack an envelope; `capsule key status` tells more."
        yield Finding(what="envelopes", state="wrong", says=says)
    doubt = ticks.clock_doubt(app.worker)
    if doubt:
        yield Finding(what="clock", state="wrong", says=doubt)
    elif app.clock.synchronised() is False:
        yield Finding(what="clock", state="warning", says="it is not synchronised; check that NTP is on.")
    else:
        yield Finding(what="clock", state="good", says="nothing speaks against it.")
    instance = instances.check_key(app.store, app.vault.key)
    if instance.mail_paused_until and app.now() < instance.mail_paused_until:
        yield Finding(what="letters", state="warning", says=f"all wait: {instance.mail_pause_reason}")
    yield _unknown_files(app)
    letters = reading.outbox(app.store, sessions.host_viewer(app.store))
    open_ends = sum(one.state in {"unknown", "rejected"} for one in letters)
    waiting = sum(one.state == "queued" for one in letters)
    if open_ends:
        says = f"{open_ends} were rejected or may not have arrived; `capsule mail outbox` names them."
        yield Finding(what="outbox", state="warning", says=says)
    else:
        yield Finding(
            what="outbox", state="good", says=f"{waiting} letters wait." if waiting else "nothing waits."
        )


def _unknown_files(app: App) -> Finding:
    """Say whether the database knows every file that is kept; the daemon's log says the same once a day."""
    from memorycapsule.services import cleanup

    what = "stored files"
    unknown = cleanup.unknown_blobs(app.store, app.vault, now=app.now())
    if not unknown.files:
        return Finding(what=what, state="good", says="the database knows all that are older than a day.")
    is_one = unknown.files == 1
    says = (
        f"{unknown.files:,} {'file' if is_one else 'files'} ({unknown.bytes / 1e6:,.1f} MB) in "
        f"{app.settings.blobs_dir} {'is' if is_one else 'are'} not known to the database. Nothing of that is "
        "deleted. If photos are missing, the database in use is older than the files, or another one: end the "
        "daemon, and put the newest one back or set store_url to the right one. Otherwise it is what cut-off "
        "imports left."
    )
    return Finding(what=what, state="warning", says=says)


def _rendering_ahead(app: App) -> Finding:
    """Say whether films can be there on the day."""
    from memorycapsule.config import bytes_of
    from memorycapsule.work import tmpfs

    what, film = "rendering ahead", app.settings.film
    if app.worker.quiet_hours is None:
        return Finding(what=what, state="good", says="it is off; films are made after the opening.")
    if bytes_of(film.cache_size) == 0:
        says = "film.cache_size leaves no room for it; films are made after the opening."
        return Finding(what=what, state="warning", says=says)
    try:
        place = tmpfs.workspace(app.worker.tmpfs_places, app.worker.work_dir)
    except tmpfs.NoTmpfs as error:
        says = f"{error.message} Films are made after the opening."
        return Finding(what=what, state="warning", says=says)
    when = "always" if film.quiet_hours == "always" else f"at {film.quiet_hours} ({app.settings.zone})"
    says = f"the daemon makes films of sealed capsules {when}, in {place.parent}."
    return Finding(what=what, state="good", says=says)


def register(app: typer.Typer) -> None:
    """Add this command to `capsule`."""
    app.command("doctor", epilog=examples("capsule doctor", "capsule doctor --trust-clock"))(doctor)
