"""story list, show, edit, remove."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memorycapsule.cli.commands import story_add
from memorycapsule.cli.commands.capsules import story_line
from memorycapsule.cli.door import Door, door_of, is_interactive
from memorycapsule.cli.options import CapsuleArgument, StoryArgument, examples, group
from memorycapsule.cli.output import Output, plain
from memorycapsule.cli.prompts import confirm
from memorycapsule.cli.sentences import told_error
from memorycapsule.errors import CapsuleError, NotFound, UsageProblem, system_problem

if TYPE_CHECKING:
    from memorycapsule.cli.instance import AnyInstance
    from memorycapsule.schemas.stories import Medium, Story

#: File systems allow 255 bytes in a name; room is left for a number.
_LONGEST_NAME_BYTES = 240


def list_stories(ctx: typer.Context, capsule: CapsuleArgument) -> None:
    """List the stories that you may see: your own until the day, all of them afterwards."""
    door = door_of(ctx)
    with door.instance() as there:
        found = there.stories(capsule)
    door.out.answer({"stories": found})
    if not found:
        door.out.show(door.out.words("cli_stories_none"))
    for story in found:
        door.out.show(story_line(story, door.out))


def show(
    ctx: typer.Context,
    story: StoryArgument,
    save: Annotated[
        Path | None,
        typer.Option(
            "--save", metavar="FOLDER", help="Put its photos, clips and voice notes there, as they came."
        ),
    ] = None,
) -> None:
    """Show a story that you may see, and save its photos, clips and voice notes."""
    door = door_of(ctx)
    with door.instance() as there:
        found = there.story(story)
        saved = _save(there, found, save) if save and found.media else []
    answer: dict[str, Any] = {"story": found}
    if save:
        answer["saved"] = [str(path) for path in saved]
    door.out.answer(answer)
    door.out.show(plain(found.title) or door.out.words("cli_story_untitled"))
    door.out.show(door.out.words("cli_story_by", author=plain(found.author.name)))
    if found.damage:
        door.out.show(f"\n{door.out.spoken(told_error(found.damage, sentence=found.text))}")
    elif found.text:
        door.out.show(f"\n{plain(found.text, keeps_lines=True)}")
    if found.media:
        door.out.show("")
    for one in found.media:
        kind, size = door.out.named("medium", one.kind), _size(one, door.out)
        when = _when(one)
        taken = ", " + door.out.words("cli_medium_taken", when=when) if when else ""
        door.out.show(f"  {one.id}  {plain(one.file)} ({kind}, {size}{taken})")
    if save and not found.media:
        door.out.say("\n" + door.out.words("cli_story_saved_none"))
    elif save:
        folder = plain(str(save))
        door.out.say("\n" + door.out.words("cli_story_saved", files=len(saved), folder=folder))


def _when(medium: Medium) -> str | None:
    """Return the time of a medium on the clock of its place, or the day alone where that is all there is of it."""
    day = medium.taken_day.isoformat() if medium.taken_day else None
    return medium.taken_at if day is None or (medium.taken_at or "").startswith(day) else day


def edit(
    ctx: typer.Context,
    story: StoryArgument,
    title: Annotated[str | None, typer.Option("--title", metavar="TITLE", help="Another title.")] = None,
    text: Annotated[
        str | None, typer.Option("--text", metavar="TEXT", help="Another text; - reads it from stdin.")
    ] = None,
    caption: Annotated[
        list[str] | None,
        typer.Option(
            "--caption",
            metavar="MEDIUM=TEXT",
            help="What stands under a photo or clip; several times if need be.",
        ),
    ] = None,
) -> None:
    """Change the title, the text or captions of a story of yours, until the day."""
    if title is None and text is None and not caption:
        raise UsageProblem("story_edit_nothing")
    if unclear := [one for one in caption or [] if "=" not in one]:
        raise UsageProblem("caption_unclear", caption=unclear[0])
    captions = {name.strip(): written for name, _, written in (one.partition("=") for one in caption or [])}
    door = door_of(ctx)
    words = story_add.written(text)
    with door.instance() as there:
        edited = there.edit_story(story, title=title, text=words, captions=captions)
    door.out.answer({"story": edited})
    door.out.say(door.out.words("cli_story_changed"))


def remove(
    ctx: typer.Context,
    story: StoryArgument,
    media: Annotated[
        list[str] | None,
        typer.Option(
            "--medium", metavar="ID", help="Only this photo, clip or voice note; may be given several times."
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove a story of yours with its photos, or single photos, clips and voice notes, for good; until the day."""
    door = door_of(ctx)
    with door.instance() as there:
        held = _media_of(there.story(story), media)
        _confirm_removal(door, media, yes=yes)
        for medium_id in dict.fromkeys(media or []):
            there.remove_medium(medium_id)
        if not media:
            there.remove_story(story)
    door.out.answer({"removed": {"story": None if media else story, "media": media or sorted(held)}})
    door.out.say(door.out.words("cli_story_removed"))


