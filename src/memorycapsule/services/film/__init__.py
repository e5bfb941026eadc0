"""Use cases of films: preparing one, queueing it, keeping its segments."""
