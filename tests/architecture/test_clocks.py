"""No test asserts how long something takes: that says more about the machine than about the program."""

import ast
from pathlib import Path

from support.syntax_trees import tree_of

TESTS = Path(__file__).parent.parent
#: Functions of `time` that tell how long something takes.
STOPWATCHES = {
    "monotonic",
    "monotonic_ns",
    "perf_counter",
    "perf_counter_ns",
    "process_time",
    "process_time_ns",
    "time",
}
#: Where it is no claim: the program's own clock is compared with the system's, and whoever waits gives up at some time.
CLOCKS = {"unit/test_clock.py", "support/servers.py"}


def reads_stopwatch(node: ast.AST, known: set[str]) -> bool:
    """Whether an expression calls a stopwatch, or uses a name that stands for what one has said."""
    return any(
        (isinstance(one, ast.Name) and one.id in known)
        or (isinstance(one, ast.Attribute) and one.attr == "elapsed")
        or (
            isinstance(one, ast.Call)
            and isinstance(one.func, ast.Attribute)
            and one.func.attr in STOPWATCHES
            and isinstance(one.func.value, ast.Name)
            and one.func.value.id in {"time", "stopwatch"}
        )
        for one in ast.walk(node)
    )


def asserted_times(function: ast.AST) -> list[int]:
    """The lines of assertions that depend on a stopwatch."""
    known: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and reads_stopwatch(node.value, known):
            known |= {
                name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)
            }
    return [
        node.lineno
        for node in ast.walk(function)
        if isinstance(node, ast.Assert) and reads_stopwatch(node.test, known)
    ]


def test_no_test_asserts_how_long_something_takes():
    found = [
        f"{path.relative_to(TESTS)}:{line}"
        for path in sorted(TESTS.rglob("*.py"))
        if str(path.relative_to(TESTS)) not in CLOCKS
        for function in ast.walk(tree_of(path))
        if isinstance(function, ast.FunctionDef)
        for line in asserted_times(function)
    ]

    assert found == []
