"""Roads: what happened and what is wrong becomes rows, and the rows leave by Slack, ntfy or a webhook."""
