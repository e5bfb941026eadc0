"""render: a film from any folder of photos, without a capsule and without a configuration."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memorycapsule.cli.commands.capsules import SoundtrackOption, ThemeOption, music
from memorycapsule.cli.door import door_of
from memorycapsule.cli.files import FoundFile, gather
from memorycapsule.cli.film_files import checked_film, checked_out
from memorycapsule.cli.import_report import left_out, not_in_yet
from memorycapsule.cli.missing_letters import warn_of_missing_letters
from memorycapsule.cli.options import examples
from memorycapsule.cli.output import Output, plain, refusal_answer
from memorycapsule.cli.render_pictures import prepare_pictures
from memorycapsule.errors import (
    Busy,
    CapsuleError,
    FilesRefused,
    PartlyDone,
    Postponed,
    UsageProblem,
    system_problem,
)

if TYPE_CHECKING:
    from memorycapsule.domain.film.direction import Direction, StoryText
    from memorycapsule.domain.film.picture_choice import Picture
    from memorycapsule.domain.film.plan import MontagePlan, Source

_SOUNDTRACK_FILE = "soundtrack"
_PICTURES = "pictures"
#: What share of the work preparing the pictures is, for the bar.
_PREPARING_SHARE = 0.2
#: A film of less than this share of the requested length is worth a word.
_MUCH_SHORTER = 0.8


@dataclass(frozen=True, kw_only=True)
class _RenderOrder:
    """How the film is to be, checked before anything slow begins."""

    out: Path
    #: Where the plan is to be written.
    write_plan: Path | None
    #: The plan to follow instead of directing.
    stored_plan: MontagePlan | None
    title: str
    direction: Direction
    workers: int
    #: A file that knows faces, from the configuration if there is one.
    face_model: Path | None


def render(
    ctx: typer.Context,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE|FOLDER...", help="Photos and clips.", show_default=False)
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILM", help="The film, an mp4.", show_default=False)
    ],
    theme: ThemeOption = None,
    title: Annotated[
        str | None, typer.Option("--title", metavar="TITLE", help="What stands on its first card.")
    ] = None,
    soundtrack: SoundtrackOption = None,
    size: Annotated[str, typer.Option("--size", help="720p, 1080p, 1440p, 4k or like 1280x720.")] = "1080p",
    fps: Annotated[int, typer.Option("--fps", metavar="FRAMES", help="Frames per second, 10 to 60.")] = 30,
    length: Annotated[
        str | None, typer.Option("--length", metavar="short|full|SECONDS", help="full takes every picture.")
    ] = None,
    plan: Annotated[
        Path | None,
        typer.Option("--plan", metavar="FILE", help="Write down how the film is made, as JSON to edit."),
    ] = None,
    from_plan: Annotated[
        Path | None,
        typer.Option("--from-plan", metavar="FILE", help="Make the film that this plan describes."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a film or plan that is there.")] = False,
) -> None:
    """
    Make a film of photos and clips, without a capsule.

    No configuration is needed either. It takes 60 pictures, fairly chosen, about three minutes, unless
    --length says otherwise. Folders inside a folder become chapters. Files that cannot be used are left out and
    named, exit code 5. After a run that was cut off, the same command goes on from what it had finished.

    --plan writes the plan of the film beside it: which pictures, how long, what is written. Edit it, and give it
    back with --from-plan and the same files; then it alone decides, size and theme included.
    """
    door = door_of(ctx)
    door.refuse_acting_as()
    found = gather(files)
    inputs = [*(one.path for one in found), *(one for one in (soundtrack, from_plan) if one)]
    order = _RenderOrder(
        out=checked_film(out, inputs, force=force),
        write_plan=checked_out(plan, [*inputs, out], force=force) if plan else None,
        stored_plan=_read_plan(from_plan, has_song=soundtrack is not None) if from_plan else None,
        title=title if title is not None else _usual_title(files),
        direction=_direction(
            theme,
            size,
            fps,
            length,
            has_song=soundtrack is not None,
            locale=door.out.language,
        ),
        workers=max(1, min(4, os.cpu_count() or 1)),
        face_model=None if from_plan else door.settings(file_must_exist=False).film.face_model,
    )
    warn_of_missing_letters(door.out, order.title)
    with music(soundtrack) as song, _workspace(order.out, door.out) as folder:
        if song:
            song.seek(0)
            with (folder / _PICTURES / _SOUNDTRACK_FILE).open("wb") as copy:
                shutil.copyfileobj(song, copy, 1 << 20)
        facts, refused, count = _make(order, found, folder, door.out)
    door.out.answer(
        {
            "film": {
                "file": str(out),
                "seconds": facts["seconds"],
                "frames": facts["frames"],
                "pictures": count,
                "size": [facts["width"], facts["height"]],
                "fps": facts["fps"],
                "bytes": order.out.stat().st_size,
                "segments": {"encoded": facts["segments_encoded"], "reused": facts["segments_reused"]},
            },
            "missing": [{"file": name, "missing": what} for name, what in facts["missing"].items()],
            "refused": [
                {"file": name, **refusal_answer(error)}
                for name, error, _quiet in refused
                if not isinstance(error, Postponed)
            ],
            "not_in_yet": [{"file": name, **refusal_answer(error)} for name, error in _postponed(refused)],
        }
    )
    for name, missing in facts["missing"].items():
        for what in missing:
            door.out.warn(door.out.words(f"cli_missing_{what}", file=plain(name)))
    loud = [(name, error) for name, error, is_quiet in refused if not is_quiet]
    _say_left_out(door.out, loud)
    seconds = f"{facts['seconds']:.0f}"
    door.out.say(door.out.words.counted("cli_render_done", count, file=plain(str(out)), seconds=seconds))
    if loud:
        raise typer.Exit(PartlyDone.exit_code)


@contextmanager
def _workspace(film: Path, out: Output) -> Iterator[Path]:
    """
    Provide a folder to make the film in, with an empty one for pictures: hidden, beside the film, gone with success.

    A run that ends early, however it ends, leaves its finished segments there, and the next run for the same
    film encodes only what is missing. Raises UsageProblem where no such folder can be, Busy while another run
    works in it.
    """
    from memorycapsule.work.lock import FolderLock

    folder = film.with_name(f".{film.name}.unfinished")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise UsageProblem("render_no_room", folder=film.parent, problem=system_problem(error)) from error
    # Anybody may make one in a shared folder, and fill it.
    if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
        raise UsageProblem("render_folder_not_yours", folder=folder)
    try:
        lock = FolderLock(folder).take()
    except Busy as error:
        raise Busy("render_busy") from error
    is_made = False
    with lock:
        # What a killed run left of them may be cut short.
        shutil.rmtree(folder / _PICTURES, ignore_errors=True)
        try:
            (folder / _PICTURES).mkdir()
            yield folder
            is_made = True
        finally:
            shutil.rmtree(folder / _PICTURES, ignore_errors=True)
            if is_made or not any(folder.glob("segments/*.mp4")):
                shutil.rmtree(folder, ignore_errors=True)
            else:
                out.warn(out.words("cli_render_pieces", folder=plain(str(folder))))


def _make(
    order: _RenderOrder, found: Sequence[FoundFile], folder: Path, out: Output
) -> tuple[dict[str, Any], list[tuple[str, CapsuleError, bool]], int]:
    from memorycapsule.domain.film.direction import check_length
    from memorycapsule.work.renderer import RenderJob, run_renderer

    with out.progress(out.words("cli_progress_film"), 1.0) as bar:
        pictures, refused, missing = prepare_pictures(
            found, folder / _PICTURES, folder, lambda share: bar.reach(_PREPARING_SHARE * share)
        )
        if not pictures:
            _say_left_out(out, [(name, error) for name, error, is_quiet in refused if not is_quiet])
            for _name, error in _postponed(refused):
                raise error
            raise FilesRefused("render_none")
        distinct: Sequence[Picture] = pictures
        if order.stored_plan:
            plan = _with_files(order.stored_plan, pictures)
        else:
            distinct, plan = _directed(order, pictures, folder / _PICTURES)
            check_length(order.direction, plan.seconds)
        if order.write_plan:
            pretty = json.dumps(json.loads(plan.to_json()), ensure_ascii=False, indent=1)
            order.write_plan.write_text(f"{pretty}\n", encoding="utf-8")
        plan_file = folder / "plan.json"
        plan_file.write_text(plan.to_json(), encoding="utf-8")
        facts = run_renderer(
            RenderJob(
                plan_file=plan_file,
                pictures=folder / _PICTURES,
                out=order.out,
                poster=folder / "poster.jpg",
                workspace=folder,
                workers=order.workers,
                nice=0,
            ),
            key=b"",
            on_progress=lambda share: bar.reach(_PREPARING_SHARE + (1 - _PREPARING_SHARE) * share),
        )
    names = {picture.id for picture in pictures}
    refused += [(one, error, False) for one, error in facts["left_out"].items()]
    facts |= {"width": plan.size.width, "height": plan.size.height, "fps": plan.fps, "missing": missing}
    if alike := len(pictures) - len(distinct):
        out.note(out.words("cli_render_alike", alike=alike, pictures=len(pictures)))
    if unused := len(distinct) - len(plan.sources):
        out.note(out.words("cli_render_unused", unused=unused, pictures=len(pictures)))
    wished = order.direction.length
    if not order.stored_plan and isinstance(wished, float) and plan.seconds < _MUCH_SHORTER * wished:
        out.note(out.words("cli_render_shorter", seconds=f"{plan.seconds:.0f}", wished=f"{wished:g}"))
    used = len(plan.sources) - sum(one in names for one in facts["left_out"])
    return facts, refused, used


def _directed(
    order: _RenderOrder, pictures: Sequence[Picture], folder: Path
) -> tuple[Sequence[Picture], MontagePlan]:
    """Return the pictures that look like no other, and the plan of a film of them."""
    from memorycapsule.domain.film.direction import direct, select_candidates
    from memorycapsule.media.picture_analysis import analyse_pictures
    from memorycapsule.media.tempo import tempo_of

    how = order.direction
    if how.soundtrack.file and (tempo := tempo_of(folder / _SOUNDTRACK_FILE)):
        how = replace(how, soundtrack=tempo.with_beat(how.soundtrack))
    seconds = how.style.longest_clip_seconds
    seen = select_candidates(
        how,
        pictures,
        _stories(pictures),
        analyse=lambda waiting: (
            analyse_pictures(folder, waiting, clip_seconds=seconds, face_model=order.face_model, nice=0),
            (),
        ),
        now=datetime.now(UTC),
    )
    return seen, direct(
        title=order.title,
        date_line=_years(seen),
        pictures=seen,
        # A folder whose pictures all look like others' is no chapter: nothing would come after its title.
        stories=_stories(seen),
        direction=how,
    )


def _postponed(refused: Sequence[tuple[str, CapsuleError, bool]]) -> list[tuple[str, Postponed]]:
    return [(name, error) for name, error, _quiet in refused if isinstance(error, Postponed)]


def _say_left_out(out: Output, loud: Sequence[tuple[str, CapsuleError]]) -> None:
    """Warn of what was refused, and of what the machine was too busy to read."""
    left_out(out, [(name, error) for name, error in loud if not isinstance(error, Postponed)])
    not_in_yet(out, [(name, error) for name, error in loud if isinstance(error, Postponed)])


def _stories(pictures: Sequence[Picture]) -> list[StoryText]:
    """Return a story for every folder inside the folders that were named, called as it is."""
    from memorycapsule.domain.film.direction import StoryText

    folders = sorted({picture.story_id for picture in pictures} - {""})
    return [StoryText(story_id=folder, title=plain(Path(folder).name), contributor="") for folder in folders]


def _read_plan(file: Path, *, has_song: bool) -> MontagePlan:
    from memorycapsule.domain.film.plan import MontagePlan
    from memorycapsule.errors import PlanRefused

    try:
        plan = MontagePlan.from_json(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageProblem("render_plan_unreadable", file=file) from error
    except PlanRefused as error:
        raise error.as_kind(UsageProblem) from error
    if plan.soundtrack.file and not has_song:
        raise UsageProblem("render_plan_needs_song")
    return plan


def _with_files(plan: MontagePlan, pictures: Sequence[Picture]) -> MontagePlan:
    """Return an edited plan with the files of this run. Raises UsageProblem when one that it names is not given."""
    from memorycapsule.domain.film.plan import with_sources

    known = {picture.id: picture for picture in pictures}

    def found(source: Source) -> Source:
        picture = known.get(source.id)
        if picture is None:
            raise UsageProblem("render_plan_names_other", file=source.id)
        return replace(source, file=picture.file, width=picture.width, height=picture.height)

    scenes = tuple(
        replace(scene, shots=tuple(with_sources(shot, found) for shot in scene.shots))
        for scene in plan.scenes
    )
    return replace(plan, scenes=scenes)


def _years(pictures: Sequence[Picture]) -> str:
    years = sorted({picture.taken_local.year for picture in pictures if picture.taken_local})
    if not years:
        return ""
    return str(years[0]) if years[0] == years[-1] else f"{years[0]} – {years[-1]}"


def _usual_title(files: Sequence[Path]) -> str:
    folder = next((path for path in files if path.is_dir()), None)
    return plain(folder.resolve().name) if folder else ""


def _direction(
    theme: str | None, size: str, fps: int, length: str | None, *, has_song: bool, locale: str
) -> Direction:
    from memorycapsule import themes
    from memorycapsule.config import pixels_of
    from memorycapsule.domain.film.direction import Direction, parse_length
    from memorycapsule.domain.film.plan import Soundtrack
    from memorycapsule.domain.film.sizes import Size
    from memorycapsule.words.dates import short_day

    if not 10 <= fps <= 60:
        raise UsageProblem("render_frames", frames=fps)
    width, height = pixels_of(size)
    loaded = themes.load(theme or "photocard")
    return Direction(
        size=Size(width=width, height=height),
        fps=fps,
        theme=loaded.name,
        style=loaded.film,
        soundtrack=Soundtrack(file=_SOUNDTRACK_FILE) if has_song else loaded.own_soundtrack(locale),
        length=parse_length(length),
        language=locale,
        day_in_words=lambda day: short_day(day, locale),
    )


def register(app: typer.Typer) -> None:
    """Add this command to `capsule`."""
    app.command(
        "render",
        epilog=examples(
            "capsule render ~/Pictures/summer -o summer.mp4",
            'capsule render a.jpg b.heic --title "여름" --theme museum --soundtrack song.mp3 -o film.mp4',
            "capsule render ~/Pictures/summer -o summer.mp4 --plan summer.json",
            "capsule render ~/Pictures/summer -o summer.mp4 --from-plan summer.json --force",
        ),
    )(render)
