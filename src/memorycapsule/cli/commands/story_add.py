"""story add: many files into one story, several at a time, each kept or refused on its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memorycapsule.cli.boundary import Interrupted
from memorycapsule.cli.door import door_of
from memorycapsule.cli.files import FoundFile, StoredMedium, gather
from memorycapsule.cli.import_report import ImportSum, left_out, not_in_yet, sum_in_words
from memorycapsule.cli.missing_letters import warn_of_missing_letters
from memorycapsule.cli.options import CapsuleArgument
from memorycapsule.cli.output import Output, error_answer, plain, refusal_answer
from memorycapsule.cli.typed import read_text
from memorycapsule.errors import (
    CapsuleError,
    DiskFull,
    FilesRefused,
    MediaRefused,
    PartlyDone,
    Postponed,
    UsageProblem,
    is_disk_full,
    system_problem,
)
from memorycapsule.words.catalogues import Wording

if TYPE_CHECKING:
    from memorycapsule.cli.instance import AnyInstance


@dataclass(frozen=True, kw_only=True)
class _Refusal:
    found: FoundFile
    error: MediaRefused


@dataclass(kw_only=True)
class _Import:
    """What has become of the files so far, each by its place in the order they were found in."""

    attached: dict[int, StoredMedium] = field(default_factory=dict)
    refused: dict[int, _Refusal] = field(default_factory=dict)
    #: What the machine was too busy to read.
    postponed: dict[int, Postponed] = field(default_factory=dict)
    #: What ended the import before its end.
    failure: CapsuleError | None = None


def add(
    ctx: typer.Context,
    capsule: CapsuleArgument,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE|FOLDER]...",
            help="Photos, clips and voice notes, or folders of them.",
            show_default=False,
        ),
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="STORY", help="Put the files into this story of yours.")
    ] = None,
    title: Annotated[
        str | None, typer.Option("--title", metavar="TITLE", help="What the story is called.")
    ] = None,
    text: Annotated[
        str | None,
        typer.Option("--text", metavar="TEXT", help="What the story tells; - reads it from stdin."),
    ] = None,
) -> None:
    """
    Add a story, with photos, clips and voice notes or without; sealed at once, and until the day only you see it.

    Photos are recognised by what they are, not by their names. Some files refused: the others are in, each refusal
    is named, exit code 5. An import that was cut off goes on with --to and the same files. With --as EMAIL before
    the command, the admin adds a story in a member's name, or in that of somebody who is invited and has not answered:
    that makes them a member, and their invitation still lets them in, or lets them say no.
    """
    door = door_of(ctx)
    if to is not None and (title is not None or text is not None):
        raise UsageProblem("story_to_takes_files")
    if to is not None and not files:
        raise UsageProblem("story_to_needs_files")
    words = written(text)
    is_wordless = not (title or "").strip() and not (words or "").strip()
    if not files and is_wordless:
        raise UsageProblem("story_empty")
    began = time.monotonic()
    with door.instance(adds_for_others=True) as there:
        found = gather(files or [])
        story_id = to or there.add_story(capsule, title=title, text=words)
        done = _begin(found)
        try:
            if found and to is None:
                # Whatever ends this early, a power cut too: whoever reads it can go on.
                door.out.note(door.out.words("cli_story_begun", story=story_id))
            first = there.next_position(to) if to else 0
            _attach_all(there, story_id, found, first, done)
        except KeyboardInterrupt:
            done.failure = Interrupted()
        # The id of a story that was cut off has been told, and --to fills it.
        was_cut_off = isinstance(done.failure, Interrupted)
        if found and to is None and is_wordless and not (done.attached or done.postponed or was_cut_off):
            # With a full disk even this may fail; then an empty story stays, and --to fills it.
            with suppress(DiskFull):
                there.remove_story(story_id)
                story_id = ""
    _answer(door.out, story_id, found, done, seconds=time.monotonic() - began)
    warn_of_missing_letters(door.out, title, words)


def written(text: str | None) -> str | None:
    """Return the text of a story; `-` is read from stdin. Raises UsageProblem."""
    return read_text() if text == "-" else text


def _attach_all(
    there: AnyInstance, story_id: str, found: Sequence[FoundFile], first: int | None, done: _Import
) -> None:
    """
    Attach the files, some at the same time; ends early on a full disk and on Ctrl-C.

    What the machine was too busy to read is tried once more at the end, one file after the other.
    """
    waiting = [place for place in range(len(found)) if place not in done.refused]
    if not waiting:
        return
    stop = threading.Event()
    with there.attaching(story_id, [found[place].path for place in waiting], stop) as attaching:

        def attach(place: int) -> StoredMedium | None:
            position = None if first is None else first + place
            return None if stop.is_set() else attaching.attach(found[place].path, position)

        with ThreadPoolExecutor(attaching.at_once, "attach") as pool:
            running = {pool.submit(attach, place): place for place in waiting}
            try:
                _collect(running, found, done, stop.set)
                for place in sorted(done.postponed):
                    running = {pool.submit(attach, place): place}
                    _collect(running, found, done, stop.set)
            except KeyboardInterrupt:
                stop.set()
                # What is half way is finished: it takes a moment and saves doing it again.
                refused, postponed = dict(done.refused), dict(done.postponed)
                _collect(running, found, done, stop.set)
                # A terminal's Ctrl-C ends the decoders as well: what they said since then says nothing.
                done.refused, done.postponed = refused, postponed
                done.failure = Interrupted()
            finally:
                stop.set()


def _begin(found: Sequence[FoundFile]) -> _Import:
    """Return an import with what is left out at once."""
    done = _Import()
    for place, one in enumerate(found):
        if one.refusal:
            done.refused[place] = _Refusal(found=one, error=one.refusal)
    return done


def _collect(
    running: dict[Future[StoredMedium | None], int],
    found: Sequence[FoundFile],
    done: _Import,
    stop: Callable[[], None],
) -> None:
    for future in as_completed(running):
        place = running[future]
        if place in done.attached or place in done.refused:
            continue
        try:
            kept = future.result()
        except MediaRefused as error:
            done.postponed.pop(place, None)
            done.refused[place] = _Refusal(found=found[place], error=error)
        except Postponed as error:
            done.postponed[place] = error
        except (CapsuleError, OSError) as error:
            # The disk is full, the date has come, the story is gone: nothing after it would fare better.
            stop()
            done.failure = done.failure or _translate_error(error)
        else:
            if kept is not None:
                done.postponed.pop(place, None)
                done.attached[place] = kept


def _translate_error(error: CapsuleError | OSError) -> CapsuleError:
    if isinstance(error, CapsuleError):
        return error
    if is_disk_full(error):
        return DiskFull()
    return CapsuleError("import_stuck", problem=system_problem(error))


def _answer(out: Output, story_id: str, found: Sequence[FoundFile], done: _Import, *, seconds: float) -> None:
    """Say what is in, what was there already and what was refused, and what ended the import early."""
    media, duplicates = _sorted_out(found, done)
    refused = [done.refused[place] for place in sorted(done.refused)]
    loud = [one for one in refused if not one.found.is_quiet]
    left_out(out, [(one.found.path, one.error) for one in loud])
    total = ImportSum(
        files=len(found) - len(refused) + len(loud),
        bytes=sum(one.medium.bytes for one in done.attached.values()),
        seconds=seconds,
    )
    for medium in media:
        for what in medium["missing"]:
            out.warn(out.words(f"cli_missing_{what}", file=plain(medium["file"])))
    not_yet = [(found[place].path, done.postponed[place]) for place in sorted(done.postponed)]
    not_in_yet(out, not_yet)
    failure = done.failure and _explained(done.failure, story_id, len(done.attached))
    nothing_in = bool(found) and not done.attached
    if failure is None and nothing_in and not story_id:
        failure = FilesRefused("import_none")
    out.answer(
        {
            **({"error": error_answer(failure)} if failure else {}),
            "story": {"id": story_id} if story_id else None,
            "media": media,
            "duplicates": duplicates,
            "refused": [{"file": str(one.found.path), **refusal_answer(one.error)} for one in refused],
            "not_in_yet": [{"file": str(path), **refusal_answer(error)} for path, error in not_yet],
        }
    )
    if failure:
        raise failure
    out.say(_added(out.words, story_id, len(media), len(duplicates), len(loud), len(not_yet)))
    if found:
        out.say(sum_in_words(out, total))
    if loud or not_yet:
        is_refused = nothing_in and not not_yet
        raise typer.Exit(FilesRefused.exit_code if is_refused else PartlyDone.exit_code)


def _explained(failure: CapsuleError, story_id: str, count: int) -> CapsuleError:
    """Return what ended the import, with what is in and how to go on where that makes sense."""
    match failure:
        case DiskFull():
            what = CapsuleError("import_disk_full")
        case Interrupted():
            what = CapsuleError("import_stopped")
        case CapsuleError(code="unreachable"):
            what = CapsuleError("import_unreachable")
        case _:
            return failure
    if not story_id:
        return type(failure)("import_nothing", what=what)
    return type(failure)("import_partly", what=what, count=count, story=story_id)


def _sorted_out(
    found: Sequence[FoundFile], done: _Import
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Return what is new, and what was there already with the name of what it equals, in order."""
    fresh = {
        one.medium.id: str(found[place].path)
        for place, one in sorted(done.attached.items())
        if not one.is_duplicate
    }
    media, duplicates = [], []
    for place, one in sorted(done.attached.items()):
        path = str(found[place].path)
        if one.is_duplicate:
            known = fresh.get(one.medium.id, one.medium.file)
            duplicates.append({"file": path, "duplicate_of": known})
        else:
            # What a path holds need not be Unicode, so it is no field of a model.
            media.append({**one.medium.model_dump(mode="json"), "file": path})
    return media, duplicates


def _added(words: Wording, story_id: str, media: int, duplicates: int, refused: int, not_yet: int) -> str:
    counts = {
        "cli_added_new": media,
        "cli_added_there": duplicates,
        "cli_added_left_out": refused,
        "cli_added_not_yet": not_yet,
    }
    contents = ", ".join(words(key, files=files) for key, files in counts.items() if files)
    if not contents:
        return words("cli_story_added", story=story_id)
    return words("cli_story_added_with_files", story=story_id, contents=contents)
