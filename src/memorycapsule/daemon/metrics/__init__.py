"""Metrics: what Prometheus is told of the instance and of this process; docs/en/metrics.md lists all of them."""
