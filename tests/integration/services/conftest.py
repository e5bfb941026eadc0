"""One stage for all: Ada's sealed capsule with Ben and 영희 in it, and Cleo elsewhere."""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from memorycapsule.domain.capsules import Capsule
from memorycapsule.domain.stories import Viewer
from support.cast import (
    Instance,
    Person,
    Time,
    add_story,
    another_session,
    join,
    make_capsule,
    make_instance,
    open_instance,
    younghee,
)


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


@contextlib.contextmanager
def copied(made: tuple[Path, Stage], folder: Path) -> Iterator[Stage]:
    """Open a copy of what was made once: setting it up anew for each test would take most of the time."""
    original, stage = made
    shutil.copytree(original, folder, dirs_exist_ok=True)
    recovery_identity = stage.instance.recovery_identity
    with open_instance(f"sqlite:///{folder}/data/capsule.db", folder / "data", recovery_identity) as instance:
        yield replace(stage, instance=instance)


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> tuple[Path, Stage]:
    folder = tmp_path_factory.mktemp("stage")
    with make_instance(f"sqlite:///{folder}/data/capsule.db", folder / "data") as instance:
        return folder, set_up(instance)


@pytest.fixture
def instance(tmp_path):
    with make_instance(f"sqlite:///{tmp_path}/data/capsule.db", tmp_path / "data") as instance:
        yield instance


@pytest.fixture
def stage(made, tmp_path):
    with copied(made, tmp_path) as stage:
        yield stage


@pytest.fixture
def stage_on_both(store_url, made, tmp_path):
    """The same on SQLite and (slow) on Postgres."""
    if store_url.startswith("sqlite"):
        with copied(made, tmp_path) as stage:
            yield stage
    else:
        with make_instance(store_url, tmp_path / "data") as instance:
            yield set_up(instance)


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def filled(stage_on_both):
    """Ben has put in a story with a photo; so has 영희."""
    stage = stage_on_both
    add_story(stage.instance, stage.capsule, stage.ben.viewer, title="Ben's secret")
    add_story(stage.instance, stage.capsule, stage.younghee.viewer, title="영희의 비밀")
    return stage
