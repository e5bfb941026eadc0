"""Use cases: one function each, one transaction where it writes; `reading` is the gate of every read."""
