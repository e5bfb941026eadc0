"""
Time zones and the instants that wall times mean.

The rules come from the `tzdata` package, never from the operating system, so that the version that a date was
resolved with is known and recorded beside it.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata, resources
from zoneinfo import ZoneInfo

from memorycapsule.errors import UsageProblem

#: How people call the time of a place, where that is no name of a zone.
_ABBREVIATIONS = {
    "kst": "Asia/Seoul",
    "jst": "Asia/Tokyo",
    "ist": "Asia/Kolkata",
    "sgt": "Asia/Singapore",
    "hkt": "Asia/Hong_Kong",
    "bst": "Europe/London",
    "cest": "Europe/Berlin",
    "mez": "Europe/Berlin",
    "edt": "America/New_York",
    "cst": "America/Chicago",
    "cdt": "America/Chicago",
    "mdt": "America/Denver",
    "pst": "America/Los_Angeles",
    "pdt": "America/Los_Angeles",
    "aest": "Australia/Sydney",
    "aedt": "Australia/Sydney",
    "nzst": "Pacific/Auckland",
}
_LIKE_A_NAME = re.compile(r"[A-Za-z _-]+(?:/[A-Za-z _-]+)*")
#: So many names are suggested at most.
_MOST_MEANT = 3


def rules_version() -> str:
    """Return the version of the zone rules in use, such as `2026.6`."""
    return metadata.version("tzdata")


@functools.cache
def territories() -> Mapping[str, str]:
    """
    Return the zones that places have today, alphabetically, each with its territory: its code of ISO 3166-1.

    They are those of `zone.tab`: no former name and no alias stands there.
    """
    table = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in table.splitlines() if line and not line.startswith("#")]
    return dict(sorted((name, territory) for territory, _place, name, *_comment in rows))


@functools.cache
def zone(name: str) -> ZoneInfo:
    """
    Return the IANA zone called `name`.

    Raises UsageProblem when there is no such zone.
    """
    parts = name.split("/")
    if all(part and part[0] not in "._" and part.replace("_", "").isascii() for part in parts):
        file = resources.files("tzdata").joinpath("zoneinfo", *parts)
        try:
            with file.open("rb") as stream:
                return ZoneInfo.from_file(stream, key=name)
        except (OSError, ValueError):
            pass  # not a zone file: the sentence below says so
    if _LIKE_A_NAME.fullmatch(name) and (meant := _meant(name)):
        raise UsageProblem("zone_unknown_like", zone=name, names=meant)
    raise UsageProblem("zone_unknown", zone=name)


def _meant(name: str) -> list[str]:
    """Return the zones that somebody may have meant who wrote `seoul`, `asia/seoul`, `KST` or `Asia/Soul`."""
    typed = "_".join(name.strip().casefold().replace("-", "_").split())
    if place := _ABBREVIATIONS.get(typed):
        return [place]
    by_word: dict[str, list[str]] = {}
    for one in (*territories(), "UTC"):
        for word in {one.casefold(), one.rpartition("/")[2].casefold()}:
            by_word.setdefault(word.replace("-", "_"), []).append(one)
    near = [typed] if typed in by_word else difflib.get_close_matches(typed, by_word, n=2, cutoff=0.8)
    return [one for word in near for one in by_word[word]][:_MOST_MEANT]


def wall_time(local: datetime, zone_name: str, fold: int = 0) -> datetime:
    """Return a naive wall time as an aware one in its zone, as errors carry it: whoever reads it has it in words."""
    return local.replace(tzinfo=zone(zone_name), fold=fold)


def instant_of(local: datetime, zone_name: str, fold: int = 0) -> datetime:
    """
    Return the instant (aware UTC) that the naive wall time `local` means in a zone.

    A wall time that a clock change skips is read with the offset from before the change (02:30 in a gap from
    02:00 to 03:00 is 03:30 afterwards); one that happens twice is the first of the two unless `fold` is 1
    (PEP 495).
    """
    return wall_time(local, zone_name, fold).astimezone(UTC)


def shown_wall_time(local: datetime, zone_name: str) -> datetime:
    """Return the wall time that clocks show when `local` is meant: another one where a clock change skips it."""
    return local_of(instant_of(local, zone_name), zone_name).replace(fold=0)


def happens_twice(local: datetime, zone_name: str) -> bool:
    """Tell whether clocks show a wall time twice, because they are set back."""
    is_shown = shown_wall_time(local, zone_name) == local
    return is_shown and instant_of(local, zone_name) != instant_of(local, zone_name, fold=1)


def local_of(instant: datetime, zone_name: str) -> datetime:
    """Return the naive wall time of `instant` in a zone; its `fold` is set as PEP 495 says."""
    return instant.astimezone(zone(zone_name)).replace(tzinfo=None)
