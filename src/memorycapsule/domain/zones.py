"""
Time zones and the instants that wall times mean.

The rules come from the `tzdata` package, never from the operating system, so that the version that a date was
resolved with is known and recorded beside it.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata, resources
from zoneinfo import ZoneInfo

from memorycapsule.errors import UsageProblem


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
    raise UsageProblem("zone_unknown", zone=name)


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


def local_of(instant: datetime, zone_name: str) -> datetime:
    """Return the naive wall time of `instant` in a zone; its `fold` is set as PEP 495 says."""
    return instant.astimezone(zone(zone_name)).replace(tzinfo=None)
