"""What several machines that share one database must agree on."""
