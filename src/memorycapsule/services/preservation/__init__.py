"""Preservation: whether everything is still there as it came, and what is done where it is not."""
