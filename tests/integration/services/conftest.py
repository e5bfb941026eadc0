"""One stage for all: Ada's sealed capsule with Ben and 영희 in it, and Cleo elsewhere."""

from dataclasses import dataclass

import pytest

from cast import Instance, Person, Time, another_session, join, make_capsule, make_instance, younghee
from memorycapsule.domain.capsules import Capsule
from memorycapsule.domain.stories import Viewer


@dataclass(frozen=True, kw_only=True)
class Stage:
    instance: Instance
    capsule: Capsule
    #: The owner, on the machine itself.
    ada: Viewer
    ben: Person
    younghee: Person
    #: Has an account, since she is in another capsule.
    cleo: Viewer


def set_up(instance: Instance) -> Stage:
    capsule = make_capsule(instance)
    elsewhere = join(instance, make_capsule(instance, title="Another"), "Cleo")
    return Stage(
        instance=instance,
        capsule=capsule,
        ada=instance.ada,
        ben=join(instance, capsule, "Ben"),
        younghee=younghee(instance, capsule),
        cleo=another_session(instance, elsewhere.viewer.account_id, is_proved=True),
    )


@pytest.fixture
def instance(tmp_path):
    with make_instance(f"sqlite:///{tmp_path}/data/capsule.db", tmp_path / "data") as instance:
        yield instance


@pytest.fixture
def stage(instance):
    return set_up(instance)


@pytest.fixture
def stage_on_both(store_url, tmp_path):
    """The same on SQLite and (slow) on Postgres."""
    with make_instance(store_url, tmp_path / "data") as instance:
        yield set_up(instance)


@pytest.fixture
def time():
    return Time()
