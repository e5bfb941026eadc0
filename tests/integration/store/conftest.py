"""An instance of its own for each test, and capsules in it."""

from datetime import timedelta

import pytest

from support.cast import OPENS, make_capsule, make_instance

DAY = timedelta(days=1)


@pytest.fixture
def instance(store_url, tmp_path):
    with make_instance(store_url, tmp_path / "data") as instance:
        yield instance


@pytest.fixture
def three(instance):
    """Three capsules, made in another order than they open in."""
    return {
        name: make_capsule(instance, title=name, opens=OPENS + days * DAY)
        for name, days in (("late", 2), ("early", 0), ("middle", 1))
    }
