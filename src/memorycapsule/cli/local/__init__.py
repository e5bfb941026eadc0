"""The instance on this machine, by its services."""
