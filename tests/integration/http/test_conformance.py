"""The API does what its document says, whatever it is asked: requests made up from the document itself."""

import itertools
import warnings

import pytest

from integration.http.conftest import make_scene

with warnings.catch_warnings():
    # Its dependencies warn of each other.
    warnings.simplefilter("ignore")
    schemathesis = pytest.importorskip(
        "schemathesis", reason="schemathesis is installed for the slow tests only (requirements/all.lock)."
    )
    from hypothesis import HealthCheck, Phase, given, settings
    from schemathesis import GenerationMode
    from schemathesis.checks import not_a_server_error
    from schemathesis.core.failures import FailureGroup
    from schemathesis.core.parameters import ParameterLocation
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        negative_data_rejection,
        response_headers_conformance,
        response_schema_conformance,
        status_code_conformance,
        unsupported_method,
    )

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]


@schemathesis.serializer("application/offset+octet-stream")
def _as_it_is(_context, value):
    return value if isinstance(value, bytes) else str(value).encode()


@pytest.fixture(scope="module", params=["sealed", "open"])
def known(request, tmp_path_factory):
    """A site, and ids that are really there."""
    with make_scene(tmp_path_factory.mktemp(request.param)) as scene:
        if request.param == "open":
            scene.open()
            scene.film_id = scene.finish_film()
        yield scene


@pytest.fixture(scope="module")
def api(known):
    return schemathesis.openapi.from_asgi("/api/openapi.json", known.browser().app)


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_answer_is_a_surprise(api, known, mode):
    surprises, asked = [], 0
    for found in api.get_all_operations():
        operation = found.ok()
        try:
            _ask_all_sorts(operation, known, mode)
        except FailureGroup as failure:
            surprises.append(f"{operation.label}\n{failure}")
        asked += 1

    assert "\n\n".join(surprises) == ""
    assert asked > 30


def _ask_all_sorts(operation, known, mode):
    """Ask what the document allows, or (negative) what it does not."""
    there = {
        "capsule": known.capsule.id,
        "story": known.story.id,
        "medium": known.medium_id,
        "montage": known.film_id,
        "name": "museum",
    }
    turns = itertools.count()
    # One for each operation: some of them end it.
    owner = {"authorization": f"Bearer {known.session_of(known.instance.ada.account_id)}"}

    def is_about_what_there_is(case):
        # Made-up ids find nothing, so every second request is about what there is; deleting is left to made-up ones.
        if case.method.upper() == "DELETE":
            return False
        if mode is GenerationMode.POSITIVE:
            return next(turns) % 2
        # What is wrong must stay wrong: here it is the body.
        body = case.meta.components.get(ParameterLocation.BODY)
        return body is not None and body.mode.is_negative

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=12 if mode is GenerationMode.POSITIVE else 6,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case):
        if is_about_what_there_is(case):
            real = {name: there[name] for name in case.path_parameters or {} if there.get(name)}
            case.path_parameters = {**(case.path_parameters or {}), **real}
            case.headers.pop("Authorization", None)
        case.call_and_validate(checks=[*CHECKS, _is_refused], headers=owner)

    ask()


def _is_refused(context, response, case):
    """What the document does not allow is refused; too large, too often and without a version it is so at once."""
    if response.status_code not in {412, 413, 429}:
        return negative_data_rejection(context, response, case)
    return None
