"""What Typer says of a command line that it does not understand, as errors of ours."""

from __future__ import annotations

import re

from memorycapsule.errors import UsageProblem

#: Typer puts its sentences together before anybody else sees them.
_SENTENCES = [
    (re.compile(pattern, re.DOTALL), key)
    for pattern, key in (
        (r"No such option: (?P<option>\S+) \(Possible options: (?P<options>.+)\)", "usage_option_like"),
        (r"No such option: (?P<option>\S+)", "usage_option"),
        (r"No such command (?P<name>.+)\. Did you mean (?P<names>.+)\?", "usage_command_like"),
        (r"No such command (?P<name>.+)\.", "usage_command"),
        (r"Missing argument (?P<name>.+)\.", "usage_missing_argument"),
        (r"Missing option (?P<name>.+)\.", "usage_missing_option"),
        (r"Missing command\.", "usage_missing_command"),
        (r"Got unexpected extra argument\(s\) \((?P<extra>.*)\)", "usage_extra"),
        (r"Option (?P<option>.+) requires an argument\.", "usage_needs_value"),
        (r"Option (?P<option>.+) does not take a value\.", "usage_takes_no_value"),
        (r"Invalid value for (?P<name>'[^']*'): (?P<problem>.+)", "usage_invalid"),
        (
            r"(?:Input should be a valid integer|Unable to parse input string as an integer).*",
            "usage_integer",
        ),
        (r"path (?P<path>.+) is not readable\.", "usage_unreadable"),
    )
]


def usage_problem(message: str) -> UsageProblem:
    """Return what Typer says as an error of ours whose sentence ends like one."""
    found = _known(message)
    return found if message.endswith((".", "?", "!")) else UsageProblem("usage_end", problem=found)


def _known(message: str) -> UsageProblem:
    for pattern, key in _SENTENCES:
        if found := pattern.fullmatch(message):
            values = found.groupdict()
            if problem := values.get("problem"):
                return UsageProblem(key, **{**values, "problem": _known(problem)})
            return UsageProblem(key, **values)
    return UsageProblem("other", sentence=message)
