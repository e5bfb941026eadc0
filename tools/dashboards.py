"""
Writes `deploy/monitoring/grafana`: the dashboards of Grafana, one JSON file each.

    .venv/bin/python tools/dashboards.py

`tests/integration/test_monitoring.py` fails when it is not up to date.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.common import (
    BigValueGraphMode,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
)

FOLDER = Path(__file__).parents[1] / "deploy" / "monitoring" / "grafana"
#: Whoever imports a dashboard by hand chooses the source of it.
_SOURCE = model.DataSourceRef(type_val="prometheus", uid="${source}")
Panel = stat.Panel | timeseries.Panel


def figure(
    title: str, expression: str, *, unit: str = "short", warns: float | None = None, none: str = "–"
) -> Panel:
    """Return a panel of one figure, red from `warns` on; `none` stands there while there is none."""
    panel = stat.Panel().title(title).datasource(_SOURCE).unit(unit).no_value(none).span(4).height(4)
    steps = [model.Threshold(value=None, color="green")]
    if warns is not None:
        steps.append(model.Threshold(value=warns, color="red"))
    panel.thresholds(dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps))
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"])).graph_mode(BigValueGraphMode.AREA)
    return panel.with_target(_query(0, expression, ""))


def graph(title: str, lines: Mapping[str, str], *, unit: str = "short", is_stacked: bool = False) -> Panel:
    """Return a panel of lines over time: what each series is called, and its expression."""
    panel = timeseries.Panel().title(title).datasource(_SOURCE).unit(unit).min(0).span(12).height(8)
    legend = common.VizLegendOptions().show_legend(True).display_mode(LegendDisplayMode.LIST)
    panel.legend(legend.placement(LegendPlacement.BOTTOM))
    panel.fill_opacity(10)
    if is_stacked:
        panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    for number, (name, expression) in enumerate(lines.items()):
        panel.with_target(_query(number, expression, name))
    return panel


def _query(number: int, expression: str, legend: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().ref_id(chr(ord("A") + number)).expr(expression).legend_format(legend)


def _dashboard(uid: str, title: str, says: str, *, since: str, panels: Iterable[Panel]) -> model.Dashboard:
    made = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(says)
        .tags(["memorycapsule"])
        .refresh("30s")
        .time(since, "now")
        .timezone("browser")
        .readonly()
        .with_variable(dashboard.DatasourceVariable("source").label("Source").type("prometheus"))
    )
    for panel in panels:
        made.with_panel(panel)
    return made.build()


def home() -> model.Dashboard:
    """Return the dashboard of a home server: whether all is well, what comes next, and how much room there is."""
    return _dashboard(
        "capsule-home",
        "MemoryCapsule: home",
        "Whether all is well, what opens next, and how much room there is.",
        since="now-7d",
        panels=[
            figure("Wrong at this moment", "sum(max by (kind) (capsule_notices))", warns=1),
            figure("Last beat", "max(capsule_heartbeat_age_seconds)", unit="s", warns=60),
            figure("Next opening in", "min(capsule_next_opening_seconds)", unit="s", none="none"),
            figure("Due and not opened", "max(capsule_due)", warns=1),
            figure(
                "Newest backup", "max(capsule_backup_age_seconds)", unit="s", warns=30 * 86400, none="none"
            ),
            figure("Damaged files", "sum(max by (damage) (capsule_blobs_damaged))", warns=1),
            figure("Sealed capsules", 'max(capsule_capsules{state="sealed"})'),
            figure("Open capsules", 'max(capsule_capsules{state="open"})'),
            figure("Letters that wait", 'max(capsule_outbox_letters{state="queued"})'),
            figure("Oldest of them", "max(capsule_outbox_oldest_seconds)", unit="s", warns=6 * 3600),
            figure("Films that wait", 'max(capsule_films{state="queued"})'),
            figure("Free space", "min(capsule_disk_free_bytes)", unit="bytes"),
            graph("What is wrong", {"{{kind}}": "max by (kind) (capsule_notices) > 0"}, is_stacked=True),
            graph(
                "Stored files",
                {"files": "max(capsule_blob_bytes)", "trash": "max(capsule_trash_bytes)"},
                unit="bytes",
                is_stacked=True,
            ),
            graph("Letters", {"{{state}}": "max by (state) (capsule_outbox_letters)"}),
            graph("Films", {"{{state}}": "max by (state) (capsule_films)"}),
        ],
    )


def school() -> model.Dashboard:
    """Return the dashboard of an instance with many people: requests, statements, uploads, films, nodes."""
    return _dashboard(
        "capsule-school",
        "MemoryCapsule: school",
        "How an instance that many use keeps up: requests, statements, files that come in, films, nodes.",
        since="now-6h",
        panels=[
            figure("Requests a second", "sum(capsule:requests:rate5m)", unit="reqps"),
            figure("Requests that fail", "capsule:request_errors:ratio5m", unit="percentunit", warns=0.05),
            figure("95% answered within", "capsule:request_seconds:p95_5m", unit="s", warns=1),
            figure("Requests in hand", "sum(capsule_http_requests_in_progress)"),
            figure("Nodes", "max(capsule_nodes)"),
            figure("Film seconds a second", "capsule:film_speed:ratio1d"),
            graph(
                "Requests by route", {"{{route}}": "sum by (route) (capsule:requests:rate5m)"}, unit="reqps"
            ),
            graph(
                "Requests by status",
                {"{{status}}": "sum by (status) (capsule:requests:rate5m)"},
                unit="reqps",
            ),
            graph(
                "How long answers take",
                {
                    "95%": "capsule:request_seconds:p95_5m",
                    "half": "histogram_quantile(0.5, "
                    "sum by (le) (rate(capsule_http_request_duration_seconds_bucket[5m])))",
                },
                unit="s",
            ),
            graph(
                "95% of the statements within",
                {"{{operation}}": "capsule:statement_seconds:p95_5m"},
                unit="s",
            ),
            graph(
                "Files that come in, an hour",
                {"{{result}} {{reason}}": "sum by (result, reason) (increase(capsule_uploads_total[1h]))"},
                is_stacked=True,
            ),
            graph(
                "Films made, an hour",
                {"{{state}}": "sum by (state) (increase(capsule_films_finished_total[1h]))"},
                is_stacked=True,
            ),
            graph("Segments reused", {"of all": "capsule:segments_reused:ratio1d"}, unit="percentunit"),
            graph(
                "What waits, and for how long",
                {
                    "letters": "max(capsule_outbox_oldest_seconds)",
                    "films": "max(capsule_films_oldest_seconds)",
                },
                unit="s",
            ),
            graph("Processors of each program", {"{{instance}}": _of_programs("process_cpu_seconds_total")}),
            graph(
                "Memory of each program",
                {"{{instance}}": 'process_resident_memory_bytes{job="capsule"}'},
                unit="bytes",
            ),
            graph(
                "nginx: requests a second",
                {"{{instance}}": "rate(nginx_http_requests_total[5m])"},
                unit="reqps",
            ),
            graph("nginx: connections", {"{{instance}}": "nginx_connections_active"}),
        ],
    )


def node() -> model.Dashboard:
    """Return the dashboard of the machines, by the node exporter."""
    on_disk = 'fstype!~"tmpfs|ramfs|overlay|squashfs|iso9660"'
    return _dashboard(
        "capsule-node",
        "MemoryCapsule: machines",
        "Processors, memory, disks and network of the machines, by the node exporter.",
        since="now-24h",
        panels=[
            graph("Processors", {"{{instance}}": "node:cpu_busy:ratio5m"}, unit="percentunit"),
            graph("Load of five minutes", {"{{instance}}": "node_load5"}),
            graph("Memory", {"{{instance}}": "node:memory_used:ratio"}, unit="percentunit"),
            graph(
                "Free space",
                {"{{instance}} {{mountpoint}}": f"node_filesystem_avail_bytes{{{on_disk}}}"},
                unit="bytes",
            ),
            graph(
                "Disk",
                {
                    "{{instance}} read": "sum by (instance) (rate(node_disk_read_bytes_total[5m]))",
                    "{{instance}} written": "sum by (instance) (rate(node_disk_written_bytes_total[5m]))",
                },
                unit="Bps",
            ),
            graph(
                "Network",
                {
                    "{{instance}} in": _network("receive"),
                    "{{instance}} out": _network("transmit"),
                },
                unit="Bps",
            ),
        ],
    )


def containers() -> model.Dashboard:
    """Return the dashboard of the containers, by cAdvisor."""
    return _dashboard(
        "capsule-containers",
        "MemoryCapsule: containers",
        "Processors, memory, disk and network of the containers, by cAdvisor.",
        since="now-24h",
        panels=[
            graph("Processors", {"{{name}}": _of_containers("container_cpu_usage_seconds_total")}),
            graph("Memory", {"{{name}}": 'container_memory_working_set_bytes{name!=""}'}, unit="bytes"),
            graph("Written", {"{{name}}": _of_containers("container_fs_writes_bytes_total")}, unit="Bps"),
            graph(
                "Network",
                {
                    "{{name}} in": _of_containers("container_network_receive_bytes_total"),
                    "{{name}} out": _of_containers("container_network_transmit_bytes_total"),
                },
                unit="Bps",
            ),
        ],
    )


def _of_programs(metric: str) -> str:
    return f'rate({metric}{{job="capsule"}}[5m])'


def _of_containers(metric: str) -> str:
    return f'sum by (name) (rate({metric}{{name!=""}}[5m]))'


def _network(way: str) -> str:
    return f'sum by (instance) (rate(node_network_{way}_bytes_total{{device!="lo"}}[5m]))'


def files() -> dict[str, str]:
    """Return the dashboards by the names of their files, as Grafana reads them."""
    return {
        f"{made.__name__}.json": json.dumps(made(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"
        for made in (home, school, node, containers)
    }


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
