"""A word beforehand where a film cannot draw what was typed."""

from __future__ import annotations

from memorycapsule.cli.output import Output, plain


def warn_of_missing_letters(out: Output, *texts: str | None) -> None:
    """Say which letters of these texts a film replaces by a sign, if there are any."""
    from memorycapsule.services.film.missing_letters import missing_letters

    if letters := missing_letters(*texts):
        out.warn(out.words("cli_letters_missing", letters=plain(letters)))
