"""The album of an open capsule: its stories as they are read, and how they are arranged."""
