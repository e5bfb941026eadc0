"""What `deploy/monitoring` holds, what its expressions ask for, and the programs of Debian that read it."""

import contextlib
import json
import re
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from support.servers import is_missing, wait_until

MONITORING = Path(__file__).parents[2] / "deploy" / "monitoring"
DASHBOARDS = sorted(MONITORING.glob("grafana/*.json"))


def read(name: str) -> dict:
    """A file of YAML."""
    import yaml

    return yaml.safe_load((MONITORING / name).read_text())


def rules() -> list[dict]:
    groups = read("rules.yml")["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> Iterator[str]:
    """Every expression of PromQL in the rules and on the dashboards."""
    for rule in rules():
        yield rule["expr"]
        for text in rule.get("annotations", {}).values():
            yield from re.findall(r'query "([^"]+)"', text)
    for file in DASHBOARDS:
        for panel in json.loads(file.read_text())["panels"]:
            yield from (target["expr"] for target in panel["targets"])


def metrics_in(expression: str) -> set[str]:
    """The metrics that an expression asks for."""
    import promql_parser

    found, waiting = set(), [promql_parser.parse(expression)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, promql_parser.VectorSelector):
            found.add(node.name)
            continue
        parts = [getattr(node, name, None) for name in ("expr", "lhs", "rhs", "vector_selector", "param")]
        waiting += [
            part for part in (*parts, *getattr(node, "args", ())) if isinstance(part, promql_parser.Expr)
        ]
    return found


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read().decode()


def answers(url: str) -> bool:
    try:
        return bool(get(url))
    except (urllib.error.URLError, ConnectionError):
        return False


@contextlib.contextmanager
def running(folder: Path, program: str, *words: str, ready: str) -> Iterator[None]:
    """
    A program of Debian's until the end of the block, once `ready` answers; it says what it says to a log in `folder`.

    It is started where services are, so that it finds nothing by chance.
    """
    found = shutil.which(program) or is_missing(f"No {program} here: install Debian's prometheus packages.")
    with (folder / f"{program}.log").open("wb") as log:
        child = subprocess.Popen([found, *words], cwd="/", stdout=log, stderr=log)
        try:
            wait_until(lambda: answers(ready), 60, f"{program} answers")
            yield
        except BaseException as error:
            error.add_note(f"{program} said:\n{(folder / f'{program}.log').read_text()[-4000:]}")
            raise
        finally:
            child.send_signal(signal.SIGTERM)
            child.wait(30)
