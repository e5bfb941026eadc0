"""
Help in the language of the terminal.

The English text stands beside each option and in the docstring of each command. `words/en/help.po` is made of it, for
whoever translates. The texts of `words/<language>/help.po` are laid out here, by columns of a terminal: Typer counts
characters, cuts the list of commands, and shows the types of Python.
"""

from __future__ import annotations

import inspect
import itertools
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from memorycapsule.cli.layout import width_of, wrapped
from memorycapsule.cli.typed import refuse_unclear
from memorycapsule.words.catalogues import wording
from memorycapsule.words.languages import DEFAULT

#: The line of a command's epilog before what one types.
EXAMPLES = "Examples:"
_HEADER = """\
# Made of the commands by `python -c "from memorycapsule import cli; print(cli.help_catalogue(), end='')"`.
#
# 'help create' is the help of a command, 'help create --opens' that of one of its options, 'help create TITLE' that
# of an argument. Those without a command, as 'help --theme', hold wherever a command has no words of its own.
msgid ""
msgstr ""
"Language: en\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"
"""
#: What stands around the texts.
_FRAME = {
    "help_usage": "Usage:",
    "help_arguments": "Arguments:",
    "help_options": "Options:",
    "help_commands": "Commands:",
    "help_examples": EXAMPLES,
    "help_required": "required",
    "help_default": "default: {value}",
}
#: A first column that is wider than this has its text on the next line.
_FIRST_COLUMN = 30
#: Terminals with fewer columns break lines as they like.
_NARROWEST = 36
#: What Typer adds to the text of an option: '[default: 30; required]'.
_ADDED = re.compile(r"\[(?:default: (?P<default>[^\]]*?))?(?:; )?(?P<required>required)?\]$")

_Command = TyperCommand | TyperGroup


class HelpedCommand(TyperCommand):
    """A command whose help is shown in the language of the terminal, and whose words are looked at."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words. Raises UsageProblem for an empty path and the like."""
        _look_at(self, ctx, args)
        return super().parse_args(ctx, args)

    def get_help(self, ctx: Any) -> str:
        """Return the help text."""
        return _page(self, ctx, _language(ctx))


