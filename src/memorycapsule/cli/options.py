"""How commands are put together: options that work on both sides of a command's name, examples, completion."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from memorycapsule.cli.door import Door
from memorycapsule.cli.help_pages import EXAMPLES, HelpedCommand, HelpedGroup

_Function = TypeVar("_Function", bound=Callable[..., Any])

#: Options of `capsule` itself that may follow a command's name as well.
_EVERYWHERE = {"config", "acting_as", "as_json", "quiet", "no_progress", "verbose", "lang"}


def examples(*lines: str) -> str:
    """Return the end of a command's help: what one types."""
    # \b keeps the lines apart where help texts are wrapped.
    return f"\b\n{EXAMPLES}\n" + "\n".join(f"  {line}" for line in lines)


class Commands(typer.Typer):
    """A family of commands, whose help is shown in the language of the terminal."""

    def __init__(self, **more: Any) -> None:
        super().__init__(cls=HelpedGroup, no_args_is_help=True, rich_markup_mode=None, **more)

    def command(self, name: str | None = None, **more: Any) -> Callable[[_Function], _Function]:
        """Add a command, as `typer.Typer.command` does."""
        return super().command(name, cls=HelpedCommand, **more)


def group(help_text: str, *lines: str) -> typer.Typer:
    """Return an empty family of commands, such as `capsule story`, whose help ends with examples."""
    return Commands(help=help_text, epilog=examples(*lines), add_completion=False)


def completion_for(shell: str) -> str:
    """Return what a shell (bash, zsh, fish) reads to complete `capsule`: it asks the program itself each time."""
    from typer._completion_shared import get_completion_script

    script = get_completion_script(prog_name="capsule", complete_var="_CAPSULE_COMPLETE", shell=shell)
    return f"{script.strip()}\n"


def spread(root: TyperGroup) -> TyperGroup:
    """Let the options of `capsule` be understood after each command's name, too; help shows them once."""
    for command in _leaves(root):
        command.params = [*command.params, *_hidden_copies(root)]
    return root


def _leaves(found: TyperGroup) -> Iterator[TyperCommand]:
    for command in found.commands.values():
        if isinstance(command, TyperGroup):
            yield from _leaves(command)
        elif isinstance(command, TyperCommand):
            yield command


def _hidden_copies(root: TyperGroup) -> Iterator[TyperOption]:
    for option in root.params:
        if isinstance(option, TyperOption) and option.name in _EVERYWHERE:
            twin = copy.copy(option)
            twin.hidden = True
            twin.expose_value = False
            twin.callback = _take
            yield twin


def _take(ctx: Any, option: Any, value: Any) -> Any:
    source = ctx.get_parameter_source(option.name)
    door: Door | None = ctx.find_root().obj
    if door is not None and not ctx.resilient_parsing:
        if source is not None and source.name == "COMMANDLINE":
            door.take(option.name, value)
        elif option.name == "as_json":
            # Only now it is certain: what looked like --json may have been the text of another option.
            door.out.as_json = door.json_at_front
        elif option.name == "lang":
            door.out.language = door.language_at_front
    return value


def _slugs(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Complete the names of capsules from the database; whatever goes wrong, nothing is offered."""
    from memorycapsule.cli.output import Output

    try:
        from memorycapsule.services import reading

        door = Door(Output())
        door.config_file = ctx.find_root().params.get("config")
        with door.store() as store:
            own = reading.own_capsules(store, door.viewer(store))
    except Exception:  # noqa: BLE001 - a half-typed line is no place for errors
        return []
    return [(one.capsule.slug, one.capsule.title) for one in own if one.capsule.slug.startswith(incomplete)]


CapsuleArgument = Annotated[
    str,
    typer.Argument(
        metavar="CAPSULE",
        help="Its short name (`capsule list`) or id.",
        autocompletion=_slugs,
        show_default=False,
    ),
]
StoryArgument = Annotated[
    str, typer.Argument(metavar="STORY", help="Its id (`capsule story list CAPSULE`).", show_default=False)
]
FilmArgument = Annotated[
    str, typer.Argument(metavar="ID", help="Its id (`capsule montage list`).", show_default=False)
]
