"""Several machines on one database, killed, stopped and cut off while capsules open: make cluster."""
