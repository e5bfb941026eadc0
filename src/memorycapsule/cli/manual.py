r"""
The manual page, in roff: one page that tells of all commands, made of their help.

A hyphen that is typed is \- there, and \& keeps a dot at the beginning of a line from being a request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from memorycapsule.cli.help_pages import HelpPage
from memorycapsule.words.catalogues import wording

#: What an exit code means, and where things lie that somebody looks for.
_EXITS = {
    "0": "manual_exit_0",
    "1": "manual_exit_1",
    "2": "manual_exit_2",
    "3": "manual_exit_3",
    "4": "manual_exit_4",
    "5": "manual_exit_5",
    "6": "manual_exit_6",
    "7": "manual_exit_7",
    "8": "manual_exit_8",
    "130": "manual_exit_130",
}
_PLACES = {
    "~/.config/memory-capsule/config.toml": "manual_config_file",
    "~/.config/memory-capsule/instance.key": "manual_key_file",
    "~/.local/share/memory-capsule": "manual_data_dir",
}
_VARIABLES = {
    "CAPSULE_CONFIG": "manual_variable_config",
    "CAPSULE_DATA_DIR": "manual_variable_data_dir",
    "CAPSULE_SMTP__HOST": "manual_variable_setting",
    "CAPSULE_URL, CAPSULE_TOKEN": "manual_variable_distant",
}


def manual_of(pages: Iterable[HelpPage], language: str) -> str:
    """Return the manual page in a language, of the help of `capsule` and then of its commands."""
    say = wording(language, "manual").sentences
    heading = wording(language, "help").sentences["help_examples"]
    root, *commands = pages
    lines = [
        '.TH CAPSULE 1 "" MemoryCapsule',
        f".SH {say['manual_name']}",
        rf"capsule \- {_text(root.paragraphs[0].rstrip('.'))}",
        f".SH {say['manual_synopsis']}",
        r"\fBcapsule\fR [OPTIONS] COMMAND ...",
        f".SH {say['manual_description']}",
        _text(say["manual_about"]),
        f".SH {say['manual_options']}",
        *_rows(root.options),
        f".SH {say['manual_commands']}",
    ]
    for page in commands:
        if not page.commands:  # a family has no more to say than its commands
            lines += _command(page, heading)
    for title, rows in (
        ("manual_exit_status", _EXITS),
        ("manual_files", _PLACES),
        ("manual_environment", _VARIABLES),
    ):
        lines += [f".SH {say[title]}", *_rows((name, say[key]) for name, key in rows.items())]
    lines += [f".SH {say['manual_examples']}", *_typed(root.examples)]
    return "\n".join(lines) + "\n"


def _command(page: HelpPage, heading: str) -> Iterator[str]:
    yield f".SS {_text(page.called.removeprefix('capsule '))}"
    yield rf"\fB{_text(page.called)}\fR {_text(' '.join(page.usage))}"
    for paragraph in page.paragraphs:
        yield from (".PP", _text(paragraph))
    yield from _rows(page.arguments)
    yield from _rows(row for row in page.options if row[0] != "-h, --help")
    if page.examples:
        yield from (".PP", heading, *_typed(page.examples))


def _rows(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, text in rows:
        yield from (".TP", rf"\fB{_text(name)}\fR", _text(text))


def _typed(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines that stay as they are."""
    yield from (".PP", ".nf", ".RS 4", *map(_text, lines), ".RE", ".fi")


def _text(text: str) -> str:
    escaped = text.replace("\\", r"\e").replace("-", r"\-")
    escaped = re.sub(r"`([^`]*)`", r"\\fB\1\\fR", escaped)
    return rf"\&{escaped}" if escaped.startswith((".", "'")) else escaped
