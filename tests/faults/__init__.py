"""
Every point: the real commands, killed before and after each commit, fsync, rename, unlink and write to a mail server.

A command runs in a forked child, one point for each run; then it is run again until it is done, and everything is
checked. The disk fails in the same way, and under strace where that may run. `make faults` does all of it; CI every
twentieth point.
"""