def _media_of(story: Story, wanted: list[str] | None) -> set[str]:
    """Return the ids of all that is in a story. Raises NotFound when something wanted is not."""
    held = {one.id for one in story.media}
    for medium_id in wanted or []:
        if medium_id not in held:
            raise NotFound("story_medium_unknown", id=medium_id)
    return held


def _confirm_removal(door: Door, media: list[str] | None, *, yes: bool) -> None:
    if yes:
        return
    if not is_interactive(door):
        raise UsageProblem("story_remove_needs_yes")
    words = door.out.words
    question = words("cli_media_remove_ask", files=len(media)) if media else words("cli_story_remove_ask")
    confirm(words, question, default=False)


def _size(medium: Medium, out: Output) -> str:
    """Say how large a picture is; of a voice note, how long."""
    if medium.width:
        return f"{medium.width}×{medium.height}"
    minutes, seconds = divmod(round(medium.duration_seconds or 0), 60)
    return out.words("cli_minutes", minutes=f"{minutes}:{seconds:02}")


def _save(there: AnyInstance, story: Story, folder: Path) -> list[Path]:
    """Write the originals of a story into a folder, and return their paths."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CapsuleError("folder_cannot_be_made", folder=folder, problem=system_problem(error)) from error
    saved = []
    for one in story.media:
        path = free_path(folder, safe_name(one.file) or one.id)
        with path.open("xb") as file:
            try:
                there.save_original(one.id, file)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        saved.append(path)
    return saved


def safe_name(name: str) -> str:
    """Return a name that is a file in any folder and harmless in any terminal; empty when nothing is left."""
    # A line break becomes a blank, and not an escape of letters.
    last = plain(" ".join(name.split())).replace("\\", "_").rpartition("/")[2].strip()
    if last.strip(".") == "":
        return ""
    stem, dot, ending = last.rpartition(".")
    stem, ending = (stem, f"{dot}{ending}") if stem and len(ending) <= 10 else (last, "")
    room = _LONGEST_NAME_BYTES - len(ending.encode())
    return stem.encode()[:room].decode(errors="ignore") + ending


def free_path(folder: Path, name: str) -> Path:
    """Return a path in `folder` that nothing stands at yet: the name, or the name with a number."""
    path, count = folder / name, 1
    while path.exists() or path.is_symlink():
        count += 1
        path = folder / f"{Path(name).stem} ({count}){Path(name).suffix}"
    return path


def register(app: typer.Typer) -> None:
    """Add these commands to `capsule`."""
    family = group(
        "Stories: words, photos, clips and voice notes.",
        'capsule story add the-summer-we-kept --title "The swing" ~/Pictures/summer',
        "capsule story list the-summer-we-kept",
    )
    family.command(
        "add",
        epilog=examples(
            'capsule story add the-summer-we-kept --title "The swing" ~/Pictures/summer',
            "capsule story add the-summer-we-kept --text - < letter.txt",
            'capsule --as younghee@example.org story add the-summer-we-kept --title "From the shoebox" scans/',
        ),
    )(story_add.add)
    family.command("list", epilog=examples("capsule story list the-summer-we-kept"))(list_stories)
    family.command(
        "show", epilog=examples("capsule story show 3f0c…", "capsule story show 3f0c… --save ~/Pictures/kept")
    )(show)
    family.command(
        "edit",
        epilog=examples(
            'capsule story edit 3f0c… --title "The swing"',
            'capsule story edit 3f0c… --caption "77aa…=Grandpa made it"',
        ),
    )(edit)
    family.command(
        "remove",
        epilog=examples("capsule story remove 3f0c…", "capsule story remove 3f0c… --medium 77aa… --yes"),
    )(remove)
    app.add_typer(family, name="story")
