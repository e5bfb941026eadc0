"""Notifications on their way to Slack, ntfy and webhooks."""
