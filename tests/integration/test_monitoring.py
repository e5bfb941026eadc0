"""What `deploy/monitoring` holds for Prometheus, Alertmanager and Grafana: right by their own programs, and by our reference."""

import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from support.monitoring import DASHBOARDS, MONITORING, expressions, get, metrics_in, read, rules, running
from support.scrapes import Scrape, documented
from support.servers import free_port, is_missing

# What reads YAML and PromQL is installed with the slow tests only.
pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[2]
#: Whose metrics begin so; ours and those of the process are held to the reference.
EXPORTERS = ("node_", "container_", "nginx_")


def generator():
    """tools/dashboards.py, which is no module of the program."""
    spec = importlib.util.spec_from_file_location("dashboards", PROJECT / "tools" / "dashboards.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(program: str, *words: str) -> str:
    found = shutil.which(program) or is_missing(f"No {program} here: install Debian's prometheus packages.")
    done = subprocess.run(
        [found, *words], cwd=MONITORING, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_metrics_of_rules_and_dashboards_are_those_of_the_reference():
    ours = {told.name for told in documented()}
    histograms = {told.name for told in documented() if told.kind == "histogram"}
    ours |= {f"{name}_{part}" for name in histograms for part in ("bucket", "count", "sum")}
    text = (PROJECT / "docs/en/metrics.md").read_text()
    ours |= set(re.findall(r"`((?:process|python)_\w+)`", text)) | {"up"}
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    asked = set().union(*(metrics_in(one) for one in expressions()))

    assert {name for name in asked - ours - recorded if not name.startswith(EXPORTERS)} == set()
    assert len(asked & ours) > 25


def test_the_metrics_of_machines_are_those_that_the_node_exporter_tells(tmp_path):
    address = f"127.0.0.1:{free_port()}"
    url = f"http://{address}/metrics"
    with running(tmp_path, "prometheus-node-exporter", f"--web.listen-address={address}", ready=url):
        told = Scrape(get(url)).names
    asked = {name for one in expressions() for name in metrics_in(one) if name.startswith("node_")}

    assert asked - told == set()


def test_the_metrics_of_nginx_are_those_that_its_exporter_tells_of_the_server_that_the_cluster_runs(tmp_path):
    (status,) = re.findall(
        r"^server \{\n    listen 8081;.*?^\}",
        (PROJECT / "deploy/containers/nginx.conf").read_text(),
        re.MULTILINE | re.DOTALL,
    )
    compose = (PROJECT / "deploy/containers/cluster.yml").read_text()
    path = re.search(r"--nginx.scrape-uri=http://nginx:8081(/\w+)", compose)[1]
    nginx, exporter = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; pid {tmp_path}/pid; events {{}} http {{\n{status.replace('8081', nginx)}\n}}\n"
    )
    with (
        running(
            tmp_path,
            "nginx",
            "-p",
            str(tmp_path),
            "-c",
            str(tmp_path / "nginx.conf"),
            ready=f"http://{nginx}{path}",
        ),
        running(
            tmp_path,
            "prometheus-nginx-exporter",
            f"--nginx.scrape-uri=http://{nginx}{path}",
            f"--web.listen-address={exporter}",
            ready=f"http://{exporter}/metrics",
        ),
    ):
        told = Scrape(get(f"http://{exporter}/metrics"))
    asked = {name for one in expressions() for name in metrics_in(one) if name.startswith("nginx_")}

    assert asked
    assert asked - told.names == set()
    assert told["nginx_up"] == 1


def test_each_alert_says_what_to_do_in_the_guide():
    text = (PROJECT / "docs/en/school.md").read_text()
    told = set(re.findall(r"^#### (\w+)$", text, re.MULTILINE))
    helps = {rule["alert"]: rule["annotations"]["help"] for rule in rules() if "alert" in rule}

    anchors = {f"docs/en/school.md#{name.lower()}" for name in told}
    assert {alert: help_ for alert, help_ in helps.items() if help_ not in anchors} == {}
    assert anchors == set(helps.values())


def test_every_alert_is_played_by_the_tests_of_the_rules():
    tests = read("rules.test.yml")["tests"]
    played: dict[str, set[bool]] = {}
    for test in tests:
        for case in test.get("alert_rule_test", ()):
            played.setdefault(case["alertname"], set()).add(bool(case["exp_alerts"]))

    assert {rule["alert"]: {True, False} for rule in rules() if "alert" in rule} == played


def test_the_dashboards_are_those_that_the_tool_writes():
    assert {file.name: file.read_text() for file in DASHBOARDS} == generator().files()


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_a_dashboard_loads_back_through_the_types_of_grafana_without_loss(file):
    from grafana_foundation_sdk.cog import plugins
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models.dashboard import Dashboard

    plugins.register_default_plugins()
    held = json.loads(file.read_text())

    assert json.loads(json.dumps(Dashboard.from_json(held), cls=JSONEncoder)) == held


def test_prometheus_takes_the_configuration_and_the_rules_and_plays_each_alert():
    run("promtool", "check", "config", "prometheus.yml")
    run("promtool", "check", "rules", "rules.yml")
    run("promtool", "test", "rules", "rules.test.yml")


def test_alertmanager_takes_its_configuration_and_its_templates():
    assert "1 templates" in run("amtool", "check-config", "alertmanager.yml")
