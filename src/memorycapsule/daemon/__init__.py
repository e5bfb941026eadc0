"""The daemon: the process that runs all the time, its heartbeat, its log and its pages."""
