"""Commands ask one interface, whether the instance is here or a distant daemon's."""

import inspect

import pytest

from memorycapsule.cli.distant.instance import DistantInstance
from memorycapsule.cli.instance import AnyInstance
from memorycapsule.cli.local.instance import LocalInstance


def methods(kind: type) -> dict[str, list[tuple[str, object]]]:
    """The public methods of a class, with names and kinds of what they take."""
    return {
        name: [(one.name, one.kind) for one in inspect.signature(method).parameters.values()]
        for name, method in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }


@pytest.mark.parametrize("kind", [LocalInstance, DistantInstance])
def test_an_instance_does_all_that_commands_ask_and_nothing_else(kind):
    assert methods(kind) == methods(AnyInstance)
    assert len(methods(AnyInstance)) > 20


@pytest.mark.parametrize(
    "words",
    [
        ["create", "Winter", "--opens", "+9y"],
        ["edit", "summer", "--title", "Winter"],
        ["delete", "summer", "--yes"],
        ["join", "x"],
        ["open", "summer"],
        ["tick"],
        ["login-link"],
        ["mail", "outbox"],
        ["key", "status"],
    ],
    ids=" ".join,
)
def test_what_works_on_the_machine_itself_only_is_refused_elsewhere(summer, monkeypatch, words):
    monkeypatch.setenv("CAPSULE_URL", "http://127.0.0.1:9")

    said = summer(*words, "--json", token="whoever")

    assert (said.code, said.error["code"]) == (8, "not_allowed")
    monkeypatch.delenv("CAPSULE_URL")
    assert [one["title"] for one in summer("list", "--json").json["capsules"]] == ["Summer"]


def test_a_distant_daemon_needs_a_token(summer, monkeypatch):
    monkeypatch.setenv("CAPSULE_URL", "http://127.0.0.1:9")

    said = summer("member", "list", "summer", "--json")

    assert (said.code, said.error["code"]) == (2, "usage")
    assert "CAPSULE_TOKEN" in said.error["message"]