class HelpedGroup(TyperGroup):
    """A family of commands whose help is shown in the language of the terminal, and whose words are looked at."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words. Raises UsageProblem for an empty path and the like."""
        rest = _look_at(self, ctx, args)
        if ctx.parent is None and rest[:1] == ["version"]:
            # No command, but what people type.
            args = [*args[: len(args) - len(rest)], "--version", *rest[1:]]
        return super().parse_args(ctx, args)

    def get_help(self, ctx: Any) -> str:
        """Return the help text."""
        return _page(self, ctx, _language(ctx))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that is meant. `help` is no command: what follows it is asked for its help."""
        if args[0] != "help":
            return super().resolve_command(ctx, args)
        if named := [*itertools.takewhile(lambda one: not one.startswith("-"), args[1:])]:
            return super().resolve_command(ctx, [*named, "--help"])
        typer.echo(self.get_help(ctx))
        raise typer.Exit


def _look_at(command: _Command, ctx: Any, args: Sequence[str]) -> list[str]:
    """
    Have the words looked at as they were typed, and return those that are left for a family's command.

    What Typer makes of them does not tell "" from ".". Raises UsageProblem.
    """
    if ctx.resilient_parsing:
        return []
    given, rest, _ = command.make_parser(ctx).parse_args(args=list(args))
    refuse_unclear(command.get_params(ctx), given)
    return rest


def catalogue_of(root: TyperGroup) -> str:
    """Return the text of `words/en/help.po`: what the help of all commands says."""
    texts = dict(_FRAME)
    ctx = root.context_class(root, **root.context_settings)
    commands = dict(_commands(root, "capsule"))
    by_name: dict[str, Counter[str]] = defaultdict(Counter)
    for command in commands.values():
        for name, text in _params(command, ctx):
            by_name[name][text] += 1
    for path, command in commands.items():
        texts[f"help {path}"] = _unwrapped(command.help)
        for name, text in _params(command, ctx):
            commonest, count = by_name[name].most_common(1)[0]
            texts[f"help {name}" if text == commonest and count > 1 else f"help {path} {name}"] = text
    return _HEADER + "".join(f"\nmsgid {_quoted(key)}\n{_msgstr(text)}\n" for key, text in texts.items())


def _commands(found: _Command, path: str) -> Iterator[tuple[str, _Command]]:
    yield path, found
    if isinstance(found, TyperGroup):
        for name, command in found.commands.items():
            assert isinstance(command, _Command)
            if not command.hidden:
                yield from _commands(command, name if path == "capsule" else f"{path} {name}")


def _params(command: _Command, ctx: Any) -> Iterator[tuple[str, str]]:
    for param in command.get_params(ctx):
        if not getattr(param, "hidden", False):
            yield _name(param), _unwrapped(getattr(param, "help", None))


def _name(param: Any) -> str:
    """Return what an option or argument is called in the catalogue: '--opens', 'TITLE'."""
    if param.param_type_name == "argument":
        return str(param.name).upper()
    return str(max(param.opts, key=len))


def _unwrapped(text: str | None) -> str:
    """Return a text with each paragraph on a line of its own."""
    return "\n\n".join(" ".join(one.split()) for one in inspect.cleandoc(text or "").split("\n\n"))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{escaped}"'


def _msgstr(text: str) -> str:
    lines = text.splitlines(keepends=True)
    return "\n".join(["msgstr " + _quoted(text)] if len(lines) == 1 else ['msgstr ""', *map(_quoted, lines)])


def _language(ctx: Any) -> str:
    door = ctx.find_root().obj
    return DEFAULT if door is None else str(door.out.language)


@dataclass(frozen=True, kw_only=True)
class HelpPage:
    """What the help of a command says, in one language, before it is laid out."""

    #: What one types: 'capsule story add', and what may follow: '[OPTIONS]', 'CAPSULE'.
    called: str
    usage: tuple[str, ...]
    #: Each of them one line.
    paragraphs: tuple[str, ...]
    #: What one types, and what it is for.
    arguments: tuple[tuple[str, str], ...]
    options: tuple[tuple[str, str], ...]
    #: Names and first sentences of a family's commands.
    commands: tuple[tuple[str, str], ...]
    #: Whole lines, without their heading.
    examples: tuple[str, ...]


def all_pages(root: TyperGroup, language: str) -> Iterator[HelpPage]:
    """Yield the help of `capsule` and of each of its commands, a family before its own commands."""
    above = root.context_class(root, info_name="capsule", **root.context_settings)
    yield from _pages(root, above, language)


def _pages(command: _Command, ctx: Any, language: str) -> Iterator[HelpPage]:
    yield _contents(command, ctx, language)
    if isinstance(command, TyperGroup):
        for name, one in command.commands.items():
            assert isinstance(one, _Command)
            if not one.hidden:
                yield from _pages(one, one.context_class(one, info_name=name, parent=ctx), language)


def _contents(command: _Command, ctx: Any, language: str) -> HelpPage:
    """Return what the help of a command says."""
    sentences = wording(language, "help").sentences
    path = ctx.command_path.removeprefix("capsule ")
    rows: dict[str, list[tuple[str, str]]] = {"argument": [], "option": []}
    for param in command.get_params(ctx):
        if record := param.get_help_record(ctx):
            text = _explained(param, record[1], path, sentences)
            rows[param.param_type_name].append((_typed(param), text))
    commands = command.commands if isinstance(command, TyperGroup) else {}
    families = {
        name: sentences.get(
            f"help {name}" if path == "capsule" else f"help {path} {name}", _unwrapped(one.help)
        )
        for name, one in commands.items()
        if not one.hidden
    }
    epilog = inspect.cleandoc(command.epilog or "").removeprefix("\b\n")
    return HelpPage(
        called=ctx.command_path,
        usage=tuple(_usage(command, ctx)),
        paragraphs=tuple(sentences.get(f"help {path}", _unwrapped(command.help)).split("\n\n")),
        arguments=tuple(rows["argument"]),
        options=tuple(rows["option"]),
        commands=tuple((name, _first_sentence(text)) for name, text in families.items()),
        examples=tuple(line.strip() for line in epilog.splitlines() if line != EXAMPLES),
    )


def _page(command: _Command, ctx: Any, language: str) -> str:
    """Return the help of a command, laid out for the terminal."""
    sentences = wording(language, "help").sentences
    page = _contents(command, ctx, language)
    width = max(min(shutil.get_terminal_size().columns, 80) - 2, _NARROWEST)
    lines = [*wrapped(" ".join(page.usage), width, first=f"{sentences['help_usage']} {page.called} "), ""]
    for paragraph in page.paragraphs:
        lines += [*wrapped(paragraph, width, first="  "), ""]
    lines += _definitions(sentences["help_arguments"], page.arguments, width)
    lines += _definitions(sentences["help_options"], page.options, width)
    lines += _definitions(sentences["help_commands"], page.commands, width)
    if page.examples:
        lines += [f"  {sentences['help_examples']}", *(f"    {line}" for line in page.examples)]
    return "\n".join(lines).rstrip()


def _usage(command: _Command, ctx: Any) -> Iterator[str]:
    """Yield what one types after a command's name."""
    yield "[OPTIONS]"
    for param in command.get_params(ctx):
        if param.param_type_name == "argument":
            name = _typed(param)
            yield name if param.required or name.startswith("[") else f"[{name}]"
    if isinstance(command, TyperGroup):
        yield "COMMAND ..."


def _typed(param: Any) -> str:
    """Return an option or argument as one types it, in words of people: '-o, --out FILM', 'EMAIL...'."""
    called = str(param.metavar or param.name.upper())
    if param.param_type_name == "argument":
        return called
    names = ", ".join(sorted(param.opts, key=len))
    return names if param.is_flag else f"{names} {called}"


def _explained(param: Any, english: str, path: str, sentences: Mapping[str, str]) -> str:
    """Return what an option is for, with its default and whether it has to be given."""
    name = _name(param)
    text = sentences.get(f"help {path} {name}") or sentences.get(f"help {name}") or _unwrapped(param.help)
    found = _ADDED.search(english)
    if not found:
        return text
    added = [sentences["help_default"].format(value=found["default"])] if found["default"] else []
    added += [sentences["help_required"]] if found["required"] else []
    return f"{text}  [{'; '.join(added)}]"


def _first_sentence(text: str) -> str:
    first, dot, _ = text.split("\n", 1)[0].partition(". ")
    return first + dot.strip()


def _definitions(heading: str, rows: Sequence[tuple[str, str]], width: int) -> Iterator[str]:
    if not rows:
        return
    first = min(max(width_of(name) for name, _ in rows), _FIRST_COLUMN) + 2
    yield heading
    for name, text in rows:
        beside = width_of(name) <= first - 2
        if not beside:
            yield f"  {name}"
        begin = f"  {name if beside else ''}"
        begin += " " * (first + 2 - width_of(begin))
        yield from wrapped(text, width, first=begin)
    yield ""
