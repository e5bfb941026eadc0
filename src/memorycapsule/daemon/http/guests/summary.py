"""The summary of a capsule on several pages: its members, its contents, its day and its bundle."""

from __future__ import annotations

from datetime import date

from memorycapsule.daemon.http.html.bundle import DYES, bundle
from memorycapsule.domain.capsules import Capsule
from memorycapsule.domain.film.montages import Montage
from memorycapsule.domain.zones import local_of
from memorycapsule.services.reading import OpenedView, Outline
from memorycapsule.words.counts import contents_in_words, people_in_words


def opening_film(view: OpenedView) -> Montage | None:
    """Return the film that the opening makes, None when there is none."""
    return next((montage for montage in view.montages if montage.is_opening), None)


def opening_day(capsule: Capsule) -> date:
    """Return the day, in the capsule's zone, on which it opened or will open."""
    return local_of(capsule.opened_at or capsule.opens_at, capsule.zone).date()


def contents(view: Outline, language: str) -> str:
    """Say how many photos, clips, voice notes and stories all members together have added."""
    return contents_in_words(
        photos=sum(contribution.photos for contribution in view.contributions),
        clips=sum(contribution.clips for contribution in view.contributions),
        voices=sum(contribution.voices for contribution in view.contributions),
        stories=sum(contribution.stories for contribution in view.contributions),
        locale=language,
    )


def count_authors(view: Outline, language: str) -> str:
    """Say how many people have added a story: "3 people"."""
    return people_in_words(sum(1 for one in view.contributions if one.stories), language)


def count_members(view: Outline, language: str) -> str:
    """Say how many members there are: "3 people"."""
    return people_in_words(len(view.contributions), language)


def member_rows(view: Outline, language: str) -> list[dict[str, object]]:
    """Return name, role, dye and contents of each member, in order of joining."""
    return [
        {
            "name": contribution.member.name,
            "initial": contribution.member.name[:1].upper(),
            "dye": number % len(DYES),
            "role": contribution.member.role,
            "is_viewer": contribution.member.id == view.member.id,
            "amount": contents_in_words(
                photos=contribution.photos,
                clips=contribution.clips,
                voices=contribution.voices,
                stories=contribution.stories,
                locale=language,
            ),
        }
        for number, contribution in enumerate(view.contributions)
    ]


def bundle_of(view: Outline, label: str, *, is_tied: bool) -> str:
    """Draw the bundle of a capsule as SVG."""
    counts = [contribution.photos for contribution in view.contributions]
    return bundle(view.capsule.id, counts, label=label, is_tied=is_tied)
