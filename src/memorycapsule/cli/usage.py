"""What Typer says of a command line that it does not understand, as sentences of the catalogue."""

from __future__ import annotations

import re

from memorycapsule.cli.sentences import Sentence

#: Typer puts its sentences together before anybody else sees them.
_SENTENCES = [
    (re.compile(pattern, re.DOTALL), key)
    for pattern, key in (
        (r"No such option: (?P<option>\S+) \(Possible options: (?P<options>.+)\)", "cli_usage_option_like"),
        (r"No such option: (?P<option>\S+)", "cli_usage_option"),
        (r"No such command (?P<name>.+)\. Did you mean (?P<names>.+)\?", "cli_usage_command_like"),
        (r"No such command (?P<name>.+)\.", "cli_usage_command"),
        (r"Missing argument (?P<name>.+)\.", "cli_usage_missing_argument"),
        (r"Missing option (?P<name>.+)\.", "cli_usage_missing_option"),
        (r"Missing command\.", "cli_usage_missing_command"),
        (r"Got unexpected extra argument\(s\) \((?P<extra>.*)\)", "cli_usage_extra"),
        (r"Option (?P<option>.+) requires an argument\.", "cli_usage_needs_value"),
        (r"Option (?P<option>.+) does not take a value\.", "cli_usage_takes_no_value"),
        (r"Invalid value for (?P<name>'[^']*'): (?P<reason>.+)", "cli_usage_invalid"),
        (
            r"Input should be a valid integer, unable to parse string as an integer",
            "cli_usage_integer",
        ),
        (r"path (?P<path>.+) is not readable\.", "cli_usage_unreadable"),
    )
]


def usage_sentence(message: str) -> str:
    """Return what Typer says as a sentence that ends like one; as Typer says it where no catalogue knows it."""
    found = _known(message)
    return found if found.endswith((".", "?", "!")) else Sentence("cli_usage_end", problem=found)


def _known(message: str) -> str:
    for pattern, key in _SENTENCES:
        if found := pattern.fullmatch(message):
            values = found.groupdict()
            if reason := values.get("reason"):
                return Sentence(key, **{**values, "reason": _known(reason)})
            return Sentence(key, **values)
    return message
