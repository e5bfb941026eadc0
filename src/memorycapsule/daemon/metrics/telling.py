"""What a process tells, put together once its instance is open."""

from __future__ import annotations

import functools
from collections.abc import Callable

from memorycapsule.app import App
from memorycapsule.daemon.metrics.answers import MetricsAnswers
from memorycapsule.daemon.metrics.instance import InstanceCollector
from memorycapsule.daemon.metrics.process import ProcessMetrics
from memorycapsule.work import measuring


def telling_of(app: App, metrics: ProcessMetrics, *, heartbeat_age: Callable[[], float]) -> MetricsAnswers:
    """Return what tells how this process and its instance are; `heartbeat_age` is that of its pulse, in seconds."""
    settings = app.settings
    app.store.time_statements(metrics.count_statement)
    metrics.watch_heartbeat(heartbeat_age, limit_seconds=settings.daemon.stuck_after_seconds)
    metrics.watch_disk(settings.data_dir)
    metrics.registry.register(InstanceCollector(functools.partial(measuring.measure, app), app.now))
    token = settings.metrics.token
    return MetricsAnswers(metrics.registry, token.get_secret_value() if token else None)
