"""The bundle: one cloth per capsule."""

import re
from xml.etree import ElementTree as ET

import pytest

from memorycapsule.daemon.http.html.bundle import DYES, bundle


def dyes(svg: str) -> list[str]:
    return re.findall(r'fill="(#\w{6}|var\(--ramie\))" stroke="#fff" stroke-opacity=".85"', svg)


@pytest.mark.parametrize("counts", [[], [0], [3, 0, 12], [100] * 20])
def test_it_is_well_formed_and_covers_the_whole_cloth(counts):
    drawn = bundle("a", counts, label='a "label" <b>')

    ET.fromstring(drawn)
    sizes = re.findall(
        r'width="([\d.]+)" height="([\d.]+)" fill="(?:#\w{6}|var\(--ramie\))" stroke="#fff" stroke-opacity=".85"',
        drawn,
    )
    assert sum(float(width) * float(height) for width, height in sizes) == pytest.approx(400 * 400, rel=0.02)
    assert len(sizes) >= 16


def test_the_same_capsule_has_the_same_cloth_and_another_one_another():
    assert bundle("a", [1, 2], label="x") == bundle("a", [1, 2], label="x")
    assert bundle("a", [1, 2], label="x") != bundle("b", [1, 2], label="x")


def test_every_member_has_a_patch_and_some_cloth_stays_undyed():
    used = dyes(bundle("a", [0] * 8, label="x"))

    assert set(DYES) < set(used)
    assert used.count("var(--ramie)") >= 4
