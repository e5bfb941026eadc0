"""The listener of the metrics: a server of its own, in a thread of its own, that answers nothing else."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from memorycapsule.config import Settings
from memorycapsule.daemon.metrics.answers import MetricsAnswers
from memorycapsule.daemon.server import BoundServer, bound_socket

#: How long a scrape may still take when the process ends.
_GRACE_SECONDS = 1


@contextlib.contextmanager
def listening(settings: Settings, telling: MetricsAnswers) -> Iterator[str | None]:
    """
    Tell the metrics on a port of their own meanwhile, and provide their address on this machine.

    None where the settings name no port. Raises ConfigurationProblem when the port cannot be used.
    """
    port = settings.metrics.port
    if port is None:
        yield None
        return
    with contextlib.closing(bound_socket(settings.metrics.host, port, section="metrics")) as listener:
        server = BoundServer(telling, timeout_graceful_shutdown=_GRACE_SECONDS)
        thread = threading.Thread(
            target=server.run_on, args=(listener, lambda: None), name="metrics", daemon=True
        )
        thread.start()
        try:
            yield settings.metrics_url(int(listener.getsockname()[1]))
        finally:
            server.end()
            # A database that hangs in a scrape keeps nobody waiting: the thread ends with the process.
            thread.join(2 * _GRACE_SECONDS)
