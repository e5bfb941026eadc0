"""What several machines that share one Postgres tell each other by it."""
