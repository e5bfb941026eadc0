"""
Cameras' clocks: what can be known about how wrong they are, and pictures without a date that can be believed.

A camera's error is what its own clock says less what the satellites or another camera say. It is the same for
all its pictures, or at least for those of a day; that several agree is what makes it believed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import combinations
from statistics import median

from memorycapsule.domain.capture_times import CaptureTime, TakenForm
from memorycapsule.domain.film.near_duplicates import SAME_BITS
from memorycapsule.domain.film.picture_choice import Picture

#: Errors of a clock that lie so near to each other agree; a smaller one is none.
_AGREED = timedelta(minutes=2)
#: Pictures that lie so near were taken before the clock was set again or the time zone changed.
_SAME_DAY = timedelta(hours=12)
#: So many must agree: with the satellites, and with another camera, there of different scenes.
_LEAST_FIXES, _LEAST_SCENES = 2, 3
_NEXT_SCENE = timedelta(minutes=5)
#: Time zones differ by so much at most, and by whole quarters of an hour.
_MOST_ZONES, _ZONE_STEP = timedelta(hours=26), timedelta(minutes=15)
#: The date of a camera whose clock was never set: a day on which nobody had such a camera, or the first hour of one.
_RESET_DAYS = frozenset({date(1904, 1, 1), date(1969, 12, 31), date(1970, 1, 1), date(1980, 1, 1)})
_RESET_HOURS = frozenset({date(2000, 1, 1)})
#: Whoever is ahead of us by time zones is not in the future.
_AHEAD = timedelta(days=1)
_NONE = timedelta(0)


def with_capture_time(
    picture: Picture, taken: CaptureTime | None, zone_name: str | None, *, gps_at: datetime | None
) -> Picture:
    """
    Return a picture with the instants that its file states.

    A day orders it among the others, and says nothing of a camera's clock. `gps_at`, of the satellites, checks that
    clock where it said something. A camera that knew no offset stood in the zone `zone_name`, or, for None, of this
    machine.
    """
    at, form = (taken.at_in(zone_name), taken.form) if taken else (None, None)
    is_day = form is TakenForm.DAY
    return replace(
        picture,
        taken_at=None if is_day else at,
        beside_at=at if is_day else None,
        gps_at=gps_at if form is TakenForm.TIME else None,
    )


def with_corrected_times(pictures: Iterable[Picture], now: datetime) -> tuple[Picture, ...]:
    """
    Return the pictures, in their order, with times that can be compared.

    The clock of a camera is corrected where the satellites say how wrong it is, or where at least three scenes
    were taken by another camera, too, and all of them agree. A date that a camera without a set clock makes up,
    or that lies after `now`, is none; pictures without a date stand beside their neighbour in the story
    (`Picture.beside_at`), where those of which the day is known stand at noon already.
    """
    pictures = list(pictures)
    by_fixes = [
        _shifted(picture, error) for picture, error in zip(pictures, _errors_by_fixes(pictures), strict=True)
    ]
    sound = [_without_made_up(picture, now) for picture in by_fixes]
    shared = _errors_by_scenes(sound)
    placed = [_shifted(picture, shared.get(_camera(picture), _NONE)) for picture in sound]
    return _beside_neighbours(placed)


#: A camera in the hands of one person; two phones of one model are two cameras.
_Camera = tuple[str, str]


def _camera(picture: Picture) -> _Camera:
    return (picture.contributor_key, picture.camera)


def _errors_by_fixes(pictures: Sequence[Picture]) -> list[timedelta]:
    """Return for each picture how far its camera's clock was ahead by the satellites, as far as that is known."""
    fixes: dict[_Camera, list[Picture]] = defaultdict(list)
    for picture in pictures:
        if picture.camera and picture.taken_at and picture.gps_at:
            fixes[_camera(picture)].append(picture)
    everywhere = {camera: _error(taken) for camera, taken in fixes.items()}
    errors: list[timedelta] = []
    for picture in pictures:
        camera = _camera(picture)
        error = _near_error(picture, fixes[camera]) if camera in fixes else None
        errors.append((everywhere.get(camera) if error is None else error) or _NONE)
    return errors


def _near_error(picture: Picture, fixes: Sequence[Picture]) -> timedelta | None:
    at = picture.taken_at
    if at is None:
        return None
    return _error([fix for fix in fixes if fix.taken_at and abs(fix.taken_at - at) <= _SAME_DAY])


def _error(fixes: Sequence[Picture]) -> timedelta | None:
    """
    Return the error that fixes agree on, None when they do not.

    A receiver without a view of the sky repeats its last fix, and then the clock only seems to be ahead: of
    pictures with the same fix, the first counts.
    """
    first: dict[datetime, timedelta] = {}
    for fix in fixes:
        if fix.gps_at and fix.taken_at:
            error = fix.taken_at - fix.gps_at
            first[fix.gps_at] = min(error, first.get(fix.gps_at, error))
    return _agreed(list(first.values()), _LEAST_FIXES)


def _agreed(errors: Sequence[timedelta], least: int) -> timedelta | None:
    """Return the middle of the errors when more than half of them, and at least so many, lie near to it."""
    if not errors:
        return None
    middle = timedelta(seconds=round(median(error.total_seconds() for error in errors)))
    near = [error for error in errors if abs(error - middle) <= _AGREED]
    return middle if len(near) >= least and 2 * len(near) > len(errors) else None


def _shifted(picture: Picture, error: timedelta) -> Picture:
    """Return a picture taken `error` earlier than its camera said."""
    if picture.taken_at is None or abs(error) <= _AGREED:
        return picture
    # People remember the time on the wall. A clock that is off by whole time zones showed just that.
    zones = round(error / _ZONE_STEP) * _ZONE_STEP if abs(error) <= _MOST_ZONES else _NONE
    drift = error - zones
    try:
        local = picture.taken_local - drift if picture.taken_local else None
        return replace(picture, taken_at=picture.taken_at - error, taken_local=local)
    except OverflowError:
        return picture


def is_made_up(local: datetime, at: datetime, by: datetime) -> bool:
    """
    Return whether a camera made up when it took a picture: its clock was never set, or runs ahead.

    `local` is the naive wall time that it gave, `at` the instant that this means, and `by` an instant at which the
    picture was there (both aware UTC). Old dates are believed: whoever scans a photo may say when it was taken.
    """
    is_reset = local.date() in _RESET_DAYS or (local.date() in _RESET_HOURS and local.hour == 0)
    return is_reset or at > by + _AHEAD


def _without_made_up(picture: Picture, now: datetime) -> Picture:
    at = picture.taken_at or picture.beside_at
    if at is None:
        return picture
    local = picture.taken_local or at.replace(tzinfo=None)
    if is_made_up(local, at, now):
        return replace(picture, taken_at=None, beside_at=None, taken_local=None)
    return picture


def _errors_by_scenes(pictures: Sequence[Picture]) -> dict[_Camera, timedelta]:
    """
    Return how far cameras are ahead of others that photographed the same scenes.

    The camera with a known clock is right, otherwise the one with more pictures; each is compared with those
    before it in that order, and one that was itself corrected corrects no other.
    """
    by_camera: dict[_Camera, list[Picture]] = defaultdict(list)
    for picture in pictures:
        if picture.camera and picture.taken_at and picture.analysis and picture.kind == "photo":
            by_camera[_camera(picture)].append(picture)
    order = sorted(
        by_camera, key=lambda camera: (not _is_known(by_camera[camera]), -len(by_camera[camera]), camera)
    )
    errors: dict[_Camera, timedelta] = {}
    for right, other in combinations(order, 2):
        if right in errors or other in errors or _is_known(by_camera[other]):
            continue
        error = _error_by_scenes(by_camera[right], by_camera[other])
        if error is not None and abs(error) > _AGREED:
            errors[other] = error
    return errors


def _is_known(pictures: Sequence[Picture]) -> bool:
    return _error([picture for picture in pictures if picture.gps_at]) is not None


def _error_by_scenes(right: Sequence[Picture], other: Sequence[Picture]) -> timedelta | None:
    """Return how far `other` is ahead of `right`, where enough scenes say the same."""
    pairs = [
        (one.taken_at, two.taken_at - one.taken_at)
        for one in right
        for two in other
        if one.analysis and two.analysis and one.taken_at and two.taken_at
        if (one.analysis.perceptual_hash ^ two.analysis.perceptual_hash).bit_count() <= SAME_BITS
    ]
    scenes: dict[datetime, timedelta] = {}
    for at, error in sorted(pairs):
        if not scenes or at - max(scenes) >= _NEXT_SCENE:
            scenes[at] = error
    return _agreed(list(scenes.values()), _LEAST_SCENES)


def _beside_neighbours(pictures: Sequence[Picture]) -> tuple[Picture, ...]:
    """Return the pictures, those without a date beside the dated one before them in the story, or after them."""
    stories: dict[str, list[Picture]] = defaultdict(list)
    for picture in pictures:
        stories[picture.story_id].append(picture)
    beside: dict[str, datetime] = {}
    for story in stories.values():
        at: datetime | None = None
        in_order = sorted(story, key=lambda picture: (picture.position, picture.id))
        for picture in in_order:
            own = picture.taken_at or picture.beside_at
            at = own or at
            if own is None and at is not None:
                beside[picture.id] = at
        first = next((own for one in in_order if (own := one.taken_at or one.beside_at)), None)
        if first is not None:
            beside |= {
                picture.id: first
                for picture in in_order
                if picture.taken_at is None and picture.beside_at is None and picture.id not in beside
            }
    return tuple(
        replace(picture, beside_at=beside[picture.id]) if picture.id in beside else picture
        for picture in pictures
    )
